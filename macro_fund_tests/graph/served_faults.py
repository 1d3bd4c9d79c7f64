"""One session of one source under a fault, and what came of it: on the replay server's real answers, or simulated ones.

Belongs here: the days, the sources, who spoils the answers, what is looked at afterwards. Does not belong here: which
outcome is right (`test_realworld_faults`) or how it is printed (`fault_matrix`).

One source at a time takes in one session, as its asset does, without the graph. Where a source is asked for each
series by itself, only some of its real series are asked: they are read alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from types import ModuleType
from typing import Protocol

import polars as pl
import pytest

from macro_fund.home import Home, create
from macro_fund.orchestration import bronze
from macro_fund.orchestration.checks import in_time
from macro_fund.orchestration.run import Run
from macro_fund.settings import Series
from macro_fund.sources import ingest
from macro_fund.store.tables import TABLES
from macro_fund_tests.graph import faults, harness
from macro_fund_tests.realworld import RealWorld

KINDS = (
    "timeout",
    "http429",
    "http500",
    "html200",
    "truncated",
    "empty",
    "wrong_unit",
    "stale",
    "duplicate_rows",
    "nan_text",
)
ALWAYS = 100_000  # more answers than a session asks for
HOLD_S = 0.001  # a server that closes the connection without an answer does so after this
# Series of the sources that are asked for each by itself; of the others all.
CHOSEN = {
    "bcb_sgs": ("br_cdi_daily", "br_selic_target", "br_ipca_mom", "br_ibcbr_nsa"),
    "ibge": ("br_sidra_ipca_12m", "br_gdp_index_sa"),
    "fred": ("us_vix", "us_hy_oas", "us_dff", "us_cpi", "us_cpi_core"),
    "yahoo": ("us_spx", "br_ibov", "us_vix_yahoo"),
    "cftc": ("us_cot_tff_brl",),
}


@dataclass(frozen=True)
class Period:
    """A fund's opening, the session that is spoilt, the next one, and the sources that have real data then."""

    history_start: date
    inception: date
    broken: date
    healed: date
    hosts: Mapping[str, str]


# A Tuesday after a holiday: the week's positions, and the minutes of the COPOM, are new in it.
NOVEMBER = Period(
    date(2020, 8, 3),
    date(2020, 10, 30),
    date(2020, 11, 3),
    date(2020, 11, 4),
    {
        "bcb_sgs": "api.bcb.gov.br",
        "bcb_ptax": "olinda.bcb.gov.br",
        "ibge": "servicodados.ibge.gov.br",
        "fred": "fred.stlouisfed.org",
        "us_treasury": "home.treasury.gov",
        "nyfed": "markets.newyorkfed.org",
        "cboe": "cdn.cboe.com",
        "yahoo": "query1.finance.yahoo.com",
        "cftc": "publicreporting.cftc.gov",
        "copom": "www.bcb.gov.br",
        "fomc": "www.federalreserve.gov",
        "anbima_vna": "www.anbima.com.br",
        "anbima_bonds": "www.anbima.com.br",
        "tesouro_direto": "www.tesourotransparente.gov.br",
        "b3_curves": "www.b3.com.br",
        "b3_settlements": "www.b3.com.br",
    },
)
# The Monday of a survey, in a year of which its monthly forecasts are there.
MAY = Period(
    date(2014, 2, 3),
    date(2014, 5, 9),
    date(2014, 5, 12),
    date(2014, 5, 13),
    {"bcb_focus": "olinda.bcb.gov.br", "bcb_focus_periods": "olinda.bcb.gov.br"},
)
PERIODS = (NOVEMBER, MAY)
SOURCES: Mapping[str, ModuleType] = {s.PROVIDER: s for s in bronze.SOURCES}
# Every source in the sample world.
SAMPLE = replace(NOVEMBER, history_start=date(2020, 1, 2), hosts=dict.fromkeys(SOURCES, "sample world"))


@dataclass(frozen=True)
class Outcome:
    """One session of one source. Reasons that the clean session gives too are left out.

    believed: rows that the clean session does not have. lost: its rows that are not there. stale: series that the
    check `in_time` names. healed: after the next session the rows are the clean world's, marked late where they are.
    """

    failures: list[str]
    quarantine: list[str]
    stale: list[str]
    believed: pl.DataFrame
    lost: int
    healed: bool = False

    @property
    def said(self) -> list[str]:
        return [*self.failures, *self.quarantine]


class Spoiler(Protocol):
    """Who answers: with the knowledge of a moment, spoilt from spoil() to mend()."""

    def at(self, moment: datetime) -> None: ...
    def spoil(self, name: str, kind: str) -> None: ...
    def mend(self) -> None: ...


@dataclass(frozen=True)
class Served:
    """The replay server, whose clock and faults are set from outside."""

    server: RealWorld
    hosts: Mapping[str, str]

    def at(self, moment: datetime) -> None:
        self.server.set_now(moment)

    def spoil(self, name: str, kind: str) -> None:
        self.server.fault(self.hosts[name], kind, ALWAYS, hold=HOLD_S)

    def mend(self) -> None:
        self.server.reset()


