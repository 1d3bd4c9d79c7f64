"""Revision 0009: notes and lessons of people, append-only like the tables before (revisions 0001 and 0005)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = "notes"
_ID = sa.String(64)


def _create() -> None:
    op.create_table(
        TABLE,
        sa.Column("note_id", _ID, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("about", sa.String(16), nullable=False),
        sa.Column("subject", _ID, nullable=False),
        sa.Column("proposal_id", _ID, sa.ForeignKey("proposals.proposal_id")),
        sa.Column("person", sa.String(128), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('note', 'lesson') AND person <> '' AND text <> ''", name="notes_words"),
        sa.CheckConstraint(
            "about IN ('proposal', 'decision', 'trade', 'session') AND (proposal_id IS NULL) = (about = 'session')",
            name="notes_about",
        ),
    )


def _sqlite_triggers() -> None:
    """INSERT OR REPLACE deletes without firing a DELETE trigger, so a key that exists is refused on INSERT as well."""
    message = f"the ledger is append-only: {TABLE} takes no"
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{message} {verb}'); END"
        )
    op.execute(
        f"CREATE TRIGGER {TABLE}_no_replace BEFORE INSERT ON {TABLE} "
        f"WHEN EXISTS (SELECT 1 FROM {TABLE} WHERE note_id = NEW.note_id OR rowid = NEW.rowid) "
        f"BEGIN SELECT RAISE(ABORT, '{message} REPLACE'); END"
    )


def _postgres_triggers() -> None:
    """The function is that of revision 0001; ALWAYS: also in a session that plays a replica."""
    op.execute(
        f"CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only()"
    )
    op.execute(f"ALTER TABLE {TABLE} ENABLE ALWAYS TRIGGER {TABLE}_append_only")


def upgrade() -> None:
    _create()
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgres_triggers()


def downgrade() -> None:
    raise RuntimeError("the ledger is append-only: to go back, open a copy of the file from before the upgrade")
