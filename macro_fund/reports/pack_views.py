"""The pack's parts on views: what changed overnight, and the prose with the reasons behind each view.

Belongs here: choosing rows of agents/ and signals/. Does not belong here: computing them, or layout (render.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import zip_longest
from typing import Any

from macro_fund.agents.narrative import is_percent
from macro_fund.agents.words import WORDS, spoken
from macro_fund.reports.agent_plots_desk import views_picture
from macro_fund.reports.blocks import Cell, Grid, Number, Picture, Section, Told, heads, say
from macro_fund.reports.figure import drawn
from macro_fund.reports.reading import Reader, at, before
from macro_fund.reports.reasons import reason
from macro_fund.reports.words import agent_name, asset_name, named
from macro_fund.store.agent_tables import VIEW_TABLES

SIGNALS = ("signals/rates_01", "signals/fx_02", "signals/cross_02")
TABLES_READ = (
    *VIEW_TABLES,
    "agents/consistency",
    "agents/views",
    "agents/cases",
    "agents/narrative",
    "agents/policy_text",
    *SIGNALS,
)
REGIMES = ("goldilocks", "reflation", "stagflation", "deflation")
CARD_DRIVERS = 3
WHY = 160
SURGE = 0.25
"""Change of a score (which is within -1 and 1) between two mornings that is told as a surge."""


def changes(read: Reader, session: date) -> Section:
    """What turned or surged since the morning before, the regime, conflicts, and every score and signal."""
    views = at(read("agents/views"), session)
    pictures = [Picture(say("picture.views"), drawn(views_picture, views))] if views["score"].count() else []
    return Section(
        "changes",
        say("section.changes"),
        (),
        [
            Grid(heads("turned", "how", "before", "now"), _turns(read, session), say("empty.turns")),
            Grid(heads("regime", "probability", "before"), _regimes(read, session), say("empty.regime")),
            Grid(heads("rule_broken", "agents", "against", "what"), _conflicts(read, session), say("empty.conflicts")),
            Grid(heads("agent", "status", "score", "before", "confidence", "why"), _scores(read, session)),
            Grid(heads("strategy", "instrument", "status", "signal", "direction", "why"), _signals(read, session)),
            Grid(
                heads("document", "of", "score", "change", "p_cut", "p_hold", "p_hike"),
                _documents(read, session),
                say("empty.documents"),
            ),
        ],
        pictures,
    )


def narrative(read: Reader, session: date) -> Section:
    """The morning's prose, and the drivers and cases that it rests on."""
    told = dict(at(read("agents/narrative"), session).select("language", "text").iter_rows())
    en, pt = (told.get(language, "").split("\n") for language in ("en", "pt"))
    lines = [Told(e, p) for e, p in zip_longest(en, pt, fillvalue="")] if told else []
    return Section(
        "narrative",
        say("section.narrative"),
        lines,
        [
            Grid(
                heads("agent", "driver", "value", "unit", "z", "contribution"),
                _cards(read, session),
                say("empty.drivers"),
            ),
            Grid(
                heads("asset_class", "score", "verdict", "for", "against", "why"),
                _cases(read, session),
                say("empty.cases"),
            ),
        ],
        prose="agents/narrative" if lines else "",
    )


def _driver_name(name: str) -> Cell:
    return Told(spoken(name, "en"), spoken(name, "pt"))


def _turn(was: float | None, now: float | None) -> str | None:
    """How a score moved between two mornings, by its phrase; None: nothing to tell."""
    if (was is None) != (now is None):
        return "lost" if now is None else "found"
    if was is None or now is None:
        return None
    if was * now < 0:
        return "flip"
    return "surge" if abs(now - was) >= SURGE else None


def _turns(read: Reader, session: date) -> list[list[Cell]]:
    """Agents whose score and strategies whose signal turned, surged, appeared or went."""
    rows: list[list[Cell]] = []
    for asset in VIEW_TABLES:
        was = dict(before(read(asset), session).select("agent_id", "state_score").iter_rows())
        for name, score in at(read(asset), session).select("agent_id", "state_score").iter_rows():
            if name in was:
                rows += _told_turn(agent_name(name), f"{name} score", was[name], score, asset)
    for asset in SIGNALS:
        key = ("strategy_id", "instrument")
        old = {(s, i): v for s, i, v in before(read(asset), session).select(*key, "signal").iter_rows()}
        for s, i, signal in at(read(asset), session).sort(*key).select(*key, "signal").iter_rows():
            if (s, i) in old:
                rows += _told_turn(f"{s} {i}", f"{s} {i} signal", old[s, i], signal, asset)
    return rows


def _told_turn(name: Cell, item: str, was: float | None, now: float | None, asset: str) -> list[list[Cell]]:
    how = _turn(was, now)
    if how is None:
        return []
    numbers = [Number(f"turn of {item} {when}", v, "score", asset) for when, v in (("before", was), ("now", now))]
    return [[name, say(f"turn.{how}"), *numbers]]


