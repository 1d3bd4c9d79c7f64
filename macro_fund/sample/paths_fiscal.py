"""Public finances of the sample world, month by month in reais, so that every ratio obeys the debt identity.

Belongs here: primary balance, interest, revaluation of foreign debt, the stock-flow residual, gross and net debt. Does
not belong here: GDP (`paths_output`), rates (`paths_policy`).

    debt[t] = debt[t-1] + interest[t] + revaluation[t] - primary surplus[t] + stock-flow[t]

Divided by the GDP of twelve months: d' = d (1 + i) / ((1 + g)(1 + pi)) - pb + revaluation + stock-flow, with i the
bill of twelve months on the debt before them. Levels follow hand-typed public facts; where rates and growth of the
world carry debt away from them, the primary balance answers (Bohn 1998).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from macro_fund.sample.grid import Grid
from macro_fund.sample.noise import Days, Floats, ar1, stream, trend
from macro_fund.sample.paths_external import External
from macro_fund.sample.paths_macro import Macro, months_of
from macro_fund.sample.paths_output import monthly_gdp, trailing_year

# Gross debt of the general government, primary surplus, and the stock-flow mean (loans to BNDES until 2018; in 2021 and
# 2022 their return and a GDP deflator above the IPCA), all as % of GDP; flows are yearly rates. Rough public history,
# then a guess.
DEBT = {
    "2003-12-01": 56.0, "2006-12-01": 55.5, "2010-12-01": 51.8, "2013-12-01": 51.5, "2015-12-01": 65.5,
    "2016-12-01": 69.8, "2018-12-01": 75.3, "2019-12-01": 74.4, "2020-12-01": 87.0, "2021-12-01": 78.0,
    "2022-12-01": 74.0, "2024-12-01": 76.0, "2030-12-01": 78.0,
}  # fmt: skip
PRIMARY = {
    "2003-12-01": 3.3, "2008-10-01": 3.4, "2009-10-01": 2.6, "2012-10-01": 2.9, "2013-12-01": 1.6, "2014-12-01": -0.8,
    "2016-06-01": -2.4, "2019-06-01": -1.2, "2020-02-01": -1.0, "2020-04-01": -14.0, "2020-10-01": -11.0,
    "2021-02-01": -2.0, "2022-01-01": -0.2, "2022-12-01": 0.2, "2030-12-01": 0.3,
}  # fmt: skip
STOCK_FLOW = {
    "2003-12-01": 0.5, "2008-06-01": 0.5, "2009-01-01": 1.5, "2013-12-01": 2.0, "2014-12-01": 3.0, "2018-06-01": 1.5,
    "2019-01-01": 0.0, "2020-03-01": 2.0, "2020-12-01": 2.0, "2021-02-01": -8.5, "2022-06-01": -8.5,
    "2023-01-01": 0.0,
}  # fmt: skip
# Standard deviation of a year's own stock-flow residual, and of a month's own primary balance; % of GDP.
STOCK_FLOW_SD, _PRIMARY_SD = 0.30, 0.6
# Yearly primary surplus added per point of debt above DEBT.
REACTION = 0.10
# Share of the debt that follows the Selic of twelve months (the rest that of thirty-six), and share of that rate paid.
FLOATING_SHARE, PAID_SHARE = 0.45, 0.76
FOREIGN_SHARE = 0.07
# Pattern of the primary balance within the year, % of a month's GDP; sums to zero.
_SEASON = np.array([4.0, -1.0, 0.5, 2.0, -1.5, -0.5, 0.0, 0.0, -0.5, 1.0, -1.0, -3.0])
# Assets: gross less net debt, % of GDP.
ASSETS = {
    "2003-12-01": 4.0, "2010-12-01": 13.8, "2015-12-01": 29.0, "2018-12-01": 22.8, "2020-12-01": 25.0,
    "2022-12-01": 16.5, "2030-12-01": 13.5,
}  # fmt: skip
START_MONTH = "2003-01-01"


@dataclass(frozen=True)
class Fiscal:
    """From January 2003 on. Flows: BRL mn a month; primary + = surplus. Ratios: % of GDP of twelve months."""

    months: Days
    gdp: Floats
    gdp_12m: Floats
    debt: Floats
    primary: Floats
    interest: Floats
    revaluation: Floats
    stock_flow: Floats
    debt_gdp: Floats
    net_debt_gdp: Floats

    def ratio_12m(self, flow: Floats) -> Floats:
        """Twelve months of a flow on GDP, %; nan in the first twelve months."""
        out = np.full(flow.size, np.nan)
        out[12:] = 100 * (np.cumsum(flow)[12:] - np.cumsum(flow)[:-12]) / self.gdp_12m[12:]
        return out


def simulate(seed: int, grid: Grid, macro: Macro, external: External, selic: Floats) -> Fiscal:
    """All flows and stocks; selic: in force on each weekday, %."""
    at = int(np.searchsorted(macro.months, np.datetime64(START_MONTH)))
    months = macro.months[at:]
    gdp_all = monthly_gdp(macro)
    gdp, year = gdp_all[at:], trailing_year(gdp_all)[at:]
    rate = _implicit_rate(_monthly(grid, selic))[at:] / 100
    move = np.zeros(months.size)
    move[1 - external.usdbrl.size :] = np.diff(external.usdbrl) / external.usdbrl[:-1]
    rng = stream(seed, "fiscal")
    noise = ar1(_PRIMARY_SD * rng.standard_normal(months.size), 0.3) + _SEASON[months_of(months) - 1]
    plan = trend(months, PRIMARY) + noise
    other = stock_flow_mean(months) / 12 + STOCK_FLOW_SD / np.sqrt(12) * rng.standard_normal(months.size)
    path = trend(months, DEBT)
    debt, primary, interest, revaluation = (np.zeros(months.size) for _ in range(4))
    debt[0] = path[0] / 100 * year[0]
    for t in range(1, months.size):
        excess = 100 * debt[t - 1] / year[t - 1] - path[t - 1]
        primary[t] = gdp[t] * (plan[t] + REACTION * excess) / 100
        interest[t] = debt[t - 1] * np.expm1(np.log1p(rate[t]) / 12)
        revaluation[t] = FOREIGN_SHARE * debt[t - 1] * move[t]
        debt[t] = debt[t - 1] + interest[t] + revaluation[t] - primary[t] + year[t] * other[t] / 100
    ratio = 100 * debt / year
    net = ratio - trend(months, ASSETS)
    return Fiscal(
        months,
        gdp,
        year,
        debt,
        primary,
        interest,
        revaluation,
        year * other / 100,
        ratio,
        net,
    )


def stock_flow_mean(months: Days) -> Floats:
    """Hand-typed mean of the stock-flow residual, % of GDP a year."""
    return trend(months, STOCK_FLOW)


def _monthly(grid: Grid, selic: Floats) -> Floats:
    """Mean over the weekdays of each month of the world."""
    at = (grid.weekdays.astype("datetime64[M]") - grid.months[0].astype("datetime64[M]")).astype(np.int64)
    out: Floats = np.bincount(at, selic) / np.bincount(at)
    return out


def _implicit_rate(selic: Floats) -> Floats:
    """What the debt costs, % a year, from monthly Selic; the first months average what there is."""

    def mean(months: int) -> Floats:
        total = np.concatenate([[0.0], np.cumsum(selic)])
        end = np.arange(1, selic.size + 1)
        start = np.maximum(end - months, 0)
        out: Floats = (total[end] - total[start]) / (end - start)
        return out

    paid: Floats = PAID_SHARE * (FLOATING_SHARE * mean(12) + (1 - FLOATING_SHARE) * mean(36))
    return paid
