"""Fiscal history as one vintage knew it: growth, real rate, primary balance, real exchange rate and debt by month.

Belongs here: twelve-month measures of a vintage and the debt identity between them. Does not belong here: the model
(fiscal_fan.py) and when it is refitted (fiscal_model.py).

Everything is a measure of the last twelve months, so that one year of the debt recursion is one row: growth and
inflation are those of twelve-month averages (of IBC-Br and of the price level), as in the GDP that debt is divided by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import numpy.typing as npt

from macro_fund.agents.debt import implied_primary, snowball
from macro_fund.features.known import Months, State

Vector = npt.NDArray[np.float64]

DEBT, ACTIVITY, PRICES, SELIC, REER = (
    "br_dbgg_gdp",
    "br_ibc_br_sa",
    "br_ipca_mom",
    "br_selic_month_annualised",
    "br_reer_ipca",
)
PRIMARY, INTEREST = "br_primary_balance_12m_gdp", "br_interest_12m_gdp"
FOREIGN, FEDERAL = "br_dpfe_stock", "br_dpf_stock"
NEEDED = (DEBT, ACTIVITY, PRICES, SELIC, REER)
OPTIONAL = (PRIMARY, INTEREST, FOREIGN, FEDERAL)
SERIES = (*NEEDED, *OPTIONAL)

VARIABLES = ("growth", "real_rate", "primary", "reer_change")
STEP_MONTHS = 3
# Half of the debt floats with the Selic (LFT, the Banco Central's repos); the rest was fixed or indexed over the last
# three years. Only where the interest bill is unknown.
FLOATING_SHARE, FIXED_MONTHS = 0.5, 36
# External debt on general government debt, and the real interest on it, where nothing is known.
STATED_FOREIGN_SHARE, FOREIGN_REAL_RATE = 0.10, 0.02
# A flow series that ends so many months before the debt does is out of use.
LATE_MONTHS = 3


@dataclass(frozen=True)
class History:
    """Months (ascending, without a hole) and their twelve-month measures in one vintage.

    values: columns VARIABLES, shape (months, 4); primary on GDP, + = surplus. debt: at the month's end. interest:
    nominal, on the debt of twelve months before. adjustment: stock-flow adjustment, zero where the primary is implied.
    """

    session: date
    knowledge_time: datetime
    months: Months
    values: Vector
    debt: Vector
    interest: Vector
    adjustment: Vector
    foreign_share: float
    primary_observed: bool
    interest_observed: bool
    share_observed: bool

    @property
    def data_to(self) -> date | None:
        """First day of the newest month; None when there is none."""
        return self.months[-1].astype("datetime64[D]").item() if self.months.size else None

    def steps(self) -> History:
        """Every third month, counted back from the newest."""
        first = (self.months.size - 1) % STEP_MONTHS if self.months.size else 0
        at = slice(first, None, STEP_MONTHS)
        return replace(
            self,
            months=self.months[at],
            values=self.values[at],
            debt=self.debt[at],
            interest=self.interest[at],
            adjustment=self.adjustment[at],
        )


def trailing_mean(x: Vector, months: int) -> Vector:
    """Mean of the last `months`, NaN before there are as many and where one is missing."""
    out = np.full(x.size, np.nan)
    if x.size >= months:
        out[months - 1 :] = np.lib.stride_tricks.sliding_window_view(x, months).mean(axis=1)
    return out


def _before(x: Vector) -> Vector:
    """The value of twelve months earlier."""
    out = np.full(x.size, np.nan)
    out[12:] = x[:-12]
    return out


def _average_growth(level: Vector) -> Vector:
    mean = trailing_mean(level, 12)
    return mean / _before(mean) - 1.0


def _price_level(monthly: Vector) -> Vector:
    """Product of 1 + monthly changes from the first known month on; NaN from a hole on."""
    out = np.full(monthly.size, np.nan)
    known = np.flatnonzero(np.isfinite(monthly))
    if known.size:
        out[known[0] :] = np.cumprod(1.0 + monthly[known[0] :])
    return out


def _last(x: Vector) -> int:
    """Position of the newest value; -1 without one."""
    there = np.flatnonzero(np.isfinite(x))
    return int(there[-1]) if there.size else -1


def _in_use(flow: Vector, debt: Vector) -> bool:
    return 0 <= _last(debt) - LATE_MONTHS <= _last(flow)


def _foreign_share(state: State) -> tuple[float, bool]:
    """Newest external share of the federal debt, else the stated one; and whether it was observed."""
    share = state.values[FOREIGN] / state.values[FEDERAL]
    if _in_use(share, state.values[DEBT]):
        return float(share[_last(share)]), True
    return STATED_FOREIGN_SHARE, False


def implicit_interest(state: State, growth: Vector) -> tuple[Vector, bool]:
    """Interest of twelve months on the debt before them, and whether it is the interest bill's.

    The bill is the public sector's net of what its assets earn, the debt is gross: the rate reads low. Without a bill
    it is stated: half the Selic of the last 12 months, half that of the last 36. growth: nominal, of twelve months.
    """
    debt, bill = state.values[DEBT], state.values[INTEREST]
    if _in_use(bill, debt):
        return bill * (1.0 + growth) / _before(debt), True
    selic = state.values[SELIC]
    floating, fixed = trailing_mean(selic, 12), trailing_mean(selic, FIXED_MONTHS)
    return FLOATING_SHARE * floating + (1.0 - FLOATING_SHARE) * fixed, False


def history(state: State) -> History:
    """The vintage's measures, for the longest run of months without a hole up to the newest that has all of them.

    Where the primary balance is not known (or ends before the debt does) it is what the debt identity implies, so that
    it holds the stock-flow adjustment.
    """
    v = state.values
    growth = _average_growth(v[ACTIVITY])
    inflation = _average_growth(_price_level(v[PRICES]))
    interest, billed = implicit_interest(state, (1.0 + growth) * (1.0 + inflation) - 1.0)
    real = (1.0 + interest) / (1.0 + inflation) - 1.0
    reer = np.log(v[REER]) - np.log(_before(v[REER]))
    share, shared = _foreign_share(state)
    implied = implied_primary(_before(v[DEBT]), v[DEBT], real_snowball(growth, real, reer, share))
    observed = _in_use(v[PRIMARY], v[DEBT])
    primary = -v[PRIMARY] if observed else implied
    columns = np.column_stack([growth, real, primary, reer])
    rows = np.column_stack([columns, v[DEBT], interest, primary - implied])
    part = _unbroken(np.isfinite(rows).all(axis=1))
    rows = rows[part]
    return History(
        state.session,
        state.knowledge_time,
        state.months[part],
        rows[:, :4],
        rows[:, 4],
        rows[:, 5],
        rows[:, 6],
        share,
        observed,
        billed,
        shared,
    )


def real_snowball(growth: Vector, real: Vector, reer_change: Vector, share: float) -> Vector:
    """`debt.snowball` in real terms: prices drop out, foreign debt grows with its real rate and the real exchange rate.

    reer_change: log, of BRL per foreign money, + = real depreciation.
    """
    zero = np.zeros_like(growth)
    foreign = np.full_like(growth, FOREIGN_REAL_RATE)
    return snowball(real, growth, zero, np.full_like(growth, share), foreign, np.expm1(reer_change))


def _unbroken(complete: npt.NDArray[np.bool_]) -> slice:
    """The last run of complete rows."""
    there = np.flatnonzero(complete)
    if not there.size:
        return slice(0, 0)
    breaks = np.flatnonzero(np.diff(there) > 1)
    return slice(int(there[breaks[-1] + 1] if breaks.size else there[0]), int(there[-1]) + 1)
