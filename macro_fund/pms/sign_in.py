"""Signing in: who sits at this home's command line, until when.

Belongs here: the file `signed_in.json`, and who acts when a command is typed. Does not belong here: users and passwords
(`people.py`), what they may do (`approval.py`).

The file has a random token, a name and an expiry, sealed with an HMAC whose key is the user's password hash: a changed
name or hour breaks the seal, and a new password or a removed user ends the sign-in. It stops a slip and another account
of the machine, not somebody who can read this account's files.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from macro_fund.pms.people import (
    Actor,
    PeopleError,
    User,
    alone,
    check_password,
    known_user,
    load_users,
    read_private,
    write_private,
)
from macro_fund.store.content import canonical_json
from macro_fund.store.ledger_words import same_person

FILE = "signed_in.json"
LASTS = timedelta(hours=10)  # from before the morning run until after 18:00


def sign_in(home: Path, name: str, password: str, now: datetime) -> tuple[User, datetime]:
    """Sign a user in, in place of whoever was; returns the user and when it ends. PeopleError for a wrong password."""
    users = load_users(home)
    if not users:
        raise PeopleError("this fund has no users yet: macro-fund user add NAME --role pm")
    user = known_user(users, name)
    if not check_password(user, password):
        raise PeopleError(f"the password is not {user.name}'s; `macro-fund user passwd` changes it")
    expires = now.astimezone(UTC) + LASTS
    body = {"name": user.name, "token": secrets.token_hex(32), "expires_at": expires.isoformat()}
    write_private(home / FILE, {**body, "seal": _seal(user, body)})
    return user, expires


def sign_out(home: Path) -> bool:
    """End the sign-in; whether there was one."""
    there = (home / FILE).exists()
    (home / FILE).unlink(missing_ok=True)
    return there


def signed_in(home: Path, now: datetime) -> tuple[User, datetime]:
    """The signed-in user and when it ends; PeopleError when nobody is, it has ended, or the file was changed."""
    path = home / FILE
    if not path.exists():
        raise PeopleError("nobody is signed in: macro-fund sign-in NAME")
    again = "sign in again: macro-fund sign-in NAME"
    try:
        body = json.loads(read_private(path))
        seal, name, expires = str(body.pop("seal")), str(body["name"]), datetime.fromisoformat(body["expires_at"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, PeopleError):
            raise
        raise PeopleError(f"{path} is damaged; {again}") from None
    user = load_users(home).get(name)
    if user is None or not hmac.compare_digest(seal, _seal(user, body)):
        raise PeopleError(f"{path} is not what was written at the sign-in, or the password has changed since; {again}")
    if now >= expires:
        raise PeopleError(f"the sign-in of {name} ended at {expires:%Y-%m-%d %H:%M} UTC; {again}")
    return user, expires


def actor(home: Path, source: str, name: str, now: datetime) -> Actor:
    """Who acts when a command is typed with `--as name` (empty: without).

    A fund with users knows the signed-in one only. Without users a sample fund takes the name as it is; any other fund
    takes no decision. What stands in the way is the actor's `problem`, so that the refusal can be journalled.
    """
    given = alone(name)
    try:
        if not load_users(home):
            if source == "sample":
                return given
            raise PeopleError(
                f"decisions of a fund on {source} data are signed: macro-fund user add NAME --role pm, then "
                "macro-fund sign-in NAME"
            )
        user, _ = signed_in(home, now)
        if given.name and not same_person(given.name, user.name):
            raise PeopleError(f"{user.name} is signed in, not {given.name}: leave --as out, or sign in as {given.name}")
    except PeopleError as error:
        return Actor(given.name, frozenset(), problem=str(error))
    return Actor(user.name, frozenset({user.role}), signed=True)


def _seal(user: User, body: dict[str, str]) -> str:
    return hmac.new(bytes.fromhex(user.password), canonical_json(body).encode(), hashlib.sha256).hexdigest()
