"""The pack's part on markets: levels known this morning and what moved since the morning before.

Belongs here: choosing series and curves. Does not belong here: computing them, or layout.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.reports import plots
from macro_fund.reports.blocks import Cell, Grid, Number, Picture, Section, Style, heads, say
from macro_fund.reports.figure import drawn
from macro_fund.reports.reading import Reader, at, before
from macro_fund.reports.words import tenor_name

# series, how its level is printed, how its change is
SERIES: tuple[tuple[str, Style, Style], ...] = (
    ("br_selic_target", "percent", "bp"),
    ("br_usdbrl_ptax_ask", "price", "move"),
    ("br_ibov", "number", "move"),
    ("br_ipca_12m", "percent", "bp"),
    ("br_focus_ipca_12m_smooth", "percent", "bp"),
    ("us_dff", "percent", "bp"),
    ("us_spx", "number", "move"),
    ("us_vix", "number", "score"),
    ("us_hy_oas", "percent", "bp"),
    ("fx_usdmxn", "price", "move"),
)
# asset, tenor column, rate column, unit of the tenor
_Curve = tuple[str, str, str, str]
CURVES: tuple[_Curve, ...] = (
    ("silver/di_curve", "tenor_bd", "rate", "bd"),
    ("silver/ust_curve", "tenor_years", "par_yield", "y"),
)


def markets(read: Reader, session: date) -> Section:
    """Levels known this morning, and the change since the morning before."""
    asset = "silver/as_known"
    panel = read(asset)
    now = {r["series_id"]: r for r in at(panel, session).iter_rows(named=True)}
    then = {r["series_id"]: r for r in before(panel, session).iter_rows(named=True)}
    rows: list[list[Cell]] = []
    for series, style, moved in SERIES:
        name = say(f"market.{series}")
        if (row := now.get(series)) is None:
            rows.append([name, say("status.no_view"), "", ""])
            continue
        change = _change(row["value"], then[series]["value"] if series in then else None, moved)
        dated: Cell = say("fact.stale", day=str(row["event_date"])) if row["stale"] else str(row["event_date"])
        level = Number(series, row["value"], style, asset)
        rows.append([name, level, Number(f"{series} change", change, moved, asset), dated])
    curves = [(c, read(c[0])) for c in CURVES]
    return Section(
        "markets",
        say("section.markets"),
        (),
        [Grid(heads("market", "level", "change", "of"), rows), *(_curve_grid(f, session, c) for c, f in curves)],
        [Picture(say(f"picture.{c[0].split('/')[1]}"), drawn(plots.curve_picture, f)) for c, f in curves],
    )


def _change(now: float, then: float | None, style: Style) -> float | None:
    """bp of a rate, the relative move of a price, points of an index of volatility; None without a morning before."""
    if then is None:
        return None
    if style == "move":
        return now / then - 1 if then else None
    return (now - then) * (1e4 if style == "bp" else 1.0)


def _curve_grid(curve: pl.DataFrame, session: date, shown: _Curve) -> Grid:
    asset, tenor, rate, unit = shown
    kind = asset.split("/")[1]
    old = dict(before(curve, session).select(tenor, rate).rows())
    rows: list[list[Cell]] = []
    for t, r, day in at(curve, session).sort(tenor).select(tenor, rate, "curve_date").rows():
        change = (r - old[t]) * 1e4 if t in old else None
        name = f"{kind} {t:g}{unit}"
        level, moved = Number(name, r, "percent", asset), Number(f"{name} change", change, "bp", asset)
        rows.append([tenor_name(t, unit), level, moved, str(day)])
    return Grid(heads(kind, "rate", "change", "of"), rows, say("empty.curve"))
