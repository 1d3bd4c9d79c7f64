"""The lexicon of monetary policy: which words are hawkish or dovish, of what, in Portuguese and English.

Belongs here: the shape of config/policy_lexicon.yaml, folding of words and the search for phrases in a clause's words.
Does not belong here: the phrases themselves (config/) or what a document's hits add up to (policy_scorer.py).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from macro_fund.settings import CONFIG_DIR, parse_file

Topic = Literal["inflation", "activity", "rates", "fiscal", "external"]
Polarity = Literal["hawkish", "dovish"]
Weight = Annotated[float, Field(gt=0, le=2)]
TOPICS: tuple[Topic, ...] = ("inflation", "activity", "rates", "fiscal", "external")
GAP, BREAK = "..", "|"
_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?\*?$")
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[a-z0-9]+(?:'[a-z]+)?|[,;:()|\u2013\u2014]")
_ACCENT = re.compile("[\u0300-\u036f]")
# A dash of UTF-8 that a provider read as Latin-1: three characters, the first of which would stick to the word before.
_MISREAD_DASH = re.compile("\u00e2\u0080[\u0090-\u0095]")


def fold(text: str) -> str:
    """Lower case without accents; hyphens are spaces, curly apostrophes straight."""
    text = _MISREAD_DASH.sub(" ", text).replace("\u2019", "'").replace("-", " ").lower()
    return _ACCENT.sub("", unicodedata.normalize("NFKD", text))


def words(sentence: str) -> list[str]:
    """The folded words of a sentence in order, with BREAK where a clause ends (comma, colon, bracket, dash)."""
    found: list[str] = _TOKEN.findall(fold(sentence))
    return [w if w[0].isalnum() else BREAK for w in found]


class Vocabulary(BaseModel):
    """The words of one language; phrases by topic and polarity with their weight."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    negators: tuple[str, ...]
    exempt: tuple[str, ...]
    phrases: dict[Topic, dict[Polarity, dict[str, Weight]]]

    @field_validator("negators", "exempt")
    @classmethod
    def _plain(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            _parts(text)
        return texts

    @field_validator("phrases")
    @classmethod
    def _once(cls, phrases: dict[Topic, dict[Polarity, dict[str, float]]]) -> object:
        texts = [text for sides in phrases.values() for held in sides.values() for text in held]
        twice = sorted(p for p, n in Counter(" ".join(_parts(t)) for t in texts).items() if n > 1)
        if twice:
            raise ValueError(
                f"phrases given twice (after folding): {', '.join(twice)}; each has one topic and polarity"
            )
        return phrases


def _parts(text: str) -> list[str]:
    """The folded parts of a phrase; raises ValueError for one that could never be found."""
    parts = fold(text).split()
    for part in parts:
        if part != GAP and not _WORD.match(part):
            raise ValueError(f"phrase {text!r}: {part!r} is no word; allowed are words, word* and {GAP} between words")
    if not parts or GAP in (parts[0], parts[-1]) or any(a == b == GAP for a, b in pairwise(parts)):
        raise ValueError(f"phrase {text!r}: begins and ends with a word, and has words on both sides of {GAP}")
    return parts


@dataclass(frozen=True)
class Phrase:
    """A phrase ready to be searched: its words in order (`stem` with True: any ending) and where gaps are."""

    text: str
    stems: tuple[tuple[str, bool], ...]
    gaps: frozenset[int]
    topic: Topic = "rates"
    polarity: Polarity = "hawkish"
    weight: float = 0.0

    @classmethod
    def of(cls, text: str, topic: Topic = "rates", polarity: Polarity = "hawkish", weight: float = 0.0) -> Phrase:
        """`text` in the lexicon's notation; topic, polarity and weight say nothing of a negator."""
        stems: list[tuple[str, bool]] = []
        gaps: set[int] = set()
        for part in _parts(text):
            if part == GAP:
                gaps.add(len(stems))
            else:
                stems.append((part.removesuffix("*"), part.endswith("*")))
        return cls(text, tuple(stems), frozenset(gaps), topic, polarity, weight)

    def at(self, tokens: Sequence[str], start: int, gap: int) -> tuple[int, tuple[int, ...]] | None:
        """End (exclusive) and places of the words in its gaps, when the phrase begins at `start`; the nearest words
        count."""
        place, skipped = start, list[int]()
        for n, stem in enumerate(self.stems):
            for _ in range((gap if n in self.gaps else 0) + 1):
                if place >= len(tokens) or tokens[place] == BREAK:
                    return None
                if _is(tokens[place], stem):
                    break
                skipped.append(place)
                place += 1
            else:
                return None
            place += 1
        return place, tuple(skipped)


def _is(token: str, stem: tuple[str, bool]) -> bool:
    return token.startswith(stem[0]) if stem[1] else token == stem[0]


@dataclass
class Finder:
    """Phrases by the word that they begin with; remembers which phrases a word may begin."""

    phrases: tuple[Phrase, ...]
    gap: int
    _starting: dict[str, tuple[Phrase, ...]] = field(default_factory=dict)

    def found(self, tokens: Sequence[str]) -> Iterator[tuple[int, int, tuple[int, ...], Phrase]]:
        """(start, end, places in gaps, phrase) of every phrase at every place, overlapping ones too."""
        for start, token in enumerate(tokens):
            candidates = self._starting.get(token)
            if candidates is None:
                candidates = tuple(p for p in self.phrases if _is(token, p.stems[0]))
                self._starting[token] = candidates
            for phrase in candidates:
                if (match := phrase.at(tokens, start, self.gap)) is not None:
                    yield start, match[0], match[1], phrase


class Lexicon(BaseModel):
    """config/policy_lexicon.yaml: the rules of scoring and a vocabulary a language."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    window: Annotated[int, Field(ge=1, le=10)]
    gap: Annotated[int, Field(ge=0, le=10)]
    negated_weight: Annotated[float, Field(gt=0, le=1)]
    shrinkage: Annotated[float, Field(ge=0)]
    languages: Mapping[Literal["pt", "en"], Vocabulary]

    @model_validator(mode="after")
    def _some(self) -> Lexicon:
        if not self.languages:
            raise ValueError("no language; give the words of pt, en or both")
        return self

    def phrases(self, language: Literal["pt", "en"]) -> tuple[Phrase, ...]:
        """Every phrase of a language with its topic, polarity and weight."""
        return tuple(
            Phrase.of(text, topic, polarity, weight)
            for topic, sides in self.languages[language].phrases.items()
            for polarity, held in sides.items()
            for text, weight in held.items()
        )


def load_lexicon(config_dir: Path = CONFIG_DIR) -> Lexicon:
    """config_dir/policy_lexicon.yaml; raises SettingsError naming file, line, field and what is allowed."""
    found: Lexicon = parse_file(config_dir / "policy_lexicon.yaml", Lexicon)
    return found
