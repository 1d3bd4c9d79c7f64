"""Ageing: half-lives by frequency, lateness from publication rules, the latest input of a strategy."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from macro_fund.orchestration.conviction import inputs_of
from macro_fund.portfolio.ageing import discount, discounts, input_of
from macro_fund.settings import default_settings
from macro_fund.sources.due import due_at, newest_due
from macro_fund.time.sessions import sessions as fund_sessions

SERIES = {s.id: s for s in default_settings().series}
TIMES = fund_sessions().frame()
DAYS = fund_sessions().keys(date(2023, 5, 2), date(2023, 7, 31))


@pytest.mark.parametrize(
    ("frequency", "late", "left"),
    [
        ("D", 0, 1.0),
        ("D", 2, 0.5),
        ("D", 3, 0.5**1.5),
        ("D", 4, 0.0),
        ("W", 5, 0.5),
        ("W", 16, 0.0),
        ("M", 15, 0.5),
        ("M", 63, 0.5**4.2),
        ("M", 64, 0.0),
        ("Q", 30, 0.5),
        ("Q", 190, 0.0),
        ("E", 500, 1.0),
    ],
)
def test_confidence_halves_and_ends_after_three_periods(frequency, late, left):
    assert discount(np.array([float(late)]), frequency)[0] == pytest.approx(left)


RULES = sorted({(s.publication, s.frequency) for s in SERIES.values() if s.panel and s.frequency != "E"}, key=str)


@pytest.mark.parametrize(("rule", "frequency"), RULES, ids=lambda x: getattr(x, "kind", x))
def test_what_is_due_is_the_same_for_many_mornings_as_for_one(rule, frequency):
    as_of = TIMES.filter(pl.col("session").is_in(DAYS))["as_of"]
    found = due_at(rule, frequency, as_of)
    newest_due.cache_clear()
    assert found.to_list() == [newest_due(rule, frequency, t) for t in as_of]
    assert due_at(rule, frequency, as_of[30:31]).to_list() == found[30:31].to_list()


def _known(item: str, days: list[date], periods: list[date]) -> pl.DataFrame:
    return pl.DataFrame({"session": days, "item": [item] * len(days), "event_date": periods})


def _on_time(item, days=DAYS):
    as_of = TIMES.filter(pl.col("session").is_in(days))["as_of"]
    return _known(item.id, days, due_at(item.rule, item.frequency, as_of).to_list())


def test_a_value_that_is_as_new_as_its_rule_says_is_not_late():
    items = [input_of(SERIES[i]) for i in ("us_vix", "br_selic_target", "br_usdbrl_ptax_ask", "br_ipca_mom")]
    known = pl.concat([_on_time(i) for i in items])
    found = discounts({"S": items}, known, TIMES, DAYS)
    assert found["discount"].unique().to_list() == [1.0]
    assert found["late"].unique().to_list() == [""]


def test_the_latest_input_of_a_strategy_counts_once():
    ptax, vix = input_of(SERIES["br_usdbrl_ptax_ask"]), input_of(SERIES["us_vix"])
    monday = date(2023, 7, 10)
    # PTAX of Friday 7 July is due on Monday: that of Wednesday 5 July is two business days late, VIX one.
    known = pl.concat([_known(ptax.id, [monday], [date(2023, 7, 5)]), _known(vix.id, [monday], [date(2023, 7, 5)])])
    found = discounts({"BOTH": [vix, ptax], "VIX": [vix]}, known, TIMES, [monday])
    assert found.rows() == [
        (monday, "BOTH", pytest.approx(0.5), "br_usdbrl_ptax_ask is 2 business days late"),
        (monday, "VIX", pytest.approx(0.5**0.5), "us_vix is 1 business days late"),
    ]


def test_a_monthly_series_is_not_late_before_its_release_and_is_after():
    ipca = input_of(SERIES["br_ipca_mom"])
    as_known = _known(ipca.id, DAYS, [date(2023, 4, 1)] * len(DAYS))
    found = discounts({"S": [ipca]}, as_known, TIMES, DAYS)["discount"]
    # IPCA of May 2023 came out on 7 June at 09:00, after the cut-off of that morning.
    at = DAYS.index(date(2023, 6, 7))
    assert found[at] == 1.0
    assert found[at + 1] < 1.0
    assert found.is_sorted(descending=True)


def test_an_input_without_a_row_is_left_to_the_strategy():
    vix = input_of(SERIES["us_vix"])
    found = discounts({"S": [vix]}, _known(vix.id, DAYS, DAYS).clear(), TIMES, DAYS)
    assert found["discount"].unique().to_list() == [1.0]


def test_a_range_is_its_days():
    vix = input_of(SERIES["us_vix"])
    rng = np.random.default_rng(4)
    periods = [d - timedelta(days=int(n)) for d, n in zip(DAYS, rng.integers(1, 9, len(DAYS)), strict=True)]
    known = _known(vix.id, DAYS, periods)
    whole = discounts({"S": [vix]}, known, TIMES, DAYS)
    assert whole["discount"].n_unique() > 3
    for day in DAYS[::9]:
        alone = discounts({"S": [vix]}, known.filter(pl.col("session") <= day), TIMES, [day])
        assert alone.equals(whole.filter(session=day))


def test_strategies_of_the_book_age_by_their_series_and_the_curve():
    inputs = {k: [i.id for i in v] for k, v in inputs_of(default_settings()).items()}
    assert inputs["RATES-01"] == ["br_cdi_daily", "silver/di_curve"]
    assert inputs["FX-02"] == ["br_selic_target", "us_dff", "br_usdbrl_ptax_ask"]
    assert set(inputs["CROSS-02"]) == {"us_vix", "us_hy_oas", "fx_usdmxn", "us_spx"}
