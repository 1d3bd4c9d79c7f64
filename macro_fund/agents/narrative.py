"""Prose that cannot lie: every number in it is a fact with an address, or the prose is thrown away.

Belongs here: the facts that may be told, the template narrator in Portuguese and English, what another narrator is
asked, and the check of a text against its facts. Does not belong here: a score (prose never sets one), files, or how a
language model is reached (sources/language_model.py).

A fact is a number as printed, in the language's own form, with the table, item and column that it comes from. The check
takes every number out of a text and looks for it among the facts of the same session: what is not there is unproven.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from macro_fund.agents.words import WORDS, spoken

LANGUAGES = ("en", "pt")
PERCENT_UNITS = ("decimal", "rate", "share", "fraction")
NUMBER = re.compile(r"[-+−]?\d[\d.,]*\d%?|[-+−]?\d%?")
TOP_DRIVERS = 2


@dataclass(frozen=True)
class Fact:
    """A number that may be told: where it is kept, what it is, and how it is printed."""

    source: str
    item: str
    value: float
    text: str


@dataclass(frozen=True)
class AgentFacts:
    """What may be told of one agent in one session; numbers are facts, the rest are words of the report."""

    agent: str
    status: str
    reason: str
    score: Fact | None
    confidence: Fact | None
    drivers: tuple[tuple[str, Fact, Fact], ...]


@dataclass(frozen=True)
class Briefing:
    """All that a narrator is given for one session and language."""

    session: date
    language: str
    agents: tuple[AgentFacts, ...]
    conflicts: tuple[str, ...]
    verdicts: tuple[tuple[str, str, Fact | None], ...]

    @property
    def facts(self) -> tuple[Fact, ...]:
        found = [f for a in self.agents for f in (a.score, a.confidence) if f is not None]
        found += [f for a in self.agents for _, value, part in a.drivers for f in (value, part)]
        return (*found, *(f for _, _, f in self.verdicts if f is not None))

    @property
    def names(self) -> tuple[str, ...]:
        """Names as prose writes them: what stands in them is no number."""
        return tuple(
            spoken(n, self.language) for n in (*(d for a in self.agents for d, _, _ in a.drivers), *self.conflicts)
        )

    @property
    def digest(self) -> str:
        """Of everything above: the same inputs give the same text."""
        return hashlib.sha256(json.dumps(self, default=_plain, sort_keys=True).encode()).hexdigest()


Narrator = Callable[[Briefing], str]


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else vars(value)


def is_percent(unit: str) -> bool:
    """Whether a driver's unit ("decimal a year", "share of GDP") is told as a percentage."""
    return unit.startswith(PERCENT_UNITS)


def printed(value: float, language: str, *, percent: bool = False, sign: bool = False) -> str:
    """Two decimals, in the language's own form: 0.105 is 10.50% in English and 10,50% in Portuguese."""
    shown = value * 100 if percent else value
    text = f"{shown:+.2f}" if sign else f"{shown:.2f}"
    return (text.replace(".", ",") if language == "pt" else text) + ("%" if percent else "")


def unproven(text: str, facts: Sequence[Fact], names: Sequence[str] = ()) -> list[str]:
    """Numbers of the text that are no fact's, in order.

    A word that contains a digit (3m, T1, 2y) is no number, nor is a digit inside one of `names` (of drivers, of rules).
    """
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, " ")
    words = re.sub(r"\b(?=\w*[A-Za-zÀ-ÿ_])\w+", " ", text)
    known = {n for f in facts for n in _numbers(f.text)}
    return [n for n in _numbers(words) if n not in known]


def _numbers(text: str) -> list[str]:
    return [n.replace("−", "-").lstrip("+") for n in NUMBER.findall(text)]


