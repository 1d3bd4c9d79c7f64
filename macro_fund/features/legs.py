"""What strategies trade, day by day: listed contracts where they settled, a stated stand-in where they did not.

Belongs here: silver/leg_returns: one row a day and instrument from rolled listed contracts or the instrument's
stand-in, with what trading and holding one costs. Does not belong here: the stand-ins' formulas (proxies.py) or
positions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.features.proxies import Known, proxy_returns
from macro_fund.instruments.contracts import Spec
from macro_fund.instruments.futures import margin_proxy
from macro_fund.settings import Instrument
from macro_fund.store.tables import TABLES

TABLE = TABLES["silver/leg_returns"]
_KEY = ("session", "trade_date", "instrument")


def leg_returns(
    listed: pl.DataFrame,
    marks: pl.DataFrame,
    known: Known,
    instruments: Sequence[Instrument],
    specs: Mapping[str, Spec],
    sessions: Sequence[date],
) -> pl.DataFrame:
    """silver/leg_returns that became known in `sessions`.

    listed: silver/instrument_returns, marks: silver/contract_marks, both with full history. Where an instrument has a
    stand-in, a settlement counts only when the one before is of the exchange's day before; other days are the
    stand-in's.
    """
    parts = [TABLE.empty()]
    for instrument in instruments:
        settled = _listed(instrument, listed.filter(pl.col("instrument") == instrument.id), marks, known, specs)
        if instrument.proxy is not None:
            settled = _filled(settled, _stand_in(instrument, known, specs))
        parts.append(settled.filter(pl.col("session").is_in(list(sessions))))
    return pl.concat([part.select(pl.col(n).cast(t) for n, t in TABLE.schema.items()) for part in parts]).sort(
        TABLE.sort
    )


def _listed(
    instrument: Instrument, rows: pl.DataFrame, marks: pl.DataFrame, known: Known, specs: Mapping[str, Spec]
) -> pl.DataFrame:
    """Rows of the rolled contracts, without gaps where a stand-in fills them."""
    rows = rows.drop_nulls(["dv01_brl", "delta_brl"]).sort("trade_date", "session")
    locked = marks.filter("limit_locked").select("trade_date", contract="contract").unique()
    rows = rows.join(locked.with_columns(limit_locked=True), on=["trade_date", "contract"], how="left").with_columns(
        pl.col("limit_locked").fill_null(False)
    )
    if instrument.proxy is not None and rows.height:
        days = rows.select("trade_date").unique().sort("trade_date")
        before = days["trade_date"].shift(1)
        gap = known.calendar.count_many(
            before.fill_null(days["trade_date"]), days["trade_date"], known_on=days["trade_date"]
        )
        near = days.filter(pl.Series(np.asarray(gap) == 1))
        rows = rows.join(near, on="trade_date", how="semi").drop_nulls("pnl_brl")
    unit = "dv01_brl" if instrument.spread_unit == "bp" else None
    point = pl.col(unit) if unit else pl.lit(instrument.point_value_brl)
    margin = np.zeros(0)
    if rows.height:
        dv01, delta = rows["dv01_brl"].to_numpy(), rows["delta_brl"].to_numpy()
        margin = margin_proxy(specs[instrument.root], rows["bdays"].clip(0).to_numpy(), dv01, delta)
    return rows.with_columns(
        pl.lit("listed").alias("basis"),
        pl.col("rate" if instrument.quoted_in_rates else "price").alias("level"),
        (instrument.half_spread * point + instrument.fee_brl).alias("cost_brl"),
        pl.Series("margin_brl", margin, dtype=pl.Float64),
        (pl.col("contract") != pl.col("next_contract")).alias("rolled"),
    ).drop_nulls("level")


def _stand_in(instrument: Instrument, known: Known, specs: Mapping[str, Spec]) -> pl.DataFrame:
    """Rows of the stand-in: it has no contract, so nothing rolls and no limit holds."""
    rows = proxy_returns(instrument, known)
    notional = rows["delta_brl"].to_numpy() if not instrument.quoted_in_rates else None
    if instrument.margin_share is not None:
        worth = np.abs(notional) if notional is not None else _face(instrument, rows)
        margin = instrument.margin_share * worth
    else:
        dv01, delta = rows["dv01_brl"].to_numpy(), rows["delta_brl"].to_numpy()
        margin = margin_proxy(specs[instrument.root], np.full(rows.height, instrument.tenor_bd), dv01, delta)
    return rows.with_columns(
        pl.lit(instrument.id).alias("instrument"),
        pl.lit("proxy").alias("basis"),
        (instrument.half_spread * pl.col("unit_brl") + instrument.fee_brl).alias("cost_brl"),
        pl.Series("margin_brl", margin, dtype=pl.Float64),
        pl.lit(False).alias("rolled"),
        pl.lit(False).alias("limit_locked"),
    )


def _face(instrument: Instrument, rows: pl.DataFrame) -> np.ndarray:
    """Face value in reais of a bond quoted by yield, from its DV01: exact enough for a margin of some percent."""
    years = instrument.tenor_bd / 252.0
    annuity = (1.0 - (1.0 + rows["level"].to_numpy()) ** -years) / np.maximum(rows["level"].to_numpy(), 1e-4)
    return np.asarray(rows["dv01_brl"].to_numpy() / np.maximum(annuity, 1e-9) * 1e4)


def _filled(settled: pl.DataFrame, stand_in: pl.DataFrame) -> pl.DataFrame:
    """Settlements, and the stand-in's row of each day that none was known of when the stand-in's was."""
    first = settled.group_by("trade_date", maintain_order=True).agg(pl.col("session").min().alias("settled_in"))
    rest = stand_in.join(first, on="trade_date", how="left").filter(
        pl.col("settled_in").is_null() | (pl.col("settled_in") > pl.col("session"))
    )
    columns = list(TABLE.schema)
    return pl.concat([settled.select(columns), rest.select(columns)], how="vertical_relaxed").unique(
        list(_KEY), keep="first", maintain_order=True
    )
