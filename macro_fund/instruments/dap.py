"""IPCA coupon future (DAP): risk, index and daily settlement of one contract.

Belongs here: formulas of one contract, elementwise. Does not belong here: PU and rate, which are those of DI1 (di1.pu,
di1.rate_from_pu: exponential on 252 business days, here a real rate), or frames. A point is BRL 0.00025 times the IPCA
index accrued to the day. Quantity > 0 is long PU: it gains when the real rate falls.

The index is the one behind the NTN-B: VNA / 1000 x the index of June 2000, accrued by business days from one 15th to
the next at IBGE's IPCA or, before its release, ANBIMA's projection; B3 rounds it to two decimals. When a projection
changes, the index of the day before is restated with the new one: so B3's corrected prices of 2021 come out to one cent
of PU (on two of sixteen days to 17 cents, one unit of the index's last digit).
Source: B3 contract specification; ANBIMA methodology of the NTN-B VNA.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from macro_fund.instruments import ddi, di1
from macro_fund.instruments.di1 import Array, Values

POINT_BRL = 0.00025
INDEX_JUNE_2000 = 1614.62  # IPCA, December 1993 = 100: base of the NTN-B
VNA_BASE = 1000.0

# The settlement rule is that of DDI, at this contract's point value and correction.
daily_settlement = ddi.daily_settlement
variation = ddi.variation


def ipca_index(vna: npt.ArrayLike) -> Array:
    """IPCA index accrued to the day, two decimals, from the NTN-B VNA (BRL) of the day. NaN stays NaN."""
    return di1.round2(np.asarray(vna, dtype=np.float64) / VNA_BASE * INDEX_JUNE_2000)


def restated_vna(vna: npt.ArrayLike, anniversary: npt.ArrayLike, share: npt.ArrayLike) -> Array:
    """VNA of an earlier day of the same month at today's projection: V15 x (V_t / V15)^share.

    vna: VNA of today; anniversary: VNA of the last 15th; share: business days from the 15th to the earlier day over
    those to today, in [0, 1].
    """
    start = np.asarray(anniversary, dtype=np.float64)
    return np.asarray(start * (np.asarray(vna, dtype=np.float64) / start) ** np.asarray(share, dtype=np.float64))


def point_value(index: npt.ArrayLike) -> Array:
    """BRL a point: 0.00025 x IPCA index of the day."""
    levels = np.asarray(index, dtype=np.float64)
    if np.any(levels <= 0):
        raise ValueError("the IPCA index must be above 0")
    return POINT_BRL * levels


def correction_factor(cdi_factor: npt.ArrayLike, index: npt.ArrayLike, index_before: npt.ArrayLike) -> Array:
    """FC that carries a PU to the settlement day: growth of the CDI over growth of the index since the last session."""
    growth = np.asarray(index, dtype=np.float64) / np.asarray(index_before, dtype=np.float64)
    return np.asarray(np.asarray(cdi_factor, dtype=np.float64) / growth)


def dv01(rate: Values, bdays: npt.ArrayLike, index: npt.ArrayLike, price: Values | None = None) -> Array:
    """Gain in BRL of +1 contract when the real rate falls 1bp: DI1's times 0.00025 x index."""
    return di1.dv01(rate, bdays, price) * point_value(index)
