"""The command on brokers' statements: broker statement FILE.

Belongs here: options and messages. Does not belong here: reading the file (`statements.py`), comparing
(`reconciliation.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from macro_fund.pms import approval, show
from macro_fund.pms.context import AsJson, Open, Person, PmsContext, title_of, told
from macro_fund.pms.reconciliation import broken, frame_of, missing_closes, statement_rows
from macro_fund.pms.statements import read_statement
from macro_fund.time.sessions import sessions

_COLUMNS = ("kind", "item", "ours", "theirs", "what does not agree")


def commands(open_context: Open) -> typer.Typer:
    """The commands as an app to add; `open_context` is called once a command, after the options are read."""
    app = typer.Typer(help="What a broker says the fund has.", no_args_is_help=True)

    @app.callback()
    def group() -> None:
        """One command so far, and it keeps its name."""

    @app.command("statement")
    def statement(
        file: Annotated[Path, typer.Argument(help="CSV: date, contract, quantity, price, cash.")],
        person: Person = "",
        as_json: AsJson = False,
    ) -> None:
        """Record a broker's statement and compare it with the book. Role pm, risk or ops."""
        with told(open_context) as ctx:
            _statement(ctx, read_statement(file, sessions()), person, as_json)

    return app


def _statement(ctx: PmsContext, rows: list[dict[str, Any]], person: str, as_json: bool) -> None:
    held, navs, table = ctx.read("pms/positions", None), ctx.read("pms/nav", None), sessions()
    if missing := missing_closes(rows, navs, table):
        days = ", ".join(map(str, missing))
        raise ValueError(f"the books have no close of {days} yet: nothing was recorded; run the session after it first")
    approval.record_statement(ctx.desk(person), rows)
    session = max(table.offset(r["day"], 1) for r in rows)
    compared = frame_of(statement_rows(rows, held, navs, table, session))
    if as_json:
        typer.echo(show.as_json(compared.to_dicts()))
        return
    body = [
        (r["kind"], r["item"], f"{r['ours']:,.2f}", f"{r['theirs']:,.2f}", r["sentence"] or "-")
        for r in compared.iter_rows(named=True)
    ]
    show.console().print(show.table(title_of(ctx, "Statement"), _COLUMNS, body, right=("ours", "theirs")))
    found = len(broken(compared))
    typer.echo(
        f"recorded {len(rows)} rows of the statement {rows[0]['digest'][:12]}; "
        + (f"{found} of {compared.height} do not agree: the next session's pack names them" if found else "all agree")
        + "."
    )
