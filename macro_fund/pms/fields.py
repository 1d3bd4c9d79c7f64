"""The fields of a proposal beside the trade: what it should make, what it does to the book, why, and in words.

Belongs here: putting the fields of each session's proposals together. Does not belong here: any one of them
(`before_after.py`, `expected.py`, `drivers.py`, `words.py`), or which trades are proposed (`proposals.py`).

Each proposal is measured alone and with all proposals of its session. A person decides on one trade at a time, so what
is shown as `after` is that trade alone; `after_all` is the book if everything is approved, and component VaR and rank
rest on it. A number without a source is null, and `missing` says why: it never stands in the way of the trade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from macro_fund import __version__
from macro_fund.pms.before_after import Effects, Market, State, effects
from macro_fund.pms.costs import instruments_by_id
from macro_fund.pms.drivers import drivers, invalidation, oldest
from macro_fund.pms.expected import expected_pnl, horizon, net_per_var, ranks
from macro_fund.pms.lots import open_lots
from macro_fund.pms.proposals import by_instrument, lead_of
from macro_fund.pms.whatif import ALL, ALONE, BEFORE, Books, books
from macro_fund.pms.words import narrative
from macro_fund.portfolio.ageing import Input
from macro_fund.risk.liquidity import NO_VOLUME
from macro_fund.settings import Settings
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import BusinessCalendar

TABLE = TABLES["pms/trade_proposals"]
CURVE = "silver/di_curve"
_MEASURES = {"var": "var_95", "worst_stress": "worst_stress", "margin": "margin"}
_BOOKS = {"before": "book before", "after": "book with this trade", "after_all": "book with all trades"}

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """Tables with all rows up to the last session (of later ones nothing is read): targets, positions, nav, conviction
    and allocations by their own names; signals of the book's strategies; marks: silver/contract_marks; fills: pms/fills
    with `shares`; panel: session, series_id, event_date of silver/as_known; shocks: silver/factor_shocks of the factors
    that a book can rest on; scenarios: risk/scenarios."""

    targets: pl.DataFrame
    positions: pl.DataFrame
    nav: pl.DataFrame
    conviction: pl.DataFrame
    allocations: pl.DataFrame
    signals: pl.DataFrame
    marks: pl.DataFrame
    fills: pl.DataFrame
    panel: pl.DataFrame
    shocks: pl.DataFrame
    scenarios: pl.DataFrame


@dataclass(frozen=True)
class Setting:
    """What does not depend on the session: inputs by strategy, the calendar of ages, as_of by session."""

    settings: Settings
    inputs: Mapping[str, Sequence[Input]]
    calendar: BusinessCalendar
    as_of: Mapping[date, datetime]


def with_fields(proposed: pl.DataFrame, evidence: Evidence, setting: Setting) -> pl.DataFrame:
    """pms/trade_proposals of some sessions with their fields; the trades, their ids and order stay as they are."""
    if proposed.is_empty():
        return proposed
    market = Market(evidence.shocks, evidence.scenarios)
    done: list[Row] = []
    for session in proposed["session"].unique().sort().to_list():
        rows = proposed.filter(pl.col("session") == session).to_dicts()
        done += _session(rows, evidence, setting, market, session)
    return pl.DataFrame(done, schema=TABLE.schema, orient="row").sort(TABLE.sort)


def _session(
    rows: Sequence[Row], evidence: Evidence, setting: Setting, market: Market, session: date
) -> list[dict[str, Any]]:
    here, settings = pl.col("session") == session, setting.settings
    upto = pl.col("session") <= session
    targets = {r["instrument"]: r for r in evidence.targets.filter(here).to_dicts()}
    marks = (
        evidence.marks.filter(upto).sort("trade_date", "session").unique("contract", keep="last", maintain_order=True)
    )
    mine = books(
        rows,
        evidence.positions.filter(here).to_dicts(),
        targets,
        dict(marks.drop_nulls("bdays").select("contract", "bdays").iter_rows()),
        open_lots(evidence.fills.filter(upto).to_dicts()),
        instruments_by_id(settings),
    )
    found = effects(mine, market, session, settings)
    nav = evidence.nav.filter(here).to_dicts()[0]
    risk = [_risk(found, ALONE + k, found.component[k], float(nav["nav_brl"]), settings) for k in range(len(rows))]
    gain = _gains(rows, mine, evidence.allocations.filter(here), targets, settings)
    why = _whys(rows, evidence, setting, session, marks)
    base = {
        "as_of": setting.as_of[session],
        "data_date": nav["trade_date"],
        "model": f"{settings.fund.sizing.method}, macro_fund {__version__}",
    }
    done = [{**p, **base, **r, **g, **w} for p, r, g, w in zip(rows, risk, gain, why, strict=True)]
    return _told(done, found.why, settings.fund.language)


def _risk(found: Effects, k: int, component: float | None, nav: float, settings: Settings) -> dict[str, Any]:
    """Measures before, after the trade alone (book number k) and after all; limits as fractions of NAV."""
    states = dict(zip(_BOOKS, (found.states[BEFORE], found.states[k], found.states[ALL]), strict=True))
    out: dict[str, Any] = {
        f"{name}_{when}_brl": state.value(limit) for name, limit in _MEASURES.items() for when, state in states.items()
    }
    caps = settings.limits.model_dump(exclude={"warn_at", "breakers"})
    used = [{"limit": n, "limit_value": float(c), **_used(states, n, nav)} for n, c in sorted(caps.items())]
    changed = [u for u in used if not u["before"] == u["after"] == u["after_all"]]
    gaps = [
        f"{name} of the {_BOOKS[when]}: {found_.reason if found_ else 'no measure'}"
        for name in ("var_95", "worst_stress", "strategy_var_share")
        for when, state in states.items()
        for found_ in (state.measures[name],)
        if found_ is None or found_.partial
    ]
    out |= {"component_var_brl": component, "worst_stress_case": states["after"].case, "limits": changed}
    return out | {"missing": gaps}


def _used(states: Mapping[str, State], limit: str, nav: float) -> dict[str, float | None]:
    values = {when: state.value(limit) for when, state in states.items()}
    return {when: None if v is None or nav <= 0 else v / nav for when, v in values.items()}


def _gains(
    rows: Sequence[Row], mine: Books, allocations: pl.DataFrame, targets: Mapping[str, Row], settings: Settings
) -> list[dict[str, Any]]:
    method = allocations.filter(pl.col("method") == settings.fund.sizing.method)
    a_year = dict(method.select("instrument", "expected").iter_rows())
    days = {s.id: s.horizon_days for s in settings.strategies}
    out = []
    for row, (line, quantity) in zip(rows, mine.trades, strict=True):
        name = row["instrument"]
        over = horizon(targets[name]["shares"] if name in targets else [], days)
        made = expected_pnl(mine.lines[line], quantity, a_year.get(name), over)
        out.append({"expected_pnl_brl": made, "expected_days": over})
    return out


def _whys(
    rows: Sequence[Row], evidence: Evidence, setting: Setting, session: date, marks: pl.DataFrame
) -> list[dict[str, Any]]:
    here = pl.col("session") == session
    scores = dict(evidence.conviction.filter(here).select("instrument", "contributions").iter_rows())
    views = by_instrument(evidence.signals.filter(here), "strategy_id")
    known = dict(evidence.panel.filter(here).select("series_id", "event_date").iter_rows())
    curve = marks.filter(pl.col("root") == "DI1")["trade_date"].max()
    known |= {CURVE: curve} if curve else {}
    out = []
    for row in rows:
        name = row["instrument"]
        behind = drivers(scores.get(name) or [])
        age = oldest(behind, setting.inputs, known, session, setting.calendar)
        lead = lead_of(row["shares"], views.get((session, name), []))
        out.append(
            {
                "drivers": behind,
                "invalidation": invalidation(row, lead),
                "oldest_input": age[0] if age else None,
                "data_age_days": age[1] if age else None,
            }
        )
    return out


def _told(rows: list[dict[str, Any]], no_component: str, language: str) -> list[dict[str, Any]]:
    """Rank, what is missing, and the words."""
    net = [
        None if r["expected_pnl_brl"] is None else r["expected_pnl_brl"] - float(r["expected_cost_brl"]) for r in rows
    ]
    component = [r["component_var_brl"] for r in rows]
    order = ranks(net, component, [r["proposal_id"] for r in rows])
    for row, gain, place in zip(rows, net, order, strict=True):
        missing = [*row["missing"]]
        if no_component:
            missing.append(f"component_var_brl: {no_component}")
        if gain is None:
            missing.append("expected_pnl_brl: no expected return in portfolio/allocations")
        if row["data_age_days"] is None:
            missing.append("data_age_days: no dated input of a driver")
        row |= {"rank": place, "net_per_var": net_per_var(gain, row["component_var_brl"]), "liquidity_days": None}
        row["missing"] = "; ".join([*missing, f"liquidity_days: {NO_VOLUME}"])
        row["narrative"] = narrative(row, language)
    return rows
