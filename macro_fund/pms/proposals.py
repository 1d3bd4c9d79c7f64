"""Proposals: the trades that would bring the book to the targets, for a person to decide on.

Belongs here: contracts to trade, the sign echo, the trade's cost and content id. Does not belong here: how big a target
is (`portfolio/`), who may approve (`approval.py`), what is keyed (`broker.py`), where proposals are kept
(`store/ledger.py`).

A target that is missing, or has no view, never closes a position: nothing is proposed for its instrument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl

from macro_fund.pms.broker import screen_side
from macro_fund.pms.costs import instruments_by_id, known_instrument, trade_cost
from macro_fund.pms.gate import OPEN, Gate, Trade, restricted, shocks_of
from macro_fund.pms.legs import Leg, legs
from macro_fund.settings import Instrument, Settings
from macro_fund.store.content import content_id
from macro_fund.store.tables import TABLES
from macro_fund.time.zones import SAO_PAULO

EXPIRY = time(18, 0)

_TABLE = TABLES["pms/trade_proposals"]
_RISES_OF = {"DI1": "rates", "DOL": "USD/BRL", "IND": "the Ibovespa"}

Row = Mapping[str, Any]
Group = dict[tuple[object, ...], list[dict[str, Any]]]


def expires_at(session: date) -> datetime:
    """18:00 Sao Paulo of the session, in UTC."""
    return datetime.combine(session, EXPIRY, SAO_PAULO).astimezone(UTC)


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
    gates: Mapping[date, Gate] | None = None,
    stress: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Trades from the book to the targets, one row a contract: pms/trade_proposals of `sessions`.

    targets: portfolio/targets at the mandate's capital. positions and nav: pms/positions (all history) and pms/nav of
    the same sessions (the last close known). signals: rows of all strategies (levels, horizon and words). gates: what
    limits and breakers let pass (`gate.gates`); None: everything. stress: risk/stress, which the gate measures by.
    Contracts of an instrument other than its target's are closed (roll). The fields beside the trade are null until
    `fields.with_fields`. ValueError when a session has targets but no NAV.
    """
    instruments = instruments_by_id(settings)
    wanted = pl.Series("session", list(sessions), dtype=pl.Date)
    targets = targets.filter(pl.col("session").is_in(wanted.implode()), pl.col("status") != "no_view")
    targets = targets.filter(pl.col("target_contracts").is_not_null()).sort("session", "instrument")
    nav_of = dict(nav.select("session", "nav_brl").iter_rows())
    held, views = by_instrument(positions, "contract"), by_instrument(signals, "strategy_id")
    trades: dict[date, list[Trade]] = {s: [] for s in sessions}
    for target in targets.iter_rows(named=True):
        session, instrument = target["session"], known_instrument(instruments, target["instrument"])
        if session not in nav_of:
            raise ValueError(f"session {session} has targets but no NAV; materialize pms/nav for it before proposals")
        goal = scaled(target["target_contracts"], nav_of[session], settings.fund.nav_brl, instrument.max_contracts)
        found = legs(target, held.get((session, instrument.id), []), goal, settings.fund.sizing.min_change)
        trades[session] += [Trade(target, leg, goal) for leg in found]
    shut = {s: gate for s, gate in (gates or {}).items() if gate.action != OPEN.action and s in trades}
    if shut:
        trades |= _gated(trades, positions, shut, stress)
    rows = [
        _row(t.target, known_instrument(instruments, t.target["instrument"]), t.leg, t.goal, views.get(key, []))
        for of_session in trades.values()
        for t in of_session
        for key in ((t.target["session"], t.target["instrument"]),)
    ]
    return pl.DataFrame(rows, schema=_TABLE.schema, orient="row").sort(_TABLE.sort)


def _gated(
    trades: Mapping[date, list[Trade]], positions: pl.DataFrame, shut: Mapping[date, Gate], stress: pl.DataFrame | None
) -> dict[date, list[Trade]]:
    """The trades of the sessions whose gate is shut."""
    count = {
        (s, i, c): q for s, i, c, q in positions.select("session", "instrument", "contract", "quantity").iter_rows()
    }
    shocks = {} if stress is None else shocks_of(stress.filter(pl.col("session").is_in(list(shut))))

    def held_at(session: date, position: Row) -> int:
        return count.get((session, position["instrument"], position["contract"]), 0)

    return {
        session: restricted(
            trades[session],
            positions.filter(pl.col("session") == session, pl.col("quantity") != 0).to_dicts(),
            gate,
            held_at,
            shocks.get(session, {}),
        )
        for session, gate in shut.items()
    }


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
    lead = lead_of(shares, views) if leg.after else None
    return {
        **trade_fields(session, instrument, leg),
        "proposal_id": content_id(identity),
        "stop_level": lead["stop_level"] if lead else None,
        "target_level": lead["target_level"] if lead else None,
        "horizon_days": lead["horizon_days"] if lead else None,
        "conviction": target["conviction"],
        "shares": shares,
        "rationale": _rationale(target, leg, views),
    }


def trade_fields(session: date, instrument: Instrument, leg: Leg) -> dict[str, Any]:
    """What a proposal says of its trade, whoever proposes it."""
    return {
        "session": session,
        "instrument": instrument.id,
        "contract": leg.contract,
        "quantity": leg.quantity,
        "screen_side": screen_side(instrument.root, leg.contract, leg.quantity),
        "position_before": leg.before,
        "position_after": leg.after,
        "entry_level": leg.level,
        "expected_cost_brl": trade_cost(instrument, leg.quantity, leg.dv01_brl),
        "dv01_before_brl": leg.before * leg.dv01_brl,
        "dv01_after_brl": leg.after * leg.dv01_brl,
        "delta_before_brl": leg.before * leg.delta_brl,
        "delta_after_brl": leg.after * leg.delta_brl,
        "gain_if": gain_if(instrument.root, leg.contract, leg.after),
        "expires_at": expires_at(session),
    }


def lead_of(shares: Sequence[Row], views: Sequence[Row]) -> Row | None:
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


def by_instrument(frame: pl.DataFrame, order: str) -> Group:
    """Rows by (session, instrument), in the order of one column."""
    groups: Group = {}
    for row in frame.sort("session", "instrument", order).iter_rows(named=True):
        groups.setdefault((row["session"], row["instrument"]), []).append(row)
    return groups
