"""Rows of agents/policy_text: what each holds, which document it is compared with, and that it knows no future."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.agents.policy_classifier import MIN_DOCUMENTS
from macro_fund.agents.policy_lexicon import load_lexicon
from macro_fund.agents.policy_scorer import LexiconScorer
from macro_fund.agents.policy_text import KEY, policy_text
from macro_fund.store.lake import shape_problems
from macro_fund.store.tables import TABLES
from macro_fund_tests.agents.policy_documents import document, frame, sample_bank, target

SCORER = LexiconScorer(load_lexicon())
HAWKISH = (
    "Inflation remains elevated. Wage pressures grew. The labor market is tight. Inflationary pressures are broad."
)
DOVISH = "Inflation is subdued. Job losses went on. Resource slack persists. Downside risks have increased."
FIRST = date(2020, 1, 15)
MEETINGS = [FIRST + timedelta(days=45 * n) for n in range(4)]
SEED = 20100104


@cache
def world() -> tuple[pl.DataFrame, pl.DataFrame, dict[tuple[str, date], float]]:
    """Statements of both simulated banks over nine years."""
    parts = [sample_bank(b, SEED, date(2012, 1, 1), date(2020, 12, 31)) for b in ("copom", "fomc")]
    tones = {(p[0]["series_id"][0], day): tone for p in parts for day, tone in p[2].items()}
    return pl.concat([p[0] for p in parts]), pl.concat([p[1] for p in parts]), tones


@cache
def world_rows() -> pl.DataFrame:
    documents, targets, _ = world()
    return policy_text(documents, targets, documents["session"].unique().sort().to_list(), SCORER)


def small(*texts: str, series: str = "s") -> pl.DataFrame:
    return frame([document(series, m, t) for m, t in zip(MEETINGS, texts, strict=False)])


def rows_of(documents: pl.DataFrame, sessions: list[date] | None = None) -> pl.DataFrame:
    known = target(MEETINGS, [0.0] * len(MEETINGS))
    return policy_text(documents, known, sessions or documents["session"].unique().to_list(), SCORER)


def test_a_row_a_document_in_the_table_s_shape():
    rows = world_rows()
    assert rows.height == world()[0].height
    assert not [p for p in shape_problems(TABLES[KEY], rows) if p]
    assert rows["score"].abs().max() < 1
    assert set(rows["status"]) <= {"ok", "degraded", "no_view"}
    assert rows.filter((pl.col("status") != "ok") & (pl.col("reason") == "")).is_empty()


def test_the_change_is_against_the_meeting_before_of_the_same_series():
    documents = pl.concat([small(HAWKISH, DOVISH), small(DOVISH, DOVISH, series="t")])
    rows = rows_of(documents)
    first, second = rows.filter(pl.col("series_id") == "s").sort("event_date").rows(named=True)
    assert first["score"] > 0 > second["score"]
    assert (first["previous_score"], first["change"], first["previous_event_date"]) == (None, None, None)
    assert second["previous_score"] == first["score"]
    assert second["change"] == pytest.approx(second["score"] - first["score"])
    assert second["previous_event_date"] == MEETINGS[0]
    other = rows.filter(pl.col("series_id") == "t").sort("event_date")
    assert other["change"].to_list() == [None, 0.0]


def test_a_new_version_of_a_text_is_a_row_and_is_what_the_next_is_compared_with():
    first = document("s", MEETINGS[0], HAWKISH)
    mended = document("s", MEETINGS[0], HAWKISH + " Rising inflation was seen.", released=MEETINGS[0] + timedelta(3))
    late = document("s", MEETINGS[0], DOVISH, released=MEETINGS[2])
    following = document("s", MEETINGS[1], DOVISH)
    rows = rows_of(frame([first, mended, following, late]))
    assert rows.height == 4
    scores = {(r["session"]): r["score"] for r in rows.rows(named=True)}
    compared = rows.filter(pl.col("event_date") == MEETINGS[1]).row(0, named=True)
    assert compared["previous_score"] == scores[mended[0]], "not the version that came later"
    assert rows.filter(pl.col("event_date") == MEETINGS[0])["previous_score"].null_count() == 3


def test_no_view_and_weak_views_say_why():
    documents = frame(
        [
            document("s", MEETINGS[0], "The next meeting is in March."),
            document("s", MEETINGS[1], HAWKISH, language="de"),
            document("s", MEETINGS[2], "Inflation remains elevated."),
        ]
    )
    silent, foreign, thin = rows_of(documents).sort("event_date").rows(named=True)
    assert (silent["status"], silent["score"], silent["p_hold"]) == ("no_view", None, None)
    assert "no phrase of the lexicon in 1 sentences" in silent["reason"]
    assert (foreign["status"], foreign["score"], foreign["n_sentences"]) == ("no_view", None, 0)
    assert "no lexicon of language de" in foreign["reason"]
    assert thin["status"] == "degraded"
    assert "phrases in 1 sentences only" in thin["reason"]
    assert f"needs {MIN_DOCUMENTS}" in thin["reason"]


def test_key_phrases_are_counted_and_ranked():
    (row,) = rows_of(small("Wage pressures grew. Wage pressures spread. Some slack. No recession.")).rows(named=True)
    assert row["key_phrases"] == [
        {"phrase": "wage pressures", "topic": "activity", "polarity": "hawkish", "count": 2, "negated": False},
        {"phrase": "recession", "topic": "activity", "polarity": "dovish", "count": 1, "negated": True},
        {"phrase": "slack", "topic": "activity", "polarity": "dovish", "count": 1, "negated": False},
    ]


def test_only_documents_of_the_asked_sessions_are_scored():
    documents = small(HAWKISH, DOVISH, HAWKISH)
    days = documents["session"].to_list()
    assert rows_of(documents, [days[1]])["session"].to_list() == [days[1]]
    nothing = rows_of(documents, [days[1] + timedelta(days=1)])
    assert nothing.is_empty()
    assert nothing.schema == TABLES[KEY].schema
    with pytest.raises(ValueError, match="no sessions"):
        policy_text(documents, documents, [], SCORER)


def test_each_text_is_scored_once():
    class Counting(LexiconScorer):
        calls = 0

        def score(self, text: str, language: str):
            Counting.calls += 1
            return super().score(text, language)

    documents = small(HAWKISH, DOVISH, HAWKISH + DOVISH, DOVISH + HAWKISH)
    days = documents["session"].to_list()
    policy_text(documents, target(MEETINGS, [0.0] * 4), days, Counting(load_lexicon()))
    assert Counting.calls == 4
    Counting.calls = 0
    policy_text(documents, target(MEETINGS, [0.0] * 4), [days[3]], Counting(load_lexicon()))
    assert Counting.calls == 2, "the new one and the one before it"


def test_a_scorer_that_is_newer_than_a_document_may_not_score_it():
    documents = small(HAWKISH, DOVISH, HAWKISH)
    days = documents["session"].to_list()
    plugged = LexiconScorer(load_lexicon(), since=days[1])
    with pytest.raises(ValueError, match="would know what came of it"):
        policy_text(documents, target(MEETINGS, [0.0] * 4), days, plugged)
    rows = policy_text(documents, target(MEETINGS, [0.0] * 4), days[1:], plugged).sort("session")
    assert rows["previous_score"].is_null().to_list() == [True, False], "the one before it is not scored either"
    assert rows["change"].is_null().to_list() == [True, False]


def test_windows_do_not_matter():
    documents, targets, _ = world()
    sessions = documents["session"].unique().sort().to_list()
    pieces = [sessions[:60], sessions[60:61], sessions[61:80], sessions[80:]]
    parts = pl.concat([policy_text(documents, targets, p, SCORER) for p in pieces])
    assert_frame_equal(parts.sort(TABLES[KEY].sort), world_rows(), check_exact=True)


def test_a_past_session_knows_nothing_of_what_came_later():
    """At random past sessions: as if later rows did not exist, and as if they were all wrong."""
    documents, targets, _ = world()
    sessions = documents["session"].unique().sort().to_list()
    rng = np.random.default_rng(5)
    for n in sorted(rng.choice(np.arange(20, len(sessions)), 8, replace=False).tolist()):
        day = sessions[n]
        expected = world_rows().filter(pl.col("session") == day)
        cut = (f.filter(pl.col("session") <= day) for f in (documents, targets))
        assert_frame_equal(policy_text(*cut, [day], SCORER), expected, check_exact=True)
        later = pl.col("session") > day
        poisoned = documents.with_columns(
            pl.when(later).then(pl.lit(HAWKISH)).otherwise("text").alias("text"),
            pl.when(later).then(pl.lit("x")).otherwise("text_sha256").alias("text_sha256"),
        )
        wrong = targets.with_columns(pl.when(later).then(pl.lit(9.9)).otherwise("value").alias("value"))
        assert_frame_equal(policy_text(poisoned, wrong, [day], SCORER), expected, check_exact=True)


def test_the_planted_tone_is_found():
    """The simulated banks draw their sentences around a tone; scores follow it without knowing the phrases."""
    tones = world()[2]
    for (series,), rows in world_rows().group_by("series_id"):
        held = rows.drop_nulls("score")
        tone = [tones[key] for key in held.select("series_id", "event_date").rows()]
        assert held.height > 0.95 * rows.height, series
        assert np.corrcoef(held["score"], tone)[0, 1] > 0.6, series
