"""contract_marks: P&L, correction, risk, point in time and late or corrected settlements."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.instruments import di1
from macro_fund.instruments.marks import contract_marks, instrument_returns
from macro_fund.pms import book
from macro_fund.settings import default_settings
from macro_fund.store.tables import TABLES
from macro_fund_tests.instruments import market
from macro_fund_tests.pms import builders

KEY = ["session", "trade_date", "contract"]


@pytest.fixture(scope="module")
def marks() -> pl.DataFrame:
    return market.marks_of(market.settlements())


def of(settlements: pl.DataFrame, cdi: pl.DataFrame, keys: list[date] | None = None) -> pl.DataFrame:
    return market.marks_of(settlements, cdi, keys)


def one(marks: pl.DataFrame, contract: str, day: date) -> dict[str, object]:
    return marks.filter((pl.col("contract") == contract) & (pl.col("trade_date") == day)).row(-1, named=True)


def cdi_factor(day: date) -> float:
    value = market.cdi().filter(pl.col("event_date") == day)["value"].item()
    return float(di1.daily_factor(value))


def test_shape_is_the_tables(marks: pl.DataFrame) -> None:
    table = TABLES["silver/contract_marks"]
    assert marks.schema == table.schema
    assert marks.equals(marks.sort(table.sort))
    assert not marks.select(table.sort).is_duplicated().any()
    assert marks.height == market.settlements().height


def test_di1_pnl_is_the_settlement_rule(marks: pl.DataFrame) -> None:
    day, before = date(2019, 3, 28), date(2019, 3, 27)
    now, then = one(marks, "DI1F21", day), one(marks, "DI1F21", before)
    fc = cdi_factor(before)
    expected = di1.daily_settlement(now["settle_price"], then["settle_price"], fc)
    assert now["prev_trade_date"] == before
    assert now["correction"] == fc
    assert now["pnl_brl"] == float(expected) != 0.0
    assert now["session"] == date(2019, 3, 29)
    assert now["bdays"] == market.calendar().count(day, date(2021, 1, 4))
    assert now["dv01_brl"] == float(di1.dv01(now["settle_rate"], now["bdays"], now["settle_price"]))
    assert now["delta_brl"] == 0.0


def test_correction_spans_bank_days_without_b3_session(marks: pl.DataFrame) -> None:
    row = one(marks, "DI1F21", date(2018, 11, 21))  # 20 November 2018: banks open, B3 shut
    assert row["prev_trade_date"] == date(2018, 11, 19)
    assert row["correction"] == pytest.approx(
        cdi_factor(date(2018, 11, 19)) * cdi_factor(date(2018, 11, 20)), abs=1e-15
    )
    assert one(marks, "DI1F21", date(2018, 11, 16))["correction"] == cdi_factor(date(2018, 11, 14))  # bank holiday


def test_dol_and_ind_settle_price_differences(marks: pl.DataFrame) -> None:
    for contract, day, before, point in (
        ("DOLK19", date(2019, 4, 10), date(2019, 4, 9), 50.0),
        ("INDM19", date(2019, 4, 10), date(2019, 4, 9), 1.0),
    ):
        now, then = one(marks, contract, day), one(marks, contract, before)
        assert now["pnl_brl"] == pytest.approx((now["settle_price"] - then["settle_price"]) * point, abs=1e-9)
        assert now["delta_brl"] == now["settle_price"] * point
        assert (now["dv01_brl"], now["correction"], now["settle_rate"]) == (0.0, 1.0, None)


def test_first_day_of_a_contract_has_no_pnl_and_carries_nothing(marks: pl.DataFrame) -> None:
    first = marks.filter(pl.col("trade_date") == pl.col("trade_date").min().over("contract"))
    assert first.height == market.settlements()["contract"].n_unique()
    assert first["pnl_brl"].null_count() == first.height == first["prev_trade_date"].null_count()
    assert (first["correction"] == 1.0).all()
    assert marks.filter(pl.col("pnl_brl").is_null()).height == first.height


def test_constant_curve_pays_the_carry_and_nothing_else() -> None:
    flat = market.settlements().filter(pl.col("root") == "DI1")
    bdays = market.calendar().count_many(flat["event_date"], flat["maturity"], known_on=flat["event_date"])
    price = di1.round2(di1.pu(0.0639, bdays))
    flat = flat.with_columns(settle_rate=pl.lit(0.0639), settle_price=pl.Series(price))
    until = date(2018, 10, 31)  # the CDI of the test market is 6.39% until then
    marks = of(flat, market.cdi()).filter(pl.col("trade_date") <= until)
    assert marks["pnl_brl"].abs().max() <= 0.03


def test_window_of_sessions_never_changes_a_row(marks: pl.DataFrame) -> None:
    days = market.keys(date(2018, 11, 12), date(2018, 12, 7))
    together = of(market.settlements(), market.cdi(), days)
    assert together.equals(marks.filter(pl.col("session").is_in(days)))
    for day in days:
        known = market.known_at(market.settlements(), day), market.known_at(market.cdi(), day)
        assert of(*known, [day]).equals(together.filter(pl.col("session") == day))


def test_missing_cdi_gives_no_pnl_for_di1_only() -> None:
    hole = date(2019, 3, 27)
    marks = of(market.settlements(), market.cdi().filter(pl.col("event_date") != hole))
    day = marks.filter(pl.col("trade_date") == date(2019, 3, 28))
    assert day.filter(pl.col("root") == "DI1")["pnl_brl"].null_count() == day.filter(pl.col("root") == "DI1").height
    assert day.filter(pl.col("root") == "DI1")["correction"].null_count() > 0
    assert day.filter(pl.col("root") != "DI1")["pnl_brl"].null_count() == 0
    after = marks.filter((pl.col("trade_date") == date(2019, 3, 29)) & pl.col("prev_trade_date").is_not_null())
    assert after["pnl_brl"].null_count() == 0


OUTAGES = [[date(2019, 3, 27)], [date(2019, 3, d) for d in (27, 28, 29)], [date(2018, 11, d) for d in (19, 20, 21)]]


def cdi_out(days: list[date], arrival: date) -> pl.DataFrame:
    """The CDI of `days` comes late, all in the session `arrival`."""
    return market.cdi().with_columns(
        session=pl.when(pl.col("event_date").is_in(days)).then(arrival).otherwise("session")
    )


def healed(days: list[date]) -> date:
    """The session after the last one that missed the CDI of `days`."""
    late = market.cdi().filter(pl.col("event_date").is_in(days))
    return market.table().offset(max(late["session"]), 1)


@pytest.mark.parametrize("days", OUTAGES)
def test_late_cdi_gives_the_marks_that_it_carries_again_when_it_comes(days: list[date], marks: pl.DataFrame) -> None:
    arrival = healed(days)
    found = of(market.settlements(), cdi_out(days, arrival))
    waiting = found.filter(pl.col("pnl_brl").is_null() & pl.col("prev_trade_date").is_not_null())
    again = found.filter(pl.col("session") == arrival, pl.col("trade_date") < market.table().offset(arrival, -1))
    assert (waiting["root"].unique().to_list(), again["root"].unique().to_list()) == (["DI1"], ["DI1"])
    assert (
        again.select("contract", "trade_date")
        .sort(pl.all())
        .equals(waiting.select("contract", "trade_date").sort(pl.all()))
    )
    assert again["pnl_brl"].null_count() == 0
    newest = found.sort("session").unique(["contract", "trade_date"], keep="last").sort("trade_date", "contract")
    assert newest.drop("session").equals(marks.sort("trade_date", "contract").drop("session"))


def test_late_cdi_gives_again_only_the_settlement_that_it_carries() -> None:
    day, arrival = date(2019, 3, 27), date(2019, 4, 3)
    found = of(market.settlements(), cdi_out([day], arrival)).filter(pl.col("contract") == "DI1F21")
    assert found.filter(pl.col("session") == arrival)["trade_date"].to_list() == [date(2019, 3, 28), date(2019, 4, 2)]
    row = found.filter(pl.col("trade_date") == date(2019, 3, 28))
    assert row["session"].to_list() == [date(2019, 3, 29), arrival]
    assert row["correction"].to_list() == [None, cdi_factor(day)]
    assert row["pnl_brl"].to_list() == [None, 7.31]


def test_late_cdi_does_not_depend_on_the_window() -> None:
    days = OUTAGES[1]
    late = cdi_out(days, healed(days))
    sessions = market.keys(date(2019, 3, 26), date(2019, 4, 8))
    together = of(market.settlements(), late, sessions)
    for s in sessions:
        alone = of(market.known_at(market.settlements(), s), market.known_at(late, s), [s])
        assert alone.equals(together.filter(pl.col("session") == s))


def test_late_settlement_and_late_cdi_end_with_the_same_marks(marks: pl.DataFrame) -> None:
    """One contract's settlement of 27 March comes on 3 April, the CDI of 26 to 28 March on 2 April."""
    missing = (pl.col("event_date") == date(2019, 3, 27)) & (pl.col("contract") == "DI1F21")
    late = market.settlements().with_columns(session=pl.when(missing).then(date(2019, 4, 3)).otherwise("session"))
    found = of(late, cdi_out([date(2019, 3, d) for d in (26, 27, 28)], date(2019, 4, 2)))
    newest = found.sort("session").unique(["contract", "trade_date"], keep="last").sort("trade_date", "contract")
    assert newest.drop("session").equals(marks.sort("trade_date", "contract").drop("session"))
    row = found.filter((pl.col("contract") == "DI1F21") & (pl.col("trade_date") == date(2019, 3, 27)))
    assert row["session"].to_list() == [date(2019, 4, 3)]


