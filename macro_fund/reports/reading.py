"""How the parts of the pack read tables.

Belongs here: the reader's type and the rows of a session. Does not belong here: any particular part (pack_*.py).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl

Reader = Callable[[str], pl.DataFrame]
"""All rows of a table, by its key, that the session knew."""


def at(frame: pl.DataFrame, session: date) -> pl.DataFrame:
    """The session's own rows."""
    return frame.filter(pl.col("session") == session)


def before(frame: pl.DataFrame, session: date) -> pl.DataFrame:
    """Rows of the newest session before `session` that the table has."""
    older = frame.filter(pl.col("session") < session)
    return older.filter(pl.col("session") == pl.col("session").max())


def brl(value: object) -> float:
    """Money out of a Decimal column; an empty sum is zero."""
    return float(str(value))
