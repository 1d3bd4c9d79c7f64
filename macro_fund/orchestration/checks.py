"""Checks of meaning that several assets share, each built from a table's own words.

Belongs here: constructors of `Check`. Does not belong here: shape (store/lake.py) or the arithmetic behind a
recomputation (the domain packages' checks modules).
Every check is shown to fail at least once by macro_fund_tests/graph/test_checks_can_fail.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import polars as pl

from macro_fund.orchestration.node import Check
from macro_fund.orchestration.run import Run
from macro_fund.portfolio.checks import Verdict
from macro_fund.settings import Series
from macro_fund.sources.due import overdue, stale

Problems = list[tuple[date, str]]


def located(rows: pl.DataFrame) -> Problems:
    """Problems of a domain check that gives rows (session, item, reason)."""
    return [(s, f"{i}: {r}") for s, i, r in rows.select("session", "item", "reason").rows()]


def key_by_key(run: Run, frame: pl.DataFrame, test: Callable[[pl.DataFrame, list[date]], Verdict]) -> Problems:
    """Problems of a domain check that gives one verdict: asked once for the sessions of each key."""
    found: Problems = []
    for key, part in run.split(frame).items():
        verdict = test(part, run.home.output_sessions([key]))
        if not verdict.passed:
            found.append((key, verdict.detail))
    return found


def every_session(*, gate: bool = True) -> Check:
    """Each session of the window has rows, from the first session that ever had any."""

    def problems(run: Run, frame: pl.DataFrame) -> Problems:
        have = set(frame["session"].unique())
        earlier = [k for k in run.own_keys if k < run.keys[0]]
        start = run.sessions[0] if earlier else min(have, default=run.sessions[0])
        return [(s, "no rows") for s in run.sessions if s >= start and s not in have]

    return Check("every_session", "each session of the window has rows", problems, gate)


def sessions_inside(*, gate: bool = True) -> Check:
    """No row speaks of a session outside the window that is being written."""

    def problems(run: Run, frame: pl.DataFrame) -> Problems:
        outside = frame.filter(~run.inside)
        return [
            (run.last, f"{n} rows of session {s}")
            for s, n in outside.group_by("session", maintain_order=True).len().sort("session").rows()
        ]

    return Check("sessions_inside", "rows belong to the sessions of the window", problems, gate)


def bounded(columns: Sequence[str], low: float, high: float, *, gate: bool = True) -> Check:
    """Values of the columns, where present, lie in [low, high]."""

    def problems(run: Run, frame: pl.DataFrame) -> Problems:
        return [
            (s, f"{c} {v:.6g} outside [{low:g}, {high:g}]")
            for c in columns
            for s, v in frame.filter(~pl.col(c).is_between(low, high)).select("session", c).rows()
        ]

    return Check("bounded", f"{', '.join(columns)} within [{low:g}, {high:g}]", problems, gate)


def reasons_given(*, gate: bool = True) -> Check:
    """A row without a view says why."""

    def problems(run: Run, frame: pl.DataFrame) -> Problems:
        silent = frame.filter((pl.col("status") != "ok") & (pl.col("reason").str.len_chars() == 0))
        return [(s, f"status {st} without a reason") for s, st in silent.select("session", "status").rows()]

    return Check("reasons_given", "degraded and no_view rows say why", problems, gate)


def sums_to_one(columns: Sequence[str], tolerance: float = 1e-9, *, gate: bool = True) -> Check:
    """The columns of a row, where present, sum to 1."""

    def problems(run: Run, frame: pl.DataFrame) -> Problems:
        total = frame.drop_nulls(list(columns)).with_columns(_sum=pl.sum_horizontal(*columns))
        bad = total.filter((pl.col("_sum") - 1).abs() > tolerance)
        return [(s, f"sum {v:.12g}") for s, v in bad.select("session", "_sum").rows()]

    return Check("sums_to_one", f"{', '.join(columns)} sum to 1", problems, gate)


def public_by_as_of(*, gate: bool = True) -> Check:
    """No row rests on something published after its session's as_of; rows known before the window are marked late."""

    def problems(run: Run, frame: pl.DataFrame) -> Problems:
        times = run.home.sessions.frame().select("session", "as_of")
        rows = frame.join(times, on="session", how="left", maintain_order="left")
        early = rows.filter(pl.col("knowledge_time") > pl.col("as_of"))
        return [(s, f"knowledge_time {k} after as_of") for s, k in early.select("session", "knowledge_time").rows()]

    return Check("public_by_as_of", "knowledge_time <= as_of of the session", problems, gate)


