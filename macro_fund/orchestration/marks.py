"""The book's marks as an asset: inputs and checks, not the hierarchy (pms/marking.py).

Overrides are read as the ledger had them at each session's as_of, so a session that is computed again says the same.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.instruments.contracts import load_specs, point_values
from macro_fund.orchestration.checks import sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.orchestration.silver import cdi
from macro_fund.pms.marking import Market, book_marks
from macro_fund.store.ledger_words import same_person

BOOK_MARKS, MARKS = "pms/marks", "silver/contract_marks"
_SAID = {
    "override": "marked by a level that two people gave",
    "model": "marked by the model; the difference is booked when the settlement is known",
    "previous": "marked at the close before, its P&L waits for the settlement",
    "none": "it has no mark, and its P&L waits: fetch the settlement file and run the session again, or two people "
    "give a level with `macro-fund marks override {contract} --date {close} --price LEVEL --reason WHY`",
}


def _marks(run: Run) -> pl.DataFrame:
    home = run.home
    market = Market(run.read(MARKS), cdi(run), home.calendar("anbima"), point_values(load_specs()), home.sessions)
    return run.output(book_marks(run.read("pms/fills"), home.ledger.overrides(), market, run.fund_sessions))


def _settlement_first(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """No model where the settlement of its day or a later one was known."""
    settled = run.home.lake.read(MARKS, run.last).select("contract", known="session", settled="trade_date")
    both = frame.filter(pl.col("source") == "model").join(settled, on="contract")
    bad = both.filter(pl.col("known") <= pl.col("session"), pl.col("settled") >= pl.col("trade_date"))
    bad = bad.select("session", "contract", "settled").unique().sort("session", "contract", "settled")
    return [(s, f"{c} is marked by the model, but its settlement of {d} is known") for s, c, d in bad.rows()]


def _two_people(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Every override was confirmed by a second person before the session's as_of."""
    given = run.home.ledger.overrides().filter(pl.col("confirmed_at").is_not_null()).to_dicts()
    rows = frame.filter(pl.col("source") == "override").to_dicts()
    return [
        (r["session"], f"{r['contract']} is marked by an override of {r['trade_date']} that no two people gave")
        for r in rows
        if not any(
            (o["contract"], o["trade_date"]) == (r["contract"], r["trade_date"])
            and o["confirmed_at"] <= run.home.sessions.as_of(r["session"])
            and not same_person(o["person"], o["confirmed_by"])
            for o in given
        )
    ]


def below_settlement(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Positions that are not marked at the settlement of the last close: how they are marked, and what to do."""
    rows = frame.filter(pl.col("mark_basis") != "settlement", pl.col("quantity") != 0)
    rows = rows.select("session", "contract", "trade_date", "mark_basis").unique().sort(pl.all())
    return [
        (s, f"{c}: no settlement of {d} counts; {_SAID[basis].format(contract=c, close=d)}")
        for s, c, d, basis in rows.rows()
    ]


NODES = (
    Node(
        BOOK_MARKS,
        frozenset({"python", "sql", "parquet"}),
        ("pms/fills", MARKS, "bronze/bcb_sgs"),
        _marks,
        (
            Check("settlement_first", "no model stands in for a settlement that is known", _settlement_first),
            Check("two_people", "every override was confirmed by a second person in time", _two_people),
            sessions_inside(),
        ),
    ),
)
