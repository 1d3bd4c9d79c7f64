"""The simulated Cboe: whole files that end at the last public close."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from macro_fund.sample.wire_cboe import answer
from macro_fund.settings import default_settings
from macro_fund.sources import cboe
from macro_fund.sources.http import Payload
from macro_fund_tests.sample.asking import read
from macro_fund_tests.sample.direct import Direct, at, dated

URL = "https://cdn.cboe.com/api/global/us_indices/daily_prices/{}_History.csv"
SERIES = default_settings().series_of("cboe")


def test_the_connector_reads_every_index_from_its_start_inside_its_range() -> None:
    parsed = read(Direct(answer), cboe, date(2004, 1, 1), date(2029, 12, 31))
    assert parsed.rejected.is_empty()
    for s in SERIES:
        own = parsed.rows.filter(pl.col("series_id") == s.id)
        assert own["value"].is_between(s.low, s.high).all()
        first = own["event_date"].min()
        assert isinstance(first, date)
        assert first - s.start < timedelta(days=5), s.id


def test_short_horizons_move_more_than_long_ones() -> None:
    wide = read(Direct(answer), cboe, date(2023, 1, 1), date(2029, 12, 31)).rows.pivot(
        "series_id", index="event_date", values="value"
    )
    moves = wide.drop_nulls().select(pl.exclude("event_date").log().std())
    sizes = [moves[f"vol_{n}"].item() for n in ("vix1d", "vix9d", "vix", "vix3m", "vix6m")]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("now", ["2020-03-16T17:14:00-04:00", "2020-03-16T17:15:00-04:00", "2011-01-01T12:00:00-05:00"])
def test_a_frozen_clock_shows_exactly_what_the_rules_make_public(now: str) -> None:
    moment = at(now)
    window = (date(2004, 1, 1), moment.date() + timedelta(days=30))
    public = dated(read(Direct(answer), cboe, *window).rows, "cboe").filter(pl.col("knowledge_time") <= moment)
    there = [s for s in SERIES if s.id in set(public["series_id"])]
    for s in there:
        shown = cboe.parse(_payload(Direct(answer, moment), s.code), SERIES).rows
        assert shown.equals(public.filter(pl.col("series_id") == s.id).drop("knowledge_time"))
    for s in set(SERIES) - set(there):
        assert Direct(answer, moment).get(URL.format(s.code)).status == 403
    assert len(there) == (6 if moment.year == 2020 else 5)


def _payload(transport: Direct, code: str) -> Payload:
    series = next(s for s in SERIES if s.code == code)
    (request,) = cboe.plan(SERIES, {series.id: (series.start, series.start)}, default_settings().sources["cboe"])
    reply = transport.send(request, 30.0)
    return Payload(request, reply.status, reply.body, at("2031-12-31T00:00:00+00:00"), "")


def test_poison_spoils_what_is_known_later_and_nothing_else() -> None:
    moment = at("2020-11-12T17:15:00-05:00")
    window = (date(2020, 5, 1), date(2020, 12, 31))
    clean = dated(read(Direct(answer), cboe, *window).rows, "cboe")
    spoilt = dated(read(Direct(answer, poison_after=moment), cboe, *window).rows, "cboe")
    known = pl.col("knowledge_time") <= moment
    assert clean.filter(known).equals(spoilt.filter(known))
    later = clean.filter(~known)["value"]
    assert (spoilt.filter(~known)["value"] / later).is_between(-1000.001, -999.999).all()
    assert clean.filter(known)["event_date"].max() == date(2020, 11, 12)


def test_both_kinds_of_files() -> None:
    vix = Direct(answer).get(URL.format("VIX")).body.decode().splitlines()
    assert vix[0] == "DATE,OPEN,HIGH,LOW,CLOSE"
    assert vix[1].startswith("01/02/2004,")
    for line in vix[1:500]:
        o, h, low, c = (float(x) for x in line.split(",")[1:])
        assert low <= min(o, c) <= max(o, c) <= h
    skew = Direct(answer).get(URL.format("SKEW")).body.decode()
    assert skew.startswith("DATE,SKEW\n01/02/2004,")
    assert skew.endswith("\n")


def test_a_file_that_is_not_there() -> None:
    for url in (URL.format("VXST"), "https://cdn.cboe.com/data/us/options/daily.csv"):
        reply = Direct(answer).get(url)
        assert reply.status == 403
        assert b"<Code>AccessDenied</Code>" in reply.body
