"""A fund's home: the folder that holds everything a fund writes, and the handles to it.

Belongs here: where things are in the home, how it is created and opened, which transport its source means.
Does not belong here: what is computed (domain packages) or when (orchestration/).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from macro_fund.settings import CONFIG_DIR, Settings, SettingsError, load_settings, read_yaml
from macro_fund.sources.http import Http, LiveTransport, ReplayUrlTransport, Transport
from macro_fund.sources.ingest import Window
from macro_fund.store.lake import Lake, write_file_atomically
from macro_fund.time.calendars import BusinessCalendar, load_calendar
from macro_fund.time.clock import now
from macro_fund.time.sessions import Sessions, sessions

if TYPE_CHECKING:
    from macro_fund.store.archive import Archive
    from macro_fund.store.ledger import Ledger

DEFAULT_HOME = Path(".macro_fund")
DEFAULT_WARMUP = 10  # sessions between the opening of a new fund and the latest session
RUN_LEAD = timedelta(minutes=20)  # the morning run starts at 08:35, its session's as_of is 08:55


def latest_session(moment: datetime) -> date:
    """The newest session whose morning run may have begun by `moment`."""
    return sessions().latest(moment + RUN_LEAD)


def home_path() -> Path:
    """MACRO_FUND_HOME, or .macro_fund in the working directory."""
    return Path(os.environ.get("MACRO_FUND_HOME", DEFAULT_HOME)).absolute()


def create(
    path: Path,
    *,
    source: str | None = None,
    inception: date | None = None,
    history_start: date | None = None,
) -> Home:
    """Write a new home with its own fund.yaml and open it.

    `inception` defaults to 10 sessions before the newest one whose run may begin.
    Raises SettingsError when the home exists already or a date is not a session.
    """
    fund_file = path / "fund.yaml"
    if fund_file.exists():
        raise SettingsError(f"{fund_file} exists: this home has a fund already; use another MACRO_FUND_HOME")
    table = sessions()
    if inception is None:
        inception = table.offset(latest_session(now()), -DEFAULT_WARMUP)
    if not table.is_session(inception):
        raise SettingsError(f"inception {inception} is not a B3 session; choose a day on which B3 is open")
    fund = dict(read_yaml(CONFIG_DIR / "fund.yaml"))
    fund["inception"] = inception
    fund["source"] = source or os.environ.get("MACRO_FUND_SOURCE", fund["source"])
    if history_start is not None:
        fund["history_start"] = history_start
    text = "# This fund's own mandate, written by `macro-fund init`.\n" + yaml.safe_dump(fund, sort_keys=False)
    load_settings_of(text, path)
    write_file_atomically(fund_file, text.encode())
    return Home.open(path)


def load_settings_of(text: str, path: Path) -> Settings:
    """Validate a fund.yaml's text before it is written: a wrong value must not leave a broken home behind."""
    draft = path / ".fund.draft.yaml"
    write_file_atomically(draft, text.encode())
    try:
        return load_settings(fund_file=draft)
    except SettingsError as error:
        raise SettingsError(str(error).replace(str(draft), str(path / "fund.yaml"))) from None
    finally:
        draft.unlink()


