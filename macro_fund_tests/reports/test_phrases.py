"""Every phrase is in both languages, every phrase is used, and every name that a table holds has one."""

from __future__ import annotations

import ast
import re
from datetime import date
from pathlib import Path

import pytest

from macro_fund.mandate import Limits
from macro_fund.pms.book import CASH
from macro_fund.pms.broker import screen_side
from macro_fund.pms.explain import PARTS, WHOLE
from macro_fund.pms.lots import DISCRETIONARY
from macro_fund.pms.proposals import gain_if
from macro_fund.reports import (
    pack_calendar,
    pack_events,
    pack_markets,
    pack_performance,
    pack_profit,
    pack_summary,
    pack_views,
    words,
)
from macro_fund.reports.blocks import ALARMS, Told, say
from macro_fund.reports.words import echoed, in_words, long_date, named, phrases
from macro_fund.risk.breakers import ACTION
from macro_fund.risk.correlation import CASES
from macro_fund.risk.limits import NET
from macro_fund.risk.methods import METHODS
from macro_fund.settings import default_settings

SETTINGS = default_settings()
CODE = Path(words.__file__).parents[1]
REPORTS = sorted((CODE / "reports").glob("*.py"))
PLACE = re.compile(r"\{(\w+)\}")
# Families whose names come out of tables or lists; what is in them is held against those below.
LISTED = {
    "asks": {*ACTION.values(), "none"},
    "breaker": {*ACTION, "tripped"},
    "component": {*WHOLE.values(), *PARTS, "cost", "interest", "residual"},
    "limit": set(Limits.model_fields) - {"warn_at", "breakers"},
    "market": {s[0] for s in pack_markets.SERIES},
    "method": {*METHODS, "challenger", "level", "none"},
    "regime": set(pack_views.REGIMES),
    "tile": {item.replace(" ", "_") for _, item in pack_summary.TILES},
    "turn": {"flip", "surge", "found", "lost"},
    "tenor": {c[3] for c in pack_markets.CURVES},
    "weekday": {f"d{n}" for n in range(7)},
    "month": {f"m{n}" for n in range(1, 13)},
    "title": {"morning_pack", "daily_report", "weekly_digest"},
    "status": {"ok", "warn", "breach", "no_view", "degraded", "stale"},
    "basis": {"settlement", "override", "model", "previous", "none"},
    "happens": set(pack_events.KINDS),
    "period": set(pack_performance.ORDER),
    "scope": {"instrument", "class", "strategy", "factor"},
    "stress": {"scenario", "replay", "correlation"},
    "case": {"bull", "bear", "inconclusive"},
    "verdict": {"stop", "warning"},
    "class": {i.asset_class for i in SETTINGS.book},
    "holding": {what for *_, what in NET.values()},
    "replay": {"window", "worst_day"},
    "correlation": set(CASES),
    "span": {"day", "week", "month"},
    "gate": {"open", "less sure"},
    "strategy": {CASH, DISCRETIONARY},
    "instrument": {CASH},
    "event": {
        *pack_calendar.HEADLINES,
        *(f"{c}{part}" for c in pack_calendar.COMMITTEES for part in ("", "_minutes")),
        *("estimated", "today", "next", "none_today", "no_consensus"),
    },
}
# Families whose English is written by other stages.
WRITTEN_ELSEWHERE = ("echo.", "reason.", "unit.")
OF_CURVES = {c[0].split("/")[1] for c in pack_markets.CURVES}


def used() -> set[str]:
    """Keys that the code names, in full."""
    found: set[str] = set(ALARMS)
    for path in REPORTS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("say", "heads", "Phrase")
            ):
                given = [a for arg in node.args for a in _texts(arg)]
                found |= {f"head.{t}" for t in given if t} if node.func.id == "heads" else set(given)
    return found


def _texts(node: ast.expr) -> list[str]:
    """The texts that an argument may be; none for one that is put together."""
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def expected() -> set[str]:
    heads = {*(head for *_, head in pack_profit.BY), *pack_profit.PERIODS, *OF_CURVES, *pack_performance.SHOWN}
    lists = {f"{family}.{name}" for family, names in LISTED.items() for name in names}
    lists |= {f"head.{h}" for h in heads} | {f"picture.{c}" for c in OF_CURVES}
    lists |= {f"empty.{head}" for *_, head in pack_profit.BY}
    lists |= {f"fund.{p}" for p in (*pack_profit.PERIODS, "fund", "cdi")}
    return lists | {k for k in phrases() if k.startswith(WRITTEN_ELSEWHERE)} | used()


