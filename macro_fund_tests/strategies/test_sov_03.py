"""SOV-03: the agencies' facts, outcomes and outlooks by hand, signs, silence, loader."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from macro_fund.settings import MOODYS_SCALE, RATING_SCALE, RatingAction, SettingsError, default_settings, parse_file
from macro_fund.strategies.migration import migrations, outlook, outlook_prior
from macro_fund.strategies.sov_03 import Forecast, score, signals
from macro_fund_tests.strategies.frames import World, world

PARAMS = default_settings().strategy("SOV-03")
RATINGS = default_settings().ratings
N = 900


def days(*text: str) -> np.ndarray:
    return np.array(text, dtype="datetime64[D]")


def rating(agency: str, day: date) -> str:
    return [r for r in RATINGS if r.agency == agency and r.announced <= day][-1].rating


def test_the_shipped_actions_are_the_agencies() -> None:
    # Investment grade won in 2008 and 2009 and lost in 2015 and 2016.
    assert [rating(a, date(2008, 6, 1)) for a in ("sp", "fitch", "moodys")] == ["BBB-", "BBB-", "Ba1"]
    assert rating("moodys", date(2009, 9, 22)) == "Baa3"
    assert (rating("sp", date(2015, 9, 8)), rating("sp", date(2015, 9, 9))) == ("BBB-", "BB+")
    assert (rating("fitch", date(2015, 12, 16)), rating("moodys", date(2016, 2, 24))) == ("BB+", "Ba2")
    assert [rating(a, date(2024, 12, 31)) for a in ("sp", "fitch", "moodys")] == ["BB", "BB", "Ba1"]


def test_the_scales_have_the_same_notches() -> None:
    assert len(RATING_SCALE) == len(MOODYS_SCALE)
    assert RATING_SCALE.index("BBB-") == MOODYS_SCALE.index("Baa3")
    assert RATING_SCALE.index("B+") == MOODYS_SCALE.index("B1")


def test_outcomes_by_hand() -> None:
    starts = days("2015-03-01", "2015-09-09", "2015-09-10", "2018-06-01", "2011-03-01", "2015-07-28")
    ends = days("2015-09-09", "2015-09-10", "2015-10-15", "2018-12-01", "2011-09-01", "2015-08-11")
    # Moody's cut on 11 Aug 2015; S&P on the 9th of September, which a window that ends that day does not have.
    assert migrations(RATINGS, starts, ends).tolist() == [-1, -1, 0, 0, 1, 0]


def test_the_cut_of_september_2015_is_known_the_next_morning() -> None:
    assert migrations(RATINGS, days("2015-08-12", "2015-08-12"), days("2015-09-09", "2015-09-10")).tolist() == [0, -1]


def test_outlooks_by_hand() -> None:
    # End of 2010: Fitch and Moody's positive, S&P stable. May 2016: all three negative. 2019: all stable.
    assert outlook(RATINGS, days("2010-12-31", "2016-06-01", "2019-06-03")).tolist() == [1, -1, 0]
    # Announced on the day itself: not known that morning.
    assert outlook(RATINGS, days("2019-12-11", "2019-12-12")).tolist() == [0, 1]


def test_the_prior_counts_months_of_the_same_outlook() -> None:
    state, outcome = np.array([1, 1, 1, 0, 0]), np.array([1, 1, 0, -1, 0])
    assert outlook_prior(state, outcome, 1) == (pytest.approx(3 / 6), pytest.approx(1 / 6))
    assert outlook_prior(state, outcome, -1) == (pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_the_score_is_what_goes_beyond_the_outlook() -> None:
    assert score(Forecast(0.5, 0.1, 0.2, 0.1, 90, 9, 0), 0.1) == pytest.approx(0.3)
    assert score(Forecast(0.3, 0.1, 0.2, 0.1, 90, 9, 0), 0.1) == 0.0
    assert score(Forecast(0.0, 1.0, 0.9, 0.0, 90, 9, 0), 0.1) == -1.0


def last(w: World) -> dict[str, object]:
    return signals(w.panel, PARAMS, w.keys[-1:]).row(0, named=True)


def test_rows_are_half_the_score_in_bands_and_degraded() -> None:
    w = world(N)
    rows = signals(w.panel, PARAMS, w.keys).filter(pl.col("status") != "no_view")
    assert rows.height > 0
    assert rows["status"].unique().to_list() == ["degraded"]
    assert rows["confidence"].max() <= 0.4
    assert (rows["signal"] - rows["z"] / 2).abs().max() < 1e-12
    assert ((rows["z"] == 0) | (rows["z"].abs() > 0.2)).all()
    held = rows.filter(pl.col("direction") != 0)
    assert (held["direction"] == held["signal"].sign()).all()
    assert rows["reason"].str.contains("stands for the CDS; few events").all()


def test_a_month_keeps_its_forecast() -> None:
    w = world(N)
    rows = signals(w.panel, PARAMS, w.keys).with_columns(pl.col("session").dt.truncate("1mo").alias("m"))
    assert rows.group_by("m").agg(pl.col("z").n_unique())["z"].max() == 1


def test_ratings_after_the_session_change_nothing() -> None:
    w = world(N)
    early = tuple(r for r in RATINGS if r.announced < w.keys[-1])
    assert len(early) < len(RATINGS)
    panel = replace(w.panel, ratings=early)
    assert signals(panel, PARAMS, w.keys[-1:]).equals(signals(w.panel, PARAMS, w.keys[-1:]))


def test_without_ratings_there_is_nothing_to_learn_from() -> None:
    w = world(N)
    row = signals(replace(w.panel, ratings=()), PARAMS, w.keys[-1:]).row(0, named=True)
    assert row["status"] == "no_view"
    assert "too few rating changes" in row["reason"]


@pytest.mark.parametrize(
    ("series", "words"), [("br_dbgg_gdp", "gross debt"), ("br_ibc_br_sa", "IBC-Br"), ("spread", "credit spread")]
)
def test_a_missing_input_is_no_view(series: str, words: str) -> None:
    w = world(N)
    gone = ["br_embi_brazil", "em_corp_oas"] if series == "spread" else [series]
    observations = w.panel.table("silver/observations").filter(~pl.col("series_id").is_in(gone))
    row = last(w.with_panel(observations=observations))
    assert (row["status"], row["signal"], row["direction"]) == ("no_view", None, 0)
    assert words in row["reason"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "- {agency: sp, announced: 2015-09-09, rating: Ba1, outlook: negative, source: a public table}",
            "no rating Ba1",
        ),
        ("- {agency: dbrs, announced: 2015-09-09, rating: BB, outlook: negative, source: a public table}", "agency"),
        ("- {agency: sp, announced: 2015-09-09, rating: BB+, outlook: bad, source: a public table}", "outlook"),
        ("- {agency: sp, announced: 2015-09-09, rating: BB+, outlook: negative}", "source"),
    ],
)
def test_a_wrong_entry_names_its_line_and_field(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "ratings.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=rf"ratings.yaml:1: .*{words}"):
        parse_file(file, tuple[RatingAction, ...])


def test_actions_out_of_order_are_refused() -> None:
    rows = default_settings()
    turned = {**rows.model_dump(), "ratings": rows.model_dump()["ratings"][::-1]}
    with pytest.raises(ValueError, match="in order of `announced`"):
        type(rows)(**turned)
