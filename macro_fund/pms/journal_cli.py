"""The journal's commands: list, verify, export.

Belongs here: options, messages and exit codes. Does not belong here: the chain and its check (`store/journal.py`,
`store/verify_journal.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from macro_fund.pms import show
from macro_fund.pms.context import AsJson, Open, PmsContext, title_of, told
from macro_fund.store.verify_journal import parse_head


def commands(open_context: Open) -> typer.Typer:
    app = typer.Typer(help="The hash-chained record of everything proposed, decided and traded.", no_args_is_help=True)

    @app.command("list")
    def list_(
        count: Annotated[int, typer.Option("--last", min=1, help="How many of the newest entries.")] = 30,
        as_json: AsJson = False,
    ) -> None:
        """The newest journal entries."""
        with told(open_context) as ctx:
            _list(ctx, count, as_json)

    @app.command("verify")
    def verify(
        head: Annotated[str | None, typer.Option("--head", metavar="N:HASH", help="A head noted earlier.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Recompute the hash chain and compare it with the rows it describes; exit 1 when something was changed."""
        with told(open_context) as ctx:
            _verify(ctx, head, as_json)

    @app.command("export")
    def export(
        file: Annotated[Path, typer.Argument(help="JSON lines, an entry a line; replaced if it is there.")],
    ) -> None:
        """Write the journal to a file that verify_journal.py checks on any machine, without the fund."""
        with told(open_context) as ctx:
            head = ctx.ledger.export_journal(file)
            typer.echo(f"{file}: {head.seq} entries, head {head}. Keep the head elsewhere to compare it later.")

    return app


def _list(ctx: PmsContext, count: int, as_json: bool) -> None:
    rows = ctx.ledger.journal().tail(count)
    if as_json:
        typer.echo(show.as_json(rows.to_dicts()))
    elif rows.is_empty():
        typer.echo("The journal is empty: it starts with the first proposals (`macro-fund run`).")
    else:
        body = (
            (str(e["seq"]), show.local(e["at"]), e["kind"], e["ref"][:12], show.entry_words(e), e["hash"][:12])
            for e in rows.iter_rows(named=True)
        )
        columns = ("entry", "Sao Paulo time", "kind", "id", "what", "hash")
        show.console().print(show.table(title_of(ctx, "Journal"), columns, body, right=("entry",)))


def _verify(ctx: PmsContext, noted: str | None, as_json: bool) -> None:
    head = ctx.ledger.journal_head()  # before the check, which covers at least what is recorded until then
    problems = ctx.ledger.verify_journal(None if noted is None else parse_head(noted))
    if as_json:
        typer.echo(show.as_json({"entries": head.seq, "head": head.hash, "problems": problems}))
    elif not problems:
        typer.echo(f"The journal is intact: {head.seq} entries, head {head}. Keep the head to compare it later.")
    else:
        for problem in problems:
            typer.echo(f"error: {problem}", err=True)
        typer.echo("Stop trading on this ledger and compare it with a backup.", err=True)
    if problems:
        raise typer.Exit(1)
