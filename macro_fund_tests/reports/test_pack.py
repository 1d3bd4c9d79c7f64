"""The morning pack: what it shows of tables, what it does with what is missing, and that its files stand alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from macro_fund.reports import plots, plots_limits, plots_risk, plots_stress
from macro_fund.reports.blocks import Number, Style, print_number
from macro_fund.reports.figure import watermarked
from macro_fund.reports.pack import Pack, build_pack
from macro_fund.reports.render import numbers_table, to_html, to_markdown
from macro_fund.store.lake import shape_problems
from macro_fund.store.tables import TABLES

DAY, BEFORE = date(2024, 4, 2), date(2024, 4, 1)
Frames = dict[str, pl.DataFrame]


def rows(key: str, *records: dict[str, object]) -> pl.DataFrame:
    """Rows of a table; columns that are not given are null."""
    table = TABLES[key]
    return pl.DataFrame([{c: r.get(c) for c in table.schema} for r in records], schema=table.schema)


def reader(frames: Frames) -> Callable[[str], pl.DataFrame]:
    return lambda key: frames.get(key, TABLES[key].empty())


def pack_of(frames: Frames, watermark: str = "SAMPLE") -> Pack:
    return build_pack(reader(frames), DAY, fund="Fund", watermark=watermark, last_trade_date=BEFORE)


def known(session: date, series: str, value: float, *, stale: bool = False) -> dict[str, object]:
    return {
        "session": session,
        "series_id": series,
        "event_date": BEFORE,
        "value": value,
        "age_days": 1,
        "stale": stale,
    }


@pytest.fixture
def frames() -> Frames:
    return {
        "silver/as_known": rows(
            "silver/as_known",
            known(BEFORE, "br_selic_target", 0.1075),
            known(DAY, "br_selic_target", 0.105),
            known(DAY, "us_vix", 14.5, stale=True),
        ),
        "risk/stress": rows(
            "risk/stress",
            {"session": DAY, "kind": "scenario", "scenario": "shock", "instrument": "DI1_1Y", "pnl_brl": -1000.0},
            {"session": DAY, "kind": "scenario", "scenario": "shock", "instrument": "DOL_1M", "pnl_brl": None},
            {"session": DAY, "kind": "scenario", "scenario": "unknown", "instrument": "DI1_1Y", "pnl_brl": None},
        ),
        "pms/nav": rows(
            "pms/nav",
            {
                "session": DAY,
                "trade_date": BEFORE,
                "opening_nav_brl": Decimal("100000000.00"),
                "pnl_brl": Decimal("-12.34"),
                "nav_brl": Decimal("99999987.66"),
                "cdi_index": 1.0004,
                "fund_index": 0.9999998766,
            },
        ),
        "quality/verdicts": rows(
            "quality/verdicts",
            {
                "session": DAY,
                "asset": "silver/di_curve",
                "check": "no_arbitrage",
                "passed": False,
                "blocking": True,
                "detail": "falls",
            },
            {
                "session": DAY,
                "asset": "bronze/fred",
                "check": "answered",
                "passed": False,
                "blocking": False,
                "detail": "down",
            },
        ),
    }


def number(pack: Pack, item: str) -> Number:
    return next(n for s in pack.sections for n in s.numbers if n.item == item)


def test_levels_and_changes(frames: Frames) -> None:
    pack = pack_of(frames)
    assert number(pack, "br_selic_target").text == "10.50%"
    assert number(pack, "br_selic_target change").text == "-25.0 bp"
    assert number(pack, "us_vix change").text == "–"
    assert "2024-04-01 stale" in to_markdown(pack)


def test_missing_is_a_dash_never_a_zero(frames: Frames) -> None:
    pack = pack_of(frames)
    assert number(pack, "stress unknown").text == "–"
    assert number(pack, "stress shock").value == -1000.0
    assert re.search(r"\| scenario \| shock \| BRL -1,000\.00 \| DOL_1M \|", to_markdown(pack))
    for style in ("percent", "bp", "brl", "number", "score", "count", "price"):
        assert print_number(None, style) == "–"
        assert print_number(0.0, style) != "–"


def test_money_to_the_cent(frames: Frames) -> None:
    assert number(pack_of(frames), "pnl day").text == "BRL -12.34"


def test_actions_name_what_to_mend(frames: Frames) -> None:
    text = to_markdown(pack_of(frames))
    assert "Mend silver/di_curve (no_arbitrage)" in text
    assert "Rerun the session when these answer: bronze/fred." in text


def test_what_was_held_back_is_said() -> None:
    pack = build_pack(reader({}), DAY, fund="", watermark="", last_trade_date=BEFORE, held_back="DI1F27: day_stop")
    assert "- Held back: DI1F27: day_stop" in to_markdown(pack)
    assert "Held back" not in to_markdown(pack_of({}))


def test_an_empty_fund_has_a_pack() -> None:
    pack = pack_of({})
    assert [s.key for s in pack.sections] == [
        "summary", "breaks", "profit", "markets", "calendar", "changes", "risk", "proposals", "book", "narrative",
        "actions",
    ]  # fmt: skip
    assert "no positions" in to_markdown(pack)
    assert set(numbers_table(pack)["section"]) <= {"summary", "breaks"}  # counts of checks are numbers too


def test_numbers_fit_their_table_and_are_in_the_file(frames: Frames) -> None:
    pack = pack_of(frames)
    table = numbers_table(pack)
    assert shape_problems(TABLES["reports/morning_pack"], table) == []
    text = to_markdown(pack)
    assert [t for t in table["text"] if t not in text] == []


def test_the_page_stands_alone_and_is_the_same_each_time(frames: Frames) -> None:
    page = to_html(pack_of(frames))
    assert page == to_html(pack_of(frames))
    assert not re.search(r"(src|href)=[\"'](?!data:|#)", page)
    assert "http" not in page
    assert "<script" not in page


def test_words_of_the_data_cannot_break_the_page(frames: Frames) -> None:
    frames["quality/verdicts"] = frames["quality/verdicts"].with_columns(detail=pl.lit("<b>bad</b> & worse"))
    page = to_html(pack_of(frames))
    assert "<b>bad</b>" not in page
    assert "&lt;b&gt;bad&lt;/b&gt; &amp; worse" in page


def test_watermark_is_on_the_page_only_when_there_is_one(frames: Frames) -> None:
    assert to_html(pack_of(frames)).count("SAMPLE") >= 2
    assert "SAMPLE" in to_markdown(pack_of(frames))
    assert "SAMPLE" not in to_html(pack_of(frames, watermark=""))


def test_pictures_are_the_same_each_time_and_carry_the_mark(frames: Frames) -> None:
    nav = frames["pms/nav"]
    picture = plots.nav_picture(nav)
    assert picture == plots.nav_picture(nav)
    assert watermarked(picture, "") == picture
    assert watermarked(picture, "SAMPLE") != picture
    assert watermarked(picture, "SAMPLE").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("draw", "key"),
    [
        (plots.newest_values, "bronze/fred"),
        (plots.curve_picture, "silver/di_curve"),
        (plots.curve_picture, "silver/ust_curve"),
        (plots.returns_picture, "silver/instrument_returns"),
        (plots.score_picture, "agents/monetary_view"),
        (plots.signal_picture, "signals/fx_02"),
        (plots.targets_picture, "portfolio/targets"),
        (plots_risk.var_picture, "risk/var"),
        (plots_risk.exposures_picture, "risk/exposures"),
        (plots_stress.stress_picture, "risk/stress"),
        (plots_limits.limits_picture, "risk/limits"),
        (plots.nav_picture, "pms/nav"),
    ],
)
def test_a_picture_of_nothing_is_a_picture(draw: Callable[[pl.DataFrame], bytes], key: str) -> None:
    assert draw(TABLES[key].empty()).startswith(b"\x89PNG")


def test_the_command_asks_for_a_name_only_where_nobody_signs_in() -> None:
    row = {
        "session": DAY, "proposal_id": "ab12", "instrument": "DI1_1Y", "contract": "DI1F25", "quantity": 5,
        "screen_side": "SELL rate (receive) DI1F25", "position_before": 0, "position_after": 5, "entry_level": 0.1,
        "expected_cost_brl": Decimal("1.00"), "gain_if": "you gain if rates FALL",
    }  # fmt: skip
    frames = {"pms/trade_proposals": pl.DataFrame([row], schema=TABLES["pms/trade_proposals"].schema)}
    assert "| macro-fund proposals approve ab12 --as YOU |" in to_markdown(pack_of(frames))
    assert "| macro-fund proposals approve ab12 |" in to_markdown(pack_of(frames, watermark=""))


@pytest.mark.parametrize("style", ["percent", "move", "bp", "brl", "score", "count", "price", "number"])
def test_what_rounds_to_zero_has_no_sign(style: Style) -> None:
    assert print_number(-1e-9, style) == print_number(0.0, style)
    assert "-" in print_number(-1.0, style)
    assert [Number("x", v, style, "").negative for v in (-1.0, -1e-9, 0.0, 1.0, None)] == [True, *[False] * 4]
    assert not Number("x", -1.0, "loss", "").negative, "less than no loss is a gain"
