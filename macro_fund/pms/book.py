"""The book: positions, the daily P&L cube and NAV, from fills and official settlements.

Belongs here: what the fund holds and made, to the cent. Does not belong here: how an order is filled (`execution.py`),
which level marks a contract (`marking.py`), lots (`lots.py`), interest (`cash.py`).

Partition T describes the close of T-1, the trade date. A fill at the settlement of T-1 costs on that day and earns
from the next settlement on. A contract without a settlement that day is marked by the next rung (`marking.py`); where
no rung gives P&L it is deferred: it is booked in the session that knows it, as is the difference when a settlement is
corrected or takes the place of an estimate (`true_up.py`). So each day's cube sums to the change of NAV, and nothing
booked is ever rewritten. A position ends at its contract's maturity, after its last settlement.

Money is counted in whole cents. Every function recomputes from the first fill, so the window asked for changes nothing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from macro_fund.pms.cash import cdi_factors
from macro_fund.pms.lots import Lot, allocate, freeze, owners_of, quantity_of, trade
from macro_fund.pms.marking import holdings
from macro_fund.pms.settlements import known_marks
from macro_fund.store.tables import TABLES

if TYPE_CHECKING:
    from macro_fund.time.calendars import BusinessCalendar
    from macro_fund.time.sessions import Sessions

CASH = "CASH"
_CENT = Decimal("0.01")
_POSITIONS, _PNL, _NAV = TABLES["pms/positions"], TABLES["pms/pnl"], TABLES["pms/nav"]
_KEY = ["contract", "instrument"]

Row = Mapping[str, Any]
Split = Callable[[Row], Mapping[str, Mapping[str, float]]]
"""Of a mark: BRL that +1 contract made, by component and the factors in it; what they leave is residual."""
Part = tuple[str, str]  # component, factor
Owner = tuple[str, str]  # strategy, lot: the fill that opened it
Booked = tuple[date, str, str, Owner, Part, int]  # session, contract, instrument, owner, part, cents
NO_FACTOR = "none"


def with_shares(fills: pl.DataFrame, orders: pl.DataFrame, proposals: pl.DataFrame) -> pl.DataFrame:
    """pms/fills rows with the strategy shares of the proposal behind each, as `Ledger.fills` gives them."""
    shares = orders.select("order_id", "proposal_id").join(
        proposals.select("proposal_id", "shares").unique("proposal_id"), on="proposal_id", how="left"
    )
    return fills.join(shares, on="order_id", how="left", maintain_order="left")


def positions(fills: pl.DataFrame, marks: pl.DataFrame, sessions: Sequence[date], table: Sessions) -> pl.DataFrame:
    """pms/positions of `sessions`: contracts held after the close of each trade date, at the session's own mark.

    fills: pms/fills, marks: pms/marks; all history. Where the session has no mark there is no level, and the risk of
    one contract is that of the newest mark.
    """
    held = holdings(fills, sessions, table).sort("session", maintain_order=True)
    newest = marks.drop("trade_date").with_columns(marked="session").sort("session", maintain_order=True)
    rows = held.join_asof(newest, on="session", by="contract", check_sortedness=False)
    rows = rows.filter(pl.col("maturity").is_null() | (pl.col("maturity") > pl.col("trade_date")))
    now = pl.col("marked") == pl.col("session")
    rows = rows.with_columns(mark_basis=pl.when(now).then("basis").otherwise(pl.lit("none")))
    marked = pl.col("mark_basis") != "none"
    levels = [pl.when(marked).then(f"settle_{c}").alias(f"mark_{c}") for c in ("price", "rate")]
    # + 0.0: a short position in something without DV01 has none, not -0.0
    risk = [(pl.col(c) * pl.col("quantity") + 0.0).alias(c) for c in ("dv01_brl", "delta_brl")]
    rows = rows.with_columns(*levels, *risk)
    return rows.select(pl.col(c).cast(t) for c, t in _POSITIONS.schema.items()).sort("session", *_KEY)


def pnl(
    fills: pl.DataFrame,
    marks: pl.DataFrame,
    cdi_daily: pl.DataFrame,
    sessions: Sequence[date],
    *,
    capital: Decimal,
    inception: date,
    calendar: BusinessCalendar,
    table: Sessions,
) -> pl.DataFrame:
    """pms/pnl of `sessions`: settlement and cost by contract, lot and strategy, interest on cash.

    fills: pms/fills with `shares` (`Ledger.fills` or `with_shares`), marks: `true_up.with_estimates`; all history.
    capital: NAV at the inception, which has no P&L itself. cdi_daily, calendar: see `cash.cdi_factors`.
    """
    keys = table.keys(inception, max(*sessions, inception))
    trading = list(trading_pnl(fills, marks, keys[-1]))
    by_session = _sums((b[0], b[-1]) for b in trading)
    nav_cents = _cents(capital)
    rows = [(s, c, i, *owner, component, n) for s, c, i, owner, (component, _), n in trading]
    for session, factor in cdi_factors(cdi_daily, keys, calendar, table).items():
        if session == inception:
            continue
        interest = int((Decimal(nav_cents) * (factor - 1)).quantize(Decimal(1), ROUND_HALF_EVEN))
        rows.append((session, CASH, CASH, CASH, CASH, "interest", interest))
        nav_cents += interest + by_session.get(session, 0)
    asked = set(sessions)
    trade_dates = {s: table.offset(s, -1) for s in keys}
    frame = pl.DataFrame(
        [(s, trade_dates[s], *owned, money(n)) for s, *owned, n in rows if s in asked],
        schema=_PNL.schema,
        orient="row",
    )
    return frame.sort(_PNL.sort)


def nav(
    cube: pl.DataFrame,
    cdi_daily: pl.DataFrame,
    sessions: Sequence[date],
    *,
    capital: Decimal,
    inception: date,
    calendar: BusinessCalendar,
    table: Sessions,
) -> pl.DataFrame:
    """pms/nav of `sessions` from the whole P&L cube; the inception's NAV is the capital, earlier sessions have none.

    ValueError when a session after the inception has no P&L rows: its partition is missing.
    """
    keys = table.keys(inception, max(*sessions, inception))
    day = _sums((s, _cents(v)) for s, v in cube.select("session", "pnl_brl").iter_rows())
    missing = [k for k in keys[1:] if k not in day]
    if missing:
        raise ValueError(f"pms/pnl has no rows of {missing[0]} ({len(missing)} sessions): materialize it first")
    rows, closing, index = [], _cents(capital), Decimal(1)
    for session, factor in cdi_factors(cdi_daily, keys, calendar, table).items():
        opening, made = closing, day.get(session, 0)
        closing, index = opening + made, index * factor
        amounts = (money(opening), money(made), money(closing))
        rows.append((session, table.offset(session, -1), *amounts, float(index), closing / _cents(capital)))
    return pl.DataFrame(rows, schema=_NAV.schema, orient="row").filter(pl.col("session").is_in(list(sessions)))


def breaks(cube: pl.DataFrame, navs: pl.DataFrame) -> list[str]:
    """Where the books do not tie, in words: P&L against the change of NAV, and each NAV against the one before."""
    day = _sums((s, _cents(v)) for s, v in cube.select("session", "pnl_brl").iter_rows())
    found, before = [], None
    columns = ("session", "opening_nav_brl", "pnl_brl", "nav_brl")
    for session, opening, made, closing in navs.sort("session").select(columns).iter_rows():
        if _cents(closing) - _cents(opening) != day.get(session, 0):
            found.append(f"{session}: P&L {money(day.get(session, 0))} but NAV moved {closing - opening}")
        if made != closing - opening:
            found.append(f"{session}: pnl_brl {made} is not NAV {closing} less opening {opening}")
        if before is not None and opening != before:
            found.append(f"{session}: opens at {opening}, the session before closed at {before}")
        before = closing
    return found


def deferred(fills: pl.DataFrame, marks: pl.DataFrame, upto: date) -> pl.DataFrame:
    """Settlements known by `upto` of contracts then held whose P&L is not known yet: contract, trade_date, quantity."""
    known = known_marks(marks, fills["contract"], upto).unique(["contract", "trade_date"], keep="last")
    waiting = known.filter(pl.col("pnl_brl").is_null()).select("contract", "trade_date")
    held = fills.filter(pl.col("session") <= upto).select("contract", "quantity", filled="trade_date")
    rows = waiting.join(held, on="contract").filter(pl.col("filled") < pl.col("trade_date"))
    rows = rows.group_by("contract", "trade_date", maintain_order=True).agg(pl.col("quantity").sum())
    return rows.filter(pl.col("quantity") != 0).sort("contract", "trade_date")


def trading_pnl(fills: pl.DataFrame, marks: pl.DataFrame, upto: date, split: Split | None = None) -> Iterator[Booked]:
    """Settlement and cost of every contract, by strategy and lot, in the session that books it.

    `split` parts each settlement into components, their factors and a residual; an owner's parts sum to its
    settlement to the cent.
    """
    known = fills.filter(pl.col("session") <= upto).sort("session", "trade_date", "fill_id")
    of_contract: dict[str, list[dict[str, Any]]] = {}
    for mark in known_marks(marks, known["contract"], upto).iter_rows(named=True):
        of_contract.setdefault(mark["contract"], []).append(mark)
    for (contract, instrument), part in sorted(known.partition_by(_KEY, as_dict=True).items(), key=lambda kv: kv[0]):
        for session, owner, piece, cents in _virtual_book(part.to_dicts(), of_contract.get(str(contract), []), split):
            yield session, str(contract), str(instrument), owner, piece, cents


def _virtual_book(
    fills: Sequence[Row], marks: Sequence[Row], split: Split | None
) -> Iterator[tuple[date, Owner, Part, int]]:
    """(session, owner, part, cents) of one contract of one instrument.

    Each session books what is new: fills, settlements, and the difference to what was booked before for a trade date
    when its settlement is corrected or a fill before it is recorded late.
    """
    newest: dict[date, Row] = {}
    booked: dict[date, dict[tuple[Owner, Part], int]] = {}
    traded, marked = _by_session(fills), _by_session(marks)
    known: list[Row] = []
    days: list[date] = []
    states: list[list[Lot[Owner]]] = []
    for session in sorted(traded.keys() | marked.keys()):
        new = traded.get(session, [])
        costs: list[tuple[Owner, int]] = []
        fresh = {m["trade_date"]: m for m in marked.get(session, [])}
        newest |= fresh
        if new:
            known += new
            days, states, costs = _lots(known, session)
        if not known:
            continue
        total = _sums(((k, ("cost", NO_FACTOR)), -c) for k, c in costs)
        late = min((f["trade_date"] for f in new), default=None)
        again = {d for d, m in newest.items() if late and m["prev_trade_date"] and m["prev_trade_date"] >= late}
        for day in sorted(fresh.keys() | again):
            value = _settlement(newest[day], days, states, split)
            change = _sums([*value.items(), *((k, -c) for k, c in booked.get(day, {}).items())])
            booked[day] = value
            total = _sums([*total.items(), *change.items()])
        for (owner, piece), cents in sorted(total.items()):
            yield session, owner, piece, cents


def _by_session(rows: Sequence[Row]) -> dict[date, list[Row]]:
    found: dict[date, list[Row]] = {}
    for row in rows:
        found.setdefault(row["session"], []).append(row)
    return found


def _lots(known: Sequence[Row], session: date) -> tuple[list[date], list[list[Lot[Owner]]], list[tuple[Owner, int]]]:
    """Lots after each trade date (dates, lots), and the cost in cents by owner of the fills new in `session`."""
    days: list[date] = []
    states: list[list[Lot[Owner]]] = []
    costs: list[tuple[Owner, int]] = []
    lots: list[Lot[Owner]] = []
    for fill in sorted(known, key=lambda f: (f["trade_date"], f["fill_id"])):
        shares = {(strategy, fill["fill_id"]): part for strategy, part in freeze(fill["shares"]).items()}
        lots, owners = trade(lots, fill["quantity"], shares)
        if fill["session"] == session:
            costs += allocate(_cents(fill["cost_brl"]), owners).items()
        days.append(fill["trade_date"])
        states.append(lots)
    return days, states, costs


def _settlement(
    mark: Row, days: Sequence[date], states: Sequence[list[Lot[Owner]]], split: Split | None
) -> dict[tuple[Owner, Part], int]:
    """Cents by owner and part that the lots held at the previous settlement made; empty: flat, or not known."""
    if mark["pnl_brl"] is None or mark["prev_trade_date"] is None:
        return {}
    at = bisect_right(days, mark["prev_trade_date"]) - 1
    lots = states[at] if at >= 0 else []
    if not lots:
        return {}
    quantity, owners = quantity_of(lots), owners_of(lots)
    left = allocate(quantity * _unit_cents(mark["pnl_brl"], 1), owners)
    if split is None:
        return {(k, ("settlement", NO_FACTOR)): cents for k, cents in left.items()}
    value: dict[tuple[Owner, Part], int] = {}
    for component, factors in split(mark).items():
        whole = allocate(_unit_cents(sum(factors.values()), quantity), owners)
        left = {k: cents - whole[k] for k, cents in left.items()}
        *others, last = factors
        for factor in others:
            for owner, cents in allocate(_unit_cents(factors[factor], quantity), owners).items():
                value[owner, (component, factor)] = cents
                whole[owner] -= cents
        value |= {(k, (component, last)): cents for k, cents in whole.items()}
    return value | {(k, ("residual", NO_FACTOR)): cents for k, cents in left.items()}


def _unit_cents(unit_brl: float, quantity: int) -> int:
    """Whole cents of `quantity` contracts at `unit_brl` each."""
    return int((Decimal(repr(unit_brl)) * quantity * 100).quantize(Decimal(1), ROUND_HALF_EVEN))


def _sums(pairs: Iterable[tuple[Any, int]]) -> dict[Any, int]:
    totals: dict[Any, int] = {}
    for key, cents in pairs:
        totals[key] = totals.get(key, 0) + cents
    return totals


def _cents(amount: Decimal) -> int:
    return int((amount / _CENT).to_integral_value(ROUND_HALF_EVEN))


def money(cents: int) -> Decimal:
    """Cents as reais."""
    return Decimal(cents).scaleb(-2)
