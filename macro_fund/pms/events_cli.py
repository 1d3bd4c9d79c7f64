"""The commands of calendar events: events add, events show.

Belongs here: options and messages. Does not belong here: any rule (`events.py`, store/ledger_events.py).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import polars as pl
import typer

from macro_fund.pms import events, show
from macro_fund.pms.context import AsJson, Open, Person, PmsContext, title_of, told
from macro_fund.store.ledger_events import EVENT_KINDS
from macro_fund.time.zones import SAO_PAULO


def commands(open_context: Open) -> typer.Typer:
    """The commands as an app to add; `open_context` is called once a command, after the options are read."""
    app = typer.Typer(help="Coupons, expiries, first notices, rebalances: told in the pack.", no_args_is_help=True)

    @app.command("add")
    def add(
        instrument: Annotated[str, typer.Argument(help="Contract, instrument or bond, as the book names it.")],
        day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="When it happens.")],
        kind: Annotated[str, typer.Option("--kind", help=f"{', '.join(EVENT_KINDS)}.")],
        amount: Annotated[float | None, typer.Option("--amount", help="Cash a unit, in its own currency.")] = None,
        source: Annotated[str, typer.Option("--source", help="Who says so; mandatory.")] = "",
        reason: Annotated[str, typer.Option("--reason", help="Why it is corrected; mandatory for that.")] = "",
        corrects: Annotated[str | None, typer.Option("--corrects", help="Id of the event that this corrects.")] = None,
        person: Person = "",
        as_json: AsJson = False,
    ) -> None:
        """Record an event, or correct one. Role ops."""
        with told(open_context) as ctx:
            row = events.record(
                ctx.desk(person),
                instrument,
                day.date(),
                kind,
                amount=amount,
                source=source,
                reason=reason,
                corrects=corrects,
            )
            text = f"{row['kind']} of {row['instrument']} on {row['event_date']}: event {row['event']}, version"
            typer.echo(show.as_json(row) if as_json else f"{text} {row['version']}. The next pack tells it.")

    @app.command("show")
    def show_(
        every: Annotated[bool, typer.Option("--all", help="Past ones and withdrawn ones, too.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """The events to come, each in its newest version."""
        with told(open_context) as ctx:
            _show(ctx, every, as_json)

    return app


def _show(ctx: PmsContext, every: bool, as_json: bool) -> None:
    found = ctx.ledger.events(ctx.now)
    if not every:
        today = ctx.now.astimezone(SAO_PAULO).date()
        found = found.filter(pl.col("event_date") >= today, pl.col("kind") != "withdrawn")
    if as_json:
        typer.echo(show.as_json(found.to_dicts()))
        return
    if found.is_empty():
        typer.echo("No event is recorded: `macro-fund events add` records one.")
        return
    rows = [
        (e["event"], str(e["event_date"]), e["instrument"], e["kind"],
         "-" if e["amount"] is None else f"{e['amount']:g}", e["source"], e["person"])
        for e in found.iter_rows(named=True)
    ]  # fmt: skip
    columns = ("id", "day", "instrument", "kind", "cash a unit", "source", "recorded by")
    show.console().print(show.table(title_of(ctx, "Calendar events"), columns, rows, right=("cash a unit",)))
