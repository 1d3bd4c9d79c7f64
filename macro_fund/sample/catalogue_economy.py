"""Lines of the catalogue for the parts of the IPCA, the external accounts, public finances and what follows from rates.

Belongs here: which path of `paths_prices`, `paths_external` and `paths_fiscal` stands behind which series. Does not
belong here: the numbers themselves. Signs and units are the providers' own: SGS counts a deficit as positive.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from macro_fund.sample.grid import FIRST
from macro_fund.sample.lines import Generator, Line
from macro_fund.sample.noise import Floats
from macro_fund.sample.paths_external import PTAX_SPREAD
from macro_fund.sample.paths_fiscal import Fiscal
from macro_fund.sample.paths_prices import GROUP_WEIGHTS, mid_month
from macro_fund.sample.wandering import Path

if TYPE_CHECKING:
    from macro_fund.sample.world import World

DEBT_FROM = np.datetime64("2006-12-01")


def _price(read: Callable[[World], Floats]) -> Line:
    """A monthly change in prices, % with two decimals."""

    def generator(world: World) -> Path:
        late = world.macro.months >= FIRST
        return world.macro.months[late], read(world)[late]

    return Line(generator, 2)


def _one(read: Callable[[World], Mapping[str, Floats]], name: str) -> Callable[[World], Floats]:
    """The path `name` among those that `read` gives."""
    return lambda world: read(world)[name]


def _external(read: Callable[[World], Floats], decimals: int) -> Line:
    return Line(lambda world: (world.external.months, np.round(read(world), decimals)), decimals)


def _fiscal(read: Callable[[Fiscal], Floats], decimals: int, start: np.datetime64 = FIRST) -> Line:
    """A fiscal path without the months in which it is not known."""

    def generator(world: World) -> Path:
        days, values = world.fiscal.months, read(world.fiscal)
        there = (days >= start) & np.isfinite(values)
        return days[there], np.round(values[there], decimals)

    return Line(generator, decimals)


def _overnight(decimals: int, convert: Callable[[Floats], Floats]) -> Line:
    """A daily rate on bank days from CDI, % a year on 252."""

    def generator(world: World) -> Path:
        days = world.grid.anbima
        return days, np.round(convert(world.curves.cdi[world.grid.at(days)]), decimals)

    return Line(generator, decimals)


def _month_of_overnight(annualised: bool) -> Generator:
    """The overnight rate accumulated over each month's bank days, %; annualised on 252."""

    def generator(world: World) -> Path:
        days = world.grid.anbima
        month = (days.astype("datetime64[M]") - FIRST.astype("datetime64[M]")).astype(np.int64)
        growth = np.bincount(month, np.log1p(world.curves.cdi[world.grid.at(days)] / 100) / 252)
        count = np.bincount(month)
        values = 100 * np.expm1(growth * 252 / count if annualised else growth)
        return world.external.months, np.round(values, 2)

    return generator


def _identity(rate: Floats) -> Floats:
    return rate


def _a_day(rate: Floats) -> Floats:
    out: Floats = 100 * np.expm1(np.log1p(rate / 100) / 252)
    return out


def _yearly_growth(world: World) -> Path:
    """Growth of the year's mean activity, %, dated 1 January of the year."""
    first = int(np.searchsorted(world.macro.months, FIRST)) - 12
    means = world.macro.ibc_br[first:].reshape(-1, 12).mean(axis=1)
    return world.macro.months[first + 12 :: 12], np.round(100 * (means[1:] / means[:-1] - 1), 1)


def _quarters(world: World) -> Path:
    """Seasonally adjusted GDP, 1995 = 100: the quarter's mean activity."""
    late = world.macro.months >= FIRST
    means = world.macro.ibc_br[late].reshape(-1, 3).mean(axis=1)
    return world.macro.months[late][::3], np.round(1.35 * means, 2)


