"""The morning pack: which numbers a portfolio manager reads before the open, in which order.

Belongs here: choosing rows of tables and putting them into sections. Does not belong here: computing (the stages
above) or layout (render.py). Every number carries the asset that it comes from.
Order: breaks and limits, yesterday's P&L, performance, markets, expiries, what changed, risk, proposals, book, actions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from macro_fund.reports import plots
from macro_fund.reports.blocks import Cell, Grid, Number, Picture, Section, Style
from macro_fund.reports.pack_performance import performance_section
from macro_fund.reports.pack_proposals import effect_grids
from macro_fund.reports.pack_risk import breaker_grid, limit_grid, risk_section
from macro_fund.reports.pack_views import views_section

Reader = Callable[[str], pl.DataFrame]

MARKET_SERIES: tuple[tuple[str, str, Style], ...] = (
    ("br_selic_target", "Selic target", "percent"),
    ("br_usdbrl_ptax_ask", "USDBRL PTAX, ask", "price"),
    ("br_ibov", "Ibovespa", "number"),
    ("br_ipca_12m", "IPCA 12 months", "percent"),
    ("br_focus_ipca_12m_smooth", "Focus IPCA next 12 months, smoothed", "percent"),
    ("us_dff", "Fed funds, effective", "percent"),
    ("us_spx", "S&P 500", "number"),
    ("us_vix", "VIX", "number"),
    ("us_hy_oas", "US high yield spread", "percent"),
    ("fx_usdmxn", "USDMXN", "price"),
)
EXPIRY_DAYS = 14
# asset, tenor column, rate column, unit of the tenor
_Curve = tuple[str, str, str, str]
CURVES: tuple[_Curve, ...] = (
    ("silver/di_curve", "tenor_bd", "rate", "bd"),
    ("silver/ust_curve", "tenor_years", "par_yield", "y"),
)


@dataclass(frozen=True)
class Pack:
    """A session's pack: its head and its sections."""

    session: date
    title: str
    watermark: str
    facts: Sequence[str]
    sections: Sequence[Section]


def build_pack(
    read: Reader,
    session: date,
    *,
    title: str,
    watermark: str,
    last_trade_date: date,
    language: str = "en",
    held_back: str = "",
) -> Pack:
    """The pack of `session` from tables as the fund knew them that morning.

    `read(table_key)` gives all rows with session <= `session`; `language`: of the prose (en, pt); `held_back`: trades
    that limits or breakers kept from being proposed, in words. Nothing is computed but differences and sums of what is
    shown.
    """
    sections = [
        breaks(read, session),
        profit(read, session),
        performance_section(read, session),
        markets(read, session),
        expiries(read, session),
        views_section(read, session, language),
        risk_section(read, session),
        proposals(read, session, held_back),
        book(read, session),
    ]
    sections.append(actions(sections, read, session))
    facts = [f"session {session}", f"prices of {last_trade_date}"]
    return Pack(session, title, watermark, facts, sections)


def at(frame: pl.DataFrame, session: date) -> pl.DataFrame:
    return frame.filter(pl.col("session") == session)


def breaks(read: Reader, session: date) -> Section:
    """Breakers and limits, failed checks (an asset a row), stale series."""
    verdicts = at(read("quality/verdicts"), session)
    failed = verdicts.filter(~pl.col("passed")).sort("blocking", "asset", "check", descending=[True, False, False])
    rows = [
        ("STOP" if b else "warning", a, ", ".join(c), "; ".join(x[:160] for x in d))
        for b, a, c, d in failed.group_by("blocking", "asset", maintain_order=True).agg("check", "detail").rows()
    ]
    panel = at(read("silver/as_known"), session)
    stale = panel.filter("stale").sort("series_id")
    old = [
        (i, str(e), Number(f"age {i}", a, "count", "silver/as_known"))
        for i, e, a in stale.select("series_id", "event_date", "age_days").rows()
    ]
    asset = "quality/verdicts"
    counts = [
        Number("checks", verdicts.height, "count", asset),
        Number("failed checks", failed.height, "count", asset),
        Number("stopping checks", failed.filter("blocking").height, "count", asset),
    ]
    return Section(
        "breaks",
        "Breaks, stale data and limits",
        (),
        [
            breaker_grid(read, session),
            limit_grid(read, session),
            Grid(("checks", "failed", "of these stop what rests on them"), [counts]),
            Grid(("", "asset", "checks", "what"), rows, "no failed check"),
            Grid(("stale series", "newest", "age, days"), old, "no stale series"),
        ],
    )


