"""Use of limits: measures, states, and what happens when something is missing."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.risk.checks import every_limit_measured
from macro_fund.risk.limit_checks import limits_recomputed
from macro_fund.risk.limits import NET, in_class, limit_use
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import market, sessions_of, settings, targets_frame

DAY = sessions_of(market(3))[-1]
SETTINGS = settings()
NAV = 100e6
METHODS = ("historical", "filtered", "parametric", "monte_carlo")
LIMITS = {
    "var_95", "var_99", "worst_stress", "br_dv01", "us_dv01", "fx_net", "cds_net", "equity_net", "strategy_var_share",
    "gross_leverage", "margin",
}  # fmt: skip


def _targets(dv01=(10_000.0, 5_000.0), dol=-20e6, ind=5e6, day=DAY, contracts=(100, -200), price=80_000.0):
    def row(name, **values):
        gone = None in values.values()
        return {
            "session": day,
            "instrument": name,
            "target_contracts": None if gone else 1,
            "dv01_brl": None if gone else 0.0,
            "delta_brl": None if gone else 0.0,
            "status": "no_view" if gone else "ok",
        } | values

    def di(name, contract, risk, count):
        given = {"dv01_brl": risk, "contract": contract, "price": price}
        return row(name, **given) if risk is None else row(name, **given) | {"target_contracts": count}

    return targets_frame(
        [
            di("DI1_2Y", "DI1F13", dv01[0], contracts[0]),
            di("DI1_5Y", "DI1F16", dv01[1], contracts[1]),
            row("DOL_1M", delta_brl=dol, contract="DOLG11"),
            row("IND_2M", delta_brl=ind, contract="INDG11"),
        ]
    )


def _var(historical=(700e3, 800e3), a=400e3, status="ok", reason="", day=DAY, **others):
    """Totals of (95%, 99%) by method, and strategies A and B at 95%; methods not given have (600e3, 700e3)."""
    given = dict.fromkeys((*METHODS, "cornish_fisher", "t_copula"), (600e3, 700e3)) | {"historical": historical}

    def row(method, level, scope, item, value):
        return {
            "session": day,
            "method": method,
            "level": level,
            "scope": scope,
            "item": item,
            "var_brl": value,
            "es_brl": value,
            "marginal_brl": None,
            "n_scenarios": 756,
            "status": "no_view" if value is None else status,
            "reason": reason,
        }

    rows = []
    for method, values in (given | others).items():
        for level, value in zip((0.95, 0.99), values, strict=True):
            rows.append(row(method, level, "total", "total", value))
            rows.append(row(method, level, "strategy", "A", None if value is None else a))
            rows.append(row(method, level, "strategy", "B", None if value is None else value - a))
    return pl.DataFrame(rows, schema=TABLES["risk/var"].schema)


def _stress(day=DAY, **cases):
    """kind_name=(P&L of DI1_2Y, of DOL_1M)."""
    cases = {"scenario_joesley": (-3e6, -1e6), "scenario_calm": (1e6, 1e6)} | cases
    rows = [
        {
            "session": day,
            "kind": case.partition("_")[0],
            "scenario": case.partition("_")[2],
            "instrument": name,
            "shock": 1.0,
            "pnl_brl": value,
            "status": "no_view" if value is None else "ok",
            "reason": "",
        }
        for case, values in cases.items()
        for name, value in zip(("DI1_2Y", "DOL_1M"), values, strict=True)
    ]
    return pl.DataFrame(rows, schema=TABLES["risk/stress"].schema)


def _liquidity(margins=(4e6, 6e6), day=DAY):
    rows = [
        {"session": day, "instrument": name, "margin_brl": m, "status": "no_view" if m is None else "ok", "reason": ""}
        for name, m in zip(("DI1_2Y", "DOL_1M"), margins, strict=True)
    ]
    return pl.DataFrame(rows, schema=TABLES["risk/liquidity"].schema)


def _use(targets=None, var=None, stress=None, liquidity=None, config=SETTINGS):
    tables = (
        _targets() if targets is None else targets,
        _var() if var is None else var,
        _stress() if stress is None else stress,
        _liquidity() if liquidity is None else liquidity,
    )
    frame = limit_use(*tables, config, [DAY])
    assert every_limit_measured(frame, config.limits.warn_at).passed
    assert limits_recomputed(frame, *tables, config).passed
    return {row["limit"]: row for row in frame.to_dicts()}


def test_each_measure_by_hand():
    rows = _use(_targets(contracts=(100, -200), price=80_000.0))
    expected = {
        "var_95": 0.007,
        "var_99": 0.008,
        "worst_stress": 0.04,
        "br_dv01": 15_000 / NAV,
        "us_dv01": 0.0,
        "fx_net": 0.20,
        "cds_net": 0.0,
        "equity_net": 0.05,
        "strategy_var_share": 400 / 1250,
        "gross_leverage": (100 * 80_000 + 200 * 80_000 + 20e6 + 5e6) / NAV,
        "margin": 0.1,
    }
    assert {k: r["value"] for k, r in rows.items()} == pytest.approx(expected)
    assert set(rows) == LIMITS
    assert rows["var_95"]["utilisation"] == pytest.approx(0.007 / 0.0125)
    assert rows["var_95"]["reason"] == "historical"
    assert {k for k, r in rows.items() if r["status"] != "ok"} == set()
    assert rows["strategy_var_share"]["reason"] == "largest: A"
    assert rows["worst_stress"]["reason"] == "joesley"
    assert rows["us_dv01"]["reason"] == "the book holds no US rates"
    assert rows["cds_net"]["reason"] == "the book holds no CDS"


RED = {
    "var_95": {"var": _var(monte_carlo=(1.26e6, 1.3e6), a=500e3)},
    "var_99": {"var": _var(filtered=(1e6, 2.01e6), a=500e3)},
    "worst_stress": {"stress": _stress(replay_covid=(-8e6, -0.1e6))},
    "br_dv01": {"targets": _targets(dv01=(20_000.0, 10_001.0))},
    "fx_net": {"targets": _targets(dol=30.1e6)},
    "equity_net": {"targets": _targets(ind=-25.1e6)},
    "strategy_var_share": {"var": _var(a=751e3)},
    "gross_leverage": {"targets": _targets(contracts=(-4_000, 3_500))},
    "margin": {"liquidity": _liquidity((30e6, 5.1e6))},
}
GREEN = {
    "var_95": {"var": _var(historical=(0.9e6, 1e6))},
    "var_99": {"var": _var(filtered=(0.7e6, 1.5e6))},
    "worst_stress": {"stress": _stress(replay_covid=(-6e6, -0.1e6))},
    "br_dv01": {"targets": _targets(dv01=(20_000.0, -10_001.0))},
    "fx_net": {"targets": _targets(dol=23.9e6)},
    "equity_net": {"targets": _targets(ind=-19.9e6)},
    "strategy_var_share": {"var": _var(a=280e3)},
    "gross_leverage": {"targets": _targets(contracts=(-2_000, 3_000), price=70_000.0)},
    "margin": {"liquidity": _liquidity((20e6, 7.9e6))},
}


@pytest.mark.parametrize("limit", sorted(RED))
def test_every_limit_can_be_red_and_green(limit):
    red, green = _use(**RED[limit])[limit], _use(**GREEN[limit])[limit]
    assert (red["status"], red["value"] > red["limit_value"]) == ("breach", True)
    assert red["reason"].startswith("above the limit")
    assert green["status"] == "ok"


def _with_book(**of_instrument):
    """The fund's settings with instruments changed, as a config that holds them would have."""
    changed = [i.model_copy(update=of_instrument[i.id]) if i.id in of_instrument else i for i in SETTINGS.instruments]
    return SETTINGS.model_copy(update={"instruments": tuple(changed)})


