"""The band around zero, and whose a position is."""

from __future__ import annotations

import pytest

from macro_fund.portfolio.views import band, strategy_shares
from macro_fund_tests.portfolio.desk import view, views
from macro_fund_tests.portfolio.world import weekdays

DAY = weekdays(1)[0]


@pytest.mark.parametrize(
    ("scores", "sides"),
    [
        ([0.30, 0.31, 0.11, 0.10, 0.09, 0.29], [0, 1, 1, 1, 0, 0]),
        ([-0.5, -0.05, -0.2, -0.31], [-1, 0, 0, -1]),
        ([0.5, -0.2, -0.5, 0.4], [1, 0, -1, 1]),
        ([0.5, None, 0.2, None, 0.05], [1, 0, 1, 0, 0]),
    ],
)
def test_in_above_a_third_and_out_below_a_tenth(scores, sides):
    assert band(scores, 0.30, 0.10) == sides


def _shares(parts):
    score = sum(s * w for _, s, w in parts)
    frame = strategy_shares(views([view(DAY, "DOL_1M", score, parts=parts)]), [DAY])
    return {x["strategy_id"]: x["share"] for own in frame["shares"].to_list() for x in own}


def test_shares_go_to_the_strategies_that_push_the_score():
    parts = [("A", 0.8, 0.25), ("B", -0.3, 0.25), ("C", 0.4, 0.25), ("D", 0.0, 0.25)]
    assert _shares(parts) == pytest.approx({"A": 2 / 3, "B": 0.0, "C": 1 / 3, "D": 0.0})


def test_the_prior_owns_nothing():
    assert _shares([("prior", 0.9, 0.5), ("A", 0.1, 0.5)]) == {"A": 1.0}
    assert _shares([("prior", 0.9, 0.5), ("A", 0.0, 0.5)]) == {}
