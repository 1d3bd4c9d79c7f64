"""Checks on the sized book: its volatility and its limits, computed again by another route.

Belongs here: what must hold of portfolio/allocations and portfolio/targets, from the tables and settled shocks. Does
not belong here: checks of one row (checks), or when they run.

Volatilities are recomputed one day after the other and correlations by scikit-learn's estimator object, on the newest
session of each month of a long window: a mistake in the arithmetic is in all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.instruments.contracts import at_term, load_specs
from macro_fund.portfolio.checks import Verdict, verdict
from macro_fund.settings import Settings

TOLERANCE = 1e-6
WINDOW, LEAST, YEAR, DECAY = 756, 63, 252, 0.94


def month_ends(sessions: Sequence[date]) -> list[date]:
    """The newest session of each month."""
    return list({(s.year, s.month): s for s in sorted(sessions)}.values())


def volatility(shocks: pl.DataFrame, risk: dict[str, float]) -> float:
    """Annual BRL volatility of `risk`, BRL gained for a shock of +1 by instrument.

    shocks: trade_date, instrument, shock, as known then. Instruments without 63 common days count as moving together.
    """
    held = sorted(n for n, x in risk.items() if x)
    if not held:
        return 0.0
    days = shocks.select("trade_date").unique().sort("trade_date")
    wide = shocks.pivot(on="instrument", index="trade_date", values="shock", aggregate_function="last")
    wide = days.join(wide, on="trade_date", how="left").sort("trade_date")
    sigma = np.array([_ewma(wide[n].drop_nulls().to_list()) * risk[n] for n in held])
    common = wide.tail(WINDOW).select(held).drop_nulls().to_numpy()
    if len(held) == 1 or len(common) < LEAST or not np.all(common.std(axis=0) > 0):
        return float(np.sqrt(YEAR) * np.abs(sigma).sum())
    return float(np.sqrt(YEAR * max(sigma @ _correlation(common) @ sigma, 0.0)))


def _correlation(common: np.ndarray) -> np.ndarray:
    from sklearn.covariance import LedoitWolf

    found = LedoitWolf().fit(common / common.std(axis=0)).covariance_
    spread = np.sqrt(np.diag(found))
    return np.asarray(found / np.outer(spread, spread))


def _ewma(moves: Sequence[float]) -> float:
    variance = moves[0] ** 2 if moves else 0.0
    for x in moves[1:]:
        variance = DECAY * variance + (1 - DECAY) * x * x
    return float(np.sqrt(variance))


def _known(returns: pl.DataFrame, session: date) -> pl.DataFrame:
    """Shocks as known at the session: of a day and instrument the row that came last."""
    rows = returns.filter(pl.col("session") <= session).sort("session", "trade_date", "instrument")
    return rows.unique(["trade_date", "instrument"], keep="last", maintain_order=True)


Risk = Callable[[pl.DataFrame], dict[str, float]]


def _over(part: pl.DataFrame, returns: pl.DataFrame, settings: Settings, risk: Risk) -> list[tuple[object, ...]]:
    """(session, method or '', volatility, target) where the book is above its volatility target."""
    found: list[tuple[object, ...]] = []
    target = settings.fund.vol_target
    for session in month_ends(part["session"].unique().to_list()):
        known, book = _known(returns, session), part.filter(pl.col("session") == session)
        for (group,), rows in book.group_by("method", maintain_order=True):
            vol = volatility(known, risk(rows)) / float(settings.fund.nav_brl)
            if vol > target * (1 + TOLERANCE):
                found.append((session, group, vol, target))
    return found


def _verdict(check: str, found: list[tuple[object, ...]], of: int) -> Verdict:
    names = ("session", "method", "volatility", "target")
    return verdict(check, pl.DataFrame(found, schema=names, orient="row"), of)


def allocations_within(
    allocations: pl.DataFrame, returns: pl.DataFrame, settings: Settings, check: str = "within_vol_target"
) -> Verdict:
    """No method's book has more volatility than the mandate's target. `returns`: silver/instrument_returns."""
    capital = float(settings.fund.nav_brl)

    def risk(rows: pl.DataFrame) -> dict[str, float]:
        kinds = {i.id: -1.0 if i.quoted_in_rates else 1.0 for i in settings.instruments}
        newest = _known(returns, rows["session"][0]).unique("instrument", keep="last", maintain_order=True)
        unit = {
            r["instrument"]: (r["dv01_brl"] / r["price"] if kinds[r["instrument"]] < 0 else 1.0)
            for r in newest.to_dicts()
            if r["instrument"] in kinds and r["dv01_brl"] is not None
        }
        held = rows.drop_nulls("weight").filter(pl.col("weight") != 0)
        return {n: w * capital * kinds[n] * unit[n] for n, w in held.select("instrument", "weight").iter_rows()}

    return _verdict(check, _over(allocations, returns, settings, risk), len(allocations))


def allocations_inside(allocations: pl.DataFrame, settings: Settings) -> Verdict:
    """Currency, equity and class limits of every method's book, from its weights alone; signs are those of the view."""
    limits, fund = settings.limits, settings.fund
    rows = allocations.drop_nulls("weight").with_columns(
        pl.col("instrument").replace_strict(settings.asset_classes, return_dtype=pl.String).alias("asset_class")
    )
    alone = pl.col("weight").abs() * pl.col("volatility")
    use = (
        rows.group_by("session", "method", "asset_class", maintain_order=True)
        .agg(pl.col("weight").sum().abs().alias("net"), alone.max().alias("largest"))
        .sort("session", "method", "asset_class")
        .with_columns(
            pl.col("asset_class")
            .replace_strict({"fx": limits.fx_net, "equity": limits.equity_net}, default=np.inf)
            .alias("cap"),
            (pl.col("asset_class").replace_strict(fund.risk_share) * fund.vol_target).alias("budget"),
        )
    )
    slack = 1 + TOLERANCE
    over = use.filter(pl.col("net") > pl.col("cap") * slack)
    # A book of one instrument shows its class budget directly; with more of them correlations are needed.
    single = rows.filter(pl.col("weight") != 0).group_by("session", "method", "asset_class", maintain_order=True).len()
    loud = use.join(single.filter(pl.col("len") == 1), on=["session", "method", "asset_class"], how="semi")
    over = pl.concat([over, loud.filter(pl.col("largest") > pl.col("budget") * slack)])
    against = rows.filter(pl.col("weight") * pl.col("view") < 0).select("session", "method", "instrument", "weight")
    first = verdict("allocations_inside", over, len(use))
    return first if not first.passed else verdict("allocations_inside", against, len(rows))


