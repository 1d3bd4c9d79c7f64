"""Books and trades as assets: fills, positions, P&L, NAV, proposals, orders.

Belongs here: moving rows between the ledger and the lake, and the checks. Does not belong here: how trades, fills and
P&L are computed (pms/), when the broker is asked (`orders.py`) or what the ledger allows (store/ledger.py).
The loop proposals -> orders -> fills -> positions -> proposals closes through the ledger: fills of partition T are the
orders of session T-1, so the graph has no cycle.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from macro_fund.home import Home
from macro_fund.orchestration import orders
from macro_fund.orchestration.checks import bounded, every_session, sessions_inside
from macro_fund.orchestration.conviction import BOOK_SIGNALS, book_signals, inputs_of
from macro_fund.orchestration.marks import BOOK_MARKS, MARKS, below_settlement
from macro_fund.orchestration.marks import NODES as MARKING
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.orders import time_of
from macro_fund.orchestration.run import Run
from macro_fund.orchestration.silver import cdi
from macro_fund.pms import book, fields, gate, proposals, reconciliation, words
from macro_fund.pms.explain import explain, large_residuals, unexplained
from macro_fund.pms.performance import disagreements, performance
from macro_fund.pms.true_up import with_estimates
from macro_fund.reports.plots import explain_picture, nav_picture
from macro_fund.reports.plots_performance import performance_picture
from macro_fund.risk.exposures import MAPPED

PYTHON = frozenset({"python", "parquet"})
LEDGER = frozenset({"python", "sql", "parquet"})
GATE = ("risk/limits", "risk/breakers")
BASIS = ("portfolio/targets", "pms/positions", "pms/nav", *GATE, "risk/stress")
CONVICTION, ALLOCATIONS = "portfolio/conviction", "portfolio/allocations"
PANEL, SHOCKS, SCENARIOS, FILLS = "silver/as_known", "silver/factor_shocks", "risk/scenarios", "pms/fills"
FIELDS = (CONVICTION, ALLOCATIONS, MARKS, PANEL, SHOCKS, SCENARIOS, FILLS)
"""Beside the basis of the trades: what their fields are made of."""


def proposals_basis(home: Home, session: date) -> str:
    """Digest of the tables that a session's proposals rest on; empty while one of them is missing."""
    if any(not home.lake.path(t, session).exists() for t in BASIS):
        return ""
    return "-".join(home.lake.digest(t, session)[:12] for t in BASIS)


def _filled(run: Run) -> pl.DataFrame:
    """Fills with the strategy shares frozen at the trade."""
    return book.with_shares(run.read("pms/fills"), run.home.ledger.orders(), run.home.ledger.proposals())


def _positions(run: Run) -> pl.DataFrame:
    return book.positions(run.read("pms/fills"), run.read(BOOK_MARKS), run.fund_sessions, run.home.sessions)


def _booked(run: Run) -> pl.DataFrame:
    """Settlements, and what stands in for those that are not known."""
    return with_estimates(run.read(MARKS), run.read(BOOK_MARKS))


def _accounts(run: Run) -> dict[str, Any]:
    fund = run.home.settings.fund
    return {
        "cdi_daily": cdi(run),
        "capital": fund.nav_brl,
        "inception": run.home.inception,
        "sessions": run.fund_sessions,
        "calendar": run.home.calendar("anbima"),
        "table": run.home.sessions,
    }


def _pnl(run: Run) -> pl.DataFrame:
    return book.pnl(_filled(run), _booked(run), **_accounts(run))


def _nav(run: Run) -> pl.DataFrame:
    return book.nav(run.read("pms/pnl"), **_accounts(run))


def _explain(run: Run) -> pl.DataFrame:
    return explain(_filled(run), _booked(run), run.read("pms/pnl"), run.fund_sessions, run.read(MARKS))


