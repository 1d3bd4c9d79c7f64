"""What was priced against what was decided: outcomes known in time, the record, the table by hand; the config."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from macro_fund.agents.monetary_months import BR_SERIES, Known, brazil
from macro_fund.agents.monetary_record import evaluation, priced, track_record, with_outcome
from macro_fund.settings import NeutralRate, SettingsError, default_settings, parse_file
from macro_fund_tests.agents.monetary_world import frames, told


def target() -> pl.DataFrame:
    return frames().observations.filter(pl.col("series_id") == "br_selic_target")


def test_an_outcome_is_the_target_after_the_meeting_known_only_afterwards() -> None:
    f = frames()
    days = pl.DataFrame({"session": [f.keys[500]]})
    rows = with_outcome(priced(f.policy_path, days), target())
    assert rows["horizon"].to_list() == list(range(1, 9))
    decided = dict(target().select("event_date", "value").rows())
    for meeting, outcome, known in rows.select("meeting", "outcome", "outcome_session").rows():
        after = min(d for d in decided if (d - meeting).days >= 3)
        assert outcome == decided[after]
        assert known > meeting
    assert (rows["outcome_session"] > f.keys[500]).all()


def test_a_decision_that_is_not_in_the_data_has_no_outcome() -> None:
    f = frames()
    rows = with_outcome(priced(f.policy_path, pl.DataFrame({"session": [f.keys[-1]]})), target())
    assert rows["outcome"].to_list() == [None] * 8
    gap = target().filter(~pl.col("event_date").is_between(date(2012, 1, 18), date(2012, 2, 15)))
    row = with_outcome(pl.DataFrame({"session": [date(2012, 1, 2)], "meeting": [date(2012, 1, 18)]}), gap)
    assert row["outcome"].item() is None


@given(st.integers(0, 70))
@settings(max_examples=8)
def test_the_record_rests_only_on_outcomes_known_before_the_month(back: int) -> None:
    f, path = frames(), told().path
    session = f.keys[-1 - back]
    days = pl.DataFrame({"session": [session]})
    whole = track_record(path, target(), days)
    known = (pl.col("session") < session.replace(day=1)) | (pl.col("session") == session)
    part = track_record(path.filter(known), target().filter(pl.col("session") < session.replace(day=1)), days)
    assert whole.equals(part)
    months = f.keys[-80:]
    by_month = track_record(path, target(), pl.DataFrame({"session": months}))
    frozen = by_month.group_by(pl.col("session").dt.truncate("1mo")).agg(pl.col("rmse_ratio").n_unique())
    assert frozen["rmse_ratio"].to_list() == [1] * frozen.height


def test_the_evaluation_by_hand() -> None:
    path = told().path
    found = evaluation(path, target(), (4,)).filter(pl.col("benchmark") == "today's Selic").row(0, named=True)
    rows = path.filter(pl.col("horizon") == 4).sort("session")
    first = rows.group_by(pl.col("session").dt.truncate("1mo").alias("m"), maintain_order=True).first()
    decided = dict(target().select("event_date", "value").rows())
    errors = []
    for meeting, model, naive in first.select("meeting", "model_rate", "policy_rate").rows():
        after = [d for d in decided if 3 <= (d - meeting).days <= 10]
        if after:
            errors.append((model - decided[min(after)], naive - decided[min(after)]))
    own, other = np.sqrt(np.mean(np.square(errors), axis=0))
    assert found["n"] == len(errors)
    assert found["rmse_model"] == pytest.approx(own, rel=1e-9)
    assert found["ratio"] == pytest.approx(own / other, rel=1e-9)


def test_published_neutral_rates_count_from_the_session_after() -> None:
    f = frames()
    known = Known.of(f.observations, BR_SERIES, f.keys[-1])
    entry = NeutralRate(country="br", published=date(2016, 3, 31), rate=0.045, sd=0.005, source="a report of 2016")
    other = entry.model_copy(update={"country": "us", "rate": 0.01})
    on_the_day, after = (brazil(known, d, [entry, other]) for d in (date(2016, 3, 31), date(2016, 4, 1)))
    assert np.isnan(on_the_day.published).all()
    assert after.published[-1] == 0.045
    assert np.isnan(after.published[:-1]).all()


def test_the_shipped_entries_are_the_central_banks() -> None:
    rates = [(e.published, e.rate) for e in default_settings().neutral_rates if e.country == "br"]
    assert rates[-3:] == [(date(2023, 6, 29), 0.045), (date(2024, 6, 27), 0.0475), (date(2024, 12, 19), 0.05)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {country: br, published: 2024-06-27, rate: 4.75, sd: 0.005, source: 'a report of the bank'}", "rate"),
        ("- {country: br, published: 2024-06-27, rate: 0.0475, sd: 0, source: 'a report of the bank'}", "sd"),
        ("- {country: cl, published: 2024-06-27, rate: 0.0475, sd: 0.005, source: 'a report of the bank'}", "country"),
        ("- {country: br, published: 2024-06-27, rate: 0.0475, sd: 0.005}", "source"),
    ],
)
def test_a_wrong_entry_names_its_line_and_field(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "neutral_rates.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=rf"neutral_rates.yaml:1: .*{words}"):
        parse_file(file, tuple[NeutralRate, ...])


def test_entries_out_of_order_are_refused() -> None:
    rows = default_settings()
    turned = {**rows.model_dump(), "neutral_rates": rows.model_dump()["neutral_rates"][::-1]}
    with pytest.raises(ValueError, match="in order of `published`"):
        type(rows)(**turned)
