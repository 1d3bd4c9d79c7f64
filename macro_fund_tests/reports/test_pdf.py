"""Paper: the same bytes each time, every number on it, and tables that end with the page."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from macro_fund.reports.pdf import to_pdf
from macro_fund_tests.pictures import blank_pictures
from macro_fund_tests.reports.test_pack import DAY, Frames, frames, pack_of, rows  # noqa: F401 (frames is a fixture)


@pytest.fixture(autouse=True, scope="module")
def _blank() -> Iterator[None]:
    with blank_pictures():
        yield


WRITTEN = datetime(2024, 4, 2, 11, 55, tzinfo=UTC)


def streams(paper: bytes) -> list[bytes]:
    """What is drawn, page by page."""
    found = (zlib.decompress(s) for s in re.findall(rb"/FlateDecode.*?stream\n(.*?)\nendstream", paper, re.DOTALL))
    return [s for s in found if b" Tf" in s]


def test_the_same_pack_is_the_same_file(frames: Frames) -> None:  # noqa: F811
    paper = to_pdf(pack_of(frames), "pt", WRITTEN)
    assert paper == to_pdf(pack_of(frames), "pt", WRITTEN)
    assert paper.startswith(b"%PDF-")
    assert b"D:20240402115500" in paper
    assert paper != to_pdf(pack_of(frames), "en", WRITTEN)
    frames["pms/nav"] = frames["pms/nav"].with_columns(fund_index=1.5)
    assert paper != to_pdf(pack_of(frames), "pt", WRITTEN)


def test_long_tables_go_on_with_their_head_on_the_next_page(frames: Frames) -> None:  # noqa: F811
    failed = [
        {"session": DAY, "asset": f"silver/t{k}", "check": "shape", "passed": False, "blocking": True,
         "detail": f"{'w' * 150} bad"}
        for k in range(120)
    ]  # fmt: skip
    few = streams(to_pdf(pack_of(frames), "en", WRITTEN))
    frames["quality/verdicts"] = rows("quality/verdicts", *failed)
    many = streams(to_pdf(pack_of(frames), "en", WRITTEN))
    assert len(many) >= len(few) + 3


def test_the_mark_is_on_every_page(frames: Frames) -> None:  # noqa: F811
    drawn = streams(to_pdf(pack_of(frames), "en", WRITTEN))
    plain = streams(to_pdf(pack_of(frames, watermark=""), "en", WRITTEN))
    mark = b"0.78"  # red of the mark, 200 of 255
    assert [p.count(mark) > q.count(mark) for p, q in zip(drawn, plain, strict=True)] == [True] * len(drawn)


def test_nothing_is_lost_for_want_of_a_glyph(frames: Frames) -> None:  # noqa: F811
    from fpdf import FPDF
    from matplotlib import get_data_path

    from macro_fund.reports.words import phrases

    page = FPDF()
    page.add_font("f", "", f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf")
    page.set_font("f")
    letters = {c for told in phrases().values() for text in told.values() for c in text} | set("–→•·")
    assert [c for c in letters if ord(c) not in page.fonts["f"].cmap] == []
    assert len(letters) > 50
