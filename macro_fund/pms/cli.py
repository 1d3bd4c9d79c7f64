"""The commands people decide and look with: proposals, book, pnl; journal and switch are joined to them.

Belongs here: options, messages and exit codes. Does not belong here: any rule (`approval.py`, `store/ledger.py`) or how
a home is found: `attach` is given a function that opens one.

Errors go to stderr as one sentence with the remedy, and exit with 1.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

import polars as pl
import typer

from macro_fund.pms import approval, journal_cli, show, switch_cli
from macro_fund.pms.context import AsJson, Note, Open, Person, PmsContext, Read, title_of, told
from macro_fund.pms.costs import instruments_by_id, known_instrument
from macro_fund.pms.gate import Gate, gates
from macro_fund.pms.proposals import gain_if

__all__ = ["By", "PmsContext", "Read", "attach", "pnl_by"]

Limit = Annotated[
    float | None, typer.Option("--limit", help="DI1: worst rate as a decimal (0.1305); others: worst price.")
]
ProposalId = Annotated[str, typer.Argument(help="Proposal id, or enough of its first digits.")]


class By(StrEnum):
    """How P&L may be grouped."""

    strategy = "strategy"
    instrument = "instrument"
    component = "component"
    contract = "contract"


def attach(app: typer.Typer, open_context: Open) -> None:
    """Add the commands to `app`; `open_context` is called once a command, after the options are read."""
    app.add_typer(_proposals(open_context), name="proposals")
    app.add_typer(journal_cli.commands(open_context), name="journal")
    app.add_typer(switch_cli.commands(open_context), name="switch")

    @app.command("book")
    def book(as_json: AsJson = False) -> None:
        """Positions and NAV after the last close."""
        with told(open_context) as ctx:
            _book(ctx, as_json)

    @app.command("pnl")
    def pnl(by: Annotated[By, typer.Option("--by", help="Group by.")] = By.strategy, as_json: AsJson = False) -> None:
        """P&L of the last day, month, year and since inception; every grouping sums to the change of NAV."""
        with told(open_context) as ctx:
            _pnl(ctx, by, as_json)


def _proposals(open_context: Open) -> typer.Typer:
    app = typer.Typer(help="Trades that wait for a person's decision.", no_args_is_help=True)

    @app.command("list")
    def list_(
        session: Annotated[
            datetime | None, typer.Option("--session", formats=["%Y-%m-%d"], help="Default: the newest one.")
        ] = None,
        status: Annotated[
            str | None, typer.Option("--status", help="proposed, approved, modified, rejected or expired.")
        ] = None,
        every: Annotated[bool, typer.Option("--all", help="Every session.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """List proposals, of the newest session unless told otherwise."""
        with told(open_context) as ctx:
            _list(ctx, session.date() if session else None, status, every, as_json)

    @app.command("show")
    def show_(proposal_id: ProposalId, as_json: AsJson = False) -> None:
        """Everything about one proposal."""
        with told(open_context) as ctx:
            proposal = ctx.ledger.proposal(proposal_id, at=ctx.now)
            if as_json:
                typer.echo(show.as_json(proposal))
            else:
                show.console().print(show.proposal_card(proposal))

    @app.command("approve")
    def approve(
        proposal_id: ProposalId, person: Person = "", note: Note = "", limit: Limit = None, as_json: AsJson = False
    ) -> None:
        """Approve as proposed, at the session's settlement or better than a limit."""
        with told(open_context) as ctx:
            gate = _gate(ctx, proposal_id)
            decision = approval.approve(
                ctx.ledger, proposal_id, person, ctx.now, note=note, limit_level=limit, gate=gate
            )
            _decided(ctx, decision, as_json)

    @app.command("reject")
    def reject(proposal_id: ProposalId, person: Person = "", note: Note = "", as_json: AsJson = False) -> None:
        """Reject; --note says why."""
        with told(open_context) as ctx:
            _decided(ctx, approval.reject(ctx.ledger, proposal_id, person, ctx.now, note=note), as_json)

    @app.command("modify")
    def modify(
        proposal_id: ProposalId,
        quantity: Annotated[
            int | None, typer.Option("--quantity", help="Contracts, signed as in the proposal (DI1: + receives).")
        ] = None,
        person: Person = "",
        note: Note = "",
        limit: Limit = None,
        as_json: AsJson = False,
    ) -> None:
        """Approve another quantity."""
        with told(open_context) as ctx:
            decision = approval.modify(
                ctx.ledger,
                proposal_id,
                person,
                ctx.now,
                settings=ctx.settings,
                quantity=quantity,
                note=note,
                limit_level=limit,
                gate=_gate(ctx, proposal_id),
            )
            _decided(ctx, decision, as_json)

    return app


def _gate(ctx: PmsContext, proposal_id: str) -> Gate:
    """What limits and breakers let pass in the proposal's session."""
    session = ctx.ledger.proposal(proposal_id)["session"]
    limits, breakers = ctx.read("risk/limits", session), ctx.read("risk/breakers", session)
    return gates(limits, breakers, [session], closed=False)[session]


