"""Evidence: what is known when a person decides, read once from the lake and the ledger.

Belongs here: which tables the pre-trade checks rest on. Does not belong here: the checks (`pretrade.py`,
`limit_checks.py`).

Nothing later than the proposal's session is read; the ledger is read as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

import polars as pl

from macro_fund.pms.execution import Recorded, standing
from macro_fund.pms.gate import Row, gates, shocks_of
from macro_fund.pms.lots import DISCRETIONARY
from macro_fund.pms.pretrade import NO_SIGNALS, Evidence
from macro_fund.pms.settlements import known_marks, newest_versions
from macro_fund.settings import Settings
from macro_fund.store.ledger import Ledger
from macro_fund.strategies.registry import table_of
from macro_fund.time.sessions import sessions

Read = Callable[[str, date | None], pl.DataFrame]
"""(table, session) -> rows of the lake's partitions up to the session (None: all)."""

APPROVED = ("approved", "modified", "unconfirmed")


def gather(read: Read, ledger: Ledger, settings: Settings, session: date, contract: str, at: datetime) -> Evidence:
    """The evidence for a trade in one contract in a session, at the moment `at`."""
    here = pl.col("session") == session
    positions = read("pms/positions", session).filter(here, pl.col("quantity") != 0).sort("contract")
    navs = read("pms/nav", session).filter(here)
    limits, breakers = read("risk/limits", session), read("risk/breakers", session)
    asked = ledger.proposals(session, at=at)
    decided = asked.filter(pl.col("status").is_in(APPROVED))
    decided = decided.with_columns(pl.coalesce("decided_quantity", "quantity").alias("traded"))
    wanted = pl.Series([contract, *positions["contract"], *decided["contract"]], dtype=pl.String).unique()
    made = read("pms/trade_proposals", session).filter(here)
    own = own_trades(asked)
    current = frozenset(made["proposal_id"]) | own if made.height else None
    undecided = asked.filter(pl.col("status") == "proposed", pl.col("proposal_id").is_in(list(current or ())))
    owners = [table_of(s.id) for s in settings.strategies if s.book]
    var = read("risk/var", session).filter(
        here,
        pl.col("scope") == "instrument",
        pl.col("method") == "parametric",
        pl.col("level") == 0.95,
        pl.col("marginal_brl").is_not_null(),
    )
    still_open = ledger.orders(still_open=True).filter(pl.col("session") < session)
    working = standing(Recorded.of(ledger, still_open))
    return Evidence(
        sessions=sessions(),
        marks=newest_versions(known_marks(read("silver/contract_marks", session), wanted, session)),
        positions=tuple(positions.to_dicts()),
        decided=tuple(decided.to_dicts()),
        fills=ledger.fills(session),
        nav_brl=float(navs["nav_brl"][-1] if navs.height else settings.fund.nav_brl),
        gate=gates(limits, breakers, [session], closed=False)[session],
        thrown=ledger.thrown(at),
        working=tuple(working.to_dicts()),
        current=current,
        undecided=tuple(undecided.to_dicts()),
        signals=pl.concat([NO_SIGNALS, *(read(key, session).filter(here) for key in owners)]),
        shocks=shocks_of(read("risk/stress", session).filter(here)).get(session, {}),
        marginal=dict(var.select("item", "marginal_brl").iter_rows()),
    )


def own_trades(proposals: pl.DataFrame) -> frozenset[str]:
    """Ids of the proposals that people made themselves: no computation replaces them."""
    return frozenset(pid for pid, shares in proposals.select("proposal_id", "shares").iter_rows() if is_own(shares))


def is_own(shares: Sequence[Row]) -> bool:
    """Whether these are the shares of a trade that a person made."""
    return [s["strategy_id"] for s in shares] == [DISCRETIONARY]
