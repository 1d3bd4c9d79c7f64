"""Alembic migrations of the ledger, part of the installed package; `ledger.open_ledger` runs them."""
