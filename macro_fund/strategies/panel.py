"""What a strategy sees: one frozen bundle of tables, so that every strategy has the same signature.

Belongs here: the bundle and the paths of a series, a view or an instrument cut from it. Does not belong here: any
formula of a strategy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from macro_fund.features.known import advancing, learned
from macro_fund.settings import Instrument, RatingAction


@dataclass(frozen=True)
class Panel:
    """Tables by key with full history up to the last session asked for: what a strategy declares as its inputs.

    `instruments` and `ratings` are those of config/; `history`: the fund's sessions from its history's first.
    """

    tables: Mapping[str, pl.DataFrame]
    instruments: tuple[Instrument, ...]
    ratings: tuple[RatingAction, ...] = ()
    history: tuple[date, ...] = ()

    def table(self, key: str) -> pl.DataFrame:
        """The table; raises ValueError when the strategy did not declare it."""
        if key not in self.tables:
            raise ValueError(
                f"{key} is not in the panel; add it to the strategy's inputs (has: {', '.join(self.tables)})"
            )
        return self.tables[key]

    @property
    def as_known(self) -> pl.DataFrame:
        return self.table("silver/as_known")

    def instrument(self, instrument_id: str) -> Instrument:
        """The instrument's settings; raises ValueError naming it when it is not in the panel."""
        for instrument in self.instruments:
            if instrument.id == instrument_id:
                return instrument
        known = ", ".join(i.id for i in self.instruments)
        raise ValueError(f"panel has no instrument {instrument_id}; pass those of config/instruments (has: {known})")

    def grid(self, sessions: list[date]) -> pl.DataFrame:
        """`session`: every session of the fund's history up to the last asked for, and those asked for themselves.

        States with a memory walk this grid from its start, whatever sessions are asked for.
        """
        if not sessions:
            raise ValueError("no sessions asked for; give at least one")
        before = [day for day in self.history if day <= sessions[-1]]
        return pl.DataFrame({"session": sorted({*before, *sessions})}, schema={"session": pl.Date})

    def level(self, series_id: str, grid: pl.DataFrame, name: str) -> pl.DataFrame:
        """grid with {name} (null where unknown) and {name}_state: ok, stale or missing, for each session."""
        rows = self.as_known.filter((pl.col("series_id") == series_id) & pl.col("value").is_finite())
        joined = grid.join(rows.select("session", "value", "stale"), on="session", how="left", maintain_order="left")
        state = (
            pl.when(pl.col("value").is_null())
            .then(pl.lit("missing"))
            .when("stale")
            .then(pl.lit("stale"))
            .otherwise(pl.lit("ok"))
        )
        return joined.select("session", pl.col("value").alias(name), state.alias(f"{name}_state"))

    def path(self, series_id: str, last: date) -> pl.DataFrame:
        """session, event_date, value: one row per new period in the order in which sessions learned it.

        Statistics run along this path, so that a foreign holiday is no zero return.
        """
        return learned(self.as_known.filter(pl.col("session") <= last), series_id)

    def view(self, key: str, columns: Sequence[str], grid: pl.DataFrame, prefix: str) -> pl.DataFrame:
        """grid with {prefix}_{column} of an agent's view and {prefix}_status (no_view where it has no row).

        A view has one row a session; numbers of a session without a view are null.
        """
        rows = self.table(key).select("session", *columns, "status")
        named = {c: f"{prefix}_{c}" for c in (*columns, "status")}
        joined = grid.select("session").join(rows.rename(named), on="session", how="left", maintain_order="left")
        return joined.with_columns(pl.col(f"{prefix}_status").fill_null("no_view"))

    def returns(self, instrument_id: str, last: date) -> pl.DataFrame:
        """silver/leg_returns of one instrument up to `last`, one row per trade_date, in order of knowledge."""
        rows = (
            self.table("silver/leg_returns")
            .filter((pl.col("instrument") == instrument_id) & (pl.col("session") <= last))
            .sort("session", "trade_date")
        )
        return advancing(rows, "trade_date")