@pytest.mark.parametrize("days", OUTAGES)
def test_returns_of_the_days_without_cdi_are_given_again(days: list[date], marks: pl.DataFrame) -> None:
    instruments = [i for i in default_settings().instruments if i.root == "DI1"]
    found = of(market.settlements(), cdi_out(days, healed(days)))
    late, whole = (instrument_returns(m, instruments, market.keys()) for m in (found, marks))
    held = late.filter(pl.col("pnl_brl").is_null() & pl.col("shock").is_not_null())
    assert held.height == len(instruments) * held["trade_date"].n_unique() > 0
    newest = late.sort("session").unique(["instrument", "trade_date"], keep="last").sort("trade_date", "instrument")
    assert newest.drop("session").equals(whole.sort("trade_date", "instrument").drop("session"))
    alone = instrument_returns(found.filter(pl.col("session") <= healed(days)), instruments, [healed(days)])
    assert alone.equals(late.filter(pl.col("session") == healed(days)))


@pytest.mark.parametrize("days", OUTAGES)
def test_the_book_makes_up_for_the_days_without_cdi_once_and_to_the_cent(days: list[date], marks: pl.DataFrame) -> None:
    """800 DI1F21 from before the outage, 300 of them sold within it: two strategies, every cent."""
    inception = market.table().offset(days[0], -4)
    arrival = healed(days)
    sessions = market.keys(market.table().offset(inception, 1), market.table().offset(arrival, 4))
    traded = [(market.table().offset(days[0], -2), 800), (market.table().offset(days[0], 1), -300)]
    fills = builders.fills(
        *(builders.fill(d, "DI1F21", n, shares=builders.share(RATES_01=0.75, CROSS_02=0.25)) for d, n in traded)
    )
    found = of(market.settlements(), cdi_out(days, arrival))

    def cube(rows: pl.DataFrame) -> pl.DataFrame:
        return book.pnl(
            fills, rows, market.cdi().clear(), sessions, capital=builders.CAPITAL, inception=inception,
            calendar=market.calendar(), table=market.table(),
        )  # fmt: skip

    late, whole = cube(found), cube(marks)
    by = ["strategy_id", "component"]
    assert (
        late.group_by(by)
        .agg(pl.col("pnl_brl").sum())
        .sort(by)
        .equals(whole.group_by(by).agg(pl.col("pnl_brl").sum()).sort(by))
    )
    settled = [c.filter(pl.col("component") == "settlement") for c in (late, whole)]
    in_outage = pl.col("session").is_in(found.filter(pl.col("correction").is_null())["session"].unique().to_list())
    assert settled[0].filter(in_outage).is_empty()
    assert settled[1].filter(in_outage)["pnl_brl"].sum() != 0
    after = pl.col("session") > arrival
    assert settled[0].filter(after).equals(settled[1].filter(after))
    assert book.deferred(fills, found, market.table().offset(arrival, -1)).height > 0
    assert book.deferred(fills, found, arrival).is_empty()