def _brl(value: object) -> float:
    return float(str(value))


def profit(read: Reader, session: date) -> Section:
    """Yesterday's P&L by strategy, instrument and component, and the NAV."""
    cube, nav = read("pms/pnl"), read("pms/nav")
    today = at(cube, session)
    grids = []
    for by in ("strategy_id", "instrument", "component"):
        summed = today.group_by(by, maintain_order=True).agg(pl.col("pnl_brl").sum()).sort(by)
        rows: list[list[Cell]] = [[n, Number(f"pnl {by} {n}", _brl(v), "brl", "pms/pnl")] for n, v in summed.rows()]
        grids.append(Grid((by.removesuffix("_id"), "P&L"), rows, "no P&L: no closed day since inception"))
    rows = []
    month = session.replace(day=1)
    for row in at(nav, session).iter_rows(named=True):
        mtd = cube.filter(pl.col("trade_date") >= month)["pnl_brl"].sum()
        rows = [
            ["close of", str(row["trade_date"])],
            ["NAV", Number("nav", _brl(row["nav_brl"]), "brl", "pms/nav")],
            ["P&L of the day", Number("pnl day", _brl(row["pnl_brl"]), "brl", "pms/nav")],
            ["P&L month to date", Number("pnl mtd", _brl(mtd), "brl", "pms/pnl")],
            ["fund since inception", Number("fund return", row["fund_index"] - 1, "percent", "pms/nav")],
            ["CDI since inception", Number("cdi return", row["cdi_index"] - 1, "percent", "pms/nav")],
        ]
    grids.insert(0, Grid(("", ""), rows, "the fund has no NAV"))
    pictures = [Picture("Fund and CDI", plots.nav_picture(nav))] if nav.height > 1 else []
    return Section("profit", "Yesterday's P&L", (), grids, pictures)


def markets(read: Reader, session: date) -> Section:
    """Levels known this morning, and the change since the morning before."""
    panel = read("silver/as_known")
    days = panel["session"].unique().sort()
    before = days.filter(days < session)
    now = {r["series_id"]: r for r in at(panel, session).iter_rows(named=True)}
    then = {r["series_id"]: r for r in at(panel, before[-1]).iter_rows(named=True)} if before.len() else {}
    rows: list[list[Cell]] = []
    for series, name, style in MARKET_SERIES:
        if (row := now.get(series)) is None:
            rows.append([name, "no view", "", ""])
            continue
        old = then.get(series)
        change = None if old is None else row["value"] - old["value"]
        shown = Number(
            f"{series} change",
            None if change is None else change * (1e4 if style == "percent" else 1.0),
            "bp" if style == "percent" else "number",
            "silver/as_known",
        )
        rows.append(
            [
                name,
                Number(series, row["value"], style, "silver/as_known"),
                shown,
                f"{row['event_date']}{' stale' if row['stale'] else ''}",
            ]
        )
    curve_grids, pictures = [], []
    for shown_curve in CURVES:
        curve = read(shown_curve[0])
        curve_grids.append(_curve_grid(curve, session, before[-1] if before.len() else None, shown_curve))
        pictures.append(Picture(shown_curve[0], plots.curve_picture(curve)))
    return Section("markets", "Markets", (), [Grid(("", "level", "change", "of"), rows), *curve_grids], pictures)


def _curve_grid(curve: pl.DataFrame, session: date, before: date | None, shown: _Curve) -> Grid:
    asset, tenor, rate, unit = shown
    old = dict(at(curve, before).select(tenor, rate).rows()) if before else {}
    rows: list[list[Cell]] = []
    for t, r, day in at(curve, session).sort(tenor).select(tenor, rate, "curve_date").rows():
        change = (r - old[t]) * 1e4 if t in old else None
        name = f"{asset.split('/')[1]} {t:g}{unit}"
        rows.append([name, Number(name, r, "percent", asset), Number(f"{name} change", change, "bp", asset), str(day)])
    return Grid((asset.split("/")[1], "rate", "change", "of"), rows, "no curve is known")