class Simulated:
    """The sample world, which takes its clock from the home, with a fault of `faults` in every answer."""

    def at(self, moment: datetime) -> None:
        pass

    def spoil(self, name: str, kind: str) -> None:
        faults.set_fault(faults.FAULTS[kind])

    def mend(self) -> None:
        faults.set_fault(None)


@dataclass
class Spoilt:
    """A fund opened for a period, with its clean next sessions as the oracle."""

    period: Period
    home: Home
    spoiler: Spoiler
    series: dict[str, list[Series]] = field(default_factory=dict)
    clean: dict[tuple[str, date], pl.DataFrame] = field(default_factory=dict)
    usual: dict[tuple[str, date], set[str]] = field(default_factory=dict)

    @classmethod
    def served(cls, period: Period, server: RealWorld, path: Path) -> Spoilt:
        """A fund on the replay server; see `replayed`."""
        return cls._open(period, "replay", Served(server, period.hosts), path, CHOSEN)

    @classmethod
    def simulated(cls, period: Period, path: Path) -> Spoilt:
        return cls._open(period, "sample", Simulated(), path, {})

    @classmethod
    def _open(
        cls, period: Period, source: str, spoiler: Spoiler, path: Path, chosen: Mapping[str, tuple[str, ...]]
    ) -> Spoilt:
        with harness.own_environment():
            create(path, source=source, inception=period.inception, history_start=period.history_start)
            home = faults.FaultyHome.open(path)
        fund = cls(period, faults.FaultyHome(home.path, home.settings), spoiler)
        for name in period.hosts:
            of = home.settings.series_of(name)
            fund.series[name] = [s for s in of if s.id in chosen.get(name, ())] or of
            fund.take_in(name, period.inception)
            for key in (period.broken, period.healed):
                fund.clean[name, key], said, behind = fund.take_in(name, key)
                fund.usual[name, key] = {*behind, *(r for reasons in said for r in reasons)}
            fund._forget(name)
        return fund

    def _forget(self, name: str) -> None:
        for key in (self.period.broken, self.period.healed):
            self.home.lake.path(f"bronze/{name}", key).unlink()

    def take_in(self, name: str, key: date) -> tuple[pl.DataFrame, tuple[list[str], list[str]], list[str]]:
        """(all rows known then, (reasons of failures, of quarantine), series in arrears) of one session."""
        table, lake = TABLES[f"bronze/{name}"], self.home.lake
        self.spoiler.at(self.home.sessions.as_of(key))
        window = self.home.window([key])
        got = ingest.ingest(
            SOURCES[name], self.series[name], window, lake.read(table.key), self.home.sessions,
            self.home.http(window.upper),
        )  # fmt: skip
        lake.write(table, key, got.rows)
        due = in_time([s for s in self.series[name] if s.frequency != "E" and s.ended is None])
        behind = [text for _, text in due.problems(Run(self.home, table, (key,)), got.rows)]
        # A series that the server never had is named each time, from wherever the question begins.
        said = ([r for r in got.failures["reason"] if ": no value of " not in r], got.quarantine["reason"].to_list())
        return lake.read(table.key), said, behind

    def spoil(self, name: str, kind: str) -> Outcome:
        """The session under a fault, then the next one without."""
        broken, healed = self.period.broken, self.period.healed
        self.spoiler.mend()
        self.spoiler.spoil(name, kind)
        rows, (failures, refused), stale = self.take_in(name, broken)
        self.spoiler.mend()
        ours, theirs = (self._facts(name, r) for r in (rows, self.clean[name, broken]))
        usual = self.usual[name, broken]
        believed = ours.join(theirs, on=ours.columns, how="anti", nulls_equal=True)
        outcome = Outcome(
            [r for r in failures if r not in usual],
            [r for r in refused if r not in usual],
            [r for r in stale if r not in usual],
            believed,
            theirs.height - ours.height + believed.height,
            self._is_healed(name, healed),
        )
        self._forget(name)
        return outcome

    def _is_healed(self, name: str, key: date) -> bool:
        rows, said, _ = self.take_in(name, key)
        ours, theirs = (self._facts(name, r) for r in (rows, self.clean[name, key]))
        came = rows.filter(pl.col("session") == key)
        public_before = pl.col("knowledge_time") <= self.home.sessions.as_of(self.period.broken)
        quiet = {r for reasons in said for r in reasons} <= self.usual[name, key]
        return quiet and ours.sort(pl.all()).equals(theirs.sort(pl.all())) and (
            came.filter(pl.col("late") != public_before).is_empty()
        )  # fmt: skip

    def _facts(self, name: str, rows: pl.DataFrame) -> pl.DataFrame:
        how = {"session", "late", "fetched_at", "payload_sha256"}
        return rows.select([c for c in TABLES[f"bronze/{name}"].schema if c not in how])


@contextmanager
def replayed(server: RealWorld) -> Iterator[None]:
    """Funds whose source is a replay reach this server inside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MACRO_FUND_REPLAY_URL", server.url)
        yield