def _explained(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    cube = run.home.lake.read("pms/pnl", where=run.inside)
    return unexplained(cube.filter(pl.col("session") <= run.last), frame)


def _residuals(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return large_residuals(frame, float(run.home.settings.fund.nav_brl))


def _ties(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """P&L cube, openings and closings tie to the cent over the fund's life."""
    navs = run.read_own(frame)
    found = book.breaks(run.home.lake.read("pms/pnl", run.last), navs)
    return [(date.fromisoformat(text[:10]), text) for text in found if date.fromisoformat(text[:10]) >= run.keys[0]]


def _performance(run: Run) -> pl.DataFrame:
    nav, fills, marks, cube = (run.read(k) for k in ("pms/nav", "pms/fills", MARKS, "pms/pnl"))
    return performance(nav, fills, marks, cube, run.fund_sessions)


def _agrees(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Returns are those of the NAVs, and round trips made what settlements and costs are."""
    navs, cube = (run.home.lake.read(k, run.last) for k in ("pms/nav", "pms/pnl"))
    return disagreements(frame, navs, cube)


def _fills_positions(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Positions equal the sum of all fills known, in contracts that have not expired."""
    maturities = run.home.lake.read(MARKS, run.last).select("contract", "maturity").unique()
    fills = run.home.lake.read("pms/fills", run.last).join(maturities, on="contract", how="left")
    found = []
    for key in run.fund_sessions:
        alive = (pl.col("session") <= key) & (pl.col("maturity") > run.home.sessions.offset(key, -1))
        want = fills.filter(alive).group_by("contract", maintain_order=True).agg(pl.col("quantity").sum())
        have = (
            frame.filter(pl.col("session") == key)
            .group_by("contract", maintain_order=True)
            .agg(pl.col("quantity").sum().alias("held"))
        )
        both = want.join(have, on="contract", how="full", coalesce=True)
        bad = both.filter(pl.col("quantity").fill_null(0) != pl.col("held").fill_null(0)).sort("contract")
        found += [(key, f"{c}: fills sum to {q}, position is {h}") for c, q, h in bad.rows()]
    return found


def _in_ledger(kind: str, run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Every row is in the ledger under its id."""
    ledger = run.home.ledger
    rows = {"fill_id": ledger.fills(), "order_id": ledger.orders(), "proposal_id": ledger.proposals()}[kind]
    have = set(rows[kind])
    return [(s, f"{i} is not in the ledger") for s, i in frame.select("session", kind).rows() if i not in have]


def _wanted(run: Run, gates: Mapping[date, gate.Gate] | None) -> pl.DataFrame:
    """Trades to the targets, of those that the gates let pass (None: all)."""
    return proposals.propose(
        run.read("portfolio/targets"),
        run.read("pms/positions"),
        book_signals(run),
        run.read("pms/nav"),
        run.fund_sessions,
        settings=run.home.settings,
        gates=gates,
        stress=run.read("risk/stress"),
    )


def _gates(run: Run) -> dict[date, gate.Gate]:
    limits, breakers = (run.read(k) for k in GATE)
    return gate.gates(limits, breakers, run.fund_sessions)


def _with_fields(run: Run, rows: pl.DataFrame) -> pl.DataFrame:
    """The proposals with what they do to the book and why, from what each session knew."""
    home, here = run.home, pl.col("session").is_in(run.fund_sessions)
    inputs = inputs_of(home.settings)
    series = pl.col("series_id").is_in(sorted({i.id for items in inputs.values() for i in items}))
    evidence = fields.Evidence(
        targets=run.read("portfolio/targets", where=here),
        positions=run.read("pms/positions", where=here),
        nav=run.read("pms/nav", where=here),
        conviction=run.read(CONVICTION, where=here),
        allocations=run.read(ALLOCATIONS, where=here),
        signals=book_signals(run).filter(here),
        marks=run.read(MARKS, columns=["session", "trade_date", "contract", "root", "bdays"]),
        fills=_filled(run),
        panel=run.read(PANEL, columns=["session", "series_id", "event_date"], where=here & series),
        shocks=run.read(SHOCKS, where=pl.col("factor").is_in(list(MAPPED))),
        scenarios=run.read(SCENARIOS, where=here),
    )
    as_of = {s: home.sessions.as_of(s) for s in run.fund_sessions}
    return fields.with_fields(rows, evidence, fields.Setting(home.settings, inputs, home.calendar("anbima"), as_of))


def _told(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Numbers of a narrative that are no field of its row."""
    language = run.home.settings.fund.language
    return [
        (row["session"], f"{row['proposal_id']}: {', '.join(wrong)} in the narrative are no fields of the proposal")
        for row in frame.iter_rows(named=True)
        if (wrong := words.unproven_numbers(row, language))
    ]


def _propose(run: Run) -> pl.DataFrame:
    """Proposals go into the ledger, where people decide on them; the table is what was proposed."""
    home, keys = run.home, run.fund_sessions
    rows = _with_fields(run, _wanted(run, _gates(run)))
    for key in keys:
        at = time_of(home, home.sessions.as_of(key))
        home.ledger.record_proposals(rows.filter(pl.col("session") == key), at=at)
    return rows


def stamp_basis(home: Home, key: date) -> Mapping[str, str]:
    """Metadata of what was made from the targets and the book: proposals, and the pack that prints them."""
    return {"basis": proposals_basis(home, key)}


def _approved(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """No order without a person who approved it."""
    return [
        (s, f"order {o} has no approver")
        for s, o in frame.filter(pl.col("approved_by") == "").select("session", "order_id").rows()
    ]


def _towards_targets(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """position_before + quantity = position_after, and no trade is empty."""
    bad = frame.filter(
        (pl.col("position_before") + pl.col("quantity") != pl.col("position_after")) | (pl.col("quantity") == 0)
    )
    return [
        (s, f"{i}: {b} {q:+d} is not {a}")
        for s, i, b, q, a in bad.select(
            "session", "proposal_id", "position_before", "quantity", "position_after"
        ).rows()
    ]


def _not_blocked(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """What would be proposed if no limit and no breaker stood in the way, and is not."""
    return gate.held_back(_wanted(run, None), frame, _gates(run))


def _only_reducing(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    limits, breakers = (run.home.lake.read(k, run.last) for k in GATE)
    return gate.adds_risk(frame, limits, breakers)


def _breaks(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return reconciliation.broken(frame)


def _ledger_check(kind: str) -> Check:
    return Check("in_ledger", "every row is in the ledger", lambda run, frame: _in_ledger(kind, run, frame))


NODES = (
    Node("pms/fills", LEDGER, (MARKS,), orders.fills, (_ledger_check("fill_id"), sessions_inside())),
    *MARKING,
    Node(
        "pms/positions",
        PYTHON,
        ("pms/fills", BOOK_MARKS),
        _positions,
        (
            Check("fills_sum", "positions equal the sum of fills", _fills_positions),
            Check("marked", "every position has the settlement of the last close", below_settlement, gate=False),
            sessions_inside(),
        ),
    ),
    Node(
        "pms/pnl",
        PYTHON,
        ("pms/fills", MARKS, BOOK_MARKS, "bronze/bcb_sgs"),
        _pnl,
        (sessions_inside(),),
        version="2",
    ),
    Node(
        "pms/explain",
        PYTHON,
        ("pms/fills", MARKS, BOOK_MARKS, "pms/pnl"),
        _explain,
        (
            Check("adds_up", "sums to the P&L by contract and strategy, to the cent", _explained),
            Check("residual", "no day's residual is large", _residuals, gate=False),
            sessions_inside(),
        ),
        plot=explain_picture,
        version="2",
    ),
    Node(
        "pms/nav",
        PYTHON,
        ("pms/pnl", "bronze/bcb_sgs"),
        _nav,
        (Check("ties", "P&L and NAV tie to the cent", _ties), bounded(["fund_index"], 0.5, 5.0), sessions_inside()),
        plot=nav_picture,
    ),
    Node(
        "pms/performance",
        PYTHON,
        ("pms/nav", "pms/fills", MARKS, "pms/pnl"),
        _performance,
        (
            Check("agrees", "returns are those of the NAV, round trips sum to the P&L to the cent", _agrees),
            bounded(["hit_rate"], 0.0, 1.0),
            sessions_inside(),
        ),
        plot=performance_picture,
        version="2",
    ),
    Node(
        "pms/reconciliation",
        LEDGER,
        ("pms/fills", "pms/positions", "pms/pnl", "pms/nav", MARKS, BOOK_MARKS),
        orders.reconcile,
        (
            Check("agrees", "the books agree with orders, the broker's reports and its statement", _breaks),
            every_session(),
            sessions_inside(),
        ),
    ),
    Node(
        "pms/trade_proposals",
        LEDGER,
        (*BASIS, *FIELDS, *BOOK_SIGNALS),
        _propose,
        (
            _ledger_check("proposal_id"),
            Check("adds_up", "before + trade = after", _towards_targets),
            Check("only_reducing", "no more risk under a breached limit or a tripped breaker", _only_reducing),
            Check("told", "every number of a narrative is a field of its proposal", _told),
            Check("not_blocked", "no trade is held back by a limit or a breaker", _not_blocked, gate=False),
            sessions_inside(),
        ),
        stamp=stamp_basis,
    ),
    Node(
        "pms/orders",
        LEDGER,
        ("pms/trade_proposals",),
        orders.order,
        (
            _ledger_check("order_id"),
            Check("approved", "every order has an approver", _approved),
            Check("working", "the broker took every order", orders.not_working, gate=False),
        ),
    ),
)