def targets_within(targets: pl.DataFrame, returns: pl.DataFrame, settings: Settings) -> Verdict:
    """The whole contracts have no more volatility than the mandate's target."""

    def risk(rows: pl.DataFrame) -> dict[str, float]:
        held = rows.drop_nulls("target_contracts").select("instrument", "dv01_brl", "delta_brl")
        return {n: -dv01 if dv01 else delta for n, dv01, delta in held.iter_rows()}

    whole = targets.with_columns(pl.lit("").alias("method"))
    return _verdict("targets_within", _over(whole, returns, settings, risk), len(targets))


def targets_gross(targets: pl.DataFrame, settings: Settings) -> Verdict:
    """Gross exposure and margin of the whole contracts, summed here again, are inside the limits.

    A rate contract's term comes from its own DV01 and rate: years = 1e4 x DV01 x (1 + rate) / PU.
    """
    nav, specs = float(settings.fund.nav_brl), load_specs()
    of = {i.id: i for i in settings.instruments}
    use: dict[date, tuple[float, float]] = {}
    held = targets.filter(pl.col("target_contracts").fill_null(0) != 0).sort("session", "instrument")
    for row in held.to_dicts():
        instrument, count = of[row["instrument"]], abs(row["target_contracts"])
        gross, margin = use.get(row["session"], (0.0, 0.0))
        term, exposure, base = 10**6, abs(row["delta_brl"]), abs(row["delta_brl"])
        if instrument.quoted_in_rates:
            base, exposure = abs(row["dv01_brl"]), count * row["price"] * instrument.point_value_brl
            term = round(YEAR * 1e4 * base / count * (1 + row["rate"]) / row["price"])
        gross += exposure if term >= YEAR else 0.0
        spec = specs.get(instrument.root)
        margin += base * float(at_term(spec.margin.value, term)) if spec else base * (instrument.margin_share or 0.0)
        use[row["session"]] = gross, margin
    limits = settings.limits
    over = [
        (s, g / nav, m / nav)
        for s, (g, m) in use.items()
        if g > limits.gross_leverage * nav * (1 + TOLERANCE) or m > limits.margin * nav * (1 + TOLERANCE)
    ]
    return verdict("targets_gross", pl.DataFrame(over, schema=["session", "gross", "margin"], orient="row"), len(use))
