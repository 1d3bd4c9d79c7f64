"""VaR against what the target book then made: exceptions, and tests over the book's own history.

Belongs here: which outcome meets which VaR, and cumulative counts. Does not belong here: the tests' formulas
(coverage.py) or VaR itself (var.py).

The book of a session's morning is held over that session, to its settlement: its P&L is contracts x settlement P&L of
+1 contract of each instrument on trade_date = session, without costs. The next session knows it. When a settlement of
something held is missing there, that session's row has no P&L, and a row with it follows in the session that knows the
last one. An outcome counts from then on, in the order in which outcomes became known; days on which nothing was held do
not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.risk.coverage import christoffersen_p, kupiec_p
from macro_fund.store.tables import TABLES

TABLE = TABLES["risk/var_record"]
MIN_OUTCOMES = 60
"""Outcomes below which the tests have no number."""


def outcomes(targets: pl.DataFrame, instrument_returns: pl.DataFrame, history: Sequence[date]) -> pl.DataFrame:
    """What each session's target book made, when it was known: session, trade_date, pnl_brl, held.

    One row for each session of `targets` that another of `history` follows, in that next session (pnl_brl null while a
    settlement of something held is missing); and one in the session that completes it. The first P&L known of an
    instrument's day counts. An empty book makes 0.
    """
    after = pl.DataFrame(
        {"trade_date": list(history)[:-1], "next": list(history)[1:]}, schema={"trade_date": pl.Date, "next": pl.Date}
    )
    paid = (
        instrument_returns.filter(pl.col("pnl_brl").is_not_null())
        .select("trade_date", "instrument", "pnl_brl", since="session")
        .sort("trade_date", "instrument", "since")
        .unique(["trade_date", "instrument"], keep="first", maintain_order=True)
    )
    book = targets.select("instrument", contracts=pl.col("target_contracts").fill_null(0), trade_date="session").sort(
        "trade_date", "instrument"
    )
    held = pl.col("contracts") != 0
    made = (
        book.join(paid, on=["trade_date", "instrument"], how="left", maintain_order="left")
        .group_by("trade_date", maintain_order=True)
        .agg(
            (pl.col("contracts") * pl.col("pnl_brl")).filter(held).sum().alias("pnl_brl"),
            (held & pl.col("pnl_brl").is_null()).any().alias("open"),
            pl.col("since").filter(held).max().alias("since"),
            held.any().alias("held"),
        )
        .join(after, on="trade_date", how="inner", maintain_order="left")
    )
    known = pl.max_horizontal("since", "next").fill_null(pl.col("next"))
    last = history[-1] if history else date.min
    late = pl.col("open") | (known > pl.col("next"))
    first = made.select(
        pl.col("next").alias("session"), "trade_date", pl.when(~late).then("pnl_brl").alias("pnl_brl"), "held"
    )
    then = made.filter(late & ~pl.col("open")).select(known.alias("session"), "trade_date", "pnl_brl", "held")
    return pl.concat([first, then]).filter(pl.col("session") <= last).sort("session", "trade_date")


def var_record(
    var: pl.DataFrame,
    targets: pl.DataFrame,
    instrument_returns: pl.DataFrame,
    history: Sequence[date],
    sessions: Sequence[date],
) -> pl.DataFrame:
    """risk/var_record of the sessions.

    var, targets, instrument_returns: all rows known by the last session. history: every session up to it, ascending.
    """
    known = pl.col("session") <= sessions[-1]
    totals = var.filter(known, pl.col("scope") == "total").select("method", "level", "var_brl", trade_date="session")
    days = [d for d in history if d <= sessions[-1]]
    made = outcomes(targets.filter(known), instrument_returns.filter(known), days)
    rows = totals.join(made, on="trade_date", how="inner").sort("method", "level", "session", "trade_date")
    rows = rows.with_columns(exceeded=-pl.col("pnl_brl") > pl.col("var_brl"))
    rows = rows.with_columns(counts=pl.col("held") & pl.col("exceeded").is_not_null())
    parts = [_counted(part) for part in rows.partition_by("method", "level", maintain_order=True)]
    if not parts:
        return TABLE.empty()
    inside = pl.col("session").is_between(sessions[0], sessions[-1])
    return pl.concat(parts).filter(inside).select(pl.col(n).cast(t) for n, t in TABLE.schema.items()).sort(TABLE.sort)


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    """Cumulative counts and tests of one method and level, rows in the order in which they became known."""
    counts, level = rows["counts"].to_numpy(), float(rows["level"][0])
    hit = rows["exceeded"].fill_null(False).to_numpy() & counts
    n, x = np.cumsum(counts), np.cumsum(hit)
    enough = n >= MIN_OUTCOMES
    kupiec, christoffersen = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    if enough.any():
        kupiec[enough] = kupiec_p(n[enough], x[enough], level)
        christoffersen[enough] = christoffersen_p(hit[counts], level)[n[enough] - 1]
    return rows.with_columns(
        n_days=pl.Series(n),
        exceptions=pl.Series(x),
        kupiec_p=pl.Series(kupiec).fill_nan(None),
        christoffersen_p=pl.Series(christoffersen).fill_nan(None),
    )


def recounted(record: pl.DataFrame) -> list[tuple[date, str]]:
    """(session, what is wrong) of a whole record from its first row on: counts again, row by row, from its own VaR and
    P&L; a P&L of exactly 0 with a VaR of 0 is a book that held nothing."""
    wrong: list[tuple[date, str]] = []
    seen: dict[tuple[str, float], tuple[int, int]] = {}
    columns = ["session", "trade_date", "method", "level", "var_brl", "pnl_brl", "exceeded", "n_days", "exceptions"]
    for s, day, method, level, var, pnl, exceeded, n_days, exceptions in (
        record.sort("session", "trade_date").select(columns).iter_rows()
    ):
        n, x = seen.get((method, level), (0, 0))
        there = var is not None and pnl is not None
        above = pnl + var < 0 if there else None
        held = there and not (var == 0 and pnl == 0)
        n, x = n + int(held), x + int(held and bool(above))
        seen[method, level] = n, x
        if (above, n, x) != (exceeded, n_days, exceptions):
            told = f"exceeded {exceeded}, {exceptions} of {n_days}"
            wrong.append((s, f"{method} {level:.0%} of {day}: {told}; its rows say {above}, {x} of {n}"))
    return wrong
