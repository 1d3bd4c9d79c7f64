"""The pack's section on views and signals: the prose, a card for each agent, conflicts, cases, documents, signals.

Belongs here: choosing rows of agents/ and signals/. Does not belong here: computing them, or layout (render.py).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl

from macro_fund.agents.narrative import is_percent
from macro_fund.reports.agent_plots_desk import views_picture
from macro_fund.reports.blocks import Cell, Grid, Number, Picture, Section
from macro_fund.store.agent_tables import VIEW_TABLES

Reader = Callable[[str], pl.DataFrame]

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
CARD_DRIVERS = 3
DOCUMENT_HEAD = ("document", "of", "score", "change", "P(cut)", "P(hold)", "P(hike)")
WHY = 160


def views_section(read: Reader, session: date, language: str) -> Section:
    """Agents' scores and strategies' signals, with the session before."""
    told = _at(read("agents/narrative"), session).filter(pl.col("language") == language)
    lines = told["text"][0].split("\n") if told.height else []
    views = _at(read("agents/views"), session)
    pictures = [Picture("views by agent and asset", views_picture(views))] if views["score"].count() else []
    return Section(
        "changes",
        "Views and signals",
        lines,
        [
            Grid(("agent", "status", "score", "before", "confidence", "why"), _scores(read, session)),
            Grid(("agent", "driver", "value", "unit", "z", "contribution"), _cards(read, session), "no driver"),
            Grid(("rule broken", "agents", "against", "what"), _conflicts(read, session), "no conflict between views"),
            Grid(("asset", "score", "verdict", "for", "against", "why"), _cases(read, session), "no case"),
            Grid(
                ("document", "of", "score", "change", "P(cut)", "P(hold)", "P(hike)"), _documents(read, session), "none"
            ),
            Grid(("strategy", "instrument", "status", "signal", "direction", "why"), _signals(read, session)),
        ],
        pictures,
        prose="agents/narrative",
    )


def _at(frame: pl.DataFrame, session: date) -> pl.DataFrame:
    return frame.filter(pl.col("session") == session)


def _scores(read: Reader, session: date) -> list[list[Cell]]:
    """Scores with the session before; the confidence is the one after the rules."""
    final = _at(read("agents/views"), session).unique("agent_id")
    sure = dict(final.select("agent_id", "confidence").iter_rows())
    rows: list[list[Cell]] = []
    for asset in VIEW_TABLES:
        frame = read(asset).select("session", "agent_id", "status", "reason", "state_score", "confidence")
        before = frame.filter(pl.col("session") < session).sort("session").tail(1)
        was = before["state_score"][0] if before.height else None
        for row in _at(frame, session).iter_rows(named=True):
            name = row["agent_id"]
            rows.append(
                [
                    name,
                    row["status"],
                    Number(f"{name} score", row["state_score"], "score", asset),
                    Number(f"{name} score before", was, "score", asset),
                    Number(f"{name} confidence", sure.get(name), "percent", "agents/views"),
                    row["reason"][:WHY],
                ]
            )
    return rows


def _cards(read: Reader, session: date) -> list[list[Cell]]:
    """The largest drivers of each agent."""
    rows: list[list[Cell]] = []
    for asset in VIEW_TABLES:
        for row in _at(read(asset), session).iter_rows(named=True):
            drivers = sorted(row["drivers"], key=lambda d: (-abs(d["contribution"] or 0.0), d["name"]))
            rows += [_driver(row["agent_id"], d, asset) for d in drivers[:CARD_DRIVERS]]
    return rows


def _driver(agent: str, driver: dict[str, Any], asset: str) -> list[Cell]:
    name = f"{agent} {driver['name']}"
    return [
        agent,
        driver["name"].replace("_", " "),
        Number(name, driver["value"], "percent" if is_percent(driver["unit"]) else "number", asset),
        driver["unit"],
        Number(f"{name} z", driver["z"], "score", asset),
        Number(f"{name} contribution", driver["contribution"], "score", asset),
    ]


def _conflicts(read: Reader, session: date) -> list[list[Cell]]:
    asset = "agents/consistency"
    return [
        [
            row["rule"].replace("_", " "),
            ", ".join(row["agents"]),
            Number(f"against {row['rule']}", row["against"], "score", asset),
            row["reason"],
        ]
        for row in _at(read(asset), session).filter("fired").sort("rule").iter_rows(named=True)
    ]


def _cases(read: Reader, session: date) -> list[list[Cell]]:
    return [
        [
            row["asset"],
            Number(f"case {row['asset']}", row["score"], "score", "agents/cases"),
            row["verdict"],
            _arguments(row["bull"]),
            _arguments(row["bear"]),
            row["reason"],
        ]
        for row in _at(read("agents/cases"), session).sort("asset").iter_rows(named=True)
    ]


def _arguments(side: list[dict[str, Any]]) -> str:
    return "; ".join(f"{a['agent']} ({a['driver']})".replace("_", " ") for a in side)


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
        for row in _at(read(asset), session).sort("strategy_id", "instrument").iter_rows(named=True):
            key = f"{row['strategy_id']} {row['instrument']}"
            rows.append(
                [
                    row["strategy_id"],
                    row["instrument"],
                    row["status"],
                    Number(f"{key} signal", row["signal"], "score", asset),
                    Number(f"{key} direction", row["direction"], "count", asset),
                    row["reason"][:WHY],
                ]
            )
    return rows
