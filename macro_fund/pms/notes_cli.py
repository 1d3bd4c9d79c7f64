"""The command that writes: note.

Belongs here: options and messages. Does not belong here: any rule (`notes.py`, `store/ledger_notes.py`), showing notes
beside what they are about (`results_cli.py`, `journal_cli.py`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from macro_fund.pms import notes, show
from macro_fund.pms.context import AsJson, Open, Person, told


def attach(app: typer.Typer, open_context: Open) -> None:
    """Add the command to `app`; `open_context` is called once a command, after the options are read."""

    @app.command("note")
    def note(
        target: Annotated[str, typer.Argument(help="Proposal, decision, trade (first digits will do) or session.")],
        text: Annotated[str, typer.Argument(help="What to remember; it goes into the journal and stays.")],
        lesson: Annotated[bool, typer.Option("--lesson", help="Something learnt: the weekly digest tells it.")] = False,
        person: Person = "",
        as_json: AsJson = False,
    ) -> None:
        """Write a note or a lesson beside a proposal, a decision, a trade or a session. Any role but viewer."""
        with told(open_context) as ctx:
            made = notes.note(ctx.desk(person), target, text, kind="lesson" if lesson else "note")
            if as_json:
                typer.echo(show.as_json(made))
            else:
                typer.echo(f"{made['kind']} on {made['about']} {made['subject']} by {made['person']}, in the journal.")
