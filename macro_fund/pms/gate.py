"""The gate: which trades limits, breakers and the kill switch let pass. Everything stays a proposal.

Belongs here: what is in force in a session, and cutting trades down to what reduces risk. Does not belong here: limits
and breakers themselves (risk/), trades (`legs.py`), refusing a decision (`approval.py`, store/ledger_switch.py).

* A breached limit, `no_new_risk` or a thrown kill switch: a position may only become smaller, on its side, and the
  book's worst stress loss must fall, where it is measured. A trade to the other side becomes a close, a roll a close.
* `halve`: besides, each position is at most half of what it was in the session in which the trip began, so that a trip
  that holds for a week does not halve five times.
* `kill`: every position is closed.
Halving and closing are for the whole book, whose stress loss falls with it; single trades are not measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from macro_fund.pms.legs import Leg, leg_of

ORDER = ("none", "no_new_risk", "halve", "kill")

Row = Mapping[str, Any]
Shocks = Mapping[tuple[str, str], Mapping[str, float]]  # (kind, scenario) -> instrument -> bp or log return


@dataclass(frozen=True)
class Gate:
    """What is in force: the strongest action, why, and since which sessions positions are halved."""

    action: str = "none"
    reasons: tuple[str, ...] = ()
    halved_since: tuple[date, ...] = ()

    @property
    def words(self) -> str:
        return "; ".join(self.reasons)


class Trade(NamedTuple):
    """A leg with the target that asks for it and the contracts wanted of the target's contract."""

    target: Row
    leg: Leg
    goal: int


OPEN = Gate()


def gates(
    limits: pl.DataFrame, breakers: pl.DataFrame, sessions: Sequence[date], *, closed: bool = True
) -> dict[date, Gate]:
    """The gate of each session. `closed`: a session without its limits or breakers takes no new risk."""
    found = {}
    for session in sessions:
        here = pl.col("session") == session
        limit_rows, breaker_rows = limits.filter(here).sort("limit"), breakers.filter(here).sort("breaker")
        breached = limit_rows.filter(pl.col("status") == "breach")
        tripped = breaker_rows.filter(pl.col("action") != "none")
        reasons = [f"limit {n} {v / c:.0%} used" if c else f"limit {n}" for n, v, c in _used(breached)]
        reasons += [f"{n}: {r}" for n, r in tripped.select("breaker", "reason").rows()]
        if closed:
            empty = {"limits": limit_rows.is_empty(), "breakers": breaker_rows.is_empty()}
            reasons += [f"no risk/{name} of this session" for name, gone in empty.items() if gone]
        asked = [*tripped["action"], *(["no_new_risk"] if reasons else [])]
        since = tripped.filter(pl.col("action") == "halve")["since"].drop_nulls().unique().sort().to_list()
        found[session] = Gate(max(asked, key=ORDER.index, default="none"), tuple(reasons), tuple(since))
    return found


def _used(breached: pl.DataFrame) -> list[tuple[str, float, float]]:
    return breached.select("limit", "value", "limit_value").rows()


def restricted(
    trades: Sequence[Trade], held: Sequence[Row], gate: Gate, held_at: Callable[[date, Row], int], shocks: Shocks
) -> list[Trade]:
    """The trades that the gate lets pass, some of them cut; with `halve` and `kill` also those that it asks for itself.

    held: the session's positions. held_at(session, position): contracts of the same contract held then, 0 when none.
    shocks: of the session's stress cases, see `shocks_of`.
    """
    wanted = {(t.target["instrument"], t.leg.contract): t for t in trades}
    passed = []
    for position in sorted(held, key=lambda p: (p["instrument"], p["contract"])):
        before = position["quantity"]
        trade = wanted.get((position["instrument"], position["contract"]))
        after = _allowed(before, trade.leg.after if trade else before, _cap(position, gate, held_at))
        if after == before:
            continue
        if gate.action == "no_new_risk" and not _stress_falls(position, after, held, shocks):
            continue
        if trade is not None and trade.leg.after == after:
            passed.append(trade)
        else:
            leg = leg_of(position, after, f"{'close' if after == 0 else 'reduce'}: {gate.words}")
            passed.append(Trade(trade.target if trade else _nobody(position), leg, after))
    return [_without_its_opening(t, wanted, passed, gate) for t in passed]


def _without_its_opening(
    trade: Trade, wanted: Mapping[tuple[str, str], Trade], passed: Sequence[Trade], gate: Gate
) -> Trade:
    """The trade, which says that it is only a close when it is half of a roll whose opening does not pass."""
    opening = wanted.get((trade.target["instrument"], trade.leg.rolls_to))
    if opening is None or opening in passed:
        return trade
    note = f"close: its roll's opening in {trade.leg.rolls_to} is held back by {gate.words}"
    return trade._replace(leg=replace(trade.leg, note=note, rolls_to=""))


