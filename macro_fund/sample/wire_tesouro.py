"""Tesouro Transparente: the one CSV file with every morning's rates and prices of Tesouro Direto.

Belongs here: the retail bonds of the sample world, what they cost, and the file. Does not belong here: the curves they
are read from (`paths_curves`, `paths_bonds`), or the debt report, of which the host has a page (`wire_stn_debt`).

Prices are of the morning, so they come from the curves of the bank day before. Coupons are taken as evenly spaced half
years, which is near enough for a file that nobody reprices.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import polars as pl

from macro_fund.sample import paths_bonds as paths
from macro_fund.sample import wire_stn_debt
from macro_fund.sample.noise import Days, Floats
from macro_fund.sample.public import Instants, View, instants, series_by_code
from macro_fund.sample.wire import Ask, not_found, reply
from macro_fund.sample.world import World, load_world
from macro_fund.settings import Series
from macro_fund.sources.http import Reply
from macro_fund.time.calendars import load_calendar

HOST = "www.tesourotransparente.gov.br"
_PATH = (
    "/ckan/dataset/df56aa42-484a-4a59-8184-7676580c81e3/resource/796d2059-14e9-44e3-80c9-2d9e30b405c1/download"
    "/precotaxatesourodireto.csv"
)
_HEADER = (
    b"Tipo Titulo;Data Vencimento;Data Base;Taxa Compra Manha;Taxa Venda Manha;PU Compra Manha;PU Venda Manha;"
    b"PU Base Manha\n"
)
_EPOCH = 1970


class _Kind(NamedTuple):
    """One title: day and month of its maturities, first and last year of them, years between two, years of life, half-
    yearly coupon (decimal of face), where its rate and its nominal value come from, and spread in percentage points."""

    day: str
    years: tuple[int, int, int]
    life: int
    coupon: float
    accrues: str
    spread: float


_KINDS = {
    "Tesouro Selic": _Kind("03-01", (2005, 2035, 2), 6, 0.0, "LFT", 0.02),
    "Tesouro Prefixado": _Kind("01-01", (2006, 2034, 2), 4, 0.0, "", 0.05),
    "Tesouro Prefixado com Juros Semestrais": _Kind("01-01", (2008, 2040, 4), 10, 0.0488088, "", 0.10),
    "Tesouro IPCA+": _Kind("05-15", (2008, 2048, 2), 12, 0.0, "NTN-B", 0.05),
    "Tesouro IPCA+ com Juros Semestrais": _Kind("08-15", (2010, 2060, 10), 30, 0.02956301, "NTN-B", 0.05),
    "Tesouro IGPM+ com Juros Semestrais": _Kind("01-01", (2011, 2031, 10), 30, 0.02956301, "NTN-C", 0.9),
    "Tesouro Renda+ Aposentadoria Extra": _Kind("12-15", (2049, 2064, 15), 50, 0.0, "NTN-B", 0.10),
    "Tesouro Educa+": _Kind("12-15", (2031, 2036, 5), 20, 0.0, "NTN-B", 0.10),
}
# What the investor gives up on a sale, percentage points: Selic bonds and all others.
_SALE, _SALE_SELIC = 0.12, 0.01


def answer(view: View, ask: Ask) -> Reply:
    """Everything that is public, or the debt report's page; any other path is a web page with status 404."""
    if ask.path == wire_stn_debt.PAGE_PATH:
        return wire_stn_debt.page(view)
    if ask.path != _PATH:
        return not_found()
    whole, ends, known = _file(view.seed, view.poison_after)
    shown = int(view.shown(known).sum())
    return reply(_HEADER + whole[: int(ends[shown])], "text/csv")


class _File(NamedTuple):
    """The file's rows in the order in which they become public: text, where each row ends, when it is public."""

    body: bytes
    ends: np.ndarray
    known: Instants


@lru_cache(maxsize=4)
def _file(seed: int, poison_after: int | None) -> _File:
    titles, days, maturities, numbers, known = _rows(seed)
    view = View(seed, None, poison_after)
    cells = {f"n{i}": view.poisoned(numbers[:, i], known) for i in range(numbers.shape[1])}
    frame = pl.DataFrame({"title": titles, "maturity": maturities, "day": days, **cells}).select(
        pl.concat_str(
            "title",
            pl.col("maturity").dt.strftime("%d/%m/%Y"),
            pl.col("day").dt.strftime("%d/%m/%Y"),
            *(_two_decimals(pl.col(name)) for name in cells),
            separator=";",
        )
        + "\n"
    )
    lines = frame.to_series()
    ends = np.concatenate([[0], np.cumsum(lines.str.len_bytes().to_numpy().astype(np.int64))])
    return _File("".join(lines.to_list()).encode(), ends, known)


