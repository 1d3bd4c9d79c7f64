"""INF-02: the nowcast of the month's IPCA against Focus in the days before its release.

Belongs here: nowcast less survey, the scale of surprises, the day of the release. Does not belong here: windows
(events.py), the nowcast (agents/inflation_path.py), the survey (silver/focus). Claim: docs/strategies.md.

IPCA is out at 09:00 on T, after the cut-off of session T. In at the settlement of T-3, out at that of T+1.
Signal > 0 is long breakeven: hold the DAP and pay the DI1, with equal DV01.
"""

from __future__ import annotations

from datetime import date, time

import numpy as np
import polars as pl

from macro_fund.features.known import advancing
from macro_fund.settings import Publication, Strategy
from macro_fund.strategies.events import event_positions, outside, phases
from macro_fund.strategies.judge import judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, fill_share, parameter, table_rows, trade_rows
from macro_fund.time.publication import knowledge_times

PATH, FOCUS = "agents/inflation_path", "silver/focus"
MEDIAN, SURPRISE = "br_focus_ipca_month", "ipca_surprise"
ENTRY_SESSION = 3  # T-3
CLIP = 3.0
# IBGE announces the days of a year in the year before. Months that config/releases does not list have the lag of the
# series br_ipca_mom, whose rule this is.
RELEASE = Publication(kind="after_period", n=11, at=time(9), release="br_ipca")


def release_days(months: pl.Series) -> pl.Series:
    """Day on which the IPCA of each month (its first day) is released, in Sao Paulo."""
    return knowledge_times(months, RELEASE, "M").dt.convert_time_zone(RELEASE.tz).dt.date().alias("event")


def surprise_scale(focus: pl.DataFrame, window: int, least: int) -> pl.DataFrame:
    """session, sd, n: standard deviation (n - 1) of the last `window` surprises known from the session on, of n so far.

    focus: rows of silver/focus. Null with fewer than `least`.
    """
    rows = focus.filter((pl.col("feature_id") == SURPRISE) & pl.col("value").is_finite()).sort("session", "event_date")
    rows = advancing(rows)
    values = rows["value"].to_numpy()
    ends = range(1, values.size + 1)
    sd = [float(np.std(values[max(0, k - window) : k], ddof=1)) if k >= least else None for k in ends]
    return rows.select("session", sd=pl.Series(sd, dtype=pl.Float64), n=pl.Series(ends, dtype=pl.Int64))


def _expected(panel: Panel, grid: pl.DataFrame) -> pl.DataFrame:
    """The next month to be released, per session: session, month, reference, event, nowcast, path_status, path_reason,
    median, focus_status."""
    path = panel.table(PATH).filter((pl.col("months_ahead") == 1) & pl.col("rate").is_finite())
    path = path.select("session", "month", nowcast="rate", path_status="status", path_reason="reason")
    frame = grid.select("session").join(path, on="session", how="left", maintain_order="left")
    months = frame.select(pl.col("month").drop_nulls().unique().sort())
    frame = frame.join(
        months.with_columns(release_days(months["month"])), on="month", how="left", maintain_order="left"
    )
    survey = panel.table(FOCUS).filter((pl.col("feature_id") == MEDIAN) & pl.col("value").is_finite())
    survey = survey.select("session", "reference", median="value", focus_status="status")
    return frame.with_columns(reference=pl.col("month").dt.strftime("%Y-%m")).join(
        survey, on=["session", "reference"], how="left", maintain_order="left"
    )


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    window = int(parameter(params, "surprises_window"))
    scale = surprise_scale(panel.table(FOCUS), window, int(parameter(params, "surprises_min")))
    frame = _expected(panel, grid).join_asof(scale, on="session", strategy="backward")
    frame = frame.with_columns(phases(frame, ENTRY_SESSION, ENTRY_SESSION))
    z = (pl.col("nowcast") - pl.col("median")) / pl.when(pl.col("sd") > 0).then("sd")
    missing = pl.concat_str(
        pl.when(pl.col("nowcast").is_null()).then(pl.lit("no nowcast of IPCA: the inflation path has no row")),
        pl.when(pl.col("nowcast").is_not_null() & pl.col("median").is_null()).then(
            pl.format("Focus has no median for {}", "reference")
        ),
        pl.when(pl.col("focus_status") != "ok").then(pl.lit("Focus monthly median is stale")),
        separator="; ",
        ignore_nulls=True,
    )
    weak = pl.when(pl.col("path_status") != "ok").then(pl.format("inflation path is degraded: {}", "path_reason"))
    frame = judged(
        frame.with_columns(z.clip(-1.0, 1.0).alias("s"), z.clip(-CLIP, CLIP).alias("z")),
        params,
        words=pl.format(
            "IPCA of {}: nowcast {}%, Focus {}%, surprises of {} points",
            "reference",
            *((pl.col(c) * 100).round(2) for c in ("nowcast", "median", "sd")),
        ),
        missing=missing,
        weak=weak,
        gate=outside("IPCA release", ENTRY_SESSION, ENTRY_SESSION),
        confidence=fill_share(pl.col("n"), window),
        short="too few surprises known to scale this one by",
    )
    signal = frame["signal"].fill_null(float("nan")).to_numpy()
    return frame.with_columns(event_positions(frame, signal, params.enter, params.exit))


@register(
    "INF-02",
    hypothesis="A nowcast of IPCA knows the next figure better than the Focus median does.",
    falsified_by="the nowcast's errors are not smaller than those of Focus, or net Sharpe <= 0 over 5 years",
    inputs=("silver/leg_returns", FOCUS, PATH),
    series=(),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/inf_02: one trade, real against nominal of one maturity, DV01-neutral, around IPCA releases.

    z = (nowcast - Focus median of the month) / standard deviation of past surprises; s is z clipped to [-1, 1].
    """
    real, nominal = params.instruments
    frame = _frame(panel, params, panel.grid(sessions))
    trade = trade_rows(frame, panel, params, [Leg(real), Leg(nominal, -1.0)], trade="ipca")
    return table_rows([trade], params, sessions)