def expiries(read: Reader, session: date) -> Section:
    """Positions whose contract expires within two weeks."""
    marks = read("silver/contract_marks").select("contract", "maturity").unique()
    near = (
        at(read("pms/positions"), session)
        .join(marks, on="contract", how="left")
        .filter((pl.col("quantity") != 0) & (pl.col("maturity") <= session + timedelta(days=EXPIRY_DAYS)))
        .sort("maturity", "contract")
    )
    rows: list[list[Cell]] = [
        [c, Number(f"expiring {c}", q, "count", "pms/positions"), str(m)]
        for c, q, m in near.select("contract", "quantity", "maturity").rows()
    ]
    return Section("expiries", "Rolls and expiries, 14 days", (), [Grid(("contract", "held", "expires"), rows, "none")])


def proposals(read: Reader, session: date, held_back: str = "") -> Section:
    """What to decide, each with the command that approves it, and what was held back."""
    asset = "pms/trade_proposals"
    ranked = at(read(asset), session).sort("rank", "proposal_id", nulls_last=True).to_dicts()
    rows = []
    for p in ranked:
        i = p["proposal_id"]
        style: Style = "percent" if p["instrument"].startswith("DI1") else "number"
        rows.append(
            [
                i,
                p["screen_side"],
                Number(f"{i} quantity", p["quantity"], "count", asset),
                f"{p['position_before']:,} → {p['position_after']:,}",
                Number(f"{i} entry", p["entry_level"], style, asset),
                Number(f"{i} stop", p["stop_level"], style, asset),
                Number(f"{i} conviction", p["conviction"], "number", asset),
                Number(f"{i} cost", _brl(p["expected_cost_brl"]), "brl", asset),
                p["gain_if"],
                f"macro-fund proposals approve {i} --as YOU",
            ]
        )
    head = ("id", "screen", "contracts", "position", "entry", "stop", "conviction", "cost", "sign", "to approve")
    empty = "no trade is proposed: the book is on its targets" if not held_back else "no trade is proposed"
    return Section(
        "proposals",
        "Proposals",
        [f"Held back: {held_back}"] if held_back else (),
        [Grid(head, rows, empty), *effect_grids(ranked)],
    )


def book(read: Reader, session: date) -> Section:
    """What the fund holds at the last close."""
    asset = "pms/positions"
    rows = [
        [
            c,
            i,
            Number(f"{c} quantity", q, "count", asset),
            Number(f"{c} mark", m, "number", asset),
            basis,
            Number(f"{c} dv01", d, "brl", asset),
            Number(f"{c} delta", x, "brl", asset),
        ]
        for c, i, q, m, basis, d, x in at(read(asset), session)
        .sort("contract")
        .select("contract", "instrument", "quantity", "mark_price", "mark_basis", "dv01_brl", "delta_brl")
        .rows()
    ]
    head = ("contract", "instrument", "contracts", "mark", "basis", "DV01", "delta")
    return Section("book", "Book", (), [Grid(head, rows, "no positions")])


def actions(sections: Sequence[Section], read: Reader, session: date) -> Section:
    """What a person has to do this morning: what stops the fund first, what a provider owes last."""
    verdicts = at(read("quality/verdicts"), session)
    tripped = at(read("risk/breakers"), session).filter("tripped").sort("breaker")
    todo = [
        f"Breaker {b} tripped: {a.replace('_', ' ')}. {r}"
        for b, a, r in tripped.select("breaker", "action", "reason").rows()
    ]
    breached = at(read("risk/limits"), session).filter(pl.col("status") == "breach")
    todo += [f"Limit {limit} is breached: reduce before adding." for (limit,) in breached.select("limit").rows()]
    n = at(read("pms/trade_proposals"), session).height
    if n:
        todo.append(f"Decide {n} proposals before 18:00: `macro-fund proposals list`.")
    stops = verdicts.filter(~pl.col("passed") & pl.col("blocking"))
    todo += [f"Mend {a} ({c}): what rests on it has no view." for a, c in stops.select("asset", "check").rows()]
    silent = verdicts.filter(~pl.col("passed") & (pl.col("check") == "answered"))["asset"].sort().to_list()
    if silent:
        todo.append(f"Rerun the session when these answer: {', '.join(silent)}.")
    return Section("actions", "To do", todo or ["Nothing."])
