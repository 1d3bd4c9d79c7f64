"""March 2020 on real data through the whole chain: two days that settled at the limit.

Receivers are planted; prices, risk, breakers, proposals, orders, fills and P&L are the fund's.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from macro_fund_tests.graph.realfund import Fund
from macro_fund_tests.realworld import RealWorld

pytestmark = [pytest.mark.graph, pytest.mark.realworld, pytest.mark.long]

OPENING, MARCH_12, MARCH_13, MARCH_16 = (date(2020, 3, d) for d in (11, 12, 13, 16))
RECEIVER = {"DI1_5Y": 700}


@pytest.fixture(scope="module")
def march(server: RealWorld, tmp_path_factory: pytest.TempPathFactory) -> Fund:
    """Opened on 11 March with fifteen months of history, receiving the 5-year rate, run over both limit days."""
    fund = Fund.create(tmp_path_factory.mktemp("march"), server, OPENING, date(2019, 1, 2))
    fund.run_planted({OPENING: RECEIVER}, OPENING)
    fund.run_planted(dict.fromkeys((MARCH_12, MARCH_13, MARCH_16), RECEIVER), MARCH_12, MARCH_13, MARCH_16)
    return fund


def settled(fund: Fund, session: date) -> Decimal:
    """Settlement P&L that the session knows: of the day before."""
    rows = fund.rows("pms/pnl", session).filter(pl.col("component") == "settlement")
    return sum(rows["pnl_brl"].to_list(), Decimal(0))


def test_the_receiver_loses_on_the_12th(march: Fund) -> None:
    returns = march.rows("silver/instrument_returns").filter(pl.col("instrument") == "DI1_5Y")
    for day, known in ((MARCH_12, MARCH_13), (date(2020, 3, 13), MARCH_16)):
        unit = returns.filter(pl.col("trade_date") == day)["pnl_brl"].item()
        held = march.rows("pms/positions", day).filter(pl.col("instrument") == "DI1_5Y")["quantity"].sum()
        assert settled(march, known) == Decimal(str(round(unit * held, 2)))
    assert settled(march, MARCH_13) < -2_500_000 < 2_000_000 < settled(march, MARCH_16)


def test_the_breakers_trip_as_configured(march: Fund) -> None:
    breakers = march.rows("risk/breakers", MARCH_13)
    nav = march.rows("pms/nav", MARCH_13).row(0, named=True)
    loss = -float(nav["pnl_brl"]) / float(nav["opening_nav_brl"])
    tripped = set(breakers.filter("tripped")["breaker"])
    caps = march.home.settings.limits.breakers
    assert loss > caps.day_halve
    assert {"day_stop", "day_halve"} <= tripped
    assert "drawdown_kill" not in tripped
    assert breakers.filter(pl.col("breaker") == "day_halve")["loss"].item() == pytest.approx(loss, abs=1e-6)


def test_half_is_proposed_and_finds_no_price_at_the_limit(march: Fund) -> None:
    """On the 13th the breaker asks for half; the contract settles at the limit that day, so nothing is filled."""
    asked = march.rows("pms/trade_proposals", MARCH_13).filter(pl.col("instrument") == "DI1_5Y")
    assert (asked["position_before"].to_list(), asked["position_after"].to_list()) == ([700], [350])
    assert march.rows("pms/orders", MARCH_13)["quantity"].to_list() == [-350]
    assert march.rows("pms/fills", MARCH_16).is_empty()
    assert march.rows("pms/positions", MARCH_16)["quantity"].to_list() == [700]


def test_risk_has_a_number_on_both_days(march: Fund) -> None:
    for session in (MARCH_12, MARCH_13, MARCH_16):
        totals = march.rows("risk/var", session).filter(pl.col("scope") == "total")
        assert totals["var_brl"].null_count() == 0, session
        assert march.rows("risk/reverse_stress", session)["sentence"].str.contains("The fund loses").all()
    assert march.rows("quality/verdicts").filter("blocking", ~pl.col("passed")).is_empty()
