"""The wide catalogue (SGS, FRED, Yahoo): its form, its sample paths, and its ranges and rules against real data.

The comparisons with real data are skipped with a message where the data are not there.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from datetime import UTC, date, datetime
from functools import cache
from types import ModuleType
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from macro_fund.sample.public import published
from macro_fund.settings import Series, default_settings
from macro_fund.time.calendars import FINAL, load_calendar
from macro_fund.time.publication import knowledge_times
from macro_fund_tests.realworld import FOLDER, why_absent

SEED = 20100104
WIDE = tuple(s for s in default_settings().series if s.source in ("bcb_sgs", "fred", "yahoo"))
COUNTS = {"bcb_sgs": 332, "fred": 185, "yahoo": 41}
# The series that models read.
PANEL = {
    *("br_selic_target", "br_cdi_daily", "br_ipca_mom", "br_ipca_12m", "br_ipca_core_ex0", "br_ipca_core_ms"),
    *("br_ibc_br_sa", "br_inflation_target", "us_dff", "us_vix", "us_hy_oas", "us_dollar_broad", "us_cfnai"),
    *("us_cpi_core", "us_spx", "br_ibov", "fx_usdmxn"),
    *("br_fx_flow_total", "em_corp_oas", "fx_dxy", "cmd_gold_fut"),
}
PREFIXES = {
    "bcb_sgs": {"br"},
    "fred": {"us", "fx", "cmd", "vol", "eq", "em", "latam", "de", "ez", "jp", "mx", "uk", "za"},
    "yahoo": {"us", "br", "fx", "cmd", "vol", "eq", "etf"},
}
EVERY = {"D": "1d", "W": "1d", "M": "1mo", "Q": "1q", "A": "1y"}
# 100 times a rate near zero is a possible rate: these stood there for most of their history.
NEAR_ZERO = {"us_dff", "us_effr_fred", "us_fed_target_lower", "us_iorb", "us_ust_1m", "us_ust_3m", "us_recession"}
# In the panel, by the NYSE's calendar: on a holiday of the Federal Reserve alone the server waits for the next day.
BY_EXCHANGE = {"us_dff", "us_vix", "us_hy_oas", "us_dollar_broad"}
# In the panel, with a fixed lag and no list of releases: six times the recorded release came a little later.
FIXED_LAG = {"us_cpi_core"}
NEW_YORK = ZoneInfo("America/New_York")
SERVED_TO = datetime(2022, 1, 1, tzinfo=UTC)

realdata = pytest.mark.skipif(bool(why_absent()), reason=why_absent() or "the real data are there")


# ---------------------------------------------------------------- form


def test_ids_are_unique_snake_case_with_the_prefix_of_their_place() -> None:
    ids = [s.id for s in WIDE]
    assert len(ids) == len(set(ids))
    wrong = [s.id for s in WIDE if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", s.id)]
    assert not wrong
    assert {s.id for s in WIDE if s.id.split("_")[0] not in PREFIXES[s.source]} == set()


def test_every_code_stands_once_and_none_is_missing() -> None:
    codes = [(s.source, s.code) for s in WIDE]
    assert len(codes) == len(set(codes))
    assert {p: len(default_settings().series_of(p)) for p in COUNTS} == COUNTS
    assert len(WIDE) >= 550


def test_only_the_series_that_models_read_are_in_the_panel() -> None:
    assert {s.id for s in WIDE if s.panel} == PANEL


def test_units_are_named_and_percentages_are_decimals() -> None:
    assert [s.id for s in WIDE if not s.unit.strip()] == []
    assert [s.id for s in WIDE if re.search(r"percent|R\$|US\$|^%", s.unit)] == []
    assert {s.id for s in WIDE if s.unit.startswith("decimal")} == {s.id for s in WIDE if s.scale == 0.01}
    assert {s.scale for s in WIDE} == {0.01, 1.0}


def test_a_price_of_yahoo_names_its_currency() -> None:
    names = {s.unit for s in default_settings().series_of("yahoo")}
    assert {u for u in names if not re.match(r"[A-Z]{3} per [a-zA-Z ]+$", u)} == {"index points", "bp volatility index"}


def test_revised_series_are_read_again_for_more_than_a_year() -> None:
    assert [s.id for s in WIDE if s.revised and s.frequency not in "DW" and s.reread_days < 400] == []


def test_every_rule_dates_the_first_period() -> None:
    for s in WIDE:
        first = pl.Series([s.start]).dt.truncate(EVERY[s.frequency])
        (known,) = knowledge_times(first, s.publication, s.frequency)
        end = first.dt.offset_by(EVERY[s.frequency]).item()
        days = (known.date() - end).days
        if s.publication.kind == "years_before":
            assert days < -500, s.id
        else:
            assert -32 <= days <= 185, (s.id, known)


def test_a_series_that_comes_as_usual_is_never_stale() -> None:
    """The panel's own ages are the models' choice; lapses and strikes (`release`) are not as usual."""
    for s in WIDE:
        if s.panel:
            continue
        days = published(SEED, s.id).days
        days = days[(days >= np.datetime64("2010-01-01")) & (days < np.datetime64("2030-01-01"))]
        usual = s.publication.model_copy(update={"release": None})
        known = knowledge_times(pl.Series(days, dtype=pl.Date), usual, s.frequency).dt.date().to_numpy()
        oldest = (known[1:] - days[:-1]).astype("timedelta64[D]").astype(int).max() + 1
        assert oldest <= s.max_age_days, s.id


# ---------------------------------------------------------------- the sample world


# They move when the policy rate does.
POLICY_RATES = {"br_selic_over_daily", "br_selic_over_annualised", "br_cdi_annualised"}


def test_every_sample_path_moves_inside_its_range() -> None:
    for s in WIDE:
        values = published(SEED, s.id).values * s.scale
        there = values[~np.isnan(values)]
        assert ((there >= s.low) & (there <= s.high)).all(), s.id
        assert np.unique(there).size >= min(there.size // 4, 50) or s.panel or s.id in POLICY_RATES, s.id


# ---------------------------------------------------------------- real data


@cache
def _server() -> ModuleType:
    """The replay server's rules for American and Yahoo data."""
    spec = importlib.util.spec_from_file_location("replay_us", FOLDER / "providers" / "us.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@cache
def _table(name: str) -> pl.DataFrame:
    return pl.read_parquet(FOLDER / "data" / f"{name}.parquet")


def _real(s: Series) -> pl.DataFrame:
    """date and provider's number of a series since its start; empty where there are no real data."""
    if s.source == "bcb_sgs":
        found = _table("br_sgs").filter(pl.col("code") == int(s.code)).unique("date", keep="last")
    elif s.source == "fred":
        found = _table("us_fred_obs").filter(pl.col("series_id") == s.code)
    else:
        meta = _table("mkt_yahoo_meta").filter(pl.col("ticker") == s.code)
        cents = meta.height == 1 and meta["currency"].item() == "USX"
        closes = _table("mkt_yahoo_daily").filter(pl.col("ticker") == s.code)
        found = closes.with_columns(value=pl.col("close") / (100 if cents else 1))
    return found.filter((pl.col("date") >= s.start) & pl.col("value").is_not_null()).sort("date")


def _share_outside(values: pl.Series, s: Series) -> float:
    outside = ((values < s.low) | (values > s.high)).mean()
    assert isinstance(outside, float)
    return outside


@realdata
@pytest.mark.parametrize("source", COUNTS)
def test_all_real_values_lie_inside_the_range_and_a_hundred_times_them_outside(source: str) -> None:
    seen = 0
    for s in default_settings().series_of(source):
        values = _real(s)["value"] * s.scale
        if not len(values):
            continue
        seen += 1
        assert _share_outside(values, s) == 0, (s.id, values.min(), values.max())
        if s.id not in NEAR_ZERO:
            assert _share_outside(values * 100, s) > 0.5, s.id
    assert seen >= {"bcb_sgs": 84, "fred": 77, "yahoo": 28}[source]


def _served_from(s: Series, rows: pl.DataFrame) -> list[datetime]:
    """When the replay server shows each row."""
    server = _server()
    if s.source == "bcb_sgs":
        return [datetime.fromtimestamp(p, UTC) for p in rows["pub"]]
    if s.source == "fred":
        rule, short = (
            _table("us_fred_series").filter(pl.col("series_id") == s.code).select("rule", "frequency_short").row(0)
        )
        lists = {(r, d): server.at(day, "08:30") for r, d, _, day in _table("us_release_dates").iter_rows()}
        return [server.published(rule, d, short, lists) for d in rows["date"]]
    meta = _table("mkt_yahoo_meta").filter(pl.col("ticker") == s.code).row(0, named=True)
    return [server._bar_times(meta, d)[1] for d in rows["date"]]


@cache
def _bank_holidays() -> set[date]:
    """Days on which the Federal Reserve is closed and the NYSE open: Columbus Day, Veterans Day."""
    federal, exchange = (set(load_calendar(n).holidays(FINAL).astype(object)) for n in ("us_federal", "nyse"))
    return federal - exchange


def _excused(s: Series, ours: datetime) -> bool:
    return s.id in BY_EXCHANGE and ours.astimezone(NEW_YORK).date() in _bank_holidays()


@realdata
@pytest.mark.parametrize("source", COUNTS)
def test_nothing_counts_as_known_before_the_server_shows_it(source: str) -> None:
    seen = 0
    for s in default_settings().series_of(source):
        rows = _real(s).filter(pl.col("date").is_between(date(2010, 1, 1), date(2021, 12, 31)))
        if not rows.height or s.id in FIXED_LAG:
            continue
        ours = knowledge_times(rows["date"], s.publication, s.frequency).to_list()
        pairs = [p for p in zip(rows["date"], ours, _served_from(s, rows), strict=True) if p[2] < SERVED_TO]
        seen += len(pairs)
        early = [(d, o, t) for d, o, t in pairs if o < t and not _excused(s, o)]
        assert not early, (s.id, early[:3])
    assert seen > 15_000


@realdata
def test_the_fixed_lag_of_the_panel_is_early_on_few_months_only() -> None:
    (s,) = (s for s in WIDE if s.id in FIXED_LAG)
    rows = _real(s).filter(pl.col("date").is_between(date(2010, 1, 1), date(2021, 11, 1)))
    ours = knowledge_times(rows["date"], s.publication, s.frequency).to_list()
    assert sum(o < t for o, t in zip(ours, _served_from(s, rows), strict=True)) <= 6
