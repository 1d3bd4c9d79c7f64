"""Pictures: the same table gives the same bytes, another table another picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

import polars as pl
import pytest

from macro_fund.orchestration.graph import NODES
from macro_fund.orchestration.silver_dbt import PICTURES
from macro_fund.store.table import Table
from macro_fund.store.tables import TABLES

DRAWN = sorted([(n.key, n.plot) for n in NODES if n.plot is not None] + list(PICTURES.items()))
FIRST = date(2024, 4, 1)
COUNTED = {"silver/observations"}  # rows are counted, whatever they say
# Columns by which pictures choose rows or group them.
NAMES = {
    "scope": ("total",),
    "status": ("ok", "warn", "breach"),
    "method": ("historical", "parametric"),
    "period": ("inception",),
    "kind": ("clean", "rate", "price"),
}
# The same of one table.
OF_TABLE = {"risk/stress": {"kind": ("scenario", "replay", "correlation")}}
FIXED = {"threshold"}  # a loss is drawn as a share of it: both times three is the same picture
LEVELS = {"risk/var": 0.99, "risk/var_record": 0.99}


def made(table: Table, scale: float = 1.0, names: Mapping[str, Sequence[str]] | None = None) -> pl.DataFrame:
    """Sixty days of three rows each, with numbers that move. names: what columns of names hold, instead of `NAMES`."""

    def cell(name: str, kind: pl.DataType, n: int) -> object:
        if kind == pl.Date:
            return FIRST + timedelta(days=n // 3)
        if kind == pl.String:
            words = (NAMES | OF_TABLE.get(table.key, {}) | dict(names or {})).get(name, ("a", "b", "c"))
            return words[n % len(words)]
        if kind == pl.Boolean:
            return n % 2 == 0
        if name == "level" and table.key in LEVELS:
            return LEVELS[table.key]
        if name in ("tenor_bd", "tenor_years", "level"):
            return {"tenor_bd": 21, "tenor_years": 0.5, "level": 0.3}[name] * (1 + n % 3)
        return scale * (1 + n % 7) if kind.is_float() else int(scale * (1 + n % 5))

    plain = {n: t for n, t in table.schema.items() if t.is_numeric() or t in (pl.Date, pl.String, pl.Boolean)}
    rows = {n: [cell(n, t, i) for i in range(180)] for n, t in plain.items()}
    empty = [pl.lit(None, t).alias(n) for n, t in table.schema.items() if n not in plain]
    return pl.DataFrame(rows).with_columns(empty).select([pl.col(n).cast(t) for n, t in table.schema.items()])


@pytest.mark.parametrize(("key", "draw"), DRAWN, ids=[k for k, _ in DRAWN])
def test_a_picture_is_its_table_s(key: str, draw: Callable[[pl.DataFrame], bytes]):
    table = TABLES[key]
    picture = draw(made(table))
    assert picture.startswith(b"\x89PNG")
    assert picture == draw(made(table)), "the same table gives the same bytes"
    nothing = draw(table.empty())
    assert picture != nothing
    other = made(table).with_columns(
        pl.when(pl.int_range(pl.len()) % 2 == 0).then(c * 3).otherwise(c).name.keep()
        for c in (
            pl.col(n)
            for n, t in table.schema.items()
            if (t.is_float() or t.is_decimal()) and n not in {*table.sort, *FIXED}
        )
    )
    moved = other.with_columns(pl.col(n) * 3 for n, t in table.schema.items() if t.is_integer() and n not in table.sort)
    if key in COUNTED:
        moved = moved.gather_every(2)
    assert draw(moved) != picture, "another table gives another picture"
