"""Silver in Python: curves, marks and instrument returns. (What SQL does better is in silver_dbt.py.)

Belongs here: which tables a silver asset reads and its checks. Does not belong here: the arithmetic (curves/,
instruments/).
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.curves import checks as curve_checks
from macro_fund.curves.basis import with_basis
from macro_fund.curves.cupom import REFERENCE_DAYS, cupom_curve
from macro_fund.curves.cupom_checks import cupom_arbitrage, cupom_repricing
from macro_fund.curves.di import build, di_curve
from macro_fund.curves.policy_path import policy_path
from macro_fund.curves.real import SERIES as NTNB
from macro_fund.curves.real import real_curve
from macro_fund.curves.real_checks import real_arbitrage, real_repricing
from macro_fund.curves.svensson import breakeven_problems, ettj_curves
from macro_fund.curves.tips import REAL_TENORS, us_real_curve
from macro_fund.curves.ust import TENORS, ust_curve
from macro_fund.instruments.bond_marks import bond_marks, differs_from_anbima, not_from_its_rate
from macro_fund.instruments.checks import pnl_recomputed
from macro_fund.instruments.contracts import PRICED_ROOTS, load_specs, point_values
from macro_fund.instruments.limits import load_limit_days
from macro_fund.instruments.marks import Inputs, contract_marks, instrument_returns
from macro_fund.orchestration.checks import bounded, every_session, located, sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.orchestration.silver_features import NODES as FEATURES
from macro_fund.orchestration.silver_legs import NODES as LEGS
from macro_fund.orchestration.silver_retail import NODES as RETAIL
from macro_fund.reports.plots import (
    bonds_picture,
    cupom_picture,
    curve_picture,
    path_picture,
    real_picture,
    returns_picture,
)
from macro_fund.time.calendars import BusinessCalendar
from macro_fund.time.releases import load_meetings

PYTHON = frozenset({"python", "polars", "parquet"})


CDI = pl.col("series_id") == "br_cdi_daily"
TARGET = pl.col("series_id") == "br_selic_target"
PRICED = pl.col("root").is_in(PRICED_ROOTS)
DI1 = pl.col("root") == "DI1"
COUPONS = pl.col("root").is_in(["DDI", "FRC"])
PTAX = pl.col("series_id") == "br_usdbrl_ptax_ask"
VNA = pl.col("series_id") == "br_vna_ntnb"
SOFR = pl.col("series_id") == "us_sofr"
DOC = (pl.col("series_id") == "b3_curve_doc") & pl.col("calendar_days").is_between(*REFERENCE_DAYS)
NOMINAL = pl.col("series_id").is_in(list(TENORS))
REAL = pl.col("series_id").is_in(list(REAL_TENORS))


def cdi(run: Run) -> pl.DataFrame:
    """CDI observations known to the run."""
    return run.read("bronze/bcb_sgs", where=CDI)


def settlements(run: Run) -> pl.DataFrame:
    """DI1 settlements known to the run."""
    return run.read("bronze/b3_settlements", where=DI1)


def treasury_days(run: Run) -> tuple[BusinessCalendar, BusinessCalendar]:
    """The Treasury publishes its curves on days on which both are open."""
    return run.home.calendar("nyse"), run.home.calendar("us_federal")


def _di_curve(run: Run) -> pl.DataFrame:
    return di_curve(settlements(run), cdi(run), run.sessions, run.home.calendar("anbima"))


def _policy_path(run: Run) -> pl.DataFrame:
    calendar = run.home.calendar("anbima")
    built = build(settlements(run), cdi(run), run.sessions, calendar)
    targets = run.read("bronze/bcb_sgs", where=TARGET)
    return policy_path(built, targets, [m.date for m in load_meetings("copom_meetings")], calendar)


def _real_curve(run: Run) -> pl.DataFrame:
    bonds = run.read("bronze/anbima_bonds", where=pl.col("series_id") == NTNB)
    return real_curve(bonds, settlements(run), run.sessions, run.home.calendar("anbima"))


def _ettj(run: Run) -> pl.DataFrame:
    return ettj_curves(run.read("bronze/anbima_ettj"), run.sessions)


def _bond_marks(run: Run) -> pl.DataFrame:
    bonds, vna = run.read("bronze/anbima_bonds"), run.read("bronze/anbima_vna")
    return run.output(bond_marks(bonds, vna, run.sessions, run.home.calendar("anbima")))


def _ust_curve(run: Run) -> pl.DataFrame:
    return ust_curve(run.read("bronze/us_treasury", where=NOMINAL), run.sessions, treasury_days(run))


def _us_real_curve(run: Run) -> pl.DataFrame:
    real, nominal = run.read("bronze/us_treasury", where=REAL), run.read("silver/ust_curve", where=run.inside)
    return us_real_curve(real, nominal, run.sessions, treasury_days(run))


def _contract_marks(run: Run) -> pl.DataFrame:
    inputs = Inputs(cdi(run), run.read("bronze/bcb_ptax", where=PTAX), run.read("bronze/anbima_vna", where=VNA))
    settled, calendar = run.read("bronze/b3_settlements", where=PRICED), run.home.calendar("anbima")
    values = point_values(load_specs())
    return run.output(contract_marks(settled, inputs, run.sessions, calendar, values, load_limit_days()))


def _cupom_curve(run: Run) -> pl.DataFrame:
    settled, reference = run.read("bronze/b3_settlements", where=COUPONS), run.read("bronze/b3_curves", where=DOC)
    ptax = run.read("bronze/bcb_ptax", where=PTAX)
    curve = cupom_curve(settled, reference, ptax, run.sessions, run.home.calendar("anbima"))
    return with_basis(curve, run.read("silver/ust_curve"), run.read("bronze/nyfed", where=SOFR))


def _instrument_returns(run: Run) -> pl.DataFrame:
    marks = run.read("silver/contract_marks")
    return run.output(instrument_returns(marks, run.home.settings.instruments, run.history))


def _di_problems(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return located(curve_checks.di_arbitrage(frame))


def _di_reprices(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    settled = run.home.lake.read("bronze/b3_settlements", run.last, where=DI1)
    cdi_rows = run.home.lake.read("bronze/bcb_sgs", run.last, where=CDI)
    calendar = run.home.calendar("anbima")
    again = di_curve(settled, cdi_rows, run.sessions, calendar)
    other = frame.join(again, on=["session", "curve_date", "tenor_bd", "rate"], how="anti", nulls_equal=True)
    stored = [
        (s, f"DI {n} bd: stored {r} is not the curve's")
        for s, n, r in other.select("session", "tenor_bd", "rate").rows()
    ]
    return stored + located(curve_checks.di_repricing(settled, cdi_rows, run.sessions, calendar))


def _real_problems(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return located(real_arbitrage(frame))


def _real_reprices(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    bonds = run.home.lake.read("bronze/anbima_bonds", run.last, where=pl.col("series_id") == NTNB)
    return located(real_repricing(frame, bonds, run.sessions, run.home.calendar("anbima")))


def _ettj_problems(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return located(breakeven_problems(frame))


def _pu_of_anbima(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return located(differs_from_anbima(frame))


def _pu_of_rate(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return located(not_from_its_rate(frame, run.home.calendar("anbima")))


def _steps_in_order(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    before = pl.col("effective_bd").shift(1).over("session", "curve_date", order_by="meeting")
    bad = frame.with_columns(before=before).filter(pl.col("effective_bd") <= pl.col("before").fill_null(0))
    return [
        (s, f"{m}: effective after {n} days") for s, m, n in bad.select("session", "meeting", "effective_bd").rows()
    ]


def _ust_reprices(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return located(curve_checks.ust_repricing(frame))


def _ust_forwards(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return located(curve_checks.ust_forwards(frame))


def _tips_reprices(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return located(curve_checks.tips_repricing(frame))


def _breakevens(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return located(curve_checks.breakevens(frame, run.read("silver/ust_curve", where=run.inside)))


def _marks_recomputed(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Daily settlement recomputed in decimals from the stored prices and correction factors."""
    return located(pnl_recomputed(frame, run.read_own(frame), run.home.calendar("anbima")))


