"""No English is left in a Portuguese page: sentences of tables, and the words inside pictures."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from macro_fund.agents.words import WORDS
from macro_fund.mandate import FACTORS, Limits
from macro_fund.pms.proposals import gain_if
from macro_fund.reports.blocks import Picture
from macro_fund.reports.pack import build_pack
from macro_fund.reports.reasons import reason
from macro_fund.reports.render import to_markdown
from macro_fund.reports.words import in_words
from macro_fund.risk.correlation import CASES
from macro_fund.risk.methods import METHODS
from macro_fund.settings import default_settings
from macro_fund.store.tables import TABLES
from macro_fund_tests.reports.english import english_left
from macro_fund_tests.reports.test_pack import reader, rows
from macro_fund_tests.reports.test_plots import made

AGENTS, ASSETS = (tuple(part) for part in (WORDS["en"].agents, WORDS["en"].assets))
REPLAYS = [f"{s.id}{part}" for s in default_settings().scenarios for part in ("", ":window", ":worst_day")]
# Tables that pictures of the pack are drawn of, with the names that their columns may hold.
DRAWN: dict[str, dict[str, tuple[str, ...]]] = {
    "silver/di_curve": {},
    "silver/ust_curve": {},
    "agents/views": {"agent_id": AGENTS, "asset": ASSETS},
    "risk/var": {"method": tuple(METHODS)},
    "risk/var_record": {"method": tuple(METHODS)},
    "risk/exposures": {"factor": tuple(FACTORS)},
    "risk/stress": {"kind": ("scenario", "replay", "correlation"), "scenario": (*REPLAYS, *CASES)},
    "risk/limits": {"limit": tuple(set(Limits.model_fields) - {"warn_at", "breakers"})},
    "pms/performance": {"period": ("inception",)},
}
CUT_OFF, TOLERANCE = "...", 0.02  # inches
MORNING = date(2024, 5, 30)  # the last of the days of `made`


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written in the pictures that are drawn, and a mark when the edge of one cuts something off."""
    found: list[str] = []
    printed = FigureCanvasAgg.print_png

    def told(canvas: FigureCanvasAgg, *given: Any, **named: Any) -> None:
        printed(canvas, *given, **named)
        found.extend(t.get_text() for t in canvas.figure.findobj(Text) if t.get_visible() and t.get_text())
        drawn, size = canvas.figure.get_tightbbox(canvas.get_renderer()), canvas.figure.get_size_inches()
        if min(drawn.x0, drawn.y0) < -TOLERANCE or drawn.x1 > size[0] + TOLERANCE or drawn.y1 > size[1] + TOLERANCE:
            found.append(CUT_OFF)

    monkeypatch.setattr(FigureCanvasAgg, "print_png", told)
    return found


def pictures(frames: dict[str, pl.DataFrame]) -> list[Picture]:
    pack = build_pack(reader(frames), MORNING, fund="", watermark="", last_trade_date=MORNING)
    return [p for s in pack.sections for p in s.pictures]


def test_the_words_of_pictures_are_those_of_the_page(texts: list[str]) -> None:
    frames = {key: made(TABLES[key], names=names) for key, names in DRAWN.items()}
    drawn = pictures(frames)
    assert len(drawn) == len(DRAWN)
    for picture in drawn:
        texts.clear()
        english = picture.drawn("en")
        assert english_left("\n".join(texts)), f"{in_words(picture.title, 'en')} has no English word to look for"
        texts.clear()
        portuguese = picture.drawn("pt")
        left = english_left("\n".join(texts))
        assert not left, f"{in_words(picture.title, 'pt')}: {left} in {texts}"
        assert CUT_OFF not in texts, in_words(picture.title, "pt")
        assert not [t for t in texts if "." in t and t.replace(".", "").replace("−", "").isdigit()], texts
        assert portuguese != english
        count = len(texts)
        assert picture.drawn("pt") is portuguese
        assert len(texts) == count, "drawn a second time"


def test_a_picture_of_nothing_is_in_the_page_s_words(texts: list[str]) -> None:
    for picture in pictures({}):
        picture.drawn("pt")
    assert "sem visão" in texts
    assert english_left("\n".join(texts)) == set()


