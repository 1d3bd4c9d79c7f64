"""Which simulated path stands behind each series of config/series: one line a series.

Belongs here: the table SERIES and the few functions that read a path off the world. A series that models read gets one
generator (in `paths_*`, `catalogue_economy` or here) and one line; every other one of the catalogue wanders inside its
plausible range (`lines.wander`). Does not belong here: publication times (`public`) or formats (`wire_*`).

Values are in the provider's own units, before the `scale` of config/series; NaN is a day for which the provider's file
has a row without a value.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from macro_fund.sample import paths_external
from macro_fund.sample.catalogue_economy import ECONOMY
from macro_fund.sample.grid import FIRST
from macro_fund.sample.lines import Generator, Line
from macro_fund.sample.noise import Days, Floats, stream
from macro_fund.sample.paths_curves import PAR_TENORS, par_yields
from macro_fund.sample.paths_macro import target
from macro_fund.sample.paths_policy import in_force
from macro_fund.sample.wandering import Path, wander, wandering_decimals
from macro_fund.sample.world import World
from macro_fund.settings import Series, default_settings

TARGETS_KNOWN_TO = 2033
# FRED's copies of the par curve: our id's tenor, by the Treasury's name.
FRED_TENORS = {
    "1 Mo": "1m",
    "3 Mo": "3m",
    "6 Mo": "6m",
    **{f"{years} Yr": f"{years}y" for years in (1, 2, 3, 5, 7, 10, 20, 30)},
}
# Share of days for which Yahoo has a bar without prices.
HOLES = 0.004


def _monthly(name: str) -> Generator:
    """A monthly path of `World.macro`, dated at the first of the month."""

    def read(world: World) -> Path:
        values: Floats = getattr(world.macro, name)
        there = ~np.isnan(values)
        return world.macro.months[there], values[there]

    return read


def selic_target(world: World) -> Path:
    """SGS 432: every calendar day, in force the day after the decision."""
    days = world.grid.every_day
    return days, in_force(days, world.policy.copom, world.policy.selic_decided)


def copom_of(world: World, days: Days) -> Days:
    """The meeting day that decided the Selic of each day."""
    return world.policy.copom[np.searchsorted(world.policy.copom + 1, days, side="right") - 1]


def cdi(world: World) -> Path:
    """SGS 12: % a business day, on bank days."""
    days = world.grid.anbima
    rate = world.curves.cdi[world.grid.at(days)]
    return days, np.round(100 * np.expm1(np.log1p(rate / 100) / 252), 6)


def inflation_target(world: World) -> Path:
    """SGS 13521: one value a year, dated 1 January, set years ahead."""
    years = np.arange(2004, TARGETS_KNOWN_TO + 1)
    return (years - 1970).astype("datetime64[Y]").astype("datetime64[D]"), target(years)


def ptax_ask(world: World) -> Path:
    """BRL per USD on bank days: between yesterday's close and today's."""
    return world.grid.anbima, paths_external.ptax_ask(world.grid, world.markets)


def ptax_bid(world: World) -> Path:
    """The ask less a fixed spread."""
    days, ask = ptax_ask(world)
    return days, np.round(ask - paths_external.PTAX_SPREAD, 4)


def focus_smooth(world: World) -> Path:
    """Smoothed 12-month IPCA median, %: what the world expects, seen with a month's delay, moving a little daily."""
    days = world.grid.anbima
    months = world.macro.months
    seen = (months.astype("datetime64[M]") + 1).astype("datetime64[D]").astype(np.int64)
    line = np.interp(days.astype(np.int64), seen, world.macro.expected_12m)
    return days, np.round(line + 0.01 * stream(world.seed, "focus").standard_normal(days.size), 4)


def focus_raw(world: World) -> Path:
    """Not smoothed: the window of 12 months jumps when an IPCA is published, here a small wave within the year."""
    days, smooth = focus_smooth(world)
    day_of_year = (days - days.astype("datetime64[Y]")).astype(np.int64)
    return days, np.round(smooth + 0.08 * np.sin(2 * np.pi * day_of_year / 365.25), 4)


def fed_funds(world: World) -> Path:
    """DFF: seven days a week, a few basis points below the middle of the range."""
    days = world.grid.every_day
    noise = 0.01 * stream(world.seed, "effective rate").standard_normal(world.grid.weekdays.size)
    effective = np.round(np.maximum(world.policy.fed_funds - 0.04 + noise, 0.04), 2)
    return days, effective[world.grid.at(days)]


def _five_day(name: str, decimals: int) -> Generator:
    """A daily FRED file from `World.markets`: every weekday, empty on New York holidays."""

    def read(world: World) -> Path:
        days = world.grid.us_weekdays
        markets = world.markets
        values = markets.prices[name] if name in markets.prices else getattr(markets, name)
        shown = np.round(values[world.grid.at(days)], decimals)
        return days, np.where(np.isin(days, world.grid.nyse), shown, np.nan)

    return read


def par_curve(world: World) -> tuple[Days, Floats]:
    """All par yields, %: one row a New York business day, one column a tenor of PAR_TENORS."""
    days = world.grid.nyse
    return days, par_yields(world.curves.us[world.grid.at(days)], np.array(list(PAR_TENORS.values())))


