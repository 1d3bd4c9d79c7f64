"""A tearsheet's inputs gathered from a study, and the page written.

Belongs here: what is read for the page. Does not belong here: the page (reports/tearsheet.py).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from macro_fund.backtest import judge, lab
from macro_fund.backtest.lab import LEGS, Outcome, Tell
from macro_fund.backtest.market import Vector
from macro_fund.pms.show import local
from macro_fund.reports.tearsheet import Sheet, tearsheet
from macro_fund.research.study import Study
from macro_fund.store.lake import write_file_atomically
from macro_fund.strategies.registry import RegisteredStrategy

STRESS = (0.0, 1.0, 2.0, 3.0)
CASH = "br_cdi_daily"
STATES = ("goldilocks", "reflation", "stagflation", "deflation")
AS_KNOWN, REGIME = "silver/as_known", "agents/regime_view"


def write_tearsheet(
    study: Study, strategy: RegisteredStrategy, outcome: Outcome, path: Path, tell: Tell | None = None
) -> None:
    """Write the page of an outcome that `Study.run` gave."""
    write_file_atomically(path, tearsheet(sheet_of(study, strategy, outcome, tell)).encode())


def sheet_of(study: Study, strategy: RegisteredStrategy, outcome: Outcome, tell: Tell | None = None) -> Sheet:
    """Everything that the page needs, on the outcome's sessions."""
    variants = [lab.at_costs(outcome.variant, f) for f in STRESS]
    stressed = study.only_run(strategy, variants, tell)
    trial_id = study.trial_id(strategy, outcome.variant)
    promoted = study.home.ledger.promotions().filter(pl.col("trial_id") == trial_id)
    return Sheet(
        outcome=outcome,
        record=judge.record(outcome),
        tries=study.tries(),
        trial_id=trial_id,
        hypothesis=strategy.hypothesis,
        falsified_by=strategy.falsified_by,
        cash=_cash(study, outcome),
        states=regimes(study.table(REGIME), outcome),
        stress={f: judge.record(o).annual_sharpe for f, o in zip(STRESS, stressed, strict=True)},
        proxy=_share(_traded(study, outcome), pl.col("basis") == "proxy"),
        lag=_share(_read(study, strategy, outcome), pl.col("knowledge_basis") == "lag"),
        promoted=f"by {promoted['person'][-1]}, {local(promoted['recorded_at'][-1])}" if promoted.height else "",
        watermark=study.home.watermark,
    )


def _cash(study: Study, outcome: Outcome) -> Vector:
    """(T,) newest CDI a day known at each session; NaN where unknown."""
    rows = study.table(AS_KNOWN).filter(pl.col("series_id") == CASH).select("session", "value")
    found = _grid(outcome).join(rows, on="session", how="left", maintain_order="left")["value"]
    return found.fill_null(float("nan")).to_numpy()


def regimes(views: pl.DataFrame, outcome: Outcome) -> list[str | None]:
    """(T,) regime with the highest probability in the view of each session; None without a view."""
    names = [f"p_{s}" for s in STATES]
    seen = views.filter(pl.col("status") != "no_view").drop_nulls(names).select("session", *names)
    found = _grid(outcome).join(seen, on="session", how="left", maintain_order="left").select(names).to_numpy()
    known = np.isfinite(found).all(axis=1)
    best = np.where(known, np.nan_to_num(found).argmax(axis=1), 0)
    return [STATES[k] if ok else None for k, ok in zip(best.tolist(), known.tolist(), strict=True)]


def _grid(outcome: Outcome) -> pl.DataFrame:
    return pl.DataFrame({"session": pl.Series(outcome.sessions).cast(pl.Date)})


def _traded(study: Study, outcome: Outcome) -> pl.DataFrame:
    """Prices of the strategy's instruments over its record."""
    days = outcome.sessions[outcome.start :]
    mine = study.table(LEGS).filter(pl.col("instrument").is_in(outcome.variant.strategy.instruments))
    return mine.filter(pl.col("trade_date") >= days[0].astype(object)) if days.size else mine.clear()


def _read(study: Study, strategy: RegisteredStrategy, outcome: Outcome) -> pl.DataFrame:
    """Values of series that the strategy read over its record."""
    days = outcome.sessions[outcome.start :]
    ids = [*strategy.series, *strategy.licensed]
    mine = study.table(AS_KNOWN).filter(pl.col("series_id").is_in(ids))
    return mine.filter(pl.col("session") >= days[0].astype(object)) if days.size else mine.clear()


def _share(rows: pl.DataFrame, which: pl.Expr) -> float | None:
    return rows.select(which.mean()).item() if rows.height else None
