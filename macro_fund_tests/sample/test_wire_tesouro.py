"""The Tesouro Direto file of the sample world: read back by the real connector, at two dates, and reproducible."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest

from macro_fund.sample import transport, wire_tesouro
from macro_fund.sample.transport import SampleTransport
from macro_fund.settings import default_settings
from macro_fund.sources import tesouro_direto as td
from macro_fund_tests.sample.asking import SEED, get, read

SERIES = default_settings().series_of("tesouro_direto")
EVER = (date(2004, 1, 1), date(2030, 12, 31))
FRIDAY = date(2020, 3, 13)
MONDAY_NINE = datetime(2020, 3, 16, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: Any = transport.HANDLERS
    monkeypatch.setitem(handlers, wire_tesouro.HOST, wire_tesouro.answer)


def rows(**view: Any) -> pl.DataFrame:
    parsed = read(SampleTransport(SEED, **view), td, *EVER)
    assert parsed.rejected.is_empty()
    return parsed.rows


@pytest.fixture(scope="module")
def everything() -> pl.DataFrame:
    handlers: Any = transport.HANDLERS
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(handlers, wire_tesouro.HOST, wire_tesouro.answer)
        return rows()


def test_every_series_has_plausible_values_from_its_start_without_holes(everything: pl.DataFrame) -> None:
    for s in SERIES:
        own = everything.filter(pl.col("series_id") == s.id)
        days = own["event_date"].unique().sort()
        assert (days[0] - s.start).days <= 7, s.id
        assert days[-1] == date(2030, 12, 31), s.id
        assert days.diff().dt.total_days().max() <= 7, s.id
        assert own["buy_rate"].is_between(s.low, s.high).all(), s.id
    prices = everything.select("buy_price", "sell_price", "base_price")
    assert prices.null_count().row(0) == (0, 0, 0)
    assert (everything["buy_price"] >= everything["sell_price"]).all()
    assert (everything["maturity"] > everything["event_date"]).all()


def test_a_bond_has_one_row_a_day(everything: pl.DataFrame) -> None:
    assert everything.select("series_id", "bond", "event_date").is_unique().all()


def test_nothing_is_served_before_it_is_public() -> None:
    early = rows(now=datetime(2020, 3, 16, 11, 59, tzinfo=UTC))
    assert early["event_date"].max() == date(2020, 3, 12)
    assert rows(now=MONDAY_NINE)["event_date"].max() == FRIDAY


def test_the_past_reads_the_same_from_any_later_day(everything: pl.DataFrame) -> None:
    assert rows(now=MONDAY_NINE).equals(everything.filter(pl.col("event_date") <= FRIDAY))
    other = read(SampleTransport(SEED + 1), td, *EVER).rows
    assert not other.equals(everything)


def test_what_became_public_after_the_cut_off_is_garbage(everything: pl.DataFrame) -> None:
    spoilt = rows(poison_after=MONDAY_NINE)
    known = pl.col("event_date") <= FRIDAY
    assert spoilt.filter(known).equals(everything.filter(known))
    late, bad = everything.filter(~known), spoilt.filter(~known)
    for column in ("buy_rate", "sell_rate", "buy_price", "sell_price", "base_price"):
        assert (bad[column] / late[column]).to_list() == pytest.approx([-1000.0] * late.height, rel=1e-9)


def test_another_path_is_a_web_page() -> None:
    reply = get(SampleTransport(SEED), "https://www.tesourotransparente.gov.br/ckan/other.csv")
    assert (reply.status, reply.headers["x-sample"]) == (404, "SAMPLE")
