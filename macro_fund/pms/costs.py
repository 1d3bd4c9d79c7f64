"""Instruments of the books, and the cost of a trade in them.

Belongs here: finding an instrument's settings by its id. Does not belong here: the cost formula (portfolio/costs.py),
which targets are sized by as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from macro_fund.portfolio.costs import CENT, trade_cost
from macro_fund.settings import Instrument, Settings

__all__ = ["CENT", "instruments_by_id", "known_instrument", "trade_cost"]


def instruments_by_id(settings: Settings) -> Mapping[str, Instrument]:
    return {i.id: i for i in settings.instruments}


def known_instrument(instruments: Mapping[str, Instrument], instrument_id: str) -> Instrument:
    """The instrument's settings; ValueError when a position or target names one that the config no longer has."""
    if instrument_id not in instruments:
        raise ValueError(
            f"instrument {instrument_id} is not in config/instruments.yaml; put it back until its positions are closed"
        )
    return instruments[instrument_id]
