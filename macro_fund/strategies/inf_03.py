"""INF-03: the carry of a short linker, accrual included, against what the season usually gives.

Belongs here: accrual of the index over the horizon, carry, its z within the calendar month. Does not belong here: the
projection of IPCA (agents/inflation_path.py). Claim, data and what falsifies it: docs/strategies.md.
Signal > 0 is hold the DAP and pay the DI1, with equal DV01. The accrual is inside the DAP's daily settlement already:
nothing adds it to P&L again.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.features.stats import robust_z
from macro_fund.settings import Strategy
from macro_fund.strategies.curve import recent
from macro_fund.strategies.judge import half_z, judged
from macro_fund.strategies.panel import Panel
from macro_fund.strategies.registry import register
from macro_fund.strategies.rows import Leg, fill_share, parameter, states_reason, table_rows, trade_rows

PATH = "agents/inflation_path"
CDI, IPCA = "br_cdi_daily", "br_ipca_mom"
CLIP = 3.0
YEAR_BD, MONTH_BD = 252.0, 21
TURN = 15  # day of the month on which the index turns to the next month's IPCA


def carry(real: pl.Expr, accrual: pl.Expr, cdi: pl.Expr, horizon: int) -> pl.Expr:
    """C = (1 + y)^(h/252) (1 + IPCA over h) / (1 + CDI)^(h/252) - 1, not annualised; y and CDI annual, decimals."""
    years = horizon / YEAR_BD
    return (1.0 + real) ** years * (1.0 + accrual) / (1.0 + cdi) ** years - 1.0


def index_months(sessions: pl.DataFrame, months: int) -> pl.DataFrame:
    """session, month, share: part of each month's IPCA that the index accrues over the next `months` months.

    From the 15th of month m to the 15th of the next it accrues the IPCA of m, by calendar days here: what is left of
    the running one, months - 1 whole ones, and of the last what the running one had spent.
    """
    turned = pl.col("session").dt.offset_by(f"-{TURN - 1}d").dt.truncate("1mo")  # month whose IPCA accrues
    start = turned.dt.offset_by(f"{TURN - 1}d")
    end = turned.dt.offset_by("1mo").dt.offset_by(f"{TURN - 1}d")
    left = (end - pl.col("session")).dt.total_days() / (end - start).dt.total_days()
    base = sessions.select("session", running=turned, left=left)
    parts = [
        base.select(
            "session",
            month=pl.col("running").dt.offset_by(f"{k}mo"),
            share=pl.col("left") if k == 0 else (1.0 - pl.col("left") if k == months else pl.lit(1.0)),
        )
        for k in range(months + 1)
    ]
    return pl.concat(parts).sort("session", "month")


def accruals(panel: Panel, grid: pl.DataFrame, months: int) -> pl.DataFrame:
    """session, accrual (decimal, over `months` months; null when a month is not known), path_status, path_reason.

    A month that is out counts as published, the others as the path has them.
    """
    path = panel.table(PATH).filter(pl.col("rate").is_finite())
    projected = path.select("session", "month", projected="rate")
    rows = panel.as_known.filter((pl.col("series_id") == IPCA) & pl.col("value").is_finite())
    published = rows.select("session", month=pl.col("event_date").dt.truncate("1mo"), published="value")
    parts = index_months(grid.select("session"), months)
    for rates in (projected, published):
        parts = parts.join(rates, on=["session", "month"], how="left", maintain_order="left")
    rate = pl.coalesce("published", "projected")
    known = rate.is_not_null().all()
    grown = (pl.col("share") * (1.0 + rate).log()).sum().exp() - 1.0
    total = parts.group_by("session", maintain_order=True).agg(pl.when(known).then(grown).alias("accrual"))
    state = path.filter(pl.col("months_ahead") == 1).select("session", path_status="status", path_reason="reason")
    return total.join(state, on="session", how="left", maintain_order="left")


def monthly_z(rows: pl.DataFrame, window: int, least: int) -> pl.DataFrame:
    """session, z, n of rows (session, value): robust z among the values of the same calendar month so far."""
    seen = rows.drop_nulls("value").with_columns(pl.col("session").dt.month().alias("month"))
    parts = [
        part.select(
            "session",
            robust_z(part["value"], window=window, min_obs=least, clip=CLIP).alias("z"),
            pl.int_range(1, pl.len() + 1).alias("n"),
        )
        for part in seen.partition_by("month", maintain_order=True)
    ]
    empty = pl.DataFrame(schema={"session": pl.Date, "z": pl.Float64, "n": pl.Int64})
    return pl.concat([empty, *parts]).sort("session")


def _frame(panel: Panel, params: Strategy, grid: pl.DataFrame, real: str) -> pl.DataFrame:
    """Carry of the session, its z and what is known behind it."""
    horizon = params.horizon_days
    window, least = int(parameter(params, "z_window")), int(parameter(params, "z_min"))
    held = panel.returns(real, grid["session"][-1]).select("session", "trade_date", real="level", basis="basis")
    cash = panel.level(CDI, grid, "cdi").with_columns(((1.0 + pl.col("cdi")) ** YEAR_BD - 1.0).alias("cdi"))
    frame = grid.select("session")
    parts = (cash, panel.level(IPCA, grid, "ipca"), recent(held, grid, ["real", "basis"]))
    for part in (*parts, accruals(panel, grid, max(round(horizon / MONTH_BD), 1))):
        frame = frame.join(part, on="session", how="left", maintain_order="left")
    missing = pl.concat_str(
        pl.when(states_reason([("cdi", "CDI"), ("ipca", "IPCA")]) != "").then(
            states_reason([("cdi", "CDI"), ("ipca", "IPCA")])
        ),
        pl.when(pl.col("real").is_null()).then(pl.lit(f"no real rate of {real} of the last week")),
        pl.when(pl.col("accrual").is_null()).then(pl.lit("no projection of IPCA for every month of the horizon")),
        separator="; ",
        ignore_nulls=True,
    )
    value = carry(pl.col("real"), pl.col("accrual"), pl.col("cdi"), horizon).fill_nan(None)
    frame = frame.with_columns(missing.alias("missing"), value.alias("value"))
    known = frame.select("session", pl.when(pl.col("missing") == "").then("value").alias("value"))
    frame = frame.join(monthly_z(known, window, least), on="session", how="left", maintain_order="left")
    weak = pl.concat_str(
        pl.when(pl.col("basis") == "proxy").then(pl.lit(f"{real} is a proxy: Tesouro Direto's IPCA+ bonds")),
        pl.when(pl.col("path_status") != "ok").then(pl.format("inflation path is degraded: {}", "path_reason")),
        separator="; ",
        ignore_nulls=True,
    )
    return judged(
        frame.with_columns(half_z(pl.col("z")).alias("s")),
        params,
        words=pl.format(
            f"carry of {{}} bp over {horizon} days (accrual {{}}%), z {{}} among the same month of other years",
            (pl.col("value") * 1e4).round(0),
            (pl.col("accrual") * 100).round(2),
            pl.col("z").round(2),
        ),
        missing=pl.col("missing"),
        weak=weak,
        confidence=fill_share(pl.col("n"), window),
        short="too few years of this calendar month to judge its carry by",
    )


@register(
    "INF-03",
    hypothesis="The seasonal accrual of IPCA is priced too low in short linkers.",
    falsified_by="the return is zero once the accrual that Focus expects is known, or net Sharpe <= 0 over 5 years",
    inputs=("silver/as_known", "silver/leg_returns", PATH),
    series=(CDI, IPCA),
)
def signals(panel: Panel, params: Strategy, sessions: list[date]) -> pl.DataFrame:
    """Table signals/inf_03: one trade, the short linker against nominal of one maturity, DV01-neutral.

    z = robust z of the carry over the horizon among all sessions of the same calendar month so far.
    """
    real, nominal = params.instruments
    frame = _frame(panel, params, panel.grid(sessions), real)
    trade = trade_rows(frame, panel, params, [Leg(real), Leg(nominal, -1.0)], trade="linker_carry")
    return table_rows([trade], params, sessions)
