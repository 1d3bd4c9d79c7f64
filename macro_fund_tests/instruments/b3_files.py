"""B3's real settlements and curves, PTAX, CDI and VNA in the shape of the bronze tables, where they are there."""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.instruments.contracts import ROOTS, maturities
from macro_fund.settings import Publication
from macro_fund.time.publication import knowledge_times
from macro_fund.time.sessions import assign_session
from macro_fund_tests.instruments import market
from macro_fund_tests.realworld import FOLDER

DATA = FOLDER / "data"
ABSENT = "" if (DATA / "br_fut.parquet").is_file() else f"no real settlements in {DATA}"
EVENING = Publication.model_validate({"kind": "same_day", "at": "19:00:00"})


def _known(rows: pl.DataFrame, rule: Publication) -> pl.DataFrame:
    times = knowledge_times(rows["event_date"], rule, "D")
    return assign_session(rows.with_columns(knowledge_time=times), market.table())


def _values(file: str, value: str, start: date) -> pl.DataFrame:
    rows = pl.read_parquet(DATA / file).rename({"date": "event_date"}).filter(pl.col("event_date") >= start)
    return rows.select("event_date", value=value)


def settlements(start: date = date(2021, 1, 1)) -> pl.DataFrame:
    """Futures of ROOTS: all on 80 sessions of 2021, DI1 on every session from `start`; `prev` as B3 gives it."""
    columns = ["date", "symbol", "price", "tax", "prev"]
    files = [pl.read_parquet(DATA / f"br_{n}.parquet").select(columns) for n in ("di1", "fut")]
    future = rf"^({'|'.join(ROOTS)})[FGHJKMNQUVXZ]\d\d$"
    rows = pl.concat(files).filter(pl.col("date") >= start, pl.col("symbol").str.contains(future))
    rows = rows.unique(["date", "symbol"], keep="first", maintain_order=True)
    rows = rows.rename({"date": "event_date", "symbol": "contract", "price": "settle_price"})
    rows = rows.with_columns(
        root=pl.col("contract").str.head(3),
        maturity=maturities(rows["contract"], rows["event_date"]),
        settle_rate=(pl.col("tax") / 100).round(6),
    )
    return _known(rows.filter(pl.col("maturity") >= pl.col("event_date")), market.SETTLEMENT_RULE)


def cdi(start: date = date(2020, 12, 1)) -> pl.DataFrame:
    rows = pl.read_parquet(DATA / "br_sgs.parquet").filter(pl.col("code") == 12, pl.col("date") >= start)
    return _known(rows.select(event_date="date", value=pl.col("value") / 100), market.CDI_RULE)


def ptax(start: date = date(2020, 12, 1)) -> pl.DataFrame:
    return _known(_values("br_ptax.parquet", "venda", start), EVENING)


def vna(start: date = date(2020, 12, 1)) -> pl.DataFrame:
    return _known(_values("br_vna.parquet", "vna", start), EVENING)


def doc(start: date = date(2021, 1, 1)) -> pl.DataFrame:
    """B3's clean dollar coupon: (session, event_date, calendar_days, business_days, rate), printed to 1 bp."""
    rows = pl.read_parquet(DATA / "br_curves.parquet").filter(pl.col("curve") == "DOC", pl.col("date") >= start)
    rows = rows.select(event_date="date", calendar_days="cur_days", business_days="biz_days", rate="rate")
    return _known(rows, market.SETTLEMENT_RULE)
