"""Pictures of a tearsheet: arrays of one backtest in, PNG bytes out.

Belongs here: drawing. Does not belong here: any statistic (backtest/), the page (tearsheet.py), the style (figure.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from macro_fund.backtest.market import Vector
from macro_fund.reports.figure import COLOURS, INK, LINES, dated, figure, legend, png

Days = npt.NDArray[np.datetime64]


def equity_picture(days: Days, worth: Mapping[str, Vector], excess: Mapping[str, Vector]) -> bytes:
    """Left: worth of 100 BRL in each account. Right: cumulated P&L over CDI, % of the capital."""
    fig, (left, right) = figure("worth of 100 BRL, P&L of a constant capital on CDI; P&L over CDI, % of the capital", 2)
    colours = {"net": COLOURS[0], "before costs": COLOURS[4], "CDI": COLOURS[5]}
    for ax, lines, scale in ((left, worth, 1.0), (right, excess, 100.0)):
        for name, values in reversed(list(lines.items())):
            ax.plot(days, values * scale, color=colours[name], linewidth=1, label=name)
        dated(ax)
        legend(ax)
    return png(fig)


def drawdown_picture(days: Days, depth: Vector) -> bytes:
    """Fall of the cumulated net P&L from its highest so far, % of the capital."""
    fig, (ax,) = figure("drawdown of net P&L, % of the capital")
    ax.fill_between(days, depth * 100.0, 0.0, color=COLOURS[1], alpha=0.35, linewidth=0)
    ax.plot(days, depth * 100.0, color=COLOURS[1], linewidth=0.8)
    dated(ax)
    return png(fig)


def rolling_picture(days: Days, ratio: Vector, whole: float | None) -> bytes:
    """Net Sharpe ratio of the last year, with that of the whole record; a gap where nothing moved."""
    fig, (ax,) = figure("net Sharpe ratio of the last 252 sessions")
    ax.axhline(0.0, color=INK, linewidth=0.6)
    ax.plot(days, ratio, color=COLOURS[0], linewidth=1, label="last year")
    if whole is not None:
        ax.axhline(whole, color=COLOURS[2], linewidth=0.9, linestyle="--", label=f"whole record {whole:.2f}")
    dated(ax)
    legend(ax)
    return png(fig)


def exposure_picture(days: Days, margin: Vector, held: Mapping[str, Vector]) -> bytes:
    """Left: initial margin, % of the capital. Right: contracts held, by instrument."""
    fig, (left, right) = figure("initial margin, % of the capital; contracts held, + = long the contract", 2)
    left.fill_between(days, margin * 100.0, 0.0, color=COLOURS[0], alpha=0.5, linewidth=0, step="post")
    most = sorted(held, key=lambda k: -float(np.abs(held[k]).sum()))[:LINES]
    for colour, name in zip(COLOURS, most, strict=False):
        right.step(days, held[name], where="post", color=colour, linewidth=0.8, label=name)
    for ax in (left, right):
        dated(ax)
    legend(right)
    return png(fig)
