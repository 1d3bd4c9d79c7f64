-- The ledger needs a database of its own: Dagster and the ledger both keep their revision in a table `alembic_version`.
CREATE DATABASE ledger;
