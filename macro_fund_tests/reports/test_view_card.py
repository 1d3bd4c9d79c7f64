"""An agent's card: what the newest row says, and nothing where it says nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime

from macro_fund.reports.view_card import view_card
from macro_fund.store.tables import TABLES
from macro_fund_tests.agents.test_desk import T, view


def test_a_card_shows_the_newest_view_with_its_drivers_risks_and_inputs() -> None:
    known = datetime(2024, 3, 29, 12, 30, tzinfo=UTC)
    row = view(
        "fx", 0.4, view_brl=0.4,
        risks=[{"text": "the carry is wound up", "trigger": "volatility above 25%", "prob": 0.25}],
        input_vintages=[{"series_id": "br_reer_ipca", "event_date": date(2024, 2, 1), "knowledge_time": known},
                        {"series_id": "curve", "event_date": T, "knowledge_time": None}],
    )  # fmt: skip
    text = view_card(row)
    assert "**fx**, 2024-04-01: ok\n" in text
    assert "Score +0.40, confidence 0.50, horizon 63 sessions." in text
    assert "Views: brl +0.40." in text
    assert "| gap_12m | 1.25% | decimal |  | +0.40 | 2024-04-01 |" in text
    assert "* Risk: the carry is wound up. Watch: volatility above 25%, probability 25%." in text
    assert "2 inputs, the newest br_reer_ipca, known 2024-03-29 12:30 UTC." in text


def test_no_view_is_said_so() -> None:
    assert view_card(TABLES["agents/fx_view"].empty()) == "(no view yet)"
    text = view_card(view("fx", None))
    assert text.startswith("**fx**, 2024-04-01: no_view (nothing known)")
    assert "not counted as zero" in text
