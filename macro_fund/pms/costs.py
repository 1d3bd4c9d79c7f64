"""What a trade costs: half the bid-ask spread and the exchange's fee, a contract and side.

Belongs here: the one cost formula, used for the estimate in a proposal and for the fill. Does not belong here: the
spreads and fees themselves (config/instruments.yaml).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal

from macro_fund.settings import Instrument, Settings

CENT = Decimal("0.01")


def trade_cost(instrument: Instrument, quantity: int, dv01_brl: float) -> Decimal:
    """Cost in BRL (>= 0) of trading `quantity` contracts: (half-spread + fee) x |quantity|, to the cent, half-even.

    A half-spread in bp of rate is worth `dv01_brl` (one contract, 1 bp) each; one in points the contract's point value.
    """
    unit = Decimal(repr(dv01_brl)) if instrument.spread_unit == "bp" else Decimal(repr(instrument.point_value_brl))
    each = Decimal(repr(instrument.half_spread)) * unit + Decimal(repr(instrument.fee_brl))
    return (each * abs(quantity)).quantize(CENT, ROUND_HALF_EVEN)


def instruments_by_id(settings: Settings) -> Mapping[str, Instrument]:
    return {i.id: i for i in settings.instruments}


def known_instrument(instruments: Mapping[str, Instrument], instrument_id: str) -> Instrument:
    """The instrument's settings; ValueError when a position or target names one that the config no longer has."""
    if instrument_id not in instruments:
        raise ValueError(
            f"instrument {instrument_id} is not in config/instruments.yaml; put it back until its positions are closed"
        )
    return instruments[instrument_id]
