"""All eight roots on B3's own settlements: DI1 of every session, the others on 80 sessions of 2021."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.instruments import di1, frc, futures
from macro_fund.instruments.checks import pnl_recomputed
from macro_fund.instruments.contracts import first_ddi, load_specs, maturities, point_values
from macro_fund.instruments.limits import load_limit_days
from macro_fund.instruments.marks import Inputs, contract_marks
from macro_fund_tests.instruments import b3_files, market

KEYS = market.keys(date(2021, 1, 4), date(2022, 1, 3))
pytestmark = [pytest.mark.realworld, pytest.mark.skipif(bool(b3_files.ABSENT), reason=b3_files.ABSENT)]


@pytest.fixture(scope="module")
def settlements() -> pl.DataFrame:
    return b3_files.settlements()


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return Inputs(b3_files.cdi(), b3_files.ptax(), b3_files.vna())


def marks_of(rows: pl.DataFrame, inputs: Inputs, keys: list[date] = KEYS) -> pl.DataFrame:
    return contract_marks(rows, inputs, keys, market.calendar(), point_values(load_specs()), load_limit_days())


@pytest.fixture(scope="module")
def marks(settlements: pl.DataFrame, inputs: Inputs) -> pl.DataFrame:
    return marks_of(settlements, inputs)


def test_rate_and_pu_of_every_di1_settlement_agree_within_half_a_tick() -> None:
    """130,976 settlements of 2007-2021, days counted by the calendar of each trade date: none beyond 0.05 bp."""
    rows = pl.read_parquet(b3_files.DATA / "br_di1.parquet")
    ends = maturities(rows["symbol"], rows["date"])
    bdays = market.calendar().count_many(rows["date"], ends, known_on=rows["date"])
    rates = rows["tax"].to_numpy() / 100
    assert rows.height > 125_000
    assert bdays.min() > 0
    error_bp = np.abs(di1.rate_from_pu(rows["price"].to_numpy(), bdays) - rates) * 1e4
    assert error_bp.max() <= 0.05
    assert np.median(error_bp) < 0.001
    # and the calendar of today would not do: it knows a holiday of November that nobody knew then
    today = market.calendar().count_many(rows["date"], ends, known_on=date(2024, 1, 2))
    assert (np.abs(di1.rate_from_pu(rows["price"].to_numpy(), today) - rates) * 1e4 > 0.05).mean() > 0.1


def corrected(marks: pl.DataFrame, settlements: pl.DataFrame, root: str) -> pl.DataFrame:
    """B3's corrected PU of the day before against ours, where the day before is known: columns published, error."""
    rows = marks.filter(pl.col("root") == root, pl.col("prev_trade_date").is_not_null())
    gap = market.calendar().count_many(rows["prev_trade_date"], rows["trade_date"])
    before = marks.select("contract", pa="settle_price", prev_trade_date="trade_date")
    published = settlements.select("contract", published="prev", trade_date="event_date")
    rows = rows.filter(pl.Series(gap == 1)).join(before, on=["contract", "prev_trade_date"])
    rows = rows.join(published, on=["contract", "trade_date"]).filter(pl.col("published") != pl.col("pa"))
    ours = pl.Series(di1.round2((rows["pa"] * rows["correction"]).to_numpy()))
    return rows.with_columns(error=(ours - rows["published"]).abs().round(2))


def test_corrected_pu_of_ddi_is_b3s_to_a_cent(marks: pl.DataFrame, settlements: pl.DataFrame) -> None:
    rows = corrected(marks, settlements, "DDI")
    assert rows["trade_date"].n_unique() >= 16
    assert rows.height >= 590
    assert rows["error"].max() <= 0.01


def test_corrected_pu_of_dap_is_b3s_to_a_cent(marks: pl.DataFrame, settlements: pl.DataFrame) -> None:
    """But for one unit of the index's last digit, which B3 rounded otherwise on two days."""
    rows = corrected(marks, settlements, "DAP")
    other_digit = [date(2021, 9, 14), date(2021, 12, 13)]
    assert rows["trade_date"].n_unique() >= 16
    assert rows.filter(~pl.col("trade_date").is_in(other_digit))["error"].max() <= 0.01
    assert rows.filter(pl.col("trade_date").is_in(other_digit))["error"].max() <= 0.17


