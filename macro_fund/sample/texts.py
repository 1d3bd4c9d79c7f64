"""What the sample world's central banks say: which phrases, in which meeting, and in what order.

Belongs here: the planted link between words and decisions, and the composition of statements and minutes. Does not
belong here: the phrases (`texts_pt`, `texts_en`), release times or page formats (`wire_copom`, `wire_fomc`).

A committee knows what it is about to do: the tone of a meeting is its own next two moves, weighted, plus noise, and
each sentence draws its variant around that tone. A model that reads the texts can forecast decisions, not perfectly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from macro_fund.sample import texts_en, texts_pt
from macro_fund.sample.grid import FIRST
from macro_fund.sample.noise import Days, Floats, last_at, stream
from macro_fund.sample.paths_policy import LAG_MONTHS
from macro_fund.sample.world import load_world

Bank = Literal["copom", "fomc"]
Kind = Literal["statement", "minutes"]
Paragraphs = tuple[str, ...]
# Weights of the next two moves in the tone, and the move (percentage points) that is as clear as words get.
LOOK_AHEAD = (0.65, 0.35)
CLEAR_MOVE: Mapping[Bank, float] = {"copom": 0.5, "fomc": 0.25}
# Noise of a meeting's tone and of each sentence around it; beyond +-NEUTRAL a sentence takes a side.
MEETING_NOISE, SENTENCE_NOISE, NEUTRAL = 0.25, 0.40, 0.33
# Share of meetings with a vote against.
DISSENTS = 0.2
# Sections of minutes: which topics, two sentences each.
_LAYOUT: Mapping[Bank, tuple[tuple[str, ...], ...]] = {
    "copom": (("external", "activity", "inflation", "expectations"), ("fiscal", "risks"), ("strategy", "guidance")),
    "fomc": (("external", "expectations"), ("activity", "labor", "inflation"), ("risks", "strategy", "guidance")),
}


@dataclass(frozen=True)
class Meetings:
    """All meetings of one bank from 2004 on. rate: decided, % a year (middle of the range for the FOMC); move: against
    the meeting before; tone: about -1 (dovish) to 1 (hawkish); expected: 12-month inflation as seen then, %."""

    days: Days
    rate: Floats
    move: Floats
    tone: Floats
    expected: Floats


@cache
def meetings(seed: int, bank: Bank) -> Meetings:
    """The meetings of a world and their planted tones."""
    world = load_world(seed)
    policy = world.policy
    days, rate = (policy.copom, policy.selic_decided) if bank == "copom" else (policy.fomc, policy.fed_decided)
    move = np.diff(rate, prepend=rate[:1])
    coming = np.append(move[1:], [0.0, 0.0])
    ahead = LOOK_AHEAD[0] * coming[:-1] + LOOK_AHEAD[1] * coming[1:]
    noise = MEETING_NOISE * stream(seed, f"tone {bank}").standard_normal(days.size)
    tone = np.clip(ahead / CLEAR_MOVE[bank], -1.2, 1.2) + noise
    seen = np.maximum(last_at(days, world.macro.months) - LAG_MONTHS, 0)
    keep = days >= FIRST
    return Meetings(days[keep], rate[keep], move[keep], tone[keep], world.macro.expected_12m[seen][keep])


@cache
def compose(seed: int, bank: Bank, k: int, kind: Kind) -> tuple[Paragraphs, ...]:
    """The text of meeting number k (from 0): sections of paragraphs; a statement has one section."""
    held = meetings(seed, bank)
    words = texts_pt if bank == "copom" else texts_en
    rng = stream(seed, f"{bank} {kind} {k}")
    fills = {"expected": f"{held.expected[k]:.1f}".replace(".", "," if bank == "copom" else ".")}

    def pick(variants: tuple[str, ...]) -> str:
        return variants[rng.integers(len(variants))]

    def say(topic: str, count: int) -> str:
        variants = words.PHRASES[topic]
        said: list[str] = []
        while len(said) < count:
            side = _side(float(held.tone[k] + SENTENCE_NOISE * rng.standard_normal()))
            phrase = pick(variants[side])
            if phrase not in said:
                said.append(phrase)
        return " ".join(p.format(when=pick(words.WHEN), how=pick(words.HOW), **fills) for p in said)

    layout = _LAYOUT[bank]
    against = bool(stream(seed, f"vote {bank} {k}").random() < DISSENTS)
    decision = (_copom_decision if bank == "copom" else _fomc_decision)(held, k, against)
    if kind == "statement":
        body = [" ".join(say(topic, 1) for topic in topics) for topics in layout]
        return (tuple([*body, *decision] if bank == "fomc" else [decision[0], *body, *decision[1:]]),)
    return (*(tuple(say(topic, 2) for topic in topics) for topics in layout), decision)


def _side(tone: float) -> int:
    """0 dovish, 1 neutral, 2 hawkish."""
    return 1 + (tone > NEUTRAL) - (tone < -NEUTRAL)


def verb(move: float) -> int:
    """0 cut, 1 kept, 2 raised."""
    return 1 + int(np.sign(round(move, 4)))


def selic(rate: float) -> str:
    """10.75 as '10,75'."""
    return f"{rate:.2f}".replace(".", ",")


def fed_range(middle: float) -> str:
    """0.375 as '1/4 to 1/2 percent'."""
    return f"{_quarters(middle - 0.125)} to {_quarters(middle + 0.125)} percent"


def _quarters(rate: float) -> str:
    whole, part = divmod(round(rate * 4), 4)
    fraction = ("", "1/4", "1/2", "3/4")[part]
    return f"{whole}-{fraction}" if whole and fraction else fraction or str(whole)


def _copom_decision(held: Meetings, k: int, against: bool) -> Paragraphs:
    which = verb(held.move[k])
    vote = "" if against else texts_pt.UNANIMOUS
    change = "" if which == 1 else f" em {selic(abs(held.move[k]))} p.p.,"
    first = f"O Copom decidiu{vote} {texts_pt.VERB[which]} a taxa Selic{change} para {selic(held.rate[k])}% a.a."
    if which == 1:
        first = f"O Copom decidiu{vote} manter a taxa Selic em {selic(held.rate[k])}% a.a."
    last = "O Comitê entende que essa decisão é compatível com a convergência da inflação para a meta."
    if against:
        last += f" Um membro votou por {texts_pt.DISSENT[_side(float(held.tone[k]))]}."
    return first, last


def _fomc_decision(held: Meetings, k: int, against: bool) -> Paragraphs:
    which = verb(held.move[k])
    change = "at" if which == 1 else f"by {_quarters(abs(held.move[k]))} percentage point, to"
    first = (
        f"The Committee decided to {texts_en.VERB[which]} the target range for the federal funds rate {change} "
        f"{fed_range(held.rate[k])}."
    )
    last = "Voting for the monetary policy action were all members but one." if against else ""
    last += f" Voting against was one member, who preferred {texts_en.DISSENT[_side(float(held.tone[k]))]}." * against
    return first, last or "Voting for the monetary policy action were all members of the Committee."
