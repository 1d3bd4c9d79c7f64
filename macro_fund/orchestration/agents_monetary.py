"""Monetary policy as assets. Belongs here: inputs and checks. Does not belong here: the model (agents/monetary*.py)."""

from __future__ import annotations

import polars as pl

from macro_fund.agents.monetary import SCALE, monetary_view
from macro_fund.agents.monetary_inputs import SERIES
from macro_fund.agents.monetary_model import monetary_model
from macro_fund.agents.monetary_months import BR_SERIES, US_SERIES
from macro_fund.agents.monetary_path import monetary_path
from macro_fund.agents.monetary_record import SCORED
from macro_fund.agents.taylor import PHI_RANGE, RHO_RANGE
from macro_fund.orchestration.agents_common import PYTHON, VIEW_CHECKS
from macro_fund.orchestration.checks import Problems, public_by_as_of, sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.agent_plots_monetary import model_picture, path_picture
from macro_fund.reports.plots import score_picture
from macro_fund.reports.view_card import view_card

READ = tuple(dict.fromkeys((*SERIES, *BR_SERIES, *US_SERIES)))


def _model(run: Run) -> pl.DataFrame:
    return monetary_model(
        run.observed(READ),
        run.read("silver/policy_path"),
        run.sessions,
        run.home.sessions,
        run.home.settings.neutral_rates,
    )


def _path(run: Run) -> pl.DataFrame:
    priced = run.read("silver/policy_path", where=run.inside)
    return monetary_path(run.observed(READ), priced, run.read("agents/monetary_model"), run.sessions, run.max_age)


def _view(run: Run) -> pl.DataFrame:
    return monetary_view(
        run.observed(READ),
        run.read("silver/di_curve"),
        run.read("silver/ust_curve"),
        run.read("agents/monetary_model"),
        run.read("agents/monetary_path"),
        run.sessions,
        run.home.sessions,
        max_age=run.max_age,
    )


def _in_bounds(run: Run, frame: pl.DataFrame) -> Problems:
    """rho and phi of both countries stay inside the bounds of their estimation."""
    found: Problems = []
    for name, (low, high) in {"rho": RHO_RANGE, "phi": PHI_RANGE}.items():
        rows = frame.filter(pl.col("parameter").is_in([name, f"us_{name}"]) & ~pl.col("value").is_between(low, high))
        found += [
            (s, f"{p} {v:.6g} outside [{low:g}, {high:g}]")
            for s, p, v in rows.select("session", "parameter", "value").rows()
        ]
    return found


def _gaps(run: Run, frame: pl.DataFrame) -> Problems:
    """gap is the model's rate less the priced one net of its premium; the model's rate is the median of the rules."""
    median = pl.concat_list("t1_rate", "t2_rate", "t3_rate").list.median()
    gap = pl.col("model_rate") - pl.col("implied_rate") + pl.col("term_premium")
    bad = frame.filter(((gap - pl.col("gap")).abs() > 1e-12) | ((median - pl.col("model_rate")).abs() > 1e-12))
    return [
        (s, f"meeting {m}: gap {g:.6g}, rate {r:.6g}")
        for s, m, g, r in bad.select("session", "meeting", "gap", "model_rate").rows()
    ]


def _score(run: Run, frame: pl.DataFrame) -> Problems:
    """The score is tanh of the mean gap of the next four meetings of agents/monetary_path."""
    path = run.read("agents/monetary_path", where=run.inside & (pl.col("horizon") <= SCORED))
    mean = path.group_by("session", maintain_order=True).agg(again=(pl.col("gap").mean() * (1 / SCALE)).tanh())
    rows = frame.drop_nulls("state_score").join(mean, on="session", how="left", maintain_order="left")
    bad = rows.filter(((pl.col("again") - pl.col("state_score")).abs() > 1e-9).fill_null(True))
    return [
        (s, f"score {x:.9g}, its path says {a}") for s, x, a in bad.select("session", "state_score", "again").rows()
    ]


NODES = (
    Node(
        "agents/monetary_model",
        PYTHON,
        ("silver/observations", "silver/policy_path"),
        _model,
        (
            sessions_inside(),
            public_by_as_of(),
            Check("rule_in_bounds", "rho and phi inside the bounds of their estimation", _in_bounds),
        ),
        version="2",
        plot=model_picture,
    ),
    Node(
        "agents/monetary_path",
        PYTHON,
        ("silver/observations", "silver/policy_path", "agents/monetary_model"),
        _path,
        (
            sessions_inside(),
            public_by_as_of(),
            Check("gap_recomputed", "gap = median rule less priced rate net of its premium", _gaps),
        ),
        plot=path_picture,
    ),
    Node(
        "agents/monetary_view",
        PYTHON,
        (
            "silver/observations",
            "silver/di_curve",
            "silver/ust_curve",
            "agents/monetary_model",
            "agents/monetary_path",
        ),
        _view,
        (*VIEW_CHECKS, Check("score_of_the_path", "score = tanh(mean gap of four meetings / 75 bp)", _score)),
        version="3",
        plot=score_picture,
        card=view_card,
    ),
)