def test_short_gap_is_carried_over_and_a_long_one_is_not() -> None:
    days = [date(2019, 4, d) for d in (8, 9, 10, 11, 12, 15, 16)]
    base = market.settlements()
    short = of(base.filter(~pl.col("event_date").is_in(days[:2])), market.cdi())
    row = one(short, "DI1F21", days[2])
    assert row["prev_trade_date"] == date(2019, 4, 5)
    fc = np.prod([cdi_factor(d) for d in (date(2019, 4, 5), days[0], days[1])])
    assert row["correction"] == pytest.approx(fc, abs=1e-15)
    full = of(base, market.cdi()).filter((pl.col("contract") == "DI1F21") & pl.col("trade_date").is_in(days[:3]))
    # A day's settlement is paid in cash and earns CDI outside the contract: three days differ by a few cents.
    assert row["pnl_brl"] == pytest.approx(full["pnl_brl"].sum(), abs=0.15)
    long = one(of(base.filter(~pl.col("event_date").is_in(days[:6])), market.cdi()), "DI1F21", days[6])
    assert (long["prev_trade_date"], long["pnl_brl"], long["correction"]) == (None, None, 1.0)


def _latest_pnl(marks: pl.DataFrame, contract: str, days: list[date]) -> float:
    rows = marks.filter((pl.col("contract") == contract) & pl.col("trade_date").is_in(days))
    return float(rows.sort("session").unique("trade_date", keep="last")["pnl_brl"].sum())


