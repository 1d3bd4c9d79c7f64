"""What people type, and how the ledger names moments to them.

Belongs here: which ids a typed text means, whether two names are one person's, a moment in words. Does not belong here:
what is refused and why (`ledger_rules.py` and its neighbours), times of sessions (`time/`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from macro_fund.time.zones import SAO_PAULO


def meant(text: str, ids: Iterable[str]) -> list[str]:
    """The ids that `text` means, without case: the one that it is, else all that begin with it; of "" none."""
    text = text.strip().lower()
    known = list(ids)
    return [i for i in known if i == text] or [i for i in known if text and i.startswith(text)]


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's: without case and spaces."""
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()


def in_words(time: datetime) -> str:
    """A moment on the clocks of Sao Paulo: 2026-11-20 08:00 Sao Paulo."""
    return f"{time.astimezone(SAO_PAULO):%Y-%m-%d %H:%M} Sao Paulo"
