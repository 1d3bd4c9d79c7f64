"""Breakers on NAV paths made by hand: spans, how long trips hold, the kill switch as of each session."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from macro_fund.mandate import Breakers
from macro_fund.risk.breakers import ACTION, breakers
from macro_fund.risk.limit_checks import action_follows, losses_recomputed
from macro_fund.settings import default_settings
from macro_fund.store.table import UTC_TIME
from macro_fund.store.tables import TABLES
from macro_fund.time.sessions import sessions as fund_table

TABLE = fund_table()
LIMITS = default_settings().limits.breakers
DAYS = TABLE.keys(date(2025, 1, 6), date(2025, 3, 14))  # a Monday; the capital is that of Friday 3 January
EVENTS = {"action": pl.String, "person": pl.String, "note": pl.String, "recorded_at": UTC_TIME}
NOBODY = pl.DataFrame(schema=EVENTS)


def nav_of(levels: list[float | None], days: list[date] | None = None) -> pl.DataFrame:
    """pms/nav with these NAVs (in % of the capital); None: no row of that session."""
    rows, before = [], Decimal("100.00")
    for day, level in zip(days or DAYS, levels, strict=False):
        if level is None:
            continue
        nav = Decimal(str(level)).quantize(Decimal("0.01"))
        rows.append(
            {
                "session": day,
                "trade_date": TABLE.offset(day, -1),
                "opening_nav_brl": before,
                "pnl_brl": nav - before,
                "nav_brl": nav,
                "cdi_index": 1.0,
                "fund_index": float(nav) / 100,
            }
        )
        before = nav
    return pl.DataFrame(rows, schema=TABLES["pms/nav"].schema)


def switch(*events: tuple[str, datetime]) -> pl.DataFrame:
    rows = [{"action": a, "person": "Ana", "note": "why", "recorded_at": t} for a, t in events]
    return pl.DataFrame(rows, schema=EVENTS)


def positions(*bases: str, day: date = DAYS[0]) -> pl.DataFrame:
    rows = [
        {"session": day, "contract": f"DI1F{k}", "instrument": "DI1_2Y", "quantity": 1, "mark_basis": basis}
        for k, basis in enumerate(bases)
    ]
    return pl.DataFrame(rows, schema=TABLES["pms/positions"].schema)


def run(
    levels: list[float | None],
    *,
    events: pl.DataFrame = NOBODY,
    held: pl.DataFrame | None = None,
    wanted: list[date] | None = None,
    limits: Breakers = LIMITS,
) -> pl.DataFrame:
    days = DAYS[: len(levels)]
    nav = nav_of(levels)
    as_of = {d: TABLE.as_of(d) for d in days}
    book = TABLES["pms/positions"].empty() if held is None else held
    out = breakers(nav, book, events, as_of, limits, wanted or days)
    assert out.schema == TABLES["risk/breakers"].schema
    assert action_follows(out).passed
    assert losses_recomputed(out, nav).passed
    return out


def of(out: pl.DataFrame, breaker: str) -> pl.DataFrame:
    return out.filter(pl.col("breaker") == breaker).sort("session")


def trips(out: pl.DataFrame, breaker: str) -> list[bool]:
    return of(out, breaker)["tripped"].to_list()


def test_the_first_session_has_no_loss_and_says_why() -> None:
    first = run([100.0]).filter(pl.col("threshold") > 0, pl.col("breaker") != "price_coverage")
    assert first["loss"].to_list() == [None] * 6
    assert first["action"].unique().to_list() == ["none"]
    assert first["reason"].unique().to_list() == ["the first session of the fund: nothing to compare its NAV with"]


def test_one_row_a_breaker_with_the_thresholds_of_the_mandate() -> None:
    out = run([100.0, 99.0])
    assert out.group_by("session").len()["len"].to_list() == [len(ACTION)] * 2
    of_mandate = LIMITS.model_dump()
    found = dict(out.filter(pl.col("session") == DAYS[1]).select("breaker", "threshold").rows())
    assert {k: found[k] for k in of_mandate} == of_mandate
    assert of(out, "day_stop")["loss"][1] == 0.01


@pytest.mark.parametrize(
    ("nav", "stop", "halve"),
    [(98.51, False, False), (98.50, True, False), (97.51, True, False), (97.50, True, True), (101.0, False, False)],
)
def test_a_day_counts_for_its_own_session(nav: float, stop: bool, halve: bool) -> None:
    out = run([100.0, nav, nav])
    assert trips(out, "day_stop") == [False, stop, False]
    assert trips(out, "day_halve") == [False, halve, False]
    actions = dict(out.filter(pl.col("session") == DAYS[1], pl.col("tripped")).select("breaker", "action").rows())
    assert actions == ({"day_stop": "no_new_risk"} if stop else {}) | ({"day_halve": "halve"} if halve else {})


def test_a_week_counts_from_the_close_before_it_and_holds_until_it_ends() -> None:
    """Sessions from Monday 6 January: trade dates Friday 3 (the capital), Monday 6 .. Friday 10, Monday 13."""
    out = run([100.0, 98.6, 97.2, 95.9, 97.0, 97.5, 97.4, 97.3])
    assert [round(x, 4) for x in of(out, "week_halve")["loss"].to_list()[1:]] == [
        0.014, 0.028, 0.041, 0.03, 0.025, 0.001, 0.0021,
    ]  # fmt: skip
    assert trips(out, "week_halve") == [False, False, False, True, True, True, False, False]
    rows = of(out, "week_halve")
    assert rows["since"].to_list()[3:6] == [DAYS[3]] * 3
    assert rows["reason"][3] == "week loss 4.10%, threshold 4.00%"
    assert rows["reason"][4] == f"tripped on {DAYS[3]}; holds until the week ends"
    assert rows["session"][5] == date(2025, 1, 13)  # Monday: it knows Friday's close, which is the old week's


def test_a_month_counts_from_the_close_before_it_and_holds_until_it_ends() -> None:
    """Losses of 1% a week never trip the week; January's sum does on its fifth, and February starts anew."""
    levels = [100.0 - 0.25 * k for k in range(30)]
    out = run(levels)
    dates = [TABLE.offset(d, -1) for d in DAYS[: len(levels)]]
    tripped = trips(out, "month_halve")
    january = [t for t, d in zip(tripped, dates, strict=True) if d < date(2025, 2, 1)]
    assert january == [False] * january.index(True) + [True] * (len(january) - january.index(True))
    assert of(out, "month_halve")["loss"][january.index(True)] == 0.05
    assert tripped[len(january)] is False
    assert not any(trips(out, "week_halve"))