def test_every_phrase_is_used_and_every_use_has_a_phrase() -> None:
    assert set(phrases()) - expected() == set(), "phrases that nothing says: take them out"
    assert expected() - set(phrases()) == set(), "said, but not in phrases.yaml"


def test_the_sentences_of_tables_are_written_by_the_code() -> None:
    """Each piece of an English sentence between its places, and each unit, stands in a stage's own texts."""
    stages = [p for p in CODE.rglob("*.py") if "reports" not in p.parts]
    nodes = [n for p in stages for n in ast.walk(ast.parse(p.read_text(encoding="utf-8")))]
    texts = {t for n in nodes for t in _texts(n)}
    texts |= {"".join(t for part in n.values for t in _texts(part)) for n in nodes if isinstance(n, ast.JoinedStr)}
    units = {k.removeprefix("unit.") for k in phrases() if k.startswith("unit.")}
    assert units - texts == set()
    sentences = {k: t["en"] for k, t in phrases().items() if k.startswith("reason.") and k != "reason.more"}
    pieces = {k: [p for piece in PLACE.split(en)[::2] for p in re.split("[:,] ", piece)] for k, en in sentences.items()}
    whole = "\n".join(texts)
    assert {k: p for k, found in pieces.items() for p in found if len(p.strip()) > 3 and p.strip() not in whole} == {}


def test_every_phrase_is_in_both_languages_with_the_same_places() -> None:
    for key, told in phrases().items():
        assert set(told) == {"en", "pt"}, key
        assert all(text.strip() for text in told.values()), key
        assert set(PLACE.findall(told["en"])) == set(PLACE.findall(told["pt"])), key


# Names, abbreviations and words that Portuguese writes in the same way.
SAME = {
    "CDI", "Sharpe", "Sortino",
    "USDBRL", "Ibovespa", "S&P 500", "ok", "VaR 95%", "VaR 99%", "VIX", "IPCA", "IBC-Br", "Cornish-Fisher",
    "Monte Carlo", "VaR", "{method} {level}", "delta", "DV01", "id", "regime", "stop", "stops", "z", "{n} y",
    "CDS", "log", "%", "{table}: {why}.", "{breaker}: {reason}", "macro-fund proposals approve {id}",
}  # fmt: skip


def test_no_english_is_left_in_portuguese() -> None:
    same = {key for key, told in phrases().items() if told["en"] == told["pt"] and told["en"] not in SAME}
    assert same == set()
    english = re.compile(r"\b(the|of|and|is|not|held|before|after|rate|limit|loss|yield|week|month|day|year)\b")
    left = {k: t["pt"] for k, t in phrases().items() if english.search(re.sub(r"`[^`]*`|{\w+}", "", t["pt"]))}
    assert left == {}


def test_what_a_proposal_says_is_said_in_portuguese() -> None:
    """The words of every side and of every sign echo, as pms writes them."""
    for root, contract in (("DI1", "DI1F27"), ("DOL", "DOLK24"), ("IND", "INDJ24")):
        for after in (1, -1, 0):
            for text in (gain_if(root, contract, after), screen_side(root, contract, after or 1)):
                assert in_words(echoed(text, contract), "en") == text
                assert in_words(echoed(text, contract), "pt") != text
    assert in_words(echoed(gain_if("DI1", "DI1F27", 1), "DI1F27"), "pt") == "você ganha se os juros CAÍREM"
    assert echoed("something else DI1F27", "DI1F27") == "something else DI1F27"


def test_words_of_cells() -> None:
    assert in_words(long_date(date(2020, 3, 13)), "pt") == "sexta-feira, 13 de março de 2020"
    assert in_words(long_date(date(2020, 3, 13)), "en") == "Friday 13 March 2020"
    assert in_words(named("limit", "fx_net"), "pt") == "câmbio líquido"
    assert named("limit", "unheard_of") == "unheard_of"
    assert in_words(Told("one", "um"), "pt") == "um"
    with pytest.raises(KeyError):
        in_words(say("no.phrase"), "en")
