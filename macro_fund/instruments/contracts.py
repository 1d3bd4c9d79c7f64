"""B3 contract codes and their maturities.

Belongs here: ticker <-> maturity of the futures that the fund trades (DI1, DOL, IND), with the holidays known on a day.
Does not belong here: prices, risk, or which contract an instrument holds (marks.py).
"""

from __future__ import annotations

import re
from datetime import date, timedelta

import numpy as np
import polars as pl

from macro_fund.time.calendars import load_calendar

MONTH_CODES = "FGHJKMNQUVXZ"
ROOTS = ("DI1", "DOL", "IND")
_TICKER = re.compile(rf"({'|'.join(ROOTS)})([{MONTH_CODES}])(\d\d)")
_WEDNESDAY = 2


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
    if root == "IND" and month % 2:
        raise ValueError(f"{contract!r} is not a contract: IND is listed for even months only (G, J, M, Q, V, Z)")
    return root, 2000 + int(year), month


def contract_code(root: str, maturity: date) -> str:
    """Ticker of the `root` contract that expires in the month of `maturity`; raises ValueError for an unknown one."""
    code = f"{root}{MONTH_CODES[maturity.month - 1]}{maturity.year % 100:02d}"
    if split(code)[1] != maturity.year:
        raise ValueError(f"no two-digit ticker for {root} of {maturity}: the year must be 2000 to 2099")
    return code


def _anchor(contract: str) -> tuple[date, str]:
    """The day that the contract expires on if the market is open, and the calendar that decides it.

    DI1 and DOL: first business day of the month (bank calendar). IND: Wednesday nearest the 15th (exchange calendar).
    """
    root, year, month = split(contract)
    if root != "IND":
        return date(year, month, 1), "anbima"
    middle = date(year, month, 15)
    return middle + timedelta(days=(_WEDNESDAY - middle.weekday() + 3) % 7 - 3), "b3"


def maturity(contract: str, known_on: date) -> date:
    """Expiry of a ticker under the holidays known on a day; a closed day moves to the next open one.

    Raises ValueError for a ticker that is not a DI1, DOL or IND contract.
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