@pytest.mark.parametrize(
    ("limit", "update", "column"),
    [("us_dv01", {"asset": "us_rates"}, "dv01"), ("cds_net", {"asset_class": "credit"}, "delta")],
)
@pytest.mark.parametrize(("size", "status"), [(1.0, "breach"), (0.5, "ok")])
def test_a_book_that_may_hold_them_uses_the_limits_of_treasuries_and_cds(limit, update, column, size, status):
    config = _with_book(DI1_5Y=update)
    cap = getattr(config.limits, limit) * NAV
    targets = _targets(dv01=(0.0, 0.0)).with_columns(
        pl.when(pl.col("instrument") == "DI1_5Y")
        .then(1.001 * size * cap)
        .otherwise(f"{column}_brl")
        .alias(f"{column}_brl")
    )
    row = _use(targets, config=config)[limit]
    assert (row["status"], row["value"]) == (status, pytest.approx(1.001 * size * cap / NAV))


def test_di1_within_a_year_of_its_maturity_is_no_leverage():
    """2010-01-06 (DAY) + 1 year: DI1F11 (3 January 2011) is left out, DI1G11 (1 February 2011) is not."""
    long, short = (_targets().with_columns(pl.col("contract").replace({"DI1F13": c})) for c in ("DI1G11", "DI1F11"))
    values = [_use(t)["gross_leverage"]["value"] for t in (long, short)]
    assert values[0] - values[1] == pytest.approx(100 * 80_000 / NAV)


