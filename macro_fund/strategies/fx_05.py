"""FX-05: the real lags its terms of trade: what the dollar costs beyond them comes back.

Belongs here: the sources of the regressors, the monthly refit, the gate and the residual. Does not belong here: dynamic
least squares and the trace test (agents/beer.py). Claim, data and what falsifies it: docs/strategies.md.
Signal > 0 is long BRL (the real is too weak), which is short DOL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents.as_known import knowledge_path
from macro_fund.agents.beer import Relation, dols, trace_test
from macro_fund.features.stats import robust_z
from macro_fund.settings import Strategy
from macro_fund.strategies.judge import half_z, judged, with_fresh
from macro_fund.strategies.monthly import Monthly, as_published, common, month_means
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.refit import in_force, month_starts
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, fill_share, parameter, states_reason, table_rows, trade_rows

Vector = npt.NDArray[np.float64]

OBSERVATIONS = "silver/observations"
SPOT, DOLLAR = "br_usdbrl_ptax_ask", "us_dollar_broad"
TERMS, COMMODITIES, COMMODITIES_BRL, SPOT_MONTH = (
    "br_terms_of_trade",
    "br_icbr_all_usd",
    "br_icbr_all_brl",
    "br_usdbrl_month_avg",
)
TERMS_WORDS = ("terms of trade", "proxy: commodity prices in USD", "proxy: commodity prices in BRL on the month's USD")
# The sovereign CDS has no free history: the first of these that is fresh stands for it.
SPREADS = ("br_embi_brazil", "em_corp_oas")
SPREAD_WORDS = ("EMBI+ Brazil", "EM corporate spread")
LEADS = 1
CLIP = 3.0
LEVEL = 0.10
WINDOWS, ENOUGH = 3, 2


@dataclass(frozen=True)
class Fit:
    """What a month's refit found: which sources, the relation (None: too few months), and how many of the last three
    yearly windows had cointegration."""

    terms: int
    spread: int
    relation: Relation | None
    windows: int


def cointegrated(system: Vector) -> bool:
    """True where the first column and the rest (months, series) have a long-run relation, at 10%: the residual has no
    unit root (Engle and Granger 1987) or the trace test finds a relation (Johansen 1991)."""
    from statsmodels.tsa.stattools import coint

    _, p_value, _ = coint(system[:, 0], system[:, 1:], trend="c", maxlag=1, autolag=None)
    return bool(p_value < LEVEL) or trace_test(system).rank >= 1


def _terms(observations: pl.DataFrame, last: date) -> tuple[Monthly, ...]:
    """Candidates for the terms of trade, the best first, in logs."""
    brl, dollar = (knowledge_path(observations, s, last) for s in (COMMODITIES_BRL, SPOT_MONTH))
    both = brl.join(dollar, on="event_date", how="inner", maintain_order="left", suffix="_d")
    ratio = both.select(
        pl.max_horizontal("session", "session_d").alias("session"),
        pl.col("event_date").dt.truncate("1mo").alias("month"),
        pl.max_horizontal("knowledge_time", "knowledge_time_d").alias("public"),
        (pl.col("value") / pl.col("value_d")).alias("value"),
    )
    found = (as_published(observations, TERMS, last), as_published(observations, COMMODITIES, last), Monthly(ratio))
    return tuple(
        Monthly(m.rows.with_columns(pl.col("value").log()).sort("session", "month", maintain_order=True)) for m in found
    )


def newest_level(monthly: Monthly, grid: pl.DataFrame, max_age_days: int, name: str) -> pl.DataFrame:
    """grid's session with `name`: the newest month's value known at each session, null once it is too old."""
    rows = monthly.rows.filter(pl.col("month") >= pl.col("month").cum_max())
    rows = rows.unique("session", keep="last", maintain_order=True).select("session", "month", pl.col("value"))
    known = grid.select("session").join_asof(rows, on="session", strategy="backward")
    age = (pl.col("session") - pl.col("month")).dt.total_days()
    return known.select("session", pl.when(age <= max_age_days).then("value").alias(name))


def _levels(panel: Panel, params: Strategy, grid: pl.DataFrame, terms: Sequence[Monthly]) -> pl.DataFrame:
    """grid with logs of what is known and fresh at each session: spot, dollar, spread_0.., terms_0.. (null if not)."""
    daily = {"spot": SPOT, "dollar": DOLLAR, **{f"spread_{k}": s for k, s in enumerate(SPREADS)}}
    frame = with_fresh(panel, grid.select("session"), daily).with_columns(pl.col(list(daily)).log())
    for k, monthly in enumerate(terms):
        level = newest_level(monthly, grid, int(parameter(params, "terms_max_age_days")), f"terms_{k}")
        frame = frame.join(level, on="session", how="left", maintain_order="left")
    return frame


def _fits(panel: Panel, params: Strategy, levels: pl.DataFrame, terms: Sequence[Monthly]) -> list[Fit]:
    """One per month's first session, in order."""
    observations, last = panel.table(OBSERVATIONS), levels["session"][-1]
    spot, dollar, *spreads = (month_means(observations, s, last) for s in (SPOT, DOLLAR, *SPREADS))
    minimum = int(parameter(params, "months_min"))
    fits: list[Fit] = []
    verdicts: list[bool] = []
    judged_year = 0
    for row in month_starts(levels["session"]):
        now = levels.row(int(row), named=True)
        chosen = [
            next((k for k in range(n) if now[f"{c}_{k}"] is not None), -1)
            for c, n in (("terms", len(terms)), ("spread", len(SPREADS)))
        ]
        relation = None
        if min(chosen) >= 0:
            t, s = chosen
            known = [m.known(now["session"])[:2] for m in (spot, dollar, spreads[s], terms[t])]
            _, table = common(known)
            if table.shape[0] >= minimum:
                log_spot, log_dollar, log_spread = np.log(table[:, :3]).T
                system = np.column_stack([log_spot, table[:, 3], log_dollar, log_spread])
                relation = dols(system[:, 0], system[:, 1:], LEADS, robust=False)
                if now["session"].year > judged_year:
                    judged_year = now["session"].year
                    verdicts.append(cointegrated(system))
        fits.append(Fit(chosen[0], chosen[1], relation, sum(verdicts[-WINDOWS:])))
    return fits


