"""docs/data-dictionary.md says what the catalogue and the settings say."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from pathlib import Path

import polars as pl
import pytest

from macro_fund.reports.dictionary import data_dictionary, publication_words, type_words
from macro_fund.settings import Publication, default_settings
from macro_fund.store.tables import FAILURES, QUARANTINE, TABLES, UTC_TIME, Column

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data-dictionary.md"
ALL = [*TABLES.values(), QUARANTINE, FAILURES]


def test_committed_page_is_what_the_catalogue_says():
    page = PAGE.read_text(encoding="utf-8")
    assert page == data_dictionary(ALL, default_settings().series), (
        "docs/data-dictionary.md is old: write it again with "
        "`.venv/bin/python -m macro_fund.reports.dictionary > docs/data-dictionary.md`"
    )


def test_every_table_column_and_series_is_on_the_page():
    page = data_dictionary(ALL, default_settings().series)
    for table in ALL:
        chapter = page.split(f"### {table.key}\n")[1].split("\n### ")[0]
        for name, column in table.columns.items():
            assert f"| `{name}` |" in chapter
            assert column.description.replace("|", "/") in chapter
    for s in default_settings().series:
        assert f"| `{s.id}` | `{s.code}` |" in page


def test_a_changed_column_changes_the_page():
    nav = TABLES["pms/nav"]
    other = replace(nav, columns={**nav.columns, "nav_brl": Column(pl.Float64, "something else", nullable=True)})
    assert "| `nav_brl` | decimal, 2 places |  | opening + pnl |" in data_dictionary([nav], [])
    assert "| `nav_brl` | float | yes | something else |" in data_dictionary([other], [])


def test_provenance_is_marked_as_outside_the_digest():
    page = data_dictionary([TABLES["bronze/fred"]], [])
    assert "when we asked (UTC) (not in the digest)" in page
    assert page.count("(not in the digest)") == 2


def test_no_cell_breaks_its_row():
    page = data_dictionary(ALL, default_settings().series)
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    widths = {line.count(" | ") + 1 for line in rows}
    assert widths == {4, 12}


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        (pl.String, "text"),
        (pl.Int8, "integer"),
        (UTC_TIME, "time, UTC"),
        (pl.Decimal(20, 2), "decimal, 2 places"),
        (pl.List(pl.Struct({"share": pl.Float64})), "list of {share: float}"),
    ],
)
def test_types_in_words(dtype: pl.DataType, words: str):
    assert type_words(dtype) == words


def test_a_type_without_words_is_an_error():
    with pytest.raises(ValueError, match="add it to type_words"):
        type_words(pl.Binary)


def test_publication_in_words():
    rule = Publication(kind="after_period", n=11, at=time(9), calendar="anbima")
    words = "11 days after the period ends, or the next business day (anbima), 09:00 America/Sao_Paulo"
    assert publication_words(rule) == words
