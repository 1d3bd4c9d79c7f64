"""Proposals: the trades that would bring the book to the targets, for a person to decide on.

Belongs here: contracts to trade, the trade's words (screen side, sign echo), its cost and content id. Does not belong
here: how big a target is (`portfolio/`), who may approve (`approval.py`), where proposals are kept
(`store/ledger.py`).

A target that is missing, or has no view, never closes a position: nothing is proposed for its instrument.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from macro_fund.pms.costs import instruments_by_id, known_instrument, trade_cost
from macro_fund.settings import Instrument, Settings
from macro_fund.store.content import content_id
from macro_fund.store.tables import TABLES

EXPIRY = time(18, 0)

_TABLE = TABLES["pms/trade_proposals"]
_SAO_PAULO = ZoneInfo("America/Sao_Paulo")
_RISES_OF = {"DI1": "rates", "DOL": "USD/BRL", "IND": "the Ibovespa"}

Row = Mapping[str, Any]
Group = dict[tuple[object, ...], list[dict[str, Any]]]


@dataclass(frozen=True)
class Leg:
    """One trade in one contract: contracts held before and after, the last settlement, risk of +1 contract."""

    contract: str
    before: int
    after: int
    level: float | None
    dv01_brl: float
    delta_brl: float
    note: str = ""

    @property
    def quantity(self) -> int:
        return self.after - self.before


def expires_at(session: date) -> datetime:
    """18:00 Sao Paulo of the session, in UTC."""
    return datetime.combine(session, EXPIRY, _SAO_PAULO).astimezone(UTC)


def screen_side(root: str, contract: str, quantity: int) -> str:
    """What to key: the DI1 screen trades rate, so buying the contract (long PU, receive) sells rate."""
    if root == "DI1":
        return f"{'SELL rate (receive)' if quantity > 0 else 'BUY rate (pay)'} {contract}"
    return f"{'BUY' if quantity > 0 else 'SELL'} {contract}"


def gain_if(root: str, contract: str, after: int) -> str:
    """Sign echo of the position after a trade: what has to happen for the fund to gain."""
    if after == 0:
        return f"closes {contract}: nothing left to gain or lose"
    falls = (after > 0) == (root == "DI1")
    return f"you gain if {_RISES_OF[root]} {'FALL' if falls else 'RISE'}{'' if root == 'DI1' else 'S'}"


def scaled(target_contracts: int, nav_brl: Decimal, capital_brl: Decimal, max_contracts: int) -> int:
    """The target at the mandate's capital, scaled to the NAV, rounded toward zero and capped; 0 when NAV <= 0."""
    size = int(abs(target_contracts) * max(nav_brl, Decimal(0)) // capital_brl)
    return min(size, max_contracts) * (1 if target_contracts > 0 else -1)


def propose(
    targets: pl.DataFrame,
    positions: pl.DataFrame,
    signals: pl.DataFrame,
    nav: pl.DataFrame,
    sessions: Sequence[date],
    *,
    settings: Settings,
) -> pl.DataFrame:
    """Trades from the book to the targets, one row a contract: pms/trade_proposals of `sessions`.

    targets: portfolio/targets at the mandate's capital. positions and nav: pms/positions and pms/nav of the same
    sessions (the last close known). signals: rows of all strategies (levels, horizon and words). Contracts of an
    instrument other than its target's are closed (roll). ValueError when a session has targets but no NAV.
    """
    instruments = instruments_by_id(settings)
    wanted = pl.Series("session", list(sessions), dtype=pl.Date)
    targets = targets.filter(pl.col("session").is_in(wanted.implode()), pl.col("status") != "no_view")
    targets = targets.filter(pl.col("target_contracts").is_not_null()).sort("session", "instrument")
    nav_of = dict(nav.select("session", "nav_brl").iter_rows())
    held, views = _grouped(positions, "contract"), _grouped(signals, "strategy_id")
    rows: list[dict[str, Any]] = []
    for target in targets.iter_rows(named=True):
        session, instrument = target["session"], known_instrument(instruments, target["instrument"])
        if session not in nav_of:
            raise ValueError(f"session {session} has targets but no NAV; materialize pms/nav for it before proposals")
        goal = scaled(target["target_contracts"], nav_of[session], settings.fund.nav_brl, instrument.max_contracts)
        key = (session, instrument.id)
        for leg in legs(target, held.get(key, []), goal, settings.fund.sizing.min_change):
            rows.append(_row(target, instrument, leg, goal, views.get(key, [])))
    return pl.DataFrame(rows, schema=_TABLE.schema, orient="row").sort(_TABLE.sort)


def legs(target: Row, held: Sequence[Row], goal: int, min_change: float) -> Iterator[Leg]:
    """Trades in one instrument: positions in other contracts are closed, the target's contract goes to `goal`.

    A change of at most `min_change` of the position is not worth its cost and is left out, except to open, close, turn
    or roll.
    """
    contract = target["contract"]
    if goal and not contract:
        return  # no listed contract to hold: keep what there is
    here = next((p for p in held if p["contract"] == contract), None)
    others = [p for p in held if p["contract"] != contract]
    for p in others:
        yield _leg_of(p, 0, f"roll to {contract}" if goal else "close")
    before = here["quantity"] if here else 0
    if not _worth(before, goal, min_change, rolling=bool(others)):
        return
    if goal == 0 and here is not None:
        yield _leg_of(here, 0, "close")
        return
    level = target["price"] if target["rate"] is None else target["rate"]
    note = "roll" if others else "" if before else "open"
    yield Leg(contract, before, goal, level, *_unit_risk(target), note)


def _worth(before: int, after: int, min_change: float, rolling: bool) -> bool:
    change = abs(after - before)
    # As decimals: a fifth of 105 is 21, whatever 0.2 x 105 is in binary.
    small = before * after > 0 and change <= Decimal(repr(min_change)) * abs(before)
    return change > 0 and (rolling or not small)


def _leg_of(position: Row, after: int, note: str) -> Leg:
    quantity = position["quantity"]
    level = position["mark_price"] if position["mark_rate"] is None else position["mark_rate"]
    unit = position["dv01_brl"] / quantity, position["delta_brl"] / quantity
    return Leg(position["contract"], quantity, after, level, *unit, note)


def _unit_risk(target: Row) -> tuple[float, float]:
    """DV01 and delta of +1 contract, from the whole target's."""
    count, dv01, delta = target["target_contracts"], target["dv01_brl"], target["delta_brl"]
    if dv01 is None or delta is None:
        raise ValueError(
            f"portfolio/targets {target['session']} {target['instrument']}: {count} contracts without dv01_brl or "
            "delta_brl; the target must carry its risk"
        )
    return dv01 / count, delta / count


def _row(target: Row, instrument: Instrument, leg: Leg, goal: int, views: Sequence[Row]) -> dict[str, Any]:
    session, shares = target["session"], list(target["shares"] or [])
    identity = {
        "session": session,
        "instrument": instrument.id,
        "contract": leg.contract,
        "quantity": leg.quantity,
        "position_before": leg.before,
        "target": goal,
        "entry_level": leg.level,
        "shares": shares,
    }
    lead = _lead(shares, views) if leg.after else None
    return {
        "session": session,
        "proposal_id": content_id(identity),
        "instrument": instrument.id,
        "contract": leg.contract,
        "quantity": leg.quantity,
        "screen_side": screen_side(instrument.root, leg.contract, leg.quantity),
        "position_before": leg.before,
        "position_after": leg.after,
        "entry_level": leg.level,
        "stop_level": lead["stop_level"] if lead else None,
        "target_level": lead["target_level"] if lead else None,
        "horizon_days": lead["horizon_days"] if lead else None,
        "conviction": target["conviction"],
        "expected_cost_brl": trade_cost(instrument, leg.quantity, leg.dv01_brl),
        "dv01_before_brl": leg.before * leg.dv01_brl,
        "dv01_after_brl": leg.after * leg.dv01_brl,
        "delta_before_brl": leg.before * leg.delta_brl,
        "delta_after_brl": leg.after * leg.delta_brl,
        "shares": shares,
        "gain_if": gain_if(instrument.root, leg.contract, leg.after),
        "rationale": _rationale(target, leg, views),
        "expires_at": expires_at(session),
    }


def _lead(shares: Sequence[Row], views: Sequence[Row]) -> Row | None:
    """Signal of the strategy with the largest share (first by name among equals): its levels are the trade's."""
    share_of = {s["strategy_id"]: s["share"] for s in shares}
    in_trade = [v for v in views if share_of.get(v["strategy_id"], 0) > 0 and v["status"] != "no_view"]
    return max(in_trade, key=lambda v: share_of[v["strategy_id"]], default=None)


def _rationale(target: Row, leg: Leg, views: Sequence[Row]) -> str:
    parts = [leg.note] if leg.note else []
    parts += [
        f"{v['strategy_id']} {v['signal']:+.2f}" + (f" ({v['reason']})" if v["reason"] else "")
        for v in views
        if v["status"] != "no_view" and v["signal"] is not None
    ]
    if target["binding_constraint"]:
        parts.append(f"sized by {target['binding_constraint']}")
    if target["status"] == "degraded":
        parts.append(f"DEGRADED: {target['reason']}")
    return "; ".join(parts)


def _grouped(frame: pl.DataFrame, order: str) -> Group:
    """Rows by (session, instrument), in the order of one column."""
    groups: Group = {}
    for row in frame.sort("session", "instrument", order).iter_rows(named=True):
        groups.setdefault((row["session"], row["instrument"]), []).append(row)
    return groups
