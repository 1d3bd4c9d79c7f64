"""Simulated FOMC pages: the provider's shapes, release times, the planted signal, nothing that is not public."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from macro_fund.sample import texts, wire_fomc
from macro_fund.settings import default_settings
from macro_fund.sources import fomc
from macro_fund.sources.http import Request
from macro_fund_tests.sample.libraries import SEED, Shelf, correlation_out_of_sample, library, sentences
from macro_fund_tests.sources.reading import read_texts

SERIES = default_settings().series_of("fomc")
HOSTS = {wire_fomc.HOST: wire_fomc.answer}
SITE = "https://www.federalreserve.gov"
NOW = datetime(2022, 12, 20, 12, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return library(fomc, wire_fomc, NOW).documents(SERIES)


def status(path: str, now: datetime | None = NOW) -> int:
    return Shelf(HOSTS, now).send(Request("fomc", "GET", f"{SITE}/{path}", "x", ()), 1.0).status


def test_a_whole_history_is_read_without_a_complaint() -> None:
    got = library(fomc, wire_fomc, NOW)
    assert got.failed == []
    assert got.refused == []
    assert len(set(got.asked)) == len(got.asked)
    counts = got.documents(SERIES).group_by("series_id").len().rows()
    # The minutes of mid-December come out in January.
    assert dict(counts) == {"us_fomc_statements": 17 * 8, "us_fomc_minutes": 15 * 8 - 1}


def test_years_are_on_the_calendar_page_or_have_their_own() -> None:
    assert status("monetarypolicy/fomccalendars.htm") == 200
    assert [status(f"monetarypolicy/fomchistorical{y}.htm") for y in (2004, 2016, 2017, 2022)] == [200, 200, 404, 404]
    assert status("monetarypolicy/fomchistorical2003.htm") == 404
    assert status("monetarypolicy/fomchistorical2022.htm", None) == 200
    assert status("monetarypolicy/beigebook.htm") == 404
    assert status("newsevents/pressreleases/monetary20200101a.htm") == 404


def test_texts_carry_the_mark_and_have_enough_to_read(rows: pl.DataFrame) -> None:
    assert rows["title"].str.contains("SAMPLE").all()
    for name, least in (("us_fomc_statements", 9), ("us_fomc_minutes", 18)):
        own = rows.filter(pl.col("series_id") == name)
        assert min(sentences(own)) >= least
        assert own["text"].n_unique() == own.height
    assert not rows["text"].str.contains(r"\{|\u00a0|<|  |Share|Last Update").any()


def test_release_times(rows: pl.DataFrame) -> None:
    assert set(rows["stated_basis"]) == {"calendar"}
    for name, day, known in rows.select("series_id", "event_date", "known").rows():
        local = known.astimezone(NEW_YORK)
        assert (local.hour, local.minute) == (14, 0)
        gap = (local.date() - day).days
        assert gap == 0 if name == "us_fomc_statements" else 21 <= gap <= 24


@pytest.mark.parametrize("text", ["2010-01-04T11:55", "2019-06-12T17:59", "2021-12-31T23:00", "2022-01-03T11:55"])
def test_nothing_later_is_served(rows: pl.DataFrame, text: str) -> None:
    now = datetime.fromisoformat(text).replace(tzinfo=UTC)
    early = library(fomc, wire_fomc, now)
    assert early.failed == []
    assert early.documents(SERIES).equals(rows.filter(pl.col("known") <= now))


def test_what_nobody_may_read_yet_is_poisoned(rows: pl.DataFrame) -> None:
    cut = datetime(2018, 5, 21, 12, tzinfo=UTC)
    ahead = read_texts(fomc, Shelf(HOSTS, None, cut), NOW, date(2018, 1, 1)).documents(SERIES)
    poisoned = ahead["text"].str.contains("POISON")
    assert poisoned.to_list() == (ahead["known"] > cut).to_list()
    assert 0 < poisoned.sum() < ahead.height
    clean = rows.join(ahead.filter(~poisoned), on=["series_id", "document"], how="semi")
    assert clean["text_sha256"].to_list() == ahead.filter(~poisoned)["text_sha256"].to_list()


def upper_bound(text: str) -> float:
    """The upper end of the target range that a statement tells, %."""
    found = re.search(r"to ([\d/-]+) percent", text)
    assert found is not None, text
    whole, _, part = found[1].rpartition("-")
    top, _, bottom = part.partition("/")
    return float(whole or 0) + float(top) / float(bottom or 1)


def test_the_text_says_what_was_decided(rows: pl.DataFrame) -> None:
    held = texts.meetings(SEED, "fomc")
    by_day = dict(zip(held.days.astype(date), range(held.days.size), strict=True))
    for text, day in rows.filter(pl.col("series_id") == "us_fomc_statements").select("text", "event_date").rows():
        k = by_day[day]
        verb = ("lower", "maintain", "raise")[int(np.sign(held.move[k])) + 1]
        assert f"decided to {verb} the target range" in text
        assert upper_bound(text) == pytest.approx(held.rate[k] + 0.125, abs=1e-9)


@pytest.mark.parametrize("name", ["us_fomc_statements", "us_fomc_minutes"])
def test_words_forecast_the_next_decision_but_not_perfectly(name: str) -> None:
    held = texts.meetings(SEED, "fomc")
    everything = library(fomc, wire_fomc, datetime(2030, 12, 31, tzinfo=UTC)).documents(SERIES)
    own = everything.filter(pl.col("series_id") == name)
    at = np.searchsorted(held.days, own["event_date"].to_numpy())
    coming = np.append(held.move, 0.0)[at + 1]
    assert 0.3 < correlation_out_of_sample(own["text"].to_list(), coming.tolist()) < 0.95


@pytest.mark.parametrize(("middle", "words"), [(0.125, "0 to 1/4"), (0.875, "3/4 to 1"), (2.375, "2-1/4 to 2-1/2")])
def test_ranges_are_told_in_quarters(middle: float, words: str) -> None:
    assert texts.fed_range(middle) == f"{words} percent"
