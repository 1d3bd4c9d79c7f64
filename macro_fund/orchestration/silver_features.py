"""Silver in Python: features of markets, inflation and the economy.

Belongs here: which tables a feature asset reads and its checks. Does not belong here: formulas (features/), or the
features that are SQL (dbt_silver/models: focus, positioning).
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.features import ipca, macro, market
from macro_fund.orchestration.checks import (
    bounded,
    every_session,
    public_by_as_of,
    reasons_given,
    sessions_inside,
)
from macro_fund.orchestration.gate import degraded
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots import feature_picture

PYTHON = frozenset({"python", "polars", "parquet"})
# SGS prints two decimals of a percentage; twelve rounded months compound to within one of its last digits.
TWELVE_MONTHS_TOLERANCE = 1.5e-4
EXACT = 1e-12
OF_CURVE = pl.col("series_id").str.starts_with("br_di_")
FROM_CURVE = pl.col("feature_id").is_in(["real_rate_ex_ante", "di_slope_10y_2y", "fci"])


def _on_old_curve(run: Run, frame: pl.DataFrame, rests_on_it: pl.Expr) -> pl.DataFrame:
    """Rows that rest on a repeated DI curve say so; what stands beside them in the same table is as good as ever."""
    why, run.old_curves = run.old_curves, {}
    return pl.concat([frame.filter(~rests_on_it), degraded(frame.filter(rests_on_it), why)]) if why else frame


def _market(run: Run) -> pl.DataFrame:
    observed = run.observed(market.OBSERVED)
    frame = market.market_features(observed, run.read("silver/di_curve"), run.sessions, run.max_age)
    return _on_old_curve(run, frame, OF_CURVE)


def _ipca(run: Run) -> pl.DataFrame:
    return ipca.ipca_features(run.observed(ipca.SERIES), run.sessions, run.max_age)


def _macro(run: Run) -> pl.DataFrame:
    components = run.read("silver/market_features", where=pl.col("series_id").is_in(list(macro.FCI_MARKET)))
    curve = run.read("silver/di_curve")
    frame = macro.macro_features(run.observed(macro.SERIES), curve, components, run.sessions, run.max_age)
    return _on_old_curve(run, frame, FROM_CURVE)


def _clipped(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    limits = {"z": 3.0, "z_change": 3.0, "momentum": 2.0}
    return [p for column, most in limits.items() for p in bounded([column], -most, most).problems(run, frame)]


def _vol_of_moves(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """EWMA volatility is at least the part of it that the newest change alone makes."""
    least = (0.06**0.5) * pl.col("change").abs() * (1 - 1e-9)
    bad = frame.filter(pl.col("ewma_vol") < least)
    return [
        (s, f"{i}: vol {v:.6g} for a change of {c:.6g}")
        for s, i, v, c in bad.select("session", "series_id", "ewma_vol", "change").rows()
    ]


def _panel(run: Run, series_id: str) -> pl.DataFrame:
    rows = run.home.lake.read("silver/as_known", run.last, where=pl.col("series_id") == series_id)
    return rows.filter(run.inside).select("session", "event_date", "value")


def _twelve_months_agree(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    ours = frame.filter(pl.col("feature_id") == "ipca_12m").select("session", "event_date", ours="value")
    both = ours.join(_panel(run, "br_ipca_12m"), on=["session", "event_date"], how="inner")
    bad = both.filter((pl.col("ours") - pl.col("value")).abs() > TWELVE_MONTHS_TOLERANCE)
    return [
        (s, f"{m}: {o:.6f} from months, {v:.6f} published")
        for s, m, o, v in bad.select("session", "event_date", "ours", "value").rows()
    ]


def _fisher(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """(1 + real) x (1 + Focus) - 1 is the DI rate, on sessions with a new curve."""
    curve = run.home.lake.read("silver/di_curve", run.last, where=pl.col("tenor_bd") == macro.HORIZON_BD)
    survey = _panel(run, macro.EXPECTED_INFLATION).select("session", expected="value")
    real = frame.filter((pl.col("feature_id") == "real_rate_ex_ante") & (pl.col("status") == "ok"))
    both = real.join(survey, on="session").join(
        curve.select("session", "rate", event_date="curve_date"), on=["session", "event_date"]
    )
    new_curve = pl.col("event_date") > pl.col("event_date").shift(1, fill_value=date.min)
    nominal = (1 + pl.col("value")) * (1 + pl.col("expected")) - 1
    bad = both.sort("session").filter(new_curve & ((nominal - pl.col("rate")).abs() > EXACT))
    return [(s, f"real rate {v:.6f} against DI {r:.6f}") for s, v, r in bad.select("session", "value", "rate").rows()]


def _components_mean(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Financial conditions are the mean of the components' z, recomputed from the stored tables."""
    where = pl.col("series_id").is_in(list(macro.FCI_MARKET))
    stored = run.home.lake.read("silver/market_features", run.last, where=where)
    again = macro.financial_conditions(frame, stored.filter(run.inside))
    both = frame.filter(pl.col("feature_id") == "fci").join(again, on="session", suffix="_again")
    bad = both.filter((pl.col("value") - pl.col("value_again")).abs() > EXACT)
    return [
        (s, f"fci {v:.6f}, components say {a:.6f}") for s, v, a in bad.select("session", "value", "value_again").rows()
    ]


_EVERY = (every_session(), sessions_inside(), reasons_given(), public_by_as_of())

NODES = (
    Node(
        "silver/market_features",
        PYTHON,
        ("silver/observations", "silver/di_curve"),
        _market,
        (
            Check("clipped", "z within 3, momentum within 2", _clipped),
            Check("vol_of_moves", "EWMA volatility is not below what the newest change makes of it", _vol_of_moves),
            *_EVERY,
        ),
        plot=feature_picture,
    ),
    Node(
        "silver/ipca",
        PYTHON | {"statsmodels"},
        ("silver/observations",),
        _ipca,
        (
            Check("twelve_months_agree", "12 months compound to the published rate", _twelve_months_agree, gate=False),
            bounded(["z"], -3.0, 3.0),
            *_EVERY,
        ),
        plot=feature_picture,
    ),
    Node(
        "silver/macro",
        PYTHON,
        ("silver/observations", "silver/di_curve", "silver/market_features"),
        _macro,
        (
            Check("fisher", "real rate and expected inflation compound to the DI rate", _fisher),
            Check("components_mean", "financial conditions are the mean of their components", _components_mean),
            bounded(["z"], -3.0, 3.0),
            *_EVERY,
        ),
        plot=feature_picture,
    ),
)
