"""Use of limits: measures, states, and what happens when something is missing."""

from __future__ import annotations

import polars as pl
import pytest

from macro_fund.risk.checks import every_limit_measured
from macro_fund.risk.limits import limit_use
from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import market, sessions_of, settings, targets_frame

DAY = sessions_of(market(3))[-1]
SETTINGS = settings()
NAV = 100e6


def _targets(dv01=(10_000.0, 5_000.0), dol=-20e6, ind=5e6):
    def row(name, **values):
        gone = None in values.values()
        return {
            "session": DAY,
            "instrument": name,
            "target_contracts": None if gone else 1,
            "dv01_brl": None if gone else 0.0,
            "delta_brl": None if gone else 0.0,
            "status": "no_view" if gone else "ok",
        } | values

    return targets_frame(
        [
            row("DI1_2Y", dv01_brl=dv01[0]),
            row("DI1_5Y", dv01_brl=dv01[1]),
            row("DOL_1M", delta_brl=dol),
            row("IND_2M", delta_brl=ind),
        ]
    )


def _var(parametric=(600e3, 900e3), historical=(700e3, 800e3), a=400e3, status="ok", reason=""):
    def row(method, level, scope, item, value):
        return {
            "session": DAY,
            "method": method,
            "level": level,
            "scope": scope,
            "item": item,
            "var_brl": value,
            "es_brl": value,
            "n_scenarios": 756,
            "status": status,
            "reason": reason,
        }

    rows = []
    for method, values in (("parametric", parametric), ("historical", historical)):
        for level, value in zip((0.95, 0.99), values, strict=True):
            rows.append(row(method, level, "total", "total", value))
            rows.append(row(method, level, "strategy", "A", None if value is None else a))
            rows.append(row(method, level, "strategy", "B", None if value is None else value - a))
    return pl.DataFrame(rows, schema=TABLES["risk/var"].schema)


def _stress(joesley=(-3e6, -1e6), calm=(1e6, 1e6)):
    rows = [
        {
            "session": DAY,
            "scenario": scenario,
            "instrument": name,
            "shock": 1.0,
            "pnl_brl": value,
            "status": "no_view" if value is None else "ok",
            "reason": "",
        }
        for scenario, values in (("joesley", joesley), ("calm", calm))
        for name, value in zip(("DI1_2Y", "DOL_1M"), values, strict=True)
    ]
    return pl.DataFrame(rows, schema=TABLES["risk/stress"].schema)


def _use(targets=None, var=None, stress=None):
    frame = limit_use(
        _targets() if targets is None else targets,
        _var() if var is None else var,
        _stress() if stress is None else stress,
        SETTINGS,
        [DAY],
    )
    assert every_limit_measured(frame, SETTINGS.limits.warn_at).passed
    return {row["limit"]: row for row in frame.to_dicts()}


def test_each_measure_by_hand():
    rows = _use()
    expected = {
        "var_95": 0.007,
        "var_99": 0.009,
        "worst_stress": 0.04,
        "br_dv01": 15_000 / NAV,
        "fx_net": 0.20,
        "equity_net": 0.05,
        "strategy_var_share": 400 / 600,
    }
    assert {k: r["value"] for k, r in rows.items()} == pytest.approx(expected)
    assert rows["var_95"]["utilisation"] == pytest.approx(0.007 / 0.0125)
    assert {k for k, r in rows.items() if r["status"] != "ok"} == {"strategy_var_share"}
    assert rows["strategy_var_share"]["reason"] == "above the limit; largest: A"
    assert rows["worst_stress"]["reason"] == "joesley"


def test_opposite_positions_net():
    assert _use(_targets(dv01=(10_000.0, -14_000.0)))["br_dv01"]["value"] == pytest.approx(4_000 / NAV)


@pytest.mark.parametrize(("dol", "status"), [(-23.9e6, "ok"), (24.1e6, "warn"), (-30e6, "warn"), (30.1e6, "breach")])
def test_states(dol, status):
    assert _use(_targets(dol=dol))["fx_net"]["status"] == status


def test_a_book_that_gains_in_every_scenario_uses_no_stress_limit():
    assert _use(stress=_stress(joesley=(1e6, 2e6)))["worst_stress"]["value"] == 0.0


def test_a_part_that_is_missing_is_at_least_a_warning_that_names_it():
    rows = _use(_targets(dol=None, dv01=(10_000.0, None)), stress=_stress(joesley=(-3e6, None), calm=(1e6, None)))
    assert (rows["br_dv01"]["status"], rows["br_dv01"]["reason"]) == ("warn", "without DI1_5Y")
    assert rows["br_dv01"]["value"] == pytest.approx(10_000 / NAV)
    assert (rows["worst_stress"]["status"], rows["worst_stress"]["reason"]) == ("warn", "without DOL_1M")
    assert rows["equity_net"]["status"] == "ok"


def test_without_any_measure_there_is_no_view_and_no_zero():
    rows = _use(_targets(dol=None), _var((None, None), (None, None), None, "no_view", "no target has a view"))
    for limit in ("fx_net", "var_95", "var_99", "strategy_var_share"):
        assert (rows[limit]["value"], rows[limit]["utilisation"], rows[limit]["status"]) == (None, None, "no_view")
    assert rows["fx_net"]["reason"] == "without DOL_1M"
    assert rows["var_95"]["reason"] == "no target has a view"
    empty = _use(targets_frame([]), TABLES["risk/var"].empty(), TABLES["risk/stress"].empty())
    assert {r["status"] for r in empty.values()} == {"no_view"}
    assert empty["var_95"]["reason"] == "no measure of this limit for the session"


def test_one_missing_method_is_no_view():
    assert _use(var=_var(historical=(None, 800e3)))["var_95"]["status"] == "no_view"


def test_a_degraded_var_is_a_warning_with_its_reason():
    row = _use(var=_var(status="degraded", reason="without DOL_1M: frozen"))["var_99"]
    assert (row["status"], row["reason"]) == ("warn", "without DOL_1M: frozen")


def test_no_positions_leave_nothing_to_share():
    var = _var((0.0, 0.0), (0.0, 0.0), reason="no positions").filter(pl.col("scope") == "total")
    row = _use(var=var)["strategy_var_share"]
    assert (row["value"], row["status"]) == (0.0, "ok")


def test_one_row_a_limit_in_the_declared_shape():
    days = sessions_of(market(5))
    frame = limit_use(_targets(), _var(), _stress(), SETTINGS, days)
    assert frame.schema == TABLES["risk/limits"].schema
    assert len(frame) == 7 * len(days)
    assert limit_use(_targets(), _var(), _stress(), SETTINGS, [DAY]).equals(frame.filter(session=DAY))


def test_the_state_check_can_fail():
    frame = limit_use(_targets(), _var(), _stress(), SETTINGS, [DAY])
    assert not every_limit_measured(frame.with_columns(status=pl.lit("ok")), 0.8).passed
    assert not every_limit_measured(frame.with_columns(value=pl.lit(None, pl.Float64)), 0.8).passed