def test_every_root_has_its_pnl_and_risk(marks: pl.DataFrame, settlements: pl.DataFrame) -> None:
    assert marks.height == settlements.height
    assert marks["root"].n_unique() == 8
    assert marks.select("dv01_brl", "delta_brl", "point_value_brl").null_count().sum_horizontal().item() == 0
    waiting = marks.filter(pl.col("prev_trade_date").is_not_null() & pl.col("pnl_brl").is_null())
    # A FRC is without P&L where the first leg that it was held against expired between the two sessions of the data.
    legs = first_ddi(waiting["prev_trade_date"].unique().sort(), market.calendar())
    gone = waiting.join(legs, left_on="prev_trade_date", right_on="event_date")
    assert waiting["root"].unique().to_list() == ["FRC"]
    assert (gone["maturity_right"] < gone["trade_date"]).all()
    signs = marks.group_by("root").agg(
        rate=pl.col("dv01_brl").max() > 0, price=pl.col("delta_brl").max() > 0, low=pl.col("dv01_brl").min()
    )
    assert (signs["low"] >= 0).all()
    assert dict(signs.select("root", "rate").rows()) == {r: r in ("DI1", "DDI", "DAP", "FRC") for r in load_specs()}
    assert dict(signs.select("root", "price").rows()) == {
        r: r in ("DDI", "DOL", "WDO", "IND", "WIN") for r in load_specs()
    }


def test_checks_recompute_every_settlement(marks: pl.DataFrame) -> None:
    assert pnl_recomputed(marks, marks, market.calendar()).is_empty()
    moved = marks.with_columns(
        pl.when(pl.col("root") == "FRC").then(pl.col("pnl_brl") + 1).otherwise("pnl_brl").alias("pnl_brl")
    )
    found = pnl_recomputed(moved, marks, market.calendar())
    assert found.height == marks.filter(pl.col("root") == "FRC")["pnl_brl"].count()
    wrong = marks.with_columns(pl.col("point_value_brl") * 1.01)
    roots = pnl_recomputed(wrong, marks, market.calendar())["item"].str.head(3).unique()
    assert set(roots) >= {"DDI", "DAP", "DOL", "IND"}


def test_linear_pnl_explains_the_settlements(marks: pl.DataFrame) -> None:
    """P&L from one day to the next against -DV01 x move of the rate; what is left is carry, hundredths of a bp for FRC.

    (Over more days a FRC's first leg comes near its expiry, where it settles to a PTAX that is partly known.)
    """
    before = marks.select("contract", risk="dv01_brl", r0="settle_rate", prev_trade_date="trade_date")
    rows = marks.drop_nulls("pnl_brl").join(before, on=["contract", "prev_trade_date"])
    gap = market.calendar().count_many(rows["prev_trade_date"], rows["trade_date"])
    rows = rows.filter(pl.Series(gap == 1), pl.col("risk") > 1, pl.col("bdays") > 63)
    rows = rows.with_columns(linear=-pl.col("risk") * (pl.col("settle_rate") - pl.col("r0")) * 1e4)
    for root, at_least, left_bp in (("DI1", 0.998, 1.0), ("DAP", 0.998, 1.0), ("FRC", 0.995, 0.05)):
        part = rows.filter(pl.col("root") == root)
        assert part.height > 200
        assert float(np.corrcoef(part["linear"], part["pnl_brl"])[0, 1]) > at_least, root
        assert float(((part["pnl_brl"] - part["linear"]) / part["risk"]).abs().median()) < left_bp, root


def test_frc_is_the_forward_of_the_first_leg_and_its_own_ddi(settlements: pl.DataFrame) -> None:
    """Within half a tick of the printed rate on 2,872 settlements, but for one contract of 2021-03-31: 0.75 bp."""
    rows = settlements.with_columns(days=(pl.col("maturity") - pl.col("event_date")).dt.total_days())
    legs = first_ddi(rows["event_date"].unique().sort(), market.calendar())
    prices = rows.filter(pl.col("root") == "DDI").select("event_date", "contract", "settle_price", "days")
    near = legs.join(prices, on=["event_date", "contract"]).select("event_date", near="settle_price", near_days="days")
    far = prices.select("event_date", contract="FRC" + pl.col("contract").str.slice(3), far="settle_price")
    frcs = rows.filter(pl.col("root") == "FRC").join(near, on="event_date").join(far, on=["event_date", "contract"])
    frcs = frcs.filter(pl.col("days") > pl.col("near_days"))
    forward = frc.rate_from_ddi(*(frcs[c].to_numpy() for c in ("near", "near_days", "far", "days")))
    error = np.abs(forward - frcs["settle_rate"].to_numpy()) * 1e4
    beyond = frcs.filter(pl.Series(error > 0.501))
    assert frcs.height == 2872
    assert beyond.select("event_date", "contract").rows() == [(date(2021, 3, 31), "FRCJ26")]
    assert error.max() < 0.76


