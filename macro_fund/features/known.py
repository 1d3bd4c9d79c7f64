"""What features read of silver/observations: paths of levels, and vectors of months as they stood at a session.

Belongs here: choosing observations by the session in which they became known, and putting a feature's rows on the
sessions that were asked for. Does not belong here: any feature.

Two shapes serve every feature. A `path` is a daily series in the order in which its periods became known, each in the
vintage in which it first was: a correction of an old day changes nothing that was computed before it. A `State` is a
group of monthly series in one vintage: every month as last published, from one session on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.features.stats import robust_z

Vector = npt.NDArray[np.float64]
Months = npt.NDArray[np.datetime64]

OK, STALE, MISSING = "ok", "stale", "missing"
MONTHS, MIN_MONTHS = 120, 60
FEATURE = pl.Schema(
    {
        "session": pl.Date(),
        "feature_id": pl.String(),
        "event_date": pl.Date(),
        "value": pl.Float64(),
        "z": pl.Float64(),
        "n_inputs": pl.Int32(),
        "proxy": pl.Boolean(),
        "knowledge_time": pl.Datetime("us", "UTC"),
        "status": pl.String(),
        "reason": pl.String(),
    }
)


def require_ages(max_age: Mapping[str, int], series_ids: Iterable[str]) -> None:
    """Raises ValueError when the allowed age of a series that is needed is not given."""
    absent = sorted(set(series_ids) - set(max_age))
    if absent:
        raise ValueError(f"max_age lacks {', '.join(absent)}; pass max_age_days of each series in config/series")


def published(observations: pl.DataFrame) -> pl.DataFrame:
    """Finite rows, one per series, session and period: of two vintages within a session the later."""
    key = ["series_id", "session", "event_date"]
    rows = observations.filter(pl.col("value").is_finite()).select(*key, "value", "knowledge_time")
    return rows.sort(*key, "knowledge_time").unique(key, keep="last", maintain_order=True)


def paths(observations: pl.DataFrame) -> pl.DataFrame:
    """series_id, session, event_date, value, knowledge_time: each period when it became the newest of its series.

    A period that arrives after a newer one, and a later vintage of one that is there, is left out.
    """
    return advancing(published(observations), by="series_id")


def advancing(rows: pl.DataFrame, day: str = "event_date", by: str | None = None) -> pl.DataFrame:
    """The rows whose `day` is later than that of every row above (of the same `by`)."""
    newest = pl.col(day).cum_max().shift(1)
    before = newest if by is None else newest.over(by)
    return rows.filter(before.is_null() | (pl.col(day) > before))


def learned(as_known: pl.DataFrame, series_id: str) -> pl.DataFrame:
    """session, event_date, value: one row per new period of a series in the order in which sessions learned it."""
    rows = as_known.filter((pl.col("series_id") == series_id) & pl.col("value").is_finite()).sort("session")
    return advancing(rows.select("session", "event_date", "value"))


def rows_wanted(path: pl.DataFrame, sessions: Sequence[date]) -> int:
    """How many rows at the end of one series' path are the newest of some session of `sessions`, or between those."""
    before = path.filter(pl.col("session") <= sessions[0]).height
    return path.height - max(before - 1, 0)


def carry(rows: pl.DataFrame, sessions: Sequence[date], by: str, names: Sequence[str] | None = None) -> pl.DataFrame:
    """The newest row of each `by` (of `names`, or that `rows` have) at each session, in order; nulls before its first.

    Of several rows of a session the last one counts.
    """
    names = rows[by].unique(maintain_order=True).to_list() if names is None else names
    days = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date})
    grid = days.join(pl.DataFrame({by: names}, schema={by: pl.String}), how="cross", maintain_order="left_right")
    newest = rows.sort("session", maintain_order=True).unique(["session", by], keep="last", maintain_order=True)
    return grid.join_asof(newest, on="session", by=by, strategy="backward", check_sortedness=False)


@dataclass(frozen=True)
class State:
    """A group of monthly series as known from `session` on; NaN where a series has no value for a month.

    `months` are all months from the first to the last that any series has; `knowledge_time` is the newest of the rows.
    """

    session: date
    months: Months
    values: Mapping[str, Vector]
    knowledge_time: datetime

    def common(self, *names: str) -> tuple[Months, list[Vector]]:
        """Months up to the newest that all `names` have, from the month after the last hole, with their vectors.

        Empty when a series has nothing.
        """
        columns = [self.values[n] for n in names]
        there = np.flatnonzero(np.all([np.isfinite(c) for c in columns], axis=0))
        if not there.size:
            return self.months[:0], [c[:0] for c in columns]
        breaks = np.flatnonzero(np.diff(there) > 1)
        part = slice(int(there[breaks[-1] + 1] if breaks.size else there[0]), int(there[-1]) + 1)
        return self.months[part], [c[part] for c in columns]


