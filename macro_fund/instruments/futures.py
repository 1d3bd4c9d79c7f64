"""Futures settled by price difference (DOL, WDO, IND, WIN), and what all futures share: ticks, carry in bp, margin.

Belongs here: formulas of one contract, elementwise. Does not belong here: rate futures (di1.py, ddi.py, frc.py,
dap.py), rolling or frames. DOL is quoted in BRL per USD 1,000 and is worth BRL 50 a point (USD 50,000), WDO BRL 10; IND
is BRL 1 an index point, WIN BRL 0.20. Quantity > 0 is long the contract (DOL: long USD). Source: B3 contract
specifications.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from macro_fund.instruments.contracts import Spec, at_term
from macro_fund.instruments.di1 import Array, Values, round2


def daily_settlement(settle: npt.ArrayLike, previous: npt.ArrayLike, point_value: npt.ArrayLike) -> Array:
    """BRL paid to +1 contract for the day: (F_t - F_{t-1}) * point_value, to the cent."""
    change = np.asarray(settle, dtype=np.float64) - np.asarray(previous, dtype=np.float64)
    return round2(change * np.asarray(point_value, dtype=np.float64))


def delta(settle: npt.ArrayLike, point_value: npt.ArrayLike) -> Array:
    """BRL value of the exposure of +1 contract: price * point_value; a 1% rise gains 1% of it."""
    return np.asarray(settle, dtype=np.float64) * np.asarray(point_value, dtype=np.float64)


def fair_value(spot: npt.ArrayLike, pu_di: npt.ArrayLike, pu_ddi: npt.ArrayLike) -> Array:
    """DOL by covered parity: spot * PU of the DDI / PU of the DI1 of its maturity (B3 pricing manual; not the first
    maturity, whose dirty coupon accrues). spot in BRL per USD 1,000, PUs per 100,000.
    """
    dollars, reais = np.asarray(pu_ddi, dtype=np.float64), np.asarray(pu_di, dtype=np.float64)
    if np.any(reais <= 0):
        raise ValueError("a DI1 PU must be above 0")
    return np.asarray(np.asarray(spot, dtype=np.float64) * dollars / reais)


def cash_and_carry(spot: npt.ArrayLike, rate: Values, bdays: npt.ArrayLike, dividend_yield: Values = 0.0) -> Array:
    """IND or WIN by cash and carry: index x ((1 + DI) / (1 + dividend yield))^(n/252), rates as decimals."""
    growth = (1.0 + np.asarray(rate, dtype=np.float64)) / (1.0 + np.asarray(dividend_yield, dtype=np.float64))
    return np.asarray(np.asarray(spot, dtype=np.float64) * growth ** (np.asarray(bdays, dtype=np.float64) / 252.0))


def carry(settle: npt.ArrayLike, spot: npt.ArrayLike, days: npt.ArrayLike) -> Array:
    """Yearly carry ln(F/S) x 365 / calendar days: what a SHORT future earns if the spot stands still (log, decimal)."""
    futures_, spots = np.asarray(settle, dtype=np.float64), np.asarray(spot, dtype=np.float64)
    term = np.asarray(days, dtype=np.float64)
    if np.any(futures_ <= 0) or np.any(spots <= 0) or np.any(term <= 0):
        raise ValueError("carry needs prices above 0 and at least one day to expiry")
    return np.log(futures_ / spots) * 365.0 / term


def carry_units(fraction: Values, price: Values, value: Values, dv01: Values, sigma_bp: Values) -> dict[str, Array]:
    """Carry (or roll) of one rate future in three units: `brl`, `bp` of rate, `vol` (daily standard deviations).

    fraction: of the price, as `carry_and_roll` gives it; value: BRL a point; dv01: BRL a bp; sigma_bp: daily volatility
    of the rate in bp. An expired contract (dv01 0) has no bp: NaN.
    """
    brl = np.asarray(fraction, dtype=np.float64) * np.asarray(price, dtype=np.float64) * np.asarray(value)
    risk = np.asarray(dv01, dtype=np.float64)
    bp = np.divide(brl, risk, out=np.full(np.broadcast(brl, risk).shape, np.nan), where=risk > 0)
    return {"brl": brl, "bp": bp, "vol": bp / np.asarray(sigma_bp, dtype=np.float64)}


def round_to_tick(level: Values, tick: npt.ArrayLike) -> Array:
    """The nearest multiple of the tick, halves away from zero; level and tick in the same unit (tick > 0)."""
    step = np.asarray(tick, dtype=np.float64)
    if np.any(step <= 0):
        raise ValueError("a tick must be above 0")
    steps = np.asarray(level, dtype=np.float64) / step
    # Rounding first to a ten-millionth removes binary noise: 0.15 / 0.1 is a half.
    whole = np.sign(steps) * np.floor(np.round(np.abs(steps), 7) + 0.5)
    return np.asarray(np.round(whole * step, 10))


def margin_proxy(spec: Spec, bdays: npt.ArrayLike, dv01_brl: Values, delta_brl: Values) -> Array:
    """Initial margin of one contract, BRL: judgement of config/contracts.yaml until the clearing house's file is read.

    A rate future needs so many bp of its DV01, another one a share of its notional.
    """
    base = np.asarray(dv01_brl if spec.margin.kind == "dv01_bp" else delta_brl, dtype=np.float64)
    return np.asarray(at_term(spec.margin.value, bdays) * np.abs(base))


def contract_margin(spec: Spec, bdays: int, dv01_brl: float, delta_brl: float) -> float:
    """`margin_proxy` of one contract as a number, BRL; a contract past its last business day is taken at that day."""
    return float(margin_proxy(spec, max(int(bdays), 0), dv01_brl, delta_brl))
