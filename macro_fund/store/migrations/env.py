"""Alembic's entry point: runs the revisions on the connection, and in the transaction, that `open_ledger` passes."""

from __future__ import annotations

from alembic import context

from macro_fund.store.ledger_tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # SQLite can, too: a crash half way through a migration leaves nothing behind
)
with context.begin_transaction():
    context.run_migrations()
