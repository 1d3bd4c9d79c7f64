"""The lake: plain Parquet, one file per table and partition key, written atomically with a content digest.

Belongs here: paths, validation against `tables.py`, atomic writes, digests, reads by key. Does not belong here: what a
table means (domain packages) or SQL views over it (`warehouse.py`).

Layout: `<root>/<table key>/<YYYY-MM-DD>.parquet`, so that DuckDB, polars, pandas or Spark read it with a glob.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from macro_fund.store.table import Table
from macro_fund.store.tables import PROVENANCE, TABLES


class LakeError(ValueError):
    """A frame does not fit its table, or a file of the lake cannot be read; the message names both and the remedy."""


def shape_problems(table: Table, frame: pl.DataFrame) -> list[str]:
    """What is wrong with the frame's shape, in words; empty when it may be written.

    Tested: columns and types as declared, no null where none is allowed, no NaN or infinity, unique sort key.
    """
    missing = [c for c in table.schema if c not in frame.columns]
    extra = [c for c in frame.columns if c not in table.schema]
    if missing or extra:
        return [f"columns missing: {missing}" if missing else "", f"columns unknown: {extra}" if extra else ""]
    problems = [
        f"{name} is {frame.schema[name]}, must be {dtype}"
        for name, dtype in table.schema.items()
        if frame.schema[name] != dtype
    ]
    if problems:
        return problems
    nulls = frame.select(pl.col(table.required).null_count()).row(0, named=True)
    problems += [f"{name} has {n} nulls" for name, n in nulls.items() if n]
    infinite = {name: _not_finite(column) for name, column in _float_columns(frame)}
    problems += [f"{name} has {n} NaN or infinite values" for name, n in infinite.items() if n]
    if table.unique and frame.height:
        twice = frame.select(pl.struct(table.sort).is_duplicated().sum()).item()
        if twice:
            example = frame.filter(pl.struct(table.sort).is_duplicated()).select(table.sort).row(0)
            problems.append(f"{twice} rows share the key {table.sort}, e.g. {example}")
    return problems


def _float_columns(frame: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    """Every float of the frame with its name; fields of nested columns as column.field."""
    for column in frame:
        values = column
        while isinstance(values.dtype, pl.List):
            values = values.explode()
        if isinstance(values.dtype, pl.Struct):
            for name, field in _float_columns(values.struct.unnest()):
                yield f"{column.name}.{name}", field
        elif values.dtype.is_float():
            yield column.name, values


def _not_finite(values: pl.Series) -> int:
    return int((~values.is_finite()).sum())


def content_digest(table: Table, frame: pl.DataFrame) -> str:
    """SHA-256 of the sorted rows without provenance: equal content gives an equal digest on any machine."""
    kept = frame.select([c for c in table.schema if c not in PROVENANCE])
    buffer = io.BytesIO()
    buffer.write(",".join(kept.columns).encode())
    kept.write_ndjson(buffer)
    return hashlib.sha256(buffer.getbuffer()).hexdigest()


def tidy(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame's columns in the table's order, sorted by its key (stable)."""
    return frame.select(list(table.schema)).sort(table.sort, maintain_order=True, nulls_last=True)


def write_file_atomically(path: Path, content: bytes) -> None:
    """Write to a temporary name beside `path`, fsync, rename: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as f:
        f.write(content)
        f.flush()
        os.fsync(f.fileno())
    temporary.replace(path)


class Lake:
    """Reads and writes the tables of `tables.py` under one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, table_key: str, key: date) -> Path:
        return self.root / table_key / f"{key.isoformat()}.parquet"

    def keys(self, table_key: str, upto: date | None = None) -> list[date]:
        """Partition keys present, in order."""
        found = sorted(date.fromisoformat(p.stem) for p in (self.root / table_key).glob("[0-9]*.parquet"))
        return found if upto is None else [k for k in found if k <= upto]

    def write(self, table: Table, key: date, frame: pl.DataFrame, metadata: Mapping[str, str] | None = None) -> str:
        """Validate, sort and write one partition of `table`; returns its content digest.

        Raises LakeError when the frame does not fit the table: nothing is written then.
        """
        problems = [p for p in shape_problems(table, frame) if p]
        if problems:
            raise LakeError(f"{table.key} {key}: {'; '.join(problems)}; nothing was written")
        frame = tidy(table, frame)
        digest = content_digest(table, frame)
        buffer = io.BytesIO()
        frame.write_parquet(
            buffer,
            compression="zstd",
            metadata={"digest": digest, "table": table.key, "key": key.isoformat(), **(metadata or {})},
        )
        write_file_atomically(self.path(table.key, key), buffer.getvalue())
        return digest

    def metadata(self, table_key: str, key: date) -> dict[str, str]:
        """Metadata written with the partition: digest, table, key and what the writer added."""
        path = self.path(table_key, key)
        try:
            found = pl.read_parquet_metadata(path)
        except FileNotFoundError:
            raise LakeError(f"{table_key} has no partition {key}: materialize it first ({path})") from None
        except (pl.exceptions.PolarsError, OSError) as error:
            raise LakeError(f"{table_key}: cannot read {path}: {error}; rerun {key}") from error
        if "digest" not in found:
            raise LakeError(f"{table_key}: {path} was not written by the lake (it has no digest); rerun {key}")
        return found

    def digest(self, table_key: str, key: date) -> str:
        return self.metadata(table_key, key)["digest"]

    def read(
        self,
        table_key: str,
        upto: date | None = None,
        *,
        only: Iterable[date] | None = None,
        table: Table | None = None,
        columns: Sequence[str] | None = None,
        where: pl.Expr | None = None,
    ) -> pl.DataFrame:
        """All rows of the partitions with key <= `upto` (or exactly the keys in `only`), sorted by the table's key.

        A table without files gives an empty frame of its schema. `where` keeps some rows; with `columns` only those are
        given, in file order.
        """
        shape = table or TABLES[table_key]
        keys = self.keys(table_key, upto) if only is None else [k for k in only if self.path(table_key, k).exists()]
        if not keys:
            return shape.empty() if columns is None else shape.empty().select(columns)
        files = [self.path(table_key, k) for k in keys]
        try:
            rows = pl.scan_parquet(files, schema=dict(shape.schema), hive_partitioning=False)
            rows = rows if where is None else rows.filter(where)
            frame = (rows if columns is None else rows.select(columns)).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise LakeError(f"{table_key}: cannot read {files[0].parent}: {error}; rerun the damaged keys") from error
        return frame if columns is not None else frame.sort(shape.sort, maintain_order=True, nulls_last=True)

    def size(self, table_key: str) -> int:
        """Number of partitions."""
        return len(self.keys(table_key))
