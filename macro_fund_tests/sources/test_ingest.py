"""Ingestion: what is asked, what is kept, and that the length of a window changes nothing.

The world is an SGS that answers in the provider's own format from a table of values, so the real connector is used.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.settings import Series, Source, default_settings
from macro_fund.sources import bcb_sgs
from macro_fund.sources.http import Http, Parsed, Payload, Reply, Request, TransportError
from macro_fund.sources.ingest import Ingested, Window, ingest
from macro_fund.store.tables import PROVENANCE, TABLES
from macro_fund.time.sessions import sessions

TABLE = sessions()
BRONZE = TABLES["bronze/bcb_sgs"]
CDI, SELIC, IPCA, IBC, TARGET = (
    next(s for s in default_settings().series if s.id == i)
    for i in ("br_cdi_daily", "br_selic_target", "br_ipca_mom", "br_ibc_br_sa", "br_inflation_target")
)
POLICY = {name: Source(min_interval_s=0, attempts=2) for name in ("bcb_sgs", "b3_settlements", "fred", "fomc")}
MARCH = TABLE.keys(date(2019, 3, 1), date(2019, 4, 5))


def from_2018(*series: Series) -> list[Series]:
    return [s.model_copy(update={"start": date(2018, 1, 1)}) for s in series]


@dataclass
class Sgs:
    """Values by code and day, as text; `down` refuses connections, `mutate` changes the rows of an answer."""

    values: dict[str, dict[date, str]]
    waits: bool = False
    down: bool = False
    mutate: Callable[[list[dict[str, str]]], list[dict[str, str]]] = lambda rows: rows
    asked: list[tuple[str, date, date]] = field(default_factory=list)

    def send(self, request: Request, timeout_s: float) -> Reply:
        if self.down:
            raise TransportError("connection refused")
        found = re.search(r"sgs\.(\d+)/dados.*dataInicial=(\S+)&dataFinal=(\S+)", request.url)
        assert found is not None
        first, last = (datetime.strptime(found[i], "%d/%m/%Y").replace(tzinfo=UTC).date() for i in (2, 3))
        self.asked.append((found[1], first, last))
        days = {d: v for d, v in self.values[found[1]].items() if first <= d <= last}
        rows = self.mutate([{"data": f"{d:%d/%m/%Y}", "valor": v} for d, v in sorted(days.items())])
        return Reply(200, {}, json.dumps(rows).encode()) if rows else Reply(404, {}, b'{"error":"Value(s) not found"}')


def window(keys: Sequence[date], *, opening: bool = False) -> Window:
    lower = None if opening else TABLE.as_of(TABLE.offset(keys[0], -1))
    return Window(tuple(keys), lower, TABLE.as_of(keys[-1]))


def run(world: Sgs, series: Sequence[Series], win: Window, known: pl.DataFrame | None = None) -> Ingested:
    http = Http(world, POLICY, None, lambda: win.upper)
    return ingest(bcb_sgs, series, win, BRONZE.empty() if known is None else known, TABLE, http)


def in_steps(world: Sgs, series: Sequence[Series], steps: Sequence[Window]) -> tuple[pl.DataFrame, list[Ingested]]:
    """All rows of consecutive windows, each knowing what the ones before it found."""
    known, parts = BRONZE.empty(), []
    for win in steps:
        parts.append(run(world, series, win, known))
        known = pl.concat([known, parts[-1].rows])
    return known, parts


def content(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.drop(PROVENANCE).sort(BRONZE.sort)


def days(start: date, end: date, weekdays: bool = True) -> list[date]:
    found = pl.date_range(start, end, eager=True)
    return (found.filter(found.dt.weekday() <= 5) if weekdays else found).to_list()


def months(start: date, end: date) -> list[date]:
    return pl.date_range(start, end, "1mo", eager=True).to_list()


def cdi_of(start: date, end: date) -> Sgs:
    return Sgs({"12": {d: f"0.0246{d.day:02d}" for d in days(start, end)}})


WORLD = {
    "12": {d: f"0.0246{d.day:02d}" for d in days(date(2018, 1, 1), date(2019, 5, 31))},
    "432": {d: "6.50" for d in days(date(2018, 1, 1), date(2019, 5, 31), weekdays=False)},
    "433": {d: f"0.{d.month:02d}" for d in months(date(2018, 1, 1), date(2019, 5, 1))},
    "13521": {date(y, 1, 1): "4.25" for y in range(2018, 2022)},
}
WORLD_SERIES = from_2018(CDI, SELIC, IPCA, TARGET)


def test_the_opening_window_takes_what_is_public_and_dates_it() -> None:
    got = run(Sgs(WORLD), WORLD_SERIES, window([date(2019, 3, 1)], opening=True))
    last = {k[0]: g.sort("event_date").row(-1, named=True) for k, g in got.rows.group_by("series_id")}
    # CDI of 27 February is public on the 28th at 09:00 (after that day's 08:55), so it belongs to the next session.
    assert last["br_cdi_daily"]["event_date"] == date(2019, 2, 27)
    assert last["br_cdi_daily"]["knowledge_time"] == datetime(2019, 2, 28, 12, tzinfo=UTC)
    assert last["br_cdi_daily"]["session"] == date(2019, 3, 1)
    assert last["br_selic_target"]["event_date"] == date(2019, 3, 1)
    assert last["br_ipca_mom"]["event_date"] == date(2019, 1, 1)
    assert last["br_inflation_target"]["event_date"] == date(2020, 1, 1)
    assert (got.rows["knowledge_time"] <= TABLE.as_of(date(2019, 3, 1))).all()
    assert got.rows["late"].sum() == 0
    assert set(got.rows["knowledge_basis"]) == {"lag", "calendar"}
    assert (got.quarantine.height, got.failures.height) == (0, 0)
    assert got.rows.schema == pl.Schema(BRONZE.schema)


@given(cuts=st.sets(st.integers(1, len(MARCH) - 1), max_size=len(MARCH) - 1))
@settings(max_examples=12)
def test_the_length_of_windows_changes_no_row(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(MARCH)]
    pieces = [MARCH[a:b] for a, b in itertools.pairwise(edges)]
    steps = [window(p, opening=i == 0) for i, p in enumerate(pieces)]
    known, parts = in_steps(Sgs(WORLD), WORLD_SERIES, steps)
    whole = run(Sgs(WORLD), WORLD_SERIES, window(MARCH, opening=True))
    assert content(known).equals(content(whole.rows))
    assert sum(p.quarantine.height + p.failures.height for p in parts) == 0


@given(outages=st.sets(st.integers(0, len(MARCH) - 2)))
@settings(max_examples=6)
def test_an_outage_makes_rows_late_and_loses_none(outages: set[int]) -> None:
    known = BRONZE.empty()
    for i, key in enumerate(MARCH):
        win = window([key], opening=i == 0)
        got = run(Sgs(WORLD, down=i in outages), WORLD_SERIES, win, known)
        if i in outages:
            assert {"br_cdi_daily", "br_selic_target"} <= set(got.failures["item"])
            assert got.rows.is_empty()
        else:
            assert (
                got.rows["late"] == (got.rows["knowledge_time"] <= (win.lower or datetime(1, 1, 1, tzinfo=UTC)))
            ).all()
        known = pl.concat([known, got.rows])
    whole = run(Sgs(WORLD), WORLD_SERIES, window(MARCH, opening=True)).rows
    facts = ["series_id", "event_date", "value", "knowledge_time", "knowledge_basis"]
    assert known.select(facts).sort(facts).equals(whole.select(facts).sort(facts))
    assert known.filter(~pl.col("late")).drop(PROVENANCE).join(whole, on=["session", *facts], how="anti").is_empty()


def test_rows_of_an_outage_belong_to_the_session_in_which_they_came() -> None:
    first, down, back = MARCH[7], MARCH[8:10], MARCH[10]
    world = Sgs(WORLD)
    known = run(world, WORLD_SERIES[:1], window([first], opening=True)).rows
    for key in down:
        known = pl.concat([known, run(Sgs(WORLD, down=True), WORLD_SERIES[:1], window([key]), known).rows])
    got = run(world, WORLD_SERIES[:1], window([back]), known).rows
    assert got["session"].to_list() == [back] * 3
    assert got["late"].to_list() == [True, True, False]


def test_asking_again_reaches_back_by_reread_days_and_to_the_newest_public_day() -> None:
    known = run(
        cdi_of(date(2018, 1, 1), date(2019, 5, 1)), from_2018(CDI), window([date(2019, 3, 1)], opening=True)
    ).rows
    world = cdi_of(date(2018, 1, 1), date(2019, 5, 1))
    run(world, from_2018(CDI), window([date(2019, 3, 7)]), known)
    assert world.asked == [("12", date(2019, 2, 27) - timedelta(days=CDI.reread_days), date(2019, 3, 5))]


def test_a_slice_that_failed_in_the_opening_is_asked_again() -> None:
    """Three years a request; the second fails. Later days must not hide the hole."""
    world = cdi_of(date(2010, 1, 1), date(2019, 3, 6))
    series = [CDI.model_copy(update={"start": date(2010, 1, 1)})]
    good = world.send

    def broken(request: Request, timeout_s: float) -> Reply:
        return Reply(500, {}, b"<h1>down</h1>") if "dataInicial=31/12/2012" in request.url else good(request, timeout_s)

    world.send = broken  # type: ignore[method-assign]  # the outside world fails for one request
    opening = run(world, series, window([date(2019, 3, 1)], opening=True))
    assert opening.failures["item"].to_list() == ["br_cdi_daily"]
    assert "status 500" in opening.failures["reason"][0]
    assert "down" in opening.failures["reason"][0]
    assert opening.rows["event_date"].dt.year().unique().sort().to_list() == [2010, 2011, 2012, *range(2015, 2020)]
    world.send = good  # type: ignore[method-assign]  # and recovers
    later = run(world, series, window([date(2019, 3, 6)]), opening.rows)
    assert set(later.rows["event_date"].dt.year()) == {2012, 2013, 2014, 2015, 2019}
    assert later.rows.filter(pl.col("event_date") < date(2019, 1, 1))["late"].all()
    everything = pl.concat([opening.rows, later.rows])["event_date"].sort().to_list()
    assert everything == days(date(2010, 1, 1), date(2019, 2, 27)) + [d for d in everything if d > date(2019, 2, 27)]


def test_a_failure_is_told_for_every_session_of_the_window() -> None:
    got = run(Sgs(WORLD, down=True), from_2018(CDI), window(MARCH[1:4]))
    assert got.failures["session"].to_list() == MARCH[1:4]
    assert got.failures["asset"].unique().to_list() == ["bronze/bcb_sgs"]
    assert "connection refused" in got.failures["reason"][0]


def test_a_series_of_which_nothing_ever_comes_is_a_failure() -> None:
    got = run(Sgs({"12": {}}), from_2018(CDI), window([MARCH[0]], opening=True))
    assert got.rows.is_empty()
    assert "no value of br_cdi_daily from 2018-01-01" in got.failures["reason"][0]


def test_a_revision_is_known_when_we_saw_it() -> None:
    series = from_2018(IBC)
    values = {d: f"{137 + d.month}.5" for d in months(date(2018, 1, 1), date(2019, 5, 1))}
    known, _ = in_steps(Sgs({"24364": values}), series, [window([MARCH[0]], opening=True), window([MARCH[1]])])
    values[date(2018, 10, 1)] = "99.25"
    got = run(Sgs({"24364": values}), series, window([MARCH[2]]), known).rows
    assert got.select("session", "event_date", "value", "knowledge_time", "knowledge_basis", "late").rows() == [
        (MARCH[2], date(2018, 10, 1), 99.25, TABLE.as_of(MARCH[2]), "observed", False)
    ]
    known = pl.concat([known, got])
    assert run(Sgs({"24364": values}), series, window([MARCH[3]]), known).rows.is_empty()
    values[date(2018, 10, 1)] = "147.5"
    again = run(Sgs({"24364": values}), series, window([MARCH[3]]), known).rows
    assert again["value"].to_list() == [147.5]


def test_a_revision_seen_after_the_window_waits_for_its_own_session() -> None:
    series = from_2018(IBC)
    values = {d: "137.5" for d in months(date(2018, 1, 1), date(2019, 5, 1))}
    known = run(Sgs({"24364": values}), series, window([MARCH[0]], opening=True)).rows
    values[date(2018, 10, 1)] = "99.25"
    win = window([MARCH[1]])
    after = Http(Sgs({"24364": values}), POLICY, None, lambda: win.upper + timedelta(seconds=1))
    assert ingest(bcb_sgs, series, win, known, TABLE, after).rows.is_empty()


def test_a_changed_value_of_an_unrevised_series_is_refused() -> None:
    known = run(Sgs(WORLD), from_2018(CDI), window([MARCH[0]], opening=True)).rows
    changed = {**WORLD["12"], date(2019, 2, 26): "0.0300"}
    got = run(Sgs({"12": changed}), from_2018(CDI), window([MARCH[1]]), known)
    assert got.rows["event_date"].to_list() == [date(2019, 2, 28)]
    (row,) = got.quarantine.rows(named=True)
    assert (row["item"], row["event_date"], row["session"]) == ("br_cdi_daily", date(2019, 2, 26), MARCH[1])
    assert "differs from 0.000246" in row["reason"]
    assert "known since 2019-02-27 12:00 UTC" in row["reason"]


def test_values_out_of_range_are_refused_and_the_rest_is_kept() -> None:
    values = {**WORLD["12"], date(2019, 2, 26): "2.46"}
    got = run(Sgs({"12": values}), from_2018(CDI), window([MARCH[0]], opening=True))
    assert date(2019, 2, 26) not in got.rows["event_date"].to_list()
    assert got.rows.height == len([d for d in WORLD["12"] if d <= date(2019, 2, 27)]) - 1
    (row,) = got.quarantine.rows(named=True)
    assert row["reason"] == "outside the range 0.00001 to 0.002 of config/series"
    assert row["session"] == date(2019, 2, 28)


def times(factor: float) -> Callable[[list[dict[str, str]]], list[dict[str, str]]]:
    return lambda rows: [{**r, "valor": repr(float(r["valor"]) * factor)} for r in rows]


def test_a_new_unit_is_refused_by_range_without_history() -> None:
    got = run(Sgs(WORLD, mutate=times(100)), from_2018(CDI), window([MARCH[0]], opening=True))
    assert got.rows.is_empty()
    assert got.quarantine["reason"].str.starts_with("unit changed").all()
    assert got.quarantine.height == len([d for d in WORLD["12"] if d <= date(2019, 2, 27)])


@pytest.mark.parametrize(("factor", "power"), [(10.0, "1e1"), (0.1, "1e-1"), (100.0, "1e2"), (0.01, "1e-2")])
def test_a_new_unit_inside_the_range_is_refused_by_the_overlap(factor: float, power: str) -> None:
    """All of it, also the new row: nothing of a payload in another unit may pass."""
    wide = [s.model_copy(update={"low": 0.0, "high": 1000.0}) for s in from_2018(IBC)]
    values = {d: f"{137 + d.month}.5" for d in months(date(2018, 1, 1), date(2019, 5, 1))}
    known = run(Sgs({"24364": values}), wide, window([MARCH[0]], opening=True)).rows
    got = run(Sgs({"24364": values}, mutate=times(factor)), wide, window(TABLE.keys(MARCH[1], date(2019, 5, 2))), known)
    assert got.rows.is_empty()
    assert got.quarantine["reason"].str.contains(f"values are all {power} times those known").all()
    assert got.quarantine.height == 14


def test_ordinary_revisions_are_not_a_change_of_unit() -> None:
    values = {d: f"{137 + d.month}.5" for d in months(date(2018, 1, 1), date(2019, 5, 1))}
    known = run(Sgs({"24364": values}), from_2018(IBC), window([MARCH[0]], opening=True)).rows
    got = run(Sgs({"24364": values}, mutate=times(1.01)), from_2018(IBC), window([MARCH[1]]), known)
    assert got.quarantine.is_empty()
    assert got.rows.height == known.height


def test_repetitions_collapse_and_contradictions_are_refused() -> None:
    def twice(rows: list[dict[str, str]]) -> list[dict[str, str]]:
        return [*rows, *rows[-3:], {**rows[0], "valor": "0.0300"}]

    plain = run(Sgs(WORLD), from_2018(CDI), window([MARCH[0]], opening=True))
    got = run(Sgs(WORLD, mutate=twice), from_2018(CDI), window([MARCH[0]], opening=True))
    first = plain.rows["event_date"].min()
    assert content(got.rows).equals(content(plain.rows.filter(pl.col("event_date") != first)))
    assert got.quarantine["event_date"].to_list() == [first, first]
    assert got.quarantine["reason"].unique().to_list() == ["2 different values for one date"]


def test_text_that_is_no_number_is_refused_on_its_day() -> None:
    values = {**WORLD["12"], date(2019, 2, 26): "NaN", date(2019, 2, 25): "", date(2019, 3, 15): "NaN"}
    got = run(Sgs({"12": values}), from_2018(CDI), window([MARCH[0]], opening=True))
    assert got.quarantine.select("session", "event_date", "raw", "reason").rows() == [
        (date(2019, 2, 27), date(2019, 2, 25), "", "no value"),
        (date(2019, 2, 28), date(2019, 2, 26), "NaN", "not a finite number: 'NaN'"),
    ]


def test_a_row_without_a_readable_day_belongs_to_the_last_session() -> None:
    odd = Sgs(WORLD, mutate=lambda rows: [*rows, {"data": "31/02/2019", "valor": "0.02"}])
    got = run(
        odd, from_2018(CDI), window(MARCH[1:3]), run(Sgs(WORLD), from_2018(CDI), window([MARCH[0]], opening=True)).rows
    )
    assert got.quarantine.select("session", "event_date", "reason").rows() == [(MARCH[2], None, "day not readable")]


def test_an_answer_with_more_days_than_asked_adds_nothing() -> None:
    more = Sgs(
        WORLD,
        mutate=lambda rows: [{"data": "29/12/2017", "valor": "0.02"}, *rows, {"data": "01/01/2099", "valor": "9"}],
    )
    got = run(more, from_2018(CDI), window([MARCH[0]], opening=True))
    assert content(got.rows).equals(content(run(Sgs(WORLD), from_2018(CDI), window([MARCH[0]], opening=True)).rows))
    assert got.quarantine.is_empty()


def test_running_a_key_again_gives_the_same_rows() -> None:
    known = run(Sgs(WORLD), WORLD_SERIES, window([MARCH[0]], opening=True)).rows
    once, again = (run(Sgs(WORLD), WORLD_SERIES, window(MARCH[1:5]), known) for _ in range(2))
    assert once.rows.equals(again.rows)


FUTURES = [s for s in default_settings().series if s.id in ("b3_di1", "b3_dol")]


class B3:
    """A settlements connector with two contracts a session, one of them without a rate."""

    PROVIDER = "b3_settlements"
    DAILY_FILES = True
    factor = 1.0

    def plan(self, series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
        return [
            Request("b3_settlements", "GET", f"https://www.b3.com.br/{d:%y%m%d}", f"B3 {d}", ("b3_di1", "b3_dol"))
            for d in TABLE.keys(*windows["b3_di1"])
        ]

    def parse(self, payload: Payload, series: Sequence[Series]) -> Parsed:
        day = datetime.strptime(payload.request.url[-6:], "%y%m%d").replace(tzinfo=UTC).date()
        prices = [
            ("DI1F25", "DI1", date(2025, 1, 2), 64_000.0 + day.day, 0.09),
            ("DOLJ19", "DOL", date(2019, 4, 1), 3800.0, None),
        ]
        rows = pl.DataFrame(
            [(f"b3_{r.lower()}", day, c, r, m, p * self.factor, rate, None) for c, r, m, p, rate in prices],
            {
                k: TABLES["bronze/b3_settlements"].schema[k]
                for k in (
                    "series_id",
                    "event_date",
                    "contract",
                    "root",
                    "maturity",
                    "settle_price",
                    "settle_rate",
                    "open_interest",
                )
            },
            orient="row",
        )
        none = {"item": pl.String, "event_date": pl.Date, "raw": pl.String, "reason": pl.String}
        return Parsed(rows, pl.DataFrame(schema=none))


class Anything:
    waits = False

    def send(self, request: Request, timeout_s: float) -> Reply:
        return Reply(200, {}, request.url.encode())


def settle(source: B3, win: Window, known: pl.DataFrame | None = None) -> Ingested:
    http = Http(Anything(), POLICY, None, lambda: win.upper)
    known = TABLES["bronze/b3_settlements"].empty() if known is None else known
    return ingest(source, FUTURES, win, known, TABLE, http)


def test_settlements_go_the_same_way() -> None:
    whole = settle(B3(), window(MARCH, opening=True))
    assert whole.rows["event_date"].max() == date(2019, 4, 4)
    last = whole.rows.filter(pl.col("event_date") == date(2019, 4, 4)).row(0, named=True)
    assert last["knowledge_time"] == datetime(2019, 4, 4, 23, tzinfo=UTC)
    assert (last["session"], last["knowledge_basis"], last["source"]) == (date(2019, 4, 5), "lag", "b3_settlements")
    known = settle(B3(), window(MARCH[:1], opening=True)).rows
    for key in MARCH[1:]:
        got = settle(B3(), window([key]), known)
        assert got.quarantine.is_empty()
        known = pl.concat([known, got.rows])
    sort = TABLES["bronze/b3_settlements"].sort
    assert known.drop(PROVENANCE).sort(sort).equals(whole.rows.drop(PROVENANCE).sort(sort))


def test_a_settlement_that_changed_is_refused() -> None:
    source = B3()
    known = settle(source, window(MARCH[:1], opening=True)).rows
    source.factor = 1.001
    got = settle(source, window([MARCH[1]]), known)
    assert got.rows["event_date"].unique().to_list() == [MARCH[0]]
    assert set(got.quarantine["item"]) == {"b3_di1 DI1F25", "b3_dol DOLJ19"}
    assert got.quarantine["reason"].str.contains("known since .* UTC, and the series is not revised").all()
    assert got.quarantine["event_date"].max() == date(2019, 2, 28)
