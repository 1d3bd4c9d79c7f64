"""Rules between views, cases for and against, and prose in which every number is a fact."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.agents import narrative, words
from macro_fund.agents.cases import cases
from macro_fund.agents.consistency import PENALTY, RULES, consistency, final_views
from macro_fund.agents.narrative import Fact, briefing, narrate, printed, template, unproven
from macro_fund.store.agent_tables import AGENTS
from macro_fund.store.lake import shape_problems
from macro_fund.store.tables import TABLES

T = date(2024, 4, 1)


def view(agent: str, score: float | None = 0.0, confidence: float | None = 0.5, **given: Any) -> pl.DataFrame:
    """One row of the agent's table; `given` fills views and the agent's own columns."""
    table = TABLES[f"agents/{agent}_view"]
    row: dict[str, Any] = dict.fromkeys(table.schema)
    driver = {"name": "gap_12m", "value": 0.0125, "unit": "decimal", "z": None, "contribution": score,
              "event_date": T}  # fmt: skip
    row |= {"session": T, "agent_id": agent, "model_version": "1", "status": "ok" if score is not None else "no_view",
            "reason": "" if score is not None else "nothing known", "state_score": score,
            "confidence": confidence if score is not None else None, "horizon_days": 63,
            "drivers": [driver] if score is not None else [], "risks": [], "input_vintages": [], "sanity_flags": [],
            **given}  # fmt: skip
    return pl.DataFrame([row], schema=table.schema, orient="row")


def everyone(**given: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {a: given.get(a, view(a)) for a in AGENTS}


def market(z: float | None = 0.0) -> pl.DataFrame:
    return pl.DataFrame({"session": [T], "spread_z": [z]}, schema={"session": pl.Date, "spread_z": pl.Float64})


def fired(views: dict[str, pl.DataFrame], z: float | None = 0.0) -> dict[str, list[str]]:
    frame = consistency(views, market(z), [T])
    assert shape_problems(TABLES["agents/consistency"], frame) == []
    assert frame.height == len(RULES) == 7
    return dict(frame.filter("fired").select("rule", "agents").rows())


BREAKS = {
    "brl_against_fiscal": ({"fx": view("fx", 0.4, view_brl=0.4), "fiscal": view("fiscal", 0.6, view_br_rates=-0.6)},
                           ["fx", "fiscal"]),
    "credit_against_fiscal": ({"regime": view("regime", 0.4, view_br_credit=0.4), "fiscal": view("fiscal", 0.6)},
                              ["regime", "fiscal"]),
    "breakeven_against_inflation": ({"fiscal": view("fiscal", 0.2, view_br_breakeven=0.1),
                                     "inflation": view("inflation", -0.4)}, ["fiscal", "inflation"]),
    "us_rates_in_reflation": ({"monetary": view("monetary", 0.1, view_us_rates=0.2),
                               "regime": view("regime", 0.2, p_reflation=0.7)}, ["monetary", "regime"]),
    "equity_in_stagflation": ({"monetary": view("monetary", 0.1, view_br_eq=0.2),
                               "regime": view("regime", 0.2, p_stagflation=0.7)}, ["monetary", "regime"]),
    "received_against_hawk": ({"inflation": view("inflation", -0.2, view_br_rates=0.2),
                               "monetary": view("monetary", 0.5)}, ["inflation", "monetary"]),
}  # fmt: skip


@pytest.mark.parametrize("rule", BREAKS)
def test_a_rule_fires_on_its_conflict_and_on_nothing_less(rule: str) -> None:
    given, agents = BREAKS[rule]
    assert fired(everyone(**given)) == {rule: agents}
    for spared in given:
        assert fired(everyone(**{a: v for a, v in given.items() if a != spared})) == {}


def test_the_market_can_contradict_a_view_too() -> None:
    views = everyone(fx=view("fx", 0.4, view_brl=0.4))
    assert fired(views, 1.6) == {"brl_against_spread": ["fx"]}
    assert fired(views, 1.4) == {}


def test_a_rule_whose_opponent_is_silent_was_not_tested() -> None:
    views = everyone(fiscal=view("fiscal", None), fx=view("fx", 0.4, view_brl=0.4))
    frame = consistency(views, market(None), [T])
    silent = frame.filter(pl.col("status") == "no_view")["rule"].to_list()
    assert silent == ["brl_against_fiscal", "brl_against_spread", "credit_against_fiscal", "equity_in_stagflation",
                      "us_rates_in_reflation"]  # fmt: skip
    assert not frame["fired"].any()
    assert set(frame.filter(pl.col("status") == "no_view")["reason"]) > {"fiscal has no state_score"}


def test_numbers_of_an_agent_without_a_view_test_nothing() -> None:
    """The regime's probabilities are in its table also where it has no view."""
    mute = view("regime", None, p_stagflation=0.7, p_reflation=0.7)
    views = everyone(monetary=view("monetary", 0.1, view_br_eq=0.2, view_us_rates=0.2), regime=mute)
    frame = consistency(views, market(), [T]).filter(
        pl.col("rule").is_in(["equity_in_stagflation", "us_rates_in_reflation"])
    )
    assert frame["status"].to_list() == ["no_view"] * 2
    assert not frame["fired"].any()


