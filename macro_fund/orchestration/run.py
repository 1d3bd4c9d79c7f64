"""What an asset's computation may see and do: a window of keys, the tables upstream, the home.

Belongs here: reading inputs point in time, leaving out partitions whose gate failed, remembering what was read.
Does not belong here: Dagster (assets.py) or any formula.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import polars as pl

from macro_fund.home import Home
from macro_fund.store.table import Table
from macro_fund.store.verdicts import failed_gates


@dataclass
class Run:
    """One materialization of one asset for consecutive partition keys.

    Nothing it returns holds a row that became known after the as_of of the last key. `side` holds the rows beside the
    asset's own (quarantine, failures) for its checks, `shown` Markdown for the asset's page.
    """

    home: Home
    table: Table
    keys: tuple[date, ...]
    read_digests: dict[str, str] = field(default_factory=dict)
    refused: dict[date, list[str]] = field(default_factory=dict)
    old_curves: dict[date, str] = field(default_factory=dict)
    side: dict[str, pl.DataFrame] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)

    @property
    def excluded(self) -> list[str]:
        """Every partition that was left out, with the verdict's words."""
        return [line for lines in self.refused.values() for line in lines]

    @property
    def last(self) -> date:
        return self.keys[-1]

    @cached_property
    def sessions(self) -> list[date]:
        """Sessions whose rows this run must give."""
        return self.home.output_sessions(self.keys)

    @property
    def fund_sessions(self) -> list[date]:
        """Sessions of the run on which the fund exists: the opening partition holds one of them, its inception."""
        return [s for s in self.sessions if s >= self.home.inception]

    @property
    def inside(self) -> pl.Expr:
        """True for rows of the sessions that this run must give."""
        return pl.col("session").is_between(self.sessions[0], self.last)

    @cached_property
    def history(self) -> list[date]:
        """Every session from history_start to the last key: where path-dependent state starts."""
        return self.home.sessions.keys(self.home.settings.fund.history_start, self.last)

    def read(self, table_key: str, columns: Sequence[str] | None = None, where: pl.Expr | None = None) -> pl.DataFrame:
        """All rows (`columns` only, and those `where`, if given) of an upstream table known by the last key, without
        partitions whose gate failed."""
        keys = self.home.lake.keys(table_key, self.last)
        failed = failed_gates(self.home.lake, table_key, keys)
        for k, why in failed.items():
            self.refused.setdefault(k, []).append(f"{table_key} {k}: {why}")
        kept = [k for k in keys if k not in failed]
        self.read_digests[table_key] = _digest_of([self.home.lake.digest(table_key, k) for k in kept])
        frame = self.home.lake.read(table_key, only=kept, columns=columns, where=where)
        if table_key == "silver/di_curve":
            self._note_old_curves(frame)
        return frame

    def observed(self, series: Iterable[str]) -> pl.DataFrame:
        """Rows of silver/observations of the named series."""
        return self.read("silver/observations", where=pl.col("series_id").is_in(list(series)))

    @property
    def max_age(self) -> dict[str, int]:
        """Calendar days after which a value counts as stale, by series id."""
        return {s.id: s.max_age_days for s in self.home.settings.series}

    def _note_old_curves(self, curve: pl.DataFrame) -> None:
        """A session without a new settlement repeats the last curve; whoever reads it must say so."""
        newest = curve.filter(self.inside).group_by("session", maintain_order=True).agg(pl.col("curve_date").max())
        old = newest.join(self.home.sessions.frame(), on="session").filter(
            pl.col("curve_date") < pl.col("prev_session")
        )
        self.old_curves |= {
            s: f"DI curve of {d}" for s, d in old.sort("session").select("session", "curve_date").rows()
        }

    def read_own(self, frame: pl.DataFrame) -> pl.DataFrame:
        """This asset's rows of earlier partitions, then `frame`, the ones being written."""
        return pl.concat([self.home.lake.read(self.table.key, only=self._earlier), frame])

    def read_recent(self, frame: pl.DataFrame, sessions: int) -> pl.DataFrame:
        """Of `read_own` the rows of the newest `sessions` sessions that have any, without reading the others' rows."""
        lake, key = self.home.lake, self.table.key
        days = pl.concat([lake.read(key, only=self._earlier, columns=["session"]), frame.select("session")])
        newest = days["session"].unique().sort().tail(sessions)
        recent = pl.col("session") >= newest.min()
        return pl.concat([lake.read(key, only=self._earlier, where=recent), frame.filter(recent)])

    @property
    def _earlier(self) -> list[date]:
        """Keys of this asset's partitions before the ones being written."""
        return [k for k in self.own_keys if k < self.keys[0]]

    @property
    def own_keys(self) -> list[date]:
        return self.home.lake.keys(self.table.key, self.last)

    def output(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The frame's rows of this run's sessions, columns in the table's order."""
        return frame.filter(self.inside).select(list(self.table.schema))

    def split(self, frame: pl.DataFrame) -> dict[date, pl.DataFrame]:
        """Rows by partition key: sessions up to the inception are in the opening partition."""
        keyed = frame.with_columns(pl.max_horizontal("session", pl.lit(self.home.inception)).alias("_key"))
        parts = {k[0]: f.drop("_key") for k, f in keyed.partition_by("_key", as_dict=True).items()}
        return {k: parts.get(k, frame.clear()) for k in self.keys}

    @property
    def inputs_digest(self) -> str:
        """One digest of everything that was read."""
        return _digest_of([f"{k}={v}" for k, v in sorted(self.read_digests.items())])


def _digest_of(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
