"""Edges: shrinkage by hand, records that do not exist, the same bytes for any window; the model of all strategies."""

from __future__ import annotations

from datetime import date
from functools import cache

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from macro_fund.features import bayes
from macro_fund.portfolio.edge_checks import edges_recomputed, model_converged, model_recomputed
from macro_fund.portfolio.edges import edges, shrunk_sharpe
from macro_fund.portfolio.edges_model import PRIOR, TABLE, edges_model, sampler_of, sharpe_error
from macro_fund.store.tables import TABLES
from macro_fund.time.sessions import sessions as fund_sessions

NAMES = ("A", "B", "C")
START = date(2018, 1, 2)
END = date(2020, 2, 28)


def days() -> list[date]:
    return fund_sessions().keys(START, END)


def daily(means: dict[str, float], seed: int = 5, idle: int = 0, sessions: list[date] | None = None) -> pl.DataFrame:
    """P&L with an annual Sharpe ratio near each mean; nothing on the first `idle` days."""
    rng = np.random.default_rng(seed)
    known = sessions or days()
    parts = []
    for name, sharpe in means.items():
        net = 1e5 * (rng.standard_normal(len(known)) + sharpe / np.sqrt(252))
        net[:idle] = 0.0
        parts.append(pl.DataFrame({"session": known, "strategy_id": name, "net_brl": net}))
    return pl.concat(parts)


def none() -> pl.DataFrame:
    return TABLE.empty()


def test_eight_years_of_record_weigh_as_much_as_the_prior():
    assert shrunk_sharpe(np.array([1.1, 1.1, -0.3]), np.array([8.0, 0.0, 8.0])) == pytest.approx([0.7, 0.3, 0.0])


def test_the_record_starts_with_the_first_pnl_and_counts_a_year_as_252_days():
    rows = daily({"A": 1.0}, idle=40)
    frame = edges(rows, none(), ["A"], days())
    assert frame.schema == TABLES["portfolio/edges"].schema
    last = frame.row(-1, named=True)
    net = rows["net_brl"].to_numpy()[40:]
    sharpe = net.mean() / net.std(ddof=1) * np.sqrt(252)
    years = net.size / 252
    assert last["n_days"] == net.size
    assert last["sharpe"] == pytest.approx(sharpe, rel=1e-10)
    assert last["weight"] == last["shrunk"] == pytest.approx((years * sharpe + 2.4) / (years + 8), rel=1e-10)
    assert frame["n_days"].to_list()[39:42] == [0, 1, 2]
    assert frame["weight"].null_count() == 40 + 20, "21 days are needed"


def test_no_record_is_no_weight_and_never_the_prior():
    frame = edges(daily({"A": 0.5}), none(), ["A", "B"], days()).filter(strategy_id="B")
    assert frame["weight"].null_count() == len(frame)
    assert set(frame["status"]) == {"no_view"}
    assert set(frame["reason"]) == {"B has no simulated record"}
    still = edges(daily({"A": 0.5}).with_columns(net_brl=pl.lit(7.0)), none(), ["A"], days()).row(-1, named=True)
    assert (still["weight"], still["reason"]) == (None, "the record of A does not move")


def test_a_record_that_loses_enough_has_no_weight_and_says_so():
    row = edges(daily({"A": -4.0}), none(), ["A"], days()).row(-1, named=True)
    assert row["shrunk"] < 0
    assert row["weight"] == 0.0
    assert row["reason"].startswith("A loses: its shrunk Sharpe ratio is -0.")


def test_each_session_alone_gives_the_bytes_of_the_range_and_later_rows_change_nothing():
    rows, every = daily({"A": 0.7, "B": -0.2}, idle=5), days()
    model = edges_model(rows, NAMES, every, fund_sessions(), drawn)
    frame = edges(rows, model, ["A", "B"], every)
    for day in every[::71]:
        known = rows.filter(pl.col("session") <= day)
        alone = edges(known, model.filter(pl.col("session") <= day), ["A", "B"], [day])
        assert alone.equals(frame.filter(session=day))
        assert edges(rows, model, ["A", "B"], [day]).equals(alone)


def test_the_check_recomputes_and_can_fail():
    rows = daily({"A": 0.7, "B": -6.0})
    frame = edges(rows, none(), ["A", "B", "C"], days())
    assert edges_recomputed(frame, rows).passed
    for column in ("sharpe", "shrunk", "weight"):
        assert not edges_recomputed(frame.with_columns(pl.col(column) + 1e-6), rows).passed
    assert not edges_recomputed(frame.with_columns(weight=pl.col("weight").fill_null(0.3)), rows).passed


# the model of all strategies


def drawn(value: np.ndarray, error: np.ndarray, seed: int, shift: float = 0.0) -> tuple[dict[str, np.ndarray], int]:
    """A sampler that draws around the values; `shift` moves every second chain away."""
    rng = np.random.default_rng(seed)
    apart = np.array([0.0, shift, 0.0, shift])[:, None]
    mu, tau = (apart + rng.normal(0, 0.1, (4, 500)) for _ in range(2))
    return {"theta": value + 0.1 * rng.standard_normal((4, 500, value.size)), "mu": mu, "tau": np.abs(tau)}, 0


