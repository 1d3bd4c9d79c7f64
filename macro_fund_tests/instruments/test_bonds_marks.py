"""silver/bond_marks: what a session prices, what it cannot and why, and checks that fail when spoilt."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from macro_fund.instruments.bond_marks import bond_marks, differs_from_anbima, not_from_its_rate
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import load_calendar

CALENDAR = load_calendar("anbima")
DAY, NEXT, LATER = date(2021, 9, 24), date(2021, 9, 27), date(2021, 9, 28)
VNA = 3651.248073


def bonds(**changes: object) -> pl.DataFrame:
    """bronze/anbima_bonds rows of one day, with ANBIMA's own PU of the NTN-B; `changes` to the NTN-B."""
    ntnb = {
        "session": NEXT, "series_id": "br_tpf_ntnb", "event_date": DAY, "bond": "NTN-B 760199 2035-05-15",
        "maturity": date(2035, 5, 15), "rate": 0.048, "price": None,
    } | changes  # fmt: skip
    others = [
        ("br_tpf_ltn", "LTN 100000 2024-01-01", date(2024, 1, 1), 0.0985),
        ("br_tpf_ntnf", "NTN-F 950199 2031-01-01", date(2031, 1, 1), 0.1085),
        ("br_tpf_lft", "LFT 210100 2027-03-01", date(2027, 3, 1), 0.0015),
        ("br_tpf_ntnc", "NTN-C 770100 2031-01-01", date(2031, 1, 1), 0.04),
    ]
    rows = [dict(zip(ntnb, (NEXT, s, DAY, b, m, r, None), strict=True)) for s, b, m, r in others]
    return pl.DataFrame([ntnb, *rows], schema_overrides={"price": pl.Float64})


def vna(session: date = NEXT, value: float = VNA) -> pl.DataFrame:
    rows = [(session, "br_vna_ntnb", DAY, value), (session, "br_vna_ntnc", DAY, 5000.0)]
    return pl.DataFrame(rows, ["session", "series_id", "event_date", "value"], orient="row")


def marks(rows: pl.DataFrame, values: pl.DataFrame, *sessions: date) -> pl.DataFrame:
    return bond_marks(rows, values, sessions or (NEXT, LATER), CALENDAR)


def ntnb(table: pl.DataFrame) -> pl.DataFrame:
    return table.filter(pl.col("title") == "NTN-B")


def test_each_title_is_priced_or_says_why() -> None:
    table = marks(bonds(), vna())
    assert table.schema == TABLES["silver/bond_marks"].schema
    assert dict(table.select("title", "reason").iter_rows()) == {
        "LTN": "", "NTN-F": "", "NTN-B": "", "LFT": "no source gives the VNA of this title",
    }  # fmt: skip
    assert table.filter(pl.col("reason") == "")["dv01_brl"].min() > 0.01
    assert table.filter(pl.col("title") == "LFT").select("pu_brl", "dv01_brl", "vna_brl").row(0) == (None, None, None)
    assert table.filter(pl.col("title") == "LTN")["vna_brl"].null_count() == 1
    assert not_from_its_rate(table, CALENDAR).is_empty()


def test_a_late_vna_gives_the_row_again() -> None:
    table = ntnb(marks(bonds(), vna(LATER)))
    assert table.select("session", "reason").rows() == [(NEXT, "the VNA of the day is not known"), (LATER, "")]
    assert table["pu_brl"].null_count() == 1
    assert marks(bonds(), vna(LATER)).height == 5  # only the NTN-B comes again
    for session in (NEXT, LATER):
        assert ntnb(marks(bonds(), vna(LATER), session)).equals(table.filter(pl.col("session") == session))


def test_a_corrected_vna_or_rate_gives_the_row_again() -> None:
    before = ntnb(marks(bonds(), vna()))["pu_brl"].item()
    table = ntnb(marks(bonds(), pl.concat([vna(), vna(LATER, VNA + 1)])))
    assert table["pu_brl"].to_list()[0] == before < table["pu_brl"].to_list()[1]
    fixed = pl.concat([bonds(), bonds(session=LATER, rate=0.05).head(1)])
    assert ntnb(marks(fixed, vna()))["pu_brl"].to_list()[0] == before > ntnb(marks(fixed, vna()))["pu_brl"].to_list()[1]


@pytest.mark.parametrize(
    ("change", "value", "reason"),
    [
        ({"rate": 0.0480001}, VNA, "the rate has more than six decimals"),
        ({}, VNA + 1e-7, "the VNA has more than six decimals"),
        ({"maturity": DAY}, VNA, "matured"),
    ],
)
def test_what_cannot_be_priced_says_why(change: dict[str, object], value: float, reason: str) -> None:
    row = ntnb(marks(bonds(**change), vna(value=value)))
    assert row.select("reason", "pu_brl").row(0) == (reason, None)


def test_nothing_new_is_no_row() -> None:
    assert marks(bonds(), vna(), LATER).is_empty()
    assert marks(bonds().clear(), vna()).is_empty()


def test_a_pu_that_is_not_anbimas_is_seen() -> None:
    ours = ntnb(marks(bonds(), vna()))["pu_brl"].item()
    assert differs_from_anbima(marks(bonds(price=ours), vna())).is_empty()
    table = marks(bonds(price=round(ours + 1e-6, 6)), vna())
    assert ntnb(table)["error_brl"].item() == -1e-6
    assert differs_from_anbima(table)["item"].to_list() == ["NTN-B 760199 2035-05-15 2021-09-24"]


@pytest.mark.parametrize("change", [pl.col("pu_brl") + 0.01, pl.col("pu_brl") - 0.01, pl.lit(None, pl.Float64)])
def test_a_pu_that_does_not_follow_from_its_rate_is_seen(change: pl.Expr) -> None:
    table = marks(bonds(), vna())
    spoilt = table.with_columns(pu_brl=pl.when(pl.col("title") != "LFT").then(change))
    assert not_from_its_rate(spoilt, CALENDAR).height == 3
