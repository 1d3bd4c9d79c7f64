"""English that is left in a Portuguese page.

Belongs here: which words give English away. Does not belong here: pages (test_portuguese.py, graph/test_pack_files.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from macro_fund.agents.words import DRIVERS, WORDS
from macro_fund.reports.words import phrases
from macro_fund.settings import default_settings

# What is no language: the system's own words, commands, names of tables, checks, series and contracts.
_DATA = re.compile(r"“[^”]*”|macro-fund [^|).]*|\S*[_/\d]\S*|{\w+}")
_WORD = re.compile(r"[^\W\d_]{3,}")


def english_left(text: str, names: Iterable[str] = ()) -> set[str]:
    """Words of the text that are in the reports' English and not in their Portuguese; `names` are let through."""
    for name in names:
        text = re.sub(rf"\b{re.escape(name)}\b", " ", text)
    return _words([text]) & _vocabulary()


@cache
def _vocabulary() -> set[str]:
    settings = default_settings()
    titled = [*settings.factors, *settings.scenarios]
    said = {language: [p[language] for p in phrases().values()] for language in ("en", "pt")}
    said["en"] += [t.title for t in titled] + [en for en, _ in DRIVERS.values()]
    said["pt"] += [t.title_pt for t in titled] + [pt for _, pt in DRIVERS.values()]
    for language, words in WORDS.items():
        said[language] += [words.scored, words.drivers, words.verdict, *words.agents.values(), *words.assets.values()]
    return _words(said["en"]) - _words(said["pt"])


def _words(texts: Iterable[str]) -> set[str]:
    return {w.lower() for text in texts for w in _WORD.findall(_DATA.sub(" ", text))}
