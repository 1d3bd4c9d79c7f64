"""instrument_returns: choice of contract, rolls, and P&L that is the contracts' own to the cent."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.instruments.marks import instrument_returns
from macro_fund.instruments.rolling import nearest, roll_path
from macro_fund.settings import Instrument, default_settings
from macro_fund.store.tables import TABLES
from macro_fund_tests.instruments import market


def instruments() -> tuple[Instrument, ...]:
    return default_settings().book


def marks_of(settlements: pl.DataFrame, cdi: pl.DataFrame | None = None) -> pl.DataFrame:
    return market.marks_of(settlements, cdi)


@pytest.fixture(scope="module")
def marks() -> pl.DataFrame:
    return marks_of(market.settlements())


@pytest.fixture(scope="module")
def returns(marks: pl.DataFrame) -> pl.DataFrame:
    return instrument_returns(marks, instruments(), market.keys())


def test_shape_is_the_tables_and_every_day_is_there(returns: pl.DataFrame, marks: pl.DataFrame) -> None:
    table = TABLES["silver/instrument_returns"]
    assert returns.schema == table.schema
    assert returns.equals(returns.sort(table.sort))
    assert not returns.select(table.sort).is_duplicated().any()
    assert returns.select(table.required).null_count().sum_horizontal().item() == 0
    assert returns.height == marks["trade_date"].n_unique() * len(instruments())
    assert (returns.group_by("instrument").agg(pl.col("pnl_brl").null_count())["pnl_brl"] == 1).all()


def test_contract_held_is_yesterdays_choice(returns: pl.DataFrame) -> None:
    chosen = pl.col("next_contract").shift(1).over("instrument", order_by="trade_date")
    later = returns.filter(pl.col("pnl_brl").is_not_null())
    assert (
        later.join(
            returns.with_columns(chosen=chosen).select("instrument", "trade_date", "chosen"),
            on=["instrument", "trade_date"],
        )
        .filter(pl.col("chosen") != pl.col("contract"))
        .is_empty()
    )
    assert (
        returns.filter(pl.col("contract") != pl.col("next_contract")).group_by("instrument").len()["len"] >= 1
    ).all()


def test_rolled_pnl_is_the_sum_of_contract_settlements_to_the_cent(returns: pl.DataFrame, marks: pl.DataFrame) -> None:
    held = returns.filter(pl.col("pnl_brl").is_not_null()).select("instrument", "trade_date", "contract", "pnl_brl")
    both = held.join(marks.select("trade_date", "contract", own="pnl_brl"), on=["trade_date", "contract"], how="left")
    assert (both["pnl_brl"] == both["own"]).all()
    by_hand: dict[str, int] = {}
    for name, contracts in held.group_by("instrument", maintain_order=True):
        days = contracts.sort("trade_date")
        total = 0
        for contract, prices in days.group_by("contract", maintain_order=True):
            rows = marks.filter(
                (pl.col("contract") == contract[0]) & pl.col("trade_date").is_in(prices["trade_date"].to_list())
            )
            total += int((rows["pnl_brl"] * 100).round().cast(pl.Int64).sum())
        by_hand[str(name[0])] = total
    rolled = held.group_by("instrument").agg((pl.col("pnl_brl") * 100).round().cast(pl.Int64).sum())
    assert dict(rolled.iter_rows()) == by_hand


def test_rules_of_the_choice(returns: pl.DataFrame) -> None:
    for instrument in instruments():
        rows = returns.filter(pl.col("instrument") == instrument.id)
        # Half the half year between January and July contracts can exceed the bound by a few days.
        bound = max(66, instrument.tenor_bd / 4)
        assert rows["bdays"].min() >= instrument.roll_bd
        assert (rows["bdays"] - instrument.tenor_bd).abs().max() <= bound
        if instrument.root == "DI1":
            assert set(rows["next_contract"].str.slice(3, 1).unique()) <= {"F", "N"}


def test_dol_rolls_three_days_before_expiry(returns: pl.DataFrame, marks: pl.DataFrame) -> None:
    dol = returns.filter(pl.col("instrument") == "DOL_1M").filter(pl.col("contract") != pl.col("next_contract"))
    left = dol.join(marks.select("trade_date", "contract", old="bdays"), on=["trade_date", "contract"])
    assert (left["old"] == 2).all()
    assert dol.height >= 22


def test_contango_gives_no_return_of_its_own(marks: pl.DataFrame) -> None:
    # Spot never moves, each contract is dearer the longer it runs, and no contract's price changes: nothing is earned.
    fixed = market.settlements().filter(pl.col("root") != "DI1").with_columns(
        settle_price=4000.0 + 100.0 * pl.col("maturity").dt.year() + 10.0 * pl.col("maturity").dt.month()
    )  # fmt: skip
    rows = instrument_returns(marks_of(fixed), instruments(), market.keys()).drop_nulls("pnl_brl")
    rolls = rows.filter(pl.col("contract") != pl.col("next_contract"))
    assert rolls.height > 25
    assert rolls["price"].n_unique() >= 20
    assert rows["pnl_brl"].abs().max() == 0.0
    assert rows["shock"].abs().max() == 0.0


def test_shock_is_the_held_contracts_own_change(returns: pl.DataFrame, marks: pl.DataFrame) -> None:
    row = returns.filter((pl.col("instrument") == "DI1_2Y") & (pl.col("trade_date") == date(2019, 3, 28))).row(
        0, named=True
    )
    own = marks.filter(pl.col("contract") == row["contract"]).sort("trade_date")
    two = own.filter(pl.col("trade_date").is_in([date(2019, 3, 27), date(2019, 3, 28)]))["settle_rate"]
    assert row["shock"] == pytest.approx((two[1] - two[0]) * 1e4)
    fx = returns.filter((pl.col("instrument") == "DOL_1M") & (pl.col("trade_date") == date(2019, 3, 28))).row(
        0, named=True
    )
    price = marks.filter((pl.col("contract") == fx["contract"]) & (pl.col("trade_date") <= date(2019, 3, 28)))
    last = price.sort("trade_date")["settle_price"].tail(2).to_numpy()
    assert fx["shock"] == pytest.approx(np.log(last[1] / last[0]))
    assert np.sign(fx["shock"]) == np.sign(fx["pnl_brl"])


def test_receiver_gains_when_rates_fall(returns: pl.DataFrame) -> None:
    rates = returns.filter(pl.col("instrument").str.starts_with("DI1") & (pl.col("shock").abs() > 3))
    assert rates.height > 100
    assert (rates["shock"].sign() == -rates["pnl_brl"].sign()).all()
    linear = -rates["shock"] * rates["dv01_brl"]
    assert float(np.corrcoef(linear, rates["pnl_brl"])[0, 1]) > 0.98


def test_window_of_sessions_never_changes_a_row(returns: pl.DataFrame, marks: pl.DataFrame) -> None:
    days = market.keys(date(2018, 12, 17), date(2019, 1, 11))
    together = instrument_returns(marks, instruments(), days)
    assert together.equals(returns.filter(pl.col("session").is_in(days)))
    for day in days:
        alone = instrument_returns(market.known_at(marks, day), instruments(), [day])
        assert alone.equals(together.filter(pl.col("session") == day))


def test_day_without_the_held_contract_is_left_out_and_the_next_one_covers_it(returns: pl.DataFrame) -> None:
    day = date(2019, 4, 10)
    row = returns.filter((pl.col("instrument") == "DI1_5Y") & (pl.col("trade_date") == day)).row(0, named=True)
    gone = (pl.col("event_date") == day) & (pl.col("contract") == row["contract"])
    found = instrument_returns(marks_of(market.settlements().filter(~gone)), instruments(), market.keys())
    mine = found.filter(pl.col("instrument") == "DI1_5Y")
    assert mine.filter(pl.col("trade_date") == day).is_empty()
    after = mine.filter(pl.col("trade_date") == date(2019, 4, 11)).row(0, named=True)
    both = returns.filter((pl.col("instrument") == "DI1_5Y") & pl.col("trade_date").is_between(day, date(2019, 4, 11)))
    assert after["contract"] == row["contract"]
    assert after["pnl_brl"] == pytest.approx(both["pnl_brl"].sum(), abs=0.15)
    assert after["shock"] == pytest.approx(both["shock"].sum(), abs=1e-9)


def test_starts_again_after_a_long_absence_without_inventing_a_return(returns: pl.DataFrame) -> None:
    start = date(2019, 4, 10)
    held = returns.filter((pl.col("instrument") == "IND_2M") & (pl.col("trade_date") == start))["contract"].item()
    gone = (pl.col("event_date") >= start) & (pl.col("contract") == held)
    found = instrument_returns(marks_of(market.settlements().filter(~gone)), instruments(), market.keys())
    mine = found.filter((pl.col("instrument") == "IND_2M") & (pl.col("trade_date") >= start))
    first = mine.row(0, named=True)
    assert first["trade_date"] == date(2019, 4, 17)  # five sessions waited
    assert first["contract"] == first["next_contract"] != held
    assert (first["pnl_brl"], first["shock"]) == (None, None)
    assert mine["pnl_brl"].null_count() == 1


def test_missing_cdi_hides_the_pnl_but_not_the_shock(returns: pl.DataFrame) -> None:
    marks = marks_of(market.settlements(), market.cdi().filter(pl.col("event_date") != date(2019, 3, 27)))
    found = instrument_returns(marks, instruments(), market.keys()).filter(pl.col("trade_date") == date(2019, 3, 28))
    rates = found.filter(pl.col("instrument").str.starts_with("DI1"))
    assert rates["pnl_brl"].null_count() == rates.height == 4
    assert rates["shock"].equals(
        returns.filter(pl.col("trade_date") == date(2019, 3, 28), pl.col("instrument").str.starts_with("DI1"))["shock"]
    )


def test_late_day_changes_no_choice_and_the_latest_rows_add_up(returns: pl.DataFrame) -> None:
    day, arrival = date(2019, 4, 9), date(2019, 4, 12)
    late = market.settlements().with_columns(
        session=pl.when(pl.col("event_date") == day).then(arrival).otherwise("session")
    )
    found = instrument_returns(marks_of(late), instruments(), market.keys())
    newest = found.unique(["instrument", "trade_date"], keep="last", maintain_order=True)
    assert found.filter(pl.col("session") == arrival, pl.col("trade_date") == day).height == len(instruments())
    days = [date(2019, 4, d) for d in (9, 10, 11)]
    for name in ("DI1_2Y", "IND_2M", "DOL_1M"):
        total, expected = (
            r.filter(pl.col("instrument") == name, pl.col("trade_date").is_in(days))["pnl_brl"].sum()
            for r in (newest, returns)
        )
        assert total == pytest.approx(expected, abs=0.02)


def test_roll_day_that_comes_late_decides_nothing(returns: pl.DataFrame) -> None:
    rolls = returns.filter(pl.col("instrument") == "DOL_1M", pl.col("contract") != pl.col("next_contract"))
    roll = rolls.filter(pl.col("trade_date") > date(2019, 4, 1)).row(0, named=True)
    keys = market.keys(roll["trade_date"], date(2019, 12, 23))
    late = market.settlements().with_columns(
        session=pl.when(pl.col("event_date") == roll["trade_date"]).then(keys[4]).otherwise("session")
    )
    found = instrument_returns(marks_of(late), instruments(), market.keys()).filter(pl.col("instrument") == "DOL_1M")
    next_day = found.filter(pl.col("trade_date") == keys[1]).row(0, named=True)
    assert (next_day["contract"], next_day["next_contract"]) == (roll["contract"], roll["next_contract"])
    came_late = found.filter(pl.col("trade_date") == roll["trade_date"]).row(0, named=True)
    assert came_late["session"] == keys[4]
    assert came_late["contract"] == came_late["next_contract"] == roll["contract"]


def test_corrected_marks_change_no_choice(marks: pl.DataFrame) -> None:
    fixed = marks.filter(pl.col("trade_date").is_between(date(2019, 4, 1), date(2019, 4, 12))).with_columns(
        pl.col("session").dt.offset_by("30d"), bdays=pl.lit(1, pl.Int32)
    )
    assert roll_path(pl.concat([marks, fixed]), instruments()).equals(roll_path(marks, instruments()))


def test_no_marks_no_rows() -> None:
    empty = TABLES["silver/contract_marks"].empty()
    assert instrument_returns(empty, instruments(), market.keys()).equals(TABLES["silver/instrument_returns"].empty())
    assert roll_path(empty, instruments()).is_empty()


@settings(max_examples=60)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=30, unique=True), st.integers(1, 2000), st.integers(0, 63))
def test_nearest_is_the_nearest_allowed(bdays: list[int], tenor: int, minimum: int) -> None:
    found = nearest(np.array(bdays, dtype=np.int64), tenor, minimum)
    allowed = [b for b in bdays if b >= max(minimum, 1)]
    assert (found is None) == (not allowed)
    if found is not None:
        assert (abs(bdays[found] - tenor), bdays[found]) == min((abs(b - tenor), b) for b in allowed)
