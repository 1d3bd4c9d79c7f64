"""What a trade is expected to make, and which trade comes first.

Belongs here: expected P&L in the units of portfolio/targets, and the rank of a session's proposals. Does not belong
here: the expected return itself (portfolio/allocations), risk (`before_after.py`), cost (`costs.py`).

    expected P&L = quantity x expected return a year of a unit of exposure x exposure of a contract x days / 252

It is measured against not trading: closing what the sizing expects nothing of is worth 0, closing what it expects to
gain costs that gain. `days` are the horizons of the strategies that own the target, by their shares.

Rank: trades that take VaR off the book first, by expected P&L less cost, since nothing is paid for them in risk; then
the others by expected P&L less cost per real of component VaR; then those without a number. Ties by proposal id.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from macro_fund.pms.whatif import Line, Row
from macro_fund.portfolio.covariance import YEAR
from macro_fund.portfolio.inputs import HORIZON


def horizon(shares: Sequence[Row], days: Mapping[str, int]) -> float:
    """Sessions over which a position with these owners is expected to earn; `days` by strategy."""
    return sum(s["share"] * days.get(s["strategy_id"], HORIZON) for s in shares) if shares else HORIZON


def expected_pnl(line: Line, quantity: int, a_year: float | None, days: float) -> float | None:
    """BRL that `quantity` contracts are expected to make in `days` sessions; None without a return or an exposure."""
    exposure = line.exposure
    if a_year is None or exposure is None:
        return None
    return quantity * a_year * exposure * days / YEAR + 0.0


def net_per_var(net: float | None, component: float | None) -> float | None:
    """Expected P&L less cost per real of component VaR; None where the trade adds no VaR, or a number is missing."""
    return None if net is None or component is None or component <= 0 else net / component


def ranks(net: Sequence[float | None], component: Sequence[float | None], ids: Sequence[str]) -> list[int]:
    """Rank of each trade, 1 first; see the module."""

    def place(k: int) -> tuple[int, float, str]:
        gain, risk = net[k], component[k]
        if gain is None or risk is None or not math.isfinite(gain):
            return 2, 0.0, ids[k]
        return (0, -gain, ids[k]) if risk <= 0 else (1, -gain / risk, ids[k])

    order = sorted(range(len(ids)), key=place)
    return [order.index(k) + 1 for k in range(len(ids))]
