"""Margin of the target book, and what it would take to close it.

Belongs here: the risk/liquidity table. Does not belong here: margin rates (config/contracts.yaml) or the cost of
a trade (pms/costs.py).

Margin is a stand-in until the clearing house's file is read: bp of DV01 or a share of the notional. No free source
gives traded volumes of listed contracts, so the days to close are not known: null, and
the row is degraded, not a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from macro_fund.instruments.contracts import Spec
from macro_fund.instruments.futures import contract_margin
from macro_fund.portfolio.history import latest_marks
from macro_fund.risk.hedge import Cost
from macro_fund.settings import Instrument, Settings
from macro_fund.store.tables import TABLES

TABLE = TABLES["risk/liquidity"]
NO_VOLUME = "no source of traded volumes: days to close are not known"


def liquidity(
    targets: pl.DataFrame,
    instrument_returns: pl.DataFrame,
    settings: Settings,
    specs: Mapping[str, Spec],
    sessions: Sequence[date],
    cost: Cost,
) -> pl.DataFrame:
    """risk/liquidity: one row for each session and target; amounts in BRL, of the whole target.

    instrument_returns: full history up to the last session; cost: of a trade. A target without a view, or held in a
    contract that did not settle, is no_view. ValueError: an instrument that the configuration does not have.
    """
    by_id = {i.id: i for i in settings.instruments}
    marks = latest_marks(instrument_returns, sessions).select(
        "session", "instrument", "contract", "bdays", "unit_dv01_brl", "unit_delta_brl"
    )
    rows = (
        targets.filter(pl.col("session").is_in(list(sessions)))
        .select("session", "instrument", "contract", "target_contracts", "reason")
        .join(marks, on=["session", "instrument", "contract"], how="left", maintain_order="left")
    )
    if unknown := sorted(set(rows["instrument"]) - set(by_id)):
        raise ValueError(f"targets name {', '.join(unknown)}, which config/instruments.yaml does not have; put it back")
    found = [_row(r, by_id[r["instrument"]], specs, cost) for r in rows.to_dicts()]
    return pl.DataFrame(found, schema=TABLE.schema, orient="row").sort(TABLE.sort)


def _row(row: Mapping[str, Any], instrument: Instrument, specs: Mapping[str, Spec], cost: Cost) -> dict[str, Any]:
    out: dict[str, Any] = {
        "session": row["session"],
        "instrument": row["instrument"],
        "contracts": row["target_contracts"],
        "adv_contracts": None,
    }
    if row["target_contracts"] is None:
        return out | {"status": "no_view", "reason": row["reason"]}
    if row["target_contracts"] == 0:
        flat = {"days": 0.0, "margin_brl": 0.0, "close_cost_brl": 0.0}
        return out | flat | {"status": "ok", "reason": "no position"}
    if row["bdays"] is None:
        return out | {"status": "no_view", "reason": f"no settlement of {row['contract']} in the session"}
    dv01, delta, contracts = row["unit_dv01_brl"], row["unit_delta_brl"], row["target_contracts"]
    each = contract_margin(specs[instrument.root], row["bdays"], dv01, delta)
    return out | {
        "margin_brl": abs(contracts) * each,
        "close_cost_brl": float(cost(instrument, contracts, dv01)),
        "status": "degraded",
        "reason": NO_VOLUME,
    }
