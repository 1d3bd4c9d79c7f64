"""The kill switch's commands: switch throw, reset, show.

Belongs here: options and messages. Does not belong here: any rule (store/ledger_switch.py) or what a thrown switch does
to proposals (`gate.py`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from macro_fund.pms import approval, show
from macro_fund.pms.context import AsJson, Open, Person, PmsContext, title_of, told
from macro_fund.store.ledger_switch import SwitchAction

Why = Annotated[str, typer.Option("--note", help="Why; mandatory, it goes into the journal.")]


def commands(open_context: Open) -> typer.Typer:
    """The commands as an app to add; `open_context` is called once a command, after the options are read."""
    app = typer.Typer(help="The kill switch: while it is thrown, only less risk is approved.", no_args_is_help=True)

    @app.command("throw")
    def throw(person: Person = "", note: Why = "", as_json: AsJson = False) -> None:
        """Throw it: at once, by anyone, with a reason."""
        with told(open_context) as ctx:
            _record(ctx, "throw", person, note, as_json)

    @app.command("reset")
    def reset(person: Person = "", note: Why = "", as_json: AsJson = False) -> None:
        """Reset it: by another person than the one who threw it."""
        with told(open_context) as ctx:
            _record(ctx, "reset", person, note, as_json)

    @app.command("show")
    def show_(as_json: AsJson = False) -> None:
        """Whether it is thrown, and every throw and reset so far."""
        with told(open_context) as ctx:
            _show(ctx, as_json)

    return app


def _record(ctx: PmsContext, action: SwitchAction, person: str, note: str, as_json: bool) -> None:
    event = approval.switch(ctx.desk(person), action, note=note)
    if as_json:
        typer.echo(show.as_json(event))
    elif action == "throw":
        typer.echo(
            f"The kill switch is thrown by {event['person']}. From now on only trades that reduce risk are approved, "
            "and the next session proposes no others. What was approved before stands. Another person resets it: "
            "macro-fund switch reset --note TEXT"
        )
    else:
        typer.echo(
            f"The kill switch is reset by {event['person']}. Drawdown is measured from the newest NAV on; the next "
            "session proposes freely again, unless a limit or another breaker forbids it."
        )


def _show(ctx: PmsContext, as_json: bool) -> None:
    events, thrown = ctx.ledger.switch_events(), ctx.ledger.thrown()
    if as_json:
        typer.echo(show.as_json({"thrown": thrown is not None, "events": events.to_dicts()}))
        return
    if events.is_empty():
        typer.echo("The kill switch is not thrown, and never was.")
        return
    rows = [
        (str(e["number"]), e["action"], e["person"], show.local(e["recorded_at"]), e["note"])
        for e in events.iter_rows(named=True)
    ]
    out = show.console()
    columns = ("event", "action", "person", "Sao Paulo time", "note")
    out.print(show.table(title_of(ctx, "Kill switch"), columns, rows, right=("event",)))
    out.print("It is THROWN: only trades that reduce risk are approved." if thrown else "It is not thrown.")