@dataclass(frozen=True)
class Home:
    """An opened home. Nothing here asks the network or the clock until a method that says so is called."""

    path: Path
    settings: Settings

    @classmethod
    def open(cls, path: Path) -> Home:
        """Open an existing home; raises SettingsError telling how to make one."""
        fund_file = path / "fund.yaml"
        if not fund_file.exists():
            raise SettingsError(f"{path} holds no fund (no fund.yaml): run `macro-fund init`, or set MACRO_FUND_HOME")
        settings = load_settings(fund_file=fund_file)
        wanted = os.environ.get("MACRO_FUND_SOURCE")
        if wanted and wanted != settings.fund.source:
            raise SettingsError(
                f"{fund_file}: this fund's data come from {settings.fund.source!r}, MACRO_FUND_SOURCE is {wanted!r}; "
                "sources are never mixed in one lake: use another MACRO_FUND_HOME"
            )
        if settings.fund.inception is None:
            raise SettingsError(f"{fund_file}: inception: must be a session (YYYY-MM-DD); `macro-fund init` writes it")
        return cls(path, settings)

    @property
    def inception(self) -> date:
        assert self.settings.fund.inception is not None  # Home.open refuses a fund without one
        return self.settings.fund.inception

    @property
    def watermark(self) -> str:
        """Printed on everything people see when the numbers are not the market's."""
        return "SAMPLE" if self.settings.fund.source == "sample" else ""

    @cached_property
    def sessions(self) -> Sessions:
        """The fund's sessions: what was known before its history_start belongs to that first session."""
        return Sessions(load_calendar("b3"), self.settings.fund.history_start, sessions().end)

    @cached_property
    def lake(self) -> Lake:
        return Lake(self.path / "lake")

    @cached_property
    def archive(self) -> Archive:
        from macro_fund.store.archive import Archive

        return Archive(self.path / "raw")

    @cached_property
    def ledger(self) -> Ledger:
        from macro_fund.store.ledger import open_ledger

        return open_ledger(os.environ.get("MACRO_FUND_LEDGER_URL", f"sqlite:///{self.path / 'ledger.sqlite'}"))

    def calendar(self, name: str) -> BusinessCalendar:
        return load_calendar(name)

    def partition_keys(self, upto: date) -> list[date]:
        """The fund's keys: its inception and every session after it, to `upto`."""
        return self.sessions.keys(self.inception, upto)

    def output_sessions(self, keys: Sequence[date]) -> list[date]:
        """Sessions that the partitions `keys` hold: the opening one reaches back to history_start."""
        start = self.settings.fund.history_start if keys[0] == self.inception else keys[0]
        return self.sessions.keys(start, keys[-1])

    def window(self, keys: Sequence[date]) -> Window:
        """The knowledge window of consecutive keys; the opening one has no lower bound."""
        lower = None if keys[0] == self.inception else self.sessions.as_of(self.sessions.offset(keys[0], -1))
        return Window(tuple(keys), lower, self.sessions.as_of(keys[-1]))

    def transport(self, as_of: datetime) -> Transport:
        """How this fund's source is reached at `as_of`."""
        source = self.settings.fund.source
        if source == "sample":
            from macro_fund.sample.transport import SampleTransport

            return SampleTransport(self.settings.fund.sample_seed, now=as_of)
        if source == "replay":
            if url := os.environ.get("MACRO_FUND_REPLAY_URL"):
                return ReplayUrlTransport(url)
            if folder := os.environ.get("MACRO_FUND_REPLAY_DIR"):
                from macro_fund.store.archive import Archive, ReplayArchiveTransport

                return ReplayArchiveTransport(Archive(Path(folder)), as_of)
            raise SettingsError(
                "source replay needs MACRO_FUND_REPLAY_URL (a server) or MACRO_FUND_REPLAY_DIR (a raw archive)"
            )
        return LiveTransport()

    def clock(self, as_of: datetime) -> Callable[[], datetime]:
        """The time that fetching sees: real when live, frozen at `as_of` otherwise, so that bytes are reproducible."""
        return now if self.settings.fund.source == "live" else (lambda: as_of)

    @cached_property
    def secrets(self) -> Mapping[str, str]:
        """Keys of providers: the sample world's own, or those of the environment and of secrets/ in the home."""
        from macro_fund.sources import secrets

        return secrets.SAMPLE if self.settings.fund.source == "sample" else secrets.collect(self.path / "secrets")

    def http(self, as_of: datetime, *, reuse: bool = False) -> Http:
        """A client for one window that ends at `as_of`, writing every payload to the raw archive.

        reuse: what the archive holds since then is not asked again.
        """
        return Http(
            self.transport(as_of),
            self.settings.sources,
            self.archive,
            self.clock(as_of),
            secrets=self.secrets,
            reuse_since=as_of if reuse else None,
        )
