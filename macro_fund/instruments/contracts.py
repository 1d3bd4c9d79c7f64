"""B3 contract codes, their maturities and their specifications.

Belongs here: ticker <-> maturity of the futures that are read (ROOTS), with the holidays known on a day; what a point
is worth, ticks, fees and spreads (config/contracts.yaml). Does not belong here: prices, risk, or which contract an
instrument holds (marks.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from macro_fund.curves.cupom import FIRST_LEG_BD
from macro_fund.settings import CONFIG_DIR, SettingsError, parse_file
from macro_fund.time.calendars import BusinessCalendar, load_calendar

MONTH_CODES = "FGHJKMNQUVXZ"
# Rates (DI1, dollar coupon DDI and its FRA FRC, IPCA coupon DAP), dollar and Ibovespa with their minis.
ROOTS = ("DI1", "DDI", "DAP", "FRC", "DOL", "WDO", "IND", "WIN")
# The roots whose P&L and risk we compute: all that are read.
PRICED_ROOTS = ROOTS
_INDEX_ROOTS = ("IND", "WIN")
_TICKER = re.compile(rf"({'|'.join(ROOTS)})([{MONTH_CODES}])(\d\d)")
_WEDNESDAY = 2
_MIDDLE = 15


def _from_zero(bands: dict[int, float]) -> dict[int, float]:
    if min(bands, default=1) != 0 or any(v < 0 for v in bands.values()):
        raise ValueError("a table by term starts at 0 business days and has no negative value")
    return dict(sorted(bands.items()))


ByTerm = Annotated[dict[int, float], AfterValidator(_from_zero)]


class Margin(BaseModel):
    """Initial margin of one contract: `value` bp times its DV01, or `value` times its notional."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["dv01_bp", "notional"]
    value: ByTerm


class Spec(BaseModel):
    """One root of config/contracts.yaml; `tick` and `half_spread` by business days to expiry, in `spread_unit`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    unit: Literal["brl", "usd", "ipca"]
    point_value: Annotated[float, Field(gt=0)]
    spread_unit: Literal["bp", "points"]
    tick: ByTerm
    half_spread: ByTerm
    fee_brl: Annotated[float, Field(ge=0)]
    margin: Margin


@cache
def load_specs(config_dir: Path = CONFIG_DIR) -> Mapping[str, Spec]:
    """Specification of every root; raises SettingsError naming file, line and field, or the roots that are missing."""
    path = config_dir / "contracts.yaml"
    found: dict[str, Spec] = parse_file(path, dict[str, Spec])
    if set(found) != set(ROOTS):
        raise SettingsError(f"{path}: needs exactly {', '.join(ROOTS)}, has {', '.join(found)}")
    return found


def at_term(bands: Mapping[int, float], bdays: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Value of a table by term at business days to expiry (>= 0), elementwise."""
    days = np.asarray(bdays, dtype=np.int64)
    if np.any(days < 0):
        raise ValueError("business days to expiry must be >= 0; drop expired contracts")
    terms = np.array(list(bands), dtype=np.int64)
    return np.array(list(bands.values()), dtype=np.float64)[np.searchsorted(terms, days, side="right") - 1]


def point_values(specs: Mapping[str, Spec]) -> dict[str, float]:
    """`point_value` of each root: reais, dollars or reais an index point a point, by its unit."""
    return {root: spec.point_value for root, spec in specs.items()}


@cache
def split(contract: str) -> tuple[str, int, int]:
    """(root, year, month) of a ticker such as DI1F27; raises ValueError for anything else."""
    found = _TICKER.fullmatch(contract)
    if found is None:
        raise ValueError(
            f"{contract!r} is not a contract of {', '.join(ROOTS)}: expected root, month letter ({MONTH_CODES}) "
            "and two digits of the year, as in DI1F27"
        )
    root, letter, year = found.groups()
    month = MONTH_CODES.index(letter) + 1
    if root in _INDEX_ROOTS and month % 2:
        raise ValueError(f"{contract!r} is not a contract: {root} is listed for even months only (G, J, M, Q, V, Z)")
    return root, 2000 + int(year), month


def contract_code(root: str, maturity: date) -> str:
    """Ticker of the `root` contract that expires in the month of `maturity`; raises ValueError for an unknown one."""
    code = f"{root}{MONTH_CODES[maturity.month - 1]}{maturity.year % 100:02d}"
    if split(code)[1] != maturity.year:
        raise ValueError(f"no two-digit ticker for {root} of {maturity}: the year must be 2000 to 2099")
    return code


@cache
def _anchor(contract: str) -> tuple[date, str]:
    """The day that the contract expires on if the market is open, and the calendar that decides it.

    DI1, DDI, FRC, DOL and WDO: first business day of the month; DAP: the 15th (bank calendar). IND and WIN: Wednesday
    nearest the 15th (exchange calendar).
    """
    root, year, month = split(contract)
    middle = date(year, month, _MIDDLE)
    if root in _INDEX_ROOTS:
        return middle + timedelta(days=(_WEDNESDAY - middle.weekday() + 3) % 7 - 3), "b3"
    return (middle if root == "DAP" else date(year, month, 1)), "anbima"


def maturity(contract: str, known_on: date) -> date:
    """Expiry of a ticker under the holidays known on a day; a closed day moves to the next open one.

    Raises ValueError for a ticker that is not a contract of ROOTS.
    """
    anchor, calendar = _anchor(contract)
    return load_calendar(calendar).offset(anchor, 0, known_on=known_on)


def maturities(contracts: pl.Series, known_on: pl.Series) -> pl.Series:
    """`maturity` of many tickers (String) on their days (Date), row by row; Date series named "maturity"."""
    if contracts.len() != known_on.len():
        raise ValueError(f"{contracts.len()} contracts but {known_on.len()} days; give one day for each contract")
    names, position = np.unique(contracts.to_numpy().astype(str), return_inverse=True)
    anchors = [_anchor(str(name)) for name in names]
    days = np.array([a for a, _ in anchors], dtype="datetime64[D]")[position]
    by_bank = np.array([c == "anbima" for _, c in anchors], dtype=bool)[position]
    known = known_on.to_numpy().astype("datetime64[D]")
    out = np.empty(days.size, dtype="datetime64[D]")
    for mask, calendar in ((by_bank, "anbima"), (~by_bank, "b3")):
        if mask.any():
            out[mask] = load_calendar(calendar).offset_many(days[mask], 0, known_on=known[mask])
    return pl.Series("maturity", out, dtype=pl.Date)


def first_ddi(days: pl.Series, calendar: BusinessCalendar) -> pl.DataFrame:
    """The DDI that is the first leg of every FRC on each day: (event_date, contract, maturity).

    The first month's with at least FIRST_LEG_BD business days left; the near months are always listed, so nothing that
    is listed later changes the answer.
    """
    ahead = days.dt.truncate("1mo").dt.offset_by("1mo"), days.dt.truncate("1mo").dt.offset_by("2mo")
    letters = pl.Series(list(MONTH_CODES))
    names = ["DDI" + letters.gather(month.dt.month().cast(pl.Int64) - 1) + month.dt.strftime("%y") for month in ahead]
    ends = [maturities(name, days).to_numpy() for name in names]
    soon = calendar.count_many(days, ends[0], known_on=days) < FIRST_LEG_BD
    return pl.DataFrame(
        {
            "event_date": days,
            "contract": pl.Series(np.where(soon, names[1].to_numpy(), names[0].to_numpy()), dtype=pl.String),
            "maturity": pl.Series(np.where(soon, ends[1], ends[0]), dtype=pl.Date),
        }
    )
