"""docs/data-dictionary.md says what the catalogue and the settings say."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, time
from itertools import groupby
from pathlib import Path

import polars as pl
import pytest

from macro_fund.reports.dictionary import data_dictionary, publication_words, type_words
from macro_fund.settings import Publication, default_settings
from macro_fund.store.table import UTC_TIME, Column
from macro_fund.store.tables import FAILURES, QUARANTINE, TABLES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data-dictionary.md"
# Between two cells; a cell's own bar has a backslash before it.
CELL = re.compile(r" \| ")
ALL = [*TABLES.values(), QUARANTINE, FAILURES]


def test_committed_page_is_what_the_catalogue_says():
    page = PAGE.read_text(encoding="utf-8")
    assert page == data_dictionary(ALL, default_settings().series), (
        "docs/data-dictionary.md is old: write it again with "
        "`.venv/bin/python -m macro_fund.reports.dictionary > docs/data-dictionary.md`"
    )


def escaped(text: str) -> str:
    """Text as it stands in a cell."""
    return text.replace("|", r"\|")


def test_every_table_and_column_is_on_the_page():
    page = data_dictionary(ALL, [])
    for table in ALL:
        chapter = page.split(f"### {table.key}\n")[1].split("\n### ")[0]
        for name, column in table.columns.items():
            assert f"| `{name}` |" in chapter
            assert escaped(column.description) in chapter


def test_every_series_is_on_the_page_with_everything_of_the_catalogue():
    """Read back: what a provider's list says of all its series, a table's number or its own words of one."""
    page = data_dictionary([], default_settings().series)
    for source in {s.source for s in default_settings().series}:
        chapter = page.split(f"### {source}\n")[1].split("\n### ")[0]
        said = dict(line[2:].split(": ", 1) for line in chapter.splitlines() if line.startswith("* "))
        head, _, *rows = [CELL.split(line[2:-2]) for line in chapter.splitlines() if line.startswith("| ")]
        read = {row[0]: {**said, **dict(zip(head, row, strict=True))} for row in rows}
        series = default_settings().series_of(source)
        assert len(rows) == len(series)
        for s in series:
            got = read[f"`{s.id}`"]
            assert got["code"] == escaped(f"`{s.code}`")
            assert got["title"].startswith(escaped(s.title))
            assert escaped(s.notes) in got["title"]
            public = f"{publication_words(s.publication)}; basis: {s.publication.basis}"
            assert said.get(f"public {got['public']}", got["public"]) == public
            assert said.get(f"licence {got['licence']}", got["licence"]) == s.licence
            assert got["revised"] == ("yes" if s.revised else "no" if "revised" in said else "")
            assert (got["unit"], got["from"][:10]) == (escaped(s.unit), str(s.start))
            assert got["from"].endswith(str(s.ended or s.start))
            assert (got["range"], got["stale after"]) == (f"{s.low:,.10g} to {s.high:,.10g}", f"{s.max_age_days} d")
            assert got["frequency"][0] == {"A": "y", "E": "b"}.get(s.frequency, s.frequency.lower())


def test_the_page_stays_readable():
    assert PAGE.stat().st_size < 500_000


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
    grids = [list(lines) for is_row, lines in groupby(page.splitlines(), lambda x: x.startswith("| ")) if is_row]
    assert len(grids) == len(ALL) + len({s.source for s in default_settings().series})
    for grid in grids:
        assert {len(CELL.split(line)) for line in grid} == {len(CELL.split(grid[0]))}
        assert all(line.endswith(" |") for line in grid)


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
    before = publication_words(rule.model_copy(update={"n": -5}))
    assert before.startswith("5 days before the period ends, ")
    listed = publication_words(rule.model_copy(update={"release": "br_ipca"}))
    assert listed == f"the release day of config/releases (br_ipca), else {words}"


def test_a_series_that_has_ended_says_when():
    one = default_settings().series[0].model_copy(update={"ended": date(2020, 5, 1)})
    assert f"* from: {one.start} to 2020-05-01" in data_dictionary([], [one])
