"""Circuit breakers of the actual book: losses of the day, week and month so far, drawdown, and the kill switch.

Belongs here: what each session's breakers are, from the fund's NAV path. Does not belong here: the thresholds
(config/limits.yaml), what they do to proposals (pms/gate.py), or the switch's own rules (store/ledger_switch.py).

A session knows the NAV of the close before it, so day, week and month are those of that close (the trade date): the
session on Monday still belongs to the week before. A loss counts from the last close of the period before (from the
capital, in the fund's first week and month); a drawdown from the highest NAV so far. How long a trip holds:
* day_stop, day_halve: for the session that knows the loss.
* week_halve, month_halve: until the week or month of the trade date ends, also when the loss is made good in it.
* drawdown_halve, drawdown_kill: until two people have thrown and reset the kill switch: the decision to go on. The
  high starts again from the NAV that was known at the reset.
* nav_break (no NAV, or one refused by its own check), price_coverage (below 95%): for the session.
* kill_switch: from the first session whose as_of is at or after the throw, until the reset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import polars as pl

from macro_fund.mandate import Breakers
from macro_fund.store.tables import TABLES

TABLE = TABLES["risk/breakers"]
ACTION = {
    "day_stop": "no_new_risk",
    "day_halve": "halve",
    "week_halve": "halve",
    "month_halve": "halve",
    "drawdown_halve": "halve",
    "drawdown_kill": "kill",
    "nav_break": "no_new_risk",
    "price_coverage": "no_new_risk",
    "kill_switch": "no_new_risk",
}
MAX_UNMARKED = Decimal("0.05")
_HOLDS = {
    "week": "holds until the week ends",
    "month": "holds until the month ends",
    "drawdown": "holds until the kill switch is thrown and reset",
}
_FIRST = "the first session of the fund: nothing to compare its NAV with"

Row = Mapping[str, Any]


@dataclass
class _Path:
    """Where the path stands: the NAV each span is measured from, and the session in which each trip began."""

    base: dict[str, Decimal] = field(default_factory=dict)
    period: dict[str, tuple[int, ...]] = field(default_factory=dict)
    since: dict[str, date] = field(default_factory=dict)
    last: Decimal | None = None


def breakers(
    nav: pl.DataFrame,
    positions: pl.DataFrame,
    events: pl.DataFrame,
    as_of: Mapping[date, datetime],
    thresholds: Breakers,
    sessions: Sequence[date],
) -> pl.DataFrame:
    """risk/breakers of `sessions`: one row for each of them and breaker.

    nav: pms/nav since the inception. positions: pms/positions of at least `sessions`. events: Ledger.switch_events.
    as_of: cut-off (UTC) of every session of the fund, from the inception to the last of `sessions`, in order.
    """
    rows_of = {r["session"]: r for r in nav.iter_rows(named=True)}
    marks, told = _coverage(positions), events.sort("recorded_at").to_dicts()
    wanted, path = set(sessions), _Path()
    out: list[Row] = []
    before: date | None = None
    reset_before = 0
    for session, cut in as_of.items():
        known = [e for e in told if e["recorded_at"] <= cut]
        resets = sum(e["action"] == "reset" for e in known)
        row = rows_of.get(session)
        traded = row["trade_date"] if row else before
        _turn(path, traded, reset=resets != reset_before)
        losses = _losses(path, row)
        found = [
            *_spans(path, session, losses, thresholds),
            _nav_break(session, row),
            _price_coverage(session, marks.get(session, (0, 0))),
            _kill_switch(session, known[-1] if known else None, as_of),
        ]
        if session in wanted:
            out += found
        if row:
            _close(path, row["nav_brl"])
        before, reset_before = session, resets
    return pl.DataFrame(out, schema=TABLE.schema, orient="row").sort(TABLE.sort)


def _turn(path: _Path, traded: date | None, *, reset: bool) -> None:
    """A new week or month starts from the last close and ends its trips; a reset does the same to the drawdown."""
    if traded is not None:
        for span, now in (("week", tuple(traded.isocalendar()[:2])), ("month", (traded.year, traded.month))):
            if path.period.get(span) != now:
                path.period[span] = now
                _start(path, span)
    if reset:
        _start(path, "drawdown")


def _start(path: _Path, span: str) -> None:
    for name in [n for n in path.since if n.startswith(span)]:
        del path.since[name]
    if path.last is not None:
        path.base[span] = path.last


def _losses(path: _Path, row: Row | None) -> dict[str, Decimal | None]:
    """Loss of each span as a fraction of what it started from; None without a NAV or anything to start from."""
    if row is None or path.last is None:
        return dict.fromkeys(("day", *_HOLDS))
    nav, starts = row["nav_brl"], {**path.base, "day": row["opening_nav_brl"]}
    starts["drawdown"] = max(starts["drawdown"], nav)
    return {span: (b - nav) / b if b > 0 else None for span in ("day", *_HOLDS) for b in (starts[span],)}


def _close(path: _Path, nav: Decimal) -> None:
    if path.last is None:
        path.base = dict.fromkeys(_HOLDS, nav)
    path.base["drawdown"] = max(path.base["drawdown"], nav)
    path.last = nav


def _spans(path: _Path, session: date, losses: Mapping[str, Decimal | None], limits: Breakers) -> Iterator[Row]:
    path.since = {n: s for n, s in path.since.items() if not n.startswith("day")}
    for name, threshold in limits.model_dump().items():
        span = name.split("_")[0]
        loss = losses[span]
        over = loss is not None and loss >= Decimal(repr(threshold))
        if over:
            path.since.setdefault(name, session)
        since = path.since.get(name)
        words = f"{span} loss {loss:.2%}" if loss is not None and span != "drawdown" else f"drawdown {loss or 0:.2%}"
        if over:
            reason = f"{words}, threshold {threshold:.2%}"
        elif since is not None:
            reason = f"tripped on {since}; {_HOLDS[span]}"
        elif loss is None:
            reason = _FIRST if path.last is None else "no NAV of this session"
        else:
            reason = f"below the threshold of {threshold:.2%}"
        yield _row(session, name, None if loss is None else float(loss), float(threshold), since, reason)


def _nav_break(session: date, row: Row | None) -> Row:
    missing = row is None
    reason = "no NAV of this session, or one that its own check refused" if missing else "the NAV ties"
    return _row(session, "nav_break", None, 0.0, session if missing else None, reason)


def _price_coverage(session: date, count: tuple[int, int]) -> Row:
    held, unmarked = count
    share = Decimal(unmarked) / held if held else None
    tripped = share is not None and share > MAX_UNMARKED
    words = f"{held - unmarked} of {held} positions have the settlement of the last close" if held else "no positions"
    loss = None if share is None else float(share)
    return _row(session, "price_coverage", loss, float(MAX_UNMARKED), session if tripped else None, words)


def _kill_switch(session: date, event: Row | None, as_of: Mapping[date, datetime]) -> Row:
    if event is None or event["action"] != "throw":
        return _row(session, "kill_switch", None, 0.0, None, "not thrown")
    since = next(s for s, cut in as_of.items() if cut >= event["recorded_at"])
    return _row(session, "kill_switch", None, 0.0, since, f"thrown by {event['person']}: {event['note']}")


def _row(session: date, name: str, loss: float | None, threshold: float, since: date | None, reason: str) -> Row:
    tripped = since is not None
    row = {"session": session, "breaker": name, "loss": loss, "threshold": threshold, "tripped": tripped}
    return {**row, "since": since, "action": ACTION[name] if tripped else "none", "reason": reason}


def _coverage(positions: pl.DataFrame) -> dict[date, tuple[int, int]]:
    """(positions, positions without the settlement of the last close) by session."""
    held = positions.filter(pl.col("quantity") != 0).sort("session", "contract", "instrument")
    counts = held.group_by("session", maintain_order=True).agg(
        pl.len().alias("held"), (pl.col("mark_basis") != "settlement").sum().alias("unmarked")
    )
    return {s: (n, u) for s, n, u in counts.rows()}