def test_a_drawdown_holds_until_two_people_decide() -> None:
    levels = [100.0, 110.0, 101.0, 109.0, 110.0, 110.0, 109.0, 100.0]
    out = run(levels)
    assert [round(x, 4) for x in of(out, "drawdown_halve")["loss"].to_list()[1:]] == [
        0.0, 0.0818, 0.0091, 0.0, 0.0, 0.0091, 0.0909,
    ]  # fmt: skip
    assert trips(out, "drawdown_halve") == [False, False] + [True] * 6
    words = f"tripped on {DAYS[2]}; holds until the kill switch is thrown and reset"
    assert of(out, "drawdown_halve")["reason"][4] == words
    at = TABLE.as_of(DAYS[4]) + timedelta(hours=1)
    decided = run(levels, events=switch(("throw", at), ("reset", at + timedelta(hours=1))))
    assert trips(decided, "drawdown_halve") == [False, False, True, True, True, False, False, True]


def test_the_high_starts_again_from_the_nav_known_at_the_reset() -> None:
    at = TABLE.as_of(DAYS[3]) + timedelta(hours=1)
    out = run([100.0, 110.0, 98.0, 98.0, 93.0, 89.0], events=switch(("throw", at), ("reset", at + timedelta(hours=1))))
    assert [round(x, 4) for x in of(out, "drawdown_kill")["loss"].to_list()[1:]] == [
        0.0, 0.1091, 0.1091, 0.051, 0.0918,
    ]  # fmt: skip
    assert trips(out, "drawdown_halve") == [False, False, True, True, False, True]


def test_a_drawdown_of_12_percent_asks_to_close_all() -> None:
    rows = of(run([100.0, 88.0, 87.0]), "drawdown_kill")
    assert rows["action"].to_list() == ["none", "kill", "kill"]
    assert rows["since"].to_list() == [None, DAYS[1], DAYS[1]]


