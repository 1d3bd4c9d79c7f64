"""What the agents' views say together, as assets: rules, final views, cases, prose.

Belongs here: inputs and checks. Does not belong here: rules (agents/consistency.py), verdicts (agents/cases.py), words
(agents/narrative.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import polars as pl

from macro_fund.agents.cases import cases
from macro_fund.agents.consistency import PENALTY, RULES, SPREAD_SERIES, consistency, final_views, spread_widening
from macro_fund.agents.narrative import LANGUAGES, Briefing, Fact, briefing, unproven
from macro_fund.agents.words import spoken
from macro_fund.orchestration.agents_common import PYTHON
from macro_fund.orchestration.checks import Problems, bounded, every_session, public_by_as_of, reasons_given
from macro_fund.orchestration.narrators import prose
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.agent_plots_desk import cases_picture, rules_picture, views_picture
from macro_fund.store.agent_tables import AGENTS, VIEW_TABLES


def _window(run: Run, key: str) -> pl.DataFrame:
    """A table's rows of this run's sessions."""
    return run.read(key, where=run.inside)


def _views(run: Run) -> dict[str, pl.DataFrame]:
    """The agents' views of this run's sessions, by agent."""
    return {a: _window(run, f"agents/{a}_view") for a in AGENTS}


def _consistency(run: Run) -> pl.DataFrame:
    wanted = run.inside & (pl.col("series_id") == SPREAD_SERIES)
    market = spread_widening(run.read("silver/market_features", where=wanted))
    return consistency(_views(run), market, run.sessions)


def _final(run: Run) -> pl.DataFrame:
    return final_views(_views(run), _window(run, "agents/consistency"))


def _cases(run: Run) -> pl.DataFrame:
    return cases(_window(run, "agents/views"), _views(run))


def _briefings(run: Run, views: dict[str, pl.DataFrame]) -> Iterator[Briefing]:
    """What is told, session by session and language by language."""
    rows = {a: v.partition_by("session", as_dict=True) for a, v in views.items()}
    fired = _by_session(_window(run, "agents/consistency").filter("fired"))
    verdicts = _by_session(_window(run, "agents/cases"))
    final = _by_session(_window(run, "agents/views"))
    for session in run.sessions:
        told = [r for a in AGENTS if (session,) in rows[a] for r in rows[a][(session,)].iter_rows(named=True)]
        names = [r["rule"] for r in fired.get(session, [])]
        sure = {r["agent_id"]: r["confidence"] for r in final.get(session, [])}
        for language in LANGUAGES:
            yield briefing(session, language, told, sure, names, verdicts.get(session, []))


def _by_session(frame: pl.DataFrame) -> dict[date, list[dict[str, Any]]]:
    found: dict[date, list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        found.setdefault(row["session"], []).append(row)
    return found


def _narrative(run: Run) -> pl.DataFrame:
    rows = []
    for brief in _briefings(run, _views(run)):
        told = prose(run.home, brief)
        rows.append(
            {
                "session": brief.session,
                "language": brief.language,
                "text": told.text,
                "narrator": told.narrator,
                "inputs_digest": brief.digest,
                "facts": [f.__dict__ for f in brief.facts],
                "status": "degraded" if told.refused else "ok",
                "reason": told.refused,
            }
        )
    return pl.DataFrame(rows, schema=run.table.schema, orient="row").sort(run.table.sort)


def _rules_tested(run: Run, frame: pl.DataFrame) -> Problems:
    counts = frame.group_by("session", maintain_order=True).len().filter(pl.col("len") != len(RULES))
    return [(s, f"{n} of {len(RULES)} rules") for s, n in counts.sort("session").rows()]


def _penalty_paid(run: Run, frame: pl.DataFrame) -> Problems:
    """Confidence after the rules is the agent's own times 0.8 for each rule that fired on it, counted anew."""
    rules = run.home.lake.read("agents/consistency", run.last, where=run.inside).filter("fired").explode("agents")
    paid = rules.group_by("session", agent_id="agents", maintain_order=True).len("n")
    both = frame.drop_nulls("confidence").join(paid, on=["session", "agent_id"], how="left")
    due = pl.col("confidence_before") * pl.lit(PENALTY).pow(pl.col("n").fill_null(0))
    bad = both.filter((pl.col("confidence") - due).abs() > 1e-12)
    return [(s, f"{a} {i}: confidence {c:.4g}") for s, a, i, c in
            bad.select("session", "agent_id", "asset", "confidence").rows()]  # fmt: skip


