"""Checks on risk/var, as plain verdicts.

Belongs here: totals and parts recomputed by a route that shares no code with the numbers. Does not belong here: when
checks run or what they block (orchestration).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist

import numpy as np
import polars as pl

from macro_fund.portfolio.checks import Verdict, verdict
from macro_fund.risk.exposures import MAPPED

WINDOW = 756
# Fat tails and convexity lift a simulated quantile above the normal one of the same deviation by less than this; no
# correlation lifts the deviation above the sum of the factors'.
LIFTED = 1.5
# Today's volatility over that of the window, at most (March 2020 was 5).
RESCALED = 8.0
# A simulation keeps this part of the deviation of the book's own days, whatever its correlations are.
KEPT = 0.1


def components_sum(var: pl.DataFrame, tolerance: float = 1e-10) -> Verdict:
    """Parts of VaR and ES by instrument, strategy, class and factor sum to the total, relative to the total."""
    keys = ["session", "method", "level"]
    totals = var.filter(pl.col("scope") == "total").select(*keys, total_var="var_brl", total_es="es_brl")
    sums = (
        var.filter(pl.col("scope") != "total")
        .group_by(*keys, "scope", maintain_order=True)
        .agg(
            pl.col("var_brl").sum().alias("sum_var"),
            pl.col("es_brl").sum().alias("sum_es"),
        )
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


@dataclass(frozen=True)
class _Daily:
    """A book's own past days: exact P&L by day; linear P&L by day and factor."""

    exact: np.ndarray
    linear: np.ndarray


def total_recomputed(
    var: pl.DataFrame,
    targets: pl.DataFrame,
    exposed: pl.DataFrame,
    factor_shocks: pl.DataFrame,
    sessions: Sequence[date],
    tolerance: float = 1e-6,
) -> Verdict:
    """Total VaR of the sessions, again from the book's own daily P&L on its factors.

    historical: numpy's quantile. parametric: shrinking correlations towards zero moves the variance from that of the
    P&L towards the sum of the factors' variances and never beyond, so z x sigma lies between the two. cornish_fisher:
    the expansion at numpy's moments, or the parametric number where its reason says so. monte_carlo and t_copula: not
    above 1.5 z times the sum of the factors' deviations, which no correlation exceeds, and not below a tenth of the
    normal VaR of the P&L itself; filtered: the same bounds, up to 8 times apart for today's volatility.
    """
    held = pl.col("var_brl").is_not_null() & pl.col("session").is_in(list(sessions))
    totals = var.filter((pl.col("scope") == "total") & held)
    by_session = totals.sort("session", "method", "level").partition_by("session", as_dict=True)
    wrong = []
    for session, daily in _daily_pnl(targets, exposed, factor_shocks, sessions):
        for row in by_session.get((session,), totals.clear()).iter_rows(named=True):
            low, high = _band(daily, row["method"], row["level"], row["reason"])
            slack = tolerance * max(abs(high), 1.0)
            if not low - slack <= row["var_brl"] <= high + slack:
                shown = {k: row[k] for k in ("session", "method", "level", "var_brl")}
                wrong.append({**shown, "low": low, "high": high})
    return verdict("total_recomputed", pl.DataFrame(wrong), len(totals))


