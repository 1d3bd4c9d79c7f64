"""People: the users of a fund, their roles and passwords, in one private file of its home.

Belongs here: the file `users.json`, hashing. Does not belong here: who is signed in (`sign_in.py`), what a role may do
(`approval.py`).

Passwords are kept as scrypt hashes (RFC 7914; cost as OWASP advises for 16 MB) with a salt each. The file is readable
by its owner alone; a looser one is refused, since whoever can write it can make themselves anybody.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

Role = Literal["pm", "risk", "ops", "viewer"]
ROLES: tuple[Role, ...] = get_args(Role)

USERS_FILE = "users.json"
MIN_PASSWORD = 10  # characters
_SCRYPT = {"n": 2**14, "r": 8, "p": 5}
_PRIVATE = 0o600


class PeopleError(ValueError):
    """Something about users or signing in is refused; the message says what to do."""


@dataclass(frozen=True)
class User:
    """A named person with a role; salt and hash in hex."""

    name: str
    role: Role
    salt: str
    password: str


@dataclass(frozen=True)
class Actor:
    """Who asks for something. roles: what they may act as; problem: why they may decide nothing, empty when they may.

    signed: the name was proved by a password. An unsigned actor plays every role alone, in a sample fund without users.
    """

    name: str
    roles: frozenset[str]
    signed: bool = False
    problem: str = ""


def alone(name: str) -> Actor:
    """Somebody who only gave a name: every role, as long as a sample fund has no users."""
    return Actor(" ".join(name.split()), frozenset(ROLES))


def load_users(home: Path) -> dict[str, User]:
    """The users of a home by name, sorted; empty without a file. PeopleError when the file is loose or damaged."""
    path = home / USERS_FILE
    if not path.exists():
        return {}
    try:
        users = [User(**row) for row in json.loads(read_private(path))["users"]]
    except (ValueError, TypeError, KeyError) as error:
        if isinstance(error, PeopleError):
            raise
        raise PeopleError(f"{path} is damaged: restore it from a backup, or remove it and add users") from None
    return {u.name: u for u in sorted(users, key=lambda u: u.name)}


def add_user(home: Path, name: str, role: str, password: str) -> User:
    """Add a user; PeopleError: the name is taken (case and spaces aside), the role unknown, the password short."""
    users, name = load_users(home), " ".join(name.split())
    if not name:
        raise PeopleError("a user needs a name: macro-fund user add NAME --role ROLE")
    if any(_plain(name) == _plain(known) for known in users):
        raise PeopleError(f"{name} is a user already; `macro-fund user passwd` changes a password")
    if role not in ROLES:
        raise PeopleError(f"role {role!r} is unknown; allowed: {', '.join(ROLES)}")
    user = User(name, cast("Role", role), *_hashed(password))
    _save(home, {**users, name: user})
    return user


def remove_user(home: Path, name: str) -> None:
    """Remove a user, whose sign-in ends with it; what they decided stays in the ledger."""
    users = load_users(home)
    user = known_user(users, name)
    _save(home, {n: u for n, u in users.items() if n != user.name})


def set_password(home: Path, name: str, password: str) -> None:
    """Change a password, which ends the user's sign-in."""
    users = load_users(home)
    user = known_user(users, name)
    _save(home, {**users, user.name: User(user.name, user.role, *_hashed(password))})


def known_user(users: Mapping[str, User], name: str) -> User:
    """The user of that name, case and spaces aside; PeopleError when there is none."""
    for user in users.values():
        if _plain(user.name) == _plain(name):
            return user
    raise PeopleError(f"no user {name!r}; users: {', '.join(users) or 'none'} (`macro-fund user add`)")


def check_password(user: User, password: str) -> bool:
    """Whether the password is the user's; takes as long for a wrong one."""
    return hmac.compare_digest(_digest(password, bytes.fromhex(user.salt)), bytes.fromhex(user.password))


def read_private(path: Path) -> str:
    """Text of a file that only its owner can read; PeopleError with the remedy when others can."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise PeopleError(f"{path} can be read or changed by others (mode {mode:o}): chmod 600 '{path}'")
    return path.read_text(encoding="utf-8")


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON that only its owner can read, atomically; it is never looser, not even for a moment."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w", encoding="utf-8") as f:
        f.write(json.dumps(content, indent=2, ensure_ascii=False))
        f.flush()
        os.fsync(f.fileno())
    temporary.replace(path)


def _save(home: Path, users: Mapping[str, User]) -> None:
    write_private(home / USERS_FILE, {"users": [asdict(u) for _, u in sorted(users.items())]})


def _hashed(password: str) -> tuple[str, str]:
    if len(password) < MIN_PASSWORD:
        raise PeopleError(f"a password needs at least {MIN_PASSWORD} characters")
    salt = secrets.token_bytes(16)
    return salt.hex(), _digest(password, salt).hex()


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, maxmem=64 * 2**20, dklen=32, **_SCRYPT)


def _plain(name: str) -> str:
    return "".join(name.split()).casefold()
