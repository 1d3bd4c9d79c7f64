"""The simulated New York Fed: rates near the policy rate, published the next morning, in its words."""

from __future__ import annotations

import json
from datetime import date, timedelta

import polars as pl
import pytest

from macro_fund.sample.wire_nyfed import answer
from macro_fund.settings import default_settings
from macro_fund.sources import nyfed
from macro_fund_tests.sample.asking import read
from macro_fund_tests.sample.direct import Direct, at, dated

SEARCH = "https://markets.newyorkfed.org/api/rates/{}/search.json?startDate={}&endDate={}"
SERIES = default_settings().series_of("nyfed")


def test_the_connector_reads_every_series_from_its_start_inside_its_range() -> None:
    parsed = read(Direct(answer), nyfed, date(2004, 1, 1), date(2029, 12, 31))
    assert parsed.rejected.is_empty()
    for s in SERIES:
        own = parsed.rows.filter(pl.col("series_id") == s.id)
        assert own["value"].is_between(s.low, s.high).all()
        first = own["event_date"].min()
        assert isinstance(first, date)
        assert first - s.start < timedelta(days=5), s.id
        assert own["event_date"].max() == date(2029, 12, 31)


def test_rates_lie_near_the_target_range() -> None:
    rows = read(Direct(answer), nyfed, date(2019, 1, 1), date(2026, 12, 31)).rows
    wide = rows.pivot("series_id", index="event_date", values="value").drop_nulls()
    assert wide.height > 1900
    assert (wide["us_effr_target_high"] - wide["us_effr_target_low"]).is_between(0.00249, 0.00251).all()
    for rate in ("us_effr", "us_sofr"):
        assert wide[rate].is_between(wide["us_effr_target_low"] - 0.004, wide["us_effr_target_high"] + 0.004).all()
    assert wide["us_sofr"].n_unique() > 100


@pytest.mark.parametrize("now", ["2020-03-17T13:00:00+00:00", "2020-03-17T12:30:00+00:00", "2024-07-05T12:00:00+00:00"])
def test_a_frozen_clock_shows_exactly_what_the_rules_make_public(now: str) -> None:
    moment = at(now)
    window = (moment.date() - timedelta(days=400), moment.date() + timedelta(days=30))
    shown = read(Direct(answer, moment), nyfed, *window, fetched_at=moment).rows.sort("series_id", "event_date")
    public = dated(read(Direct(answer), nyfed, *window).rows, "nyfed").filter(pl.col("knowledge_time") <= moment)
    assert shown.equals(public.drop("knowledge_time"))
    assert shown.height > 1500


def test_poison_spoils_what_is_known_later_and_nothing_else() -> None:
    moment = at("2020-11-12T13:30:00+00:00")
    window = (date(2020, 5, 1), date(2020, 12, 31))
    clean = dated(read(Direct(answer), nyfed, *window).rows, "nyfed")
    spoilt = dated(read(Direct(answer, poison_after=moment), nyfed, *window).rows, "nyfed")
    known = pl.col("knowledge_time") <= moment
    # SOFR of the day before is known at 8:00, the effective rate at 9:00.
    assert clean.filter(known).equals(spoilt.filter(known))
    assert clean.filter(~known).height == spoilt.filter(~known).height > 100
    assert (clean.filter(~known)["value"] != spoilt.filter(~known)["value"]).all()


def test_rows_are_newest_first_and_shaped_like_the_feds() -> None:
    effr = json.loads(Direct(answer).get(SEARCH.format("unsecured/effr", "2024-06-03", "2024-06-07")).body)["refRates"]
    assert [r["effectiveDate"] for r in effr] == [f"2024-06-0{d}" for d in (7, 6, 5, 4, 3)]
    head = ["effectiveDate", "type", "percentRate", *(f"percentPercentile{p}" for p in (1, 25, 75, 99))]
    assert list(effr[0]) == [*head, "targetRateFrom", "targetRateTo", "volumeInBillions", "revisionIndicator"]
    sofr = json.loads(Direct(answer).get(SEARCH.format("secured/sofr", "2018-03-01", "2018-04-03")).body)["refRates"]
    assert [r["effectiveDate"] for r in sofr] == ["2018-04-03", "2018-04-02"]
    assert list(sofr[0]) == [*head, "volumeInBillions", "revisionIndicator"]
    old = json.loads(Direct(answer).get(SEARCH.format("unsecured/effr", "2008-12-15", "2008-12-16")).body)["refRates"]
    assert [r["targetRateFrom"] is None for r in old] == [False, True]
    assert old[0]["volumeInBillions"] is None


def test_refusals() -> None:
    fed = Direct(answer)
    unknown = fed.get(SEARCH.format("unsecured/obfr", "2024-06-03", "2024-06-07"))
    assert (unknown.status, json.loads(unknown.body)["error"]) == (400, "Invalid rate type")
    bad = fed.get(SEARCH.format("unsecured/effr", "03.06.2024", "2024-06-07"))
    assert (bad.status, json.loads(bad.body)["message"]) == (400, "Bad Request")
    assert fed.get("https://markets.newyorkfed.org/api/soma/summary.json").status == 404