@pytest.mark.parametrize("contract", ["DI1F21", "DOLK19"])
def test_late_settlement_comes_with_the_next_days_row_and_the_sum_is_kept(contract: str, marks: pl.DataFrame) -> None:
    day, arrival = date(2019, 4, 9), date(2019, 4, 12)
    late = market.settlements().with_columns(
        session=pl.when(pl.col("event_date") == day).then(arrival).otherwise("session")
    )
    found = of(late, market.cdi())
    days = [date(2019, 4, d) for d in (9, 10, 11)]
    assert _latest_pnl(found, contract, days) == pytest.approx(_latest_pnl(marks, contract, days), abs=0.02)
    again = found.filter((pl.col("contract") == contract) & (pl.col("trade_date") == date(2019, 4, 10)))
    assert again["session"].to_list() == [date(2019, 4, 11), arrival]
    assert again["prev_trade_date"].to_list() == [date(2019, 4, 8), day]
    before = market.keys(date(2019, 4, 8), date(2019, 4, 11))
    assert of(market.known_at(late, before[-1]), market.cdi(), before).equals(
        found.filter(pl.col("session").is_in(before))
    )


def test_corrected_settlement_is_used_from_its_session_on(marks: pl.DataFrame) -> None:
    day, arrival = date(2019, 4, 9), date(2019, 4, 15)
    known = (pl.col("event_date") == day) & (pl.col("contract") == "DOLK19")
    new = (
        market.settlements()
        .filter(known)
        .with_columns(
            pl.col("settle_price") + 10.0,
            pl.col("knowledge_time").dt.offset_by("5d"),
            session=pl.lit(arrival),
        )
    )
    found = of(pl.concat([market.settlements(), new]), market.cdi())
    old_rows = found.filter(pl.col("session") < arrival)
    assert old_rows.equals(marks.filter(pl.col("session") < arrival))
    again = found.filter((pl.col("session") == arrival) & (pl.col("trade_date") <= date(2019, 4, 10)))
    assert again["trade_date"].to_list() == [day, date(2019, 4, 10)]
    before = [one(marks, "DOLK19", d)["pnl_brl"] for d in again["trade_date"]]
    assert (again["pnl_brl"] - pl.Series(before)).to_list() == pytest.approx([500.0, -500.0])


def test_latest_of_two_vintages_of_one_session_wins(marks: pl.DataFrame) -> None:
    day = date(2019, 4, 9)
    known = (pl.col("event_date") == day) & (pl.col("contract") == "INDM19")
    later = market.settlements().filter(known).with_columns(
        pl.col("settle_price") + 100.0, knowledge_time=pl.col("knowledge_time").dt.offset_by("1h")
    )  # fmt: skip
    for order in ([market.settlements(), later], [later, market.settlements()]):
        row = one(of(pl.concat(order), market.cdi()), "INDM19", day)
        assert row["settle_price"] == one(marks, "INDM19", day)["settle_price"] + 100.0


def test_rate_missing_in_the_file_is_taken_from_the_pu(marks: pl.DataFrame) -> None:
    day = date(2019, 4, 9)
    blank = market.settlements().with_columns(settle_rate=pl.when(pl.col("event_date") != day).then("settle_rate"))
    row = one(of(blank, market.cdi()), "DI1F21", day)
    assert row["settle_rate"] is None
    assert row["dv01_brl"] == pytest.approx(one(marks, "DI1F21", day)["dv01_brl"], rel=1e-6)


def test_no_rows_no_marks_and_unknown_root_is_named() -> None:
    assert of(market.settlements(), market.cdi(), [date(2030, 1, 2)]).equals(TABLES["silver/contract_marks"].empty())
    assert of(market.settlements().clear(), market.cdi()).height == 0
    assert of(market.settlements(), market.cdi().clear()).filter(pl.col("root") == "DI1")["pnl_brl"].is_null().all()
    with pytest.raises(ValueError, match="no point value for DOL, IND"):
        contract_marks(market.settlements(), market.inputs(), market.keys(), market.calendar(), {"DI1": 1.0})
