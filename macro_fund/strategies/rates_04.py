"""RATES-04: the term premium in DI forwards is a reward: receive the forward that pays much over expected Selic.

Belongs here: the measure and the forward's two legs. Does not belong here: hysteresis and levels (rows.py). Claim, data
and what falsifies it: docs/strategies.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from macro_fund.curves.flat_forward import YEAR_BD, forward_rate
from macro_fund.features.stats import robust_z
from macro_fund.settings import Strategy
from macro_fund.strategies.curve import TO_BP, contract_years, node_rates
from macro_fund.strategies.judge import half_z, judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, Vector, fill_share, parameter, states_reason, table_rows, trade_rows

FOCUS = "br_focus_selic_annual"
YEARS = 4  # medians for the end of this year and of the next three
CLIP = 3.0
_MONTHS = (np.arange(12) + 0.5) / 12.0


@dataclass(frozen=True)
class Forward:
    """One year's forward that starts `start` years ahead, through two DI1."""

    name: str
    start: int
    near: str
    far: str


def mean_expected(year_ends: Vector, sessions: pl.Series, start: int) -> Vector:
    """Mean expected Selic (decimal, 252) over the year from `start` >= 1 years ahead of each session.

    year_ends: (rows, 4), medians for the end of the session's year and of the next three. Between year ends the path is
    a straight line, and the mean is that of log(1 + rate), which is what a forward compounds.
    """
    if not 1 <= start <= YEARS - 2:
        raise ValueError(f"expectations reach from 1 to {YEARS - 2} years ahead, got {start}")
    first = sessions.dt.ordinal_day().to_numpy().astype(np.float64) / 366.0
    ahead = first[:, None] + start + _MONTHS[None, :]
    k = ahead.astype(np.int64)
    before, after = (np.take_along_axis(year_ends, at, axis=1) for at in (k - 1, k))
    path = np.log1p(before + (ahead - k) * (after - before))
    return np.asarray(np.expm1(sum(path[:, j] for j in range(path.shape[1])) / path.shape[1]))


def _expected(panel: Panel, grid: pl.DataFrame) -> Vector:
    """(rows, 4) fresh Focus medians for the year ends; NaN where unknown or stale."""
    year = pl.col("reference").cast(pl.Int32, strict=False) - pl.col("session").dt.year()
    rows = panel.table("silver/focus").filter((pl.col("feature_id") == FOCUS) & (pl.col("status") == "ok"))
    rows = rows.with_columns(year.alias("year")).unique(["session", "year"], keep="last", maintain_order=True)
    out = np.full((grid.height, YEARS), np.nan)
    for k in range(YEARS):
        one = rows.filter(pl.col("year") == k).select("session", "value")
        found = grid.select("session").join(one, on="session", how="left", maintain_order="left")
        out[:, k] = found["value"].fill_null(float("nan")).to_numpy()
    return out


def _base(panel: Panel, grid: pl.DataFrame, tenors: list[int]) -> pl.DataFrame:
    """Curve nodes, cdi (annual), selic and their states."""
    frame = grid.join(node_rates(panel, grid, tenors), on="session", how="left", maintain_order="left")
    for name, series_id in (("cdi", "br_cdi_daily"), ("selic", "br_selic_target")):
        frame = frame.join(panel.level(series_id, grid, name), on="session", how="left", maintain_order="left")
    state = pl.when(pl.col("curve_date").is_null()).then(pl.lit("missing or older than a week")).otherwise(pl.lit("ok"))
    return frame.with_columns(((1.0 + pl.col("cdi")) ** YEAR_BD - 1.0).alias("cdi"), state.alias("curve_state"))


def forward_weight(near_years: Vector, far_years: Vector, near_rate: Vector, far_rate: Vector) -> Vector:
    """DV01 of the near leg per unit of the far one that makes a move of the near rate at an unchanged forward neutral.

    ln C(far) = ln C(near) + ln C(forward), so d far = (n1 / n2) (1 + r2) / (1 + r1) d near, and as much of the
    near leg is paid.
    """
    return -(near_years / far_years) * (1.0 + far_rate) / (1.0 + near_rate)


