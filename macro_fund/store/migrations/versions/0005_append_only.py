"""Revision 0005: what is append-only stays so against REPLACE by any key, and on Postgres in replica mode.

Until now SQLite's triggers looked at the primary key alone: INSERT OR REPLACE of a row with a new id, but with the
proposal of another decision or with the hidden rowid of another row, deleted that row without a word. The tables are
those that the database has, so that none is forgotten.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _unique_keys(inspector: sa.Inspector, table: str) -> list[tuple[str, ...]]:
    keys = [tuple(inspector.get_pk_constraint(table)["constrained_columns"])]
    keys += [tuple(str(c) for c in u["column_names"]) for u in inspector.get_unique_constraints(table)]
    return sorted({*keys, ("rowid",)})


def _sqlite(inspector: sa.Inspector, table: str) -> None:
    """Before an INSERT that does not name the rowid, NEW.rowid is -1, which no row has."""
    same = " OR ".join(
        "(" + " AND ".join(f"{c} = NEW.{c}" for c in key) + ")" for key in _unique_keys(inspector, table)
    )
    op.execute(f"DROP TRIGGER {table}_no_replace")
    op.execute(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
        f"BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: {table} takes no REPLACE'); END"
    )


def upgrade() -> None:
    bind = op.get_bind()
    inspector = sa.inspect(bind)
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        if bind.dialect.name == "sqlite":
            _sqlite(inspector, table)
        else:
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_append_only")


def downgrade() -> None:
    raise RuntimeError("the ledger is append-only: to go back, open a copy of the file from before the upgrade")
