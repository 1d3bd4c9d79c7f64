"""What the replay server serves of the catalogue: its stored rows as it prints them, and when it first shows each.

Belongs here: reading the server's data and rules into the shape of the bronze tables, without any of our connectors
and publication rules. Does not belong here: what is compared with it (test_three_clocks).

One function a provider: a frame with the columns of its bronze table that the server fills, and `shown` (UTC).
"""

from __future__ import annotations

import importlib
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import cache
from types import ModuleType
from typing import Any

import polars as pl

from macro_fund.settings import Series
from macro_fund.store.table import UTC_TIME
from macro_fund_tests.realworld import FOLDER

PAR = {"m1": "1 Mo", "m2": "2 Mo", "m3": "3 Mo", "m6": "6 Mo"} | {
    f"y{n}": f"{n} Yr" for n in (1, 2, 3, 5, 7, 10, 20, 30)
}
REAL = {f"y{n}": f"real:{n} YR" for n in (5, 7, 10, 20, 30)}
# Where a concept that has two tables changes from the old one to the new one.
NEW_TABLE_FROM = {7060: date(2020, 1, 1), 7062: date(2020, 2, 1)}
COT: dict[str, dict[str, tuple[str, str, str | None]]] = {
    "tff": {
        "dealer": ("dealer_positions_long_all", "dealer_positions_short_all", "dealer_positions_spread_all"),
        "asset_manager": ("asset_mgr_positions_long", "asset_mgr_positions_short", "asset_mgr_positions_spread"),
        "leveraged": ("lev_money_positions_long", "lev_money_positions_short", "lev_money_positions_spread"),
        "other_reportable": ("other_rept_positions_long", "other_rept_positions_short", "other_rept_positions_spread"),
        "nonreportable": ("nonrept_positions_long_all", "nonrept_positions_short_all", None),
    },
    "legacy": {
        "noncommercial": ("noncomm_positions_long_all", "noncomm_positions_short_all", "noncomm_postions_spread_all"),
        "commercial": ("comm_positions_long_all", "comm_positions_short_all", None),
        "nonreportable": ("nonrept_positions_long_all", "nonrept_positions_short_all", None),
    },
    "disagg": {
        "managed_money": ("m_money_positions_long_all", "m_money_positions_short_all", "m_money_positions_spread"),
    },
}
SELIC = {"LTN": "100000", "LFT": "210100", "NTN-B": "760199", "NTN-C": "770100", "NTN-F": "950199"}


@cache
def rules(name: str) -> ModuleType:
    """The server's own module: providers.br or providers.us."""
    if str(FOLDER) not in sys.path:
        sys.path.insert(0, str(FOLDER))
    return importlib.import_module(f"providers.{name}")


def table(name: str) -> pl.DataFrame:
    """A stored file, with `shown` where the file itself says from when its rows are public."""
    rows = pl.read_parquet(FOLDER / "data" / f"{name}.parquet")
    if "pub" not in rows.columns:
        return rows
    return rows.with_columns(pl.from_epoch("pub", "s").dt.replace_time_zone("UTC").cast(UTC_TIME).alias("shown"))


def printed(values: Iterable[float | None], decimals: int) -> list[float | None]:
    """Numbers as they come back from a text with so many decimals."""
    return [None if v is None else float(f"{v:.{decimals}f}") for v in values]


def _named(series: Sequence[Series], key: str) -> pl.DataFrame:
    """series_id and scale of the series, by code."""
    return pl.DataFrame([(s.code, s.id, s.scale) for s in series], [key, "series_id", "scale"], orient="row")


def _times(days: Iterable[Any], rule: Callable[[Any], datetime]) -> pl.Series:
    return pl.Series("shown", [rule(d) for d in days], UTC_TIME)


