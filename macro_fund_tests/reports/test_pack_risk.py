"""The risk page: what is wrong comes first, a method a row, a missing number is a dash."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from macro_fund.reports.blocks import Grid
from macro_fund.reports.pack_risk import breaker_grid, limit_grid, risk_section, worst_method
from macro_fund.reports.words import in_words
from macro_fund.store.tables import TABLES

DAY, BEFORE = date(2020, 3, 13), date(2020, 3, 12)
LOSES = (
    "The fund loses BRL 8.0 million in a month if the 2-year DI rate rises 415 bp and the Ibovespa falls 18.1% "
    "(a move of 9.9 sigma)."
)
METHODS = ("historical", "parametric", "t_copula")
Frames = dict[str, pl.DataFrame]


def rows(key: str, *records: dict[str, object]) -> pl.DataFrame:
    table = TABLES[key]
    return pl.DataFrame([{"session": DAY, **r} for r in records], schema=table.schema)


def var_rows(**of: float | None) -> pl.DataFrame:
    """Totals of each method (99% is twice 95%) and an instrument that is all of it."""
    return rows(
        "risk/var",
        *(
            {"method": m, "level": level, "scope": scope, "item": item, "var_brl": v and v * k, "es_brl": v and v * k,
             "status": "ok" if v else "no_view", "reason": "" if v else "too few days"}
            for m, v in of.items()
            for level, k in ((0.95, 1.0), (0.99, 2.0))
            for scope, item in (("total", "total"), ("instrument", "DI1_2Y"), ("factor", "di_504"))
        ),
    )  # fmt: skip


@pytest.fixture
def frames() -> Frames:
    return {
        "risk/breakers": rows(
            "risk/breakers",
            {"breaker": "day_halve", "loss": 0.026, "threshold": 0.025, "tripped": True, "action": "halve"},
            {"breaker": "a_week", "loss": 0.01, "threshold": 0.04, "tripped": False, "action": "none"},
        ),
        "risk/limits": rows(
            "risk/limits",
            {"limit": "br_dv01", "value": 1e-4, "limit_value": 3e-4, "utilisation": 0.33, "status": "ok"},
            {"limit": "gross_leverage", "value": 4.0, "limit_value": 6.0, "utilisation": 0.7, "status": "ok"},
            {"limit": "var_99", "value": 0.03, "limit_value": 0.02, "utilisation": 1.5, "status": "breach"},
        ),
        "risk/var": var_rows(historical=100.0, parametric=120.0, t_copula=500.0),
        "risk/stress": rows(
            "risk/stress",
            {"kind": "scenario", "scenario": "mild", "instrument": "DI1_2Y", "pnl_brl": 5.0},
            {"kind": "scenario", "scenario": "bad", "instrument": "DI1_2Y", "pnl_brl": -9.0},
            {"kind": "scenario", "scenario": "blind", "instrument": "DI1_2Y", "pnl_brl": None},
            {"kind": "replay", "scenario": "bad:worst_day", "instrument": "DI1_2Y", "pnl_brl": -4.0},
            {"kind": "replay", "scenario": "old:window", "instrument": "DI1_2Y", "pnl_brl": None},
            {"kind": "replay", "scenario": "old:window", "instrument": "DOL_1M", "pnl_brl": 0.0},
        ),
        "risk/reverse_stress": rows(
            "risk/reverse_stress",
            {"factor": "di_504", "move": 415.0, "pnl_brl": -8e6, "distance": 9.9, "hedge": "DI1F22",
             "hedge_contracts": -40, "hedge_cost_brl": 12.0, "distance_hedged": 11.0, "sentence": LOSES},
            {"factor": "ibov", "move": -0.2, "pnl_brl": -1.0, "sentence": LOSES},
            {"factor": "ust_2y", "move": None, "sentence": LOSES},
        ),
    }  # fmt: skip


def reader(frames: Frames):
    return lambda key: frames.get(key, TABLES[key].empty())


def grid(frames: Frames, head: str) -> Grid:
    return next(g for g in risk_section(reader(frames), DAY).grids if in_words(g.head[0], "en") == head)


def texts(grid: Grid) -> list[list[str]]:
    return [[in_words(c, "en") for c in row] for row in grid.rows]


def test_what_tripped_and_what_is_breached_comes_first(frames: Frames) -> None:
    assert [r[:2] for r in texts(breaker_grid(reader(frames), DAY))] == [
        ["day's loss, second bar", "TRIPPED"],
        ["a_week", ""],
    ]
    frames["risk/breakers"] = frames["risk/breakers"].with_columns(threshold=pl.lit(0.0))
    assert {r[3] for r in texts(breaker_grid(reader(frames), DAY))} == {""}, "one without a threshold has none to show"
    limits = texts(limit_grid(reader(frames), DAY))
    assert [r[0] for r in limits] == ["VaR 99%", "gross leverage", "BRL rates DV01"]
    assert limits[0][1:4] == ["3.00%", "2.00%", "150.00%"]
    assert limits[1][1:3] == ["4.00", "6.00"]


def test_a_method_is_a_row(frames: Frames) -> None:
    shown = texts(grid(frames, "one day, by method"))
    assert shown[0] == ["historical", "BRL 100.00", "BRL 100.00", "BRL 200.00", "BRL 200.00"]
    assert [r[0] for r in shown] == ["historical", "parametric", "t copula (challenger)"]


def test_parts_are_of_the_worst_method_that_a_limit_counts(frames: Frames) -> None:
    assert worst_method(frames["risk/var"]) == "parametric"
    parts = grid(frames, "by")
    assert in_words(parts.head[2], "en") == "part of the 99% VaR, parametric"
    assert [r[:3] for r in texts(parts)] == [
        ["factor", "2-year DI rate", "BRL 240.00"],
        ["instrument", "DI1_2Y", "BRL 240.00"],
    ]


def test_a_missing_var_is_a_dash_and_its_reason_is_said_once(frames: Frames) -> None:
    frames["risk/var"] = var_rows(historical=None, parametric=None)
    section = risk_section(reader(frames), DAY)
    assert [told for line in section.lines if "too few" in (told := in_words(line, "en"))] == [
        "risk/var: too few days."
    ]
    assert {c for r in texts(grid(frames, "one day, by method")) for c in r[1:]} == {"–"}
    assert worst_method(frames["risk/var"]) is None


def test_stress_is_worst_first_and_a_blind_one_is_last(frames: Frames) -> None:
    shown = texts(grid(frames, "stress"))
    assert [r[1:] for r in shown] == [
        ["bad", "BRL -9.00", ""],
        ["mild", "BRL 5.00", ""],
        ["blind", "–", "DI1_2Y"],
        ["bad:worst_day", "BRL -4.00", ""],
        ["old:window", "–", "DI1_2Y"],
    ]


def test_the_reverse_stress_is_a_sentence_a_move_and_a_hedge(frames: Frames) -> None:
    lines = risk_section(reader(frames), DAY).lines
    assert [in_words(line, "en") for line in lines] == [LOSES]
    assert [in_words(line, "pt") for line in lines] == [
        "O fundo perde R$ 8,0 milhões em um mês se juro DI de 2 anos subir 415 bp e Ibovespa cair 18,1% "
        "(um movimento de 9,9 desvios)."
    ]
    shown = texts(grid(frames, "what loses the stress limit in a month"))
    assert shown == [
        ["2-year DI rate", "+415.0 bp", "BRL -8,000,000.00"],
        ["Ibovespa", "-18.13%", "BRL -1.00"],
        ["distance, sigmas", "9.90", ""],
        ["hedge: -40 DI1F22", "11.00", "BRL 12.00"],
    ]


def test_yesterdays_rows_are_not_todays(frames: Frames) -> None:
    old = {k: f.with_columns(session=pl.lit(BEFORE)) for k, f in frames.items()}
    section = risk_section(reader(old), DAY)
    assert not section.lines
    assert not section.numbers


def test_an_empty_risk_page_says_so() -> None:
    section = risk_section(reader({}), DAY)
    assert {"no positions", "no positions, or no view"} <= {in_words(g.empty, "en") for g in section.grids}
    assert not section.numbers