def _daily_pnl(
    targets: pl.DataFrame, exposed: pl.DataFrame, factor_shocks: pl.DataFrame, sessions: Sequence[date]
) -> Iterator[tuple[date, _Daily]]:
    """Each session's book on the days of the last 756 trade dates known then.

    Moves are entered one session after the other, as they became known; a later row of a day replaces the earlier one.
    """
    moves = factor_shocks.filter(pl.col("factor").is_in(list(MAPPED)), pl.col("session") <= max(sessions))
    arrivals = {k[0]: f for k, f in moves.sort("session", "trade_date").partition_by("session", as_dict=True).items()}
    book = exposed.join(
        targets.select("session", "instrument", "rate", contracts="target_contracts"), on=["session", "instrument"]
    )
    books = book.sort("instrument", "factor").partition_by("session", as_dict=True)
    known: dict[date, dict[str, float | None]] = {}
    waiting = sorted(arrivals)
    for session in sorted(sessions):
        while waiting and waiting[0] <= session:
            for day, factor, shock in arrivals[waiting.pop(0)].select("trade_date", "factor", "shock").iter_rows():
                known.setdefault(day, {})[factor] = shock
        mine = books.get((session,), book.clear())
        days = [known[d] for d in sorted(known)[-WINDOW:]] if len(mine) else []
        factors = mine["factor"].unique().sort().to_list()
        table = np.array([[d.get(f) for f in factors] for d in days], dtype=np.float64).reshape(len(days), len(factors))
        yield session, _pnl(mine, factors, table[np.isfinite(table).all(axis=1)])


def _pnl(book: pl.DataFrame, factors: list[str], moves: np.ndarray) -> _Daily:
    linear, exact = np.zeros(moves.shape), np.zeros(len(moves))
    for rows in book.partition_by("instrument", maintain_order=True):
        at = [factors.index(f) for f in rows["factor"]]
        dv01, delta = rows["dv01_brl"].to_numpy(), rows["delta_brl"].to_numpy()
        straight = moves[:, at] * (delta - dv01)
        linear[:, at] += straight
        if not dv01.any():
            exact += (np.exp(moves[:, at]) - 1.0) @ delta
            continue
        rate, contracts = rows["rate"][0], rows["contracts"][0]
        bp, large = moves[:, at] @ (dv01 / dv01.sum()), np.abs(moves[:, at]).max(axis=1) > 50.0
        if rate is None or not large.any():
            exact += straight.sum(axis=1)
            continue
        # What a DV01 and a rate say of the days to expiry: -dPU/dr of 1bp is 1e-4 t / (1 + r) x 100,000 / (1 + r)^t.
        years = _years(rate, abs(dv01.sum() / contracts))
        worth = 1e5 * (1 + rate + bp / 1e4) ** -years - 1e5 * (1 + rate) ** -years
        exact += np.where(large, contracts * worth, straight.sum(axis=1))
    return _Daily(exact, linear)


def _years(rate: float, unit_dv01: float) -> float:
    """Years to expiry of a DI1 of this rate and DV01, by bisection below the tenor of the highest DV01."""
    low, high = 0.0, 1 / np.log1p(rate) if rate > 0 else 100.0
    for _ in range(80):
        mid = (low + high) / 2
        low, high = (mid, high) if 10.0 * mid * (1 + rate) ** (-mid - 1) < unit_dv01 else (low, mid)
    return float((low + high) / 2)


def _band(daily: _Daily, method: str, level: float, reason: str) -> tuple[float, float]:
    if not daily.exact.size:
        return 0.0, 0.0
    z = NormalDist().inv_cdf(level)
    book = daily.linear.sum(axis=1)
    apart = np.sqrt(daily.linear.var(axis=0).sum())
    if method == "historical":
        again = -float(np.quantile(daily.exact, 1 - level))
        return again, again
    if method == "parametric" or (method == "cornish_fisher" and reason.endswith("parametric")):
        return z * float(min(book.std(), apart)), z * float(max(book.std(), apart))
    if method == "cornish_fisher":
        x = (book - book.mean()) / book.std()
        s, k, q = float((x**3).mean()), float((x**4).mean()) - 3, -z
        bent = q + (q**2 - 1) * s / 6 + (q**3 - 3 * q) * k / 24 - (2 * q**3 - 5 * q) * s**2 / 36
        return -bent * float(book.std()), -bent * float(book.std())
    wide = RESCALED if method == "filtered" else 1.0
    most = LIFTED * z * float(daily.linear.std(axis=0).sum())
    return KEPT * z * float(min(book.std(), apart)) / wide, most * wide