def _list(ctx: PmsContext, session: date | None, status: str | None, every: bool, as_json: bool) -> None:
    rows = ctx.ledger.proposals(session, status, at=ctx.now)
    if session is None and not every and not rows.is_empty():
        rows = rows.filter(pl.col("session") == pl.col("session").max())
    rows = rows.sort("session", "rank", descending=[True, False], nulls_last=True, maintain_order=True)
    if as_json:
        typer.echo(show.as_json(rows.to_dicts()))
        return
    if rows.is_empty():
        asked = (f" with status {status}" if status else "") + (f" in session {session}" if session else "")
        typer.echo(f"No proposals{asked}: the book is at its targets, or no run has been made (`macro-fund run`).")
        return
    show.console().print(show.proposals_table(title_of(ctx, "Proposals"), rows.iter_rows(named=True)))


def _decided(ctx: PmsContext, decision: dict[str, Any], as_json: bool) -> None:
    proposal = ctx.ledger.proposal(decision["proposal_id"], at=ctx.now)
    if as_json:
        typer.echo(show.as_json({**decision, "status": proposal["status"]}))
        return
    text = f"{proposal['status']} {proposal['proposal_id']}: {proposal['screen_side']}"
    if decision["action"] == "reject":
        typer.echo(f"{text}. Nothing is traded.")
        return
    count = proposal["quantity"] if decision["quantity"] is None else decision["quantity"]
    limit = decision["limit_level"]
    at = "" if limit is None else f" or better than {show.level(proposal['contract'], limit)}"
    root = known_instrument(instruments_by_id(ctx.settings), proposal["instrument"]).root
    echo = gain_if(root, proposal["contract"], proposal["position_before"] + count)
    typer.echo(
        f"{text}, {count:+,} contracts at the settlement of {proposal['session']}{at}; {echo}. "
        "The next run makes the order."
    )


def _book(ctx: PmsContext, as_json: bool) -> None:
    navs = ctx.read("pms/nav", None)
    if navs.is_empty():
        typer.echo("[]" if as_json else "No book yet: `macro-fund run` makes the first one.")
        return
    last = navs.sort("session").row(-1, named=True)
    held = ctx.read("pms/positions", None).filter(pl.col("session") == last["session"])
    if as_json:
        typer.echo(show.as_json({"nav": last, "positions": held.to_dicts()}))
        return
    title = title_of(ctx, f"Book at the close of {last['trade_date']}")
    rows = [
        (
            p["contract"],
            p["instrument"],
            f"{p['quantity']:+,}",
            show.level(p["contract"], p["mark_price"] if p["mark_rate"] is None else p["mark_rate"]),
            p["mark_basis"],
            show.number(p["dv01_brl"]),
            show.number(p["delta_brl"]),
        )
        for p in held.iter_rows(named=True)
    ]
    columns = ("contract", "instrument", "contracts", "mark", "basis", "DV01 BRL", "delta BRL")
    out = show.console()
    if rows:
        out.print(show.table(title, columns, rows, right=("contracts", "mark", "DV01 BRL", "delta BRL")))
    else:
        out.print(f"{title}: no positions; all of the NAV is in cash.")
    out.print(f"NAV BRL {show.brl(last['nav_brl'])}, {show.brl(last['pnl_brl'])} on the day.")


def _pnl(ctx: PmsContext, by: By, as_json: bool) -> None:
    cube = ctx.read("pms/pnl", None)
    if cube.is_empty():
        typer.echo("[]" if as_json else "No P&L yet: it starts on the first session after the inception.")
        return
    rows, last = pnl_by(cube, by.value)
    if as_json:
        typer.echo(show.as_json(rows.to_dicts()))
        return
    body = [(r[0], *(show.brl(v) for v in r[1:])) for r in rows.iter_rows()]
    total = ("total", *(show.brl(v) for v in rows.select(pl.exclude(by.value).sum()).row(0)))
    columns = (by.value, f"day {last}", "month", "year", "inception")
    title = title_of(ctx, f"P&L by {by.value}, BRL")
    show.console().print(show.table(title, columns, [*body, total], right=columns[1:]))


def pnl_by(cube: pl.DataFrame, by: str) -> tuple[pl.DataFrame, date]:
    """P&L by strategy, instrument, component or contract (day, month, year, inception) and the last trade date."""
    last: date = cube["trade_date"].max()  # type: ignore[assignment]  # polars types a date column's max as any value
    column = "strategy_id" if by == "strategy" else by
    day, start_month, start_year = pl.col("trade_date"), last.replace(day=1), last.replace(month=1, day=1)
    rows = cube.group_by(pl.col(column).alias(by), maintain_order=True).agg(
        pl.col("pnl_brl").filter(day == last).sum().alias("day"),
        pl.col("pnl_brl").filter(day >= start_month).sum().alias("month"),
        pl.col("pnl_brl").filter(day >= start_year).sum().alias("year"),
        pl.col("pnl_brl").sum().alias("inception"),
    )
    return rows.sort(by), last
