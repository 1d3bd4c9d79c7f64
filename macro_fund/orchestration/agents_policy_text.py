"""Central banks' texts as an asset. Belongs here: inputs and checks. Does not belong here: scoring (agents/)."""

from __future__ import annotations

import polars as pl

from macro_fund.agents.policy_classifier import CLASSES, TARGETS
from macro_fund.agents.policy_lexicon import TOPICS, load_lexicon
from macro_fund.agents.policy_scorer import LexiconScorer
from macro_fund.agents.policy_text import KEY, policy_text
from macro_fund.orchestration.agents_common import PYTHON
from macro_fund.orchestration.checks import (
    Problems,
    bounded,
    public_by_as_of,
    reasons_given,
    sessions_inside,
    sums_to_one,
)
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.agent_plots_policy_text import policy_text_picture

SOURCES = ("bronze/copom", "bronze/fomc")
_VERSION = ["session", "series_id", "event_date", "document", "text_sha256"]
_EXACT = 1e-12


def _texts(run: Run) -> pl.DataFrame:
    documents = pl.concat([run.read(source) for source in SOURCES])
    observations = run.observed(TARGETS.values())
    return policy_text(documents, observations, run.sessions, LexiconScorer(load_lexicon()))


def _all_documents(run: Run, frame: pl.DataFrame) -> Problems:
    """Every version of a document that became known has its row, and no row is without one."""
    known = pl.concat([run.read(source, columns=_VERSION) for source in SOURCES])
    known = known.filter(run.inside)
    missing = known.join(frame, on=_VERSION, how="anti")
    unknown = frame.join(known, on=_VERSION, how="anti")
    return [
        (session, f"{series} {document} {what}")
        for what, rows in (("has no row", missing), ("is not in bronze", unknown))
        for session, series, document in rows.select("session", "series_id", "document").rows()
    ]


def _change(run: Run, frame: pl.DataFrame) -> Problems:
    """change = score - previous_score."""
    expected = pl.col("score") - pl.col("previous_score")
    bad = frame.filter(
        (expected.is_null() != pl.col("change").is_null()) | ((pl.col("change") - expected).abs() > _EXACT)
    )
    return [
        (s, f"{i} {d}: change is {c}") for s, i, d, c in bad.select("session", "series_id", "document", "change").rows()
    ]


def _previous(run: Run, frame: pl.DataFrame) -> Problems:
    """previous_score is the score that this table holds of that document: another one was made by another lexicon."""
    held = run.read_own(frame).select(
        "series_id",
        pl.col("event_date").alias("previous_event_date"),
        pl.col("session").alias("held_session"),
        pl.col("score").alias("held"),
    )
    rows = frame.drop_nulls("previous_score").join(held.drop_nulls("held"), on=["series_id", "previous_event_date"])
    rows = rows.filter(pl.col("held_session") <= pl.col("session"))
    newest = rows.sort("held_session").unique(_VERSION, keep="last", maintain_order=True)
    bad = newest.filter((pl.col("held") - pl.col("previous_score")).abs() > _EXACT)
    return [
        (s, f"{i} {d}: previous_score {p:.6g}, the table holds {h:.6g}; rebuild the history with this lexicon")
        for s, i, d, p, h in bad.select("session", "series_id", "document", "previous_score", "held").rows()
    ]


NODES = (
    Node(
        KEY,
        PYTHON,
        (*SOURCES, "silver/observations"),
        _texts,
        (
            sessions_inside(),
            public_by_as_of(),
            reasons_given(),
            bounded(["score", "previous_score", *(f"score_{t}" for t in TOPICS)], -1.0, 1.0),
            sums_to_one([f"p_{c}" for c in CLASSES]),
            Check("all_documents", "each document that became known has one row", _all_documents),
            Check("change_adds_up", "change = score - previous_score", _change),
            Check("previous_agrees", "previous_score is the score held of that document", _previous, gate=False),
        ),
        plot=policy_text_picture,
    ),
)
