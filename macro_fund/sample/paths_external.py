"""The real exchange rate of the sample world, its fundamentals, and the planted relation between them.

Belongs here: PTAX and its monthly means, the real effective exchange rate, terms of trade, commodity prices, the
current account, American industrial production. Does not belong here: USDBRL itself (`paths_markets`), price indices.

log REER = log USDBRL + foreign prices - IPCA - what the dollar gained against the rest of the basket. USDBRL is given,
so the relation is planted from the other side: the terms of trade are what makes

    log REER = CONST + sum of BETA x fundamentals + gap,    gap[t] = phi gap[t-1] + shock[t]

true, with phi of a half-life of GAP_HALF_LIFE months. Part of the shock is the real exchange rate's own and disappears
again with USDBRL's deviation from its trend, so the exchange rate corrects, not the fundamentals alone. A weak real
(gap > 0) improves the current account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from macro_fund.sample.grid import FIRST, Grid
from macro_fund.sample.noise import Days, Floats, ar1, persistence, stream, trend
from macro_fund.sample.paths_curves import Curves, di_rates
from macro_fund.sample.paths_macro import Macro
from macro_fund.sample.paths_markets import ASSETS, DEVIATION_HALF_LIFE, Markets
from macro_fund.sample.paths_output import monthly_gdp, price_level, trailing_year
from macro_fund.sample.regimes import Regimes
from macro_fund.sample.wandering import wander
from macro_fund.settings import default_settings

PTAX_SPREAD = 0.0006
# PTAX averages windows from 10:00 to 13:00: this much of the day's move is in it.
PTAX_SHARE = 0.55
# Weight, in the foreign basket, of what the broad dollar and the Mexican peso did.
BASKET = {"dollar": -0.50, "usdmxn": -0.25}
# The planted relation: log units; rates and ratios are decimals. The sovereign spread has no effect.
BETA = {
    "terms_of_trade": -1.5,
    "productivity": -0.5,
    "foreign_assets": -0.4,
    "real_rate_gap": -1.0,
    "sovereign_spread": 0.0,
}
CONST = 11.5
GAP_HALF_LIFE = 18.0
# Share of the real exchange rate's own monthly shock that is in the gap's, and the rest of the gap's shock (log).
GAP_SHARE, GAP_OWN = 0.7, 0.02
# Monthly means of a random walk have changes with this moving-average coefficient (Working 1960).
_AVERAGING = 0.268
_SESSIONS_A_MONTH = 21.0
REER_BASE = 105.0
# Log of the raw product that gives REER_BASE.
_REER_ZERO = 3.10
# Current account on GDP: a year's mean, a year's change per unit of the gap, and a month's own noise.
CURRENT_ACCOUNT_MEAN, CURRENT_ACCOUNT_RESPONSE, _CURRENT_ACCOUNT_NOISE = -0.02, 0.10, 0.0010
# Commodity prices in dollars: elasticity to the terms of trade; weight, own noise and half-life in months of each.
COMMODITY_BASE, COMMODITY_ELASTICITY, TERMS_BASE = 150.0, 1.2, 95.0
COMMODITIES = {"agro": (0.67, 0.07), "metal": (0.21, 0.12), "energy": (0.12, 0.16)}
_COMMODITY_HALF_LIFE = 24.0
_US_IP_BASE, _US_IP_TREND = 95.0, 0.008


@dataclass(frozen=True)
class External:
    """Monthly paths from January 2004, in the providers' units, rounded as printed. gap: log, + = weak real.

    fundamentals: by the names of BETA, as a model measures them; nan where one is not known.
    """

    months: Days
    usdbrl: Floats
    reer: Floats
    terms_of_trade: Floats
    commodities_usd: Mapping[str, Floats]
    commodities_brl: Mapping[str, Floats]
    gdp_usd: Floats
    current_account: Floats
    us_ip: Floats
    fundamentals: Mapping[str, Floats]
    gap: Floats


def ptax_ask(grid: Grid, markets: Markets) -> Floats:
    """BRL per USD on ANBIMA's bank days."""
    close = np.log(markets.prices["usdbrl"])
    now = grid.at(grid.anbima)
    out: Floats = np.round(np.exp(PTAX_SHARE * close[now] + (1 - PTAX_SHARE) * close[now - 1]), 4)
    return out


def monthly_mean(days: Days, values: Floats) -> Floats:
    """Mean of each month's values, from the month of FIRST on; every month must have one."""
    at = (days.astype("datetime64[M]") - FIRST.astype("datetime64[M]")).astype(np.int64)
    inside = at >= 0
    out: Floats = np.bincount(at[inside], values[inside]) / np.bincount(at[inside])
    return out


