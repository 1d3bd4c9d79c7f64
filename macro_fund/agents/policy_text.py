"""Central banks' texts as numbers: one row per document when it became known.

Belongs here: which documents are scored, against which earlier one, and the rows of agents/policy_text. Does not belong
here: scoring a text (policy_scorer.py), the second opinion (policy_classifier.py), how both did (policy_record.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

import polars as pl

from macro_fund.agents.policy_classifier import CLASSES, TARGETS, Document, SecondOpinion, TargetPath
from macro_fund.agents.policy_lexicon import TOPICS
from macro_fund.agents.policy_scorer import Scored, Scorer
from macro_fund.store.tables import TABLES

KEY = "agents/policy_text"
MODEL_VERSION = "1"
# Fewer sentences with a hit than this make a score that one sentence can turn.
FEW = 3
MOST_PHRASES = 20
_READ = ("session", "series_id", "event_date", "document", "language", "knowledge_time", "text_sha256", "text")


def documents_of(frame: pl.DataFrame) -> list[Document]:
    """Rows of bronze/copom and bronze/fomc as documents, in the order in which they became known."""
    rows = frame.select(_READ).sort("session", "knowledge_time", "series_id", "event_date", "document", "text_sha256")
    return [Document(*row) for row in rows.iter_rows()]


def policy_text(
    documents: pl.DataFrame, observations: pl.DataFrame, sessions: Sequence[date], scorer: Scorer
) -> pl.DataFrame:
    """Rows of agents/policy_text: every document version that became known in one of `sessions`.

    documents: rows of the bronze tables of texts, observations: of silver/observations with the policy targets; rows
    known after a document change nothing in its row. Raises ValueError when no session is asked for, or when `scorer`
    may not score a document because it is newer than that.
    """
    if not sessions:
        raise ValueError("no sessions asked for; give at least one")
    wanted_sessions = set(sessions)
    known = documents_of(documents)
    wanted = [d for d in known if d.session in wanted_sessions]
    if early := [d.session for d in wanted if d.session < scorer.since]:
        raise ValueError(
            f"this scorer is in use since {scorer.since} and may not score a document of {min(early)}: it would know "
            "what came of it; score history with the lexicon"
        )
    scores: dict[tuple[str, str], Scored | None] = {}
    opinion = SecondOpinion()
    paths = {language: TargetPath.of(observations, series) for language, series in TARGETS.items()} if wanted else {}

    def scored(d: Document) -> Scored | None:
        key = (d.sha256, d.language)
        if key not in scores:
            scores[key] = scorer.score(d.text, d.language)
        return scores[key]

    rows = []
    for d in wanted:
        before = previous(d, known)
        earlier = scored(before) if before is not None and before.session >= scorer.since else None
        second = opinion(d, known, paths[d.language]) if d.language in paths else None
        rows.append(
            {
                **_facts(d, scored(d)),
                "previous_event_date": before.event_date if before else None,
                "previous_score": earlier.score if earlier else None,
                **{f"p_{c}": second.probabilities[c] if second else None for c in CLASSES},
                "n_training": second.n_training if second else 0,
                "_second": second.reason if second else "second opinion: no policy rate of this language",
            }
        )
    return _finished(rows)


def previous(document: Document, known: Sequence[Document]) -> Document | None:
    """The newest version, known by then, of the meeting before of the same series; None for the first."""
    earlier = [
        d
        for d in known
        if d.series_id == document.series_id
        and d.event_date < document.event_date
        and d.session <= document.session
        and d.released < document.released
    ]
    return max(earlier, key=lambda d: (d.event_date, d.session, d.released, d.document, d.sha256), default=None)


def _facts(d: Document, said: Scored | None) -> dict[str, object]:
    """The columns that the document and its score give, and why there is no score."""
    missing = few = ""
    if said is None:
        missing = f"no lexicon of language {d.language}"
    elif said.score is None:
        missing = f"no phrase of the lexicon in {said.n_sentences} sentences"
    elif said.n_scored < FEW:
        few = f"phrases in {said.n_scored} sentences only"
    return {
        "session": d.session,
        "series_id": d.series_id,
        "event_date": d.event_date,
        "document": d.document,
        "language": d.language,
        "knowledge_time": d.released,
        "text_sha256": d.sha256,
        "model_version": MODEL_VERSION,
        "score": said.score if said else None,
        **{f"score_{t}": said.topics[t] if said else None for t in TOPICS},
        "n_sentences": said.n_sentences if said else 0,
        "n_scored": said.n_scored if said else 0,
        "key_phrases": [asdict(k) for k in said.key_phrases[:MOST_PHRASES]] if said else [],
        "_missing": missing,
        "_few": few,
    }


def _finished(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    """change, status and reason added; without a score there is no view, with few hits or one opinion it is weak."""
    table = TABLES[KEY]
    if not rows:
        return table.empty()
    notes = {"_missing": pl.String(), "_few": pl.String(), "_second": pl.String()}
    derived = ("change", "status", "reason")
    schema = {n: t for n, t in table.schema.items() if n not in derived} | notes
    frame = pl.DataFrame(rows, schema=schema)
    none = pl.col("_missing") != ""
    said = pl.concat_str(pl.col(*notes), separator="; ").str.replace_all("(; )+", "; ").str.strip_chars("; ")
    return (
        frame.with_columns(
            (pl.col("score") - pl.col("previous_score")).alias("change"),
            said.alias("reason"),
        )
        .with_columns(
            pl.when(none)
            .then(pl.lit("no_view"))
            .when(pl.col("reason") != "")
            .then(pl.lit("degraded"))
            .otherwise(pl.lit("ok"))
            .alias("status"),
            *(pl.when(~none).then(pl.col(c)).alias(c) for c in ("previous_score", *(f"p_{c}" for c in CLASSES))),
        )
        .select(list(table.schema))
        .sort(table.sort)
    )