def _scored(panel: Panel, params: Strategy, levels: pl.DataFrame, fits: Sequence[Fit]) -> pl.DataFrame:
    """session, residual, z, n per new day of the spot: each month's z is that of the residuals under its own refit."""
    path = panel.path(SPOT, levels["session"][-1]).select("session")
    path = path.join(levels, on="session", how="left", maintain_order="left")
    logs = {c: path[c].cast(pl.Float64).fill_null(float("nan")).to_numpy() for c in path.columns if c != "session"}
    starts = month_starts(levels["session"])
    month = in_force(levels["session"].to_numpy()[starts], path["session"].to_numpy())
    residual, z, n = (np.full(path.height, np.nan) for _ in range(3))
    window, least = int(parameter(params, "z_window")), int(parameter(params, "z_min"))
    for k, fit in enumerate(fits):
        rows = np.flatnonzero(month == k)
        if fit.relation is None or not rows.size:
            continue
        end, b = int(rows[-1]) + 1, fit.relation.beta
        x = (logs[f"terms_{fit.terms}"], logs["dollar"], logs[f"spread_{fit.spread}"])
        gap = logs["spot"][:end] - fit.relation.const
        for slope, column in zip(b, x, strict=True):
            gap = gap - slope * column[:end]
        values = pl.Series("gap", gap).fill_nan(None)
        score = robust_z(values, window=window, min_obs=least, clip=CLIP, last=rows.size)
        residual[rows] = gap[rows]
        z[rows] = score.cast(pl.Float64).fill_null(float("nan")).to_numpy()[rows]
        n[rows] = values.is_not_null().cum_sum().to_numpy()[rows]
    return path.select("session").with_columns(
        pl.Series(c, v).fill_nan(None) for c, v in (("residual", residual), ("z", z), ("n", n))
    )


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame) -> pl.DataFrame:
    terms = _terms(panel.table(OBSERVATIONS), grid["session"][-1])
    levels = _levels(panel, params, grid, terms)
    fits = _fits(panel, params, levels, terms)
    at = in_force(month_starts(grid["session"]), np.arange(grid.height))
    frame = grid
    for name, series_id in (("spot", SPOT), ("dollar", DOLLAR)):
        frame = frame.join(panel.level(series_id, grid, name), on="session", how="left", maintain_order="left")
    frame = frame.join_asof(_scored(panel, params, levels, fits), on="session", strategy="backward").with_columns(
        pl.Series("terms", [fits[k].terms for k in at]),
        pl.Series("spread", [fits[k].spread for k in at]),
        pl.Series("fitted", [fits[k].relation is not None for k in at]),
        pl.Series("windows", [fits[k].windows for k in at]),
    )
    frame = frame.join(levels.drop("spot", "dollar"), on="session", how="left", maintain_order="left")
    return _judged(frame.with_columns(half_z(pl.col("z")).alias("s")), params)


