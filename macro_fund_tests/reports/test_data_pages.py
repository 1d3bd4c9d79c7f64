"""The catalogue's and the quality page: all of it, escaped, in one file, with the frame's own numbers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from lxml import html

from macro_fund.reports.data_pages import HISTORY, MOST_ROWS, catalogue_page, quality_page
from macro_fund.settings import default_settings
from macro_fund.store.tables import TABLES

SERIES = default_settings().series
KEY = date(2024, 3, 8)
LIMIT = 3_000_000
ODD = '<script>alert("x")</script> & Co. "quoted" \'single\''
COUNTS = ["series", "overdue", "stale", "failed_requests", "refused_rows", "new_rows", "late_rows", "lag_rows"]


def _table(page: str, title: str) -> list[list[str]]:
    """Cells of the table under a heading, row by row, the head first."""
    found = html.fromstring(page).xpath(
        f'//h2[starts-with(normalize-space(), "{title}")]/following-sibling::*[1][self::table]'
    )
    return [[" ".join(c.text_content().split()) for c in row.xpath("./th|./td")] for t in found for row in t.iter("tr")]


def _source(name: str, score: float | None, missing: str = "", key: date = KEY, **more: int) -> dict[str, Any]:
    plain = {c: 0 for c in (*COUNTS, "revised_rows", "disagreements")}
    return {"session": key, "source": name, **plain, "score": score, "missing": missing, **more}


def _sources(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), TABLES["quality/sources"].schema)


def _compared(*rows: tuple[str, date, float, float, bool]) -> pl.DataFrame:
    filled = [(KEY, p, d, f"{p}_item", a, b, a - b, 0.1, ok) for p, d, a, b, ok in rows]
    return pl.DataFrame(filled, TABLES["quality/cross_source"].schema, orient="row")


def _revised(*rows: tuple[str, float, float, datetime]) -> pl.DataFrame:
    filled = [(KEY, i, date(2024, 1, 1), t, "vintage", t - timedelta(30), a, b, b - a, None) for i, a, b, t in rows]
    return pl.DataFrame(filled, TABLES["quality/revisions"].schema, orient="row")


def _page(sources: pl.DataFrame, compared: pl.DataFrame | None = None, revised: pl.DataFrame | None = None) -> str:
    nothing, none = _compared(), _revised()
    return quality_page(
        sources, nothing if compared is None else compared, none if revised is None else revised, KEY, "SAMPLE"
    )


# --- the catalogue


@pytest.fixture(scope="module")
def catalogue() -> str:
    return catalogue_page(SERIES)


def test_every_series_is_on_the_page_with_what_it_is(catalogue: str) -> None:
    rows = {r.xpath("./td[1]/code")[0].text_content(): r for r in html.fromstring(catalogue).xpath("//tbody/tr")}
    assert set(rows) == {s.id for s in SERIES}
    for s in SERIES:
        cells = [" ".join(c.text_content().split()) for c in rows[s.id].xpath("./td")]
        assert rows[s.id].get("data-source") == s.source
        for cell, part in (
            (0, s.code),
            (0, s.source),
            (1, s.title),
            (2, s.unit),
            (6, s.licence),
            (6, s.owner),
            (1, s.notes),
        ):
            assert " ".join(part.split()) in cells[cell], s.id
        assert str(s.start) in cells[3]
        assert s.publication.basis in cells[4]


def test_series_are_in_order_and_each_source_can_be_chosen(catalogue: str) -> None:
    page = html.fromstring(catalogue)
    ids = [c.text_content() for c in page.xpath("//tbody/tr/td[1]/code[1]")]
    assert ids == [s.id for s in sorted(SERIES, key=lambda s: (s.source, s.id))]
    assert page.xpath("//select/option/text()") == ["all sources", *sorted({s.source for s in SERIES})]
    assert f"{len(SERIES)} series of" in catalogue


def test_odd_words_are_words_and_no_markup() -> None:
    odd = SERIES[0].model_copy(
        update={"title": ODD, "notes": ODD, "unit": ODD, "code": ODD, "owner": ODD, "licence": ODD}
    )
    page = catalogue_page([odd])
    assert page.count("<script>") == 1  # the search box's own
    cells = html.fromstring(page).xpath("//tbody/tr/td")
    assert len(cells) == 7
    assert ODD in cells[1].text_content()
    assert cells[2].text == ODD


def test_an_ended_series_says_so() -> None:
    ended = SERIES[0].model_copy(update={"start": date(2010, 1, 1), "ended": date(2019, 9, 30)})
    assert "2010-01-01 to 2019-09-30" in catalogue_page([ended])


# --- the quality of a morning


def test_the_worst_source_is_first_and_one_without_series_last() -> None:
    rows = [_source("b", 1.0), _source("none", None), _source("a", 1.0), _source("c", 0.25), _source("d", 0.9)]
    table = _table(_page(_sources(*rows)), "Sources")
    assert [(r[0], r[1]) for r in table[1:]] == [
        ("c", "25%"),
        ("d", "90%"),
        ("a", "100%"),
        ("b", "100%"),
        ("none", "no series"),
    ]


def test_a_score_just_below_the_whole_is_not_shown_as_the_whole() -> None:
    table = _table(_page(_sources(_source("a", 0.999), _source("b", 0.29), _source("c", 1.0))), "Sources")
    assert [r[1] for r in table[1:]] == ["29%", "99%", "100%"]


def test_numbers_are_the_frames() -> None:
    row = _source("fred", 0.5, "x, y", revised_rows=9, disagreements=10, **{c: 1000 + n for n, c in enumerate(COUNTS)})
    table = _table(_page(_sources(row)), "Sources")
    assert table[1] == ["fred", "50%", *(f"1,00{n}" for n in range(8)), "9", "10", "x, y"]
    assert len(table[0]) == len(table[1])


def test_many_missing_series_are_shortened_with_their_number() -> None:
    names = [f"s{n}" for n in range(11)]
    table = _table(_page(_sources(_source("fred", 0.5, ", ".join(names)))), "Sources")
    assert table[1][-1] == "s0, s1, s2, s3, s4, s5, s6, s7 and 3 more"


def test_the_watermark_is_there_when_there_is_one() -> None:
    marked = html.fromstring(_page(_sources(_source("a", 1.0)))).xpath('//*[@class="mark"]')
    assert [m.text for m in marked] == ["SAMPLE"]
    plain = quality_page(_sources(_source("a", 1.0)), _compared(), _revised(), KEY, "")
    assert not html.fromstring(plain).xpath('//*[@class="mark"]')
    assert "2024-03-08" in html.fromstring(plain).xpath("//h1")[0].text_content()


def test_the_last_mornings_are_shown_by_source() -> None:
    days = [KEY - timedelta(days=n) for n in range(HISTORY + 4)]
    rows = [_source(n, 0.5 if d == days[1] else 1.0, key=d) for d in days for n in "ab" if (n, d) != ("b", days[2])]
    table = _table(_page(_sources(*rows)), "Last mornings")
    assert table[0] == ["source", *(f"{d:%d %b}" for d in reversed(days[:HISTORY]))]
    assert [r[0] for r in table[1:]] == ["a", "b"]
    assert table[2][-3:] == ["", "50%", "100%"]
    assert "Last mornings" not in _page(_sources(_source("a", 1.0)))


def test_disagreements_are_counted_and_the_newest_shown_first() -> None:
    compared = _compared(
        ("ipca", date(2024, 2, 1), 1.0, 1.0, True),
        ("ipca", date(2024, 1, 1), 1.25, 1.0, False),
        ("ptax", date(2024, 3, 7), 5.0, 5.5, False),
    )
    page = _page(_sources(_source("a", 1.0)), compared)
    assert _table(page, "One number, two sources")[1:] == [
        ["ipca", "2", "1", "0.25", "2024-02-01"],
        ["ptax", "1", "0", "0.5", "2024-03-07"],
    ]
    assert _table(page, "Newest disagreements")[1:] == [
        ["ptax", "2024-03-07", "ptax_item", "5", "5.5", "-0.5"],
        ["ipca", "2024-01-01", "ipca_item", "1.25", "1", "0.25"],
    ]


def test_the_newest_revisions_are_shown_and_all_are_counted() -> None:
    start = datetime(2024, 1, 1, 12, tzinfo=UTC)
    revised = _revised(*((f"s{n}", 1.0, 1.5, start + timedelta(hours=n)) for n in range(1234)))
    page = _page(_sources(_source("a", 1.0)), None, revised)
    table = _table(page, "Newest revisions")
    assert "(1,234 in all)" in page
    assert len(table) == MOST_ROWS + 1
    shown = ["s1233", "2024-01-01", "1", "1.5", "0.5", "2024-01-22 21:00", "2024-02-21 21:00", "vintage"]
    assert table[1] == shown
    assert len(table[0]) == len(shown)


def test_nothing_to_tell_is_said() -> None:
    page = _page(_sources(_source("a", 1.0)))
    assert "Nothing to compare yet." in page
    assert "No value has been revised." in page
    assert "Newest disagreements" not in page


def test_odd_names_are_words_on_the_quality_page() -> None:
    compared = _compared((ODD, date(2024, 2, 1), 1.0, 2.0, False))
    revised = _revised((ODD, 1.0, 2.0, datetime(2024, 1, 1, tzinfo=UTC)))
    page = _page(_sources(_source(ODD, 0.5, ODD)), compared, revised)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 5


# --- both


def _full() -> str:
    names = sorted({s.source for s in SERIES})
    rows = []
    for n in range(30):
        for name in names:
            missing = [s.id for s in SERIES if s.source == name]
            rows.append(_source(name, 0.0, ", ".join(missing), key=KEY - timedelta(days=n)))
    compared = _compared(*(("ptax", date(2010, 1, 1) + timedelta(days=n), 1.0, 2.0, False) for n in range(3000)))
    revised = _revised(*((s.id, 1.0, 2.0, datetime(2024, 1, 1, tzinfo=UTC)) for s in SERIES))
    return _page(_sources(*rows), compared, revised)


@pytest.mark.parametrize("which", ["catalogue", "quality"])
def test_one_small_file_that_asks_nobody(which: str, catalogue: str) -> None:
    page = catalogue if which == "catalogue" else _full()
    assert len(page.encode()) < LIMIT
    tree = html.fromstring(page)
    assert tree.xpath("//@src | //@href | //@action | //@srcset") == []
    assert tree.xpath("//link | //iframe | //img | //object") == []
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|import\(", page)
