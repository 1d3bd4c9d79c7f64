"""Both databases refuse to change, delete or replace a row of any table of the ledger, whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest
import sqlalchemy as sa

from macro_fund.store.ledger import Ledger, open_ledger
from macro_fund.store.ledger_tables import METADATA
from macro_fund_tests.store.conftest import NewUrl
from macro_fund_tests.store.stories import every_kind, run_sql

TABLES = sorted(METADATA.tables)


def keys(table: str) -> list[list[str]]:
    """Columns that no two rows share: the primary key, and each unique one."""
    found = METADATA.tables[table]
    unique = [[c.name for c in u.columns] for u in found.constraints if isinstance(u, sa.UniqueConstraint)]
    return [[c.name for c in found.primary_key], *unique]


def replacing(table: str, key: list[str]) -> str:
    """INSERT OR REPLACE of a row that is new but for this key."""
    others = {name for other in keys(table) for name in other} - set(key)
    columns = METADATA.tables[table].columns
    values = [("99" if c.type.python_type is int else "'new'") if c.name in others else c.name for c in columns]
    return f"INSERT OR REPLACE INTO {table} SELECT {', '.join(values)} FROM {table} LIMIT 1"


def with_rowid(table: str) -> str:
    """INSERT OR REPLACE of a row that is new, under the hidden number of another."""
    new = {name for key in keys(table) for name in key}
    columns = METADATA.tables[table].columns
    values = [("99" if c.type.python_type is int else "'new'") if c.name in new else c.name for c in columns]
    names = ", ".join(c.name for c in columns)
    return f"INSERT OR REPLACE INTO {table} (rowid, {names}) SELECT rowid, {', '.join(values)} FROM {table} LIMIT 1"


@pytest.fixture
def told(new_url: NewUrl) -> Iterator[tuple[str, Ledger]]:
    url = new_url()
    ledger = open_ledger(url)
    every_kind(ledger)
    yield url, ledger
    ledger.close()


def test_rows_can_be_neither_changed_nor_deleted(told: tuple[str, Ledger], kind: str) -> None:
    url, ledger = told
    for table in TABLES:
        column = METADATA.tables[table].columns.values()[1].name
        key = keys(table)[0][0]
        statements = {
            f"UPDATE {table} SET {column} = {column}": "UPDATE",
            f"DELETE FROM {table}": "DELETE",
            f"INSERT INTO {table} SELECT * FROM {table} WHERE true ON CONFLICT ({key}) DO UPDATE SET {column} = "
            f"excluded.{column}": "(UPDATE|REPLACE)",
        }
        if kind == "sqlite":
            statements |= {replacing(table, k): "REPLACE" for k in keys(table)} | {with_rowid(table): "REPLACE"}
            statements[f"UPDATE OR REPLACE {table} SET {column} = {column}"] = "UPDATE"
        else:
            statements[f"TRUNCATE {table} CASCADE"] = "TRUNCATE"
        for statement, verb in statements.items():
            with pytest.raises(sa.exc.DBAPIError, match=f"the ledger is append-only: \\w+ takes no {verb}"):
                run_sql(url, statement)
    assert ledger.verify_journal() == []


def test_every_table_has_a_row_to_defend(told: tuple[str, Ledger]) -> None:
    url, _ = told
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as conn:
        empty = [t for t in TABLES if conn.scalar(sa.text(f"SELECT count(*) FROM {t}")) == 0]
    assert empty == [], "stories.every_kind must write a row of each table"


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_a_session_that_plays_a_replica_is_refused_too(told: tuple[str, Ledger]) -> None:
    for table in TABLES:
        with pytest.raises(sa.exc.DBAPIError, match=f"append-only: {table} takes no DELETE"):
            run_sql(told[0], "SET session_replication_role = replica", f"DELETE FROM {table}")


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_a_role_that_does_not_own_the_tables_can_work_but_not_unlock_them(url: str) -> None:
    """The grants of docs/guide/operate.md."""
    role = f"clerk_{uuid4().hex}"
    run_sql(
        url,
        f"CREATE ROLE {role} LOGIN",
        f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT UPDATE ON journal TO {role}",
    )
    clerk = sa.make_url(url).set(username=role).render_as_string(hide_password=False)
    ledger = open_ledger(clerk)
    every_kind(ledger)
    assert ledger.verify_journal() == []
    ledger.close()
    for statement, words in {
        "UPDATE journal SET kind = 'x'": "append-only: journal takes no UPDATE",
        "DELETE FROM fills": "permission denied for table fills",
        "ALTER TABLE fills DISABLE TRIGGER ALL": "must be owner of table fills",
        "DROP TRIGGER journal_append_only ON journal": "must be owner of relation journal",
        "SET session_replication_role = replica": "permission denied to set parameter",
    }.items():
        with pytest.raises(sa.exc.DBAPIError, match=words):
            run_sql(clerk, statement)
