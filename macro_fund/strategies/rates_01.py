"""RATES-01: receive (or pay) the DI tenor with the largest carry and roll-down to risk.

Belongs here: the measure, the gate and the choice of tenor. Does not belong here: hysteresis and levels (rows.py).
Claim, data and what falsifies it: docs/strategies.md.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.curves.flat_forward import YEAR_BD, curves
from macro_fund.features.stats import rolling_vol
from macro_fund.settings import Strategy
from macro_fund.strategies.curve import contract_value, curve_nodes, recent
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import (
    DEGRADED_CAP,
    Leg,
    hysteresis,
    parameter,
    table_rows,
    trade_rows,
)

# Trust in the gate by the monetary view's status. A degraded view still gates; without a view the gate is open.
MONETARY_WEIGHT = {"ok": 1.0, "degraded": 0.7, "no_view": DEGRADED_CAP}

Vector = npt.NDArray[np.float64]


def carry_roll(nodes: pl.DataFrame, tenors: list[int], horizon: int, cdi: Vector) -> Vector:
    """CR = PU(r(n-h), n-h) / [PU(r(n), n) (1 + CDI)^(h/252)] - 1: array (sessions, tenors), NaN where unknown.

    The excess return over cash of holding a received DI of `n` business days for `h` on an unchanged curve. `nodes`
    holds row (0..k-1, the session's number), tenor_bd and rate; `cdi` is annual, one per session. Flat forward between
    nodes, so CR is the forward rate of the last h days of the tenor less the CDI, over h days.
    """
    if min(tenors) <= horizon:
        raise ValueError(f"tenors must be longer than the horizon of {horizon} business days, got {min(tenors)}")
    out = np.full((len(cdi), len(tenors)), np.nan)
    present = nodes["row"].unique().sort().to_numpy()
    if present.size == 0:
        return out
    number = np.searchsorted(present, nodes["row"].to_numpy())
    built = curves(number, nodes["tenor_bd"].to_numpy(), nodes["rate"].to_numpy())
    which, n = np.arange(present.size)[:, None], np.array(tenors, dtype=np.int64)
    earned = built.log_capitalisation(which, n) - built.log_capitalisation(which, n - horizon)
    value = np.expm1(earned - np.log1p(cdi[present])[:, None] * (horizon / YEAR_BD))
    out[present] = np.where(n <= built.last_bdays(which), value, np.nan)
    return out


def _cash(panel: Panel, grid: pl.DataFrame) -> pl.DataFrame:
    """cdi (annual, decimal) and cdi_state."""
    level = panel.level("br_cdi_daily", grid, "cdi")
    return level.with_columns(((1.0 + pl.col("cdi")) ** YEAR_BD - 1.0).alias("cdi"))


def _pnl_sigma(panel: Panel, instrument_id: str, grid: pl.DataFrame, window: int) -> Vector:
    """Daily standard deviation of the instrument's P&L as a fraction of the PU held (NaN where unknown or old)."""
    rows = panel.returns(instrument_id, grid["session"][-1])
    rate, dv01 = (rows[c].fill_null(float("nan")).to_numpy() for c in ("level", "dv01_brl"))
    held = pl.Series(contract_value(rate, dv01), dtype=pl.Float64).fill_nan(None)
    daily = rows["pnl_brl"] / held.shift(1)  # the PU of the contract that was held into the day
    rows = rows.select("session", "trade_date", rolling_vol(daily, window=window).alias("sigma"))
    sigma = recent(rows, grid, ["sigma"])["sigma"].cast(pl.Float64)
    known = pl.select(pl.when(sigma > 0).then(sigma)).to_series()
    return known.fill_null(float("nan")).to_numpy()


def _best(ratio: Vector) -> tuple[npt.NDArray[np.int64], Vector]:
    """(column of the largest |ratio|, its ratio) per session; column -1 and NaN where every tenor is unknown."""
    size = np.where(np.isnan(ratio), -1.0, np.abs(ratio))
    column = np.argmax(size, axis=1)
    value = np.take_along_axis(ratio, column[:, None], axis=1)[:, 0]
    return np.where(np.isnan(value), -1, column), value


def _gate(panel: Panel, grid: pl.DataFrame) -> pl.DataFrame:
    """monetary_score and monetary_status (no_view when the view is absent)."""
    view = panel.table("agents/monetary_view").select("session", monetary_score="state_score", monetary_status="status")
    joined = grid.join(view, on="session", how="left", maintain_order="left")
    return joined.with_columns(pl.col("monetary_status").fill_null("no_view"))


def _session_frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> tuple[pl.DataFrame, Vector]:
    """One row per session (best tenor, signal, position, status, reason) and the ratios of every tenor."""
    ids = params.instruments
    tenors = [panel.instrument(i).tenor_bd for i in ids]
    horizon, window = params.horizon_days, int(parameter(params, "vol_window"))
    frame = _cash(panel, grid).join(_gate(panel, grid), on="session", how="left", maintain_order="left")
    cash = frame.select(pl.when(pl.col("cdi_state") == "ok").then("cdi").fill_null(float("nan"))).to_series().to_numpy()
    nodes = curve_nodes(panel, grid)
    sigma = np.stack([_pnl_sigma(panel, i, grid, window) for i in ids], axis=1)
    ratio = carry_roll(nodes, tenors, horizon, cash) / (sigma * np.sqrt(horizon))
    best, value = _best(ratio)
    curve_days = nodes.select("session", "curve_date").unique("session")
    frame = frame.join(curve_days, on="session", how="left", maintain_order="left").with_columns(
        pl.Series("best", best),
        pl.Series("z_best", value).fill_nan(None),
        pl.Series("known_tenors", (~np.isnan(ratio)).sum(axis=1)),
    )
    return _judged(frame, params, len(ids)), ratio


def _judged(frame: pl.DataFrame, params: Strategy, n_tenors: int) -> pl.DataFrame:
    """Adds signal (gated), gated, position, status, confidence and the reasons of the session."""
    gate = parameter(params, "gate_monetary_score")
    raw = pl.col("z_best").tanh()
    gated = ((pl.col("monetary_score") > gate) & (raw > 0)).fill_null(False)
    frame = frame.with_columns(gated.alias("gated"), pl.when(gated).then(0.0).otherwise(raw).alias("s"))
    signal = frame["s"].fill_null(float("nan")).to_numpy()
    missing = (
        pl.when(pl.col("cdi_state") != "ok")
        .then(pl.format("CDI is {}", pl.col("cdi_state")))
        .when(pl.col("curve_date").is_null())
        .then(pl.lit("DI curve is missing or older than a week"))
        .otherwise(pl.lit("no tenor has both a curve and a volatility"))
    )
    ungated = pl.col("monetary_status") == "no_view"
    gate_state = pl.when(ungated).then(pl.lit("open")).otherwise(pl.lit("less sure"))
    weak = pl.when(pl.col("monetary_status") != "ok").then(
        pl.format("monetary view is {}: the gate against hikes is {}", pl.col("monetary_status"), gate_state)
    )
    status = (
        pl.when(pl.col("s").is_null())
        .then(pl.lit("no_view"))
        .when(ungated)
        .then(pl.lit("degraded"))
        .otherwise(pl.lit("ok"))
    )
    trust = pl.col("monetary_status").replace_strict(MONETARY_WEIGHT, default=DEGRADED_CAP, return_dtype=pl.Float64)
    return frame.with_columns(
        pl.Series("held", hysteresis(signal, params.enter, params.exit)),
        status.alias("status"),
        missing.alias("missing"),
        weak.alias("weak"),
        (trust * pl.col("known_tenors") / n_tenors).alias("confidence"),
    )


def _leg(frame: pl.DataFrame, column: int, ids: list[str], ratio: Vector, gate: float) -> pl.DataFrame:
    """The session frame as seen by one tenor: the chosen one has the signal, the others are flat and say why."""
    chosen = pl.col("best") == column
    best_id = pl.col("best").replace_strict(dict(enumerate(ids)), default=None, return_dtype=pl.String)
    what = (
        pl.when(~chosen)
        .then(pl.format("not the best tenor: {} has the larger carry and roll to risk", best_id))
        .when("gated")
        .then(
            pl.format(
                f"gated: monetary score {{}} above {gate} speaks against receiving", pl.col("monetary_score").round(2)
            )
        )
        .otherwise(pl.format("best tenor: carry and roll of {} sigma", pl.col("z_best").round(3)))
    )
    viewed = pl.col("status") != "no_view"
    reason = pl.when(viewed).then(pl.concat_str(what, "weak", separator="; ", ignore_nulls=True)).otherwise("missing")
    return frame.with_columns(
        pl.when(chosen).then("s").otherwise(0.0).alias("signal"),
        pl.when(chosen).then("held").otherwise(0).alias("position"),
        pl.Series("z", ratio[:, column]).fill_nan(None),
        reason.alias("reason"),
    )


@register(
    "RATES-01",
    hypothesis="The DI curve moves less than its forwards say, so the carry and roll-down of a tenor is earned.",
    falsified_by="more than 80% of the return is explained by changes of the Selic, or net Sharpe <= 0 over 5 years",
    inputs=("silver/di_curve", "silver/as_known", "silver/leg_returns", "agents/monetary_view"),
    series=("br_cdi_daily",),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/rates_01: four tenors per session, of which the best carries the signal tanh(CR / sigma_h).

    Signal > 0 receives. z is each tenor's own CR / sigma_h. A tenor that is not the best has signal 0 and direction 0.
    """
    grid = panel.grid(sessions)
    frame, ratio = _session_frame(panel, params, grid)
    legs = []
    gate = parameter(params, "gate_monetary_score")
    for column, instrument_id in enumerate(params.instruments):
        leg = _leg(frame, column, params.instruments, ratio, gate)
        legs.append(trade_rows(leg, panel, params, [Leg(instrument_id)], window=int(parameter(params, "vol_window"))))
    return table_rows(legs, params, sessions)
