"""Macro features: golden numbers, signs, ratios in one vintage, financial conditions."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.features import macro, market
from macro_fund_tests.features.builders import START, daily, days, di_curve, group, month, observed

N, MONTHS = 600, 80
RNG = np.random.default_rng(9)
SESSIONS = days(N, START)
FIRST_MONTH_KNOWN = month(MONTHS + 2)
WALK = {s: RNG.normal(scale=0.01, size=N).cumsum() for s in (macro.EQUITY, macro.DOLLAR)}
DI = {n: 0.12 + 0.01 * k + RNG.normal(scale=3e-4, size=N).cumsum() for k, n in enumerate((252, 504, 1260, 2520))}
CURVE = di_curve(DI)
DAILY = pl.concat(
    [
        daily(macro.EQUITY, 1e5 * np.exp(WALK[macro.EQUITY])),
        daily(macro.DOLLAR, 5 * np.exp(WALK[macro.DOLLAR])),
        daily(macro.EXPECTED_INFLATION, 0.05 + RNG.normal(scale=1e-4, size=N).cumsum()),
        daily("us_real_par_10y", 0.01 + RNG.normal(scale=3e-4, size=N).cumsum()),
        daily("us_vix", 20 * np.exp(RNG.normal(scale=0.02, size=N).cumsum())),
        daily("br_embi_brazil", 250 * np.exp(RNG.normal(scale=0.02, size=N).cumsum())),
    ]
)
MONTHLY_VALUES = {s: 100 + RNG.normal(size=MONTHS) for f in macro.MONTHLY for s in f.series}
OBSERVATIONS = pl.concat([DAILY, group(MONTHLY_VALUES)])
AGES = {
    **{s: 7 for s in market.OBSERVED},
    **{s: 130 for s in macro.SERIES},
    macro.EXPECTED_INFLATION: 21,
    macro.EQUITY: 7,
    macro.DOLLAR: 7,
}


def features(sessions: list, observations: pl.DataFrame = OBSERVATIONS, curve: pl.DataFrame = CURVE) -> pl.DataFrame:
    seen = market.market_features(observations, curve, sessions, AGES)
    return macro.macro_features(observations, curve, seen, sessions, AGES)


def row(frame: pl.DataFrame, feature_id: str) -> dict:
    return frame.filter(pl.col("feature_id") == feature_id).row(-1, named=True)


def test_the_real_rate_is_fisher_and_not_a_difference() -> None:
    real = pl.select(macro.real_rate(pl.lit(0.135), pl.lit(0.075))).item()
    assert round(100 * real, 2) == 5.58  # 6.00 would be the difference
    frame = features(SESSIONS[-3:])
    expected = (1 + DI[252][-1]) / (1 + DAILY.filter(pl.col("series_id") == macro.EXPECTED_INFLATION)["value"][-1]) - 1
    assert row(frame, "real_rate_ex_ante")["value"] == pytest.approx(expected, rel=1e-12)
    assert row(frame, "di_slope_10y_2y")["value"] == pytest.approx(DI[2520][-1] - DI[504][-1], rel=1e-12)


@given(st.floats(0.0, 0.4), st.floats(-0.05, 0.3))
@settings(max_examples=50)
def test_real_rate_round_trip(nominal: float, expected: float) -> None:
    real = pl.select(macro.real_rate(pl.lit(nominal), pl.lit(expected))).item()
    assert (1 + real) * (1 + expected) - 1 == pytest.approx(nominal, abs=1e-12)


def test_an_old_survey_or_curve_makes_the_real_rate_stale() -> None:
    quiet = pl.col("series_id") != macro.EXPECTED_INFLATION
    early = OBSERVATIONS.filter(quiet | (pl.col("session") < SESSIONS[-40]))
    assert row(features(SESSIONS[-1:], early), "real_rate_ex_ante")["status"] == "stale"
    no_curve = CURVE.filter(pl.col("session") < SESSIONS[-10])
    assert row(features(SESSIONS[-1:], curve=no_curve), "real_rate_ex_ante")["status"] == "stale"


def test_signs_and_ratios_of_the_monthly_features() -> None:
    frame = features([FIRST_MONTH_KNOWN])
    v = MONTHLY_VALUES
    assert row(frame, "primary_balance_12m_gdp")["value"] == -v["br_primary_balance_12m_gdp"][-1]
    assert row(frame, "interest_12m_gdp")["value"] == v["br_interest_12m_gdp"][-1]
    flow = v["br_bop_current_account"][-12:].sum() / v[macro.GDP_USD][-12:].sum()
    assert row(frame, "current_account_12m_gdp")["value"] == pytest.approx(flow, rel=1e-12)
    stock = v["br_reserves_total_monthly"][-1] / v[macro.GDP_USD][-12:].sum()
    assert row(frame, "reserves_gdp")["value"] == pytest.approx(stock, rel=1e-12)
    bill = v["br_interest_monthly_umc"][-12:].sum()
    assert row(frame, "interest_bill_12m_brl_mn")["value"] == pytest.approx(bill, rel=1e-12)
    change = np.log(v["br_terms_of_trade"][-1] / v["br_terms_of_trade"][-13])
    assert row(frame, "terms_of_trade_12m")["value"] == pytest.approx(change, rel=1e-9)
    assert row(frame, "terms_of_trade_proxy_12m")["proxy"]
    assert not row(frame, "terms_of_trade_12m")["proxy"]


def test_a_ratio_waits_for_the_later_of_its_two() -> None:
    no_gdp = (pl.col("series_id") == macro.GDP_USD) & (pl.col("event_date") >= month(MONTHS - 2))
    frame = features([FIRST_MONTH_KNOWN], OBSERVATIONS.filter(~no_gdp))
    assert row(frame, "current_account_12m_gdp")["event_date"] == month(MONTHS - 3)


def test_conditions_are_the_mean_of_signed_z() -> None:
    frame = features(SESSIONS[-1:])
    seen = market.market_features(OBSERVATIONS, CURVE, SESSIONS[-1:], AGES)
    z = dict(seen.select("series_id", "z").rows()) | dict(frame.select("feature_id", "z").rows())
    signed = [z["br_di_1260"], z["us_real_par_10y"], z["br_embi_brazil"], z["us_vix"]]
    signed += [z["real_rate_ex_ante"], -z["ibov_return_63d"], z["usdbrl_return_63d"]]
    fci = row(frame, "fci")
    assert fci["value"] == pytest.approx(np.mean(signed), rel=1e-12)
    assert (fci["n_inputs"], fci["status"], fci["proxy"]) == (7, "ok", True)


def test_conditions_without_most_components_are_missing_and_without_embi_no_proxy() -> None:
    without = OBSERVATIONS.filter(pl.col("series_id") != "br_embi_brazil")
    fci = row(features(SESSIONS[-1:], without), "fci")
    assert (fci["n_inputs"], fci["status"], fci["proxy"]) == (6, "ok", False)
    few = OBSERVATIONS.filter(~pl.col("series_id").is_in(["br_embi_brazil", "us_vix", "us_real_par_10y", macro.EQUITY]))
    fci = row(features(SESSIONS[-1:], few), "fci")
    assert (fci["n_inputs"], fci["value"], fci["status"]) == (3, None, "missing")
    assert fci["reason"] == "3 of 7 components"


def test_tighter_is_plus() -> None:
    """Everything that tightens moves up at once: a higher DI, a fallen equity market, a dearer dollar."""
    shock = (pl.col("session") == SESSIONS[-1]) & (pl.col("series_id") == macro.EQUITY)
    fallen = OBSERVATIONS.with_columns(value=pl.when(shock).then(pl.col("value") * 0.8).otherwise("value"))
    assert row(features(SESSIONS[-1:], fallen), "fci")["value"] > row(features(SESSIONS[-1:]), "fci")["value"]
    dear = (pl.col("session") == SESSIONS[-1]) & (pl.col("series_id") == macro.DOLLAR)
    dearer = OBSERVATIONS.with_columns(value=pl.when(dear).then(pl.col("value") * 1.2).otherwise("value"))
    assert row(features(SESSIONS[-1:], dearer), "fci")["value"] > row(features(SESSIONS[-1:]), "fci")["value"]


def test_a_session_alone_and_without_the_future_is_the_same() -> None:
    whole = features(SESSIONS)
    for k in (0, 63, 252, 320, 599):
        seen, curve = (f.filter(pl.col("session") <= SESSIONS[k]) for f in (OBSERVATIONS, CURVE))
        assert features([SESSIONS[k]], seen, curve).equals(whole.filter(pl.col("session") == SESSIONS[k])), k


def test_a_planted_revision_changes_only_later_sessions() -> None:
    planted_in = SESSIONS[500]
    planted = observed("br_dbgg_gdp", [150.0], [month(10)], [planted_in])
    sessions = [SESSIONS[499], planted_in + timedelta(days=1)]
    before, after = features(sessions), features(sessions, pl.concat([OBSERVATIONS, planted]))
    assert after.filter(pl.col("session") < planted_in).equals(before.filter(pl.col("session") < planted_in))


def test_missing_ages_are_named() -> None:
    with pytest.raises(ValueError, match="br_dbgg_gdp"):
        macro.macro_features(OBSERVATIONS, CURVE, pl.DataFrame(schema=market.SCHEMA), SESSIONS[-1:], {"br_ibov": 7})


def test_breakeven_by_fisher_as_anbima_prints_it() -> None:
    """mc_breakeven_fisher: 13.9071% nominal and 8.7340% real, 252 days, 1 July 2026, give 4.75756%."""
    rates = pl.DataFrame({"n": [0.139071], "r": [0.08734]})
    assert rates.select(macro.real_rate(pl.col("n"), pl.col("r"))).item() == pytest.approx(0.0475756, abs=2e-6)
