"""Policy path: planted steps come back, the calendar is the one that was public, sessions share their curve's fit."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.curves.di import build
from macro_fund.curves.policy_path import MEETINGS_AHEAD, fit_steps, meetings_known, policy_path
from macro_fund.store.tables import TABLES
from macro_fund.time.releases import load_meetings
from macro_fund_tests.instruments import market

MEETINGS = [m.date for m in load_meetings("copom_meetings")]
STARTS = np.arange(10, 330, 32)


def contracts(steps: np.ndarray, bdays: np.ndarray) -> np.ndarray:
    """Rates of contracts when the overnight rate follows `steps`, day by day."""
    day = np.arange(int(bdays.max()))
    overnight = np.log1p(steps)[np.searchsorted(STARTS, day, side="right")] / 252
    return np.expm1(np.cumsum(overnight)[bdays - 1] * 252 / bdays)


@settings(max_examples=60)
@given(st.floats(0.02, 0.15), st.integers(-4, 4), st.integers(0, STARTS.size))
def test_a_planted_cycle_comes_back(start: float, quarters: int, moves: int) -> None:
    """So many meetings with equal steps, then a pause: what central banks do."""
    done = np.minimum(np.arange(STARTS.size + 1), moves)
    steps = np.maximum(start + 0.0025 * quarters * done, 0.001)
    bdays = np.arange(1, 360, 7)
    fit = fit_steps(bdays, contracts(steps, bdays), STARTS)
    # The last steps have a short stretch of contracts: what these leave open, smoothness decides.
    np.testing.assert_allclose(fit.steps[:-2], steps[:-2], atol=3e-3)
    assert np.abs(fit.miss_bp).max() < 3.0


@given(st.floats(0.0, 0.3))
def test_a_flat_curve_has_no_steps(level: float) -> None:
    fit = fit_steps([21, 63, 126, 252], [level] * 4, [15, 50, 80])
    np.testing.assert_allclose(fit.steps, level, atol=1e-9)


def test_one_contract_or_meetings_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="two contracts or more"):
        fit_steps([21], [0.1], [10])
    with pytest.raises(ValueError, match="in order"):
        fit_steps([21, 42], [0.1, 0.1], [10, 10])


def test_only_announced_meetings_are_used_and_the_rest_is_assumed() -> None:
    ahead = meetings_known(date(2017, 5, 17), MEETINGS)
    assert [m for m, announced in ahead if announced] == [
        m for m in MEETINGS if date(2017, 5, 17) <= m < date(2018, 1, 1)
    ]
    assert len(ahead) == MEETINGS_AHEAD
    assert ahead == sorted(ahead)
    november = meetings_known(date(2017, 11, 1), MEETINGS)
    assert [m for m, announced in november if announced][-1] == date(2018, 12, 12)
    assert meetings_known(date(2017, 5, 31), MEETINGS)[0] == (date(2017, 5, 31), True)
    # What a later list says of later years changes nothing.
    assert ahead == meetings_known(date(2017, 5, 17), [m for m in MEETINGS if m.year <= 2017])


def test_a_list_that_ends_is_an_error_with_its_remedy() -> None:
    with pytest.raises(ValueError, match=r"copom_meetings\.yaml"):
        meetings_known(date(2019, 6, 3), [m for m in MEETINGS if m.year <= 2018])


def path(keys: list[date], settlements: pl.DataFrame | None = None) -> pl.DataFrame:
    quotes = market.settlements() if settlements is None else settlements
    built = build(quotes, market.cdi(), keys, market.calendar())
    targets = market.cdi().select("session", "event_date", value=pl.lit(0.065))
    return policy_path(built, targets, MEETINGS, market.calendar())


def test_rows_of_a_session_and_their_target() -> None:
    key = date(2019, 3, 29)
    found = path([key])
    assert found.schema == TABLES["silver/policy_path"].schema
    assert found["meeting"].to_list()[:2] == [date(2019, 5, 8), date(2019, 6, 19)]
    assert found["effective_bd"][0] == market.calendar().count(date(2019, 3, 28), date(2019, 5, 9))
    gap = (found["implied_target"] - found["step_rate"]).to_numpy()
    np.testing.assert_allclose(gap, 0.065 - 0.0614, atol=2e-6)
    late = date(2019, 4, 1)
    again = path([key, late], market.settlements().filter(pl.col("event_date") < date(2019, 3, 29)))
    same = ["curve_date", "meeting", "step_rate"]
    assert again.filter(pl.col("session") == late).select(same).equals(found.select(same))


def test_a_cdi_of_before_the_decision_is_moved_with_the_target() -> None:
    """Half a point more from 28 March on; the newest CDI is of the 27th, the contracts know."""
    key = date(2019, 3, 29)
    higher = pl.when(pl.col("event_date") >= date(2019, 3, 28)).then(0.07).otherwise(0.065)
    targets = (
        market.cdi()
        .select("session", "event_date")
        .vstack(pl.DataFrame({"session": [key], "event_date": [date(2019, 3, 28)]}))
    )
    built = build(market.settlements(), market.cdi(), [key], market.calendar())
    anchored = policy_path(built, targets.with_columns(value=higher), MEETINGS, market.calendar())
    plain = path([key])
    assert anchored["fit_bp"][0] != plain["fit_bp"][0]
    np.testing.assert_allclose(
        (anchored["implied_target"] - anchored["step_rate"]).to_numpy(), 0.065 - 0.0614, atol=2e-6
    )
