"""Reconciliation: our fills, lots, positions, fees and cash against orders, the broker's reports and its statements.

Belongs here: comparing, one row a thing compared. Does not belong here: what is recorded (`execution.py`), what the
broker says (`broker.py`), reading a file (`statements.py`), the P&L's own ties (`book.breaks`).

`ours` and `theirs` are contracts (signed, + = long the price), prices or BRL, by `kind`:

| kind | item | ours | theirs |
|---|---|---|---|
| execution | order and trade date | contracts of the fill | contracts that the broker reported |
| execution_price | the same | price of the fill | price reported |
| order | order | contracts filled beyond what was ordered, all without an order | 0 |
| lots | contract | contracts in open lots | position |
| position | contract | position | the broker's |
| fees | all | fees in the P&L so far | fees that the broker charged |
| settled | all | NAV less capital, interest and open estimates | daily settlements of the broker, less its fees |
| statement, statement_price, statement_cash | day, file, contract | position, mark, NAV | a recorded statement's |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from macro_fund.instruments.contracts import maturity
from macro_fund.pms.book import money, trading_pnl
from macro_fund.pms.broker import Statement
from macro_fund.pms.execution import Recorded
from macro_fund.pms.lots import UNIT, Lot, quantity_of, trade
from macro_fund.store.order_states import FILLED
from macro_fund.store.tables import TABLES

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

_TABLE = TABLES["pms/reconciliation"]
CENT = 0.005  # BRL, and points of a price: less than half a cent is rounding

Row = Mapping[str, Any]


def executions(recorded: Recorded, session: date) -> list[dict[str, Any]]:
    """Fills of the partition `session` against what the broker reported, and of their orders against what was ordered.

    recorded: everything known by then. Orders from before events were kept have no reports to compare with.
    """
    told = {o for (o,) in recorded.events.select("order_id").unique().iter_rows()}
    keys = ("order_id", "trade_date")
    here = pl.col("session") == session
    ours = {tuple(r[k] for k in keys): r for r in recorded.fills.filter(here).iter_rows(named=True)}
    reports = recorded.events.filter(here, pl.col("kind").is_in(FILLED))
    theirs = {tuple(r[k] for k in keys): r for r in reports.iter_rows(named=True)}
    rows = []
    for key in sorted(ours.keys() | theirs.keys()):
        fill, report = ours.get(key), theirs.get(key)
        if report is None and key[0] not in told:
            continue
        item = f"{key[0]} {key[1]}"
        ours_count, theirs_count = _number(fill, "quantity"), _number(report, "quantity")
        words = "the fund filled {}, the broker reported {} contracts"
        rows.append(_row(session, "execution", item, ours_count, theirs_count, f"{key[0]}: {words}"))
        if fill and report:
            words = f"{key[0]}: filled at {{}}, the broker reported {{}}"
            rows.append(_row(session, "execution_price", item, fill["price"], report["price"], words, CENT))
    return rows + _orders(recorded, session, {str(key[0]) for key in ours})


def positions(fills: pl.DataFrame, held: pl.DataFrame, close: date, session: date) -> list[dict[str, Any]]:
    """Open lots, folded again from `fills` known by `session`, against the book's positions after `close`."""
    lots: dict[str, list[Lot]] = {}
    for contract, quantity in fills.sort("trade_date", "fill_id").select("contract", "quantity").iter_rows():
        lots[contract], _ = trade(lots.get(contract, []), quantity, {"fund": UNIT})
    ours = {c: quantity_of(open_) for c, open_ in lots.items() if quantity_of(open_) and maturity(c, close) > close}
    words = "open lots hold {}, the position is {} contracts"
    return _by_contract(session, "lots", ours, _held(held), words)


def against(
    statement: Statement, held: pl.DataFrame, fees_brl: Decimal, made_brl: Decimal, session: date
) -> list[dict[str, Any]]:
    """The broker's own statement against the partition `session`: its positions, fees in the P&L so far, and what
    trading has made of the NAV (`made_brl`: NAV less capital, interest and `open_estimates`)."""
    words = "the book holds {}, the broker {} contracts"
    rows = _by_contract(session, "position", _held(held), statement.positions, words)
    words = "the P&L has BRL {} of fees, the broker charged {}"
    rows.append(_row(session, "fees", "all", float(fees_brl), float(statement.fees_brl), words, CENT))
    settled = float(statement.settled_brl - statement.fees_brl)
    words = "trading made BRL {} of the NAV, the broker settled {} less fees"
    return [*rows, _row(session, "settled", "all", float(made_brl), settled, words, CENT)]


def open_estimates(fills: pl.DataFrame, official: pl.DataFrame, booked: pl.DataFrame, session: date) -> Decimal:
    """BRL in the P&L so far that no settlement stands behind: no broker has settled it.

    official: silver/contract_marks; booked: what the P&L was made of (`true_up.with_estimates`).
    """
    if booked is official:
        return Decimal("0.00")
    whole = fills.with_columns(shares=pl.lit(None))
    made, settled = (sum(b[-1] for b in trading_pnl(whole, marks, session)) for marks in (booked, official))
    return money(made - settled)