def _par(tenor: str) -> Generator:
    """One column of the par curve; NaN while the tenor was not published."""

    def read(world: World) -> Path:
        days, curve = par_curve(world)
        values = curve[:, list(PAR_TENORS).index(tenor)]
        gap = (days >= np.datetime64("2002-02-19")) & (days <= np.datetime64("2006-02-08"))
        return days, np.where(gap, np.nan, values) if tenor == "30 Yr" else values

    return read


def _close(asset: str, calendar: str, decimals: int) -> Generator:
    """Closes on a market's open days, with a few bars without prices. calendar 'weekdays': a currency."""

    def read(world: World) -> Path:
        grid = world.grid
        days = grid.weekdays[grid.weekdays >= FIRST] if calendar == "weekdays" else getattr(grid, calendar)
        shown = np.round(world.markets.prices[asset][grid.at(days)], decimals)
        holes = stream(world.seed, f"holes {asset}").random(days.size) < HOLES
        return days, np.where(holes, np.nan, shown)

    return read


# What the totals of the debt report are made of.
PARTS = {
    "br_dpf_stock": ("br_dpmfi_stock", "br_dpfe_stock"),
    "br_dpmfi_stock": tuple(
        f"br_dpmfi_{name}_stock"
        for name in ("lft", "ltn", "ntnb", "ntnb1", "ntnc", "ntnf", "securitized", "tda", "other")
    ),
    "br_dpfe_stock": ("br_dpfe_bonds_stock", "br_dpfe_contracts_stock"),
    "br_dpmfi_issuance": tuple(
        f"br_dpmfi_{name}_issuance" for name in ("lft", "ltn", "ntnb", "ntnb1", "ntnf", "other")
    ),
    "br_dpmfi_redemption": tuple(
        f"br_dpmfi_{name}_redemption" for name in ("lft", "ltn", "ntnb", "ntnb1", "ntnc", "ntnf", "other")
    ),
}
PARTS_DECIMALS = 5


def _sum_of(parts: tuple[str, ...]) -> Generator:
    """The sum of other series on the days of the first; one that begins later counts from then on."""

    def read(world: World) -> Path:
        by_id = {s.id: s for s in default_settings().series if s.id in parts}
        paths = [line_of(by_id[name]).generator(world) for name in parts]
        days = paths[0][0]
        total = np.zeros(days.size)
        for own, values in paths:
            total[np.searchsorted(days, own)] += values
        return days, np.round(total, PARTS_DECIMALS)

    return read


SERIES: Mapping[str, Line] = {
    "br_selic_target": Line(selic_target, 2, decided=copom_of),
    "br_cdi_daily": Line(cdi, 6),
    "br_ipca_mom": Line(_monthly("ipca"), 2),
    "br_ipca_12m": Line(_monthly("ipca_12m"), 2),
    "br_ipca_core_ex0": Line(_monthly("core_ex0"), 2),
    "br_ipca_core_ms": Line(_monthly("core_ms"), 2),
    "br_ibc_br_sa": Line(_monthly("ibc_br"), 5),
    "br_inflation_target": Line(inflation_target, 2),
    "br_usdbrl_ptax_ask": Line(ptax_ask, 4),
    "br_usdbrl_ptax_bid": Line(ptax_bid, 4),
    "br_usdbrl_ptax_sell": Line(ptax_ask, 4),
    "br_usdbrl_ptax_buy": Line(ptax_bid, 4),
    "br_focus_ipca_12m_smooth": Line(focus_smooth, 4),
    "br_focus_ipca_12m": Line(focus_raw, 4),
    "us_dff": Line(fed_funds, 2),
    "us_vix": Line(_five_day("vix", 2), 2),
    "us_hy_oas": Line(_five_day("hy_oas", 2), 2),
    "us_dollar_broad": Line(_five_day("dollar", 4), 4),
    "us_cfnai": Line(_monthly("cfnai"), 2),
    "us_cpi_core": Line(_monthly("us_core_cpi"), 3),
    "us_par_1mo": Line(_par("1 Mo"), 2),
    "us_par_3mo": Line(_par("3 Mo"), 2),
    "us_par_6mo": Line(_par("6 Mo"), 2),
    "us_par_1y": Line(_par("1 Yr"), 2),
    "us_par_2y": Line(_par("2 Yr"), 2),
    "us_par_3y": Line(_par("3 Yr"), 2),
    "us_par_5y": Line(_par("5 Yr"), 2),
    "us_par_7y": Line(_par("7 Yr"), 2),
    "us_par_10y": Line(_par("10 Yr"), 2),
    "us_par_20y": Line(_par("20 Yr"), 2),
    "us_par_30y": Line(_par("30 Yr"), 2),
    **{f"us_ust_{tenor}": Line(_par(name), 2) for name, tenor in FRED_TENORS.items()},
    "us_spx": Line(_close("spx", "nyse", 2), 2),
    "br_ibov": Line(_close("ibov", "b3", 0), 0),
    "fx_usdmxn": Line(_close("usdmxn", "weekdays", 4), 4),
    **{total: Line(_sum_of(parts), PARTS_DECIMALS) for total, parts in PARTS.items()},
    **ECONOMY,
}


def line_of(series: Series) -> Line:
    """The path behind a series: its own, or one that wanders inside its range."""
    found = SERIES.get(series.id)
    if found is not None:
        return found
    return Line(lambda world: wander(world.seed, world.grid, series), wandering_decimals(series))
