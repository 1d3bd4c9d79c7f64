"""Official settlements as the book reads them: which rows of silver/contract_marks a session knows.

Belongs here: selecting marks. Does not belong here: how a mark is computed (`instruments/marks.py`).

A settlement that comes late or is corrected is a new row of the same trade date in a later session, as is the one after
it, whose P&L it changes. So a (contract, trade date) may have several rows; the newest ones known always add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import polars as pl


def known_marks(marks: pl.DataFrame, contracts: Iterable[str], upto: date) -> pl.DataFrame:
    """Every row of `contracts` known by session `upto`, sorted by contract, session and trade date."""
    names = pl.Series("contract", sorted(set(contracts)), dtype=pl.String)
    known = marks.filter(pl.col("contract").is_in(names.implode()), pl.col("session") <= upto)
    return known.sort("contract", "session", "trade_date", maintain_order=True)


def newest_by_session(known: pl.DataFrame) -> pl.DataFrame:
    """For each contract and session with news, the newest version of the newest trade date known by then."""
    newest = pl.col("trade_date") == pl.col("trade_date").cum_max().over("contract")
    return known.filter(newest).unique(["contract", "session"], keep="last", maintain_order=True)


def newest_versions(known: pl.DataFrame) -> pl.DataFrame:
    """The newest version of each settlement, in order of contract and trade date."""
    return known.unique(["contract", "trade_date"], keep="last", maintain_order=True).sort("contract", "trade_date")


def maturities(known: pl.DataFrame) -> dict[str, date]:
    """Maturity by contract, as the newest settlement that has one says."""
    return dict(known.select("contract", "maturity").drop_nulls().unique("contract", keep="last").iter_rows())


def level_of(mark: Mapping[str, Any]) -> float:
    """What the screen trades: the rate (decimal) of a DI1, the price of anything else."""
    return float(mark["settle_price"] if mark["settle_rate"] is None else mark["settle_rate"])