@cache
def sampler():
    return sampler_of(NAMES)


def test_the_error_is_that_of_independent_normal_days():
    """sqrt((1 + SR^2 / 2) / T) in units of a day (Lo 2002), with n - 1 for T, times sqrt(252)."""
    found = sharpe_error(np.array([1.0]), np.array([505.0]))[0]
    assert found == pytest.approx(np.sqrt(252) * np.sqrt((1 + 1 / 504) / 504), rel=1e-12)


def test_quadrature_is_the_closed_form_where_the_spread_is_known():
    """Two parts of a population that hardly spreads: one normal mean with the precisions 1/0.09, 1/0.25 and 1/1."""
    narrow = bayes.Prior(mean=0.3, mean_sd=0.3, spread=1e-5)
    mean, sd = bayes.pooled_exact(np.array([1.0, -0.5]), np.array([0.5, 1.0]), narrow)
    precision = 1 / 0.09 + 1 / 0.25 + 1
    assert mean == pytest.approx([(0.3 / 0.09 + 1.0 / 0.25 - 0.5) / precision] * 2, rel=1e-6)
    assert sd == pytest.approx([precision**-0.5] * 2, rel=1e-6)


def test_the_sampler_finds_what_the_integral_gives_and_shrinks():
    value, error = np.array([1.5, -0.8, 0.2]), np.array([0.4, 0.4, 1e6])
    draws, divergences = sampler()(value, error, 11)
    mean, sd = bayes.pooled_exact(value, error, PRIOR)
    found = [bayes.summary(draws["theta"][..., k]) for k in range(3)]
    assert [f["value"] for f in found] == pytest.approx(mean, abs=0.03)
    assert [f["std_dev"] for f in found] == pytest.approx(sd, rel=0.06)
    assert max(f["r_hat"] for f in found) < 1.01
    assert divergences < 40
    assert value[1] < mean[1] < mean[2] < mean[0] < value[0], "pulled to the middle; the unknown one is there"
    wide = bayes.pooled_exact(value, np.array([0.8, 0.8, 1e6]), PRIOR)[0]
    assert wide[0] < mean[0], "a worse measurement leans more on the others"


def test_refits_are_at_the_first_session_of_a_year_and_rest_on_their_past():
    rows, every = daily({"A": 1.5, "B": -0.5, "C": 0.3}), days()
    model = edges_model(rows, NAMES, every, fund_sessions(), sampler())
    refits = [date(2019, 1, 2), date(2020, 1, 2)]
    assert model["session"].unique().sort().to_list() == refits
    assert model["status"].unique().to_list() == ["ok"]
    assert model_recomputed(model, rows).passed
    assert model_converged(model).is_empty()
    known = rows.filter(pl.col("session") <= refits[0])
    alone = edges_model(known, NAMES, refits[:1], fund_sessions(), sampler())
    assert_frame_equal(alone, model.filter(session=refits[0]), check_exact=True)
    assert edges_model(rows, NAMES, every[1:40], fund_sessions(), sampler()).is_empty()
    assert not model_recomputed(model.with_columns(pl.col("mean") + 0.2), rows).passed
    assert not model_converged(model.with_columns(r_hat=pl.lit(1.02))).is_empty()
    frame = edges(rows, model, ["A"], every)
    values = model.filter(strategy_id="A")["mean"].to_list()
    newest = frame.filter(pl.col("session") >= refits[1])["hierarchical"].unique().to_list()
    between = frame.filter(pl.col("session").is_between(refits[0], date(2019, 12, 30)))["hierarchical"].unique()
    assert (between.to_list(), newest) == ([values[0]], [values[1]])
    before = frame.filter(pl.col("session") < refits[0]).row(-1, named=True)
    assert (before["status"], before["hierarchical"]) == ("degraded", None)
    assert "no refit" in before["reason"]


def test_chains_that_disagree_leave_a_reason_and_no_number():
    def apart(value, error, seed):
        return drawn(value, error, seed, shift=1.0)

    rows = daily({"A": 1.0, "B": 0.0})
    model = edges_model(rows, NAMES, days(), fund_sessions(), apart)
    assert model["mean"].null_count() == len(model) == 4
    assert set(model["status"]) == {"no_view"}
    assert model["reason"].str.contains("r_hat").all()
    row = edges(rows, model, ["A"], days()).row(-1, named=True)
    assert (row["status"], row["hierarchical"]) == ("degraded", None)
    assert "r_hat" in row["reason"]
    assert row["weight"] > 0


def test_strategies_without_a_record_have_no_row():
    model = edges_model(daily({"A": 1.0}), NAMES, days(), fund_sessions(), drawn)
    assert model["strategy_id"].unique().to_list() == ["A"]
    assert edges_model(daily({"A": 1.0}).clear(), NAMES, days(), fund_sessions(), drawn).is_empty()
