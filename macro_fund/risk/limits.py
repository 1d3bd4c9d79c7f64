"""Use of the fund's limits by the target book.

Belongs here: which measure each limit has, its use and its state. Does not belong here: the measures
(limit_measures.py), the limits' numbers (config/limits.yaml), or sizing that stays inside them (portfolio).

Measures, as fractions of the mandate's capital (settings.fund.nav_brl):
* var_95, var_99: the worst of historical, filtered, parametric and monte_carlo; the challengers do not count.
* worst_stress: the largest loss of any scenario or replay (0 when all gain); stressed correlations do not count.
* br_dv01, us_dv01: |sum of DV01| in BRL a bp, a parallel shift of the curve; tenors are summed as they are.
* fx_net, equity_net, cds_net: |sum of delta| of the class. A class that the book cannot hold uses 0 and says so.
* strategy_var_share: the largest part that one strategy has of the 95% VaR, worst counted method, over the VaR that the
  fund may have (of the var_95 limit, not of the book's VaR: a book of one strategy is small, not wrong).
* gross_leverage: sum of |exposure|, DI1 at its PU without contracts below one year, others at |delta|.
* margin: sum of the margin proxies.
A limit whose measure leaves something out is at least `warn` and says what it leaves out; without any measure it is
`no_view`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from macro_fund.instruments.contracts import maturities
from macro_fund.portfolio.history import session_array
from macro_fund.risk import limit_measures as measure
from macro_fund.risk.limit_measures import Measure
from macro_fund.settings import Instrument, Settings
from macro_fund.store.tables import TABLES

TABLE = TABLES["risk/limits"]
NET = {
    "br_dv01": ("rates", "dv01_brl", "Brazilian rates"),
    "us_dv01": ("rates", "dv01_brl", "US rates"),
    "fx_net": ("fx", "delta_brl", "currencies"),
    "cds_net": ("credit", "delta_brl", "CDS"),
    "equity_net": ("equity", "delta_brl", "equities"),
}

Rows = Mapping[date, Sequence[Mapping[str, Any]]]


def limit_use(
    targets: pl.DataFrame,
    var: pl.DataFrame,
    stress: pl.DataFrame,
    liquidity: pl.DataFrame,
    settings: Settings,
    sessions: Sequence[date],
) -> pl.DataFrame:
    """risk/limits: one row for each session and limit, from the targets and their var, stress and liquidity tables."""
    session_array(sessions)
    nav = float(settings.fund.nav_brl)
    here = pl.col("session").is_in(list(sessions))
    targets, var, stress, liquidity = (frame.filter(here) for frame in (targets, var, stress, liquidity))
    book, totals, parts = _grouped(with_terms(targets)), _grouped(_totals(var)), _grouped(_parts(var))
    cases, margins = _grouped(_cases(stress)), _grouped(liquidity.select("session", "instrument", "margin_brl"))
    caps = settings.limits.model_dump(exclude={"warn_at", "breakers"})
    rows = []
    for session in sessions:
        mine = Book(*(rows_of.get(session, ()) for rows_of in (book, totals, parts, cases, margins)))
        found = measures(mine, settings, nav)
        rows += [_row(session, name, cap, found[name], settings.limits.warn_at) for name, cap in caps.items()]
    return pl.DataFrame(rows, schema=TABLE.schema, orient="row").sort(TABLE.sort)


@dataclass(frozen=True)
class Book:
    """What the limits of one book are measured on: rows of its positions (`with_terms`), VaR totals, strategies' parts
    of the 95% VaR, stress cases and margins, as the functions of limit_measures take them."""

    held: Sequence[Mapping[str, Any]]
    totals: Sequence[Mapping[str, Any]]
    parts: Sequence[Mapping[str, Any]]
    cases: Sequence[Mapping[str, Any]]
    margins: Sequence[Mapping[str, Any]]


def measures(book: Book, settings: Settings, nav: float) -> dict[str, Measure | None]:
    """Measure of each limit, a fraction of `nav`; `settings` knows the instruments that the rows name."""
    at_95 = [r for r in book.totals if r["level"] == 0.95]
    found: dict[str, Measure | None] = {
        "var_95": measure.var_total(at_95, nav),
        "var_99": measure.var_total([r for r in book.totals if r["level"] == 0.99], nav),
        "strategy_var_share": measure.strategy_share(at_95, book.parts, settings.limits.var_95 * nav),
        "worst_stress": measure.worst_stress(book.cases, nav),
        "gross_leverage": measure.gross_leverage(book.held, settings, nav),
        "margin": measure.margin(book.margins, nav),
    }
    for name, (_, column, what) in NET.items():
        found[name] = measure.net(book.held, in_class(settings, name), column, nav, what)
    return found


def in_class(settings: Settings, limit: str) -> list[Instrument]:
    """Instruments of the book whose exposure the limit sums."""
    asset_class = NET[limit][0]
    found = [i for i in settings.book if i.asset_class == asset_class]
    if limit == "us_dv01":
        return [i for i in found if i.asset == "us_rates"]
    return [i for i in found if i.asset != "us_rates"]


def _grouped(frame: pl.DataFrame) -> Rows:
    groups: dict[date, list[Mapping[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        groups.setdefault(row["session"], []).append(row)
    return groups


def with_terms(targets: pl.DataFrame) -> pl.DataFrame:
    """Targets with `short`: the contract matures within a year of the session."""
    columns = ("session", "instrument", "contract", "target_contracts", "price", "dv01_brl", "delta_brl")
    rows = targets.select(columns)
    named = rows.filter(pl.col("contract").is_not_null()).select("session", "contract").unique(maintain_order=True)
    ends = named.with_columns(maturities(named["contract"], named["session"]).alias("_end"))
    short = pl.col("_end") <= pl.col("session").dt.offset_by("1y")
    joined = rows.join(ends, on=["session", "contract"], how="left", maintain_order="left")
    return joined.with_columns(short.fill_null(False).alias("short")).drop("_end")


def _totals(var: pl.DataFrame) -> pl.DataFrame:
    rows = var.filter(pl.col("scope") == "total")
    return rows.select("session", "method", "level", "var_brl", "status", "reason").sort("session", "level", "method")


def _parts(var: pl.DataFrame) -> pl.DataFrame:
    rows = var.filter(pl.col("scope") == "strategy", pl.col("level") == 0.95)
    return rows.select("session", "method", "item", "var_brl").sort("session", "method", "item")


def _cases(stress: pl.DataFrame) -> pl.DataFrame:
    """P&L of each scenario and replay over the instruments that have a number, and those that have none."""
    rows = stress.filter(pl.col("kind").is_in(["scenario", "replay"])).sort("session", "kind", "scenario", "instrument")
    known = pl.col("pnl_brl").is_not_null()
    return rows.group_by("session", "kind", "scenario", maintain_order=True).agg(
        pl.col("pnl_brl").sum(), known.sum().alias("n"), pl.col("instrument").filter(~known).alias("blind")
    )


def _row(session: date, name: str, cap: float, found: Measure | None, warn_at: float) -> tuple[Any, ...]:
    if found is None or found.value is None:
        reason = (found.reason if found else "") or "no measure of this limit for the session"
        return session, name, None, float(cap), None, "no_view", reason
    value, says = found.value, [found.reason] if found.reason else []
    if value > cap:
        status, words = "breach", ["above the limit", *says]
    elif value >= warn_at * cap and value > 0:
        status, words = "warn", [f"above {warn_at:.0%} of the limit", *says]
    else:
        status, words = "warn" if found.partial else "ok", says or ["within the limit"]
    return session, name, value, float(cap), value / cap if cap > 0 else None, status, "; ".join(words)
