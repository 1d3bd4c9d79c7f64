"""What a trade costs: half the bid-ask spread and the exchange's fee, a contract and side.

Belongs here: the one cost formula, used to size a target, for the estimate in a proposal and for the fill. Does not
belong here: the spreads and fees themselves (config/instruments.yaml).
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from macro_fund.settings import Instrument

CENT = Decimal("0.01")


def unit_cost(instrument: Instrument, dv01_brl: float) -> float:
    """Cost in BRL of trading one contract: half-spread plus fee.

    A half-spread in bp of rate is worth `dv01_brl` (one contract, 1 bp) each; one in points the contract's point value.
    """
    unit = abs(dv01_brl) if instrument.spread_unit == "bp" else instrument.point_value_brl
    return instrument.half_spread * unit + instrument.fee_brl


def trade_cost(instrument: Instrument, quantity: int, dv01_brl: float) -> Decimal:
    """Cost in BRL (>= 0) of trading `quantity` contracts: `unit_cost` x |quantity|, to the cent, half-even."""
    unit = Decimal(repr(dv01_brl)) if instrument.spread_unit == "bp" else Decimal(repr(instrument.point_value_brl))
    each = Decimal(repr(instrument.half_spread)) * unit + Decimal(repr(instrument.fee_brl))
    return (each * abs(quantity)).quantize(CENT, ROUND_HALF_EVEN)