def _observations(rows: pl.DataFrame, series: Sequence[Series], key: str = "code") -> pl.DataFrame:
    """rows: code, date, value in the provider's unit, shown."""
    named = _named(series, key)
    found = rows.filter(pl.col("value").is_not_null()).join(named, on=key, how="inner")
    return found.select(
        "series_id", pl.col("date").alias("event_date"), (pl.col("value") * pl.col("scale")).alias("value"), "shown"
    )


def bcb_sgs(series: Sequence[Series]) -> pl.DataFrame:
    rows = table("br_sgs").unique(["code", "date"], keep="last", maintain_order=True)
    rows = rows.join(table("br_sgs_meta").select(pl.col("code").cast(pl.Int32), "dec"), on="code")
    values = [float(f"{v:.{d}f}") for v, d in rows.select("value", "dec").iter_rows()]
    return _observations(rows.with_columns(pl.col("code").cast(pl.String), value=pl.Series(values)), series)


def bcb_ptax(series: Sequence[Series]) -> pl.DataFrame:
    sides = {"compra": "USD:cotacaoCompra", "venda": "USD:cotacaoVenda"}
    rows = table("br_ptax").unpivot(list(sides), index=["date", "shown"], variable_name="code")
    return _observations(rows.with_columns(pl.col("code").replace_strict(sides)), series)


def bcb_focus(series: Sequence[Series]) -> pl.DataFrame:
    rows = table("br_focus").filter(pl.col("set") == "12m")
    return _observations(rows.with_columns(code=pl.lit("IPCA:N"), value="mediana"), series)


def bcb_focus_periods(series: Sequence[Series]) -> pl.DataFrame:
    (one,) = (s for s in series if s.code == "monthly:IPCA")
    return (
        table("br_focus")
        .filter(pl.col("set") != "12m")
        .select(
            pl.lit(one.id).alias("series_id"),
            pl.col("date").alias("event_date"),
            (pl.col("ref").str.slice(3) + "-" + pl.col("ref").str.slice(0, 2)).alias("reference"),
            (pl.col("mediana") * one.scale).alias("median"),
            *(pl.lit(None, pl.Float64).alias(c) for c in ("mean", "deviation", "minimum", "maximum")),
            pl.lit(None, pl.Int32).alias("respondents"),
            "shown",
        )
    )


def ibge(series: Sequence[Series]) -> pl.DataFrame:
    stored = {k: g for k, g in table("br_sidra").group_by("t", "v", "k")}
    parts = []
    for s in series:
        numbers, variable, *classes = s.code.split("/")
        categories = re.findall(r"\[(\d+)\]", "".join(classes))
        tables = [int(t) for t in numbers.split("|")]
        for t in tables if len(categories) <= 1 else ():
            rows = stored.get((t, int(variable), int(categories[0]) if categories else 0))
            if rows is None:
                continue
            if len(tables) == 2:
                change = NEW_TABLE_FROM[tables[1]]
                rows = rows.filter(pl.col("date") < change if t == tables[0] else pl.col("date") >= change)
            elif t in NEW_TABLE_FROM:
                rows = rows.filter(pl.col("date") >= NEW_TABLE_FROM[t])
            parts.append(rows.with_columns(code=pl.lit(s.code), value=pl.col("value").cast(pl.Float64, strict=False)))
    return _observations(pl.concat(parts), series)


@cache
def _fred_shown(code: str) -> pl.DataFrame:
    """date, value as printed, shown of one FRED id."""
    us = rules("us")
    meta = table("us_fred_series").filter(pl.col("series_id") == code).row(0, named=True)
    lists = {(r, d): us.at(day, "08:30") for r, d, _, day in table("us_release_dates").iter_rows()}
    rows = _fred_stored()[code]
    texts = [repr(round(v, 6)) for v in rows["value"] if v is not None]
    decimals = max((min(len(t.split(".")[1]), 6) for t in texts if "." in t and not t.endswith(".0")), default=0)
    shown = _times(rows["date"], lambda d: us.published(meta["rule"], d, meta["frequency_short"], lists))
    return rows.select("date", value=pl.Series(printed(rows["value"], decimals), dtype=pl.Float64)).with_columns(shown)


