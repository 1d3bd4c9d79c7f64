"""Pictures of the sized book. Deterministic for the same table and locked dependencies.

Belongs here: the efficient set of allocations. Does not belong here: choosing or computing books (portfolio/), or the
style (figure.py).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from macro_fund.reports.figure import COLOURS, INK, empty, figure, legend, png

STEPS = 41


def efficient_picture(frame: pl.DataFrame) -> bytes:
    """Allocations: where each method's book lies, and what the volatility between them could be expected to earn.

    Newest session in which all methods were asked. Left: expected return a year against volatility when every
    instrument moved apart from the others (own volatilities alone; the table holds no correlations), the line of the
    best books of the same sides, and a point a method. Right: the weights in units of own volatility.
    """
    asked = frame.filter(pl.col("weight").is_not_null())
    many = asked.group_by("session", maintain_order=True).agg(pl.col("method").n_unique())
    if many.is_empty() or not (asked["weight"] != 0).any():
        return empty("allocations: no positions")
    most = many["method"].max()
    newest = many.filter(pl.col("method") == most)["session"].max()
    rows = asked.filter(pl.col("session") == newest).sort("method", "instrument")
    fig, (left, right) = figure(f"allocations of {newest!s}: expected return against risk, and weights", 2)
    methods = rows["method"].unique().sort().to_list()
    chosen = _chosen(asked)
    _frontier(left, rows.filter(pl.col("method") == methods[0]), rows)
    names = rows["instrument"].unique().sort().to_list()
    height = 0.8 / len(methods)
    for k, (method, colour) in enumerate(zip(methods, COLOURS, strict=False)):
        book = rows.filter(pl.col("method") == method)
        vol, gain = _point(book)
        mark, width, label = ("o", 7, f"{method} (chosen)") if method == chosen else ("s", 4, method)
        left.plot([vol], [gain], mark, color=colour, markersize=width, label=label)
        at = [names.index(n) + k * height - 0.4 for n in book["instrument"].to_list()]
        right.barh(at, (book["weight"] * book["volatility"] * 100).to_list(), height=height, color=colour)
    left.set_xlabel("volatility, % a year", fontsize=7, color=INK)
    left.set_ylabel("expected, % a year", fontsize=7, color=INK)
    right.set_yticks(range(len(names)), names)
    right.axvline(0, color=INK, linewidth=0.5)
    legend(left)
    return png(fig)


def _chosen(asked: pl.DataFrame) -> str:
    """The mandate's method is asked in every session; so is Black-Litterman, whichever is chosen."""
    counts = asked.group_by("method", maintain_order=True).agg(pl.col("session").n_unique()).sort("method")
    daily = counts.filter(pl.col("session") == pl.col("session").max())["method"].to_list()
    others = [m for m in daily if m != "black_litterman"]
    return others[0] if len(others) == 1 else "black_litterman"


def _point(book: pl.DataFrame) -> tuple[float, float]:
    """(volatility without correlations, expected return) of a book, percent a year."""
    alone = (book["weight"] * book["volatility"]).to_numpy()
    return float(100 * np.sqrt(alone @ alone)), float(100 * (book["weight"] * book["expected"]).sum())


def _frontier(ax: object, book: pl.DataFrame, rows: pl.DataFrame) -> None:
    """The efficient set: from nothing to the largest volatility shown, all at the best expected return per risk."""
    ratio = (book["expected"] / book["volatility"]).to_numpy()
    best = float(np.sqrt(ratio @ ratio))
    widest = max(_point(b)[0] for b in rows.partition_by("method", maintain_order=True))
    reach = np.linspace(0.0, widest * 1.1, STEPS)
    ax.plot(reach, reach * best, color=INK, linewidth=0.8, label="efficient set")  # type: ignore[attr-defined]
