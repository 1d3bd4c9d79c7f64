"""The parts of the pack: periods of the P&L, stops, the calendar, what turned, the reports of the same parts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from macro_fund.pms.outcomes import SCHEMA
from macro_fund.reports.blocks import Grid, Number, Section
from macro_fund.reports.pack import DAILY, PARTS, WEEKLY, build_pack, edition
from macro_fund.reports.pack_calendar import Event, calendar, events_after
from macro_fund.reports.pack_lessons import lessons_section
from macro_fund.reports.pack_profit import profit, starts
from macro_fund.reports.pack_status import breaks
from macro_fund.reports.pack_trades import book
from macro_fund.reports.pack_views import changes, narrative
from macro_fund.reports.render import numbers_table, to_html, to_markdown
from macro_fund.reports.words import in_words
from macro_fund.settings import default_settings
from macro_fund_tests.pictures import blank_pictures
from macro_fund_tests.pms.builders import notes
from macro_fund_tests.reports.test_pack import BEFORE, DAY, Frames, pack_of, reader, rows


@pytest.fixture(autouse=True, scope="module")
def _blank() -> Iterator[None]:
    with blank_pictures():
        yield


MONDAY, FRIDAY = date(2024, 4, 1), date(2024, 3, 28)


def texts(section: Section, head: str, language: str = "en") -> list[list[str]]:
    """The rows of the table whose head begins with `head`; empty for a table that only says why it is."""
    grid = next(g for g in section.grids if in_words(g.head[0], "en") == head)
    return [[in_words(c, language) for c in row] for row in grid.rows]


def numbers(section: Section) -> dict[str, Number]:
    return {n.item: n for n in section.numbers}


def money(*made: tuple[date, str, str, str]) -> list[dict[str, object]]:
    return [
        {"session": DAY, "trade_date": d, "contract": "X", "instrument": i, "strategy_id": s, "lot_id": "f",
         "component": "carry", "pnl_brl": Decimal(m)}
        for d, s, i, m in made
    ]  # fmt: skip


def nav(traded: date, pnl: str) -> dict[str, object]:
    return {
        "session": DAY, "trade_date": traded, "opening_nav_brl": Decimal("100.00"), "pnl_brl": Decimal(pnl),
        "nav_brl": Decimal("101.00"), "cdi_index": 1.0, "fund_index": 1.01,
    }  # fmt: skip


def test_periods_are_those_of_the_close_and_not_of_the_morning() -> None:
    assert starts(FRIDAY) == {
        "day": FRIDAY, "week": date(2024, 3, 25), "month": date(2024, 3, 1), "year": date(2024, 1, 1),
    }  # fmt: skip
    made = [(date(2023, 12, 28), "64"), (date(2024, 2, 1), "32"), (date(2024, 3, 4), "8"), (date(2024, 3, 26), "4"),
            (FRIDAY, "2")]  # fmt: skip
    frames = {
        "pms/nav": rows("pms/nav", *(nav(d, m) for d, m in made)).with_columns(
            session=pl.when(pl.col("trade_date") == FRIDAY).then(pl.lit(MONDAY)).otherwise(pl.col("trade_date"))
        ),
        "pms/pnl": rows("pms/pnl", *money(*((d, "A", "B", m) for d, m in made))),
        "pms/explain": rows("pms/explain", *money(*((d, "A", "B", m) for d, m in made))),
    }
    section = profit(reader(frames), MONDAY)  # the first morning of April still tells March
    shown = numbers(section)
    assert [shown[f"pnl {p}"].value for p in ("day", "week to date", "month to date", "year to date")] == [2, 6, 14, 46]
    assert [n.value for i, n in shown.items() if i.startswith("pnl strategy_id A")] == [2, 6, 14, 46]
    assert texts(section, "component", "pt") == [["carrego", "R$ 2,00", "R$ 6,00", "R$ 14,00", "R$ 46,00"]]


@pytest.fixture
def held() -> Frames:
    """A receiver whose rate has gone most of the way to its stop, and a short dollar on its way to the target."""
    of = {"session": DAY, "trade_date": BEFORE, "mark_basis": "settlement"}
    told = {"session": BEFORE, "shares": []}
    return {
        "pms/positions": rows(
            "pms/positions",
            of | {"contract": "DI1F27", "instrument": "DI1_2Y", "quantity": 9, "mark_price": 9e4, "mark_rate": 0.118,
                  "dv01_brl": 50.0, "delta_brl": 0.0},
            of | {"contract": "DOLK24", "instrument": "DOL_1M", "quantity": -3, "mark_price": 4900.0, "dv01_brl": 0.0,
                  "delta_brl": -7e5},
        ),
        "pms/trade_proposals": rows(
            "pms/trade_proposals",
            told | {"proposal_id": "a", "contract": "DI1F27", "position_after": 9, "entry_level": 0.11,
                    "stop_level": 0.12},
            told | {"proposal_id": "b", "contract": "DOLK24", "position_after": -3, "entry_level": 5000.0,
                    "stop_level": 5200.0},
        ),
        "silver/contract_marks": rows(
            "silver/contract_marks",
            {"session": DAY, "contract": "DI1F27", "maturity": date(2027, 1, 4)},
            {"session": DAY, "contract": "DOLK24", "maturity": date(2024, 4, 12)},
        ),
    }  # fmt: skip


def test_stops_are_nearest_first(held: Frames) -> None:
    shown = texts(profit(reader(held), DAY), "stops")
    assert [r[0] for r in shown] == ["DI1F27", "DOLK24"]
    assert shown[0][1:] == ["11.80%", "11.00%", "12.00%", "20.00%", "near"]
    assert shown[1][-2:] == ["150.00%", ""]


def test_a_stop_that_was_passed_is_told_and_one_of_the_other_side_is_not(held: Frames) -> None:
    held["pms/positions"] = held["pms/positions"].with_columns(
        mark_rate=pl.when(pl.col("contract") == "DI1F27").then(0.121),
        quantity=pl.col("quantity") * pl.when(pl.col("contract") == "DOLK24").then(-1).otherwise(1),
    )
    assert [(r[0], r[-1]) for r in texts(profit(reader(held), DAY), "stops")] == [("DI1F27", "AT STOP")]


def test_what_is_not_marked_at_the_settlement_is_told_first(held: Frames) -> None:
    assert texts(breaks(reader(held), DAY), "not marked at the settlement") == []
    rung = pl.when(pl.col("contract") == "DI1F27").then(pl.lit("model")).otherwise(pl.lit("none"))
    unmarked = pl.when(pl.col("contract") == "DI1F27").then("mark_price")
    held["pms/positions"] = held["pms/positions"].with_columns(mark_basis=rung, mark_price=unmarked)
    assert texts(breaks(reader(held), DAY), "not marked at the settlement") == [
        ["DI1F27", "model", "11.80%"],
        ["DOLK24", "no mark", "\N{EN DASH}"],
    ]
    assert texts(breaks(reader(held), DAY), "not marked at the settlement", "pt")[1][1] == "sem marcação"
    assert [r[0] for r in texts(profit(reader(held), DAY), "stops")] == ["DI1F27"]  # no mark is near no stop


def test_recorded_events_are_told_for_ten_days_and_beside_the_book_where_they_concern_it(held: Frames) -> None:
    told = {"source": "Tesouro", "amount": None, "kind": "coupon"}
    days = [
        ("NTN-F 2035", 0, 48.81),
        ("DI1F27", 10, None),
        ("DOL_1M", 3, None),
        ("DI1F28", 11, None),
        ("IND", -1, None),
    ]
    recorded = [
        {**told, "instrument": name, "event_date": DAY + timedelta(days=n), "amount": amount}
        for name, n, amount in days
    ] + [{**told, "instrument": "DI1F27", "event_date": DAY, "kind": "withdrawn"}]
    pack = build_pack(reader(held), DAY, fund="F", watermark="", last_trade_date=BEFORE, recorded=recorded)
    section = {s.key: s for s in pack.sections}
    assert texts(section["calendar"], "events of") == [
        ["NTN-F 2035", str(DAY), "coupon", "48.81", "Tesouro"],
        ["DI1F27", str(DAY + timedelta(days=10)), "coupon", "", "Tesouro"],
        ["DOL_1M", str(DAY + timedelta(days=3)), "coupon", "", "Tesouro"],
    ]
    assert [r[0] for r in texts(section["book"], "events of")] == ["DI1F27", "DOL_1M"]


def test_what_expires_in_ten_days(held: Frames) -> None:
    assert texts(book(reader(held), DAY), "expiring, 10 days") == [["DOLK24", "-3", "2024-04-12"]]
    assert texts(book(reader(held), date(2024, 4, 1)), "expiring, 10 days") == []


def test_the_calendar_has_releases_of_ten_days_and_the_next_copom() -> None:
    moment = datetime(2024, 4, 2, 11, 55, tzinfo=UTC)
    found = {(e.key, e.of): e for e in events_after(default_settings().series, moment)}
    ipca = found["br_ipca_mom", date(2024, 3, 1)]
    assert ipca.time == datetime(2024, 4, 10, 12, 0, tzinfo=UTC)  # IBGE: 10 April, 09:00
    assert ipca.listed
    assert found["us_payrolls", date(2024, 3, 1)].local.isoformat() == "2024-04-05T09:30:00-03:00"
    assert found["copom", date(2024, 5, 8)].local.hour == 18  # out of the window, and still told
    assert all(e.time > moment for e in found.values())
    assert [e.time for e in found.values()] == sorted(e.time for e in found.values())


def test_a_release_of_this_morning_is_over_and_one_without_a_list_is_an_estimate() -> None:
    nine = datetime(2024, 4, 10, 12, 0, tzinfo=UTC)
    keys = {e.key for e in events_after(default_settings().series, nine)}
    assert "br_ipca_mom" not in keys
    (activity,) = [e for e in events_after(default_settings().series, datetime(2024, 4, 9, tzinfo=UTC))
                   if e.key == "br_ibc_br_sa"]  # fmt: skip
    assert not activity.listed


def test_the_calendar_tells_consensus_model_price_and_what_is_held(held: Frames) -> None:
    of = date(2024, 3, 1)
    held |= {
        "silver/focus": rows(
            "silver/focus",
            {
                "session": DAY,
                "feature_id": "br_focus_ipca_month",
                "reference": "2024-03",
                "horizon": -1,
                "value": 0.0024,
            },
            {"session": DAY, "feature_id": "br_focus_ipca_month", "reference": "2024-04", "horizon": 0, "value": 0.009},
            {
                "session": DAY,
                "feature_id": "br_focus_selic_meeting",
                "reference": "2024-R3",
                "horizon": 0,
                "value": 0.1,
            },
        ),
        "agents/inflation_path": rows("agents/inflation_path", {"session": DAY, "month": of, "rate": 0.0031}),
        "agents/monetary_path": rows(
            "agents/monetary_path",
            {"session": DAY, "meeting": date(2024, 5, 8), "model_rate": 0.11, "implied_rate": 0.105},
        ),
    }
    events = [
        Event("br_ipca_mom", of, datetime(2024, 4, 2, 12, 0, tzinfo=UTC), listed=False),
        Event("us_payrolls", of, datetime(2024, 4, 5, 12, 30, tzinfo=UTC)),
        Event("copom", date(2024, 5, 8), datetime(2024, 5, 8, 21, 30, tzinfo=UTC)),
    ]
    section = calendar(reader(held), DAY, events)
    risk = ["BRL 50.00", "BRL -700,000.00", "BRL 0.00"]
    assert texts(section, "when") == [
        ["2024-04-02 09:00", "TODAY", "IPCA (estimated day)", "2024-03", "0.24%", "0.31%", "", *risk],
        ["2024-04-05 09:30", "", "US payrolls", "2024-03", "", "", "", *risk],
        ["2024-05-08 18:30", "", "COPOM decision", "2024-05", "10.00%", "11.00%", "10.50%", *risk],
    ]
    assert [in_words(line, "pt")[:22] for line in section.lines] == ["Nenhuma fonte livre te"]


def view(session: date, score: float | None, agent: str = "fx") -> dict[str, object]:
    return {"session": session, "agent_id": agent, "status": "ok", "reason": "", "state_score": score, "drivers": []}


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        (0.4, -0.1, "changed side"), (0.1, 0.4, "jumped"), (None, 0.1, "has a view again"),
        (0.1, None, "lost its view"), (0.1, 0.2, None), (0.0, 0.2, None), (None, None, None),
    ],
)  # fmt: skip
def test_what_turned(was: float | None, now: float | None, told: str | None) -> None:
    frames = {"agents/fx_view": rows("agents/fx_view", view(BEFORE, was), view(DAY, now))}
    shown = texts(changes(reader(frames), DAY), "turned since the morning before")
    assert [r[:2] for r in shown] == ([["Exchange rate", told]] if told else [])


def test_the_prose_is_of_the_reader_s_language_however_many_sentences_it_has() -> None:
    frames = {
        "agents/narrative": rows(
            "agents/narrative",
            {"session": DAY, "language": "en", "text": "One.\nTwo.\nThree."},
            {"session": DAY, "language": "pt", "text": "Um."},
        )
    }
    lines = narrative(reader(frames), DAY).lines
    assert [in_words(line, "en") for line in lines] == ["One.", "Two.", "Three."]
    assert [in_words(line, "pt") for line in lines] == ["Um.", "", ""]


def test_a_long_list_of_things_to_do_is_cut_in_the_summary_alone() -> None:
    failed = [
        {"session": DAY, "asset": f"silver/t{k}", "check": "shape", "passed": False, "blocking": True, "detail": "bad"}
        for k in range(9)
    ]
    pack = pack_of({"quality/verdicts": rows("quality/verdicts", *failed)})
    first, last = pack.sections[0], pack.sections[-1]
    assert len(last.lines) == 9
    assert in_words(first.lines[6], "en") == "and 3 more, at the end"


def test_summary_numbers_are_of_the_parts_and_have_passports_of_their_own(held: Frames) -> None:
    held["pms/nav"] = rows("pms/nav", nav(BEFORE, "1.00"))
    table = numbers_table(pack_of(held))
    same = dict(table.filter(pl.col("item").is_in(["nav", "headline nav"])).select("item", "value").iter_rows())
    assert same == {"nav": 101.0, "headline nav": 101.0}
    assert table["passport"].n_unique() == table.height


def test_the_reports_are_parts_of_the_pack() -> None:
    learnt = lessons_section(notes(), pl.DataFrame(schema=SCHEMA))
    pack = build_pack(reader({}), DAY, fund="Fund", watermark="", last_trade_date=BEFORE, lessons=learnt)
    assert "nobody wrote a lesson in the week" in to_markdown(pack)
    assert "lesson" not in to_markdown(pack_of({}))
    for kind, title in (
        (DAILY, "Fund: the close of Monday 1 April 2024"),
        (WEEKLY, "Fund: the week to Monday 1 April 2024"),
    ):
        report = edition(pack, kind, "Fund", BEFORE)
        assert tuple(s.key for s in report.sections) == PARTS[kind]
        assert all(s in pack.sections for s in report.sections)
        assert to_markdown(report).startswith(f"# {title}")


def lot(proposal_id: str, trip_id: str, made: str, **given: object) -> dict[str, object]:
    usual = {"lot_id": f"f{proposal_id}", "contract": "DI1F27", "instrument": "DI1_2Y", "quantity": 9, "opened": BEFORE}
    return {**usual, "proposal_id": proposal_id, "trip_id": trip_id, "pnl_brl": Decimal(made), **given}


def test_lessons_are_told_beside_what_their_trades_made() -> None:
    """A rolled trade is told as a whole; an open one has no result yet; a session has no trade."""
    became = pl.DataFrame(
        [
            lot("p0", "t", "-30.00", closed=BEFORE, state="reviewed"),
            lot("p1", "t", "10.50", contract="DI1F28", closed=DAY, state="reviewed"),
            lot("p2", "u", "7.00", contract="DOLK24", quantity=-3, closed=None, state="open"),
        ],
        schema=SCHEMA,
    )
    lessons = notes(
        {"note_id": "n0", "text": "rolled too | late"},
        {"note_id": "n1", "proposal_id": "p2", "person": "Bia"},
        {"note_id": "n2", "proposal_id": None, "about": "session", "subject": "2024-03-27", "text": "thin day"},
    )
    section = lessons_section(lessons, became)
    assert texts(section, "of") == [
        ["DI1F27", "9", "2024-04-02", "BRL -19.50", "rolled too | late", "Ana"],
        ["DOLK24", "-3", "", "–", "sized too late", "Bia"],
        ["2024-03-27", "–", "", "–", "thin day", "Ana"],
    ]
    assert len(numbers(section)) == 6


def headings(grids: list[Grid]) -> set[str]:
    return {in_words(h, "pt") for g in grids for h in g.head}


def test_the_portuguese_pack(held: Frames) -> None:
    held["pms/nav"] = rows("pms/nav", nav(BEFORE, "1234.56"))
    page, text = to_html(pack_of(held), "pt"), to_markdown(pack_of(held), "pt")
    assert '<html lang="pt">' in page
    for shown in (page, text):
        assert "R$ 1.234,56" in shown
        assert "BRL 1,234.56" not in shown
        assert "Resultado do último fechamento" in shown
        assert "terça-feira, 2 de abril de 2024" in shown
    assert "| nada vence" not in text
    assert "11,80%" in text
    assert not headings([g for s in pack_of(held).sections for g in s.grids]) & {"breaker", "limit", "contract", "when"}


def test_dates_in_summary_of_friday() -> None:
    assert starts(date(2024, 4, 7))["week"] == MONDAY