def _two_decimals(number: pl.Expr) -> pl.Expr:
    """'-12,05' of a number."""
    cents = (number.abs() * 100).round().cast(pl.Int64)
    sign = pl.when((number < 0) & (cents > 0)).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.concat_str(sign, (cents // 100).cast(pl.String), pl.lit(","), (cents % 100).cast(pl.String).str.zfill(2))


@cache
def _rows(seed: int) -> tuple[list[str], Days, Days, Floats, Instants]:
    """Title, day, maturity, five numbers and knowledge time of every row, sorted by knowledge time."""
    world = load_world(seed)
    parts = [_bond(world, title, m) for title, kind in _KINDS.items() for m in _maturities(kind)]
    titles = [title for title, days, _, _, _ in parts for _ in range(days.size)]
    days, maturities, known = (np.concatenate([p[i] for p in parts]) for i in (1, 2, 4))
    numbers = np.concatenate([p[3] for p in parts])
    order = np.argsort(known, kind="stable")
    return [titles[i] for i in order.tolist()], days[order], maturities[order], numbers[order], known[order]


def _maturities(kind: _Kind) -> list[np.datetime64]:
    first, last, step = kind.years
    return [np.datetime64(f"{y}-{kind.day}", "D") for y in range(first, last + 1, step)]


def _bond(world: World, title: str, maturity: np.datetime64) -> tuple[str, Days, Days, Floats, Instants]:
    """All rows of one bond."""
    kind, series = _KINDS[title], series_by_code()["tesouro_direto", title]
    at = _on_sale(world, kind, series, maturity)
    days = world.grid.anbima[at]
    years = load_calendar("anbima").count_many(days, maturity, known_on=days) / paths.YEAR_BD
    percent = _rate(world, kind, at, np.maximum(years, 1 / paths.YEAR_BD))
    sale = percent + (_SALE_SELIC if kind.accrues == "LFT" else _SALE)
    face = paths.nominal_values(world.seed, kind.accrues).value[at - 1] if kind.accrues else np.full(at.size, 1000.0)
    buy, sell = (np.round(face * _per_face(p / 100, years, kind.coupon), 2) for p in (percent, sale))
    numbers = np.column_stack([percent, sale, buy, sell, sell])
    return title, days, np.full(at.size, maturity), numbers, instants(days, series.publication, series.frequency)


def _on_sale(world: World, kind: _Kind, series: Series, maturity: np.datetime64) -> np.ndarray:
    """Positions in `grid.anbima` of a bond's days, the world's first day left out: it has no day before."""
    days = world.grid.anbima
    born = np.datetime64(f"{maturity.astype('datetime64[Y]').astype(int) + _EPOCH - kind.life}-01-01", "D")
    first = max(born, np.datetime64(series.start, "D"))
    found = np.flatnonzero((days >= first) & (days < maturity))
    return found[found > 0]


def _rate(world: World, kind: _Kind, at: np.ndarray, years: Floats) -> Floats:
    """Morning rates in %, two decimals, from the curve of the bank day before."""
    before = world.grid.anbima[at - 1]
    if kind.accrues == "LFT":
        return np.round(kind.spread + 0.01 * years, 2)
    curve = paths.real_on if kind.accrues else paths.nominal_on
    return np.round(100 * curve(world, before, years) + kind.spread, 2)


def _per_face(rate: Floats, years: Floats, coupon: float) -> Floats:
    """Value of one unit of face with half-yearly coupons: a geometric sum back from the maturity."""
    half = (1 + rate) ** -0.5
    payments = np.ceil(2 * years - 1e-9)
    end: Floats = (1 + rate) ** -years
    if not coupon:
        return end
    # Coupons fall at years, years - 1/2, ...: end x (1 + 1/half + ... ) with `payments` terms.
    growth = 1 / half
    flat = growth == 1.0  # a rate of zero: the sum is the number of its terms
    terms = np.where(flat, payments, (growth**payments - 1) / np.where(flat, 1.0, growth - 1))
    return np.asarray(end * (1 + coupon * terms))
