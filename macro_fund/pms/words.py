"""A proposal as a few sentences, and the proof that each number in them is one of its fields.

Belongs here: the template in English and Portuguese, and its check. Does not belong here: the numbers (`fields.py`), or
prose about the market (agents/narrative.py, whose check of a text against its facts is used here).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from macro_fund.agents.narrative import Fact, printed, unproven

TOP_DRIVERS = 3
_SOURCE = "pms/trade_proposals"

Row = Mapping[str, Any]

_TEXT = {
    "en": (
        "{screen_side}, {quantity} contracts: {gain_if}. Expected P&L BRL {expected_pnl_brl} over {expected_days} "
        "sessions, for a cost of BRL {expected_cost_brl}. VaR of the book BRL {var_before_brl} to {var_after_brl} "
        "(its part of all trades: {component_var_brl}); worst stress loss BRL {worst_stress_before_brl} to "
        "{worst_stress_after_brl}; margin BRL {margin_before_brl} to {margin_after_brl}."
    ),
    "pt": (
        "{screen_side}, {quantity} contratos: {gain_if}. Resultado esperado de R$ {expected_pnl_brl} em "
        "{expected_days} pregões, a um custo de R$ {expected_cost_brl}. VaR da carteira de R$ {var_before_brl} para "
        "{var_after_brl} (sua parte no conjunto: {component_var_brl}); pior perda em estresse de R$ "
        "{worst_stress_before_brl} para {worst_stress_after_brl}; margem de R$ {margin_before_brl} para "
        "{margin_after_brl}."
    ),
}
_BEHIND = {"en": " Behind the score: {lines}.", "pt": " Por trás da nota: {lines}."}
_STOP = {"en": " Stop {stop_level}.", "pt": " Stop {stop_level}."}
_OLDEST = {
    "en": " Oldest input: {oldest_input}, {data_age_days} business days.",
    "pt": " Dado mais antigo: {oldest_input}, {data_age_days} dias úteis.",
}
_NONE = {"en": "not known", "pt": "desconhecido"}
_AMOUNTS = (
    "expected_pnl_brl", "expected_cost_brl", "var_before_brl", "var_after_brl", "component_var_brl",
    "worst_stress_before_brl", "worst_stress_after_brl", "margin_before_brl", "margin_after_brl",
)  # fmt: skip


def narrative(proposal: Row, language: str) -> str:
    """The proposal in words: what is traded, what it should make, what it does to the book, who pushes it."""
    known = {f.item: f.text for f in facts(proposal, language)}
    words = {name: known.get(name, _NONE[language]) for name in (*_AMOUNTS, "quantity", "expected_days")}
    text = _TEXT[language].format(screen_side=proposal["screen_side"], gain_if=proposal["gain_if"], **words)
    behind = [d for d in proposal["drivers"] or [] if d["contribution"]][:TOP_DRIVERS]
    if behind:
        lines = ", ".join(f"{d['strategy_id']} ({known[_driver(d)]})" for d in behind)
        text += _BEHIND[language].format(lines=lines)
    if "stop_level" in known:
        text += _STOP[language].format(stop_level=known["stop_level"])
    if "data_age_days" in known:
        age = known["data_age_days"]
        text += _OLDEST[language].format(oldest_input=proposal["oldest_input"], data_age_days=age)
    return text


def facts(proposal: Row, language: str) -> tuple[Fact, ...]:
    """Every number that may be told of the proposal, as printed."""
    return tuple(Fact(_SOURCE, name, float(value), text) for name, value, text in _told(proposal, language))


def _told(proposal: Row, language: str) -> Iterable[tuple[str, Any, str]]:
    for name in _AMOUNTS:
        if proposal[name] is not None:
            yield name, proposal[name], whole(proposal[name], language)
    yield "quantity", proposal["quantity"], whole(proposal["quantity"], language, sign=True)
    for name in ("expected_days", "data_age_days"):
        if proposal[name] is not None:
            yield name, proposal[name], whole(proposal[name], language)
    if (stop := proposal["stop_level"]) is not None:
        yield "stop_level", stop, printed(stop, language, percent=proposal["contract"].startswith("DI1"))
    for driver in proposal["drivers"] or []:
        yield _driver(driver), driver["contribution"], printed(driver["contribution"], language, sign=True)


def _driver(driver: Row) -> str:
    return f"drivers.{driver['strategy_id']}"


def unproven_numbers(proposal: Row, language: str) -> list[str]:
    """Numbers of the stored narrative that are no field's."""
    strategies = [d["strategy_id"] for d in proposal["drivers"] or []]
    names = (proposal["contract"], proposal["oldest_input"] or proposal["contract"], *strategies)
    return unproven(proposal["narrative"] or "", facts(proposal, language), names)


def whole(value: Any, language: str, *, sign: bool = False) -> str:
    """A whole number with the language's thousands: 12,345 in English, 12.345 in Portuguese; a zero has no minus."""
    rounded = round(float(value))
    text = f"{rounded:+,}" if sign else f"{rounded:,}"
    return text.replace(",", ".") if language == "pt" else text