@pytest.mark.parametrize(
    ("text", "portuguese"),
    [
        ("below the threshold of 2.50%", "abaixo do limiar de 2,50%"),
        ("monte_carlo; t_copula, a challenger, says 0.23%", "Monte Carlo; cópula t, desafiante, diz 0,23%"),
        ("inflation_2022:worst_day", "Inflação 2022: pior dia"),
        ("EWMA for di_252, ibov: no GARCH fits", "EWMA para juro DI de 1 ano, Ibovespa: nenhum GARCH se ajusta"),
        (
            "br_x: 2026-11-06 is due, newest is 2026-11-04 (+7 more)",
            "br_x: era devido 2026-11-06, o mais recente é 2026-11-04 (e mais 7)",
        ),
        (
            "INDZ26 +0 to -15 is not proposed: limit fx_net 120% used; day_stop: day loss 1.60%, threshold 1.50%",
            "INDZ26 de +0 para -15 não é proposto: limite câmbio líquido, uso de 120%; perda do dia, primeira barra: "
            "perda do dia de 1,60%, limiar de 1,50%",
        ),
        ("thrown by Rui Sá: prices look wrong", "acionada por Rui Sá: “prices look wrong”"),
        ("no such sentence; within the limit", "“no such sentence”; dentro do limite"),
        ("without anything English", "“without anything English”"),
        ("", ""),
    ],
)
def test_a_sentence_of_a_table_is_known_or_quoted(text: str, portuguese: str) -> None:
    assert in_words(reason(text), "en") == text
    assert in_words(reason(text), "pt") == portuguese


def test_a_long_sentence_is_cut_between_its_parts() -> None:
    long = reason("within the limit; above the limit", 22)
    assert [in_words(long, language) for language in ("en", "pt")] == ["within the limit; …", "dentro do limite; …"]
    assert in_words(reason("within the limit; above the limit", 8), "pt") == "“within …”"


def test_what_a_table_says_is_told_or_quoted_in_the_page() -> None:
    """A morning on which much is wrong: nothing of it is left in English outside of quotation marks."""
    day = date(2024, 4, 2)
    trade = {
        "session": day, "proposal_id": "ab12", "instrument": "DI1_1Y", "contract": "DI1F25", "quantity": 5, "rank": 1,
        "screen_side": "SELL rate (receive) DI1F25", "position_before": 0, "position_after": 5, "entry_level": 0.1,
        "expected_cost_brl": Decimal("1.00"), "gain_if": gain_if("DI1", "DI1F25", 5), "narrative": "stored",
        "invalidation": "stop: DI1F25 above 11.500%; RATES-01 is wrong if carry does not pay",
        "missing": "liquidity_days: no source of traded volumes: days to close are not known",
    }  # fmt: skip
    known = {"as_of": pl.lit(day).cast(TABLES["pms/trade_proposals"].schema["as_of"])}
    frames = {
        "pms/trade_proposals": pl.DataFrame([trade], schema=TABLES["pms/trade_proposals"].schema).with_columns(**known),
        "risk/breakers": rows(
            "risk/breakers",
            {"session": day, "breaker": "kill_switch", "tripped": True, "action": "no_new_risk", "threshold": 0.0,
             "reason": "thrown by Rui: prices look wrong"},
        ),
        "quality/verdicts": rows(
            "quality/verdicts",
            {"session": day, "asset": "bronze/fred", "check": "in_time", "passed": False, "blocking": True,
             "detail": "the provider was silent for 3 hours"},
        ),
        "risk/stress": rows("risk/stress", {"session": day, "kind": "scenario", "scenario": "covid_2020",
                                            "instrument": "DI1_1Y", "pnl_brl": -1.0}),
        "risk/var": rows(
            "risk/var",
            *({"session": day, "method": "parametric", "level": 0.99, "scope": scope, "item": item, "var_brl": 9.0,
               "es_brl": 9.0, "status": "degraded", "reason": "no target in fx has a view"}
              for scope, item in (("total", "total"), ("class", "equity"), ("factor", "ibov"))),
        ),
    }  # fmt: skip
    held_back = "DI1F27 +0 to +9 is not proposed: kill_switch: thrown by Rui: prices look wrong"
    pack = build_pack(reader(frames), day, fund="", watermark="X", last_trade_date=day, held_back=held_back)
    page = to_markdown(pack, "pt")
    assert english_left(page) == set()
    assert "“the provider was silent for 3 hours”" in page
    assert "| macro-fund proposals approve ab12 --as NOME |" in page
    assert "VENDER taxa (doar) DI1F25, +5 contratos: você ganha se os juros CAÍREM" in page
    assert english_left(to_markdown(pack, "en")) >= {"held", "thrown", "wrong"}
