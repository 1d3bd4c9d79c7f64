"""The second opinion: which decision follows a document, what may be learned from, and that words are learned."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from macro_fund.agents.policy_classifier import (
    MIN_DOCUMENTS,
    Decision,
    Document,
    SecondOpinion,
    TargetPath,
    next_decision,
    training_set,
)
from macro_fund.agents.policy_text import documents_of
from macro_fund_tests.agents.policy_documents import at, document, frame, target

MEETINGS = [date(2015, 1, 14) + timedelta(days=42 * n) for n in range(60)]
SERIES = "us_fed_target_upper"


def bank(seed: int = 3, signal: float = 1.0) -> tuple[list[Document], TargetPath, list[str]]:
    """A bank whose words before a move are of that move with probability `signal`, else of any."""
    rng = np.random.default_rng(seed)
    kinds = ["cut", "hold", "hike"]
    moves = rng.integers(0, 3, len(MEETINGS))
    names = {"cut": "gloomy feeble sagging", "hold": "steady calm even", "hike": "feverish soaring blazing"}
    rows = []
    for n, meeting in enumerate(MEETINGS):
        coming = kinds[moves[n + 1]] if n + 1 < len(MEETINGS) else "hold"
        word = coming if rng.random() < signal else kinds[rng.integers(0, 3)]
        filler = " ".join(rng.choice(["trade", "bank", "price", "output", "credit", "region"], 30))
        rows.append(document("s", meeting, f"{filler} {names[word]}"))
    observations = target(MEETINGS, [25.0 * (m - 1) for m in moves])
    return documents_of(frame(rows)), TargetPath.of(observations, SERIES), [kinds[m] for m in moves]


def test_a_decision_is_the_change_that_comes_into_force_after_the_meeting():
    path = TargetPath.of(target(MEETINGS[:3], [25.0, 0.0, -50.0]), SERIES)
    found = [path.decision(m) for m in MEETINGS[:3]]
    assert [(d.outcome, round(d.change * 1e4)) for d in found if d] == [("hike", 25), ("hold", 0), ("cut", -50)]
    assert found[0] is not None
    assert found[0].known == at(MEETINGS[0] + timedelta(days=2), 3), "known when the new target is"
    assert path.decision(MEETINGS[0] - timedelta(days=60)) is None, "before the series"
    assert path.decision(MEETINGS[5]) is None, "not yet known"


def test_the_next_decision_is_of_the_first_meeting_after_the_release():
    path = TargetPath.of(target(MEETINGS[:3], [25.0, 0.0, -50.0]), SERIES)
    at_once = next_decision(at(MEETINGS[0]), MEETINGS[:3], path)
    on_the_day = next_decision(at(MEETINGS[1]), MEETINGS[:3], path)
    assert at_once is not None
    assert on_the_day is not None
    assert (at_once.meeting, on_the_day.meeting) == (MEETINGS[1], MEETINGS[2])
    assert next_decision(at(MEETINGS[2]), MEETINGS[:3], path) is None


@pytest.mark.parametrize(("change", "outcome"), [(-0.0025, "cut"), (0.0, "hold"), (1e-9, "hold"), (0.005, "hike")])
def test_outcomes(change: float, outcome: str):
    assert Decision(MEETINGS[0], change, at(MEETINGS[0]), MEETINGS[0]).outcome == outcome


def test_only_documents_whose_next_decision_was_public_are_learned_from():
    documents, path, outcomes = bank()
    for n in (1, 2, 10, 40):
        training, labels = training_set(documents[n], documents, path)
        # Known the morning after meeting n: decisions up to n - 1, so documents up to n - 2.
        assert [d.event_date for d in training] == MEETINGS[: max(n - 1, 0)]
        assert labels == outcomes[1:n]


def test_other_languages_later_versions_and_late_arrivals_are_left_out():
    documents, path, _ = bank()
    asked = documents[30]
    plain, labels = training_set(asked, documents, path)
    foreign = [Document(**{**vars(d), "language": "pt"}) for d in documents[:5]]
    again = [
        Document(**{**vars(d), "text": "new", "sha256": "n", "released": d.released + timedelta(1)}) for d in plain
    ]
    late = Document(**{**vars(documents[2]), "series_id": "t", "session": asked.session + timedelta(days=1)})
    got, same = training_set(asked, [*foreign, *again, late, *documents], path)
    assert got == plain
    assert same == labels


def test_too_few_documents_or_one_outcome_give_no_opinion():
    documents, path, _ = bank()
    few = SecondOpinion()(documents[MIN_DOCUMENTS], documents, path)
    assert few.n_training == MIN_DOCUMENTS - 1
    assert few.probabilities == {"cut": None, "hold": None, "hike": None}
    assert f"{MIN_DOCUMENTS - 1} documents" in few.reason
    still = TargetPath.of(target(MEETINGS, [0.0] * len(MEETINGS)), SERIES)
    one = SecondOpinion()(documents[50], documents, still)
    assert "every known next decision is a hold" in one.reason
    enough = SecondOpinion()(documents[MIN_DOCUMENTS + 1], documents, path)
    assert enough.reason == ""


def test_planted_words_are_learned_and_noise_is_not():
    for signal, low, high in ((1.0, 0.9, 1.0), (0.0, 0.0, 0.65)):
        documents, path, outcomes = bank(signal=signal)
        opinion = SecondOpinion()
        right = []
        for n in range(30, 59):
            said = opinion(documents[n], documents, path).probabilities
            assert sum(p or 0.0 for p in said.values()) == pytest.approx(1.0)
            right.append(max(said, key=lambda c: said[c] or 0.0) == outcomes[n + 1])
        assert low <= np.mean(right) <= high, signal


def test_a_class_that_never_occurred_has_probability_zero():
    documents, _, _ = bank()
    path = TargetPath.of(target(MEETINGS, [25.0 * (n % 2) for n in range(len(MEETINGS))]), SERIES)
    said = SecondOpinion()(documents[50], documents, path).probabilities
    assert said["cut"] == 0.0
    assert (said["hold"] or 0) + (said["hike"] or 0) == pytest.approx(1.0)


def test_poisoned_later_documents_and_decisions_change_nothing():
    documents, path, _ = bank()
    for n in (30, 45):
        plain = SecondOpinion()(documents[n], documents, path)
        poisoned = [
            d if i <= n else Document(**{**vars(d), "text": "gloomy " * 500, "sha256": f"x{i}"})
            for i, d in enumerate(documents)
        ]
        after = documents[n].released
        wrong = TargetPath(
            path.days, [v if k <= after else 9.9 for v, k in zip(path.values, path.known, strict=True)], path.known,
            path.sessions,
        )  # fmt: skip
        assert SecondOpinion()(documents[n], poisoned, wrong) == plain


def test_an_opinion_depends_on_nothing_seen_before():
    documents, path, _ = bank()
    used = SecondOpinion()
    for d in reversed(documents[30:45]):
        used(d, documents, path)
    assert used(documents[44], documents, path) == SecondOpinion()(documents[44], documents, path)


def test_the_first_vintage_of_a_target_counts():
    observations = target(MEETINGS[:3], [25.0, 0.0, -50.0])
    revised = observations.with_columns(pl.col("knowledge_time").dt.offset_by("400d"), pl.lit(9.9).alias("value"))
    both = TargetPath.of(revised.vstack(observations.cast(revised.schema)), SERIES)
    assert both == TargetPath.of(observations, SERIES)
    assert isinstance(both.known[0], datetime)
