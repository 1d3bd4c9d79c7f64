"""Svensson curves against ANBIMA's printed vertices and the Federal Reserve's file, and silver/ettj."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.curves.svensson import (
    NODES,
    PARAMETERS,
    breakeven_problems,
    ettj,
    ettj_curves,
    gsw_forward,
    gsw_par,
    gsw_zero,
)
from macro_fund.curves.ust import bond_price
from macro_fund.instruments.decimals import truncate
from macro_fund.sources.anbima_ettj import svensson
from macro_fund.store.tables import TABLES

# ANBIMA, 2026-07-01 and 2026-03-20
JULY_PRE = [0.14244785469011, -0.00417963085616872, -0.0176338937692003, 0.0221665799663186, 1.25307136472059, 0.504334569312079]  # fmt: skip # noqa: E501
JULY_IPCA = [0.0701110754708797, 0.0589431389506583, -0.0219914145293608, 0.0460229716669306, 4.20925675129582, 0.495706741732079]  # fmt: skip # noqa: E501
MARCH_PRE = [0.136522664032213, 0.00868153977703815, -0.0106509956113079, 0.0204633627865665, 1.11824035783523, 0.336872600281945]  # fmt: skip # noqa: E501
MARCH_IPCA = [0.067051159831508, 0.0396211759978074, -0.0446166495166751, 0.0480911846611276, 1.54197839557017, 0.560186799751965]  # fmt: skip # noqa: E501
PRINTED = {
    "july pre": (JULY_PRE, {126: 13.8029, 252: 13.9071, 378: 14.0453, 504: 14.1769, 1008: 14.482, 2520: 14.493}),
    "july ipca": (
        JULY_IPCA,
        {126: 9.3052, 252: 8.734, 378: 8.6581, 504: 8.6624, 1008: 8.5984, 2520: 7.9884, 2646: 7.9488, 8442: 7.3144},
    ),
    "march pre": (MARCH_PRE, {126: 14.2644, 252: 14.158, 378: 14.1276, 756: 14.1757, 1008: 14.213, 2520: 14.1507}),
    "march ipca": (MARCH_IPCA, {126: 8.9806, 252: 8.3405, 378: 8.1296, 756: 8.0746, 1008: 8.0399, 2520: 7.5102}),
}
# Federal Reserve, GSW, 2024-08-30, percent
GSW = np.array([4.77055671441905, 0.729178277946686, -1.9426462553785, -2.86579891708572, 0.902377839254897, 3.16069975337781])  # fmt: skip # noqa: E501
GSW[:4] /= 100


@pytest.mark.parametrize("name", PRINTED)
def test_printed_vertices_are_cut_not_rounded(name: str) -> None:
    parameters, printed = PRINTED[name]
    found = truncate(ettj(parameters, list(printed)), 6)
    np.testing.assert_allclose(found * 100, list(printed.values()), atol=1e-10)


@pytest.mark.parametrize(
    ("pre", "ipca", "printed"),
    [
        (JULY_PRE, JULY_IPCA, {126: 4.1148, 252: 4.7575, 378: 4.9579, 504: 5.0748, 1008: 5.4177, 2520: 6.0234}),
        (MARCH_PRE, MARCH_IPCA, {126: 4.8483, 252: 5.3696, 378: 5.5470, 756: 5.6452, 1008: 5.7137, 2520: 6.1766}),
    ],
)
def test_printed_breakevens_are_those_of_the_printed_rates(
    pre: list[float], ipca: list[float], printed: dict[int, float]
) -> None:
    days = list(printed)
    found = truncate((1 + truncate(ettj(pre, days), 6)) / (1 + truncate(ettj(ipca, days), 6)) - 1, 6)
    np.testing.assert_allclose(found * 100, list(printed.values()), atol=1e-10)


def test_the_verification_of_the_file_uses_the_same_curve() -> None:
    np.testing.assert_allclose(ettj(JULY_PRE, NODES), svensson(JULY_PRE, NODES), rtol=1e-14)


def test_federal_reserve_zeros_forwards_and_par() -> None:
    zero = gsw_zero(GSW, [1, 2, 3, 4, 5, 7, 10, 15, 20, 30]) * 100
    expected = [4.3103, 3.893, 3.7472, 3.7058, 3.71, 3.7752, 3.9147, 4.1238, 4.2688, 4.4324]
    np.testing.assert_allclose(zero, expected, atol=6e-5)
    forward = gsw_forward(GSW, [1, 2, 3, 5, 10, 30]) * 100
    np.testing.assert_allclose(forward, [3.6398, 3.4176, 3.5115, 3.7992, 4.387, 4.7685], atol=6e-5)
    np.testing.assert_allclose(
        gsw_par(GSW, [1, 2, 5, 10, 30]) * 100, [4.3619, 3.9419, 3.7538, 3.9338, 4.3391], atol=6e-5
    )


@settings(max_examples=50)
@given(st.lists(st.floats(-0.05, 0.05), min_size=3, max_size=3), st.floats(0.3, 4), st.floats(4, 15))
def test_zero_rate_is_the_mean_of_the_forwards(betas: list[float], near: float, far: float) -> None:
    parameters = [0.05, *betas, near, far]
    years = (np.arange(4000) + 0.5) / 400
    mean = gsw_forward(parameters, years).mean()
    assert gsw_zero(parameters, [10.0]).item() == pytest.approx(mean, abs=1e-7)


def test_a_par_bond_costs_100() -> None:
    grid = np.arange(1, 21) / 2
    factor = np.exp(-gsw_zero(GSW, grid) * grid)
    coupon = gsw_par(GSW, [10]).item()
    assert 100 * (coupon / 2 * factor.sum() + factor[-1]) == pytest.approx(100.0, abs=1e-10)
    assert bond_price(coupon, 10, coupon) == pytest.approx(100.0)


def test_old_rows_have_no_second_hump() -> None:
    old = np.array([0.05, -0.01, 0.02, 0.0, 1.5, -999.99])
    same = np.array([0.05, -0.01, 0.02, 0.0, 1.5, 7.0])
    for function in (gsw_zero, gsw_forward, gsw_par):
        np.testing.assert_array_equal(function(np.stack([old, GSW]), [1, 5])[0], function(same, [1, 5]))
    with pytest.raises(ValueError, match=r"TAU2 is -999\.99 where BETA3 is not 0"):
        gsw_zero([0.05, -0.01, 0.02, 0.01, 1.5, -999.99], [1.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ettj(JULY_PRE, [0]), "at least one business day"),
        (lambda: ettj([*JULY_PRE[:4], 0.0, 0.5], [21]), "lambdas above 0"),
        (lambda: gsw_zero(GSW, [0.0]), "years above 0"),
        (lambda: gsw_par(GSW, [1.5]), "whole years"),
    ],
)
def test_bad_input_is_refused(call, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


# The table

DAYS = {date(2026, 3, 20): (MARCH_PRE, MARCH_IPCA), date(2026, 7, 1): (JULY_PRE, JULY_IPCA)}


def observations() -> pl.DataFrame:
    """Each day's parameters, known the next session (2026-03-23, 2026-07-02)."""
    session = {date(2026, 3, 20): date(2026, 3, 23), date(2026, 7, 1): date(2026, 7, 2)}
    rows = [
        (session[day], f"br_ettj_{curve}_{name}", day, value)
        for day, curves in DAYS.items()
        for curve, values in zip(("pre", "ipca"), curves, strict=True)
        for name, value in zip(PARAMETERS, values, strict=True)
    ]
    return pl.DataFrame(rows, ["session", "series_id", "event_date", "value"], orient="row")


