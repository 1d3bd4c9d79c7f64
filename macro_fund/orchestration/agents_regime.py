"""The regime as assets. Belongs here: inputs and checks. Does not belong here: the model (agents/regime.py)."""

from __future__ import annotations

import polars as pl

from macro_fund.agents.regime import VIEWS, P, regime_view
from macro_fund.agents.regime_chain import QUADRANTS, regime_model
from macro_fund.agents.regime_inputs import MACRO, MARKET, SERIES
from macro_fund.orchestration.agents_common import PYTHON, VIEW_CHECKS
from macro_fund.orchestration.checks import Problems, public_by_as_of, reasons_given, sessions_inside, sums_to_one
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.agent_plots_regime import chain_picture, regime_picture
from macro_fund.reports.view_card import view_card


def _model(run: Run) -> pl.DataFrame:
    return regime_model(run.observed(SERIES), run.sessions, run.home.sessions, max_age=run.max_age)


def _view(run: Run) -> pl.DataFrame:
    return regime_view(
        run.observed(SERIES),
        run.read("silver/macro", where=pl.col("feature_id").is_in(MACRO)),
        run.read("silver/market_features", where=pl.col("series_id").is_in(MARKET)),
        run.read("agents/regime_model"),
        run.sessions,
        run.home.sessions,
        max_age=run.max_age,
    )


def _chain_rows(run: Run, frame: pl.DataFrame) -> Problems:
    """The start and every row of the transition matrix sum to 1."""
    found: Problems = []
    for prefix in ("start", *(f"move_{r}" for r in QUADRANTS)):
        names = [f"{prefix}_{r}" for r in QUADRANTS]
        total = (
            frame.filter(pl.col("parameter").is_in(names))
            .group_by("session", maintain_order=True)
            .agg(pl.col("value").sum())
        )
        bad = total.filter((pl.col("value") - 1.0).abs() > 1e-9).sort("session")
        found += [(s, f"{prefix} sums to {v:.12g}") for s, v in bad.rows()]
    return found


def _corners(run: Run, frame: pl.DataFrame) -> Problems:
    """The states of a refit that is used have means of the signs that their names say."""
    found: Problems = []
    used = frame.filter(pl.col("status") == "ok")
    for regime, signs in QUADRANTS.items():
        for axis, sign in zip(("growth", "inflation"), signs, strict=True):
            rows = used.filter(pl.col("parameter") == f"mean_{axis}_{regime}")
            wrong = rows.filter((pl.col("value") > 0) != (sign > 0))
            found += [(s, f"{axis} of {regime} is {v:.4g}") for s, v in wrong.select("session", "value").rows()]
    return found


def _enough(run: Run, frame: pl.DataFrame) -> Problems:
    """A refit that is used passes its own rules: five percent in every state, and a BIC better than two states'."""
    used = frame.filter(pl.col("status") == "ok")
    shares = used.filter(pl.col("parameter").str.starts_with("share_") & (pl.col("value") < 0.05))
    wide = used.group_by("session", maintain_order=True).agg(
        pl.col("value").filter(pl.col("parameter") == f"bic_{k}").first().alias(f"bic_{k}") for k in (4, 2)
    )
    worse = wide.filter(pl.col("bic_4") >= pl.col("bic_2"))["session"].sort()
    return [(s, f"{p} is {v:.4g}") for s, p, v in shares.select("session", "parameter", "value").rows()] + [
        (s, "BIC is worse than with two states") for s in worse
    ]


def _mix(run: Run, frame: pl.DataFrame) -> Problems:
    """Views are the probabilities times the table of signs."""
    found: Problems = []
    viewed = frame.filter(pl.col("status") != "no_view")
    for asset, signs in VIEWS.items():
        mix = pl.sum_horizontal(m * pl.col(p) for p, m in zip(P, signs, strict=True))
        bad = viewed.filter((mix - pl.col(f"view_{asset}")).abs().fill_null(1.0) > 1e-9)
        found += [(s, f"view_{asset} is not the mix of the regimes") for s in bad["session"]]
    return found


NODES = (
    Node(
        "agents/regime_model",
        PYTHON,
        ("silver/observations",),
        _model,
        (
            Check("chain_rows", "start and transitions sum to 1", _chain_rows),
            Check("corners", "states have the signs of their names", _corners),
            Check("enough", "a refit in use passes its rules", _enough),
            sessions_inside(),
            reasons_given(),
            public_by_as_of(),
        ),
        plot=chain_picture,
    ),
    Node(
        "agents/regime_view",
        PYTHON,
        ("silver/observations", "silver/macro", "silver/market_features", "agents/regime_model"),
        _view,
        (*VIEW_CHECKS, sums_to_one(P), Check("views_mix", "views are the regimes' mix", _mix)),
        plot=regime_picture,
        card=view_card,
    ),
)
