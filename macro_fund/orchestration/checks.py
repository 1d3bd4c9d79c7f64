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
from macro_fund.settings import Publication
from macro_fund.sources.due import newest_due

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
        outside = frame.filter(~pl.col("session").is_between(run.sessions[0], run.last))
        return [
            (run.last, f"{n} rows of session {s}") for s, n in outside.group_by("session").len().sort("session").rows()
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
        refused = run.side["quarantine"].group_by("session", "item", "reason").len().sort("session", "item", "reason")
        return [(s, f"{n} rows of {i} refused: {r}") for s, i, r, n in refused.rows()]

    return Check("no_quarantine", "no row was refused", problems, gate=False)


def newest_by_key(run: Run, frame: pl.DataFrame, item: str) -> Iterator[tuple[date, dict[str, date]]]:
    """For each key of the run the newest event date known of each item."""
    rows = run.read_own(frame).select(pl.col(item).alias("item"), "event_date", "session")
    for key in run.keys:
        known = rows.filter(pl.col("session") <= key)
        yield key, dict(known.group_by("item").agg(pl.col("event_date").max()).rows())


def fresh(limits: dict[str, int], item: str) -> Check:
    """The newest row of each item is at most `limits[item]` calendar days older than the key."""

    def problems(run: Run, frame: pl.DataFrame) -> Problems:
        found: Problems = []
        for key, newest in newest_by_key(run, frame, item):
            for name, days in limits.items():
                if name not in newest:
                    found.append((key, f"{name}: nothing known"))
                elif (key - newest[name]).days > days:
                    found.append((key, f"{name}: newest is {newest[name]}, older than {days} days"))
        return found

    return Check("fresh", "newest row of each series within its maximum age", problems, gate=False)


def in_time(rules: dict[str, Publication], item: str) -> Check:
    """Each daily item has the newest day that its publication rule makes public: a provider that serves an old answer
    is seen the same morning."""

    def problems(run: Run, frame: pl.DataFrame) -> Problems:
        found: Problems = []
        for key, newest in newest_by_key(run, frame, item):
            for name, rule in rules.items():
                due = newest_due(rule, run.home.sessions.as_of(key), run.home.calendar(rule.calendar))
                if due and name in newest and newest[name] < due:
                    found.append((key, f"{name}: {due} is due, newest is {newest[name]}"))
        return found

    return Check("in_time", "daily series have the day that is due", problems, gate=False)
