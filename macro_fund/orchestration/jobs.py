"""Jobs: the morning, and the two that people's decisions start.

`morning` computes everything up to the books and the verdicts. `market` and `books` are its two halves, for catching
up: the market half of many sessions is one run, the books go session by session, as people's decisions do. `propose`
writes the trade proposals of a session and its morning pack; the new_targets sensor starts it. `order` turns approvals
into orders; the decisions sensor starts it.
"""

from __future__ import annotations

import dagster as dg

from macro_fund.orchestration.assets import asset_key

PROPOSE_ASSETS = ("pms/trade_proposals", "reports/morning_pack")
ORDER_ASSETS = ("pms/orders",)
BOOK_ASSETS = (
    "pms/fills",
    "pms/marks",
    "pms/positions",
    "pms/pnl",
    "pms/explain",
    "pms/nav",
    "pms/performance",
    "pms/reconciliation",
    "risk/breakers",
    "quality/verdicts",
)

_propose = dg.AssetSelection.assets(*(asset_key(k) for k in PROPOSE_ASSETS))
_books = dg.AssetSelection.assets(*(asset_key(k) for k in BOOK_ASSETS))
_order = dg.AssetSelection.assets(*(asset_key(k) for k in ORDER_ASSETS))

morning = dg.define_asset_job(
    "morning",
    selection=dg.AssetSelection.all() - _propose - _order,
    description="Sources, curves, views, signals, targets, risk, books and verdicts of one session.",
    executor_def=dg.in_process_executor,
)
market = dg.define_asset_job(
    "market",
    selection=dg.AssetSelection.all() - _propose - _order - _books,
    description="The part of the morning that does not depend on the fund's own trades.",
    executor_def=dg.in_process_executor,
)
books = dg.define_asset_job(
    "books",
    selection=_books,
    description="Fills, positions, P&L, NAV, performance, reconciliation, breakers and verdicts of one session.",
    executor_def=dg.in_process_executor,
)
propose = dg.define_asset_job(
    "propose",
    selection=_propose,
    description="Trade proposals and the morning pack of one session.",
    executor_def=dg.in_process_executor,
)
order = dg.define_asset_job(
    "order",
    selection=_order,
    description="Approved proposals of one session become orders.",
    executor_def=dg.in_process_executor,
)

JOBS = (morning, market, books, propose, order)