def _judged(frame: pl.DataFrame, params: Strategy) -> pl.DataFrame:
    def live(name: str, count: int) -> pl.Expr:
        """The source that the month's refit took is still fresh."""
        kinds = [pl.when(pl.col(name) == k).then(pl.col(f"{name}_{k}").is_not_null()) for k in range(count)]
        return pl.coalesce(*kinds, pl.lit(value=False))

    states = states_reason([("spot", "USDBRL (PTAX)"), ("dollar", "broad dollar index")])
    missing = (
        pl.when(states != "")
        .then(states)
        .when(~live("terms", len(TERMS_WORDS)))
        .then(pl.lit("terms of trade and what may stand for them are missing or stale"))
        .when(~live("spread", len(SPREADS)))
        .then(pl.lit("credit spread is missing or stale: neither EMBI+ nor the EM corporate spread"))
        .when(~pl.col("fitted"))
        .then(pl.format("history too short: fewer than {} months", int(parameter(params, "months_min"))))
    )
    words = {k: w for k, w in enumerate(TERMS_WORDS)}, {k: w for k, w in enumerate(SPREAD_WORDS)}
    terms, spread = (
        pl.col(c).replace_strict(w, default="", return_dtype=pl.String)
        for c, w in zip(("terms", "spread"), words, strict=True)
    )
    closed = pl.when(pl.col("windows") < ENOUGH).then(
        pl.format(f"no position: cointegration in {{}} of the last {WINDOWS} yearly windows", "windows")
    )
    return judged(
        frame,
        params,
        words=pl.format(
            "USDBRL is {}% above what {}, the dollar and the credit spread explain, z {}",
            (pl.col("residual") * 100).round(1),
            terms,
            pl.col("z").round(2),
        ),
        missing=missing,
        weak=pl.format("proxy: {} stands for the CDS", spread),
        gate=closed,
        confidence=fill_share(pl.col("n"), int(parameter(params, "z_window"))),
    )


@register(
    "FX-05",
    hypothesis="The real lags its terms of trade.",
    falsified_by="no cointegration in 2 of the last 3 yearly windows, or net Sharpe <= 0 over 5 years",
    inputs=("silver/as_known", "silver/leg_returns", OBSERVATIONS),
    series=(SPOT, DOLLAR, TERMS, COMMODITIES, COMMODITIES_BRL, SPOT_MONTH, *SPREADS),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/fx_05: one row per session; z of ln USDBRL less its long-run relation.

    The relation (on ln terms of trade, ln broad dollar, ln credit spread) is refitted on each month's first session by
    dynamic least squares on month means known then. A credit spread stands for the CDS: never better than degraded.
    """
    frame = _frame(panel, params, panel.grid(sessions))
    trades = [trade_rows(frame, panel, params, [Leg(i)]) for i in params.instruments]
    return table_rows(trades, params, sessions)