def _verdicts_follow(run: Run, frame: pl.DataFrame) -> Problems:
    """A verdict has its reasons on its side, and an inconclusive one says why."""
    heavy = {side: pl.col(side).list.eval(pl.element().struct.field("weight")).list.sum() for side in ("bull", "bear")}
    wrong = (
        ((pl.col("verdict") == "bull") & (heavy["bull"] <= heavy["bear"]))
        | ((pl.col("verdict") == "bear") & (heavy["bear"] <= heavy["bull"]))
        | ((pl.col("verdict") == "inconclusive") & (pl.col("reason") == ""))
    )
    return [(s, f"{a}: {v} does not follow from the case") for s, a, v in
            frame.filter(wrong).select("session", "asset", "verdict").rows()]  # fmt: skip


def _numbers_proven(run: Run, frame: pl.DataFrame) -> Problems:
    """Every number in the prose is one of the session's facts."""
    found: Problems = []
    rules = [r.name for r in RULES]
    for session, language, text, facts in frame.select("session", "language", "text", "facts").iter_rows():
        told = [Fact(**f) for f in facts]
        names = [spoken(n, language) for n in (*rules, *(f.item.rsplit(".", 1)[0] for f in told))]
        found += [(session, f"{n} in the text is no fact") for n in unproven(text, told, names)]
    return found


def _facts_true(run: Run, frame: pl.DataFrame) -> Problems:
    """Every fact equals the value in the lake: state score, driver, confidence after the rules or desk score."""
    told = frame.select("session", "facts").explode("facts").drop_nulls("facts").unnest("facts").unique()
    stored = pl.concat([*(_addresses(run, key) for key in VIEW_TABLES), *_desk_addresses(run)])
    both = told.join(stored, on=["session", "source", "item"], how="left", suffix="_stored")
    bad = both.filter(pl.col("value_stored").is_null() | (pl.col("value") != pl.col("value_stored")))
    rows = bad.select("session", "source", "item", "value", "value_stored").sort("session", "source", "item").rows()
    return [(s, f"{k} {i}: told {v}, stored {x}") for s, k, i, v, x in rows]


def _addresses(run: Run, key: str) -> pl.DataFrame:
    """session, source, item, value of all that may be told of one view."""
    view = run.home.lake.read(key, run.last, where=run.inside)
    plain = view.select("session", pl.lit("state_score").alias("item"), value="state_score")
    drivers = view.select("session", "drivers").explode("drivers").drop_nulls("drivers").unnest("drivers")
    parts = [
        drivers.select("session", item=pl.col("name") + f".{c}", value=pl.col(c)) for c in ("value", "contribution")
    ]
    rows = pl.concat([plain, *parts]).unique(["session", "item"], keep="first", maintain_order=True)
    return rows.select("session", pl.lit(key).alias("source"), "item", "value")


def _desk_addresses(run: Run) -> Iterator[pl.DataFrame]:
    """The same of the desk: its scores, and the agents' confidence after the rules."""
    for key, item, value in (("agents/cases", "asset", "score"), ("agents/views", "agent_id", "confidence")):
        rows = run.home.lake.read(key, run.last, where=run.inside)
        yield rows.select("session", pl.lit(key).alias("source"), item=item, value=value).unique(maintain_order=True)


NODES = (
    Node(
        "agents/consistency",
        PYTHON,
        (*VIEW_TABLES, "silver/market_features"),
        _consistency,
        (Check("rules_tested", "all seven rules are tested every session", _rules_tested), every_session(),
         reasons_given()),
        refused="degraded",
        plot=rules_picture,
        version="2",
    ),
    Node(
        "agents/views",
        PYTHON,
        (*VIEW_TABLES, "agents/consistency"),
        _final,
        (
            Check("penalty_paid", "confidence is the agent's own times 0.8 for each rule that fired", _penalty_paid),
            bounded(["score", "confidence"], -1.0, 1.0),
            every_session(),
            reasons_given(),
            public_by_as_of(),
        ),
        refused="degraded",
        plot=views_picture,
    ),
    Node(
        "agents/cases",
        PYTHON,
        ("agents/views", *VIEW_TABLES),
        _cases,
        (
            Check("verdicts_follow", "a verdict follows from the weights of its case", _verdicts_follow),
            bounded(["score"], -1.0, 1.0),
            every_session(),
        ),
        refused="degraded",
        plot=cases_picture,
    ),
    Node(
        "agents/narrative",
        PYTHON,
        (*VIEW_TABLES, "agents/views", "agents/consistency", "agents/cases"),
        _narrative,
        (
            Check("numbers_proven", "every number in the prose is a fact", _numbers_proven),
            Check("facts_true", "every fact equals the value of its asset", _facts_true),
            every_session(),
        ),
        refused="degraded",
        version="2",
    ),
)  # fmt: skip
