"""Stores: the lake (Parquet), the warehouse (DuckDB views), the raw archive, the ledger (SQL) and the tables' shapes.

Belongs here: keeping and giving back. Does not belong here: what the kept numbers mean.
"""
