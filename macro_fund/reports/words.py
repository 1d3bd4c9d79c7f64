"""The words of the pages: phrases.yaml, and a cell in a language.

Belongs here: reading the phrases, putting a cell into words, and names out of tables. Does not belong here: the phrases
(phrases.yaml), the desk's prose (agents/words.py), or sentences out of tables (reasons.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path

from macro_fund.agents.words import WORDS
from macro_fund.reports.blocks import Cell, Number, Phrase, Told, localised, say
from macro_fund.settings import default_settings, parse_file

LANGUAGES = ("en", "pt")
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


def tenor_name(tenor: float, unit: str) -> Cell:
    """A node of a curve; unit: bd (business days) or y (years)."""
    return say(f"tenor.{unit}", n=Told(*(localised(f"{tenor:g}", language) for language in LANGUAGES)))


def agent_name(name: str) -> Told:
    return Told(*(WORDS[language].agents.get(name, name) for language in LANGUAGES))


def asset_name(name: str) -> Told:
    """What agents have views of."""
    return Told(*(WORDS[language].assets.get(name, name) for language in LANGUAGES))


def factor_name(name: str) -> Told:
    """The title of a risk factor of config/factors.yaml without its article; another name stays as it is."""
    return _titles()[0].get(name, Told(name, name))


def factor_called(title: str) -> Told | None:
    """The factor with this English title, with or without its article; None when there is none."""
    return next((told for told in _titles()[0].values() if told.en == title.removeprefix("the ")), None)


def case_name(case: str) -> Cell:
    """A stress case: a scenario of config/scenarios.yaml, its replay (`<id>:window`, `<id>:worst_day`), or a case of
    correlations; another name stays as it is."""
    scenario, colon, part = case.partition(":")
    title = _titles()[1].get(scenario)
    if title is None:
        return named("correlation", case)
    return say(f"replay.{part}", scenario=title) if colon else title


@cache
def _titles() -> tuple[Mapping[str, Told], Mapping[str, Told]]:
    """Names of factors, and of scenarios: what the title says before its dates, and the year."""
    settings = default_settings()
    factors = {f.id: Told(f.title.removeprefix("the "), f.title_pt.removeprefix("o ")) for f in settings.factors}
    scenarios = {
        s.id: Told(*(f"{re.split('[,:]', t)[0]}{f' {s.start.year}' if s.start else ''}" for t in (s.title, s.title_pt)))
        for s in settings.scenarios
    }
    return factors, scenarios


def short_month(month: int, language: str) -> str:
    """Nov, nov: the first three letters."""
    return in_words(say(f"month.m{month}"), language)[:3]


def long_date(day: date) -> Phrase:
    """Friday 19 May 2017."""
    return say(
        "date.long",
        weekday=say(f"weekday.d{day.weekday()}"),
        day=str(day.day),
        month=say(f"month.m{day.month}"),
        year=str(day.year),
    )
