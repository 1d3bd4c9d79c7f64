"""The commands about people: user add, list, remove, passwd; sign-in, sign-out, whoami.

Belongs here: options, asking for passwords, messages. Does not belong here: any rule (`people.py`, `sign_in.py`).
"""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from macro_fund.pms import people, show, sign_in
from macro_fund.pms.context import AsJson, Open, told

Name = Annotated[str, typer.Argument(help="The person's name, as it goes into the journal.")]


def attach(app: typer.Typer, open_context: Open) -> None:
    """Add the commands to `app`; `open_context` is called once a command, after the options are read."""
    app.add_typer(_users(open_context), name="user")

    @app.command("sign-in")
    def sign_in_(name: Name) -> None:
        """Sign in; the password is asked for, or read from standard input. Ends after ten hours."""
        with told(open_context) as ctx:
            user, ends = sign_in.sign_in(ctx.home, name, password(f"Password of {name}: "), ctx.now)
            typer.echo(f"{user.name} ({user.role}) is signed in until {show.local(ends)} Sao Paulo.")

    @app.command("sign-out")
    def sign_out() -> None:
        """End the sign-in."""
        with told(open_context) as ctx:
            typer.echo("Signed out." if sign_in.sign_out(ctx.home) else "Nobody was signed in.")

    @app.command("whoami")
    def whoami(as_json: AsJson = False) -> None:
        """Who is signed in, with which role, until when."""
        with told(open_context) as ctx:
            if not people.load_users(ctx.home) and ctx.settings.fund.source == "sample":
                nobody = "This sample fund has no users: whoever types decides, under the name given by --as."
                typer.echo(show.as_json(None) if as_json else nobody)
                return
            user, ends = sign_in.signed_in(ctx.home, ctx.now)
            facts = {"name": user.name, "role": user.role, "until": ends}
            typer.echo(
                show.as_json(facts) if as_json else f"{user.name} ({user.role}), until {show.local(ends)} Sao Paulo."
            )


def _users(open_context: Open) -> typer.Typer:
    app = typer.Typer(help="Who may decide: named people with roles.", no_args_is_help=True)

    @app.command("add")
    def add(
        name: Name, role: Annotated[str, typer.Option("--role", help="pm, risk, ops or viewer.")] = "viewer"
    ) -> None:
        """Add a person; the password is asked for, or read from standard input."""
        with told(open_context) as ctx:
            user = people.add_user(ctx.home, name, role, password(f"New password of {name}: ", twice=True))
            typer.echo(f"{user.name} is a user with role {user.role}. Next: macro-fund sign-in '{user.name}'")

    @app.command("list")
    def list_(as_json: AsJson = False) -> None:
        """Names and roles."""
        with told(open_context) as ctx:
            users = people.load_users(ctx.home)
            if as_json:
                typer.echo(show.as_json([{"name": u.name, "role": u.role} for u in users.values()]))
            elif not users:
                typer.echo("No users: macro-fund user add NAME --role pm")
            else:
                rows = [(u.name, u.role) for u in users.values()]
                show.console().print(show.table("Users", ("name", "role"), rows))

    @app.command("remove")
    def remove(name: Name) -> None:
        """Remove a person; what they decided stays in the ledger."""
        with told(open_context) as ctx:
            people.remove_user(ctx.home, name)
            typer.echo(f"{name} is no user any more.")

    @app.command("passwd")
    def passwd(name: Name) -> None:
        """Change a password; it ends the person's sign-in."""
        with told(open_context) as ctx:
            people.set_password(ctx.home, name, password(f"New password of {name}: ", twice=True))
            typer.echo(f"The password of {name} is changed: sign in again.")

    return app


def password(prompt: str, *, twice: bool = False) -> str:
    """Typed unseen at a terminal, where `twice` asks again; else the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    given = getpass.getpass(prompt)
    if twice and getpass.getpass("Again: ") != given:
        raise people.PeopleError("the two passwords differ: type the command again")
    return given
