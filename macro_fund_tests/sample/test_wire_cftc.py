"""The simulated CFTC: positions that add up, follow the market and come out on Fridays."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from macro_fund.sample.paths_cftc import positions
from macro_fund.sample.wire_cftc import answer
from macro_fund.sample.world import load_world
from macro_fund.settings import Source, default_settings
from macro_fund.sources import cftc
from macro_fund.time.publication import knowledge_times
from macro_fund_tests.sample.asking import SEED, read
from macro_fund_tests.sample.direct import Direct, at

SERIES = default_settings().series_of("cftc")
BASE = "https://publicreporting.cftc.gov/resource/{}.json"


def public_by(rows: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Rows whose series' own rule makes them public by then."""
    times = knowledge_times(rows["event_date"], SERIES[0].publication, "W")
    return rows.filter(times <= moment)


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    parsed = read(Direct(answer), cftc, date(2004, 1, 1), date(2029, 12, 31))
    assert parsed.rejected.is_empty()
    return parsed.rows


def test_the_connector_reads_every_market_from_its_start_inside_its_range(rows: pl.DataFrame) -> None:
    found = rows.group_by("series_id").agg(
        high=pl.col("long").max(), first=pl.col("event_date").min(), categories=pl.col("category").n_unique()
    )
    got = {r["series_id"]: r for r in found.to_dicts()}
    for s in SERIES:
        row = got[s.id]
        assert 0 < row["high"] <= s.high
        assert timedelta(0) <= row["first"] - s.start < timedelta(days=7), s.id
        assert row["categories"] == len(cftc.REPORTS[s.code.partition(":")[0]].columns)
    assert rows["event_date"].dt.weekday().unique().to_list() == [2]


def test_both_sides_add_up_to_open_interest(rows: pl.DataFrame) -> None:
    sums = rows.group_by("series_id", "event_date").agg(
        pl.col("long", "short", "spreading").sum(), pl.col("open_interest").first()
    )
    for side in ("long", "short"):
        assert (sums[side] + sums["spreading"] == sums["open_interest"]).all()
    assert rows["long"].min() >= 0  # type: ignore[operator]
    assert rows["short"].min() >= 0  # type: ignore[operator]


def test_funds_hold_what_has_risen_and_dealers_the_other_side() -> None:
    table = positions(SEED, "tff")
    i = [s.id for s in table.markets].index("us_cot_tff_brl")
    world = load_world(SEED)
    level = np.log(world.markets.prices["usdbrl"][world.grid.at(table.days)])
    rise = -(level[13:] - level[:-13])  # of the real
    for category, sign in (("leveraged", 1), ("dealer", -1)):
        long, short = table.categories[category][:2]
        net = ((long - short) / table.open_interest)[13:, i]
        assert sign * np.corrcoef(net, rise)[0, 1] > 0.5


@pytest.mark.parametrize("now", ["2020-03-13T15:29:00-04:00", "2020-03-13T15:30:00-04:00"])
def test_a_frozen_clock_shows_exactly_what_the_rule_makes_public(now: str) -> None:
    moment = at(now)
    window = (date(2019, 6, 1), moment.date())
    shown = read(Direct(answer, moment), cftc, *window, fetched_at=moment).rows
    assert shown.equals(public_by(read(Direct(answer), cftc, *window).rows, moment))
    assert shown["event_date"].max() == (date(2020, 3, 10) if moment.minute == 30 else date(2020, 3, 3))


def test_poison_spoils_what_is_known_later_and_nothing_else() -> None:
    moment = at("2020-11-06T20:30:00+00:00")
    window = (date(2020, 9, 1), date(2020, 12, 31))
    clean = read(Direct(answer), cftc, *window).rows
    spoilt = read(Direct(answer, poison_after=moment), cftc, *window)
    assert spoilt.rejected.is_empty()
    assert public_by(clean, moment).equals(public_by(spoilt.rows, moment))
    late = pl.col("event_date") > date(2020, 11, 3)
    assert (spoilt.rows.filter(late)["long"] == 1000 * clean.filter(late)["long"]).all()
    assert public_by(clean, moment)["event_date"].max() == date(2020, 11, 3)


def test_rows_are_texts_under_the_cftcs_own_names() -> None:
    (request,) = cftc.plan(SERIES, {"us_cot_legacy_corn": (date(2020, 3, 1), date(2020, 3, 31))}, _policy())
    rows = json.loads(Direct(answer).send(request, 30.0).body)
    assert [r[cftc.DAY] for r in rows] == [f"2020-03-{d:02d}T00:00:00.000" for d in (3, 10, 17, 24, 31)]
    assert {r[cftc.CODE] for r in rows} == {"002602"}
    assert int(rows[0]["noncomm_postions_spread_all"]) > 0
    assert all(isinstance(v, str) for v in rows[0].values())
    limited = request.url.replace("$limit=50000", "$limit=2")
    assert len(json.loads(Direct(answer).get(limited).body)) == 2


def _policy() -> Source:
    return default_settings().sources["cftc"]


def test_refusals() -> None:
    cot = Direct(answer)
    assert cot.get(BASE.format("aaaa-bbbb") + "?$limit=1").status == 404
    for query in ("$where=price%20>%200", "$limit=10", "$where=&$limit=many"):
        reply = cot.get(BASE.format("gpe5-46if") + f"?{query}")
        assert reply.status == 400
        assert json.loads(reply.body)["code"] == "query.compiler.malformed"
    assert cot.get("https://publicreporting.cftc.gov/browse").status == 404
