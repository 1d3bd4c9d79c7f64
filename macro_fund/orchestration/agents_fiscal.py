"""The fiscal agent as assets. Belongs here: inputs and checks. Does not belong here: the model (agents/fiscal*.py)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl

from macro_fund.agents.debt import nominal_growth, stabilising_primary
from macro_fund.agents.fiscal import STRENGTHS, fiscal_view
from macro_fund.agents.fiscal_fan import ROOT_LIMIT, YEARS, forward
from macro_fund.agents.fiscal_history import SERIES, VARIABLES, real_snowball
from macro_fund.agents.fiscal_inputs import FOCUS_FEATURES, OBSERVED, SLOPE
from macro_fund.agents.fiscal_model import QUANTILE_NAMES, fiscal_model, fiscal_path
from macro_fund.orchestration.agents_common import PYTHON, VIEW_CHECKS
from macro_fund.orchestration.checks import Problems, bounded, public_by_as_of, reasons_given, sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.agent_plots_fiscal import fan_picture, fiscal_picture, record_picture
from macro_fund.reports.view_card import view_card

TOLERANCE = 1e-9


def _model(run: Run) -> pl.DataFrame:
    return fiscal_model(run.observed(SERIES), run.sessions, run.history, run.home.sessions)


def _path(run: Run) -> pl.DataFrame:
    model = run.read("agents/fiscal_model", columns=["session", "status"])
    return fiscal_path(run.observed(SERIES), model, run.sessions, run.home.sessions)


def _view(run: Run) -> pl.DataFrame:
    return fiscal_view(
        run.observed(OBSERVED),
        run.read("silver/focus", where=pl.col("feature_id").is_in(FOCUS_FEATURES) & run.inside),
        run.read("silver/macro", where=(pl.col("feature_id") == SLOPE) & run.inside),
        run.read("agents/fiscal_model"),
        run.read("agents/fiscal_path"),
        run.sessions,
        run.home.sessions,
        max_age=run.max_age,
    )


def _stable(run: Run, frame: pl.DataFrame) -> Problems:
    """A VAR in use returns to its mean."""
    bad = frame.filter((pl.col("parameter") == "root") & (pl.col("value") > ROOT_LIMIT + TOLERANCE))
    return [(s, f"root {v:.6g}") for s, v in bad.select("session", "value").rows()]


def _ordered(run: Run, frame: pl.DataFrame) -> Problems:
    """Percentiles rise, and the band five years ahead has a width."""
    steps = [pl.col(b) - pl.col(a) for a, b in pairwise(QUANTILE_NAMES)]
    flat = (pl.col("year_ahead") == 5) & (pl.col("p90") <= pl.col("p10"))
    bad = frame.filter((pl.min_horizontal(steps) < 0) | flat)
    return [(s, f"percentiles of year {y} out of order") for s, y in bad.select("session", "year_ahead").rows()]


def _deterministic(run: Run, frame: pl.DataFrame) -> Problems:
    """The path without shocks follows from the parameters of the same session's refit."""
    model = run.read("agents/fiscal_model").filter(pl.col("session").is_in(frame["session"].unique().to_list()))
    found: Problems = []
    for (session,), part in frame.sort("session", "year_ahead").group_by("session", maintain_order=True):
        named = dict(model.filter(pl.col("session") == session).select("parameter", "value").rows())
        path = _rebuilt(named)
        if path is None or np.abs(path - part["deterministic"].to_numpy()).max() > TOLERANCE:
            found.append((session, "the path without shocks is not that of agents/fiscal_model"))
    return found


def _rebuilt(named: dict[str, float]) -> np.ndarray | None:
    """Debt on GDP by year from the parameters, year by year; None when some are missing."""
    coef_names = [[f"coef_{a}_{b}" for b in VARIABLES] for a in VARIABLES]
    if any(named.get(n) is None for row in coef_names for n in row):
        return None
    coef = np.array([[named[n] for n in row] for row in coef_names])
    const = np.array([named[f"const_{v}"] for v in VARIABLES])
    start = np.array([named[f"start_{v}"] for v in VARIABLES])
    values = forward(const[None], coef[None], start, np.zeros((1, 4 * YEARS, len(VARIABLES))))[0]
    growth, real, primary, reer = values.T
    factors = real_snowball(growth, real, reer, named["foreign_share"])
    out, debt = np.empty(YEARS), named["start_debt"]
    for year in range(YEARS):
        debt = debt * factors[year] - primary[year] + named["adjustment_mean"]
        out[year] = debt
    return out


def _stabilising(run: Run, frame: pl.DataFrame) -> Problems:
    """The stabilising primary balance and the gap follow from the row's own debt, interest, growth and inflation; a gap
    stands exactly where the primary balance does."""
    rows = frame.drop_nulls(["gross_debt", "implicit_rate", "growth", "inflation", "stabilising_primary"])
    debt, rate, growth, inflation = (rows[c].to_numpy() for c in ("gross_debt", "implicit_rate", "growth", "inflation"))
    needed = stabilising_primary(debt, rate, nominal_growth(growth, inflation))
    rows = rows.with_columns(pl.Series("_needed", needed, dtype=pl.Float64))
    off = (pl.col("_needed") - pl.col("stabilising_primary")).abs() > TOLERANCE
    gap = (pl.col("_needed") - pl.col("primary_12m") - pl.col("primary_gap")).abs() > TOLERANCE
    alone = pl.col("primary_12m").is_null() != pl.col("primary_gap").is_null()
    bad = rows.filter(off | gap.fill_null(alone))
    return [
        (s, f"stabilising primary {v:.6g} is not its formula's")
        for s, v in bad.select("session", "stabilising_primary").rows()
    ]


def _strengths(run: Run, frame: pl.DataFrame) -> Problems:
    """Views are the stated strengths times the score."""
    found: Problems = []
    for asset, strength in STRENGTHS.items():
        gap = (pl.col(f"view_{asset}") - strength * pl.col("state_score").fill_null(0.0)).abs()
        bad = frame.filter(gap > TOLERANCE)
        found += [(s, f"view_{asset} is not {strength} x score") for s in bad["session"]]
    return found


NODES = (
    Node(
        "agents/fiscal_model",
        PYTHON,
        ("silver/observations",),
        _model,
        (
            Check("stable", "the VAR returns to its mean", _stable),
            sessions_inside(),
            reasons_given(),
            public_by_as_of(),
        ),
        plot=record_picture,
    ),
    Node(
        "agents/fiscal_path",
        PYTHON,
        ("silver/observations", "agents/fiscal_model"),
        _path,
        (
            Check("quantiles_ordered", "percentiles rise and the fan has a width", _ordered),
            Check("deterministic_rebuilt", "the path without shocks is the parameters'", _deterministic),
            bounded(["prob_up_10pp"], 0.0, 1.0),
            sessions_inside(),
            public_by_as_of(),
        ),
        plot=fan_picture,
    ),
    Node(
        "agents/fiscal_view",
        PYTHON,
        ("silver/observations", "silver/focus", "silver/macro", "agents/fiscal_model", "agents/fiscal_path"),
        _view,
        (
            *VIEW_CHECKS,
            Check("stabilising_recomputed", "stabilising primary and gap follow from the row", _stabilising),
            Check("views_scaled", "views are strengths times the score", _strengths),
        ),
        plot=fiscal_picture,
        card=view_card,
    ),
)
