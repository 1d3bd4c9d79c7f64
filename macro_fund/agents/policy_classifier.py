"""A second opinion on a central bank's text: what its words were followed by in the past.

Belongs here: which decision followed a document, and the classifier that learns it. Does not belong here: the lexicon's
score (policy_scorer.py), rows (policy_text.py).

TF-IDF of words, logistic regression, three classes: cut, hold, hike at the next meeting. Fitted
anew for each document on the documents of its language whose next decision was public before it was.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from macro_fund.agents.policy_lexicon import fold

TARGETS: Mapping[str, str] = {"pt": "br_selic_target", "en": "us_fed_target_upper"}
"""The rate that the documents of a language decide on."""
CLASSES = ("cut", "hold", "hike")
MIN_DOCUMENTS, MIN_CLASSES = 24, 2
# The new target is in force by then, also after a holiday or an announcement on a Sunday.
IN_FORCE = timedelta(days=2)
_MOVED = 1e-6
# 1 / strength of the ridge penalty. With scikit-learn's 1.0 the odds of a few dozen documents hardly leave the base
# rates; one step of ten above it, chosen before any result was seen.
INVERSE_PENALTY = 10.0
_FEATURES = 2**16
_MIN_IN_DOCUMENTS = 2


@dataclass(frozen=True)
class Document:
    """One version of a document: when it became known, and what it says."""

    session: date
    series_id: str
    event_date: date
    document: str
    language: str
    released: datetime
    sha256: str
    text: str


@dataclass(frozen=True)
class Decision:
    """Change of a target at a meeting (decimal), and when it became known."""

    meeting: date
    change: float
    known: datetime
    session: date

    @property
    def outcome(self) -> str:
        return CLASSES[1 + (self.change > _MOVED) - (self.change < -_MOVED)]


@dataclass(frozen=True)
class Opinion:
    """Probabilities of the next decision, by class; None and the reason when there is too little to learn from."""

    probabilities: Mapping[str, float | None]
    n_training: int
    reason: str


@dataclass
class TargetPath:
    """The policy target by the day it is in force, each day as it was first published."""

    days: list[date]
    values: list[float]
    known: list[datetime]
    sessions: list[date]

    @classmethod
    def of(cls, observations: pl.DataFrame, series_id: str) -> TargetPath:
        rows = observations.filter((pl.col("series_id") == series_id) & pl.col("value").is_finite())
        rows = rows.sort("event_date", "knowledge_time").unique("event_date", keep="first", maintain_order=True)
        columns = (rows[c].to_list() for c in ("event_date", "value", "knowledge_time", "session"))
        return cls(*columns)

    def decision(self, meeting: date) -> Decision | None:
        """What was decided at the meeting; None before the series starts and while the new target is not yet known."""
        before, after = bisect_left(self.days, meeting) - 1, bisect_left(self.days, meeting + IN_FORCE)
        if before < 0 or after >= len(self.days):
            return None
        change = self.values[after] - self.values[before]
        return Decision(meeting, change, self.known[after], self.sessions[after])


def next_decision(released: datetime, meetings: Sequence[date], path: TargetPath) -> Decision | None:
    """The decision of the first of `meetings` (ascending) after the day of release; None while there is none."""
    at = bisect_right(meetings, released.date())
    return path.decision(meetings[at]) if at < len(meetings) else None


def known_before(document: Document, others: Sequence[Document]) -> list[Document]:
    """Documents of the same language that were known before `document`, each in its first version, oldest first."""
    earlier = [
        d
        for d in others
        if d.language == document.language and d.session <= document.session and d.released < document.released
    ]
    first: dict[tuple[str, str, date], Document] = {}
    for d in sorted(earlier, key=lambda d: (d.session, d.released, d.series_id, d.event_date, d.document, d.sha256)):
        first.setdefault((d.series_id, d.document, d.event_date), d)
    return list(first.values())


def training_set(document: Document, others: Sequence[Document], path: TargetPath) -> tuple[list[Document], list[str]]:
    """Documents and the outcomes that followed them, as they were known when `document` came out.

    A meeting counts when a document of it (or `document` itself) is known: the calendar of the future is not used.
    """
    earlier = known_before(document, others)
    meetings = sorted({d.event_date for d in earlier} | {document.event_date})
    labelled = []
    for d in earlier:
        decision = next_decision(d.released, meetings, path)
        if decision and decision.known < document.released and decision.session <= document.session:
            labelled.append((d, decision.outcome))
    return [d for d, _ in labelled], [outcome for _, outcome in labelled]


@dataclass
class SecondOpinion:
    """The classifier. It keeps the word counts of texts that it has seen, nothing else: each fit starts anew."""

    _counts: dict[str, Any] = field(default_factory=dict)

    def counts(self, document: Document) -> Any:
        """Sparse row of a text's words (three letters or more, no numbers)."""
        if document.sha256 not in self._counts:
            from sklearn.feature_extraction.text import HashingVectorizer

            vectorizer = HashingVectorizer(
                n_features=_FEATURES,
                token_pattern=r"(?u)\b[a-z]{3,}\b",
                alternate_sign=False,
                norm=None,
                preprocessor=fold,
            )
            self._counts[document.sha256] = vectorizer.transform([document.text])
        return self._counts[document.sha256]

    def __call__(self, document: Document, others: Sequence[Document], path: TargetPath) -> Opinion:
        """The opinion on `document` of a classifier fitted on those of `others` that may be known."""
        training, outcomes = training_set(document, others, path)
        reason = ""
        if len(training) < MIN_DOCUMENTS:
            reason = f"second opinion: {len(training)} documents with a known next decision, needs {MIN_DOCUMENTS}"
        elif len(set(outcomes)) < MIN_CLASSES:
            reason = f"second opinion: every known next decision is a {outcomes[0]}"
        if reason:
            return Opinion(dict.fromkeys(CLASSES), len(training), reason)
        return Opinion(self._fit(document, training, outcomes), len(training), "")

    def _fit(self, document: Document, training: Sequence[Document], outcomes: Sequence[str]) -> dict[str, float]:
        """Probabilities by class; 0 for a class that has not occurred yet."""
        from scipy import sparse
        from sklearn.feature_extraction.text import TfidfTransformer
        from sklearn.linear_model import LogisticRegression

        counts = sparse.vstack([self.counts(d) for d in training], format="csr")
        used = counts.getnnz(axis=0) >= _MIN_IN_DOCUMENTS
        weigh = TfidfTransformer(sublinear_tf=True).fit(counts[:, used])
        model = LogisticRegression(C=INVERSE_PENALTY, tol=1e-3, max_iter=1000)
        model.fit(weigh.transform(counts[:, used]), list(outcomes))
        said = model.predict_proba(weigh.transform(self.counts(document)[:, used]))[0]
        by_class = dict(zip(model.classes_, said, strict=True))
        return {name: float(by_class.get(name, 0.0)) for name in CLASSES}
