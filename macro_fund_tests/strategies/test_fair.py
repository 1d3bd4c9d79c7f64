"""Residuals of a monthly regression and the first component, with planted truth and the past alone."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from statsmodels.api import OLS, add_constant

from macro_fund.strategies.fair import monthly_component, residual_z
from macro_fund.strategies.refit import month_starts

SESSIONS = pl.date_range(date(2015, 1, 1), date(2018, 12, 31), "1d", eager=True).filter(
    pl.date_range(date(2015, 1, 1), date(2018, 12, 31), "1d", eager=True).dt.weekday() <= 5
)
N = len(SESSIONS)
ASKED = {"minimum": 300, "window": 200, "min_obs": 100}


def planted(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (N, 2))
    return 0.5 + 2.0 * x[:, 0] - 3.0 * x[:, 1] + rng.normal(0, 0.1, N), x


def test_planted_coefficients_and_an_outlier() -> None:
    y, x = planted()
    y[-1] += 1.0
    beta, residual, z = residual_z(SESSIONS, y, x, **ASKED)
    assert beta[-1] == pytest.approx([0.5, 2.0, -3.0], abs=0.02)
    assert residual[-1] == pytest.approx(1.0, abs=0.35)
    assert z[-1] == 3.0
    assert np.std(z[400:-1]) == pytest.approx(1.0, abs=0.15)


def test_the_z_by_hand() -> None:
    y, x = planted()
    _, residual, z = residual_z(SESSIONS, y, x, **ASKED)
    start = month_starts(SESSIONS)[-1]
    beta = OLS(y[: start + 1], add_constant(x[: start + 1])).fit().params
    left = (y - add_constant(x) @ beta)[-200:]
    mad = np.median(np.abs(left - np.median(left)))
    assert residual[-1] == pytest.approx(left[-1], abs=1e-12)
    assert z[-1] == pytest.approx(np.clip((left[-1] - np.median(left)) / (1.4826 * mad), -3, 3), abs=1e-9)


def test_nothing_before_the_minimum_and_holes_stay_holes() -> None:
    y, x = planted()
    y[500], x[600, 1] = np.nan, np.nan
    beta, residual, z = residual_z(SESSIONS, y, x, **ASKED)
    first = next(s for s in month_starts(SESSIONS) if s + 1 >= 300)
    assert np.isnan(beta[:first]).all()
    assert np.isnan(z[:first]).all()
    assert np.isfinite(z[first])
    assert np.isnan([residual[500], z[500], residual[600], z[600]]).all()


@pytest.mark.parametrize("cut", [430, 431, 700])
def test_the_past_decides_alone(cut: int) -> None:
    y, x = planted()
    whole = residual_z(SESSIONS, y, x, **ASKED)
    part = residual_z(SESSIONS[:cut], y[:cut], x[:cut], **ASKED)
    for a, b in zip(whole, part, strict=True):
        assert np.array_equal(a[:cut], b, equal_nan=True)


def test_a_common_move_is_the_first_component() -> None:
    rng = np.random.default_rng(3)
    truth = np.array([0.6, 0.9, 1.2])
    changes = rng.normal(0, 10, (N, 1)) * truth + rng.normal(0, 0.5, (N, 3))
    changes[7] = np.nan
    found = monthly_component(SESSIONS, changes, window=250, minimum=100)
    assert found[-1] == pytest.approx(truth / np.linalg.norm(truth), abs=0.01)
    assert np.isnan(found[:99]).all()
    cut = monthly_component(SESSIONS[:500], changes[:500], window=250, minimum=100)
    assert np.array_equal(found[:500], cut, equal_nan=True)


def test_a_curve_that_stands_still_has_no_component() -> None:
    assert np.isnan(monthly_component(SESSIONS, np.zeros((N, 3)), window=250, minimum=100)).all()
