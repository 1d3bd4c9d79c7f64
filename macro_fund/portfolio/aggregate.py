"""Signals of all strategies combined into one score and conviction an instrument: the table.

Belongs here: what rests on what, status and reasons. Does not belong here: who votes (votes.py), the methods
(methods.py, odds.py), which strategy gave what (contributions.py), position sizes (targets) or hysteresis (strategies:
a signal counts when its strategy is in position).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from macro_fund.portfolio.contributions import contributions
from macro_fund.portfolio.history import session_array
from macro_fund.portfolio.methods import Scores, combined
from macro_fund.portfolio.odds import MIN_OUTCOMES, Odds, odds, outcomes, regime_probabilities
from macro_fund.portfolio.votes import Votes, usable, votes
from macro_fund.settings import Instrument
from macro_fund.store.tables import TABLES

TABLE = TABLES["portfolio/conviction"]
_NUMBERS = ("score", "weighted", "rank", "bayesian", "crowding", "agreement", "conviction")


@dataclass(frozen=True)
class Evidence:
    """What convictions rest on, each with its full history up to the last session: rows of signals/*, portfolio/edges,
    agents/regime_view, silver/instrument_returns, and the discounts of ageing.py by session and strategy."""

    signals: pl.DataFrame
    edges: pl.DataFrame
    ages: pl.DataFrame
    regimes: pl.DataFrame
    returns: pl.DataFrame


def conviction(
    evidence: Evidence, instruments: Sequence[Instrument], sessions: Sequence[date], history: Sequence[date]
) -> pl.DataFrame:
    """portfolio/conviction: one row for each of `sessions` and instrument.

    history: every session from the fund's first to the last of `sessions`, which end it. A strategy whose direction
    contradicts its signal is left out with a reason. ValueError: an instrument that the config does not have, a
    strategy that speaks twice, or sessions that do not end the history.
    """
    first = len(history) - len(sessions)
    if first < 0 or list(history[first:]) != list(sessions):
        raise ValueError("sessions must be the last of the history; give every session from the fund's first")
    names = sorted(i.id for i in instruments)
    rows = usable(evidence.signals, evidence.edges, evidence.ages, instruments, history)
    cast = votes(rows, names, history)
    found = outcomes(evidence.returns, instruments, history)
    chance = odds(cast, regime_probabilities(evidence.regimes, history), found, first)
    scores = combined(cast, chance.p_up)
    grid = _grid(cast, scores, chance, first)
    joined = grid.join(_reasons(rows, first * len(names)), on="cell", how="left", maintain_order="left").join(
        contributions(cast, scores, first), on="cell", how="left", maintain_order="left"
    )
    return _with_status(joined).select(pl.col(n).cast(t) for n, t in TABLE.schema.items()).sort(TABLE.sort)


def _grid(cast: Votes, scores: Scores, chance: Odds, first: int) -> pl.DataFrame:
    """The numbers of the sessions from number `first` on, one row a cell."""
    sessions, names = cast.sessions[first:], list(cast.instruments)
    judged = np.isfinite(scores.rank)
    numbers = {k: getattr(scores, k) for k in _NUMBERS}
    numbers |= {k: np.where(judged, getattr(chance, k), np.nan) for k in ("p_up", "p_prior")}
    return pl.DataFrame(
        {
            "cell": np.arange(first * len(names), len(cast.sessions) * len(names)),
            "session": pl.Series(np.repeat(session_array(sessions), len(names))).cast(pl.Date),
            "instrument": names * len(sessions),
            **{k: values[first:].ravel() for k, values in numbers.items()},
            "n_signals": cast.view[first:].sum(axis=2, dtype=np.int32).ravel(),
            "n_votes": cast.voting[first:].sum(axis=2, dtype=np.int32).ravel(),
            "odds_note": pl.Series(_odds_notes(chance, first), dtype=pl.String),
        }
    ).with_columns(pl.col(*numbers).fill_nan(None))


def _odds_notes(chance: Odds, first: int) -> list[str | None]:
    """What the Bayesian score lacks, in words, by cell; None when it lacks nothing."""
    prior, votes_ = chance.prior_outcomes[first:], chance.vote_outcomes[first:]
    regime = np.repeat(chance.regime_known[first:, None], prior.shape[1], axis=1)
    lacking = ~regime | (prior < MIN_OUTCOMES) | (votes_ < MIN_OUTCOMES)
    notes = np.full(prior.shape, None, dtype=object)
    for s, i in zip(*np.nonzero(lacking), strict=True):
        said = [
            "no regime view: even odds" if not regime[s, i] else "",
            f"{prior[s, i]} outcomes by regime, {MIN_OUTCOMES} needed: even odds" if prior[s, i] < MIN_OUTCOMES else "",
            f"{votes_[s, i]} outcomes of votes, {MIN_OUTCOMES} needed: signals do not move the odds"
            if votes_[s, i] < MIN_OUTCOMES
            else "",
        ]
        notes[s, i] = "; ".join(filter(None, said))
    found: list[str | None] = notes.ravel().tolist()
    return found


def _reasons(rows: pl.DataFrame, first_cell: int) -> pl.DataFrame:
    """cell, notes (joined in strategy order), in_position (how many strategies hold the instrument)."""
    return (
        rows.filter(pl.col("cell") >= first_cell)
        .group_by("cell", maintain_order=True)
        .agg(
            pl.col("note").drop_nulls().str.join("; ").alias("notes"),
            (pl.col("view") & (pl.col("direction") != 0)).sum().alias("in_position"),
        )
    )


def _with_status(joined: pl.DataFrame) -> pl.DataFrame:
    """Adds status and reason; a row without a view has no numbers."""
    silent, worthless = pl.col("n_signals") == 0, pl.col("n_votes") == 0
    summary = pl.format("{} of {} strategies in position", pl.col("in_position").fill_null(0), "n_signals")
    edgeless = pl.when(worthless).then(pl.lit("every weight is 0: no record earns"))
    odds_note = pl.when(~worthless).then("odds_note")
    weak = pl.concat_str(edgeless, pl.col("notes").replace("", None), odds_note, separator="; ", ignore_nulls=True)
    return joined.with_columns(weak.alias("weak")).with_columns(
        pl.when(silent)
        .then(pl.lit("no_view"))
        .when(pl.col("weak") != "")
        .then(pl.lit("degraded"))
        .otherwise(pl.lit("ok"))
        .alias("status"),
        pl.when(pl.col("notes").is_null())
        .then(pl.format("no strategy signals {}", "instrument"))
        .when(silent)
        .then("notes")
        .when(pl.col("weak") != "")
        .then(pl.concat_str(summary, "weak", separator="; "))
        .otherwise(summary)
        .alias("reason"),
        *(pl.when(silent).then(None).otherwise(c).alias(c) for c in ("conviction", "score", "crowding")),
        pl.col("contributions").fill_null(pl.lit([], dtype=TABLE.schema["contributions"])),
    )
