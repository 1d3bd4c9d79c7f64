"""di_curve: nodes, extrapolation, what each session knows, and window invariance."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from macro_fund.curves.di import NODES, di_curve
from macro_fund.curves.flat_forward import flat_forward
from macro_fund.store.tables import TABLES
from macro_fund_tests.instruments import market

SESSION, DAY = date(2019, 3, 29), date(2019, 3, 28)


def of(
    settlements: pl.DataFrame | None = None, cdi: pl.DataFrame | None = None, keys: list[date] | None = None
) -> pl.DataFrame:
    quotes = market.settlements() if settlements is None else settlements
    rates = market.cdi() if cdi is None else cdi
    return di_curve(quotes, rates, market.keys() if keys is None else keys, market.calendar())


@pytest.fixture(scope="module")
def curve() -> pl.DataFrame:
    return of()


def at(curve: pl.DataFrame, session: date = SESSION) -> pl.DataFrame:
    return curve.filter(pl.col("session") == session)


def quotes_of(day: date) -> pl.DataFrame:
    rows = market.settlements().filter((pl.col("event_date") == day) & (pl.col("root") == "DI1"))
    days = market.calendar().count_many(rows["event_date"], rows["maturity"], known_on=rows["event_date"])
    return rows.with_columns(bdays=pl.Series(days)).sort("bdays")


def test_shape_is_the_tables_and_every_session_has_its_nodes(curve: pl.DataFrame) -> None:
    table = TABLES["silver/di_curve"]
    assert curve.schema == table.schema
    assert curve.equals(curve.sort(table.sort))
    assert curve.height == len(market.keys()) * len(NODES)
    assert curve.select(table.required).null_count().sum_horizontal().item() == 0


def test_nodes_are_the_flat_forward_of_cdi_and_contracts(curve: pl.DataFrame) -> None:
    quotes, rows = quotes_of(DAY), at(curve)
    known = market.cdi().filter(pl.col("session") <= SESSION).sort("event_date")
    assert known["event_date"][-1] == date(2019, 3, 27)  # the CDI of the 28th comes out at 09:00 of the 29th
    overnight = (1 + known["value"][-1]) ** 252 - 1
    days, rates = [1, *quotes["bdays"]], [overnight, *quotes["settle_rate"]]
    assert rows["curve_date"].unique().to_list() == [DAY]
    assert rows["n_contracts"].unique().to_list() == [quotes.height]
    np.testing.assert_allclose(rows["rate"].to_numpy(), flat_forward(days, rates, list(NODES)), rtol=1e-12)
    assert rows["rate"][0] == pytest.approx(0.0614, abs=2e-6)


def test_tenor_on_a_contract_is_its_settlement() -> None:
    quotes = quotes_of(DAY)
    rows = di_curve(market.settlements(), market.cdi(), [SESSION], market.calendar(), quotes["bdays"].to_list())
    np.testing.assert_allclose(rows["rate"].to_numpy(), quotes["settle_rate"].to_numpy(), rtol=1e-12)


def test_forward_is_of_the_month_that_ends_at_the_tenor(curve: pl.DataFrame) -> None:
    rows = di_curve(market.settlements(), market.cdi(), [SESSION], market.calendar(), (1, 21, 42, 63))
    rate, forward = rows["rate"].to_list(), rows["forward_21d"].to_list()
    assert forward[0] is None
    assert forward[1] == pytest.approx(rate[1], rel=1e-12)
    growth = [(1 + r) ** (n / 252) for r, n in zip(rate, (1, 21, 42, 63), strict=True)]
    assert forward[2] == pytest.approx((growth[2] / growth[1]) ** 12 - 1, rel=1e-10)
    assert forward[3] == pytest.approx((growth[3] / growth[2]) ** 12 - 1, rel=1e-10)
    assert curve.filter(pl.col("tenor_bd") == 1)["forward_21d"].is_null().all()


def test_beyond_the_last_contract_the_last_forward_holds_and_is_marked(curve: pl.DataFrame) -> None:
    last = quotes_of(DAY)["bdays"].max()
    assert at(curve)["extrapolated"].to_list() == [n > last for n in NODES]
    rows = di_curve(market.settlements(), market.cdi(), [SESSION], market.calendar(), (last, last + 21, last + 1000))
    assert rows["extrapolated"].to_list() == [False, True, True]
    assert rows["forward_21d"][1] == pytest.approx(rows["forward_21d"][2], rel=1e-9)


def test_session_without_a_new_settlement_repeats_the_last_curve(curve: pl.DataFrame) -> None:
    down = [date(2019, 3, 28), date(2019, 3, 29), date(2019, 4, 1)]
    rows = of(market.settlements().filter(~pl.col("event_date").is_in(down)))
    for session in (date(2019, 3, 29), date(2019, 4, 1), date(2019, 4, 2)):
        assert at(rows, session)["curve_date"].unique().to_list() == [date(2019, 3, 27)]
        same = at(rows, session).filter(pl.col("tenor_bd") > 100)["rate"]
        assert same.equals(at(curve, date(2019, 3, 28)).filter(pl.col("tenor_bd") > 100)["rate"])
    assert at(rows, date(2019, 4, 3)).equals(at(curve, date(2019, 4, 3)))


def test_old_day_that_comes_late_does_not_replace_a_newer_one(curve: pl.DataFrame) -> None:
    old, arrival = date(2019, 3, 25), date(2019, 4, 1)
    late = market.settlements().filter(pl.col("event_date") != date(2019, 3, 29))
    late = late.with_columns(session=pl.when(pl.col("event_date") == old).then(arrival).otherwise("session"))
    rows = of(late)
    assert at(rows, date(2019, 3, 26))["curve_date"].unique().to_list() == [date(2019, 3, 22)]
    assert at(rows, arrival)["curve_date"].unique().to_list() == [DAY]
    assert at(rows).equals(at(curve))


def test_nothing_known_gives_no_row() -> None:
    first = market.settlements()["session"].min()
    before = [date(2017, 12, 27), date(2017, 12, 28)]
    assert of(keys=before).equals(TABLES["silver/di_curve"].empty())
    assert of(keys=[*before, first])["session"].unique().to_list() == [first]
    assert of(market.settlements().clear()).is_empty()
    assert of(market.settlements().filter(pl.col("root") == "DOL")).is_empty()
    assert of(keys=[]).is_empty()


@pytest.mark.parametrize("cdi", [market.cdi().clear(), market.cdi().filter(pl.col("event_date") < date(2019, 3, 18))])
def test_without_a_recent_cdi_there_is_no_overnight_node(cdi: pl.DataFrame) -> None:
    rows = of(cdi=cdi, keys=[SESSION])
    first = quotes_of(DAY)["bdays"][0]
    assert rows["tenor_bd"].to_list() == [n for n in NODES if n >= first]
    assert 1 not in rows["tenor_bd"].to_list()


def test_cdi_known_later_is_not_used() -> None:
    late = market.cdi().with_columns(
        session=pl.when(pl.col("event_date") >= date(2019, 3, 26)).then(date(2019, 4, 5)).otherwise("session"),
        value=pl.when(pl.col("event_date") >= date(2019, 3, 26)).then(0.001).otherwise("value"),
    )
    assert at(of(cdi=late)).select("rate", "tenor_bd").equals(at(of()).select("rate", "tenor_bd"))


def test_expired_contract_is_dropped_and_a_one_day_contract_replaces_the_cdi() -> None:
    base = market.settlements()
    row = base.filter((pl.col("event_date") == DAY) & (pl.col("contract") == "DI1F21"))
    expired = row.with_columns(contract=pl.lit("DI1H19"), maturity=pl.lit(DAY), settle_rate=pl.lit(0.5))
    assert of(pl.concat([base, expired]), keys=[SESSION]).equals(of(keys=[SESSION]))
    tomorrow = expired.with_columns(maturity=pl.lit(date(2019, 3, 29)), settle_rate=pl.lit(0.0629))
    before = base.filter((pl.col("event_date") == date(2019, 3, 27)) & (pl.col("contract") == "DI1F21")).with_columns(
        contract=pl.lit("DI1H19"), maturity=pl.lit(date(2019, 3, 29))
    )
    found = of(pl.concat([base, before, tomorrow]), keys=[SESSION])
    assert found["rate"][0] == pytest.approx(0.0629, abs=1e-12)


def test_the_first_settlement_of_a_contract_is_no_node(curve: pl.DataFrame) -> None:
    base = market.settlements()
    like = (pl.col("contract") == "DI1F21") & (pl.col("event_date") >= DAY)
    listed = base.filter(like & (pl.col("event_date") <= date(2019, 3, 29))).with_columns(
        contract=pl.lit("DI1J20"), maturity=pl.lit(date(2020, 4, 1)), settle_rate=pl.col("settle_rate") + 0.02
    )
    rows = of(pl.concat([base, listed]), keys=[SESSION, date(2019, 4, 1)])
    assert at(rows).equals(at(curve))
    year, later = pl.col("tenor_bd") == 252, date(2019, 4, 1)
    assert at(rows, later).filter(year)["rate"].item() > at(curve, later).filter(year)["rate"].item() + 0.01


def test_quality_falls_with_age_and_with_missing_contracts(curve: pl.DataFrame) -> None:
    def quality(settlements: pl.DataFrame) -> float:
        return float(at(of(settlements, keys=[SESSION]))["quality"].unique().item())

    base = market.settlements()
    today = pl.col("event_date") == DAY
    assert at(curve)["quality"].unique().to_list() == [1.0]
    assert quality(base.filter(~today)) == pytest.approx(0.5)
    half = base.filter(~today | (pl.col("contract").str.slice(3, 1) == "F") | (pl.col("root") != "DI1"))
    kept, usual = (r.filter(today & (pl.col("root") == "DI1")).height for r in (half, base))
    assert quality(half) == pytest.approx(kept / usual, abs=0.03)


def test_rate_missing_in_the_file_is_taken_from_the_pu(curve: pl.DataFrame) -> None:
    rows = of(market.settlements().with_columns(settle_rate=pl.lit(None, pl.Float64)), keys=[SESSION])
    np.testing.assert_allclose(rows["rate"].to_numpy(), at(curve)["rate"].to_numpy(), atol=2e-6)


def test_corrected_settlement_moves_the_curve_from_its_session_on(curve: pl.DataFrame) -> None:
    # The correction of the 28th arrives in the session that still knows no later day.
    arrival = date(2019, 4, 1)
    base = market.settlements().filter(pl.col("event_date") != date(2019, 3, 29))
    fix = base.filter((pl.col("event_date") == DAY) & (pl.col("contract") == "DI1F21")).with_columns(
        pl.col("settle_rate") + 0.01, pl.col("knowledge_time").dt.offset_by("3d"), session=pl.lit(arrival)
    )
    rows = of(pl.concat([fix, base]))
    assert at(rows).equals(at(curve))
    near_f21 = pl.col("tenor_bd") == 504
    moved = at(rows, arrival).filter(near_f21)["rate"].item() - at(curve).filter(near_f21)["rate"].item()
    assert moved > 0.003
    assert at(rows, arrival)["curve_date"].unique().to_list() == [DAY]


def test_window_of_sessions_never_changes_a_row(curve: pl.DataFrame) -> None:
    days = market.keys(date(2018, 12, 17), date(2019, 1, 11))
    together = of(keys=days)
    assert together.equals(curve.filter(pl.col("session").is_in(days)))
    for day in days:
        alone = of(market.known_at(market.settlements(), day), market.known_at(market.cdi(), day), [day])
        assert alone.equals(together.filter(pl.col("session") == day))


def test_business_days_are_those_known_on_the_settlement_day() -> None:
    # Until 2023-12-26 nobody counted 20 November as a holiday: 2,772 days to 2035-01-01, now 2,764.
    old, new = date(2023, 12, 20), date(2024, 1, 2)
    assert market.calendar().count(old, date(2035, 1, 1), known_on=old) == 2772
    assert market.calendar().count(old, date(2035, 1, 1), known_on=new) == 2764
    row = market.settlements().filter((pl.col("event_date") == DAY) & (pl.col("contract") == "DI1F28"))
    quotes = pl.concat(
        row.with_columns(
            event_date=pl.lit(d), session=pl.lit(s), maturity=pl.lit(date(2035, 1, 2)), settle_rate=pl.lit(r)
        )
        for d, s, r in ((old, date(2023, 12, 21), 0.10), (new, date(2024, 1, 3), 0.11))
    )
    rows = di_curve(quotes, market.cdi(), [date(2023, 12, 21), date(2024, 1, 3)], market.calendar(), (2757, 2772, 2773))
    assert rows.select("curve_date", "tenor_bd", "extrapolated").rows() == [
        (old, 2772, False),
        (old, 2773, True),
        (new, 2757, False),
        (new, 2772, True),
        (new, 2773, True),
    ]


@pytest.mark.parametrize("tenors", [(0, 21), (21, 21)])
def test_bad_tenors_are_refused(tenors: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="distinct business days >= 1"):
        di_curve(market.settlements(), market.cdi(), [SESSION], market.calendar(), tenors)