def answered() -> Check:
    """Every request of the run was answered."""

    def problems(run: Run, frame: pl.DataFrame) -> Problems:
        return list(run.side["failures"].select("session", "reason").rows())

    return Check("answered", "every request was answered", problems, gate=False)


def no_quarantine() -> Check:
    """No row was refused."""

    def problems(run: Run, frame: pl.DataFrame) -> Problems:
        refused = (
            run.side["quarantine"]
            .group_by("session", "item", "reason", maintain_order=True)
            .len()
            .sort("session", "item", "reason")
        )
        return [(s, f"{n} rows of {i} refused: {r}") for s, i, r, n in refused.rows()]

    return Check("no_quarantine", "no row was refused", problems, gate=False)


def newest_by_key(run: Run, frame: pl.DataFrame) -> Iterator[tuple[date, dict[str, date]]]:
    """For each key of the run the newest event date known of each series."""
    rows = run.read_own(frame).group_by("series_id", "session", maintain_order=True).agg(pl.col("event_date").max())
    for key in run.keys:
        known = rows.filter(pl.col("session") <= key)
        yield key, dict(known.group_by("series_id", maintain_order=True).agg(pl.col("event_date").max()).rows())


def fresh(series: Sequence[Series]) -> Check:
    """The newest row of each series is at most its max_age_days older than the key."""

    def problems(run: Run, frame: pl.DataFrame) -> Problems:
        found: Problems = []
        for key, newest in newest_by_key(run, frame):
            for s in series:
                if stale(s, newest.get(s.id), key):
                    words = f"newest is {newest[s.id]}, older than {s.max_age_days} days" if s.id in newest else NOTHING
                    found.append((key, f"{s.id}: {words}"))
        return found

    return Check("fresh", "newest row of each series within its maximum age", problems, gate=False)


NOTHING = "nothing known"


def in_time(series: Sequence[Series]) -> Check:
    """Each series has the newest period that its publication rule makes public: a provider that serves an old answer
    is seen the same morning."""

    def problems(run: Run, frame: pl.DataFrame) -> Problems:
        found: Problems = []
        for key, newest in newest_by_key(run, frame):
            for name, due in overdue(series, newest, run.home.sessions.as_of(key)).items():
                have = f"newest is {newest[name]}" if name in newest else NOTHING
                found.append((key, f"{name}: {due} is due, {have}"))
        return found

    return Check("in_time", "each series has the period that is due", problems, gate=False)


# A jump is this many times the usual daily move, known before it, of a series that moves on most of its days.
JUMP = 100.0
_USUAL_HALF_LIFE = 60
_MOVING_SHARE = 0.5


def no_jumps(daily: Sequence[str]) -> Check:
    """No daily series jumps: a misplaced comma or another unit inside the plausible range is seen the same morning."""

    def problems(run: Run, frame: pl.DataFrame) -> Problems:
        rows = (
            run.read_own(frame)
            .filter(pl.col("series_id").is_in(daily))
            .sort("series_id", "event_date", "knowledge_time")
        )
        rows = rows.unique(["series_id", "event_date"], keep="first", maintain_order=True)
        move = pl.col("value").diff().over("series_id")
        rows = rows.with_columns(move.alias("move")).with_columns(
            pl.col("move")
            .abs()
            .ewm_mean(half_life=_USUAL_HALF_LIFE, ignore_nulls=True)
            .shift(1)
            .over("series_id")
            .alias("usual"),
            (pl.col("move") != 0)
            .cast(pl.Float64)
            .rolling_mean(_USUAL_HALF_LIFE)
            .shift(1)
            .over("series_id")
            .alias("moving"),
        )
        far = rows.filter(
            run.inside,
            pl.col("moving") > _MOVING_SHARE,
            pl.col("move").abs() > JUMP * pl.col("usual"),
        )
        shown = far.select("session", "series_id", "event_date", "move", "usual").rows()
        return [(s, f"{i} {d}: moved {m:.4g} where {u:.4g} is usual") for s, i, d, m, u in shown]

    return Check("no_jumps", "no daily series jumps out of its usual moves", problems, gate=False)
