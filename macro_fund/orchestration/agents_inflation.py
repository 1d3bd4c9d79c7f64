"""Inflation as assets. Belongs here: inputs and checks. Does not belong here: the models (agents/inflation*.py)."""

from __future__ import annotations

import polars as pl

from macro_fund.agents import inflation_inputs, inflation_passthrough
from macro_fund.agents.inflation import VIEWS, inflation_view
from macro_fund.agents.inflation_model import PARTS, inflation_model
from macro_fund.agents.inflation_path import inflation_path
from macro_fund.agents.inflation_view_inputs import OBSERVED, Tables
from macro_fund.orchestration.agents_common import PYTHON, VIEW_CHECKS
from macro_fund.orchestration.checks import (
    Problems,
    bounded,
    every_session,
    public_by_as_of,
    reasons_given,
    sessions_inside,
)
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.agent_plots_inflation import curve_picture, fan_picture, pass_through_picture, view_picture
from macro_fund.reports.view_card import view_card

_SUMS = {
    "Phillips curve": ("persistence", "expectations", "imported"),
    "free and administered": ("share_free", "share_administered"),
    "parts": tuple(f"weight_{p}" for p in PARTS),
}


def _model(run: Run) -> pl.DataFrame:
    return inflation_model(run.observed(inflation_inputs.SERIES), run.sessions, run.home.sessions)


def _pass_through(run: Run) -> pl.DataFrame:
    rows = run.observed(inflation_passthrough.SERIES)
    return inflation_passthrough.inflation_passthrough(rows, run.sessions, run.home.sessions)


def _path(run: Run) -> pl.DataFrame:
    return inflation_path(run.observed(inflation_inputs.SERIES), run.read("agents/inflation_model"), run.sessions)


def _view(run: Run) -> pl.DataFrame:
    tables = Tables(
        path=run.read("agents/inflation_path"),
        model=run.read("agents/inflation_model"),
        passthrough=run.read("agents/inflation_passthrough"),
        ipca=run.read("silver/ipca", where=pl.col("feature_id") == "diffusion_share"),
        focus=run.read("silver/focus", where=pl.col("feature_id") == "ipca_surprise"),
        ettj=run.read("silver/ettj"),
        retail=run.read("silver/retail_real_curve"),
        observations=run.observed(OBSERVED),
    )
    return inflation_view(tables, run.sessions, run.home.sessions, max_age=run.max_age)


def _weights(run: Run, frame: pl.DataFrame) -> Problems:
    """Weights are not negative and sum to 1 in every group of them."""
    found: Problems = []
    for what, names in _SUMS.items():
        total = frame.filter(pl.col("parameter").is_in(names)).group_by("session", maintain_order=True)
        rows = total.agg(pl.col("value").sum().alias("sum"), pl.col("value").min().alias("least")).sort("session")
        bad = rows.filter(((pl.col("sum") - 1.0).abs() > 1e-6) | (pl.col("least") < 0.0))
        found += [(s, f"{what}: sum {t:.9g}, smallest {m:.3g}") for s, t, m in bad.rows()]
    return found


def _converged(run: Run, frame: pl.DataFrame) -> Problems:
    """A refit that is used has chains that agree, and a mean inside its own quantiles."""
    used = frame.filter(pl.col("status") == "ok")
    apart = used.filter(pl.col("r_hat").fill_null(9.0) > inflation_passthrough.R_HAT_LIMIT)
    odd = used.filter(~pl.col("value").is_between("p05", "p95").fill_null(False))
    return [
        *((s, f"{p}: r_hat {r:.3f}") for s, p, r in apart.select("session", "part", "r_hat").rows()),
        *((s, f"{p}: {v} outside its quantiles") for s, p, v in odd.select("session", "part", "value").rows()),
    ]


