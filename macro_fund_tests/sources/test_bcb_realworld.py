"""The three connectors of Banco Central do Brasil on real observations, with each failure that providers have shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from types import ModuleType

import polars as pl
import pytest

from macro_fund.settings import Series, default_settings
from macro_fund.sources import bcb_focus, bcb_ptax, bcb_sgs
from macro_fund.sources.http import Http, ReplayUrlTransport, Reply, Request
from macro_fund.sources.ingest import Ingested, Window, ingest
from macro_fund.store.tables import PROVENANCE, TABLES
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import sessions
from macro_fund_tests.realworld import FOLDER, RealWorld, realworld

__all__ = ["realworld"]

TABLE = sessions()
OPENED = date(2018, 12, 20)
NEXT = TABLE.offset(OPENED, 1)
MONDAY = date(2018, 12, 26)  # the first session after Christmas, with the Focus release of 24 December
HOSTS = {"bcb_sgs": "api.bcb.gov.br", "bcb_ptax": "olinda.bcb.gov.br", "bcb_focus": "olinda.bcb.gov.br"}
SOURCES = [pytest.param(m, id=m.PROVIDER) for m in (bcb_sgs, bcb_ptax, bcb_focus)]
FACT = ["series_id", "event_date"]
_OPENINGS: dict[str, pl.DataFrame] = {}


@cache
def stored(provider: str) -> pl.DataFrame:
    """What the server keeps for a provider: the catalogue's `code`, event_date, `pub` (when it begins to show it)."""
    name = provider.replace("bcb_", "br_")
    rows = pl.read_parquet(FOLDER / f"data/{name}.parquet").rename({"date": "event_date"})
    codes = {
        "bcb_sgs": [pl.col("code").cast(pl.String)],
        "bcb_ptax": [pl.lit(side).alias("code") for side in ("USD:cotacaoVenda", "USD:cotacaoCompra")],
        # Of the survey for the next 12 months it has the IPCA's unsmoothed medians only.
        "bcb_focus": [pl.lit("IPCA:N").alias("code")],
    }[provider]
    if "set" in rows.columns:
        rows = rows.filter(pl.col("set") == "12m")
    moment = pl.from_epoch("pub", time_unit="s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return pl.concat([rows.select(code, "event_date", moment) for code in codes])


def public(series: Series, upper: datetime) -> pl.DataFrame:
    """What the server shows of a series at `upper` and its own rule lets us use."""
    rows = stored(series.source).filter(
        pl.col("code") == series.code, pl.col("pub") <= upper, pl.col("event_date") >= series.start
    )
    known = knowledge_times(rows["event_date"], series.publication, series.frequency)
    return rows.filter(known <= upper)


@cache
def served(provider: str, key: date) -> tuple[Series, ...]:
    """The series of the catalogue of which the server shows a value on the morning of `key`."""
    upper = TABLE.as_of(key)
    return tuple(s for s in default_settings().series_of(provider) if not public(s, upper).is_empty())


class Listening(ReplayUrlTransport):
    """The way to the server, with the series of every request sent."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url)
        self.items: set[str] = set()

    def send(self, request: Request, timeout_s: float) -> Reply:
        self.items |= set(request.items)
        return super().send(request, timeout_s)


@dataclass
class Fund:
    """One source read through the server. `asked`: the series of the last run's requests."""

    world: RealWorld
    source: ModuleType
    asked: set[str] = field(default_factory=set)

    def run(
        self,
        keys: Sequence[date],
        known: pl.DataFrame | None = None,
        *,
        attempts: int = 3,
        series: Sequence[Series] | None = None,
    ) -> Ingested:
        """One window; without `known` it is the opening one, without `series` it is of those that the server has."""
        window = Window(
            tuple(keys), None if known is None else TABLE.as_of(TABLE.offset(keys[0], -1)), TABLE.as_of(keys[-1])
        )
        self.world.set_now(window.upper)
        series = served(self.source.PROVIDER, OPENED) if series is None else series
        policies = {
            name: p.model_copy(update={"attempts": attempts, "timeout_s": 2.0})
            for name, p in default_settings().sources.items()
        }
        transport = Listening(self.world.url)
        http = Http(transport, policies, None, lambda: window.upper)
        try:
            return ingest(self.source, series, window, self.empty if known is None else known, TABLE, http)
        finally:
            self.asked = transport.items
            transport.close()

    @property
    def empty(self) -> pl.DataFrame:
        return TABLES[f"bronze/{self.source.PROVIDER}"].empty()

    def opening(self) -> pl.DataFrame:
        """Rows up to OPENED; read once a source."""
        provider = self.source.PROVIDER
        if provider not in _OPENINGS:
            _OPENINGS[provider] = self.run([OPENED]).rows
        return _OPENINGS[provider]

    @property
    def host(self) -> str:
        return HOSTS[self.source.PROVIDER]


def content(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.drop(PROVENANCE).sort("session", "series_id", "event_date", "knowledge_time")


def value(rows: pl.DataFrame, series_id: str, day: date) -> float:
    found = rows.filter((pl.col("series_id") == series_id) & (pl.col("event_date") == day))
    return float(found["value"].item())


@pytest.fixture(params=SOURCES)
def fund(request: pytest.FixtureRequest, realworld: RealWorld) -> Fund:
    return Fund(realworld, request.param)


def test_the_opening_of_2019_holds_ten_years_of_published_values(realworld: RealWorld) -> None:
    key = date(2019, 1, 2)
    upper = TABLE.as_of(key)
    got = {}
    for source in (bcb_sgs, bcb_ptax, bcb_focus):
        provider = source.PROVIDER
        every = default_settings().series_of(provider)
        fund = Fund(realworld, source)
        ingested = got[provider] = fund.run([key], series=every)
        held = {s.id for s in served(provider, key)}
        assert len(held) >= {"bcb_sgs": 60, "bcb_ptax": 2, "bcb_focus": 1}[provider]
        assert fund.asked == {s.id for s in every if s.start <= key}
        assert ingested.quarantine.is_empty()
        # One of which the server has nothing is told, each by its name; of the others not a day is missing.
        assert set(ingested.failures["item"]) == fund.asked - held
        assert ingested.failures["reason"].str.contains(": no value of br_").all()
        wanted = pl.concat([public(s, upper).select(pl.lit(s.id).alias("series_id"), "event_date") for s in every])
        assert ingested.rows.select(FACT).sort(FACT).equals(wanted.sort(FACT))
        assert (ingested.rows["knowledge_time"] <= datetime(2019, 1, 2, 10, 55, tzinfo=UTC)).all()
    sgs, ptax, focus = (got[p].rows for p in ("bcb_sgs", "bcb_ptax", "bcb_focus"))
    assert value(sgs, "br_ipca_mom", date(2018, 11, 1)) == pytest.approx(-0.0021, abs=1e-12)
    assert value(sgs, "br_ipca_12m", date(2015, 12, 1)) == pytest.approx(0.1067, abs=1e-12)
    assert value(sgs, "br_selic_target", date(2016, 9, 1)) == pytest.approx(0.1425, abs=1e-12)
    assert value(sgs, "br_selic_target", key) == pytest.approx(0.065, abs=1e-12)
    assert value(sgs, "br_cdi_daily", date(2018, 12, 28)) == pytest.approx(0.0002462, abs=1e-12)
    assert value(sgs, "br_inflation_target", date(2019, 1, 1)) == pytest.approx(0.0425, abs=1e-12)
    assert value(ptax, "br_usdbrl_ptax_ask", date(2018, 12, 31)) == 3.8748
    assert value(ptax, "br_usdbrl_ptax_bid", date(2018, 12, 31)) == 3.8742
    assert value(focus, "br_focus_ipca_12m", date(2018, 12, 28)) == pytest.approx(0.0365, abs=1e-12)
    newest = sgs.group_by("series_id").agg(pl.col("event_date").max()).rows()
    # The December IPCA came on 11 January; 2 January's CDI is public on the 3rd.
    assert dict(newest)["br_ipca_mom"] == date(2018, 11, 1)
    assert dict(newest)["br_cdi_daily"] == date(2018, 12, 28)


def test_day_by_day_gives_what_one_window_gives(fund: Fund) -> None:
    keys = TABLE.keys(OPENED, date(2019, 1, 14))
    whole = fund.run(keys)
    known = fund.run(keys[:1]).rows
    for key in keys[1:]:
        step = fund.run([key], known)
        assert step.quarantine.is_empty()
        assert step.failures.is_empty()
        assert step.rows["session"].unique().to_list() in ([], [key])
        known = pl.concat([known, step.rows])
    assert content(known).equals(content(whole.rows))
    assert not known["late"].any()


WORDS = {
    "timeout": "connection failed|no answer within",
    "http429": "the provider asks to slow down .status 429",
    "http500": "the provider failed .status 500.*Requisição inválida!",
    "http406": "status 406",
    "html200": "a web page instead of data .status 200.*Requisição inválida!",
    "truncated": "not complete JSON",
    "empty": "empty answer",
}


@pytest.mark.parametrize("kind", WORDS)
def test_a_provider_that_fails_is_told_in_words_and_made_good_later(fund: Fund, kind: str) -> None:
    known = fund.opening()
    clean = fund.run([MONDAY], known).rows
    assert clean.height > 0
    wanted = fund.asked
    # Left out are monthly and longer ones that are never revised and have nothing new yet.
    due = {s.id for s in served(fund.source.PROVIDER, OPENED) if s.revised or s.frequency == "D"}
    assert due | set(clean["series_id"]) <= wanted
    fund.world.fault(fund.host, kind, 1000, hold=0.01)
    got = fund.run([MONDAY], known)
    assert got.rows.is_empty()
    assert got.quarantine.is_empty()
    assert {i for items in got.failures["item"] for i in items.split(", ")} == wanted
    assert got.failures["reason"].str.contains(WORDS[kind]).all(), got.failures["reason"][0]
    assert got.failures["reason"].str.starts_with(f"{fund.source.PROVIDER}: ").all()
    fund.world.reset()
    later = fund.run([MONDAY], known)
    assert content(later.rows).equals(content(clean))


@pytest.mark.parametrize("kind", sorted(set(WORDS) - {"http406"}))
def test_a_provider_that_recovers_within_the_attempts_leaves_no_trace(fund: Fund, kind: str) -> None:
    known = fund.opening()
    clean = fund.run([MONDAY], known)
    fund.world.fault(fund.host, kind, 2, hold=0.01)
    got = fund.run([MONDAY], known)
    assert got.failures.is_empty()
    assert content(got.rows).equals(content(clean.rows))
    assert fund.world.stats()["faults_served"][fund.host] == {kind: 2}


def test_a_server_that_hangs_is_left_after_the_timeout(realworld: RealWorld) -> None:
    fund = Fund(realworld, bcb_ptax)
    known = fund.opening()
    realworld.fault(fund.host, "timeout", 1, hold=3)
    got = fund.run([NEXT], known, attempts=1)
    assert "no answer within 2 s" in got.failures["reason"][0]


def test_values_in_another_unit_never_pass(fund: Fund) -> None:
    known = fund.opening()
    fund.world.fault(fund.host, "wrong_unit", 1000)
    got = fund.run([MONDAY], known)
    assert got.rows.is_empty()
    assert got.failures.is_empty()
    assert got.quarantine["reason"].str.starts_with("unit changed").all(), got.quarantine["reason"].unique().to_list()
    fund.world.fault(fund.host, "wrong_unit", 1000)
    opening = fund.run([OPENED])
    assert opening.rows.is_empty()
    assert opening.quarantine.height == known.height


def test_a_stale_answer_gives_nothing_new_and_is_made_good_later(fund: Fund) -> None:
    known = fund.opening()
    clean = fund.run([MONDAY], known).rows
    fund.world.fault(fund.host, "stale", 1000)
    got = fund.run([MONDAY], known)
    assert got.quarantine.is_empty()
    assert content(got.rows).join(content(clean), on=content(clean).columns, how="anti").is_empty()
    assert got.rows.height < clean.height
    fund.world.reset()
    later = fund.run([TABLE.offset(MONDAY, 1)], pl.concat([known, got.rows])).rows
    facts = ["series_id", "event_date", "value"]
    missed = clean.select(facts).join(got.rows.select(facts), on=facts, how="anti")
    assert missed.join(later.filter("late").select(facts), on=facts, how="anti").is_empty()


def test_repeated_rows_change_nothing(fund: Fund) -> None:
    known = fund.opening()
    clean = fund.run([MONDAY], known)
    fund.world.fault(fund.host, "duplicate_rows", 1000)
    got = fund.run([MONDAY], known)
    assert content(got.rows).equals(content(clean.rows))
    assert got.quarantine.is_empty()


def test_nan_text_is_refused_and_the_rest_is_kept(fund: Fund) -> None:
    known = fund.opening()
    clean = fund.run([MONDAY], known).rows
    fund.world.fault(fund.host, "nan_text", 1000)
    got = fund.run([MONDAY], known)
    assert set(got.quarantine["reason"]) <= {"not a finite number: 'NaN'"}
    assert content(got.rows).join(content(clean), on=content(clean).columns, how="anti").is_empty()
    fact = ["series_id", "event_date"]
    lost = clean.join(got.rows, on=fact, how="anti").select(fact)
    # In a Focus entry the text replaces the mean, which we do not use.
    assert lost.is_empty() == (fund.source is bcb_focus)
    assert lost.join(got.quarantine.rename({"item": "series_id"}), on=fact, how="anti").is_empty()
