"""The wall clock. Only the command line, the job of a person's decision, the
schedule's and sensors' ticks and live fetching may ask it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, UTC."""
    return datetime.now(UTC)
