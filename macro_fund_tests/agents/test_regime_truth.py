"""The regimes planted in the sample world, found again with what was known each month; and the real monthly data.

The world plants the level of inflation, the model measures its acceleration: accuracy has a ceiling well below one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache

import numpy as np
import polars as pl
import pytest

from macro_fund.agents.hmm import filtered
from macro_fund.agents.model import refit_sessions
from macro_fund.agents.regime import P
from macro_fund.agents.regime_axes import Known, axes_matrix, month_of
from macro_fund.agents.regime_chain import chain_probabilities, frozen, regime_model
from macro_fund.sample.world import World, load_world
from macro_fund.time.sessions import assign_session
from macro_fund_tests.agents.test_hmm import smoothed
from macro_fund_tests.realworld import FOLDER, why_absent
from macro_fund_tests.strategies.frames import MAX_AGE, observed, table

LAST = date(2026, 11, 19)
SEEDS = (20100104, 4)
CODES = {"br_ibc_br_sa": (24364, 1.0), "br_ipca_core_ex0": (11427, 0.01), "br_ipca_core_ms": (4466, 0.01)}


def months() -> list[date]:
    return refit_sessions(table().keys(date(2015, 6, 1), LAST), table())


@cache
def published(seed: int) -> tuple[World, pl.DataFrame]:
    """The world and its monthly series with their usual delays."""
    w = load_world(seed)
    days = [d.astype("datetime64[D]").item() for d in w.macro.months]
    series = {
        "br_ibc_br_sa": (w.macro.ibc_br, 78),
        "us_cfnai": (w.macro.cfnai, 56),
        "br_ipca_core_ex0": (w.macro.core_ex0 / 100, 42),
        "br_ipca_core_ms": (w.macro.core_ms / 100, 42),
        "us_cpi_core": (w.macro.us_core_cpi, 51),
    }
    rows = pl.concat([observed(k, days, np.asarray(v, dtype=float), lag) for k, (v, lag) in series.items()])
    return w, rows.filter(pl.col("session") <= LAST)


@cache
def yearly(seed: int) -> pl.DataFrame:
    """A refit each January (and the first), in use whatever speaks against it."""
    _, rows = published(seed)
    days = [d for k, d in enumerate(months()) if d.month == 1 or k == 0]
    found = [regime_model(rows, [d], table(), max_age=MAX_AGE) for d in days]
    return pl.concat(found).filter(pl.col("status") != "no_view").with_columns(pl.lit("ok").alias("status"))


def planted(w: World) -> dict[int, int]:
    return {
        month_of(m.astype("datetime64[D]").item()): int(s) for m, s in zip(w.truth.months, w.truth.state, strict=True)
    }


def recall(label: np.ndarray, truth: np.ndarray) -> float:
    """Mean over the states of the share of its months named right: 0.25 by chance, whatever the frequencies."""
    return float(np.mean([(label[truth == k] == k).mean() for k in range(4) if (truth == k).any()]))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_planted_regime_is_named_more_often_than_by_chance(seed: int):
    w, rows = published(seed)
    found = chain_probabilities(rows, yearly(seed), months())
    truth = planted(w)
    state = np.array([truth[month_of(s)] for s in found["session"]])
    label = found.select(P).to_numpy().argmax(axis=1)
    assert len(state) > 120
    assert recall(label, state) > 0.40
    assert recall(label, np.random.default_rng(0).permutation(state)) < 0.36, "chance is near a quarter"


def hits(seed: int) -> tuple[float, float]:
    """Share of months named right by the newest refit: with the months up to each, and with all of them."""
    w, rows = published(seed)
    newest = yearly(seed).filter(pl.col("session") == pl.col("session").max())
    fit = frozen(dict(newest.select("parameter", "value").rows()))
    first, matrix = axes_matrix(Known(rows, LAST), LAST, fit.scales)
    whole = np.isfinite(matrix).all(axis=1)
    truth = planted(w)
    state = np.array([truth[first + k] for k in range(len(matrix))])[whole]
    at_the_time = filtered(matrix[whole], fit.chain).argmax(axis=1)
    hindsight = smoothed(fit.chain, matrix[whole]).argmax(axis=1)
    return float((at_the_time == state).mean()), float((hindsight == state).mean())


def test_hindsight_is_better_than_what_was_known():
    """On the seeds together: where the chain is a poor one (the first) hindsight gains nothing."""
    at_the_time, hindsight = np.mean([hits(seed) for seed in SEEDS], axis=0)
    assert 0.45 < at_the_time < hindsight


@cache
def real() -> pl.DataFrame:
    """silver/observations of the Brazilian series, as published."""
    rows = pl.read_parquet(FOLDER / "data/br_sgs.parquet")
    known = pl.from_epoch("pub", time_unit="s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    parts = [
        rows.filter((pl.col("code") == code) & (pl.col("date") >= date(2004, 1, 1))).select(
            pl.lit(name).alias("series_id"),
            pl.col("date").alias("event_date"),
            pl.col("value") * scale,
            known.alias("knowledge_time"),
        )
        for name, (code, scale) in CODES.items()
    ]
    opening = datetime(2010, 1, 4, 11, tzinfo=UTC)
    frame = pl.concat(parts).with_columns(pl.max_horizontal("knowledge_time", pl.lit(opening)))
    return assign_session(frame, table()).filter(pl.col("session") <= date(2021, 12, 28))


@pytest.mark.skipif(bool(why_absent()), reason=why_absent() or "real data are there")
def test_on_real_data_the_chain_is_a_cross_and_is_refused():
    """Brazil alone, 2016-2021: the likeliest four states lie on the axes, not in the quadrants."""
    days = [date(y, 2, 1) for y in range(2016, 2022)]
    found = regime_model(real(), [d for d in days if table().is_session(d)], table(), max_age=MAX_AGE)
    reasons = found.unique("session", maintain_order=True)["reason"].to_list()
    assert len(reasons) >= 5
    assert all("two states in one quadrant" in r for r in reasons)
    wide = found.pivot("parameter", index="session", values="value")
    assert (wide["bic_4"] < wide["bic_2"]).sum() >= 4
    assert not [c for c in wide.columns if "cfnai" in c]
    p = chain_probabilities(real(), found.with_columns(pl.lit("ok").alias("status")), months_of_2020())
    assert p.select((pl.sum_horizontal(P) - 1.0).abs().max()).item() <= 1e-9


def months_of_2020() -> list[date]:
    return refit_sessions(table().keys(date(2020, 1, 2), date(2020, 12, 30)), table())
