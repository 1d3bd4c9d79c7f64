"""HTML to plain text, and the row of a document."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time

import polars as pl
import pytest

from macro_fund.settings import default_settings
from macro_fund.sources.http import Payload, Request
from macro_fund.sources.text import DOCUMENTS, fingerprint, instant, is_due, no_document, one_document, plain, tidy
from macro_fund.store.tables import PROVENANCE, TABLES


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>um</p><p>dois</p>", "um\ndois"),
        ("<p>linha\n   partida</p>", "linha partida"),
        ("<p>a<br>b<br/>c</p>", "a\nb\nc"),
        ("<p>as <em>commodities</em>, <b>em</b> alta</p>", "as commodities, em alta"),
        ("<div>antes<h3>A) T\u00edtulo</h3>depois</div>", "antes\nA) T\u00edtulo\ndepois"),
        ("<table><tr><td>IPCA</td><td>5,2</td></tr><tr><td>livres</td></tr></table>", "IPCA 5,2\nlivres"),
        ("<ul><li>um<li>dois</ul>", "um\ndois"),
        ("<p>Comit&ecirc;&#58; R$&nbsp;5 &amp; mais &lt;2&gt;</p>", "Comit\u00ea: R$ 5 & mais <2>"),
        ("<p>x</p><script>var y = 1;</script><style>p {}</style><p>z</p>", "x\nz"),
        ("<p>um<!-- nota -->dois</p>", "umdois"),
        ("sem marca", "sem marca"),
        ("<p>&#160;</p><p><br></p>", ""),
    ],
)
def test_html_becomes_one_line_a_paragraph(source: str, text: str) -> None:
    assert plain(source) == text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\u00a0b\u202fc\u2003d", "a b c d"),
        ("\ufeffpala\u200bvra\u200d e outra\u2060", "palavra e outra"),
        ("hav\u00ading 4\u20111/4", "having 4-1/4"),
        ("inflac\u0327a\u0303o", "infla\u00e7\u00e3o"),
        ("  a \t b \n\n \u200b \n c ", "a b\nc"),
    ],
)
def test_what_nobody_sees_is_gone(text: str, clean: str) -> None:
    assert tidy(text) == clean
    assert tidy(clean) == clean


def test_the_same_words_laid_out_anew_are_the_same_text() -> None:
    old = '<div class="x"><p class="p">O Comit\u00ea&nbsp;decidiu.</p>\n<p>Fim.</p></div>'
    new = "<section><div>O Comite\u0302 decidiu.\u200b</div><div><span>Fim.</span></div></section>"
    assert fingerprint(plain(old)) == fingerprint(plain(new))
    assert fingerprint(plain(old)) != fingerprint(plain(old.replace("Fim", "fim")))


def test_the_row_has_the_columns_of_the_bronze_tables() -> None:
    facts = dict.fromkeys(("series_id", "document", "title", "language", "url"), "x") | {"event_date": date(2020, 1, 2)}
    stated = datetime(2020, 1, 8, 11, tzinfo=UTC)
    row = one_document(facts, "texto", stated).rows
    made = {"session", "knowledge_time", "knowledge_basis", "late", "source", *PROVENANCE}
    for name in ("copom", "fomc"):
        table = TABLES[f"bronze/{name}"]
        own = {c: t for c, t in table.schema.items() if c not in made}
        assert {c: t for c, t in row.schema.items() if not c.startswith("stated")} == own
    assert row.select("text_sha256", "stated_time", "stated_basis").row(0) == (
        hashlib.sha256(b"texto").hexdigest(),
        stated,
        "calendar",
    )
    assert one_document(facts, "texto", None).rows.select("stated_time", "stated_basis").row(0) == (None, None)


def test_no_document_is_an_empty_frame_of_the_same_shape() -> None:
    nothing = no_document(("a", None, "raw", "why"))
    assert nothing.rows.schema == DOCUMENTS
    assert nothing.rows.is_empty()
    assert nothing.rejected.rows() == [("a", None, "raw", "why")]


def test_local_times_become_utc_with_the_season() -> None:
    assert instant(date(2020, 7, 1), time(14), "America/New_York") == datetime(2020, 7, 1, 18, tzinfo=UTC)
    assert instant(date(2020, 1, 3), time(14), "America/New_York") == datetime(2020, 1, 3, 19, tzinfo=UTC)
    assert instant(date(2017, 12, 12), time(8), "America/Sao_Paulo") == datetime(2017, 12, 12, 10, tzinfo=UTC)


@pytest.mark.parametrize(("hour", "due"), [(17, False), (18, True)])
def test_due_from_the_rule_on(hour: int, due: bool) -> None:
    one = next(s for s in default_settings().series if s.id == "us_fomc_minutes")
    # 24 days after 29 July 2020 is a Saturday: the Monday after, 14:00 in New York.
    answered = datetime(2020, 8, 24, hour, tzinfo=UTC)
    payload = Payload(Request("fomc", "GET", "https://x/", "x", (one.id,)), 404, b"", answered, "")
    assert is_due(one, date(2020, 7, 29), payload) is due


def test_rows_of_several_documents_stack() -> None:
    assert pl.concat([no_document().rows, no_document().rows]).schema == DOCUMENTS