@cache
def _fred_stored() -> dict[str, pl.DataFrame]:
    recent = table("us_fred_obs").unique(["series_id", "date"], keep="last").sort("series_id", "date")
    return {str(k[0]): g for k, g in recent.group_by("series_id")}


def fred(series: Sequence[Series]) -> pl.DataFrame:
    known = [s.code for s in series if s.code in _fred_stored()]
    return _observations(pl.concat([_fred_shown(c).with_columns(code=pl.lit(c)) for c in known]), series)


def us_treasury(series: Sequence[Series]) -> pl.DataFrame:
    us, parts = rules("us"), []
    for name, columns in (("us_treasury_par", PAR), ("us_treasury_real", REAL)):
        rows = table(name).unique("date", keep="last")
        rows = rows.with_columns(_times(rows["date"], lambda d: us.at(d, "18:30")))
        rows = rows.unpivot(list(columns), index=["date", "shown"], variable_name="code")
        parts.append(rows.with_columns(pl.col("code").replace_strict(columns)))
    rows = pl.concat(parts)
    return _observations(rows.with_columns(value=pl.Series(printed(rows["value"], 2), dtype=pl.Float64)), series)


def nyfed(series: Sequence[Series]) -> pl.DataFrame:
    us, parts = rules("us"), []
    for code, path, hour in (("EFFR", "unsecured/effr", "09:00"), ("SOFR", "secured/sofr", "08:00")):
        rows = _fred_shown(code).with_columns(value=_fred_stored()[code]["value"]).filter(pl.col("value").is_not_null())
        own = pl.Series("own", [us.at(us.next_bd(d), hour) for d in rows["date"]], UTC_TIME)
        rate = rows.with_columns(own).select("date", "value", pl.max_horizontal("shown", "own").alias("shown"))
        parts.append(rate.with_columns(code=pl.lit(f"{path}:percentRate")))
        for field, target in (("targetRateFrom", "DFEDTARL"), ("targetRateTo", "DFEDTARU")) if code == "EFFR" else ():
            target_rows = _fred_shown(target).with_columns(value=_fred_stored()[target]["value"])
            both = rate.select("date", rate_shown="shown").join(target_rows, on="date")
            limit = both.select("date", "value", pl.max_horizontal("shown", "rate_shown").alias("shown"))
            parts.append(limit.with_columns(code=pl.lit(f"{path}:{field}")))
    return _observations(pl.concat(parts), series)


def cboe(series: Sequence[Series]) -> pl.DataFrame:
    us = rules("us")
    rows = table("mkt_cboe_daily").unique(["symbol", "date"], keep="last")
    rows = rows.select(code="symbol", date="date", value=pl.Series(printed(rows["close"], 6)))
    return _observations(rows.with_columns(_times(rows["date"], lambda d: us.at(d, "17:15"))), series)


def yahoo(series: Sequence[Series]) -> pl.DataFrame:
    us, parts = rules("us"), []
    wanted = {s.code for s in series}
    metas = {m["ticker"]: m for m in table("mkt_yahoo_meta").iter_rows(named=True)}
    stored = table("mkt_yahoo_daily").filter(pl.col("ticker").is_in(wanted)).unique(["ticker", "date"], keep="last")
    for (ticker,), rows in stored.group_by("ticker"):
        meta = metas[str(ticker)]
        cents = 100 if meta["currency"] == "USX" else 1
        value = pl.Series([None if v is None else v / cents for v in rows["close"]], dtype=pl.Float64)
        found = rows.select(code="ticker", date="date", value=value)
        shown = pl.Series("shown", [us._bar_times(meta, d)[1] for d in rows["date"]], UTC_TIME)
        parts.append(found.with_columns(shown))
    return _observations(pl.concat(parts), series)


