"""B3 contract codes and their maturities.

Belongs here: ticker <-> maturity of the futures that are read (ROOTS), with the holidays known on a day, and which of
them have official marks (PRICED_ROOTS). Does not belong here: prices, risk, or which contract an instrument holds
(marks.py).
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl

from macro_fund.time.calendars import load_calendar

MONTH_CODES = "FGHJKMNQUVXZ"
# Rates (DI1, dollar coupon DDI and its FRA FRC, IPCA coupon DAP), dollar and Ibovespa with their minis.
ROOTS = ("DI1", "DDI", "DAP", "FRC", "DOL", "WDO", "IND", "WIN")
# The roots whose P&L and risk we compute. The others are read and kept, not marked.
PRICED_ROOTS = ("DI1", "DOL", "IND")
_INDEX_ROOTS = ("IND", "WIN")
_TICKER = re.compile(rf"({'|'.join(ROOTS)})([{MONTH_CODES}])(\d\d)")
_WEDNESDAY = 2
_MIDDLE = 15


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
