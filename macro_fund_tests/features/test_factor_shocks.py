"""Factor shocks: units, closes that repeat, days that come late, and the same rows for any window."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.features.factor_shocks import factor_shocks, items_of, missing_card
from macro_fund.mandate import Factor
from macro_fund.settings import default_settings
from macro_fund.store.tables import TABLES

START = date(2020, 4, 15)
DI = Factor(id="di_252", title="", title_pt="", kind="rate", table="silver/di_curve", item="252")
WTI = Factor(id="wti", title="", title_pt="", kind="log", table="silver/observations", item="cmd_wti_fut")
CDS = Factor(id="cds_5y", title="", title_pt="", kind="spread", none="no free source of CDS spreads")


def day(k: int) -> date:
    return START + timedelta(days=k)


def curve(rows: list[tuple[int, int, float]]) -> pl.DataFrame:
    """(session, curve day, rate) of the node at 252 days, beside another node."""
    both = [
        {"session": day(s), "curve_date": day(d), "tenor_bd": tenor, "rate": rate + more}
        for s, d, rate in rows
        for tenor, more in ((252, 0.0), (504, 0.01))
    ]
    return pl.DataFrame(both, schema_overrides={"tenor_bd": pl.Int32})


def prices(rows: list[tuple[int, int, float]]) -> pl.DataFrame:
    """(session, event day, value) of the front WTI contract; later in the list is published later."""
    return pl.DataFrame(
        [
            {
                "session": day(s), "series_id": "cmd_wti_fut", "event_date": day(d), "value": v,
                "knowledge_time": datetime(2020, 4, 1, tzinfo=UTC) + timedelta(days=s, seconds=k),
            }
            for k, (s, d, v) in enumerate(rows)
        ],
        schema={
            "session": pl.Date, "series_id": pl.String, "event_date": pl.Date, "value": pl.Float64,
            "knowledge_time": pl.Datetime("us", "UTC"),
        },
    )  # fmt: skip


def shocks(factor: Factor, frame: pl.DataFrame, first: int = 0, last: int = 30) -> list[tuple[int, int, float | None]]:
    out = factor_shocks([factor], {factor.table: frame}, [day(first), day(last)])
    assert out.schema == TABLES["silver/factor_shocks"].schema
    return [((s - START).days, (d - START).days, x) for s, d, x in out.select("session", "trade_date", "shock").rows()]


def test_rates_move_in_bp_and_a_curve_that_repeats_is_no_new_close():
    moves = shocks(DI, curve([(1, 0, 0.10), (2, 1, 0.1010), (3, 1, 0.1010), (4, 3, 0.0995)]))
    assert [m[:2] for m in moves] == [(1, 0), (2, 1), (4, 3)]
    assert moves[0][2] is None
    assert [m[2] for m in moves[1:]] == pytest.approx([10.0, -15.0])


def test_a_corrected_curve_of_the_same_day_is_not_a_new_close():
    assert len(shocks(DI, curve([(1, 0, 0.10), (2, 0, 0.12)]))) == 1


def test_oil_below_zero_has_no_log_return_and_does_not_stop_the_day():
    """WTI settled at 18.27 on 17 April 2020, -37.63 on the 20th and 10.01 on the 21st (CME)."""
    moves = shocks(WTI, prices([(1, 0, 18.27), (2, 1, -37.63), (3, 2, 10.01), (4, 3, 13.78)]))
    assert [m[2] for m in moves[:3]] == [None, None, None]
    assert moves[3][2] == pytest.approx(np.log(13.78 / 10.01))


def test_a_day_that_comes_late_changes_the_move_of_the_day_after():
    moves = shocks(WTI, prices([(1, 0, 20.0), (3, 2, 22.0), (4, 1, 21.0), (4, 3, 23.0)]))
    assert [m[:2] for m in moves] == [(1, 0), (3, 2), (4, 1), (4, 2), (4, 3)]
    assert [m[2] for m in moves[1:]] == pytest.approx(
        [np.log(22 / 20), np.log(21 / 20), np.log(22 / 21), np.log(23 / 22)]
    )


def test_a_correction_is_told_in_its_own_session_only():
    rows = [(1, 0, 20.0), (2, 1, 21.0), (3, 2, 22.0), (5, 1, 20.5)]
    moves = shocks(WTI, prices(rows), first=5)
    assert [m[:2] for m in moves] == [(5, 1), (5, 2)]
    assert [m[2] for m in moves] == pytest.approx([np.log(20.5 / 20), np.log(22 / 20.5)])
    assert shocks(WTI, prices(rows), last=4) == shocks(WTI, prices(rows[:3]))


def test_of_two_vintages_in_a_session_the_later_counts():
    frame = prices([(1, 0, 20.0), (2, 1, 99.0), (2, 1, 21.0)])
    assert shocks(WTI, frame)[1][2] == pytest.approx(np.log(21 / 20))


ROWS = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 8), st.floats(1, 100)), min_size=1, max_size=25)


@given(ROWS.map(lambda rows: sorted((s, min(d, s - 1), v) for s, d, v in rows)))
def test_any_window_gives_the_rows_of_its_sessions_and_nothing_later_counts(rows):
    whole = shocks(WTI, prices(rows))
    apart = [m for s in range(10) for m in shocks(WTI, prices([r for r in rows if r[0] <= s]), s, s)]
    assert whole == apart


@given(ROWS.map(lambda rows: sorted((s, min(d, s - 1), v) for s, d, v in rows)))
def test_the_moves_that_hold_in_the_end_sum_to_the_whole_move(rows):
    out = factor_shocks([WTI], {WTI.table: prices(rows)}, [day(0), day(30)])
    held = out.sort("trade_date", "session").unique("trade_date", keep="last", maintain_order=True)
    total = np.log(held["level"][-1] / held["level"][0])
    assert held["shock"].fill_null(0.0).sum() == pytest.approx(total, abs=1e-9)


def test_every_configured_factor_is_read_from_a_column_that_its_table_has():
    factors = default_settings().factors
    for table, items in items_of(factors).items():
        assert len(set(items)) == len(items), table
    none = {f.id for f in factors if f.none}
    assert none == {"cds_1y", "cds_5y", "cds_10y", "usdbrl_vol_3m"}
    series = {s.id for s in default_settings().series}
    assert set(items_of(factors)["silver/observations"]) <= series


def test_a_factor_without_a_source_has_no_rows_and_the_card_says_why():
    out = factor_shocks([CDS, DI], {DI.table: curve([(1, 0, 0.1)])}, [day(1)])
    assert out["factor"].to_list() == ["di_252"]
    card = missing_card([CDS, DI], out)
    assert "| cds_5y | no free source of CDS spreads |" in card
    assert f"| di_252 | {day(0)} |" in card


def test_a_table_without_levels_is_refused():
    odd = Factor(id="x", title="", title_pt="", kind="rate", table="silver/ettj", item="252")
    with pytest.raises(ValueError, match=r"factor x: no levels are read from silver/ettj"):
        items_of([odd])