def cftc(series: Sequence[Series]) -> pl.DataFrame:
    us, parts = rules("us"), []
    for report, categories in COT.items():
        rows = table(f"us_cot_{report}").unique(["date", "cftc_contract_market_code"], keep="last")
        code = pl.format(report + ":{}", "cftc_contract_market_code")
        rows = rows.with_columns(_times(rows["date"], us.cot_release), code=code)
        rows = rows.join(_named(series, "code"), on="code")
        for category, (long, short, spreading) in categories.items():
            part = rows.select(
                "series_id",
                pl.col("date").alias("event_date"),
                pl.col("cftc_contract_market_code").alias("market_code"),
                pl.lit(category).alias("category"),
                _whole(long).alias("long"),
                _whole(short).alias("short"),
                (_whole(spreading) if spreading else pl.lit(None, pl.Int64)).alias("spreading"),
                _whole("open_interest_all").alias("open_interest"),
                "shown",
            )
            parts.append(part.filter(pl.col("long").is_not_null() & pl.col("short").is_not_null()))
    return pl.concat(parts)


def _whole(column: str) -> pl.Expr:
    return pl.col(column).str.strip_chars().cast(pl.Float64, strict=False).cast(pl.Int64)


@cache
def folded(text: str) -> str:
    """What two renderings of one text share: everything but white space, invisible characters and kinds of hyphen."""
    composed = unicodedata.normalize("NFC", text).replace("\u2010", "-").replace("\u2011", "-")
    return "".join(c for c in composed if not c.isspace() and unicodedata.category(c) != "Cf")


def copom(series: Sequence[Series]) -> pl.DataFrame:
    (one,) = (s for s in series if s.code == "atas")
    rows = table("br_copom").filter((pl.col("nro") >= 48) & (pl.col("texto").str.strip_chars() != ""))
    return rows.select(
        pl.lit(one.id).alias("series_id"),
        pl.col("end").alias("event_date"),
        pl.col("nro").cast(pl.String).alias("document"),
        pl.col("texto").map_elements(folded, pl.String).alias("text"),
        "shown",
    )


def fomc(series: Sequence[Series]) -> pl.DataFrame:
    us = rules("us")
    ids = {kind: next(s.id for s in series if s.code == kind) for kind in ("statements", "minutes")}
    rows = table("us_fomc_docs")
    pages = [_page(us, r) for r in rows.iter_rows(named=True)]
    return rows.select(
        pl.when(pl.col("type") == "Minutes")
        .then(pl.lit(ids["minutes"]))
        .otherwise(pl.lit(ids["statements"]))
        .alias("series_id"),
        pl.col("date").alias("event_date"),
        pl.Series("text", pages),
        _times(rows.iter_rows(named=True), us.fed_release),
    )


def _page(us: ModuleType, row: dict[str, Any]) -> str:
    """What stands on a document's page: minutes have their title and release day around the text."""
    text = row["text"] or ""
    if row["type"] == "Minutes":
        title = f"Minutes of the Federal Open Market Committee {us._long(row['date'])}"
        text = f"{title} {text} (Released {us._long(row['release'])})"
    return folded(text)


def anbima_vna(series: Sequence[Series]) -> pl.DataFrame:
    rows = table("br_vna")
    return _observations(rows.with_columns(code=pl.lit("NTN-B"), value=pl.Series(printed(rows["vna"], 6))), series)


def anbima_bonds(series: Sequence[Series]) -> pl.DataFrame:
    """Each file is there for five business days only; see `kept`."""
    rows = table("br_tpf").join(_named(series, "titulo"), on="titulo")
    selic = pl.col("titulo").replace_strict(SELIC)
    return rows.select(
        "series_id",
        pl.col("date").alias("event_date"),
        pl.format("{} {} {}", "titulo", selic, pl.col("venc").cast(pl.String)).alias("bond"),
        pl.col("venc").alias("maturity"),
        pl.Series("rate", printed(rows["taxa"], 4)) * rows["scale"],
        pl.Series("price", printed(rows["pu"], 6), pl.Float64),
        *(pl.lit(None, pl.Float64).alias(c) for c in ("bid_rate", "ask_rate", "deviation")),
        "shown",
    )


