"""How far a curve can be trusted, as one number for every family of curves.

Belongs here: the score. Does not belong here: whether a curve is arbitrage-free or reprices (checks.py).
"""

from __future__ import annotations

import polars as pl

USUAL_DAYS = 21


def usual_quotes(quotes: pl.DataFrame, item: str) -> pl.DataFrame:
    """(event_date, quoted, usual) of each quoted day: items in its first answer, and their median over 21 days before.

    quotes: rows (session, event_date, item, ...) of one family. A day that came after a later day counts for no other,
    so that what was usual on a morning never changes; the first day is its own usual.
    """
    earliest = pl.col("session") == pl.col("session").min().over("event_date")
    days = (
        quotes.filter(earliest)
        .group_by("event_date", maintain_order=True)
        .agg(pl.col(item).n_unique().alias("quoted"), pl.col("session").first().alias("first"))
        .sort("event_date")
    )
    in_order = days.filter((pl.col("first") <= pl.col("first").reverse().cum_min().reverse().shift(-1)).fill_null(True))
    median = pl.col("quoted").shift(1).rolling_median(USUAL_DAYS, min_samples=1)
    usual = in_order.select("event_date", usual=median.fill_null(pl.col("quoted").cast(pl.Float64)))
    known = days.join(usual, on="event_date", how="left", maintain_order="left")
    return known.select("event_date", "quoted", pl.col("usual").forward_fill())


def score(quoted: pl.Expr, usual: pl.Expr, age: pl.Expr, anchored: pl.Expr | None = None) -> pl.Expr:
    """Quality in [0, 1]: share of the usual quotes, halved for each session that the curve is older than it should be.

    age: sessions behind (0 for the curve of the day before); anchored: a curve whose short end is not quoted loses a
    tenth. The weights are judgement.
    """
    share = (quoted / usual).clip(0.0, 1.0)
    base = share * pl.lit(0.5).pow(age.clip(0, 30))
    return base if anchored is None else base * pl.when(anchored).then(1.0).otherwise(0.9)
