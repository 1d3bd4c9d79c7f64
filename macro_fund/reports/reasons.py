"""Sentences that tables hold (reasons, details of checks) as pages print them.

Belongs here: recognising a sentence by the phrases `reason.*` and putting it into Portuguese. Does not belong here: the
phrases (phrases.yaml), or the sentences, which the stages that find the reasons write in English.

What no phrase recognises is printed in Portuguese pages as it was written, in quotation marks: the system's own words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import accumulate

from macro_fund.reports.blocks import Cell, Phrase, Told, localised, say
from macro_fund.reports.words import case_name, factor_called, factor_name, in_words, named, phrases

_AMOUNT = re.compile(r"[-+−]?\d[\d,]*(\.\d+)?(%| bp)?")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_ID = r"[\w.:/+-]*[A-Z0-9_][\w.:/+-]*"  # of a series, a contract, a strategy: no word of a language
_IDS = re.compile(rf"{_ID}(, {_ID})*")
_MORE = re.compile(r"(.+) \(\+(\d+) more\)")
REST = "…"
AS_WRITTEN = ("person", "words")
"""Places for what people wrote, or what no phrase is meant for; their phrases quote it."""
INSIDE = "reason"
"""A place for another sentence."""
LISTS = ("factors", "moves", "factor")
"""Places for ids of factors, for their moves (told as sentences of their own), and for a factor by its title."""


def reason(text: str, most: int | None = None) -> Cell:
    """A sentence of a table, its parts told apart by semicolons; of a long one the parts within `most` characters."""
    if not text:
        return ""
    parts = text.split("; ")
    if most is not None and len(text) > most:
        kept = sum(length <= most for length in accumulate(len(p) + 2 for p in parts))
        parts = [*parts[:kept], REST] if kept else [f"{text[: most - 1]}{REST}"]
    return Told("; ".join(parts), "; ".join(_portuguese(part) for part in parts))


def _portuguese(part: str) -> str:
    if part == REST:
        return REST
    if more := _MORE.fullmatch(part):
        return in_words(say("reason.more", what=_portuguese(more[1]), n=more[2]), "pt")
    name = named("method", part) if case_name(part) == part else case_name(part)
    if name != part:
        return in_words(name, "pt")
    for pattern, key in _patterns():
        found = pattern.fullmatch(part)
        cells = {place: _filled(place, text) for place, text in found.groupdict().items()} if found else {}
        if found and None not in cells.values():
            return in_words(Phrase(key, tuple((k, c) for k, c in cells.items() if c is not None)), "pt")
    return f"“{part}”"


def _filled(place: str, text: str) -> Cell | None:
    """What stands in a place of a phrase: an amount, a day, ids, a name of the place's family; None: English words."""
    if place == INSIDE:
        return _portuguese(text)
    if place in LISTS:
        return _listed(place, text)
    if _AMOUNT.fullmatch(text):
        return localised(text, "pt")
    name = named(place, text)
    known = name != text or _DAY.fullmatch(text) or _IDS.fullmatch(text) or place in AS_WRITTEN
    return name if known else None


def _listed(place: str, text: str) -> Cell | None:
    if place == "factors":
        return ", ".join(factor_name(name).pt for name in text.split(", "))
    if place == "factor":
        return factor_called(text)
    moves = [_portuguese(move) for move in re.split(", | and ", text)]
    return " e ".join([", ".join(moves[:-1]), moves[-1]] if moves[1:] else moves)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The phrases as patterns of their English text, those with the most words of their own first."""
    return tuple(_read())


def _read() -> Iterator[tuple[re.Pattern[str], str]]:
    keys = [k for k in phrases() if k.startswith("reason.") and k != "reason.more"]
    for key in sorted(keys, key=lambda k: (-len(re.sub(r"{\w+}", "", phrases()[k]["en"])), k)):
        pieces = re.split(r"{(\w+)}", phrases()[key]["en"])
        text = "".join(f"(?P<{p}>.+?)" if k % 2 else re.escape(p) for k, p in enumerate(pieces))
        yield re.compile(text), key