SESSIONS = [date(2026, 3, 20), date(2026, 3, 23), date(2026, 3, 24), date(2026, 7, 2)]


def test_each_session_has_the_newest_curve_it_knows() -> None:
    table = ettj_curves(observations(), SESSIONS)
    assert table.schema == TABLES["silver/ettj"].schema
    assert table.group_by("session", maintain_order=True).agg(pl.col("curve_date").first()).rows() == [
        (date(2026, 3, 23), date(2026, 3, 20)),
        (date(2026, 3, 24), date(2026, 3, 20)),
        (date(2026, 7, 2), date(2026, 7, 1)),
    ]
    year = table.filter((pl.col("session") == SESSIONS[-1]) & (pl.col("tenor_bd") == 252))
    assert year.select("nominal_rate", "real_rate", "breakeven").row(0) == (0.139071, 0.08734, 0.047575)
    assert breakeven_problems(table).is_empty()
    spoilt = table.with_columns(pl.col("breakeven") + 5e-6)
    assert breakeven_problems(spoilt).height == table.height


def test_a_day_without_all_parameters_is_no_curve() -> None:
    part = observations().filter(
        (pl.col("event_date") == date(2026, 3, 20)) | (pl.col("series_id") != "br_ettj_ipca_l2")
    )
    assert ettj_curves(part, SESSIONS)["curve_date"].max() == date(2026, 3, 20)
    assert ettj_curves(observations().clear(), SESSIONS).is_empty()


def test_a_session_alone_is_the_same() -> None:
    table = ettj_curves(observations(), SESSIONS)
    for session in SESSIONS:
        known = observations().filter(pl.col("session") <= session)
        assert ettj_curves(known, [session]).equals(table.filter(pl.col("session") == session))