def test_dol_is_at_its_fair_value(settlements: pl.DataFrame, inputs: Inputs) -> None:
    """Spot of parity is one number for all maturities after the first, though PTAX of the day before is not it."""
    rows = settlements.with_columns(month=pl.col("contract").str.slice(3))
    wide = rows.filter(pl.col("root") == "DOL").select("event_date", "month", "maturity", dol="settle_price")
    for root in ("DI1", "DDI"):
        part = rows.filter(pl.col("root") == root).select("event_date", "month", settle_price="settle_price")
        wide = wide.join(part.rename({"settle_price": root}), on=["event_date", "month"])
    ptax = inputs.ptax.select(fixed="value", day="event_date")
    before = pl.Series(market.calendar().offset_many(wide["event_date"], -1, known_on=wide["event_date"]))
    wide = wide.with_columns(day=before).join(ptax, on="day").filter(pl.col("maturity") > pl.col("event_date"))
    rank = pl.col("maturity").rank("dense").over("event_date")
    wide = wide.with_columns(fair=pl.Series(futures.fair_value(wide["fixed"] * 1000, wide["DI1"], wide["DDI"]))).filter(
        rank > 1
    )
    error = (wide["fair"] - wide["dol"]).abs()
    assert wide.height > 900
    assert float((error <= 0.06).mean()) > 0.99


def test_window_of_sessions_never_changes_a_row(settlements: pl.DataFrame, inputs: Inputs, marks: pl.DataFrame) -> None:
    for day in (KEYS[60], KEYS[180], KEYS[-3]):
        known = Inputs(*(market.known_at(f, day) for f in (inputs.cdi_daily, inputs.ptax, inputs.vna)))
        alone = marks_of(market.known_at(settlements, day), known, [day])
        assert alone.equals(marks.filter(pl.col("session") == day))


LATE = {
    "ptax": (date(2021, 9, 20), {"DDI", "FRC"}),
    "vna": (date(2021, 9, 21), {"DAP"}),
    "cdi_daily": (date(2021, 9, 20), {"DI1", "DDI", "DAP"}),
    "ddi": (date(2021, 9, 21), {"DDI", "FRC"}),
}


@pytest.mark.parametrize("what", LATE)
def test_a_late_input_hides_the_pnl_and_gives_it_again_when_it_comes(
    what: str, settlements: pl.DataFrame, inputs: Inputs, marks: pl.DataFrame
) -> None:
    """An input of 2021-09-21's settlements comes on 24 September: null until then, the same numbers from then on."""
    day, roots = LATE[what]
    arrival = date(2021, 9, 24)
    missing = pl.col("event_date") == day

    def delay(rows: pl.DataFrame, where: pl.Expr) -> pl.DataFrame:
        return rows.with_columns(session=pl.when(where).then(arrival).otherwise("session"))

    frames = {n: getattr(inputs, n) for n in ("cdi_daily", "ptax", "vna")}
    late = {n: delay(f, missing) if n == what else f for n, f in frames.items()}
    rows = delay(settlements, missing & (pl.col("root") == "DDI")) if what == "ddi" else settlements
    found = marks_of(rows, Inputs(**late))
    waiting = found.filter(pl.col("trade_date") == date(2021, 9, 21), pl.col("session") < arrival)
    waiting = waiting.filter(pl.col("pnl_brl").is_null() & pl.col("prev_trade_date").is_not_null())
    hidden = set(waiting["root"].unique())
    assert hidden == (roots - {"DDI"} if what == "ddi" else roots)
    newest = found.sort("session").unique(["contract", "trade_date"], keep="last").sort("trade_date", "contract")
    assert newest.drop("session").equals(marks.sort("trade_date", "contract").drop("session"))
    for session in (date(2021, 9, 22), arrival):
        known = Inputs(**{n: market.known_at(f, session) for n, f in late.items()})
        alone = marks_of(market.known_at(rows, session), known, [session])
        assert alone.equals(found.filter(pl.col("session") == session))


def test_limit_locked_days_of_di1() -> None:
    rows = b3_files.settlements(date(2015, 9, 1)).filter(
        pl.col("root") == "DI1", pl.col("event_date") < date(2020, 4, 1)
    )
    keys = market.keys(date(2015, 9, 2), date(2020, 4, 1))
    marks = marks_of(rows, market.inputs(b3_files.cdi(date(2015, 8, 1))), keys)
    locked = marks.filter("limit_locked").group_by("trade_date").agg(pl.len(), pl.col("contract")).sort("trade_date")
    counts = dict(locked.select("trade_date", "len").rows())
    assert list(counts) == [date(2015, 9, 24), date(2017, 5, 18), date(2020, 3, 12), date(2020, 3, 13)]
    names = {d: set(c) for d, c in locked.select("trade_date", "contract").rows()}
    assert {"DI1F18", "DI1F19", "DI1F21", "DI1F25"} <= names[date(2017, 5, 18)]
    assert "DI1N17" not in names[date(2017, 5, 18)]  # 40 bp of 80 allowed
    assert {"DI1F22", "DI1F23", "DI1F25"} <= names[date(2020, 3, 12)]
    assert "DI1F21" not in names[date(2020, 3, 12)]  # the article names it as the one below its limit
    assert counts[date(2015, 9, 24)] >= 30