def briefing(
    session: date,
    language: str,
    views: Sequence[dict[str, Any]],
    sure: Mapping[str, float | None],
    conflicts: Sequence[str],
    verdicts: Sequence[dict[str, Any]],
) -> Briefing:
    """The facts of a session: rows of agents/*_view, confidence by agent after the rules (agents/views), names of
    the broken rules, rows of agents/cases."""
    return Briefing(
        session,
        language,
        tuple(_agent_facts(row, sure[row["agent_id"]], language) for row in views),
        tuple(conflicts),
        tuple((row["asset"], row["verdict"], _score_fact("agents/cases", row["asset"], row["score"], language))
              for row in verdicts if row["verdict"] != "inconclusive"),
    )  # fmt: skip


def _score_fact(source: str, item: str, value: float | None, language: str) -> Fact | None:
    return None if value is None else Fact(source, item, value, printed(value, language, sign=True))


def _agent_facts(row: dict[str, Any], confidence: float | None, language: str) -> AgentFacts:
    source = f"agents/{row['agent_id']}_view"
    known = [d for d in row["drivers"] or [] if d["value"] is not None and d["contribution"] is not None]
    top = sorted(known, key=lambda d: (-abs(d["contribution"]), d["name"]))[:TOP_DRIVERS]
    lines = []
    for d in top:
        percent = is_percent(d["unit"])
        shown = printed(d["value"], language, percent=percent)
        part = printed(d["contribution"], language, sign=True)
        name = d["name"]
        lines.append((name, Fact(source, f"{name}.value", d["value"], shown),
                      Fact(source, f"{name}.contribution", d["contribution"], part)))  # fmt: skip
    sure = None
    if confidence is not None:
        sure = Fact("agents/views", row["agent_id"], confidence, printed(confidence, language))
    score = _score_fact(source, "state_score", row["state_score"], language)
    return AgentFacts(row["agent_id"], row["status"], row["reason"], score, sure, tuple(lines))


def template(brief: Briefing) -> str:
    """The default narrator: one sentence an agent with its two largest drivers, the conflicts, the verdicts."""
    words = WORDS[brief.language]
    lines = [_told(agent, brief.language) for agent in brief.agents]
    rules = ", ".join(spoken(r, brief.language) for r in brief.conflicts)
    lines.append(words.conflict.format(rules=rules) if rules else words.no_conflict)
    leans = ", ".join(
        words.verdicts[verdict].format(asset=words.assets[asset], score=fact.text)
        for asset, verdict, fact in brief.verdicts
        if fact is not None
    )
    lines.append(words.verdict.format(lines=leans) if leans else words.no_verdict)
    return "\n".join(lines)


def _told(agent: AgentFacts, language: str) -> str:
    words = WORDS[language]
    name = words.agents[agent.agent]
    if agent.score is None or agent.confidence is None:
        return words.nothing.format(agent=name)
    state = words.states[agent.agent][agent.score.value > 0]
    text = words.scored.format(agent=name, state=state, score=agent.score.text, confidence=agent.confidence.text)
    lines = ", ".join(f"{spoken(n, language)} {value.text} ({part.text})" for n, value, part in agent.drivers)
    return f"{text} {words.drivers.format(lines=lines)}" if lines else text


def narrate(brief: Briefing, narrator: Narrator = template) -> tuple[str, str]:
    """(text, why the narrator's own text was refused, empty if it stands); a refused text gives way to the template."""
    text = narrator(brief)
    wrong = unproven(text, brief.facts, brief.names)
    if not wrong:
        return text, ""
    return template(brief), f"refused: {', '.join(wrong[:5])} in the text are no facts of the session"


def prompt(brief: Briefing) -> str:
    """What a language model is asked: the template's own sentences as the facts, and the rules of the house."""
    language = {"en": "English", "pt": "Brazilian Portuguese"}[brief.language]
    return (
        f"You write the morning note of a macro desk, in {language}, in at most 180 words of plain prose. "
        "Use only what stands below. Write every number exactly as it stands there, with sign, decimals and percent "
        "sign, and write no other number, date or year, not even as a word. Draw no conclusion that the text does not "
        "hold.\n\n" + template(brief)
    )