def _cap(position: Row, gate: Gate, held_at: Callable[[date, Row], int]) -> int:
    """The most contracts, without sign."""
    size = abs(position["quantity"])
    if gate.action == "kill":
        return 0
    return min([size, *((abs(held_at(since, position)) or size) // 2 for since in gate.halved_since)])


def _allowed(before: int, wanted: int, cap: int) -> int:
    """The wanted position, on the side of what is held and at most `cap`."""
    if before * wanted <= 0:
        return 0
    return int(math.copysign(min(abs(wanted), abs(before), cap), before))


def _nobody(position: Row) -> Row:
    """In place of a target: the position is reduced whatever the views are."""
    blank: Row = {"conviction": None, "shares": [], "binding_constraint": "", "status": "ok", "reason": ""}
    return {"session": position["session"], "instrument": position["instrument"], **blank}


def shocks_of(stress: pl.DataFrame) -> dict[date, dict[tuple[str, str], dict[str, float]]]:
    """Shocks of the scenarios and replays of risk/stress by session; without those that have no number."""
    rows = stress.filter(pl.col("kind").is_in(["scenario", "replay"]), pl.col("shock").is_not_null())
    found: dict[date, dict[tuple[str, str], dict[str, float]]] = {}
    for session, kind, scenario, instrument, shock in (
        rows.select("session", "kind", "scenario", "instrument", "shock").sort(pl.all()).iter_rows()
    ):
        found.setdefault(session, {}).setdefault((kind, scenario), {})[instrument] = shock
    return found


def _stress_falls(position: Row, after: int, held: Sequence[Row], shocks: Shocks) -> bool:
    """Whether the book's worst loss is lower with this position at `after` (or is none at all).

    Linear in DV01 and delta. Cases that lack a shock for something held are left out; without any left, it passes.
    """
    measured = [case for case in shocks.values() if all(p["instrument"] in case for p in held)]
    if not measured:
        return True
    share = after / position["quantity"]
    scaled = [p if p is not position else _scaled(p, share) for p in held]
    before, then = (max(-math.fsum(gain(p, case) for p in book) for case in measured) for book in (held, scaled))
    return then < before or then <= 0


def _scaled(position: Row, share: float) -> Row:
    return {**position, "dv01_brl": position["dv01_brl"] * share, "delta_brl": position["delta_brl"] * share}


def gain(position: Row, case: Mapping[str, float]) -> float:
    """BRL that a position (dv01_brl, delta_brl) makes in a stress case, linear in both risks."""
    shock = case[position["instrument"]]
    if position["dv01_brl"]:
        return float(-position["dv01_brl"] * shock)
    return float(position["delta_brl"] * math.expm1(shock)) if position["delta_brl"] else 0.0


def held_back(free: pl.DataFrame, made: pl.DataFrame, found: Mapping[date, Gate]) -> list[tuple[date, str]]:
    """(session, words) of each trade that would be proposed without a gate and is not, or is cut."""
    keys = ["session", "instrument", "contract"]
    instead = made.select(*keys, cut="position_after")
    both = free.join(instead, on=keys, how="left", maintain_order="left").filter(
        pl.col("cut").is_null() | (pl.col("cut") != pl.col("position_after"))
    )
    told = []
    for row in both.sort(keys).iter_rows(named=True):
        trade = f"{row['contract']} {row['position_before']:+d} to {row['position_after']:+d}"
        what = "is not proposed" if row["cut"] is None else f"is cut to {row['cut']:+d}"
        told.append(
            (row["session"], f"{trade} {what}: {found.get(row['session'], OPEN).words or 'no reason is known'}")
        )
    return told


def adds_risk(made: pl.DataFrame, limits: pl.DataFrame, breakers: pl.DataFrame) -> list[tuple[date, str]]:
    """(session, words) of each proposal that does not reduce risk while a limit is breached or a breaker is tripped."""
    shut = pl.concat(
        [
            limits.filter(pl.col("status") == "breach").select("session"),
            breakers.filter(pl.col("tripped")).select("session"),
        ]
    ).unique()
    before, after = pl.col("position_before"), pl.col("position_after")
    less = (after.abs() < before.abs()) & (before.sign() * after.sign() >= 0)
    bad = made.join(shut, on="session", how="semi").filter(~less).sort("session", "contract")
    shown = bad.select("session", "contract", "position_before", "position_after").rows()
    return [(s, f"{c}: {b:+d} to {a:+d} adds risk") for s, c, b, a in shown]
