"""Silver in Python: curves, marks and instrument returns. (What SQL does better is in silver_dbt.py.)

Belongs here: which tables a silver asset reads and its checks. Does not belong here: the arithmetic (curves/,
instruments/).
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.curves import checks as curve_checks
from macro_fund.curves.di import build, di_curve
from macro_fund.curves.policy_path import policy_path
from macro_fund.curves.ust import TENORS, ust_curve
from macro_fund.instruments.checks import pnl_recomputed
from macro_fund.instruments.contracts import PRICED_ROOTS
from macro_fund.instruments.marks import contract_marks, instrument_returns
from macro_fund.orchestration.checks import bounded, every_session, located, sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots import curve_picture, path_picture, returns_picture
from macro_fund.time.releases import load_meetings

PYTHON = frozenset({"python", "polars", "parquet"})


CDI = pl.col("series_id") == "br_cdi_daily"
TARGET = pl.col("series_id") == "br_selic_target"
PRICED = pl.col("root").is_in(PRICED_ROOTS)
NOMINAL = pl.col("series_id").is_in(list(TENORS))


def cdi(run: Run) -> pl.DataFrame:
    """CDI observations known to the run."""
    return run.read("bronze/bcb_sgs", where=CDI)


def settlements(run: Run) -> pl.DataFrame:
    """Settlements known to the run, of the contracts that have marks."""
    return run.read("bronze/b3_settlements", where=PRICED)


def point_values(run: Run) -> dict[str, float]:
    """BRL a point of each root."""
    return {str(i.root): i.point_value_brl for i in run.home.settings.instruments}


def _di_curve(run: Run) -> pl.DataFrame:
    return di_curve(settlements(run), cdi(run), run.sessions, run.home.calendar("anbima"))


def _policy_path(run: Run) -> pl.DataFrame:
    calendar = run.home.calendar("anbima")
    built = build(settlements(run), cdi(run), run.sessions, calendar)
    targets = run.read("bronze/bcb_sgs", where=TARGET)
    return policy_path(built, targets, [m.date for m in load_meetings("copom_meetings")], calendar)


def _ust_curve(run: Run) -> pl.DataFrame:
    return ust_curve(run.read("bronze/us_treasury", where=NOMINAL), run.sessions)


def _contract_marks(run: Run) -> pl.DataFrame:
    marks = contract_marks(settlements(run), cdi(run), run.sessions, run.home.calendar("anbima"), point_values(run))
    return run.output(marks)


def _instrument_returns(run: Run) -> pl.DataFrame:
    marks = run.read("silver/contract_marks")
    return run.output(instrument_returns(marks, run.home.settings.instruments, run.history))


def _di_problems(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return located(curve_checks.di_arbitrage(frame))


def _di_reprices(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    settled = run.home.lake.read("bronze/b3_settlements", run.last, where=PRICED)
    cdi_rows = run.home.lake.read("bronze/bcb_sgs", run.last, where=CDI)
    calendar = run.home.calendar("anbima")
    again = di_curve(settled, cdi_rows, run.sessions, calendar)
    other = frame.join(again, on=["session", "curve_date", "tenor_bd", "rate"], how="anti", nulls_equal=True)
    stored = [
        (s, f"DI {n} bd: stored {r} is not the curve's")
        for s, n, r in other.select("session", "tenor_bd", "rate").rows()
    ]
    return stored + located(curve_checks.di_repricing(settled, cdi_rows, run.sessions, calendar))


def _steps_in_order(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    before = pl.col("effective_bd").shift(1).over("session", "curve_date", order_by="meeting")
    bad = frame.with_columns(before=before).filter(pl.col("effective_bd") <= pl.col("before").fill_null(0))
    return [
        (s, f"{m}: effective after {n} days") for s, m, n in bad.select("session", "meeting", "effective_bd").rows()
    ]


def _ust_reprices(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return located(curve_checks.ust_repricing(frame))


def _marks_recomputed(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Daily settlement recomputed in decimals from the stored prices and correction factors."""
    return located(pnl_recomputed(frame, run.read_own(frame), point_values(run)))


def _pnl_known(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """P&L is missing where the CDI that carries it is not known."""
    bad = frame.filter(pl.col("prev_trade_date").is_not_null() & pl.col("pnl_brl").is_null())
    return [
        (s, f"{c} {d}: no CDI to carry {p}")
        for s, c, d, p in bad.select("session", "contract", "trade_date", "prev_trade_date").rows()
    ]


# A contract that misses by more has another price than its neighbours; the most of 2010-2021 was 25 bp (May 2017).
MISS_BP = 60.0

NODES = (
    Node(
        "silver/di_curve",
        PYTHON,
        ("bronze/b3_settlements", "bronze/bcb_sgs"),
        _di_curve,
        (
            Check("no_arbitrage", "discount factors fall with the tenor, forwards are positive", _di_problems),
            Check("reprices_contracts", "every DI1 settlement comes back from the curve", _di_reprices),
            every_session(),
        ),
        plot=curve_picture,
    ),
    Node(
        "silver/policy_path",
        PYTHON,
        ("bronze/b3_settlements", "bronze/bcb_sgs"),
        _policy_path,
        (
            bounded(["fit_bp"], 0.0, MISS_BP),
            Check("steps_in_order", "meetings and their effective days ascend", _steps_in_order),
            every_session(gate=False),
        ),
        plot=path_picture,
    ),
    Node(
        "silver/ust_curve",
        PYTHON,
        ("bronze/us_treasury",),
        _ust_curve,
        (Check("reprices_par", "a bond that pays the par yield prices at 100", _ust_reprices), every_session()),
        plot=curve_picture,
    ),
    Node(
        "silver/contract_marks",
        PYTHON,
        ("bronze/b3_settlements", "bronze/bcb_sgs"),
        _contract_marks,
        (
            Check("pnl_recomputed", "daily settlement recomputed from prices in decimals", _marks_recomputed),
            Check("pnl_known", "a contract with a previous settlement has its P&L", _pnl_known, gate=False),
            bounded(["dv01_brl"], 0.0, 60.0),
            every_session(gate=False),
            sessions_inside(),
        ),
    ),
    Node(
        "silver/instrument_returns",
        PYTHON,
        ("silver/contract_marks",),
        _instrument_returns,
        (bounded(["shock"], -1000.0, 1000.0), every_session(gate=False), sessions_inside()),
        plot=returns_picture,
    ),
)