def test_each_flag_costs_a_fifth_of_the_confidence_of_both() -> None:
    views = everyone(
        fx=view("fx", 0.4, view_brl=0.4, view_br_credit=0.2),
        fiscal=view("fiscal", 0.6, view_br_rates=-0.6, view_brl=-0.6),
    )
    rules = consistency(views, market(), [T])
    final = final_views(views, rules)
    assert shape_problems(TABLES["agents/views"], final) == []
    sure = dict(final.unique("agent_id").select("agent_id", "confidence").rows())
    assert sure["fx"] == pytest.approx(0.5 * PENALTY**2)
    assert sure["fiscal"] == pytest.approx(0.5 * PENALTY**2)
    assert sure["inflation"] == 0.5
    assert final.filter(agent_id="fx", asset="brl").row(0, named=True)["flags"] == [
        "brl_against_fiscal", "credit_against_fiscal"]  # fmt: skip


def judged(**views: pl.DataFrame) -> dict[str, dict[str, Any]]:
    given = {a: views.get(a, view(a, None)) for a in AGENTS}
    frame = cases(final_views(given, consistency(given, market(), [T])), given)
    assert shape_problems(TABLES["agents/cases"], frame) == []
    assert frame.height == 9
    return {r["asset"]: r for r in frame.iter_rows(named=True)}


def test_a_verdict_needs_size_company_and_agreement() -> None:
    two = judged(fx=view("fx", 0.4, view_brl=0.4), monetary=view("monetary", 0.2, view_brl=0.2))["brl"]
    assert (two["verdict"], two["n_agents"], two["agreement"]) == ("bull", 2, 1.0)
    assert two["score"] == pytest.approx(0.3)
    assert [a["agent"] for a in two["bull"]] == ["fx", "monetary"]
    assert two["bull"][0]["driver"] == "gap_12m"
    alone = judged(fx=view("fx", 0.4, view_brl=0.4))["brl"]
    assert (alone["verdict"], alone["reason"]) == ("inconclusive", "one agent alone has a view")
    split = judged(fx=view("fx", 0.5, view_brl=0.5), monetary=view("monetary", -0.4, view_brl=-0.4))["brl"]
    assert split["verdict"] == "inconclusive"
    assert split["reason"].startswith("agents disagree: 56")
    small = judged(fx=view("fx", 0.1, view_brl=0.1), monetary=view("monetary", 0.1, view_brl=0.1))["brl"]
    assert small["reason"] == "score 0.1 is below 0.15"
    nobody = judged()["brl"]
    assert (nobody["status"], nobody["score"], nobody["verdict"]) == ("no_view", None, "inconclusive")


@settings(max_examples=30)
@given(st.lists(st.floats(-1, 1), min_size=2, max_size=4))
def test_the_desks_score_lies_between_the_views(scores: list[float]) -> None:
    views = {a: view(a, s, view_gold=s) for a, s in zip(AGENTS, scores, strict=False)}
    gold = judged(**views)["gold"]
    assert min(scores) - 1e-12 <= gold["score"] <= max(scores) + 1e-12


def brief(language: str = "en") -> narrative.Briefing:
    views = [view("fx", 0.4, view_brl=0.4), view("fiscal", None)]
    rows = [r for v in views for r in v.iter_rows(named=True)]
    sure = {"fx": 0.4, "fiscal": None}  # after the rule: 0.5 x 0.8
    verdicts = [{"asset": "brl", "verdict": "bull", "score": 0.31}]
    return briefing(T, language, rows, sure, ["brl_against_fiscal"], verdicts)


def test_the_template_speaks_both_languages_and_only_of_facts() -> None:
    english, portuguese = (narrate(brief(x)) for x in ("en", "pt"))
    assert english == (
        "Exchange rate: the real to strengthen (score +0.40, confidence 0.40). Mostly gap 12m 1.25% (+0.40).\n"
        "Fiscal: no view.\nViews in conflict: long BRL against fiscal risk.\nThe desk leans long the real (+0.31).",
        "",
    )
    assert "real mais forte (nota +0,40, confiança 0,40)" in portuguese[0]
    assert "1,25%" in portuguese[0]
    assert "real comprado contra o risco fiscal" in portuguese[0]


def test_every_rule_and_every_driver_of_the_agents_has_words() -> None:
    assert {r.name for r in RULES} == set(words.RULES)
    assert words.spoken("di_slope_10y_2y", "pt") == "a inclinação do DI"
    assert words.spoken("gap_12m", "en") == "gap 12m"


def test_a_number_that_is_no_fact_throws_the_text_away() -> None:
    def liar(b: narrative.Briefing) -> str:
        return template(b).replace("confidence 0.40", "confidence 0.90")

    text, why = narrate(brief(), liar)
    assert text == template(brief())
    assert why == "refused: 0.90 in the text are no facts of the session"


@given(st.floats(-50, 50).map(lambda x: round(x, 2)), st.sampled_from(["en", "pt"]), st.booleans())
def test_every_printed_number_is_found_again(value: float, language: str, percent: bool) -> None:
    text = printed(value, language, percent=percent, sign=True)
    assert unproven(f"score {text}, in 3m", [Fact("a", "b", value, text)]) == []
    assert unproven(f"score {text} and 99.99", [Fact("a", "b", value, text)]) == ["99.99"]


def test_the_digest_is_of_the_inputs() -> None:
    assert brief().digest == brief().digest
    assert len({brief("en").digest, brief("pt").digest}) == 2
    digests = {
        briefing(T, "en", [view("fx", score).row(0, named=True)], {"fx": sure}, [], []).digest
        for score, sure in ((0.41, 0.5), (0.42, 0.5), (0.41, 0.4))
    }
    assert len(digests) == 3
