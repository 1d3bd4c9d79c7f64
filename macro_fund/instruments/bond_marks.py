"""Marks of government bonds: ANBIMA's indicative rates priced by our own arithmetic, and the check of the prices.

Belongs here: bronze rows -> silver/bond_marks. Does not belong here: the formulas (bonds.py), curves, positions.

A rate or a nominal value that arrives late or is corrected comes as a new row in the session in which it arrived.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.curves.flat_forward import YEAR_BD
from macro_fund.curves.known import as_known, vintages
from macro_fund.instruments.bonds import PU_DECIMALS, RATE_DECIMALS, TITLES, dv01, price, pu, schedule
from macro_fund.instruments.decimals import has_decimals
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import BusinessCalendar

TITLE_OF = {"br_tpf_ltn": "LTN", "br_tpf_lft": "LFT", "br_tpf_ntnf": "NTN-F", "br_tpf_ntnb": "NTN-B"}
VNA_OF = {"br_vna_ntnb": "NTN-B"}  # of LFT none of the sources gives it
HALF_MILLIONTH = 5e-7
_TABLE = TABLES["silver/bond_marks"]
_KEY = ["bond", "event_date"]


def bond_marks(
    bonds: pl.DataFrame, vna: pl.DataFrame, sessions: Sequence[date], calendar: BusinessCalendar
) -> pl.DataFrame:
    """silver/bond_marks of the rates that became known in `sessions`, or whose nominal value did.

    bonds: bronze/anbima_bonds rows; vna: bronze/anbima_vna rows (BRL); calendar: ANBIMA's. Titles without a formula
    here (NTN-C) are left out. A bond without a PU says why in `reason`.
    """
    title = pl.col("series_id").replace_strict(TITLE_OF, return_dtype=pl.String)
    quotes = vintages(bonds.filter(pl.col("series_id").is_in(list(TITLE_OF))), _KEY)
    quotes = quotes.select("session", *_KEY, "maturity", "rate", title.alias("title"), anbima_pu_brl="price")
    values = vintages(vna.filter(pl.col("series_id").is_in(list(VNA_OF))), ["event_date"])
    values = values.select(
        "session",
        "event_date",
        pl.col("series_id").replace_strict(VNA_OF, return_dtype=pl.String).alias("title"),
        vna_brl="value",
    )
    issued = pl.concat([quotes.select("session", *_KEY), _valued_anew(quotes, values)]).unique()
    issued = issued.filter(pl.col("session").is_in(list(sessions))).sort("session", *_KEY)
    if issued.is_empty():
        return _TABLE.empty()
    rows = as_known(as_known(issued, quotes, _KEY), values, ["event_date", "title"])
    bdays = calendar.count_many(rows["event_date"], rows["maturity"], known_on=rows["event_date"])
    rows = rows.with_columns(_reason(rows), bdays=pl.Series(bdays, dtype=pl.Int32))
    return (
        pl.concat([_priced(part, calendar) for part in rows.partition_by("title", maintain_order=True)])
        .with_columns(
            years=pl.col("bdays") * (1 / YEAR_BD), error_brl=(pl.col("pu_brl") - pl.col("anbima_pu_brl")).round(6)
        )
        .rename({"event_date": "trade_date"})
        .select(list(_TABLE.schema))
        .cast(pl.Schema(_TABLE.schema))
        .sort(_TABLE.sort)
    )


def differs_from_anbima(marks: pl.DataFrame) -> pl.DataFrame:
    """Rows (session, item, reason) of silver/bond_marks whose PU is not ANBIMA's to the sixth decimal."""
    gap = pl.col("pu_brl") - pl.col("anbima_pu_brl")
    text = pl.format("PU {} where ANBIMA has {} (VNA {})", "pu_brl", "anbima_pu_brl", pl.col("vna_brl").fill_null(0.0))
    return marks.filter(gap.abs() > HALF_MILLIONTH).select("session", _item(), text.alias("reason"))


def not_from_its_rate(marks: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Rows (session, item, reason) of silver/bond_marks whose PU, or lack of one, does not follow from their own cells.

    The price is computed again without cutting: what was cut off is at least 0 and less than its last step (one of the
    quote's decimals times the VNA, or a millionth), but for the rounding of the flows.
    """
    silent = marks.filter(pl.col("pu_brl").is_null() != (pl.col("reason") != ""))
    found = [silent.select("session", _item(), pl.lit("PU and reason do not go together").alias("reason"))]
    for part in marks.drop_nulls("pu_brl").partition_by("title", maintain_order=True):
        title = part["title"][0]
        bonds = schedule(title, part["trade_date"], part["maturity"], calendar)
        nominal = part["vna_brl"].to_numpy() if TITLES[title].indexed else None
        off = price(bonds, part["rate"].to_numpy(), nominal) - part["pu_brl"].to_numpy()
        step = 1e-6 + (0.0 if nominal is None else nominal * 1e-6)
        wrong = part.with_columns(off=pl.Series(off)).filter(pl.Series(~((off > -0.1 * step) & (off < 1.1 * step))))
        text = pl.format("PU {} is {} below the price at the rate {}", "pu_brl", pl.col("off").round(6), "rate")
        found.append(wrong.select("session", _item(), text.alias("reason")))
    return pl.concat(found)


def _item() -> pl.Expr:
    return pl.format("{} {}", "bond", "trade_date").alias("item")


def _valued_anew(quotes: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    """(session, bond, event_date) of the quotes, known before, whose nominal value is new in `session`."""
    first = quotes.group_by(*_KEY, "title", maintain_order=True).agg(pl.col("session").min().alias("first"))
    later = first.join(values, on=["event_date", "title"], how="inner").filter(pl.col("session") > pl.col("first"))
    return later.select("session", *_KEY)


def _reason(rows: pl.DataFrame) -> pl.Expr:
    """Why a row has no PU; empty where it has one."""
    exact_rate = pl.Series(has_decimals(rows["rate"].to_numpy(), RATE_DECIMALS))
    exact_vna = pl.Series(has_decimals(rows["vna_brl"].fill_null(0.0).to_numpy(), PU_DECIMALS))
    indexed = pl.col("title").is_in([name for name, terms in TITLES.items() if terms.indexed])
    return (
        pl.when(pl.col("maturity") <= pl.col("event_date"))
        .then(pl.lit("matured"))
        .when(~pl.col("title").is_in(list(VNA_OF.values())) & indexed)
        .then(pl.lit("no source gives the VNA of this title"))
        .when(indexed & pl.col("vna_brl").is_null())
        .then(pl.lit("the VNA of the day is not known"))
        .when(~pl.lit(exact_rate))
        .then(pl.lit("the rate has more than six decimals"))
        .when(~pl.lit(exact_vna))
        .then(pl.lit("the VNA has more than six decimals"))
        .otherwise(pl.lit(""))
        .alias("reason")
    )


def _priced(rows: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Rows of one title with pu_brl and dv01_brl, null where there is a reason."""
    title, usable = rows["title"][0], (rows["reason"] == "").to_numpy()
    values = np.full((2, rows.height), np.nan)
    live = rows.filter(pl.Series(usable))
    if live.height:
        bonds = schedule(title, live["event_date"], live["maturity"], calendar)
        rate = live["rate"].to_numpy()
        nominal = live["vna_brl"].to_numpy() if TITLES[title].indexed else None
        values[:, usable] = pu(bonds, rate, nominal), dv01(bonds, rate, nominal)
    return rows.with_columns(pu_brl=pl.Series(values[0]).fill_nan(None), dv01_brl=pl.Series(values[1]).fill_nan(None))
