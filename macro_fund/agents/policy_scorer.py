"""Hawk or dove: the score of one text by the lexicon, sentence by sentence.

Belongs here: sentences, negation, what hits add up to, and what a scorer of texts must be. Does not belong here: the
phrases (config/policy_lexicon.yaml), which documents are scored and when (policy_text.py).

Hansen and McMahon (2016) and Apel and Blix Grimaldi (2012) count such words in central banks' texts; the negation and
the sentence as the unit are ours. A dictionary knows nothing of what happened later: that is why history uses it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from macro_fund.agents.policy_lexicon import BREAK, TOPICS, Finder, Lexicon, Phrase, words

_HYPHENATED = re.compile(r"(?<=[^\W\d_])-[ \t]*\n[ \t]*(?=[^\W\d_])")
_CONTINUED = re.compile(r"(?<![.!?:;])[ \t]*\n[ \t]*(?=[a-z\u00df-\u00ff])")
# A full stop after a single capital (U.S.) ends no sentence.
_END = re.compile(r"(?:(?<=[.!?])(?<![A-Z]\.)|(?<=[.!?][\"'\u201d)]))\s+(?=[\"'\u201c(]?[A-Z\u00c0-\u00de0-9])|\n+")


@dataclass(frozen=True)
class Hit:
    """A phrase found in a sentence; `negated`: it counts the other way round, with less weight."""

    phrase: Phrase
    negated: bool


@dataclass(frozen=True)
class KeyPhrase:
    """A phrase and how often a text has it; polarity is the lexicon's own, `negated` turns it round."""

    phrase: str
    topic: str
    polarity: str
    count: int
    negated: bool


@dataclass(frozen=True)
class Scored:
    """A text's score in [-1, 1], + = hawkish; None (also of a topic) where no phrase was found."""

    score: float | None
    topics: dict[str, float | None]
    n_sentences: int
    n_scored: int
    key_phrases: tuple[KeyPhrase, ...]


class Scorer(Protocol):
    """Anything that scores texts: the lexicon, or a language model that the user plugs in.

    since: first session whose documents it may score. A model that was trained or written after a document knows how
    the story went on, so it may not score history; the lexicon holds no such knowledge.
    """

    @property
    def since(self) -> date: ...

    def score(self, text: str, language: str) -> Scored | None:
        """None when the language is not known."""
        ...


def sentences(text: str) -> list[str]:
    """The sentences of a text. A line is a paragraph, unless the next one goes on in lower case; a word that a hyphen
    splits at the end of a line is one word."""
    joined = _CONTINUED.sub(" ", _HYPHENATED.sub("", text.replace("\r\n", "\n").replace("\u00ad", "")))
    return [s for s in (part.strip() for part in _END.split(joined)) if any(c.isalpha() for c in s)]


@dataclass
class LexiconScorer:
    """Scores by the phrases of a lexicon."""

    lexicon: Lexicon
    since: date = date.min
    _finders: dict[str, tuple[Finder, Finder, Finder]] = field(init=False)

    def __post_init__(self) -> None:
        self._finders = {
            language: (
                Finder(self.lexicon.phrases(language), self.lexicon.gap),
                Finder(tuple(Phrase.of(t) for t in vocabulary.negators), 0),
                Finder(tuple(Phrase.of(t) for t in vocabulary.exempt), 0),
            )
            for language, vocabulary in self.lexicon.languages.items()
        }

    def score(self, text: str, language: str) -> Scored | None:
        """See Scorer. Every sentence with hits gives (hawkish - dovish) / (hawkish + dovish) of its weights, times its
        heaviest phrase; the text's score is the same ratio of sentences, shrunk towards 0 when they are few."""
        if language not in self._finders:
            return None
        found = sentences(text)
        hits = [h for h in (self.hits(s, language) for s in found) if h]
        return Scored(
            self._ratio(hits),
            {t: self._ratio([k for k in ([h for h in s if h.phrase.topic == t] for s in hits) if k]) for t in TOPICS},
            len(found),
            len(hits),
            _key_phrases(hits),
        )

    def hits(self, sentence: str, language: str) -> list[Hit]:
        """The phrases of one sentence in order: of overlapping ones that with most words, then the first."""
        finder, negators, exempt = self._finders[language]
        tokens = words(sentence)
        matches = sorted(finder.found(tokens), key=lambda m: (-len(m[3].stems), m[0], m[1], m[3].text))
        if not matches:
            return []
        spared = {i for start, end, _, _ in exempt.found(tokens) for i in range(start, end)}
        negating = sorted({start for start, _, _, _ in negators.found(tokens)} - spared)
        taken: set[int] = set()
        kept: list[tuple[int, Hit]] = []
        for start, end, gaps, phrase in matches:
            own = set(range(start, end)) - set(gaps)
            if own & taken:
                continue
            taken |= own
            kept.append((start, Hit(phrase, self._negated(tokens, negating, start, gaps))))
        return [hit for _, hit in sorted(kept, key=lambda k: k[0])]

    def _negated(self, tokens: Sequence[str], negating: Sequence[int], start: int, gaps: Sequence[int]) -> bool:
        """An odd number of negators stands in the clause shortly before the phrase or in its gaps."""
        first = max(start - self.lexicon.window, 0)
        for i in range(start - 1, first - 1, -1):
            if tokens[i] == BREAK:
                first = i
                break
        return sum(first <= i < start or i in gaps for i in negating) % 2 == 1

    def _weights(self, hits: Sequence[Hit]) -> tuple[float, float, float]:
        """Hawkish and dovish weight of a sentence, and its heaviest phrase."""
        sides = {"hawkish": 0.0, "dovish": 0.0}
        other = {"hawkish": "dovish", "dovish": "hawkish"}
        heaviest = 0.0
        for hit in hits:
            weight = hit.phrase.weight * (self.lexicon.negated_weight if hit.negated else 1.0)
            sides[other[hit.phrase.polarity] if hit.negated else hit.phrase.polarity] += weight
            heaviest = max(heaviest, weight)
        return sides["hawkish"], sides["dovish"], heaviest

    def _ratio(self, sentences_hits: Sequence[Sequence[Hit]]) -> float | None:
        if not sentences_hits:
            return None
        hawkish = dovish = 0.0
        for hits in sentences_hits:
            h, d, heaviest = self._weights(hits)
            lean = heaviest * (h - d) / (h + d)
            hawkish += max(lean, 0.0)
            dovish += max(-lean, 0.0)
        both = hawkish + dovish + self.lexicon.shrinkage
        return (hawkish - dovish) / both if both else 0.0


def _key_phrases(hits: Sequence[Sequence[Hit]]) -> tuple[KeyPhrase, ...]:
    """Each phrase with its count, the ones that weigh most first."""
    counts = Counter(hit for sentence in hits for hit in sentence)
    ranked = sorted(counts.items(), key=lambda c: (-c[1] * c[0].phrase.weight, c[0].phrase.text, c[0].negated))
    return tuple(KeyPhrase(h.phrase.text, h.phrase.topic, h.phrase.polarity, n, h.negated) for h, n in ranked)
