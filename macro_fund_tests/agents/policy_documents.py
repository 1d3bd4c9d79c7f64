"""Documents and policy targets for tests of the policy texts: a small bank of our own, and the sample world's banks.

Belongs here: making inputs. Does not belong here: tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from macro_fund.agents.policy_classifier import TARGETS
from macro_fund.sample.texts import Bank, compose, meetings

DOCUMENTS = pl.Schema(
    {
        "session": pl.Date(),
        "series_id": pl.String(),
        "event_date": pl.Date(),
        "document": pl.String(),
        "language": pl.String(),
        "knowledge_time": pl.Datetime("us", "UTC"),
        "text_sha256": pl.String(),
        "text": pl.String(),
    }
)
OBSERVATIONS = pl.Schema(
    {
        "session": pl.Date(),
        "series_id": pl.String(),
        "event_date": pl.Date(),
        "value": pl.Float64(),
        "knowledge_time": pl.Datetime("us", "UTC"),
    }
)


def at(day: date, hour: int = 11) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def document(
    series: str, meeting: date, text: str, *, language: str = "en", released: date | None = None, name: str = ""
) -> tuple[object, ...]:
    """One row; known on the morning of `released` (the day after the meeting unless said)."""
    day = released or meeting + timedelta(days=1)
    sha = hashlib.sha256(text.encode()).hexdigest()
    return (day, series, meeting, name or f"{meeting:%Y%m%d}", language, at(day), sha, text)


def frame(rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, DOCUMENTS, orient="row")


def target(meeting_days: Sequence[date], moves_bp: Sequence[float], language: str = "en") -> pl.DataFrame:
    """A daily target from 30 days before the first meeting on; a new one is in force, and known, the day after."""
    day, rate, rows = meeting_days[0] - timedelta(days=30), 0.05, []
    changes = dict(zip((d + timedelta(days=1) for d in meeting_days), moves_bp, strict=True))
    while day <= meeting_days[-1] + timedelta(days=5):
        rate += changes.get(day, 0.0) / 1e4
        rows.append((day, TARGETS[language], day, rate, at(day, 3)))
        day += timedelta(days=1)
    return pl.DataFrame(rows, OBSERVATIONS, orient="row")


def sample_bank(bank: Bank, seed: int, start: date, end: date) -> tuple[pl.DataFrame, pl.DataFrame, dict[date, float]]:
    """Statements of a simulated bank, its target, and the planted tone of each meeting."""
    held = meetings(seed, bank)
    days = [d.item() for d in held.days.astype("datetime64[D]")]
    chosen = [k for k, d in enumerate(days) if start <= d <= end]
    language = "pt" if bank == "copom" else "en"
    rows = []
    for k in chosen:
        text = "\n".join(p for section in compose(seed, bank, k, "statement") for p in section)
        rows.append(document(f"{bank}_statements", days[k], text, language=language))
    known = target([days[k] for k in chosen], [float(held.move[k]) * 100 for k in chosen], language)
    return frame(rows), known, {days[k]: float(held.tone[k]) for k in chosen}