def _marks_bounded(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """DV01 of one contract is not negative and no larger than its root's own longest one."""
    high = pl.col("root").replace_strict(DV01_BRL, default=0.0, return_dtype=pl.Float64)
    bad = frame.filter(~pl.col("dv01_brl").is_between(0.0, high))
    return [(s, f"{c}: DV01 {v:.6g}") for s, c, v in bad.select("session", "contract", "dv01_brl").rows()]


def _cupom_problems(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return located(cupom_arbitrage(frame))


def _cupom_reprices(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    settled = run.home.lake.read("bronze/b3_settlements", run.last, where=COUPONS)
    reference = run.home.lake.read("bronze/b3_curves", run.last, where=DOC)
    return located(cupom_repricing(frame, settled, reference, run.sessions, run.home.calendar("anbima")))


def _pnl_known(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """P&L is missing where a CDI, PTAX, VNA or leg behind it is not known."""
    bad = frame.filter(pl.col("prev_trade_date").is_not_null() & pl.col("pnl_brl").is_null())
    return [
        (s, f"{c} {d}: no {BEHIND.get(root, 'price')} to carry {p}")
        for s, c, root, d, p in bad.select("session", "contract", "root", "trade_date", "prev_trade_date").rows()
    ]


BEHIND = {"DI1": "CDI", "DDI": "CDI or PTAX", "FRC": "PTAX or DDI", "DAP": "CDI or VNA"}
# Above the DV01 of the longest contract listed: DI1 and DAP 40 years at low rates, DDI and FRC 15 years at PTAX of 10.
# The most that a DI1 can have is 72 at 5% (20 years) and 90 at 4%; 66.31 was settled on 2020-01-22 (DI1F35 at 5.22%).
DV01_BRL = {"DI1": 100.0, "DDI": 600.0, "FRC": 600.0, "DAP": 300.0}
# A contract that misses by more has another price than its neighbours; the most of 2010-2021 was 25 bp (November 2021).
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
            bounded(["fit_bp"], 0.0, MISS_BP, gate=False),
            Check("steps_in_order", "meetings and their effective days ascend", _steps_in_order),
            every_session(gate=False),
        ),
        plot=path_picture,
    ),
    Node(
        "silver/real_curve",
        PYTHON,
        ("bronze/anbima_bonds", "bronze/b3_settlements"),
        _real_curve,
        (
            Check("no_arbitrage", "discount factors fall where real rates are positive", _real_problems),
            Check("reprices_bonds", "every NTN-B yield comes back from the zero rates", _real_reprices),
            every_session(gate=False),
        ),
        plot=real_picture,
    ),
    Node(
        "silver/ettj",
        PYTHON,
        ("bronze/anbima_ettj",),
        _ettj,
        (
            bounded(["nominal_rate", "real_rate"], -0.15, 0.4),
            Check("breakeven", "the breakeven is that of the two rates", _ettj_problems),
            every_session(gate=False),
        ),
        plot=real_picture,
    ),
    Node(
        "silver/bond_marks",
        PYTHON,
        ("bronze/anbima_bonds", "bronze/anbima_vna"),
        _bond_marks,
        (
            Check("pu_of_rate", "each PU is the price at its rate", _pu_of_rate),
            Check("pu_of_anbima", "each PU is ANBIMA's to the sixth decimal", _pu_of_anbima, gate=False),
            bounded(["dv01_brl"], 0.0, 20.0),
            every_session(gate=False),
            sessions_inside(),
        ),
        plot=bonds_picture,
    ),
    Node(
        "silver/ust_curve",
        PYTHON,
        ("bronze/us_treasury",),
        _ust_curve,
        (
            Check("reprices_par", "a bond that pays the par yield prices at 100", _ust_reprices),
            Check("forwards", "forwards are those of the zeros and not negative", _ust_forwards, gate=False),
            every_session(),
        ),
        version="2",
        plot=curve_picture,
    ),
    Node(
        "silver/us_real_curve",
        PYTHON,
        ("bronze/us_treasury", "silver/ust_curve"),
        _us_real_curve,
        (
            Check("reprices_par", "a real bond that pays the real par yield prices at 100", _tips_reprices),
            Check("breakevens", "breakevens are Fisher's on the two curves' zero rates", _breakevens),
            bounded(["breakeven", "breakeven_5y"], -0.05, 0.1, gate=False),
            every_session(),
        ),
        plot=curve_picture,
    ),
    Node(
        "silver/cupom_curve",
        PYTHON,
        ("bronze/b3_settlements", "bronze/b3_curves", "bronze/bcb_ptax", "bronze/nyfed", "silver/ust_curve"),
        _cupom_curve,
        (
            Check("no_arbitrage", "discount factors are positive and fall where coupons are positive", _cupom_problems),
            Check("reprices_contracts", "every DDI and FRC settlement comes back from the curve", _cupom_reprices),
            every_session(gate=False),
        ),
        plot=cupom_picture,
    ),
    Node(
        "silver/contract_marks",
        PYTHON,
        ("bronze/b3_settlements", "bronze/bcb_sgs", "bronze/bcb_ptax", "bronze/anbima_vna"),
        _contract_marks,
        (
            Check("pnl_recomputed", "daily settlement recomputed from prices in decimals", _marks_recomputed),
            Check("pnl_known", "a contract with a previous settlement has its P&L", _pnl_known, gate=False),
            Check("bounded", "DV01 within the bounds of its root", _marks_bounded),
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
    *LEGS,
    *RETAIL,
    *FEATURES,
)
