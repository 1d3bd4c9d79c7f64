"""What a strategy sees: one frozen bundle of frames, so that every strategy has the same signature.

Belongs here: the bundle and the paths of a series or an instrument cut from it. Does not belong here: any formula of a
strategy.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from macro_fund.settings import Instrument


@dataclass(frozen=True)
class Panel:
    """Frames with full history up to the last session asked for; `instruments` are those of config/instruments."""

    as_known: pl.DataFrame
    di_curve: pl.DataFrame
    ust_curve: pl.DataFrame
    instrument_returns: pl.DataFrame
    monetary_view: pl.DataFrame
    regime_view: pl.DataFrame
    instruments: tuple[Instrument, ...]

    def instrument(self, instrument_id: str) -> Instrument:
        """The instrument's settings; raises ValueError naming it when it is not in the panel."""
        for instrument in self.instruments:
            if instrument.id == instrument_id:
                return instrument
        known = ", ".join(i.id for i in self.instruments)
        raise ValueError(f"panel has no instrument {instrument_id}; pass those of config/instruments (has: {known})")

    def grid(self, sessions: list[date]) -> pl.DataFrame:
        """`session`: every session of as_known up to the last asked for, and those asked for themselves.

        States with a memory walk this grid from its start, whatever sessions are asked for.
        """
        if not sessions:
            raise ValueError("no sessions asked for; give at least one")
        history = self.as_known.filter(pl.col("session") <= sessions[-1])["session"].unique().to_list()
        return pl.DataFrame({"session": sorted({*history, *sessions})}, schema={"session": pl.Date})

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
        rows = (
            self.as_known.filter(
                (pl.col("series_id") == series_id) & (pl.col("session") <= last) & pl.col("value").is_finite()
            )
            .sort("session")
            .select("session", "event_date", "value")
        )
        before = pl.col("event_date").cum_max().shift(1)
        return rows.filter(before.is_null() | (pl.col("event_date") > before))

    def returns(self, instrument_id: str, last: date) -> pl.DataFrame:
        """instrument_returns of one instrument up to `last`, one row per trade_date, in order of knowledge."""
        rows = self.instrument_returns.filter(
            (pl.col("instrument") == instrument_id) & (pl.col("session") <= last)
        ).sort("session", "trade_date")
        before = pl.col("trade_date").cum_max().shift(1)
        return rows.filter(before.is_null() | (pl.col("trade_date") > before))
