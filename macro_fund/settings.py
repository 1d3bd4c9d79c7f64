"""Settings: config/*.yaml read once into typed models.

Belongs here: the shape of what people edit and the messages they get when it is wrong. Does not belong here: any
number of the fund itself (config/), or what is computed from settings (the domain packages).

A wrong value raises `SettingsError` naming the file, the line, the field and the allowed values.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from macro_fund.mandate import FACTORS, Factor, Fraction, Fund, Limits, Model, Positive, Scenario


class SettingsError(ValueError):
    """A configuration file is wrong; the message names file, line, field and what is allowed."""


class Publication(Model):
    """When a value becomes public.

    kind: `same_day` (event date at `at`), `business_days` (n-th business day after), `calendar_days` (n days after,
    moved to a business day), `after_period` (n days after the end of the month or quarter, moved to a business day),
    `weekly_monday` (the Monday after the week of the event date, Tuesday after a holiday), `effective` (in force on
    the event date and announced the evening before: known at 00:00 of the event date), `years_before` (1 July, n years
    before the event year). `basis` says how sure we are: `calendar` when the rule is the provider's own, else `lag`.
    `release` names a list of real release days (config/releases): a period that it has is dated by it, at its hour,
    with basis `calendar`; the rule is for the others.
    """

    kind: Literal[
        "same_day", "business_days", "calendar_days", "after_period", "weekly_monday", "effective", "years_before"
    ]
    n: int = 0
    at: time
    tz: str = "America/Sao_Paulo"
    calendar: Literal["anbima", "b3", "nyse", "us_federal"] = "anbima"
    basis: Literal["calendar", "lag"] = "lag"
    release: str | None = None


class Series(Model):
    """One series of the catalogue. value = provider's number x `scale`; `low`..`high` bound the stored value.

    frequency: D, W, M, Q, A, or E for events at no fixed distance (meetings). `panel` True: the series is in the
    as-known panel that models read. `ended`: the last event date of a series that its provider has discontinued.
    `vintages` False: the provider states vintages and they are not read, because each rewrites the whole history.
    """

    id: str
    source: Literal[
        "bcb_sgs",
        "bcb_ptax",
        "bcb_focus",
        "bcb_focus_periods",
        "ibge",
        "stn",
        "stn_debt",
        "ipeadata",
        "fred",
        "us_treasury",
        "nyfed",
        "cboe",
        "yahoo",
        "licensed_prices",
        "cftc",
        "copom",
        "fomc",
        "anbima_vna",
        "anbima_ettj",
        "anbima_bonds",
        "tesouro_direto",
        "b3_curves",
        "b3_settlements",
    ]
    code: str
    title: str
    unit: str
    scale: float = 1.0
    frequency: Literal["D", "W", "M", "Q", "A", "E"]
    start: date = date(2009, 1, 1)
    ended: date | None = None
    publication: Publication
    revised: bool = False
    reread_days: int = 10
    max_age_days: Annotated[int, Field(gt=0)]
    low: float
    high: float
    licence: str
    owner: str = "team:data"
    panel: bool = False
    vintages: bool = True
    notes: str = ""

    @model_validator(mode="after")
    def _range(self) -> Series:
        if self.low >= self.high:
            raise ValueError(f"{self.id}: low {self.low} must be below high {self.high}")
        return self


Root = Literal["DI1", "DOL", "IND", "DAP", "FRC", "ZT", "ZF", "ZN", "ES", "GC"]
ProxyKind = Literal["forward_dollar", "ibovespa", "real_zero", "treasury", "sp500", "gold"]
GLOBAL_ROOTS = ("ZT", "ZF", "ZN", "ES", "GC")
RATE_ROOTS = ("DI1", "DAP", "FRC", "ZT", "ZF", "ZN")


class Instrument(Model):
    """A rolled position in listed contracts. Quantity > 0 is long the contract (DI1: long PU, gains when rates fall).

    `asset` is the thing that signals speak of, `asset_sign` turns a signal on the asset into a quantity sign
    (long BRL = short DOL: -1). `book`: the fund may hold it; the others are for signals and backtests. `proxy`: what
    stands for it while none of its settlements is known (instruments/proxies.py).
    """

    id: str
    root: Root
    asset: Literal["br_rates", "br_real", "br_cupom", "brl", "br_eq", "us_rates", "us_eq", "gold"]
    asset_class: Literal["rates", "fx", "equity", "commodity"]
    asset_sign: Literal[1, -1] = 1
    tenor_bd: Annotated[int, Field(gt=0)]
    roll_bd: Annotated[int, Field(ge=0)] = 3
    point_value_brl: Positive
    tick: Positive
    half_spread: Annotated[float, Field(ge=0)]
    spread_unit: Literal["bp", "points"]
    fee_brl: Annotated[float, Field(ge=0)]
    max_contracts: Annotated[int, Field(gt=0)]
    book: bool = True
    proxy: ProxyKind | None = None
    margin_share: Fraction | None = None

    @property
    def quoted_in_rates(self) -> bool:
        """Its level is a rate and its risk a DV01; otherwise a price and a delta."""
        return self.root in RATE_ROOTS

    @model_validator(mode="after")
    def _priced(self) -> Instrument:
        abroad = self.root in GLOBAL_ROOTS
        if abroad and (self.book or self.proxy is None or self.margin_share is None):
            raise ValueError(
                f"{self.id}: no settlements of {self.root} are read; give it book: false, a proxy and a margin_share"
            )
        return self


class Strategy(Model):
    """Parameters of one strategy; its formula is in strategies/. `book`: its signals move the fund's targets."""

    id: str
    enabled: bool = True
    book: bool = False
    instruments: list[str]
    horizon_days: Annotated[int, Field(gt=0)]
    enter: Positive
    exit: Annotated[float, Field(ge=0)]
    params: dict[str, float | int | str | list[str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _band(self) -> Strategy:
        if self.exit >= self.enter:
            raise ValueError(f"{self.id}: exit {self.exit} must be below enter {self.enter}")
        return self


class NeutralRate(Model):
    """A neutral real rate that a central bank published. rate and sd (of a month's reading of it): decimals."""

    country: Literal["br", "us"]
    published: date
    rate: Annotated[float, Field(gt=-0.05, lt=0.15)]
    sd: Annotated[float, Field(gt=0, le=0.05)]
    source: Annotated[str, Field(min_length=10)]


RATING_SCALE = ("C", "CC", "CCC-", "CCC", "CCC+", "B-", "B", "B+", "BB-", "BB", "BB+", "BBB-", "BBB", "BBB+", "A-", "A")
"""Notches from the worst up, in the letters of S&P and Fitch."""
MOODYS_SCALE = (
    "C",
    "Ca",
    "Caa3",
    "Caa2",
    "Caa1",
    "B3",
    "B2",
    "B1",
    "Ba3",
    "Ba2",
    "Ba1",
    "Baa3",
    "Baa2",
    "Baa1",
    "A3",
    "A2",
)
OUTLOOKS = {"negative": -1, "stable": 0, "positive": 1}


class RatingAction(Model):
    """A change of Brazil's long-term foreign-currency rating or of its outlook, in the agency's own letters."""

    agency: Literal["sp", "moodys", "fitch"]
    announced: date
    rating: str
    outlook: Literal["negative", "stable", "positive"]
    source: Annotated[str, Field(min_length=10)]

    @property
    def notch(self) -> int:
        """Place on the scale of notches, the same for every agency; higher is better."""
        return (MOODYS_SCALE if self.agency == "moodys" else RATING_SCALE).index(self.rating)

    @model_validator(mode="after")
    def _letters(self) -> RatingAction:
        scale = MOODYS_SCALE if self.agency == "moodys" else RATING_SCALE
        if self.rating not in scale:
            raise ValueError(f"{self.agency} has no rating {self.rating}; allowed: {', '.join(scale)}")
        return self


class Source(Model):
    """How politely we ask one provider."""

    min_interval_s: Annotated[float, Field(ge=0)]
    timeout_s: Positive = 30.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    budget_s: Positive = 600.0
    slice_days: Annotated[int, Field(gt=0)] = 1095
    user_agent: str = "macro_fund"


class Settings(Model):
    """Everything that people edit, validated together."""

    fund: Fund
    series: tuple[Series, ...]
    instruments: tuple[Instrument, ...]
    strategies: tuple[Strategy, ...]
    limits: Limits
    factors: tuple[Factor, ...]
    scenarios: tuple[Scenario, ...]
    neutral_rates: tuple[NeutralRate, ...]
    ratings: tuple[RatingAction, ...]
    sources: dict[str, Source]

    @model_validator(mode="after")
    def _references(self) -> Settings:
        for kind, ids in (
            ("series", [s.id for s in self.series]),
            ("instrument", [i.id for i in self.instruments]),
            ("strategy", [s.id for s in self.strategies]),
        ):
            twice = sorted(i for i, count in Counter(ids).items() if count > 1)
            if twice:
                raise ValueError(f"{kind} ids given twice: {', '.join(twice)}")
        dated = [(n.country, n.published) for n in self.neutral_rates]
        if dated != sorted(set(dated)):
            raise ValueError("neutral_rates: keep each country's entries in order of `published`, one a day")
        for agency in {r.agency for r in self.ratings}:
            days = [r.announced for r in self.ratings if r.agency == agency]
            if days != sorted(set(days)):
                raise ValueError(f"ratings: keep the actions of {agency} in order of `announced`, one a day")
        if [f.id for f in self.factors] != list(FACTORS):
            raise ValueError(f"factors: name each of these once, in this order: {', '.join(FACTORS)}")
        known = {i.id for i in self.instruments}
        for s in self.strategies:
            unknown = sorted(set(s.instruments) - known)
            if unknown:
                raise ValueError(
                    f"strategy {s.id}: unknown instruments {', '.join(unknown)}; allowed: {', '.join(sorted(known))}"
                )
        return self

    def series_of(self, source: str) -> tuple[Series, ...]:
        return tuple(s for s in self.series if s.source == source)

    def strategy(self, strategy_id: str) -> Strategy:
        return next(s for s in self.strategies if s.id == strategy_id)

    def instrument(self, instrument_id: str) -> Instrument:
        return next(i for i in self.instruments if i.id == instrument_id)

    @property
    def asset_classes(self) -> dict[str, str]:
        """Asset class by instrument id."""
        return {i.id: i.asset_class for i in self.instruments}

    @property
    def book(self) -> tuple[Instrument, ...]:
        """The instruments that the fund may hold."""
        return tuple(i for i in self.instruments if i.book)


CONFIG_DIR = Path(os.path.abspath(__file__)).parent.parent / "config"


_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's, ten times as fast, where it is built in


class _UniqueKeys(_SafeLoader):
    """Refuses a key that is given twice: YAML itself would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} is given twice", key.start_mark)
            seen.add(key.value)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; copy it from the project's config/ folder") from None


def read_yaml(path: Path) -> Any:
    """The file's content; a syntax error names file and line."""
    return _loaded(path, _text(path))


def _loaded(path: Path, text: str) -> Any:
    try:
        return yaml.load(text, _UniqueKeys)  # a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise SettingsError(f"{where}: not valid YAML: {getattr(error, 'problem', error)}") from None
    except ValueError as error:  # the YAML reader turns 2024-02-30 into a date and fails without a line
        raise SettingsError(_bad_date(path) or f"{path}: {error}") from None


def _bad_date(path: Path) -> str | None:
    """Line and text of the first value that looks like a date and is none (30 February)."""
    nodes = [yaml.compose(path.read_text(encoding="utf-8"))]
    while nodes:
        node = nodes.pop(0)
        if isinstance(node, yaml.MappingNode):
            nodes[:0] = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            nodes[:0] = node.value
        elif isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:timestamp":
            try:
                datetime.fromisoformat(node.value)
            except ValueError as error:
                return f"{path}:{node.start_mark.line + 1}: '{node.value}' is not a date: {error}; write YYYY-MM-DD"
    return None


def _line_of(path: Path, location: tuple[str | int, ...]) -> int:
    """Line (from 1) of the YAML node that a pydantic error location points at, or of its nearest parent."""
    node = yaml.compose(path.read_text(encoding="utf-8"))
    line = node.start_mark.line if node else 0
    for step in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(step)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line
        else:
            break
    return line + 1


def parse_file(path: Path, kind: Any) -> Any:
    """Validate a YAML file against `kind`; raises SettingsError naming file, line, field and what is allowed."""
    return _parsed(path, _text(path), kind)


@lru_cache(maxsize=64)  # by content: each asset of a run opens the home, and the catalogue is slow to read
def _parsed(path: Path, text: str, kind: Any) -> Any:
    data = _loaded(path, text)
    try:
        return TypeAdapter(kind).validate_python(data)
    except ValidationError as error:
        problems = []
        for e in error.errors():
            where = ".".join(str(x) for x in e["loc"]) or "(whole file)"
            got = "" if e["type"] == "missing" else f" (got {e['input']!r:.120})"
            problems.append(f"{path}:{_line_of(path, e['loc'])}: {where}: {e['msg']}{got}")
        raise SettingsError("\n".join(problems)) from None


def _series(folder: Path) -> tuple[Series, ...]:
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise SettingsError(f"{folder}: no series files (*.yaml)")
    found: list[Series] = []
    for file in files:
        found += parse_file(file, tuple[Series, ...])
    return tuple(found)


def load_settings(config_dir: Path = CONFIG_DIR, fund_file: Path | None = None) -> Settings:
    """Read config_dir (and the home's own fund.yaml if given) into one validated `Settings`."""
    parts: Mapping[str, Any] = {
        "fund": parse_file(fund_file or config_dir / "fund.yaml", Fund),
        "series": _series(config_dir / "series"),
        "instruments": parse_file(config_dir / "instruments.yaml", tuple[Instrument, ...]),
        "strategies": parse_file(config_dir / "strategies.yaml", tuple[Strategy, ...]),
        "limits": parse_file(config_dir / "limits.yaml", Limits),
        "factors": parse_file(config_dir / "factors.yaml", tuple[Factor, ...]),
        "scenarios": parse_file(config_dir / "scenarios.yaml", tuple[Scenario, ...]),
        "neutral_rates": parse_file(config_dir / "neutral_rates.yaml", tuple[NeutralRate, ...]),
        "ratings": parse_file(config_dir / "ratings.yaml", tuple[RatingAction, ...]),
        "sources": parse_file(config_dir / "sources.yaml", dict[str, Source]),
    }
    try:
        return Settings(**parts)
    except ValidationError as error:
        text = "; ".join(e["msg"] for e in error.errors())
        raise SettingsError(f"{config_dir}: {text}") from None


@cache
def default_settings() -> Settings:
    """The project's own config, for tests and tools that need no home."""
    return load_settings()