def states(observations: pl.DataFrame, series_ids: Sequence[str], sessions: Sequence[date]) -> Iterator[State]:
    """The group's vectors at each session of change that matters to `sessions`: the last change at or before the
    first, and those after it. Nothing before the first row of any of the series."""
    rows = published(observations.filter(pl.col("series_id").is_in(list(series_ids)))).sort("session")
    if rows.is_empty():
        return
    month = rows["event_date"].dt.truncate("1mo").to_numpy().astype("datetime64[M]")
    first, last = month.min(), month.max()
    months = np.arange(first, last + 1)
    at = (month - first).astype(np.int64)
    column = (
        rows["series_id"].replace_strict(list(series_ids), range(len(series_ids)), return_dtype=pl.Int64).to_numpy()
    )
    value, known = rows["value"].to_numpy(), rows["knowledge_time"].to_physical().to_numpy()
    session = rows["session"].to_numpy()
    starts = np.flatnonzero(np.r_[True, session[1:] != session[:-1]])
    matrix, newest, reach = np.full((months.size, len(series_ids)), np.nan), -1, -1
    for i, start in enumerate(starts):
        end = starts[i + 1] if i + 1 < starts.size else session.size
        matrix[at[start:end], column[start:end]] = value[start:end]
        newest, reach = max(newest, int(known[start:end].max())), max(reach, int(at[start:end].max()))
        day = session[start].item()
        following = session[end].item() if end < session.size else None
        if day > sessions[-1]:
            return
        if following is None or following > sessions[0]:
            vectors = matrix[: reach + 1].copy()
            yield State(
                day,
                months[: reach + 1],
                {s: vectors[:, k] for k, s in enumerate(series_ids)},
                datetime.fromtimestamp(newest / 1e6, UTC),
            )


def judged(rows: pl.DataFrame, max_age: pl.Expr) -> pl.DataFrame:
    """Rows (session, event_date, value, reason) with `status`: missing without a value, stale beyond `max_age` days.

    `reason` may hold what a computation said of a missing number; it is empty where the status is ok.
    """
    age = (pl.col("session") - pl.col("event_date")).dt.total_days()
    words = pl.concat_str(
        pl.lit("newest is "), pl.col("event_date").cast(pl.String), pl.lit(", older than "), max_age, pl.lit(" days")
    )
    nothing = pl.when(pl.col("event_date").is_null()).then(pl.lit("nothing known"))
    status = (
        pl.when(pl.col("value").is_null()).then(pl.lit(MISSING)).when(age > max_age).then(pl.lit(STALE))
    ).otherwise(pl.lit(OK))
    return rows.with_columns(status=status).with_columns(
        reason=pl.when(pl.col("status") == STALE)
        .then(words)
        .when(pl.col("status") == MISSING)
        .then(pl.coalesce(nothing, pl.when(pl.col("reason") != "").then("reason"), pl.lit("not enough history")))
        .otherwise(pl.lit(""))
    )


def last_z(path: Vector, window: int = MONTHS, min_obs: int = MIN_MONTHS) -> float | None:
    """robust_z of the path's last value; None with too short a history or without a scale."""
    z: float | None = robust_z(pl.Series(path[-window:]), window, min_obs, last=1)[-1] if path.size else None
    return z


Path = Callable[[State], tuple[Months, Vector]]


@dataclass(frozen=True)
class Monthly:
    """A monthly feature: the path of a formula in one vintage of its series."""

    feature_id: str
    series: tuple[str, ...]
    path: Path
    proxy: bool = False


def monthly_features(
    observations: pl.DataFrame, features: Iterable[Monthly], sessions: Sequence[date], max_age: Mapping[str, int]
) -> pl.DataFrame:
    """FEATURE, one row per session and feature: the newest month of the vintage known then, and its z in that vintage.

    `max_age`: calendar days by series id; the smallest of a feature's series counts. Raises ValueError when one is
    missing.
    """
    features = tuple(features)
    require_ages(max_age, {s for f in features for s in f.series})
    groups: dict[tuple[str, ...], list[Monthly]] = {}
    for f in features:
        groups.setdefault(f.series, []).append(f)
    rows = [
        (state.session, f.feature_id, *_newest(f, state), state.knowledge_time)
        for series, members in groups.items()
        for state in states(observations, series, sessions)
        for f in members
    ]
    names = ["session", "feature_id", "event_date", "value", "z", "knowledge_time"]
    frame = pl.DataFrame(rows, schema={n: FEATURE[n] for n in names}, orient="row")
    fixed = pl.DataFrame(
        [(f.feature_id, len(f.series), f.proxy, min(max_age[s] for s in f.series)) for f in features],
        schema={"feature_id": pl.String, "n_inputs": pl.Int32, "proxy": pl.Boolean, "_age": pl.Int64},
        orient="row",
    )
    known = carry(frame.sort("session", maintain_order=True), sessions, "feature_id", fixed["feature_id"].to_list())
    out = judged(
        known.join(fixed, on="feature_id", maintain_order="left").with_columns(reason=pl.lit("")), pl.col("_age")
    )
    return out.select(list(FEATURE)).sort("session", "feature_id")


def _newest(feature: Monthly, state: State) -> tuple[date | None, float | None, float | None]:
    """First day of the newest month that its series have, the feature's value and its z."""
    months, path = feature.path(state)
    if path.size:
        return _first_day(months), float(path[-1]), last_z(path)
    months, _ = state.common(*feature.series)
    return (_first_day(months) if months.size else None), None, None


def _first_day(months: Months) -> date:
    day: date = months[-1].astype("datetime64[D]").item()
    return day
