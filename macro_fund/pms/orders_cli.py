"""The commands on orders: orders list, orders cancel.

Belongs here: options and messages. Does not belong here: any rule (`approval.py`, store/order_states.py) or what became
of an order (`execution.py`).
"""

from __future__ import annotations

from typing import Annotated

import polars as pl
import typer

from macro_fund.pms import approval, show
from macro_fund.pms.broker import root_of, screen_side
from macro_fund.pms.context import AsJson, Open, Person, PmsContext, title_of, told
from macro_fund.pms.execution import Recorded, standing

OrderId = Annotated[str, typer.Argument(help="Order id, or enough of its first digits.")]
Why = Annotated[str, typer.Option("--note", help="Why; mandatory, it goes into the journal.")]
_COLUMNS = ("id", "session", "screen", "contracts", "filled", "remaining", "average", "limit", "state", "why")


def commands(open_context: Open) -> typer.Typer:
    """The commands as an app to add; `open_context` is called once a command, after the options are read."""
    app = typer.Typer(help="Approved trades on their way to a fill.", no_args_is_help=True)

    @app.command("list")
    def list_(
        every: Annotated[bool, typer.Option("--all", help="Every session.")] = False, as_json: AsJson = False
    ) -> None:
        """Orders of the newest session, and those of earlier ones that still work; --all for every one."""
        with told(open_context) as ctx:
            _list(ctx, every, as_json)

    @app.command("cancel")
    def cancel(order_id: OrderId, person: Person = "", note: Why = "", as_json: AsJson = False) -> None:
        """Cancel what is left of an order before its next settlement. Role pm."""
        with told(open_context) as ctx:
            event = approval.cancel(ctx.desk(person), order_id, note=note)
            if as_json:
                typer.echo(show.as_json(event))
                return
            done = ctx.ledger.order_state(event["order_id"])
            typer.echo(
                f"cancelled {done.order_id}: {done.filled:+,} of {done.ordered:+,} contracts were filled, "
                f"nothing more from {event['session']} on."
            )

    return app


def _list(ctx: PmsContext, every: bool, as_json: bool) -> None:
    rows = standing(Recorded.of(ctx.ledger, ctx.ledger.orders()))
    if not every:
        rows = rows.filter((pl.col("session") == pl.col("session").max()) | (pl.col("remaining") != 0))
    if as_json:
        typer.echo(show.as_json(rows.to_dicts()))
        return
    if rows.is_empty():
        typer.echo("No orders yet: an approved proposal becomes one with the next run.")
        return
    body = [
        (
            o["order_id"],
            str(o["session"]),
            screen_side(root_of(o["contract"]), o["contract"], o["quantity"]),
            f"{o['quantity']:+,}",
            f"{o['filled']:+,}",
            f"{o['remaining']:+,}",
            "-" if o["average_price"] is None else f"{o['average_price']:,.3f}",
            show.level(o["contract"], o["limit_level"]),
            o["state"].replace("_", " "),
            o["reason"] or "-",
        )
        for o in rows.sort("session", "order_id", descending=[True, False]).iter_rows(named=True)
    ]
    right = ("contracts", "filled", "remaining", "average", "limit")
    show.console().print(show.table(title_of(ctx, "Orders"), _COLUMNS, body, right=right))
