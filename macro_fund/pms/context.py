"""What every pms command needs: an open home, options that they share, and errors told in one line.

Belongs here: what `cli.py` and `switch_cli.py` share. Does not belong here: a command, or how a home is found.

Errors go to stderr as one sentence with the remedy, and exit with 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from macro_fund.pms.approval import Desk
from macro_fund.pms.evidence import Read
from macro_fund.pms.sign_in import actor
from macro_fund.settings import Settings
from macro_fund.store.ledger import Ledger

__all__ = ["AsJson", "Note", "Open", "Person", "PmsContext", "Read", "title_of", "told"]

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Person = Annotated[str, typer.Option("--as", help="Your name, in a sample fund without users; else sign in.")]
Note = Annotated[str, typer.Option("--note", help="Why; mandatory for a rejection.")]


@dataclass(frozen=True)
class PmsContext:
    """What the commands need of an open home. `read(table, upto)` gives lake rows of partitions <= upto (None: all)."""

    ledger: Ledger
    read: Read
    now: datetime
    settings: Settings
    home: Path

    def desk(self, name: str) -> Desk:
        """What a decision needs, for whoever acts when a command is typed with `--as name`."""
        who = actor(self.home, self.settings.fund.source, name, self.now)
        return Desk(self.ledger, self.settings, self.read, who, self.now)


Open = Callable[[], PmsContext]


@contextmanager
def told(open_context: Open) -> Iterator[PmsContext]:
    """Open the context; an expected error becomes one line on stderr and exit code 1."""
    try:
        yield open_context()
    except ValueError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None


def title_of(ctx: PmsContext, text: str) -> str:
    return f"{text} (SAMPLE data)" if ctx.settings.fund.source == "sample" else text