def test_challengers_are_told_and_do_not_count():
    row = _use(var=_var(t_copula=(2e6, 2e6), cornish_fisher=(1.9e6, 2e6)))["var_95"]
    assert (row["status"], row["value"]) == ("ok", 0.007)
    assert row["reason"] == "historical; t_copula, a challenger, says 2.00%"
    assert "challenger" not in _use()["var_95"]["reason"]


def test_stressed_correlations_do_not_count_and_replays_do():
    rows = _use(stress=_stress(correlation_one=(-9e6, -9e6), replay_day=(-2e6, -3e6)))
    assert (rows["worst_stress"]["value"], rows["worst_stress"]["reason"]) == (0.05, "day")


def test_a_replay_without_closes_is_told_and_a_scenario_without_any_number_is_missing():
    row = _use(stress=_stress(replay_early=(None, None)))["worst_stress"]
    assert (row["status"], row["reason"]) == ("ok", "joesley; 1 replays without closes")
    row = _use(stress=_stress(scenario_calm=(None, None)))["worst_stress"]
    assert (row["status"], row["reason"]) == ("warn", "without calm")


def test_opposite_positions_net():
    assert _use(_targets(dv01=(10_000.0, -14_000.0)))["br_dv01"]["value"] == pytest.approx(4_000 / NAV)


@pytest.mark.parametrize(("dol", "status"), [(-23.9e6, "ok"), (24.1e6, "warn"), (-30e6, "warn"), (30.1e6, "breach")])
def test_states(dol, status):
    assert _use(_targets(dol=dol))["fx_net"]["status"] == status


def test_a_book_that_gains_in_every_scenario_uses_no_stress_limit():
    assert _use(stress=_stress(scenario_joesley=(1e6, 2e6)))["worst_stress"]["value"] == 0.0


def test_a_part_that_is_missing_is_at_least_a_warning_that_names_it():
    rows = _use(
        _targets(dol=None, dv01=(10_000.0, None)),
        stress=_stress(scenario_joesley=(-3e6, None), scenario_calm=(1e6, None)),
    )
    assert (rows["br_dv01"]["status"], rows["br_dv01"]["reason"]) == ("warn", "without DI1_5Y")
    assert rows["br_dv01"]["value"] == pytest.approx(10_000 / NAV)
    assert (rows["worst_stress"]["status"], rows["worst_stress"]["reason"]) == ("warn", "without DOL_1M")
    assert rows["equity_net"]["status"] == "ok"


def test_without_any_measure_there_is_no_view_and_no_zero():
    nothing = dict.fromkeys((*METHODS, "cornish_fisher", "t_copula"), (None, None))
    rows = _use(
        _targets(dol=None),
        _var(**nothing, reason="no target has a view"),
        _stress(scenario_joesley=(None, None), scenario_calm=(None, None)),
        _liquidity((None, None)),
    )
    for limit in ("fx_net", "var_95", "var_99", "strategy_var_share", "worst_stress", "margin"):
        assert (rows[limit]["value"], rows[limit]["utilisation"], rows[limit]["status"]) == (None, None, "no_view")
    assert rows["fx_net"]["reason"] == "without DOL_1M"
    assert rows["margin"]["reason"] == rows["worst_stress"]["reason"] == "without DI1_2Y, DOL_1M"
    assert rows["var_95"]["reason"] == "no target has a view"
    empty = _use(
        targets_frame([]), TABLES["risk/var"].empty(), TABLES["risk/stress"].empty(), TABLES["risk/liquidity"].empty()
    )
    assert {r["status"] for r in empty.values()} == {"no_view"}
    assert {r["reason"] for r in empty.values()} == {"no measure of this limit for the session"}


@pytest.mark.parametrize("limit", ["var_95", "strategy_var_share"])
def test_one_missing_method_makes_it_partial_and_is_named(limit):
    row = _use(var=_var(filtered=(None, 800e3), reason="251 days"))[limit]
    assert (row["status"], row["value"] is not None) == ("warn", True)
    assert row["reason"].endswith("without filtered: 251 days")
    absent = _use(var=_var().filter(pl.col("method") != "monte_carlo"))[limit]
    assert absent["reason"].endswith("without monte_carlo")