def against_file(rows: Sequence[Row], held: pl.DataFrame, nav_brl: Decimal, session: date) -> list[dict[str, Any]]:
    """One recorded statement of one day (rows of broker_statements) against positions and NAV after that close.

    All of the NAV is in cash: futures are settled every day.
    """
    day, name = rows[0]["day"], f"{rows[0]['day']} {rows[0]['digest'][:8]}"
    of_contracts = {r["contract"]: r for r in rows if r["contract"]}
    theirs = {c: int(r["quantity"]) for c, r in of_contracts.items()}
    words = f"after {day} the book holds {{}}, the statement says {{}} contracts"
    found = _by_contract(session, "statement", _held(held), theirs, words, f"{name} ")
    marks = dict(held.select("contract", "mark_price").iter_rows())
    for contract in sorted(marks.keys() & of_contracts.keys()):
        mark, price = marks[contract], of_contracts[contract]["price"]
        words = f"{contract} is marked at {{}} after {day}, the statement says {{}}"
        found.append(_row(session, "statement_price", f"{name} {contract}", mark, price, words, CENT))
    for cash in (r["cash_brl"] for r in rows if not r["contract"]):
        words = f"NAV after {day} is BRL {{}}, the statement says {{}} of cash"
        found.append(_row(session, "statement_cash", name, float(nav_brl), float(cash), words, CENT))
    return found


def statement_rows(
    rows: Sequence[Row], positions: pl.DataFrame, navs: pl.DataFrame, table: Sessions, session: date
) -> list[dict[str, Any]]:
    """`against_file` for each file and day of `rows`, in the partition `session`. positions, navs: of all sessions.

    A day whose close the books do not have is broken, too.
    """
    missing = set(missing_closes(rows, navs, table))
    found: list[dict[str, Any]] = []
    for digest, day in sorted({(r["digest"], r["day"]) for r in rows}):
        here = pl.col("session") == table.offset(day, 1)
        if day in missing:
            words = f"the books have no close of {day} to hold the broker's statement against"
            found.append(_row(session, "statement", f"{day} {digest[:8]}", 0.0, 1.0, words))
            continue
        told = [r for r in rows if (r["digest"], r["day"]) == (digest, day)]
        found += against_file(told, positions.filter(here), navs.filter(here)["nav_brl"].item(), session)
    return found


def missing_closes(rows: Sequence[Row], navs: pl.DataFrame, table: Sessions) -> list[date]:
    """Days of a statement whose close the books do not have."""
    have = set(navs["session"])
    return sorted({r["day"] for r in rows if table.offset(r["day"], 1) not in have})


def frame_of(rows: Iterable[Row]) -> pl.DataFrame:
    """pms/reconciliation rows in their order."""
    return pl.DataFrame(list(rows), schema=_TABLE.schema, orient="row").sort(_TABLE.sort)


def broken(frame: pl.DataFrame) -> list[tuple[date, str]]:
    """(session, sentence) of each row whose numbers do not agree."""
    bad = frame.filter((pl.col("ours") - pl.col("theirs")).abs() > pl.col("tolerance"))
    return [
        (r["session"], r["sentence"] or f"{r['kind']} {r['item']}: {r['ours']} is not {r['theirs']}")
        for r in bad.iter_rows(named=True)
    ]


def _orders(recorded: Recorded, session: date, traded: set[str]) -> list[dict[str, Any]]:
    """Orders that were filled in the session: never without an order, and never more than it."""
    ordered = dict(recorded.orders.select("order_id", "quantity").iter_rows())
    sums = recorded.fills.group_by("order_id", maintain_order=True).agg(pl.col("quantity").sum())
    rows = []
    for order_id, filled in sums.filter(pl.col("order_id").is_in(sorted(traded))).sort("order_id").iter_rows():
        asked = ordered.get(order_id, 0)
        beyond = abs(filled) if filled * asked <= 0 else max(abs(filled) - abs(asked), 0)
        words = f"{order_id}: {filled:+,} contracts are filled, {asked:+,} were ordered: {{}} too many, not {{}}"
        rows.append(_row(session, "order", order_id, float(beyond), 0.0, words))
    return rows


def _by_contract(
    session: date, kind: str, ours: Mapping[str, int], theirs: Mapping[str, int], words: str, prefix: str = ""
) -> list[dict[str, Any]]:
    return [
        _row(session, kind, f"{prefix}{c}", float(ours.get(c, 0)), float(theirs.get(c, 0)), f"{c}: {words}")
        for c in sorted(ours.keys() | theirs.keys())
    ]


def _row(
    session: date, kind: str, item: str, ours: float, theirs: float, words: str, tolerance: float = 0.0
) -> dict[str, Any]:
    """One comparison; `words` takes both numbers and becomes the sentence when they differ."""
    shown = (f"{v:,.2f}" if tolerance else f"{v:+,.0f}" for v in (ours, theirs))
    sentence = words.format(*shown) if abs(ours - theirs) > tolerance else ""
    numbers = {"ours": ours, "theirs": theirs, "tolerance": tolerance}
    return {"session": session, "kind": kind, "item": item, **numbers, "sentence": sentence}


def _held(positions: pl.DataFrame) -> dict[str, int]:
    """Contracts held, over the instruments that hold them."""
    held: dict[str, int] = {}
    for contract, quantity in positions.select("contract", "quantity").iter_rows():
        held[contract] = held.get(contract, 0) + quantity
    return held


def _number(row: Row | None, column: str) -> float:
    return 0.0 if row is None else float(row[column])