def _twelve(run: Run, frame: pl.DataFrame) -> Problems:
    """A session has the twelve months after the newest one, in order."""
    rows = frame.with_columns(
        due=pl.col("newest_month").dt.offset_by(pl.format("{}mo", pl.col("months_ahead"))) == pl.col("month")
    )
    count = rows.group_by("session", maintain_order=True).agg(
        pl.len(), pl.col("months_ahead").n_unique().alias("n"), pl.col("due").all().alias("due")
    )
    bad = count.filter((pl.col("len") != 12) | (pl.col("n") != 12) | ~pl.col("due")).sort("session")
    return [(s, f"{n} months, or not those after the newest") for s, n in bad.select("session", "len").rows()]


def _blend(run: Run, frame: pl.DataFrame) -> Problems:
    """The path is the blend of its two models, and lies inside its fan."""
    w = pl.col("weight_bottom_up")
    off = (w * pl.col("bottom_up") + (1.0 - w) * pl.col("phillips") - pl.col("rate")).abs() > 1e-12
    outside = ~pl.col("rate").is_between("p10", "p90") | ~w.is_between(0.0, 1.0)
    bad = frame.filter((off | outside).fill_null(True))
    return [(s, f"{m}: not the blend, or outside its fan") for s, m in bad.select("session", "month").rows()]


def _year(run: Run, frame: pl.DataFrame) -> Problems:
    """The model's year is the path's twelve months."""
    path = run.read("agents/inflation_path", columns=["session", "rate"])
    year = path.group_by("session", maintain_order=True).agg(((pl.col("rate") + 1.0).product() - 1.0).alias("year"))
    rows = frame.drop_nulls("pi12_model").join(year, on="session", how="left")
    bad = rows.filter((pl.col("year") - pl.col("pi12_model")).abs().fill_null(1.0) > 1e-12).sort("session")
    return [(s, f"{v:.6g}, path gives another year") for s, v in bad.select("session", "pi12_model").rows()]


def _views(run: Run, frame: pl.DataFrame) -> Problems:
    """Views are the score times the stated factors."""
    found: Problems = []
    for asset, factor in VIEWS.items():
        expected = factor * pl.col("state_score")
        bad = frame.filter((pl.col(f"view_{asset}") - expected).abs() > 1e-12)
        found += [(s, f"view_{asset} is not {factor:g} x score") for s in bad["session"]]
    return found


_PARAMETER_CHECKS = (sessions_inside(), reasons_given(), public_by_as_of())
NODES = (
    Node(
        "agents/inflation_model",
        PYTHON,
        ("silver/observations",),
        _model,
        (Check("weights_sum", "weights are not negative and sum to 1", _weights), *_PARAMETER_CHECKS),
        plot=curve_picture,
    ),
    Node(
        "agents/inflation_passthrough",
        PYTHON,
        ("silver/observations",),
        _pass_through,
        (Check("converged", "chains agree, means lie inside their quantiles", _converged), *_PARAMETER_CHECKS),
        plot=pass_through_picture,
    ),
    Node(
        "agents/inflation_path",
        PYTHON,
        ("silver/observations", "agents/inflation_model"),
        _path,
        (
            Check("twelve_months", "the twelve months after the newest one", _twelve),
            Check("blend_recomputed", "the path is the blend of its models, inside its fan", _blend),
            bounded(["rate", "phillips", "bottom_up"], -0.05, 0.08),
            every_session(),
            *_PARAMETER_CHECKS,
        ),
        plot=fan_picture,
    ),
    Node(
        "agents/inflation_view",
        PYTHON,
        (
            "agents/inflation_path",
            "agents/inflation_model",
            "agents/inflation_passthrough",
            "silver/ipca",
            "silver/focus",
            "silver/ettj",
            "silver/retail_real_curve",
            "silver/observations",
        ),
        _view,
        (
            *VIEW_CHECKS,
            Check("year_recomputed", "the model's year is the path's twelve months", _year),
            Check("views_follow", "views are the score times their factors", _views),
        ),
        plot=view_picture,
        card=view_card,
        version="2",
    ),
)