def test_the_switch_is_as_the_sessions_as_of_knew_it() -> None:
    cut = TABLE.as_of(DAYS[2])
    moments = [("throw", cut), ("reset", TABLE.as_of(DAYS[3]) + timedelta(microseconds=1))]
    out = run([100.0] * 6, events=switch(*moments))
    assert trips(out, "kill_switch") == [False, False, True, True, False, False]
    row = of(out, "kill_switch").row(3, named=True)
    assert (row["since"], row["action"], row["reason"], row["loss"], row["threshold"]) == (
        DAYS[2], "no_new_risk", "thrown by Ana: why", None, 0.0,
    )  # fmt: skip
    late = run([100.0] * 6, events=switch(("throw", cut + timedelta(microseconds=1))))
    assert trips(late, "kill_switch") == [False, False, False, True, True, True]


def test_a_session_without_nav_takes_no_new_risk_and_has_no_number() -> None:
    out = run([100.0, 96.0, None, 96.0])
    gone = out.filter(pl.col("session") == DAYS[2])
    assert of(gone, "nav_break")["action"].item() == "no_new_risk"
    assert gone.filter(pl.col("breaker").is_in(list(LIMITS.model_dump())))["loss"].to_list() == [None] * 6
    assert trips(out, "nav_break") == [False, False, True, False]
    assert trips(out, "week_halve") == [False, True, True, True]
    assert trips(out, "day_halve") == [False, True, False, False]


@pytest.mark.parametrize(
    ("bases", "share", "tripped"),
    [
        ((), None, False),
        (("settlement",), 0.0, False),
        (("settlement",) * 19 + ("previous",), 0.05, False),
        (("settlement",) * 18 + ("none",), 1 / 19, True),
        (("previous",), 1.0, True),
    ],
)
def test_prices_of_fewer_than_95_percent_of_the_positions_stop_new_risk(
    bases: tuple[str, ...], share: float | None, tripped: bool
) -> None:
    row = of(run([100.0], held=positions(*bases)), "price_coverage").row(0, named=True)
    assert (row["loss"], row["tripped"]) == (share, tripped)
    assert row["action"] == ("no_new_risk" if tripped else "none")


PATHS = st.lists(st.one_of(st.none(), st.floats(60, 130).map(lambda x: round(x, 2))), min_size=2, max_size=30).map(
    lambda path: [100.0, *path]
)


@given(path=PATHS, cut=st.integers(1, 30), at=st.integers(0, 25))
def test_days_alone_are_the_range_and_later_rows_change_nothing(path: list[float | None], cut: int, at: int) -> None:
    events = switch(("throw", TABLE.as_of(DAYS[at])), ("reset", TABLE.as_of(DAYS[at]) + timedelta(hours=2)))
    together = run(path, events=events)
    first = path[: min(cut, len(path))]
    alone = run(first, events=events, wanted=[DAYS[len(first) - 1]])
    assert alone.equals(together.filter(pl.col("session") == DAYS[len(first) - 1]))


@given(path=PATHS)
def test_a_loss_at_its_threshold_always_trips_and_what_is_tripped_acts(path: list[float | None]) -> None:
    out = run(path).filter(pl.col("breaker") != "price_coverage")
    assert out.filter((pl.col("loss") >= pl.col("threshold")) & ~pl.col("tripped")).is_empty()
    assert (out["action"] != "none").to_list() == out["tripped"].to_list()
    kills = trips(out, "drawdown_kill")
    assert kills == sorted(kills), "without a decision a drawdown never ends by itself"


def test_the_checks_can_fail() -> None:
    levels: list[float | None] = [100.0, 99.0, 97.0]
    out, nav = run(levels), nav_of(levels)
    for name in ("day_stop", "week_halve", "month_halve"):
        spoilt = pl.when(pl.col("breaker") == name).then(pl.col("loss") + 1e-6).otherwise("loss")
        assert not losses_recomputed(out.with_columns(spoilt.alias("loss")), nav).passed
    assert not action_follows(out.with_columns(action=pl.lit("none"))).passed
    assert not action_follows(out.with_columns(tripped=pl.lit(False))).passed
    assert not action_follows(out.with_columns(since=pl.lit(None, pl.Date))).passed