def _regimes(read: Reader, session: date) -> list[list[Cell]]:
    """Probabilities of the four regimes."""
    asset = "agents/regime_view"
    old = before(read(asset), session)
    rows: list[list[Cell]] = []
    for row in at(read(asset), session).iter_rows(named=True):
        for regime in REGIMES:
            was = old[f"p_{regime}"][0] if old.height else None
            now = Number(f"regime {regime}", row[f"p_{regime}"], "percent", asset)
            rows.append([say(f"regime.{regime}"), now, Number(f"regime {regime} before", was, "percent", asset)])
    return rows


def _scores(read: Reader, session: date) -> list[list[Cell]]:
    """Scores with the session before; the confidence is the one after the rules."""
    final = at(read("agents/views"), session).unique("agent_id")
    sure = dict(final.select("agent_id", "confidence").iter_rows())
    rows: list[list[Cell]] = []
    for asset in VIEW_TABLES:
        frame = read(asset).select("session", "agent_id", "status", "reason", "state_score", "confidence")
        old = before(frame, session)
        was = old["state_score"][0] if old.height else None
        for row in at(frame, session).iter_rows(named=True):
            name = row["agent_id"]
            rows.append(
                [
                    agent_name(name),
                    named("status", row["status"]),
                    Number(f"{name} score", row["state_score"], "score", asset),
                    Number(f"{name} score before", was, "score", asset),
                    Number(f"{name} confidence", sure.get(name), "percent", "agents/views"),
                    reason(row["reason"], WHY),
                ]
            )
    return rows


def _cards(read: Reader, session: date) -> list[list[Cell]]:
    """The largest drivers of each agent."""
    rows: list[list[Cell]] = []
    for asset in VIEW_TABLES:
        for row in at(read(asset), session).iter_rows(named=True):
            drivers = sorted(row["drivers"], key=lambda d: (-abs(d["contribution"] or 0.0), d["name"]))
            rows += [_driver(row["agent_id"], d, asset) for d in drivers[:CARD_DRIVERS]]
    return rows


def _driver(agent: str, driver: dict[str, Any], asset: str) -> list[Cell]:
    name = f"{agent} {driver['name']}"
    return [
        agent_name(agent),
        _driver_name(driver["name"]),
        Number(name, driver["value"], "percent" if is_percent(driver["unit"]) else "number", asset),
        named("unit", driver["unit"]),
        Number(f"{name} z", driver["z"], "score", asset),
        Number(f"{name} contribution", driver["contribution"], "score", asset),
    ]


def _conflicts(read: Reader, session: date) -> list[list[Cell]]:
    asset = "agents/consistency"
    return [
        [
            _driver_name(row["rule"]),
            _agents(row["agents"]),
            Number(f"against {row['rule']}", row["against"], "score", asset),
            reason(row["reason"]),
        ]
        for row in at(read(asset), session).filter("fired").sort("rule").iter_rows(named=True)
    ]


def _agents(names: Sequence[str]) -> Cell:
    told = [agent_name(n) for n in names]
    return Told(", ".join(t.en for t in told), ", ".join(t.pt for t in told))


def _cases(read: Reader, session: date) -> list[list[Cell]]:
    return [
        [
            asset_name(row["asset"]),
            Number(f"case {row['asset']}", row["score"], "score", "agents/cases"),
            named("case", row["verdict"]),
            _arguments(row["bull"]),
            _arguments(row["bear"]),
            reason(row["reason"]),
        ]
        for row in at(read("agents/cases"), session).sort("asset").iter_rows(named=True)
    ]


def _arguments(side: list[dict[str, Any]]) -> Cell:
    en, pt = (
        "; ".join(
            f"{WORDS[language].agents.get(a['agent'], a['agent'])} ({spoken(a['driver'], language)})" for a in side
        )
        for language in ("en", "pt")
    )
    return Told(en, pt)


def _documents(read: Reader, session: date) -> list[list[Cell]]:
    """The newest document of each series that is known."""
    asset = "agents/policy_text"
    newest = read(asset).sort("session", "event_date").unique("series_id", keep="last").sort("series_id")
    rows: list[list[Cell]] = []
    for row in newest.iter_rows(named=True):
        name = row["series_id"]
        odds = [Number(f"{name} {p}", row[p], "percent", asset) for p in ("p_cut", "p_hold", "p_hike")]
        score, change = (Number(f"{name} {c}", row[c], "score", asset) for c in ("score", "change"))
        rows.append([name, str(row["event_date"]), score, change, *odds])
    return rows


def _signals(read: Reader, session: date) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for asset in SIGNALS:
        for row in at(read(asset), session).sort("strategy_id", "instrument").iter_rows(named=True):
            key = f"{row['strategy_id']} {row['instrument']}"
            rows.append(
                [
                    row["strategy_id"],
                    row["instrument"],
                    named("status", row["status"]),
                    Number(f"{key} signal", row["signal"], "score", asset),
                    Number(f"{key} direction", row["direction"], "count", asset),
                    reason(row["reason"], WHY),
                ]
            )
    return rows
