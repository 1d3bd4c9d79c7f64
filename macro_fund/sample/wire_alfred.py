"""FRED's API: the vintages of revised series.

Belongs here: the JSON of /fred/series/observations, its errors, and how first releases differ from what is known in
the end. Does not belong here: the final values (`catalogue`), which the graph files show from the start (`wire_us`).

A period's value comes out with an error, and is corrected when the next two periods are released.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import polars as pl

from macro_fund.sample.noise import Floats, stream
from macro_fund.sample.public import Published, View, published, series_by_code, text
from macro_fund.sample.wire import Ask, json_reply
from macro_fund.settings import Series
from macro_fund.sources.alfred import FOREVER, has_vintages
from macro_fund.sources.http import Reply
from macro_fund.sources.secrets import FRED_API_KEY
from macro_fund.time.zones import to_utc

HOST = "api.stlouisfed.org"
_KEY = re.compile(r"[a-z0-9]{32}|\{" + FRED_API_KEY + r"\}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MAX_VINTAGES = 2000
_MAX_LIMIT = 100_000
# Error of a period's first and second release, as a share of the usual step between periods.
_ERRORS = (0.15, 0.06, 0.0)


class _BadRequest(ValueError):
    """What the provider refuses, in its words."""


def answer(view: View, ask: Ask) -> Reply:
    """Vintages of one series; every refusal is a 400 with the provider's words."""
    if ask.path.rstrip("/") != "/fred/series/observations":
        return json_reply({"error_code": 404, "error_message": "Not Found."}, 404)
    try:
        return _observations(view, ask)
    except _BadRequest as error:
        return json_reply({"error_code": 400, "error_message": f"Bad Request.  {error}"}, 400)


def _observations(view: View, ask: Ask) -> Reply:
    series = _series(ask)
    days = {
        name: _day(ask, name, default)
        for name, default in (
            ("realtime_start", "1776-07-04"),
            ("realtime_end", FOREVER),
            ("observation_start", "1600-01-01"),
            ("observation_end", FOREVER),
        )
    }
    since, until = days["realtime_start"], days["realtime_end"]
    if since > until:
        raise _BadRequest("Variable realtime_start can not be after variable realtime_end.")
    rows = _periods(view, series)
    inside = rows.filter(pl.col("realtime_start").is_between(pl.lit(since), pl.lit(until)))
    if (count := inside["realtime_start"].n_unique()) > _MAX_VINTAGES:
        raise _BadRequest(
            f"There are {count} vintage dates in the specified real-time period: {since} to {until}.  "
            f"This exceeds the maximum number of vintage dates allowed ({_MAX_VINTAGES})."
        )
    rows = rows.filter(
        pl.col("date").is_between(pl.lit(days["observation_start"]), pl.lit(days["observation_end"])),
        pl.col("realtime_start") <= until,
        pl.col("realtime_end") >= since,
    ).with_columns(
        pl.max_horizontal("realtime_start", pl.lit(since)).alias("realtime_start"),
        pl.min_horizontal("realtime_end", pl.lit(until)).alias("realtime_end"),
    )
    limit, offset = _number(ask, "limit", _MAX_LIMIT), _number(ask, "offset", 0)
    form = {"units": "lin", "output_type": 1, "file_type": "json", "order_by": "observation_date", "sort_order": "asc"}
    page = {"count": rows.height, "offset": offset, "limit": limit}
    return json_reply({**days, **form, **page, "observations": rows[offset : offset + limit].to_dicts()})


def _series(ask: Ask) -> Series:
    key = ask.query.get("api_key", "")
    if not key:
        raise _BadRequest("Variable api_key has not been set.")
    if not _KEY.fullmatch(key):
        raise _BadRequest("The value for variable api_key is not registered.")
    found = series_by_code().get(("fred", ask.query.get("series_id", "").upper()))
    if found is None:
        raise _BadRequest("The series does not exist.")
    if not has_vintages(found) or ask.query.get("output_type", "1") != "1" or ask.query.get("file_type") != "json":
        raise _BadRequest("The sample world has vintages of revised series only, as output_type 1 in JSON.")
    return found


def _day(ask: Ask, name: str, default: str) -> str:
    value = ask.query.get(name, default)
    if not _DAY.fullmatch(value):
        raise _BadRequest(f"Variable {name} is not a valid date.")
    return value


def _number(ask: Ask, name: str, default: int) -> int:
    value = ask.query.get(name, str(default))
    if not value.isdigit():
        raise _BadRequest(f"Variable {name} is not an integer.")
    return int(value)


def _periods(view: View, series: Series) -> pl.DataFrame:
    """What is public: each value with the days of its first and last vintage, by event date; all columns are text."""
    rows = vintages(view.seed, series.id)
    known = rows["known"].to_physical().to_numpy()
    if view.poison_after is not None:
        spoiled = view.poisoned(rows["value"].to_numpy(), known)
        rows = rows.with_columns(_printed(spoiled, published(view.seed, series.id).decimals))
    rows = rows.drop("value").rename({"printed": "value"}).filter(pl.Series(view.shown(known)))
    changed = (pl.col("value") != pl.col("value").shift(1).over("event_date")).fill_null(True)
    rows = rows.filter(changed).with_columns(
        (pl.col("vintage").shift(-1).over("event_date") - pl.duration(days=1)).alias("ends")
    )
    return rows.select(
        pl.col("vintage").dt.to_string("%Y-%m-%d").alias("realtime_start"),
        pl.col("ends").dt.to_string("%Y-%m-%d").fill_null(FOREVER).alias("realtime_end"),
        pl.col("event_date").dt.to_string("%Y-%m-%d").alias("date"),
        "value",
    )


@cache
def vintages(seed: int, series_id: str) -> pl.DataFrame:
    """All releases of a series: event_date, vintage (day), known (the instant of that day's release), value, printed.

    Values are in the provider's unit, `printed` is their text. The last release of a period is its final value.
    """
    item = published(seed, series_id)
    released = pl.Series(item.known).cast(pl.Datetime("us", "UTC"))
    rule = item.series.publication
    day = released.dt.convert_time_zone(rule.tz).dt.date()
    parts = [
        pl.DataFrame(
            {"event_date": item.days[: day.len() - k], "vintage": day[k:], "value": values[: day.len() - k]}
        ).with_columns(pl.lit(k).alias("release"))
        for k, values in enumerate(_releases(seed, item))
    ]
    rows = pl.concat(parts).with_columns(pl.col("event_date").cast(pl.Date))
    rows = rows.sort("event_date", "vintage", "release").unique(["event_date", "vintage"], keep="last")
    rows = rows.sort("event_date", "vintage").drop("release")
    return rows.with_columns(
        to_utc(rows["vintage"], rule.at, rule.tz).alias("known"), _printed(rows["value"].to_numpy(), item.decimals)
    )


def _printed(values: Floats, decimals: int) -> pl.Series:
    """Values as the provider writes them; '.' for none."""
    return pl.Series("printed", [text(v, decimals) or "." for v in values.tolist()], pl.String)


def _releases(seed: int, item: Published) -> list[Floats]:
    """The values of each release, within the range of the final ones."""
    usual = float(np.nanstd(np.diff(item.values)))
    noise = stream(seed, f"revisions {item.series.id}")
    low, high = np.nanmin(item.values), np.nanmax(item.values)
    return [
        np.clip(
            np.round(item.values + share * usual * noise.standard_normal(item.values.size), item.decimals), low, high
        )
        for share in _ERRORS
    ]
