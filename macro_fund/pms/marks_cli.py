"""The commands of marks: marks (how the book is marked), marks override, confirm, revoke.

Belongs here: options and messages. Does not belong here: any rule (`overrides.py`), which level marks a contract
(`marking.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import polars as pl
import typer

from macro_fund.pms import overrides, show
from macro_fund.pms.context import AsJson, Open, Person, PmsContext, title_of, told
from macro_fund.pms.settlements import level_of

OverrideId = Annotated[str, typer.Argument(help="Override id, or enough of its first digits.")]
Why = Annotated[str, typer.Option("--reason", help="Why; mandatory, it goes into the journal.")]
Day = Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The close that is overridden.")]
Level = Annotated[float, typer.Option("--price", help="DI1: rate as a decimal (0.1305); others: price.")]


def commands(open_context: Open) -> typer.Typer:
    """The commands as an app to add; `open_context` is called once a command, after the options are read."""
    app = typer.Typer(help="How each contract held is marked, and overrides by two people.")

    @app.callback(invoke_without_command=True)
    def marks(
        ctx: typer.Context,
        session: Annotated[
            datetime | None, typer.Option("--session", formats=["%Y-%m-%d"], help="Default: the newest one.")
        ] = None,
        as_json: AsJson = False,
    ) -> None:
        """The mark of each contract held, its rung and its day; and the overrides that wait or stand."""
        if ctx.invoked_subcommand is None:
            with told(open_context) as opened:
                _show(opened, session, as_json)

    @app.command("override")
    def override(
        contract: Annotated[str, typer.Argument(help="B3 ticker, as DI1F28.")],
        day: Day,
        level: Level,
        reason: Why = "",
        person: Person = "",
        as_json: AsJson = False,
    ) -> None:
        """Say what a contract was worth at a close, in place of its settlement. Role pm, risk or ops."""
        with told(open_context) as ctx:
            row = overrides.override(ctx.desk(person), contract, day.date(), level, reason=reason)
            _tell(
                row,
                f"{row['contract']} of {row['trade_date']} at {show.level(row['contract'], row['level'])}: it counts "
                f"once another person confirms it with `macro-fund marks confirm {row['override_id']}`",
                as_json,
            )

    @app.command("confirm")
    def confirm(override_id: OverrideId, person: Person = "", as_json: AsJson = False) -> None:
        """Agree with an override, as the second person. Role pm, risk or ops."""
        with told(open_context) as ctx:
            row = overrides.confirm(ctx.desk(person), override_id)
            _tell(row, f"confirmed by {row['person']}. The next session that begins marks the book with it.", as_json)

    @app.command("revoke")
    def revoke(override_id: OverrideId, reason: Why = "", person: Person = "", as_json: AsJson = False) -> None:
        """Take an override back. Role pm, risk or ops."""
        with told(open_context) as ctx:
            row = overrides.revoke(ctx.desk(person), override_id, reason=reason)
            _tell(row, f"revoked by {row['person']}. Sessions that begin from now on do without it.", as_json)

    return app


def _tell(row: dict[str, Any], words: str, as_json: bool) -> None:
    typer.echo(show.as_json(row) if as_json else words)


def _show(ctx: PmsContext, session: datetime | None, as_json: bool) -> None:
    marks, given = ctx.read("pms/marks", None), ctx.ledger.overrides()
    asked = pl.col("session").max() if session is None else pl.lit(session.date())
    marks = marks.filter(pl.col("session") == asked).sort("contract")
    standing = given.filter(pl.col("revoked_at").is_null())
    if as_json:
        typer.echo(show.as_json({"marks": marks.to_dicts(), "overrides": given.to_dicts()}))
        return
    out = show.console()
    if marks.is_empty():
        out.print("No contract is held: there is nothing to mark.")
    else:
        _print_marks(ctx, marks.to_dicts())
    if standing.height:
        rows = [
            (o["override_id"], o["contract"], str(o["trade_date"]), show.level(o["contract"], o["level"]), o["person"],
             o["confirmed_by"] or "waits for a second person", o["reason"])
            for o in standing.iter_rows(named=True)
        ]  # fmt: skip
        columns = ("id", "contract", "close", "level", "given by", "confirmed by", "reason")
        out.print(show.table("Overrides that are not revoked", columns, rows, right=("level",)))


def _print_marks(ctx: PmsContext, marks: list[dict[str, Any]]) -> None:
    rows = [
        (
            m["contract"],
            "-" if m["basis"] == "none" else show.level(m["contract"], level_of(m)),
            m["basis"],
            str(m["trade_date"]),
            m["source"],
            show.brl(m["pnl_brl"]),
        )
        for m in marks
    ]
    columns = ("contract", "level", "basis", "of", "source", "BRL a contract")
    title = title_of(ctx, f"Marks of {marks[0]['close']}, as session {marks[0]['session']} knew them")
    show.console().print(show.table(title, columns, rows, right=("level", "BRL a contract")))
