"""Daily settlement and exposure of DOL and IND."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.instruments import futures

# Spot, DI1 PU, DDI PU and DOL settlement of B3's files of 2023-02-02, 2025-02-03 and 2026-01-12.
PARITY = [
    (5072.1, 97987.84, 98329.54, 5089.788),
    (5072.1, 88204.99, 93630.54, 5384.088),
    (5072.1, 70419.05, 86362.06, 6220.433),
    (5830.1, 98076.68, 98915.74, 5879.977),
    (5830.1, 85069.38, 93638.04, 6417.34),
    (5830.1, 48436.62, 75043.29, 9032.627),
    (5370.7, 98200.86, 99294.38, 5430.505),
    (5370.7, 78665.38, 91291.49, 6232.719),
    (5370.7, 57750.75, 81040.04, 7536.556),
]


def test_settlement_of_one_contract() -> None:
    assert float(futures.daily_settlement(5384.088, 5380.1, 50.0)) == 199.4
    assert float(futures.daily_settlement(119_000, 120_005, 1.0)) == -1005.0
    np.testing.assert_array_equal(futures.daily_settlement([5400.5, 99000], [5400.0, 100000], [50, 1]), [25.0, -1000.0])


def test_delta_is_fifty_thousand_dollars() -> None:
    assert float(futures.delta(5830.1, 50.0)) == pytest.approx(50_000 * 5.8301)


@pytest.mark.parametrize(("spot", "pu_di", "pu_ddi", "dol"), PARITY)
def test_published_dol_follows_from_the_same_files_di_and_ddi(
    spot: float, pu_di: float, pu_ddi: float, dol: float
) -> None:
    assert float(futures.fair_value(spot, pu_di, pu_ddi)) == pytest.approx(dol, abs=0.006)


@given(st.floats(1000, 9000), st.floats(1000, 9000))
def test_long_gains_when_the_price_rises_and_sides_cancel(old: float, new: float) -> None:
    pnl = float(futures.daily_settlement(new, old, 50.0))
    assert pnl == -float(futures.daily_settlement(old, new, 50.0))
    assert pnl == pytest.approx((new - old) * 50, abs=0.00501)
