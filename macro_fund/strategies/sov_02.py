"""SOV-02: Brazil's CDS spread against its peers': what is wide of the basket comes back.

Belongs here: the peers' index and the residual. Does not belong here: what a CDS is worth (instruments/cds.py). No CDS
instrument is traded, so the signal never becomes a position. Claim and data: docs/strategies.md.
Signal > 0 is sell protection on Brazil and buy it on the peers, CS01-weighted: Brazil is too wide.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from macro_fund.features.stats import robust_z
from macro_fund.settings import Strategy
from macro_fund.strategies.judge import half_z, judged, needs, with_fresh
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.refit import fitted, monthly_ols
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, fill_share, parameter, states_reason, table_rows, trade_rows
from macro_fund.strategies.sov_01 import CLIP, NO_POSITION

BRAZIL = "br_cds_5y"
PEERS = ("mx_cds_5y", "co_cds_5y", "cl_cds_5y", "za_cds_5y", "tr_cds_5y")


def peer_index(path: pl.DataFrame, names: list[str], least: int) -> pl.Series:
    """Log spread of the peers, chained: the sum of the mean log changes of those quoted on a day and the one before.

    A peer that is not quoted yet, or no longer (it defaulted), does not move the index. Null on a day with fewer than
    `least` changes; the chain goes on from the last value.
    """
    changes = path.select(pl.col(n).log().diff() for n in names)
    mean, count = changes.mean_horizontal(), changes.select(pl.sum_horizontal(pl.all().is_not_null())).to_series()
    return pl.select(pl.when(count >= least).then(mean.fill_null(0.0).cum_sum())).to_series().alias("peers")


def _measures(panel: Panel, params: Strategy, last: date) -> pl.DataFrame:
    """session, z, beta, n of each new quote of Brazil."""
    path = panel.path(BRAZIL, last)
    path = with_fresh(panel, path, {peer: peer for peer in PEERS})
    index = peer_index(path, list(PEERS), int(parameter(params, "peers_min")))
    x = index.cast(pl.Float64).fill_null(float("nan")).to_numpy()[:, None]
    y = np.log(path["value"].to_numpy())
    coefficients = monthly_ols(path["session"], y, x, int(parameter(params, "fit_min")))
    residual = pl.Series("residual", y - fitted(coefficients, x)).fill_nan(None)
    window, least = int(parameter(params, "z_window")), int(parameter(params, "z_min"))
    return path.select("session").with_columns(
        robust_z(residual, window=window, min_obs=least, clip=CLIP).alias("z"),
        pl.Series("beta", coefficients[:, 1]).fill_nan(None),
        residual.is_not_null().cum_sum().alias("n"),
    )


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    names = (BRAZIL, *PEERS)
    frame = grid
    for name in names:
        frame = frame.join(panel.level(name, grid, name), on="session", how="left", maintain_order="left")
    frame = frame.join_asof(_measures(panel, params, grid["session"][-1]), on="session", strategy="backward")
    fresh = pl.sum_horizontal((pl.col(f"{p}_state") == "ok").cast(pl.Int32) for p in PEERS)
    few = fresh < int(parameter(params, "peers_min"))
    none = pl.all_horizontal(pl.col(f"{p}_state") == "missing" for p in PEERS) | (
        pl.col(f"{BRAZIL}_state") == "missing"
    )
    missing = (
        pl.when(none)
        .then(pl.lit(needs(names)))
        .when((pl.col(f"{BRAZIL}_state") != "ok") | few)
        .then(states_reason([(n, n) for n in names]))
    )
    weak = pl.when(fresh < len(PEERS)).then(pl.format("{} of {} peers are quoted", fresh, len(PEERS)))
    return judged(
        frame.with_columns(half_z(pl.col("z")).alias("s")),
        params,
        words=pl.format("Brazil is {} sd wide of its peers, beta {}", pl.col("z").round(2), pl.col("beta").round(2)),
        missing=missing,
        weak=weak,
        gate=pl.lit(NO_POSITION),
        confidence=fill_share(pl.col("n"), int(parameter(params, "z_window"))),
    )


@register(
    "SOV-02",
    hypothesis="Brazil's spread beyond what its peers' spreads explain reverts.",
    falsified_by="the residual is not stationary, or net Sharpe <= 0 over 5 years",
    inputs=("silver/as_known", "silver/leg_returns"),
    series=(),
    licensed=(BRAZIL, *PEERS),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/sov_02: one row per session, direction always 0; z of ln CDS less a + b x the peers' index.

    The instrument only lends the row its level.
    """
    frame = _frame(panel, params, panel.grid(sessions))
    trades = [trade_rows(frame, panel, params, [Leg(i)], trade="cds_peers") for i in params.instruments]
    return table_rows(trades, params, sessions)