def test_a_degraded_var_is_a_warning_with_its_reason():
    row = _use(var=_var(status="degraded", reason="without DOL_1M: frozen"))["var_99"]
    assert (row["status"], row["reason"]) == ("warn", "without DOL_1M: frozen")


def test_a_degraded_challenger_is_no_warning():
    var = _var().with_columns(
        pl.when(pl.col("method") == "t_copula").then(pl.lit("degraded")).otherwise("status").alias("status")
    )
    assert _use(var=var)["var_99"]["status"] == "ok"


def test_no_positions_leave_nothing_to_share():
    nothing = dict.fromkeys((*METHODS, "cornish_fisher", "t_copula"), (0.0, 0.0))
    var = _var(**nothing, reason="no positions").filter(pl.col("scope") == "total")
    row = _use(var=var)["strategy_var_share"]
    assert (row["value"], row["status"]) == (0.0, "ok")


def test_leverage_without_a_price_names_the_contract():
    row = _use(_targets(price=None))["gross_leverage"]
    assert (row["status"], row["reason"], row["value"]) == ("warn", "without DI1_2Y, DI1_5Y", 0.25)


def test_a_contract_quoted_in_rates_that_is_not_di1_has_no_notional():
    config = _with_book(DI1_5Y={"root": "DAP"})
    assert _use(config=config)["gross_leverage"]["reason"] == "without DI1_5Y"


def test_one_row_a_limit_in_the_declared_shape():
    days = sessions_of(market(5))
    tables = _targets(), _var(), _stress(), _liquidity()
    frame = limit_use(*tables, SETTINGS, days)
    assert frame.schema == TABLES["risk/limits"].schema
    assert len(frame) == len(LIMITS) * len(days)
    assert limit_use(*tables, SETTINGS, [DAY]).equals(frame.filter(session=DAY))


def test_a_range_is_its_days_and_later_rows_change_nothing():
    days = sessions_of(market(5))
    tables = [pl.concat([make(day=d) for d in days]) for make in (_targets, _var, _stress, _liquidity)]
    together = limit_use(*tables, SETTINGS, days)
    alone = [limit_use(*(t.filter(pl.col("session") <= d) for t in tables), SETTINGS, [d]) for d in days]
    assert together.equals(pl.concat(alone))


@given(
    st.lists(st.floats(-1e7, 1e7), min_size=4, max_size=4),
    st.lists(st.integers(-5000, 5000), min_size=2, max_size=2),
)
def test_net_is_never_above_gross_and_neither_is_negative(sizes, contracts):
    targets = _targets(dv01=sizes[:2], dol=sizes[2], ind=sizes[3], contracts=contracts)
    rows = _use(targets)
    assert rows["gross_leverage"]["value"] >= max(rows["fx_net"]["value"], rows["equity_net"]["value"]) >= 0
    assert rows["br_dv01"]["value"] * NAV <= abs(sizes[0]) + abs(sizes[1]) + 1e-6


def test_every_class_of_the_book_has_its_limit():
    named = [i.id for limit in NET for i in in_class(SETTINGS, limit)]
    assert sorted(named) == sorted(i.id for i in SETTINGS.book)


def test_the_checks_can_fail():
    tables = _targets(), _var(a=751e3), _stress(), _liquidity()
    frame = limit_use(*tables, SETTINGS, [DAY])
    assert not every_limit_measured(frame.with_columns(status=pl.lit("ok")), 0.8).passed
    assert not every_limit_measured(frame.with_columns(value=pl.lit(None, pl.Float64)), 0.8).passed
    for limit in sorted(LIMITS - {"strategy_var_share", "gross_leverage"}):
        spoilt = pl.when(pl.col("limit") == limit).then(pl.col("value") + 1e-6).otherwise("value")
        assert not limits_recomputed(frame.with_columns(spoilt.alias("value")), *tables, SETTINGS).passed


def test_a_replay_that_cannot_value_what_is_held_is_left_out():
    row = _use(stress=_stress(replay_old=(None, -9e6)))["worst_stress"]
    assert (row["status"], row["value"]) == ("ok", pytest.approx(0.04))
    assert row["reason"] == "joesley; 1 replays without closes"
    blind = _use(
        _targets(dol=None),
        stress=_stress(scenario_joesley=(-3e6, None), scenario_calm=(1e6, None), replay_old=(-5e6, None)),
    )
    assert (blind["worst_stress"]["status"], blind["worst_stress"]["value"]) == ("warn", pytest.approx(0.05))
