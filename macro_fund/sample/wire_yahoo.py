"""Yahoo chart v8: daily bars as JSON.

Belongs here: the chart's shape, its meta and its errors, and bars made around the closes. Does not belong here: the
closes (`catalogue`).

The meta of an answer describes the last bar in it, not the present: the same question has the same answer whenever it
is asked.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime, time
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from macro_fund.sample.noise import Floats, stream
from macro_fund.sample.public import Instants, Published, View, published, series_by_code
from macro_fund.sample.wire import MARK, Ask, json_reply
from macro_fund.sources.http import Reply
from macro_fund.time.zones import to_utc

HOST = "query1.finance.yahoo.com"
_PATH = re.compile(r"/v8/finance/chart/([^/]+)/?")
_RANGES = ["1d", "5d", "1mo", "3mo", "6mo", "1y", "2y", "5y", "10y", "ytd", "max"]
_INTERVALS = ("1d",)
_FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Listing:
    """What the meta says about a symbol. opens, closes: local trading hours; the bar carries the opening.

    per_unit: quoted prices in one unit of the series: 100 where the symbol is quoted in cents.
    """

    currency: str
    exchange: str
    full_name: str
    kind: str
    zone: str
    opens: time
    closes: time
    volume: float
    per_unit: int = 1


_NEW_YORK, _LONDON = "America/New_York", "Europe/London"


def _index(
    currency: str, exchange: str, full_name: str, zone: str, opens: time, closes: time, volume: float
) -> Listing:
    return Listing(currency, exchange, full_name, "INDEX", zone, opens, closes, volume)


def _american(exchange: str, full_name: str, volume: float, kind: str = "ETF") -> Listing:
    """A share or fund in New York."""
    return Listing("USD", exchange, full_name, kind, _NEW_YORK, time(9, 30), time(16), volume)


def _future(exchange: str, full_name: str, volume: float, currency: str = "USD") -> Listing:
    """A front future; the bar is a day of New York."""
    per_unit = 100 if currency == "USX" else 1
    return Listing(currency, exchange, full_name, "FUTURE", _NEW_YORK, time(0), time(17), volume, per_unit)


def _currency(quoted: str) -> Listing:
    """An exchange rate; the bar is a day of London."""
    return Listing(quoted, "CCY", "CCY", "CURRENCY", _LONDON, time(0), time(23, 59), 0.0)


LISTINGS = {
    "us_spx": _index("USD", "SNP", "SNP", _NEW_YORK, time(9, 30), time(16), 3.8e9),
    "eq_ndx": _index("USD", "NIM", "Nasdaq GIDS", _NEW_YORK, time(9, 30), time(16), 4.5e9),
    "eq_rut": _index("USD", "WCB", "Cboe Indices", _NEW_YORK, time(9, 30), time(16), 3.8e9),
    "br_ibov": _index("BRL", "SAO", "São Paulo", "America/Sao_Paulo", time(10), time(18), 9.0e6),
    "eq_hsi": _index("HKD", "HKG", "HKSE", "Asia/Hong_Kong", time(9, 30), time(16, 10), 2.0e9),
    "eq_n225": _index("JPY", "OSA", "Osaka", "Asia/Tokyo", time(9), time(15, 30), 1.2e8),
    "eq_sx5e": _index("EUR", "ZRH", "Zurich", "Europe/Zurich", time(9), time(17, 30), 3.0e7),
    "vol_move": _index("USD", "NYS", "NYSE", _NEW_YORK, time(9, 30), time(17), 0.0),
    "fx_dxy": _index("USD", "NYB", "ICE Futures", _NEW_YORK, time(0), time(17), 0.0),
    "eq_eem": _american("PCX", "NYSEArca", 4.0e7),
    "eq_ewz": _american("PCX", "NYSEArca", 2.5e7),
    "eq_eww": _american("PCX", "NYSEArca", 3.0e6),
    "eq_pbr_adr": _american("NYQ", "NYSE", 2.0e7, "EQUITY"),
    "eq_vale_adr": _american("NYQ", "NYSE", 3.0e7, "EQUITY"),
    "etf_hyg": _american("PCX", "NYSEArca", 3.0e7),
    "etf_lqd": _american("PCX", "NYSEArca", 2.0e7),
    "etf_tlt": _american("NGM", "NasdaqGM", 3.0e7),
    "cmd_wti_fut": _future("NYM", "NY Mercantile", 3.0e5),
    "cmd_brent_fut": _future("NYM", "NY Mercantile", 3.0e4),
    "cmd_natgas_fut": _future("NYM", "NY Mercantile", 1.5e5),
    "cmd_gold_fut": _future("CMX", "COMEX", 2.0e5),
    "cmd_silver_fut": _future("CMX", "COMEX", 6.0e4),
    "cmd_copper_fut": _future("CMX", "COMEX", 5.0e4),
    "cmd_iron_ore_fut": _future("CMX", "COMEX", 10.0),
    "cmd_corn_fut": _future("CBT", "CBOT", 1.5e5, "USX"),
    "cmd_soy_fut": _future("CBT", "CBOT", 1.0e5, "USX"),
    "cmd_coffee_fut": _future("NYB", "ICE Futures", 2.0e4, "USX"),
    "cmd_sugar_fut": _future("NYB", "ICE Futures", 6.0e4, "USX"),
    "eq_es_fut": _future("CME", "CME", 1.5e6),
    "fx_brl_fut_cme": _future("CME", "CME", 2.0e3),
    "fx_usdmxn": _currency("MXN"),
    "fx_usdbrl_y": _currency("BRL"),
    "fx_eurbrl_y": _currency("BRL"),
    "fx_eurusd_y": _currency("USD"),
    "fx_gbpusd_y": _currency("USD"),
    "fx_usdjpy_y": _currency("JPY"),
    "fx_usdzar_y": _currency("ZAR"),
    "fx_usdclp_y": _currency("CLP"),
    "fx_usdcop_y": _currency("COP"),
    "fx_usdpen_y": _currency("PEN"),
    "fx_usdars_y": _currency("ARS"),
}


def answer(view: View, ask: Ask) -> Reply:
    """Daily bars with period1 <= opening < period2; errors as Yahoo words them."""
    found = _PATH.fullmatch(ask.path)
    if found is None:
        return json_reply({"finance": {"result": None, "error": {"code": "Not Found"}}}, 404)
    series = series_by_code().get(("yahoo", found[1].upper()))
    if series is None:
        return _error(404, "Not Found", "No data found, symbol may be delisted")
    interval = ask.query.get("interval", "1d")
    if interval not in _INTERVALS:
        return _error(422, "Unprocessable Entity", f"Invalid input - interval={interval} is not supported.")
    first, last = ask.query.get("period1", ""), ask.query.get("period2", "")
    if not (first.lstrip("-").isdigit() and last.lstrip("-").isdigit()):
        return _error(400, "Bad Request", "Invalid input - start date and end date must be numeric")
    item, opening = published(view.seed, series.id), _openings(view.seed, series.id)
    lo, hi = np.searchsorted(opening, [int(first), int(last)])
    keep = np.flatnonzero(view.shown(item.served[lo:hi])) + lo
    if not keep.size:
        return _error(400, "Bad Request", f"Data doesn't exist for startDate = {first}, endDate = {last}")
    return json_reply({"chart": {"result": [_result(view, item, keep)], "error": None}})


def _error(status: int, code: str, description: str) -> Reply:
    return json_reply({"chart": {"result": None, "error": {"code": code, "description": description}}}, status)


@cache
def _openings(seed: int, series_id: str) -> Instants:
    """Opening of each bar in seconds since 1970."""
    listing, item = LISTINGS[series_id], published(seed, series_id)
    opened = to_utc(pl.Series(item.days, dtype=pl.Date), listing.opens, listing.zone)
    return opened.to_physical().to_numpy() // 1_000_000


@cache
def _bars(seed: int, series_id: str) -> Floats:
    """Quoted open, high, low, close and volume of each bar (columns of _FIELDS); NaN where the close is missing."""
    item, listing = published(seed, series_id), LISTINGS[series_id]
    rng = stream(seed, f"bars {series_id}")
    close = item.values * listing.per_unit
    known = np.where(np.isnan(close), np.nanmedian(close), close)
    opened = np.concatenate([known[:1], known[:-1]]) * (1 + 0.001 * rng.standard_normal(known.size))
    high = np.maximum(opened, known) * (1 + 0.003 * rng.random(known.size))
    low = np.minimum(opened, known) * (1 - 0.003 * rng.random(known.size))
    volume = np.round(listing.volume * np.exp(0.25 * rng.standard_normal(known.size)))
    bars = np.column_stack([opened, high, low, close, volume])
    bars[np.isnan(close)] = np.nan
    return bars


def _result(view: View, item: Published, keep: np.ndarray) -> dict[str, Any]:
    bars = view.poisoned(_bars(view.seed, item.series.id)[keep], item.known[keep, None])
    columns = {f: _column(bars[:, i], _decimals(item)) for i, f in enumerate(_FIELDS)}
    columns["volume"] = [None if v is None else int(v) for v in columns["volume"]]
    stamps = _openings(view.seed, item.series.id)[keep].tolist()
    return {
        "meta": _meta(item, stamps, columns["close"]),
        "timestamp": stamps,
        "indicators": {"quote": [columns], "adjclose": [{"adjclose": columns["close"]}]},
    }


def _decimals(item: Published) -> int:
    """Decimals that the symbol is quoted with; two fewer for cents."""
    return max(item.decimals - (2 if LISTINGS[item.series.id].per_unit == 100 else 0), 0)


def _column(values: Floats, decimals: int) -> list[Any]:
    return [None if math.isnan(v) else round(v, decimals) for v in values.tolist()]


def _meta(item: Published, stamps: list[int], closes: list[Any]) -> dict[str, Any]:
    listing = LISTINGS[item.series.id]
    zone = ZoneInfo(listing.zone)
    opened = datetime.fromtimestamp(stamps[-1], zone)
    closed = datetime.combine(opened.date(), listing.closes, zone)
    offset = opened.utcoffset()
    seconds = int(offset.total_seconds()) if offset is not None else 0
    end = int(closed.timestamp())
    trading = {"timezone": opened.tzname(), "start": stamps[-1], "end": end, "gmtoffset": seconds}
    prices = [c for c in closes if c is not None]
    return {
        "currency": listing.currency,
        "symbol": item.series.code,
        "exchangeName": listing.exchange,
        "fullExchangeName": listing.full_name,
        "instrumentType": listing.kind,
        "regularMarketTime": end,
        "hasPrePostMarketData": False,
        "gmtoffset": seconds,
        "timezone": opened.tzname(),
        "exchangeTimezoneName": listing.zone,
        "regularMarketPrice": prices[-1] if prices else None,
        "longName": f"{MARK} {item.series.code}",
        "priceHint": _decimals(item),
        "currentTradingPeriod": {"pre": trading, "regular": trading, "post": trading},
        "dataGranularity": "1d",
        "range": "",
        "validRanges": _RANGES,
    }
