"""The record of the scores, by hand; and what the real minutes and statements give."""

from __future__ import annotations

import hashlib
from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.agents.policy_lexicon import load_lexicon
from macro_fund.agents.policy_record import (
    correlation,
    opinion_record,
    partial_correlation,
    score_record,
    with_outcomes,
)
from macro_fund.agents.policy_scorer import LexiconScorer
from macro_fund.agents.policy_text import policy_text
from macro_fund_tests.agents.policy_documents import document, frame, target
from macro_fund_tests.agents.test_policy_text_classifier import MEETINGS
from macro_fund_tests.realworld import FOLDER, why_absent

SCORER = LexiconScorer(load_lexicon())
HAWKISH, DOVISH = "Inflation remains elevated. Wage pressures grew.", "Inflation is subdued. Job losses went on."
MOVES = [25.0, 25.0, 0.0, -25.0, -25.0, 0.0, 25.0, 25.0, 0.0, -25.0]


@pytest.fixture
def outcomes() -> pl.DataFrame:
    """Ten meetings; each text is hawkish before a hike, dovish otherwise."""
    days = MEETINGS[: len(MOVES)]
    coming = [*MOVES[1:], 0.0]
    documents = frame([document("s", d, HAWKISH if m > 0 else DOVISH) for d, m in zip(days, coming, strict=True)])
    observations = target(days, MOVES)
    return with_outcomes(policy_text(documents, observations, documents["session"].to_list(), SCORER), observations)


def test_what_followed_each_document(outcomes: pl.DataFrame):
    assert outcomes["last_bp"].round(6).to_list() == MOVES
    assert outcomes["next_bp"].round(6).to_list() == [*MOVES[1:], None]
    assert outcomes["next"].to_list()[:4] == ["hike", "hold", "cut", "cut"]


def test_the_score_s_record(outcomes: pl.DataFrame):
    (row,) = score_record(outcomes).rows(named=True)
    assert (row["n"], row["moves"], row["hits_score"]) == (9, 6, 1.0)
    used = outcomes.head(9)
    assert row["score_corr"] == pytest.approx(np.corrcoef(used["score"], used["next_bp"])[0, 1])
    assert row["hits_last"] == pytest.approx(3 / 6), "the second of two equal moves in a row, three times"


def test_the_opinion_s_record(outcomes: pl.DataFrame):
    classes = ("cut", "hold", "hike")
    said = outcomes.with_columns(
        pl.when(pl.col("next").fill_null("hold") == c).then(0.8).otherwise(0.1).alias(f"p_{c}") for c in classes
    )
    (row,) = opinion_record(said).rows(named=True)
    assert (row["n"], row["accuracy"], row["turns_right"]) == (9, 1.0, 1.0)
    assert row["always_hold"] == pytest.approx(3 / 9)
    assert row["repeat_last"] == pytest.approx(3 / 9)
    assert row["turns"] == 6
    assert row["p_value"] == pytest.approx(2 * 0.5**6)
    assert row["brier"] == pytest.approx(0.2**2 + 0.1**2 + 0.1**2)
    assert row["brier_rates"] > row["brier"]


def test_correlations_need_cases_that_vary():
    x = np.arange(10.0)
    assert correlation(x, 2 * x) == pytest.approx(1.0)
    assert correlation(x[:7], x[:7]) is None
    assert correlation(x, np.ones(10)) is None
    rng = np.random.default_rng(1)
    given = rng.standard_normal(500)
    a, b = given + rng.standard_normal(500), given + rng.standard_normal(500)
    assert abs(partial_correlation(a, b, given) or 1.0) < 0.12 < (correlation(a, b) or 0.0)


@pytest.mark.skipif(bool(why_absent()), reason=why_absent() or "real documents are there")
def test_real_copom_minutes_lean_towards_the_next_move():
    """2010 to 2021. Loose bounds: the page of this agent says the numbers, this test that the signs are no accident."""
    held = pl.read_parquet(FOLDER / "data/br_copom.parquet").filter(pl.col("end") >= date(2010, 1, 1))
    sha = [hashlib.sha256(t.encode()).hexdigest() for t in held["texto"]]
    documents = held.select(
        session="date",
        series_id=pl.lit("br_copom_minutes"),
        event_date="end",
        document=pl.col("nro").cast(pl.String),
        language=pl.lit("pt"),
        knowledge_time=pl.from_epoch("pub").dt.replace_time_zone("UTC").cast(pl.Datetime("us", "UTC")),
        text_sha256=pl.Series(sha),
        text="texto",
    )
    selic = pl.scan_parquet(FOLDER / "data/br_sgs.parquet").filter(pl.col("code") == 432).collect()
    observations = selic.select(
        session="date",
        series_id=pl.lit("br_selic_target"),
        event_date="date",
        value=pl.col("value") / 100,
        knowledge_time=pl.from_epoch("pub").dt.replace_time_zone("UTC").cast(pl.Datetime("us", "UTC")),
    )
    rows = policy_text(documents, observations, documents["session"].to_list(), SCORER)
    assert rows["score"].null_count() == 0
    found = with_outcomes(rows, observations)
    (row,) = score_record(found).rows(named=True)
    assert row["n"] > 90
    assert row["score_corr"] > 0.5
    assert row["hits_score"] > 0.85
    (second,) = opinion_record(found).rows(named=True)
    assert second["accuracy"] > second["always_hold"]
    assert second["brier"] < second["brier_rates"]