def _premium(frame: pl.DataFrame, expected: Vector, start: int) -> pl.DataFrame:
    """`frame` with priced, expected and premium (decimal) of the year from `start` years ahead; null where unknown."""
    near, far = int(start * YEAR_BD), int((start + 1) * YEAR_BD)
    near_rate, far_rate = (frame[f"di_{n}"].fill_null(float("nan")).to_numpy() for n in (near, far))
    basis = (frame["selic"] - frame["cdi"]).fill_null(float("nan")).to_numpy()
    priced = forward_rate(near, far, near_rate, far_rate) + basis
    focus = mean_expected(expected, frame["session"], start)
    fresh = (pl.col("cdi_state") == "ok") & (pl.col("selic_state") == "ok")
    return frame.with_columns(
        pl.Series("priced", priced).fill_nan(None),
        pl.Series("expected", focus).fill_nan(None),
        pl.Series("premium", priced - focus).fill_nan(None),
    ).with_columns(pl.when(fresh).then("premium").alias("premium"))


def _weights(panel: Panel, base: pl.DataFrame, forward: Forward) -> pl.Series:
    """near_weight of the contracts held, null where one is unknown."""
    near, far = (contract_years(panel, i, base) for i in (forward.near, forward.far))
    (n1, r1), (n2, r2) = (
        tuple(leg[c].fill_null(float("nan")).to_numpy() for c in ("years", "rate")) for leg in (near, far)
    )
    return pl.Series("near_weight", forward_weight(n1, n2, r1, r2)).fill_nan(None)


def _frame(panel: Panel, params: Strategy, base: pl.DataFrame, expected: Vector, forward: Forward) -> pl.DataFrame:
    frame = _premium(base, expected, forward.start).with_columns(_weights(panel, base, forward))
    window, minimum = int(parameter(params, "z_window")), int(parameter(params, "z_min"))
    z = robust_z(frame["premium"], window=window, min_obs=minimum, clip=CLIP)
    asked = pl.when(pl.col("expected").is_null()).then(pl.lit("missing or stale")).otherwise(pl.lit("ok"))
    frame = frame.with_columns(
        z.alias("z"), pl.col("premium").is_not_null().cum_sum().alias("n"), asked.alias("focus_state")
    ).with_columns(half_z(pl.col("z")).alias("s"))
    states = states_reason(
        [("curve", "DI curve"), ("cdi", "CDI"), ("selic", "Selic target"), ("focus", "Focus Selic at year ends")]
    )
    short_curve = (states == "") & pl.col("premium").is_null()
    missing = pl.when(short_curve).then(pl.lit(f"DI curve does not reach {forward.start + 1} years")).otherwise(states)
    words = pl.format(
        f"{forward.name}: DI prices {{}}%, Focus {{}}%, premium {{}} bp",
        (pl.col("priced") * 100).round(2),
        (pl.col("expected") * 100).round(2),
        (pl.col("premium") * TO_BP).round(0),
    )
    return judged(
        frame, params, words=words, missing=missing, confidence=fill_share(pl.col("n"), window),
        short="history too short for the z of the premium",
    )  # fmt: skip


@register(
    "RATES-04",
    hypothesis="What DI forwards pay over the expected Selic is a reward for risk.",
    falsified_by="the term premium does not forecast the forward's excess return, or net Sharpe <= 0 over 5 years",
    inputs=("silver/as_known", "silver/leg_returns", "silver/di_curve", "silver/focus"),
    series=("br_cdi_daily", "br_selic_target"),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/rates_04: the forwards 1y1y and 2y1y, each through two DI1; > 0 receives the forward.

    instruments: DI1 of one, two and three years. The longer leg has weight 1, the shorter `forward_weight` of the
    contracts held.
    """
    grid = panel.grid(sessions)
    one, two, three = params.instruments
    forwards = (Forward("1y1y", 1, one, two), Forward("2y1y", 2, two, three))
    base = _base(panel, grid, [252, 504, 756])
    expected = _expected(panel, grid)
    trades = []
    for f in forwards:
        frame = _frame(panel, params, base, expected, f)
        trades.append(trade_rows(frame, panel, params, [Leg(f.far), Leg(f.near, "near_weight")], trade=f.name))
    return table_rows(trades, params, sessions)
