"""Calendar events of instruments: what ops record of coupons, expiries, first notices and rebalances.

Belongs here: who may, with every refusal in the journal. Does not belong here: which events are refused and versions
(store/ledger_events.py), printing (`events_cli.py`), the pack's rows (reports/pack_events.py).
"""

from __future__ import annotations

from datetime import date
from typing import Any

from macro_fund.pms import approval
from macro_fund.pms.approval import Desk


def record(
    desk: Desk,
    instrument: str,
    day: date,
    kind: str,
    *,
    amount: float | None = None,
    source: str = "",
    reason: str = "",
    corrects: str | None = None,
) -> dict[str, Any]:
    """Record an event, or the next version of the one that it corrects, and return it.

    amount: cash a unit of the instrument in its own currency. LedgerError, journalled, when it is refused.
    """
    with approval.journalled(desk, "record event", f"{instrument} {day}"):
        approval.role_of(desk.actor, "record event")
        row = {"instrument": instrument, "event_date": day, "kind": kind, "amount": amount}
        told = {"source": source, "reason": reason, "person": desk.actor.name}
        return desk.ledger.record_event(row | told, desk.at, corrects)
