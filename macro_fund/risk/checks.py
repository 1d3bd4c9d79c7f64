"""Checks on risk tables, as plain verdicts.

Belongs here: what must be true of VaR, stress and limits, recomputed by a route that shares no code with the numbers.
Does not belong here: when checks run or what they block (orchestration).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from statistics import NormalDist

import numpy as np
import polars as pl

from macro_fund.portfolio.checks import Verdict, verdict
from macro_fund.settings import Scenario
from macro_fund.store.tables import TABLES

WINDOW = 756


def components_sum(var: pl.DataFrame, tolerance: float = 1e-9) -> Verdict:
    """Instrument parts, and strategy parts, of VaR and ES sum to the total, relative to the total."""
    keys = ["session", "method", "level"]
    totals = var.filter(pl.col("scope") == "total").select(*keys, total_var="var_brl", total_es="es_brl")
    sums = (
        var.filter(pl.col("scope") != "total")
        .group_by(*keys, "scope", maintain_order=True)
        .agg(pl.col("var_brl").sum().alias("sum_var"), pl.col("es_brl").sum().alias("sum_es"))
        .join(totals, on=keys, how="left")
        .filter(pl.col("total_var").is_not_null())
        .sort(*keys, "scope")
    )
    apart = [
        (pl.col(f"sum_{m}") - pl.col(f"total_{m}")).abs()
        > tolerance * pl.max_horizontal(pl.col(f"total_{m}").abs(), 1.0)
        for m in ("var", "es")
    ]
    return verdict("components_sum", sums.filter(pl.any_horizontal(apart)), len(sums))


def total_recomputed(
    var: pl.DataFrame,
    targets: pl.DataFrame,
    instrument_returns: pl.DataFrame,
    sessions: Sequence[date],
    tolerance: float = 1e-6,
) -> Verdict:
    """Total VaR of the sessions, again from the book's own daily P&L.

    Historical: numpy's quantile of the P&L of the last 756 days. Parametric: shrinking correlations towards zero moves
    the variance from that of the P&L towards the sum of the positions' variances and never beyond, so z x sigma must
    lie between the two.
    """
    totals = var.filter(
        (pl.col("scope") == "total") & pl.col("var_brl").is_not_null() & pl.col("session").is_in(sessions)
    )
    by_session = totals.sort("session", "method", "level").partition_by("session", as_dict=True)
    wrong = []
    for session, pnl in _daily_pnl(targets, instrument_returns, sessions):
        for row in by_session.get((session,), totals.clear()).iter_rows(named=True):
            low, high = _band(pnl, row["method"], row["level"])
            slack = tolerance * max(abs(high), 1.0)
            if not low - slack <= row["var_brl"] <= high + slack:
                shown = {k: row[k] for k in ("session", "method", "level", "var_brl")}
                wrong.append({**shown, "low": low, "high": high})
    return verdict("total_recomputed", pl.DataFrame(wrong), len(totals))


def _daily_pnl(
    targets: pl.DataFrame, returns: pl.DataFrame, sessions: Sequence[date]
) -> Iterator[tuple[date, dict[str, np.ndarray]]]:
    """Linear and exact P&L (days x positions) of each session's book over the last 756 trade dates known then.

    Rows are entered one session after the other, as they became known; a later row of a day replaces the earlier one.
    """
    held = targets.filter((pl.col("target_contracts").fill_null(0) != 0) & pl.col("session").is_in(sessions))
    books = held.sort("instrument").partition_by("session", as_dict=True)
    rows = returns.filter(pl.col("session") <= max(sessions)).sort("session", "trade_date")
    names, dates = rows["instrument"].unique().sort().to_list(), rows["trade_date"].unique().sort().to_numpy()
    column = {name: k for k, name in enumerate(names)}
    day = np.searchsorted(dates, rows["trade_date"].to_numpy())
    place = np.array([column[n] for n in rows["instrument"].to_list()], dtype=np.int64)
    shock, known = rows["shock"].fill_null(np.nan).to_numpy(), rows["session"].to_numpy()
    table, seen, entered = np.full((len(dates), len(names)), np.nan), np.zeros(len(dates), dtype=bool), 0
    for session in sorted(sessions):
        now = int(np.searchsorted(known, np.datetime64(session), side="right"))
        for k in range(entered, now):
            table[day[k], place[k]], seen[day[k]] = shock[k], True
        entered = now
        book = books.get((session,), held.clear())
        window = table[np.flatnonzero(seen)[-WINDOW:]][:, [column[n] for n in book["instrument"]]]
        moves = window[np.isfinite(window).all(axis=1)]
        rates, other = -book["dv01_brl"].to_numpy() * moves, book["delta_brl"].to_numpy()
        yield session, {"linear": rates + other * moves, "exact": rates + other * np.expm1(np.where(other, moves, 0))}


def _band(pnl: dict[str, np.ndarray], method: str, level: float) -> tuple[float, float]:
    if not pnl["exact"].size:
        return 0.0, 0.0
    if method == "historical":
        again = -float(np.quantile(pnl["exact"].sum(axis=1), 1 - level))
        return again, again
    z = NormalDist().inv_cdf(level)
    ends = z * float(pnl["linear"].sum(axis=1).std()), z * float(np.sqrt(pnl["linear"].var(axis=0).sum()))
    return min(ends), max(ends)


def stress_signs(stress: pl.DataFrame, targets: pl.DataFrame, scenarios: Sequence[Scenario]) -> Verdict:
    """Long PU loses when rates rise and gains when they fall; long DOL or IND gains with its return."""
    known = {s.id for s in scenarios}
    position = targets.select("session", "instrument", "contract", "target_contracts")
    joined = stress.join(position, on=["session", "instrument"], how="left")
    side = pl.when(pl.col("contract").str.starts_with("DI1")).then(-1).otherwise(1)
    expected = (side * pl.col("target_contracts").sign() * pl.col("shock").sign()).cast(pl.Float64)
    wrong = joined.filter(
        ((pl.col("status") == "ok") & (pl.col("pnl_brl").sign() != expected)) | ~pl.col("scenario").is_in(list(known))
    )
    return verdict(
        "stress_signs",
        wrong.select("session", "scenario", "instrument", "target_contracts", "shock", "pnl_brl"),
        len(stress),
    )


def missing_is_not_zero(var: pl.DataFrame, stress: pl.DataFrame, targets: pl.DataFrame) -> Verdict:
    """A target without a view has no number in VaR or stress, and every VaR total of its session says so."""
    blind = targets.filter(pl.col("target_contracts").is_null()).select("session", item="instrument")
    parts = var.filter((pl.col("scope") == "instrument") & pl.col("var_brl").is_not_null()).select("session", "item")
    shocked = stress.filter(pl.col("pnl_brl").is_not_null()).select("session", item="instrument")
    totals = (
        var.filter((pl.col("scope") == "total") & (pl.col("status") == "ok")).select("session", item="scope").unique()
    )
    wrong = pl.concat(
        [
            parts.join(blind, on=["session", "item"], how="semi"),
            shocked.join(blind, on=["session", "item"], how="semi"),
            totals.join(blind, on="session", how="semi"),
        ]
    )
    return verdict("missing_is_not_zero", wrong, len(blind))


def every_limit_measured(limits: pl.DataFrame, warn_at: float) -> Verdict:
    """Status of each limit follows from value and limit_value, and a missing value is never called ok."""
    value, cap = pl.col("value"), pl.col("limit_value")
    wrong = limits.filter(
        (value.is_null() != (pl.col("status") == "no_view"))
        | ((value > cap) != (pl.col("status") == "breach")).fill_null(False)
        | ((pl.col("status") == "ok") & (value >= warn_at * cap) & (value > 0))
    ).select(n for n in TABLES["risk/limits"].schema if n != "utilisation")
    return verdict("every_limit_measured", wrong, len(limits))
