"""The words of the pages: phrases.yaml, and a cell in a language.

Belongs here: reading the phrases and putting a cell into words. Does not belong here: the phrases (phrases.yaml), or
the desk's prose (agents/words.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path

from macro_fund.reports.blocks import Cell, Number, Phrase, Told, localised, say
from macro_fund.settings import parse_file

FILE = Path(__file__).with_name("phrases.yaml")


@cache
def phrases() -> Mapping[str, Mapping[str, str]]:
    """`family.name` to the phrase in each language."""
    families: dict[str, dict[str, dict[str, str]]] = parse_file(FILE, dict[str, dict[str, dict[str, str]]])
    return {f"{family}.{name}": told for family, names in families.items() for name, told in names.items()}


def in_words(cell: Cell, language: str) -> str:
    """The cell as it is printed in `language` (en, pt). KeyError for a phrase that phrases.yaml does not have."""
    if isinstance(cell, Number):
        return localised(cell.text, language)
    if isinstance(cell, Phrase):
        return phrases()[cell.key][language].format(**{k: in_words(c, language) for k, c in cell.fill})
    if isinstance(cell, Told):
        return cell.pt if language == "pt" else cell.en
    return cell


def named(family: str, name: str) -> Cell:
    """A name out of a table (a status, a limit) in the page's words; one without a phrase stays as it is."""
    return say(f"{family}.{name}") if f"{family}.{name}" in phrases() else name


def echoed(text: str, contract: str) -> Cell:
    """The words of a proposal about `contract` (screen side, sign echo); unknown words stay as they were written."""
    words = text.replace(contract, "{contract}")
    found = (k for k, told in phrases().items() if k.startswith("echo.") and told["en"] == words)
    key = next(found, None)
    return say(key, contract=contract) if key else text


def long_date(day: date) -> Phrase:
    """Friday 19 May 2017."""
    return say(
        "date.long",
        weekday=say(f"weekday.d{day.weekday()}"),
        day=str(day.day),
        month=say(f"month.m{day.month}"),
        year=str(day.year),
    )
