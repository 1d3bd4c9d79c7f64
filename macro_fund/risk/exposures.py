"""The target book on the risk factors: key-rate DV01 and deltas.

Belongs here: which factors a position rests on, and how much of its risk each of them has. Does not belong here: the
factors' moves (features/factor_shocks.py) or what they cost (var.py).

A DI1 contract's DV01 is split between the two neighbouring nodes of the DI curve, linearly in business days to its
expiry; before the first and beyond the last node all of it is on that node. A dollar future's delta is on the dollar,
an index future's on the Ibovespa; their small exposure to carry is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.portfolio.history import session_array
from macro_fund.settings import Instrument
from macro_fund.store.tables import TABLES

TABLE = TABLES["risk/exposures"]
RATE_NODES = {"di_63": 63, "di_252": 252, "di_504": 504, "di_1260": 1260, "di_2520": 2520}
"""Nodes of the DI curve that are factors, and their business days, ascending."""
DI_TENORS = np.array(list(RATE_NODES.values()), dtype=np.float64)
DELTA_FACTOR = {"DOL": "usdbrl", "WDO": "usdbrl", "IND": "ibov", "WIN": "ibov"}
"""Factor of a price contract, by root."""
MAPPED = (*RATE_NODES, *dict.fromkeys(DELTA_FACTOR.values()))
"""Every factor that the book can rest on: DI nodes first, in order."""
N_RATES = len(RATE_NODES)


def node_weights(bdays: np.ndarray, tenors: np.ndarray = DI_TENORS) -> np.ndarray:
    """Parts of a rate's DV01 on nodes at the ascending tenors (positions x nodes), flat outside; rows sum to 1."""
    return np.stack([np.interp(bdays, tenors, row) for row in np.eye(len(tenors))], axis=-1)


def held_positions(
    targets: pl.DataFrame,
    instrument_returns: pl.DataFrame,
    instruments: Sequence[Instrument],
    sessions: Sequence[date],
) -> pl.DataFrame:
    """The targets that are not zero, with root and bdays: session, instrument, root, bdays, contracts, rate, dv01_brl,
    delta_brl, sorted by session and instrument.

    bdays: business days to expiry of the newest settlement of the contract that the session knew; of a contract
    without one, the tenor that the instrument is rolled at. ValueError: an instrument that is not configured, a held
    target without DV01 or delta.
    """
    session_array(sessions)
    known = pl.DataFrame(
        {"instrument": [i.id for i in instruments], "root": [i.root for i in instruments],
         "tenor": [i.tenor_bd for i in instruments]},
        schema={"instrument": pl.String, "root": pl.String, "tenor": pl.Int32},
    )  # fmt: skip
    held = (
        targets.filter(pl.col("session").is_in(list(sessions)), pl.col("target_contracts").fill_null(0) != 0)
        .join(known, on="instrument", how="left", maintain_order="left")
        .sort("session", "instrument")
    )
    if held["root"].null_count():
        name = held.filter(pl.col("root").is_null())["instrument"][0]
        raise ValueError(f"target in {name}, which config/instruments.yaml does not have: add it or drop the target")
    if blind := held.filter(pl.any_horizontal(pl.col("dv01_brl", "delta_brl").is_null())).rows(named=True):
        raise ValueError(f"{blind[0]['session']}: target in {blind[0]['instrument']} without DV01 or delta")
    marks = (
        instrument_returns.filter(pl.col("session") <= sessions[-1])
        .select("session", "trade_date", "instrument", "bdays", contract="next_contract")
        .sort("session", "trade_date")
        .unique(["session", "instrument", "contract"], keep="last", maintain_order=True)
        .drop("trade_date")
    )
    dated = held.join_asof(
        marks, on="session", by=["instrument", "contract"], strategy="backward", check_sortedness=False
    )
    return dated.sort("session", "instrument").select(
        "session", "instrument", "root", "rate",
        pl.coalesce("bdays", "tenor").cast(pl.Float64).alias("bdays"),
        pl.col("target_contracts").cast(pl.Float64).alias("contracts"),
        "dv01_brl", "delta_brl",
    )  # fmt: skip


def exposures(
    targets: pl.DataFrame,
    instrument_returns: pl.DataFrame,
    instruments: Sequence[Instrument],
    sessions: Sequence[date],
) -> pl.DataFrame:
    """risk/exposures of the sessions: rows of held positions only, none for an empty book.

    targets: portfolio/targets. instrument_returns: full history up to the last session. Over the factors the rows of an
    instrument sum to its target's DV01 and delta. ValueError: a held instrument whose root has no factor here.
    """
    held = held_positions(targets, instrument_returns, instruments, sessions)
    of_rates = pl.col("root") == "DI1"
    rates, prices = held.filter(of_rates), held.filter(~of_rates)
    if missing := sorted(set(prices["root"]) - set(DELTA_FACTOR)):
        raise ValueError(f"held contracts of {', '.join(missing)} have no risk factor: map them in risk/exposures.py")
    weights = node_weights(rates["bdays"].to_numpy())
    split = [
        rates.select(
            "session", "instrument", pl.lit(factor).alias("factor"),
            dv01_brl=pl.col("dv01_brl") * pl.Series(weights[:, k]), delta_brl=pl.lit(0.0),
        ).filter(pl.Series(weights[:, k]) != 0)
        for k, factor in enumerate(RATE_NODES)
    ]  # fmt: skip
    priced = prices.select(
        "session", "instrument", pl.col("root").replace_strict(DELTA_FACTOR, return_dtype=pl.String).alias("factor"),
        dv01_brl=pl.lit(0.0), delta_brl=pl.col("delta_brl"),
    )  # fmt: skip
    return pl.concat([*split, priced]).select(pl.col(n).cast(t) for n, t in TABLE.schema.items()).sort(TABLE.sort)


def sums_to_targets(frame: pl.DataFrame, targets: pl.DataFrame, tolerance: float = 1e-9) -> list[tuple[date, str]]:
    """(session, what is wrong): rows that do not sum to the target's DV01 and delta, positions without rows, rows
    without a position. Relative to the exposure, and never tighter than the tolerance in BRL."""
    key = ["session", "instrument"]
    sums = frame.group_by(key, maintain_order=True).agg(
        pl.col("dv01_brl").sum().alias("dv01"), pl.col("delta_brl").sum().alias("delta"), pl.len().alias("rows")
    )
    held = targets.filter(pl.col("target_contracts").fill_null(0) != 0).select(*key, "dv01_brl", "delta_brl")
    both = held.join(sums, on=key, how="full", coalesce=True).fill_null(0.0).sort(key)
    apart = [
        (pl.col(a) - pl.col(b)).abs() > tolerance * pl.max_horizontal(pl.col(b).abs(), 1.0)
        for a, b in (("dv01", "dv01_brl"), ("delta", "delta_brl"))
    ]
    bad = both.filter(pl.any_horizontal(*apart) | (pl.col("rows") == 0))
    shown = bad.select(*key, "dv01", "dv01_brl", "delta", "delta_brl")
    return [
        (s, f"{i}: factors have DV01 {a:.6g} and delta {c:.6g}, the target {b:.6g} and {d:.6g}")
        for s, i, a, b, c, d in shown.rows()
    ]
