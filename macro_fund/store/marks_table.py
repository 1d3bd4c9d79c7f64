"""The table of the book's marks: the shape of pms/marks.

Belongs here: its columns, which are those of silver/contract_marks and the rung. Does not belong here: how a mark is
chosen (pms/marking.py), the other tables of the book (tables.py).
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from macro_fund.store.silver_tables import SILVER_TABLES
from macro_fund.store.table import Column, Table, session_column

_OFFICIAL = next(t for t in SILVER_TABLES if t.key == "silver/contract_marks")
_KEY = ("session", "contract")

MARKS_TABLE = Table(
    "pms/marks",
    {
        "session": session_column("partition that marks the book"),
        "contract": _OFFICIAL.columns["contract"],
        "close": Column(pl.Date, "last close, at which the contract was held"),
        "trade_date": Column(pl.Date, "day of the level; the close where there never was one"),
        "basis": Column(pl.String, "settlement | override | model | previous | none: the rung that marks the close"),
        "source": Column(pl.String, "settlement | override | model: what the level was on its own day"),
        **{
            name: replace(column, nullable=True)
            for name, column in _OFFICIAL.columns.items()
            if name not in (*_KEY, "trade_date")
        },
    },
    _KEY,
    owner="team:pms",
    description="The mark of each contract held, with its rung and what one contract made since the settlement before.",
)