def simulate(seed: int, grid: Grid, regimes: Regimes, macro: Macro, markets: Markets, curves: Curves) -> External:
    """The real exchange rate from what is given, the gap from its shocks, the terms of trade from the rest."""
    months = macro.months[macro.months >= FIRST]
    late = macro.months.size - months.size
    usdbrl = np.round(monthly_mean(grid.anbima, ptax_ask(grid, markets)), 4)
    log_reer, reer_trend = _real_exchange_rate(grid, macro, markets, usdbrl)
    gap = _gap(seed, log_reer - reer_trend)
    gdp_usd = np.round(monthly_gdp(macro)[late:] / usdbrl, 1)
    account, assets = _current_account(seed, gdp_usd, gap)
    us_ip = _us_industry(seed, regimes, late)
    known = {
        "productivity": np.log(macro.ibc_br[late:] / us_ip),
        "foreign_assets": assets,
        "real_rate_gap": _real_rate_gap(seed, grid, macro, curves),
    }
    rest = CONST + gap + sum(BETA[n] * np.nan_to_num(v) for n, v in known.items())
    terms = np.round(np.exp((log_reer - rest) / BETA["terms_of_trade"]), 2)
    dollars, reais = _commodities(seed, terms, usdbrl)
    known["terms_of_trade"] = np.log(terms)
    return External(months, usdbrl, _printed(log_reer), terms, dollars, reais, gdp_usd, account, us_ip, known, gap)


def _printed(log_index: Floats) -> Floats:
    return np.asarray(np.round(np.exp(log_index), 2), dtype=np.float64)


def _real_exchange_rate(grid: Grid, macro: Macro, markets: Markets, usdbrl: Floats) -> tuple[Floats, Floats]:
    """Log index, and the part of it that is hand-typed trends and prices."""
    days = grid.weekdays
    late = macro.months >= FIRST
    prices = (np.log(macro.us_core_cpi) - np.log(price_level(macro)))[late] + np.log(REER_BASE) - _REER_ZERO
    basket = {n: monthly_mean(days, np.log(markets.prices[n])) for n in BASKET}
    lines = {n: monthly_mean(days, np.log(trend(days, ASSETS[n].knots, log=True))) for n in (*BASKET, "usdbrl")}
    level = np.log(usdbrl) + prices + sum(w * basket[n] for n, w in BASKET.items())
    slow = lines["usdbrl"] + prices + sum(w * lines[n] for n, w in BASKET.items())
    return level, slow


def _gap(seed: int, deviation: Floats) -> Floats:
    """AR(1) of GAP_HALF_LIFE months; part of its shock is that of the exchange rate's deviation from its trend."""
    phi = persistence(DEVIATION_HALF_LIFE / _SESSIONS_A_MONTH)
    innovation = deviation - phi * np.concatenate([[0.0], deviation[:-1]])
    shock = ar1(innovation, -_AVERAGING)
    own = GAP_OWN * stream(seed, "real exchange gap").standard_normal(deviation.size)
    return ar1(GAP_SHARE * shock + own, persistence(GAP_HALF_LIFE))


def _current_account(seed: int, gdp_usd: Floats, gap: Floats) -> tuple[Floats, Floats]:
    """USD mn a month, and its sum on GDP since December 2004, the first month with a year of GDP (nan before)."""
    year = trailing_year(gdp_usd)
    noise = _CURRENT_ACCOUNT_NOISE * stream(seed, "current account").standard_normal(gap.size)
    before = np.concatenate([[0.0], gap[:-1]])
    flow = (CURRENT_ACCOUNT_MEAN + CURRENT_ACCOUNT_RESPONSE * before) / 12 + noise
    account = np.round(year * flow, 1)
    assets = np.full(gap.size, np.nan)
    assets[11:] = np.cumsum((account / year)[11:])
    return account, assets


def _us_industry(seed: int, regimes: Regimes, late: int) -> Floats:
    """INDPRO, 2017 = 100: a trend and a gap that American growth drives."""
    rng = stream(seed, "us industry")
    size = regimes.months.size
    gap = ar1(0.30 * regimes.us_growth, persistence(18.0)) / 100 + 0.003 * rng.standard_normal(size)
    return np.round(_US_IP_BASE * np.exp(_US_IP_TREND / 12 * np.arange(size) + gap), 4)[late:]


def _real_rate_gap(seed: int, grid: Grid, macro: Macro, curves: Curves) -> Floats:
    """One-year DI less the inflation expected for the year, less the American five-year real rate; decimals."""
    days = grid.anbima
    nominal = di_rates(curves.di[grid.at(days)], np.ones(days.size)) / 100
    seen = (macro.months.astype("datetime64[M]") + 1).astype("datetime64[D]").astype(np.int64)
    expected = np.interp(days.astype(np.int64), seen, macro.expected_12m) / 100
    series = next(s for s in default_settings().series if s.id == "us_real_par_5y")
    abroad = monthly_mean(*wander(seed, grid, series)) * series.scale
    out: Floats = monthly_mean(days, (1 + nominal) / (1 + expected) - 1) - abroad
    return out


def _commodities(seed: int, terms: Floats, usdbrl: Floats) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """IC-Br in dollars and in reais, those in reais at the dollar of December 2005; `all` is the weighted mean."""
    common = np.log(COMMODITY_BASE) + COMMODITY_ELASTICITY * np.log(terms / TERMS_BASE)
    phi = persistence(_COMMODITY_HALF_LIFE)
    logs = {}
    for name, (_, spread) in COMMODITIES.items():
        shocks = stream(seed, f"commodity {name}").standard_normal(terms.size)
        logs[name] = common + ar1(spread * np.sqrt(1 - phi**2) * shocks, phi)
    logs["all"] = np.asarray(sum(weight * logs[n] for n, (weight, _) in COMMODITIES.items()))
    base = usdbrl[23]
    dollars = {n: _printed(v) for n, v in logs.items()}
    return dollars, {n: np.round(np.exp(v) * usdbrl / base, 2) for n, v in logs.items()}