def kept(rows: pl.DataFrame, clock: datetime) -> pl.DataFrame:
    """The rows of the files that ANBIMA has not taken down by `clock`."""
    br = rules("br")
    today = clock.astimezone(br.BRT).date()
    last = max(d for d in pl.date_range(today.replace(day=1), today, eager=True).to_list() if br.is_bd(d))
    days = rows["event_date"].unique().to_list()
    return rows.filter(pl.col("event_date").is_in([d for d in days if br.bd_between(d, last) <= 5]))


def tesouro_direto(series: Sequence[Series]) -> pl.DataFrame:
    rows = table("br_td").join(_named(series, "tipo"), on="tipo")
    columns = {"buy_rate": "tc", "sell_rate": "tv", "buy_price": "pc", "sell_price": "pv", "base_price": "pb"}
    return rows.select(
        "series_id",
        pl.col("date").alias("event_date"),
        pl.format("{} {}", "tipo", pl.col("venc").cast(pl.String)).alias("bond"),
        pl.col("venc").alias("maturity"),
        *(
            pl.Series(name, printed(rows[column], 2), pl.Float64) * (rows["scale"] if name.endswith("rate") else 1.0)
            for name, column in columns.items()
        ),
        "shown",
    )


def b3_curves(series: Sequence[Series]) -> pl.DataFrame:
    rows = table("br_curves").join(_named(series, "curve"), on="curve")
    return rows.select(
        "series_id",
        pl.col("date").alias("event_date"),
        pl.col("cur_days").alias("calendar_days"),
        pl.col("biz_days").alias("business_days"),
        pl.Series("rate", [round(r * 100 * 1e7) / 1e9 for r in rows["rate"]]),
        (pl.col("biz_days") == 1).alias("fixed_vertex"),
        "shown",
    )


def b3_settlements(series: Sequence[Series]) -> pl.DataFrame:
    """DI1 with the two decimals of its PU, other contracts as they are stored; rates with three decimals."""
    di1 = table("br_di1").with_columns(commodity=pl.lit("DI1"))
    di1 = di1.with_columns(pl.Series("price", printed(di1["price"], 2), pl.Float64))
    rows = pl.concat([di1, table("br_fut")], how="diagonal").join(_named(series, "commodity"), on="commodity")
    percent = printed(rows["tax"], 3)
    # Divided one by one: polars multiplies by 0.01 instead, which is not always the nearest number.
    rate = pl.Series("rate", [None if p is None else p / 100 for p in percent], pl.Float64)
    by_rate = pl.col("commodity") == "FRC"
    return rows.with_columns(pl.Series("percent", percent, pl.Float64), rate).select(
        "series_id",
        pl.col("date").alias("event_date"),
        pl.col("symbol").alias("contract"),
        pl.col("commodity").alias("root"),
        pl.when(by_rate).then("percent").otherwise("price").alias("settle_price"),
        pl.col("rate").alias("settle_rate"),
        pl.lit(None, pl.Int64).alias("open_interest"),
        pl.col("shown").max().over("date"),
    )


_ALL: tuple[Callable[[Sequence[Series]], pl.DataFrame], ...] = (
    *(bcb_sgs, bcb_ptax, bcb_focus, bcb_focus_periods, ibge, fred, us_treasury, nyfed, cboe, yahoo, cftc),
    *(copom, fomc, anbima_vna, anbima_bonds, tesouro_direto, b3_curves, b3_settlements),
)
PROVIDERS = {f.__name__: f for f in _ALL}
