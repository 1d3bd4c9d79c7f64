"""The pack's parts on trades: what to decide with its command, what is held, what expires.

Belongs here: choosing rows of pms/*. Does not belong here: the trades themselves (pms/) or layout.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from macro_fund.reports.blocks import Cell, Grid, Number, Section, Style, heads, say
from macro_fund.reports.pack_proposals import effect_grids
from macro_fund.reports.reading import Reader, at, brl
from macro_fund.reports.reasons import reason
from macro_fund.reports.words import echoed, named

EXPIRY_DAYS = 10


def proposals(read: Reader, session: date, held_back: str = "", *, unsigned: bool = False) -> Section:
    """What to decide, the best first, each with the command that approves it, what they do, and what was held back.

    unsigned: in a sample fund a name is enough; others ask for `macro-fund sign-in`.
    """
    asset = "pms/trade_proposals"
    ranked = at(read(asset), session).sort("rank", "proposal_id", nulls_last=True).to_dicts()
    rows: list[list[Cell]] = []
    for p in ranked:
        i, contract = p["proposal_id"], p["contract"]
        style: Style = "percent" if p["instrument"].startswith("DI1") else "number"
        levels = [Number(f"{i} {name}", p[f"{name}_level"], style, asset) for name in ("entry", "stop", "target")]
        rows.append(
            [
                i,
                echoed(p["screen_side"], contract),
                Number(f"{i} quantity", p["quantity"], "count", asset),
                Number(f"{i} before", p["position_before"], "count", asset),
                Number(f"{i} after", p["position_after"], "count", asset),
                *levels,
                Number(f"{i} conviction", p["conviction"], "score", asset),
                Number(f"{i} cost", brl(p["expected_cost_brl"]), "brl", asset),
                echoed(p["gain_if"], contract),
                say("proposal.approve_as" if unsigned else "proposal.approve", id=i),
            ]
        )
    head = heads(
        "id", "screen", "contracts", "held_before", "held_after", "entry", "stop", "target", "conviction", "cost",
        "sign", "to_approve",
    )  # fmt: skip
    empty = say("empty.proposals_held" if held_back else "empty.proposals")
    lines = [say("proposal.held_back", what=reason(held_back))] if held_back else []
    return Section("proposals", say("section.proposals"), lines, [Grid(head, rows, empty), *effect_grids(ranked)])


def book(read: Reader, session: date) -> Section:
    """What the fund holds at the last close, and what of it expires soon."""
    asset = "pms/positions"
    rows = [
        [
            c,
            i,
            Number(f"{c} quantity", q, "count", asset),
            Number(f"{c} mark", m, "number", asset),
            named("basis", basis),
            Number(f"{c} dv01", d, "brl", asset),
            Number(f"{c} delta", x, "brl", asset),
        ]
        for c, i, q, m, basis, d, x in at(read(asset), session)
        .sort("contract")
        .select("contract", "instrument", "quantity", "mark_price", "mark_basis", "dv01_brl", "delta_brl")
        .rows()
    ]
    head = heads("contract", "instrument", "contracts", "mark", "basis", "dv01", "delta")
    grids = [Grid(head, rows, say("empty.positions")), _expiry_grid(read, session)]
    return Section("book", say("section.book"), (), grids)


def _expiry_grid(read: Reader, session: date) -> Grid:
    marks = read("silver/contract_marks").select("contract", "maturity").unique()
    near = (
        at(read("pms/positions"), session)
        .join(marks, on="contract", how="left")
        .filter((pl.col("quantity") != 0) & (pl.col("maturity") <= session + timedelta(days=EXPIRY_DAYS)))
        .sort("maturity", "contract")
    )
    rows: list[list[Cell]] = [
        [c, Number(f"expiring {c}", q, "count", "pms/positions"), str(m)]
        for c, q, m in near.select("contract", "quantity", "maturity").rows()
    ]
    return Grid(heads("expiring", "held", "expires"), rows, say("empty.expiries"))
