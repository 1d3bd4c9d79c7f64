"""Opening the ledger's database: engine, pragmas, and the upgrade to the newest revision.

Belongs here: everything that differs between SQLite and Postgres when a connection is made, and when migrations run.
Does not belong here: the revisions themselves (`migrations/`) or what is recorded (`ledger.py`).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

HEAD = "0009"  # newest revision in migrations/versions; known here so that opening need not import Alembic
_MIGRATIONS = Path(__file__).parent / "migrations"
_DIALECTS = ("sqlite", "postgresql")
BUSY_TIMEOUT_S = 30.0


class LedgerError(ValueError):
    """The ledger refuses, or cannot do, what was asked; the message says what to do instead."""


def engine_for(url: str) -> sa.Engine:
    """An engine for a SQLite file (made with its folder if missing) or Postgres; LedgerError for anything else."""
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise LedgerError("the ledger's address is not a URL; write sqlite:///PATH or postgresql://...") from None
    dialect = parsed.get_backend_name()
    if dialect not in _DIALECTS:
        raise LedgerError(f"a ledger on {dialect} is not supported; use one of: {', '.join(_DIALECTS)}")
    if dialect == "postgresql":
        return sa.create_engine(parsed, pool_pre_ping=True)
    if parsed.database in (None, "", ":memory:"):
        raise LedgerError(f"a ledger must outlive the process: {url} names no file; write sqlite:///PATH")
    Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, poolclass=sa.NullPool, connect_args={"timeout": BUSY_TIMEOUT_S})
    sa.event.listen(engine, "connect", _sqlite_pragmas)
    sa.event.listen(engine, "begin", _sqlite_begin)
    return engine


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver must not start transactions of its own: _sqlite_begin does
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "recursive_triggers=ON"):
        connection.execute(f"PRAGMA {pragma}")
    _use_wal(connection)


def _use_wal(connection: Any) -> None:
    """Switch a new file to write-ahead logging. SQLite refuses the switch at once while another process makes the same
    file (its busy timeout does not cover it), so it is tried again until the other has done it."""
    import tenacity

    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(sqlite3.OperationalError),
        wait=tenacity.wait_random(0.01, 0.05),
        stop=tenacity.stop_after_delay(BUSY_TIMEOUT_S),
        reraise=True,
    )
    for attempt in attempts:
        with attempt:
            if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                connection.execute("PRAGMA journal_mode=WAL")


def _sqlite_begin(conn: sa.Connection) -> None:
    """Writers take the lock at once: two of them must not both read the journal's head before one writes."""
    write = conn.get_execution_options().get("ledger_write", False)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _revision(conn: sa.Connection) -> str | None:
    if not sa.inspect(conn).has_table("alembic_version"):
        return None
    found: str | None = conn.scalar(sa.text("SELECT version_num FROM alembic_version"))
    return found


def upgrade_to_head(engine: sa.Engine) -> None:
    """Bring the database to the newest revision in one transaction; nothing is imported or locked when it is there.

    Raises LedgerError when it is not a database, cannot be reached or is newer than this code.
    """
    where = engine.url.render_as_string(hide_password=True)
    try:
        with engine.connect() as conn:
            if _revision(conn) == HEAD:
                return
        with engine.connect() as conn:
            conn.execution_options(ledger_write=True)
            with conn.begin():
                _upgrade(conn, where)
    except sa.exc.DatabaseError as error:
        raise LedgerError(
            f"{where}: cannot open the ledger: {error.orig}; check the address, or restore the file from a backup"
        ) from error


def _upgrade(conn: sa.Connection, where: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    if conn.dialect.name == "postgresql":
        conn.execute(sa.text("SELECT pg_advisory_xact_lock(7318342)"))  # one upgrader at a time; SQLite is locked
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = conn
    current = _revision(conn)
    known = {s.revision for s in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise LedgerError(f"{where} is at revision {current}, which this version does not know: upgrade macro_fund")
    command.upgrade(config, "head")