_PRICES: Mapping[str, Line] = {
    **{f"br_ipca_grp_{g}": _price(_one(lambda w: w.prices.groups, g)) for g in GROUP_WEIGHTS},
    **{
        f"br_ipca_{k}": _price(_one(lambda w: w.prices.kinds, k))
        for k in ("administered", "services", "industrial_goods", "food_at_home")
    },
    **{
        f"br_ipca_{k}": _price(_one(lambda w: w.prices.others, k))
        for k in (
            *("free", "tradables", "nontradables", "nondurables", "semidurables", "durables", "core_ma", "core_ex1"),
            *("core_ex2", "core_ex3", "core_dp", "core_p55", "core_exfe", "core_ex3_services", "core_ex3_industrial"),
        )
    },
    "br_inpc_mom": _price(lambda w: w.prices.others["inpc"]),
    "br_ipca15_mom": _price(lambda w: mid_month(w.macro.ipca)),
    "br_ipca_e_mom": _price(lambda w: mid_month(w.macro.ipca)),
    "br_ipca_diffusion": _price(lambda w: w.prices.diffusion),
}
_EXTERNAL: Mapping[str, Line] = {
    "br_usdbrl_month_avg": _external(lambda w: w.external.usdbrl, 4),
    "br_usdbrl_month_avg_buy": _external(lambda w: w.external.usdbrl - PTAX_SPREAD, 4),
    "br_reer_ipca": _external(lambda w: w.external.reer, 2),
    "br_terms_of_trade": _external(lambda w: w.external.terms_of_trade, 2),
    **{
        f"br_icbr_{k}_usd": _external(_one(lambda w: w.external.commodities_usd, k), 2)
        for k in ("all", "agro", "metal", "energy")
    },
    **{
        f"br_icbr_{k}_brl": _external(_one(lambda w: w.external.commodities_brl, k), 2)
        for k in ("all", "agro", "metal", "energy")
    },
    "br_gdp_monthly_usd": _external(lambda w: w.external.gdp_usd, 1),
    "br_bop_current_account": _external(lambda w: w.external.current_account, 1),
    "us_ip": _external(lambda w: w.external.us_ip, 4),
}
_FISCAL: Mapping[str, Line] = {
    "br_gdp_monthly_brl": _fiscal(lambda f: f.gdp, 1),
    "br_gdp_12m_brl": _fiscal(lambda f: f.gdp_12m, 1),
    "br_dbgg_gdp": _fiscal(lambda f: f.debt_gdp, 2, DEBT_FROM),
    "br_dlsp_gdp": _fiscal(lambda f: f.net_debt_gdp, 2),
    "br_dlsp_brl": _fiscal(lambda f: f.net_debt_gdp / 100 * f.gdp_12m, 2),
    "br_interest_monthly_umc": _fiscal(lambda f: f.interest, 2),
    "br_primary_monthly_umc": _fiscal(lambda f: -f.primary, 2),
    "br_primary_monthly_brl": _fiscal(lambda f: -f.primary, 2),
    "br_nominal_monthly_umc": _fiscal(lambda f: f.interest - f.primary, 2),
    "br_primary_monthly_gdp": _fiscal(lambda f: -100 * f.primary / f.gdp, 2),
    "br_primary_balance_12m_gdp": _fiscal(lambda f: -f.ratio_12m(f.primary), 2),
    "br_interest_12m_gdp": _fiscal(lambda f: f.ratio_12m(f.interest), 2),
    "br_nominal_balance_12m_gdp": _fiscal(lambda f: f.ratio_12m(f.interest - f.primary), 2),
    "br_gdp_annual_growth": Line(_yearly_growth, 1),
    "br_gdp_sa_total": Line(_quarters, 2),
}
_RATES: Mapping[str, Line] = {
    "br_selic_over_daily": _overnight(6, _a_day),
    "br_selic_over_annualised": _overnight(2, _identity),
    "br_cdi_annualised": _overnight(2, _identity),
    "br_selic_month_accumulated": Line(_month_of_overnight(annualised=False), 2),
    "br_cdi_month_accumulated": Line(_month_of_overnight(annualised=False), 2),
    "br_selic_month_annualised": Line(_month_of_overnight(annualised=True), 2),
}
ECONOMY: Mapping[str, Line] = {**_PRICES, **_EXTERNAL, **_FISCAL, **_RATES}
"""By id of the series."""
