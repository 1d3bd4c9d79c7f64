"""Official settlements as the book reads them: which rows of silver/contract_marks a session knows.

Belongs here: selecting marks. Does not belong here: how a mark is computed (`instruments/marks.py`).

A settlement that comes late or is corrected is a new row of the same trade date in a later session, as is the one after
it, whose P&L it changes. So a (contract, trade date) may have several rows; the newest ones known always add up.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

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
