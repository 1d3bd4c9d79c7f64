"""The commands people look with: proposals list and show, book; and every other pms command attached.

Belongs here: options, messages and exit codes. Does not belong here: deciding (`decide_cli.py`), users
(`people_cli.py`), any rule (`approval.py`, `store/ledger.py`) or how a home is found: `attach` is given a function that
opens one.

Errors go to stderr as one sentence with the remedy, and exit with 1.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import polars as pl
import typer
from rich.table import Table

from macro_fund.pms import (
    broker_cli,
    decide_cli,
    events_cli,
    journal_cli,
    marks_cli,
    notes_cli,
    orders_cli,
    people_cli,
    results_cli,
    show,
    switch_cli,
)
from macro_fund.pms.approval import digest
from macro_fund.pms.context import AsJson, Open, PmsContext, Read, title_of, told
from macro_fund.pms.decide_cli import ProposalId
from macro_fund.pms.periods import Period, start_of

__all__ = ["PmsContext", "Read", "attach"]

_SUMMED = (Period.mtd, Period.ytd, Period.inception)


def attach(app: typer.Typer, open_context: Open) -> None:
    """Add the commands to `app`; `open_context` is called once a command, after the options are read."""
    proposals = _proposals(open_context)
    decide_cli.attach(app, proposals, open_context)
    people_cli.attach(app, open_context)
    app.add_typer(proposals, name="proposals")
    app.add_typer(orders_cli.commands(open_context), name="orders")
    app.add_typer(broker_cli.commands(open_context), name="broker")
    app.add_typer(journal_cli.commands(open_context), name="journal")
    app.add_typer(switch_cli.commands(open_context), name="switch")
    app.add_typer(marks_cli.commands(open_context), name="marks")
    app.add_typer(events_cli.commands(open_context), name="events")
    results_cli.attach(app, open_context)
    notes_cli.attach(app, open_context)

    @app.command("book")
    def book(as_json: AsJson = False) -> None:
        """Positions and NAV after the last close."""
        with told(open_context) as ctx:
            _book(ctx, as_json)


def _proposals(open_context: Open) -> typer.Typer:
    app = typer.Typer(help="Trades that wait for a person's decision.", no_args_is_help=True)

    @app.command("list")
    def list_(
        session: Annotated[
            datetime | None, typer.Option("--session", formats=["%Y-%m-%d"], help="Default: the newest one.")
        ] = None,
        status: Annotated[
            str | None, typer.Option("--status", help="proposed, approved, modified, unconfirmed, rejected or expired.")
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
            state = digest(proposal)
            if as_json:
                typer.echo(show.as_json({**proposal, "state": state}))
            else:
                show.console().print(show.proposal_card(proposal, state))

    return app


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
        out.print(_by_class(ctx, held, float(last["nav_brl"])))
    else:
        out.print(f"{title}: no positions; all of the NAV is in cash.")
    out.print(f"NAV BRL {show.brl(last['nav_brl'])}, {show.brl(last['pnl_brl'])} on the day.")
    made = {p: navs.filter(pl.col("trade_date") >= start_of(p, last["trade_date"]))["pnl_brl"].sum() for p in _SUMMED}
    out.print(f"P&L BRL {', '.join(f'{show.brl(v)} {p}' for p, v in made.items())}.")


def _by_class(ctx: PmsContext, held: pl.DataFrame, nav: float) -> Table:
    """Net risk of the book by asset class, in BRL and as a share of NAV."""
    of = pl.col("instrument")
    rows = held.with_columns(of.replace_strict(ctx.settings.asset_classes, return_dtype=pl.String).alias("class"))
    sums = rows.group_by("class", maintain_order=True).agg(pl.col("dv01_brl", "delta_brl").sum()).sort("class")
    body = [
        (name, show.number(dv01), show.percent(dv01 / nav, 4), show.number(delta), show.percent(delta / nav))
        for name, dv01, delta in sums.iter_rows()
    ]
    columns = ("class", "DV01 BRL", "of NAV", "delta BRL", "of the NAV")
    return show.table("Net risk by class", columns, body, right=columns[1:])
