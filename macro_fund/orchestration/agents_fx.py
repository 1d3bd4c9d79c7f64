"""FX as assets. Belongs here: inputs and checks. Does not belong here: the model (agents/fx*.py, agents/beer.py)."""

from __future__ import annotations

import polars as pl

from macro_fund.agents.fx import SERIES, fx_view
from macro_fund.agents.fx_inputs import CARRY_BD, COUPON_CD, MARKET, POSITIONS
from macro_fund.agents.fx_model import PARAMETERS, fx_model
from macro_fund.orchestration.agents_common import PYTHON, VIEW_CHECKS
from macro_fund.orchestration.checks import Problems, public_by_as_of, reasons_given, sums_to_one
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.agent_plots_fx import equilibrium_picture, parts_picture
from macro_fund.reports.view_card import view_card
from macro_fund.store.agent_tables import FX_PARTS

HORIZON_BD = 252


def _model(run: Run) -> pl.DataFrame:
    curve = run.read("silver/di_curve", where=pl.col("tenor_bd") == HORIZON_BD)
    return fx_model(run.observed(SERIES), curve, run.sessions, run.home.sessions, max_age=run.max_age)


def _view(run: Run) -> pl.DataFrame:
    coupon = (pl.col("kind") == "clean") & (pl.col("tenor_cd") == COUPON_CD)
    frames = {
        "market": run.read("silver/market_features", where=pl.col("series_id").is_in(MARKET)),
        "di_curve": run.read("silver/di_curve", where=pl.col("tenor_bd").is_in([CARRY_BD, HORIZON_BD])),
        "cupom_curve": run.read("silver/cupom_curve", where=coupon),
        "positioning": run.read("silver/positioning", where=pl.col("series_id") == POSITIONS),
    }
    model = run.read("agents/fx_model")
    return fx_view(run.observed(SERIES), frames, model, run.sessions, run.home.sessions, max_age=run.max_age)


def _whole(run: Run, frame: pl.DataFrame) -> Problems:
    """Every refit has every parameter once."""
    counts = frame.group_by("session", maintain_order=True).agg(pl.col("parameter").n_unique()).sort("session")
    return [(s, f"{n} of {len(PARAMETERS)} parameters") for s, n in counts.rows() if n != len(PARAMETERS)]


def _half_life(run: Run, frame: pl.DataFrame) -> Problems:
    """A refit's half-life lies in its own interval; null at an end, or in it, is a gap that need not close."""
    names = ("half_life_low", "half_life", "half_life_high")
    wide = frame.group_by("session", maintain_order=True).agg(
        pl.col("value").filter(pl.col("parameter") == p).first().alias(p) for p in ("loading", *names)
    )
    low, mid, high = (pl.col(n).fill_null(float("inf")) for n in names)
    bad = wide.drop_nulls("loading").filter((low > mid) | (mid > high)).sort("session")
    return [(s, f"half-life {m}, interval {a} to {b}") for s, a, m, b in bad.select("session", *names).rows()]


def _score(run: Run, frame: pl.DataFrame) -> Problems:
    """The score is the weighted sum of the parts, and it is the view on the real."""
    total = pl.sum_horizontal((pl.col(f"weight_{p}") * pl.col(f"part_{p}")).fill_null(0.0) for p in FX_PARTS)
    rows = frame.drop_nulls("state_score").with_columns(total=total.clip(-1.0, 1.0))
    off = (pl.col("total") - pl.col("state_score")).abs() > 1e-9
    other = pl.col("view_brl").is_null() | (pl.col("view_brl") != pl.col("state_score"))
    return [
        (s, f"parts give {t:.12g}, score {x:.12g}")
        for s, t, x in rows.filter(off | other).select("session", "total", "state_score").rows()
    ]


def _gap(run: Run, frame: pl.DataFrame) -> Problems:
    """misalignment is the log of the real exchange rate on its equilibrium."""
    rows = frame.drop_nulls("misalignment").with_columns(gap=(pl.col("reer") / pl.col("fair_reer")).log())
    bad = rows.filter((pl.col("gap") - pl.col("misalignment")).abs() > 1e-9)
    return [
        (s, f"misalignment {m:.9g}, levels give {g:.9g}") for s, m, g in bad["session", "misalignment", "gap"].rows()
    ]


NODES = (
    Node(
        "agents/fx_model",
        PYTHON,
        ("silver/observations", "silver/di_curve"),
        _model,
        (
            Check("whole", "every refit has every parameter", _whole),
            Check("half_life", "the half-life of a deviation lies in its interval", _half_life),
            reasons_given(),
            public_by_as_of(),
        ),
        plot=equilibrium_picture,
        version="2",
    ),
    Node(
        "agents/fx_view",
        PYTHON,
        (
            "silver/observations",
            "silver/market_features",
            "silver/di_curve",
            "silver/cupom_curve",
            "silver/positioning",
            "agents/fx_model",
        ),
        _view,
        (
            *VIEW_CHECKS,
            sums_to_one([f"weight_{p}" for p in FX_PARTS]),
            Check("score_of_parts", "the score is the weighted sum of its parts", _score),
            Check("gap_of_levels", "misalignment is the log of reer on fair_reer", _gap),
        ),
        plot=parts_picture,
        card=view_card,
        version="2",
    ),
)
