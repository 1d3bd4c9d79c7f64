"""Cboe indices: both kinds of files, one that is not there, cut files, and the real data of the replay server."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest

from macro_fund.settings import Series, default_settings
from macro_fund.sources import cboe
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund_tests.realworld import FOLDER, RealWorld

SERIES = default_settings().series_of("cboe")
POLICY = default_settings().sources["cboe"]
HOST = "cdn.cboe.com"
VIX, VVIX, SKEW, VIX3M = (next(s for s in SERIES if s.code == c) for c in ("VIX", "VVIX", "SKEW", "VIX3M"))
DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
)
HEADER = b"DATE,OPEN,HIGH,LOW,CLOSE\n"


def answer(body: bytes, one: Series = VIX, status: int = 200) -> Payload:
    request = Request(
        "cboe", "GET", cboe.URL.format(code=one.code), f"Cboe {one.code} history to 2026-03-27", (one.id,)
    )
    return Payload(request, status, body, datetime(2026, 3, 28, tzinfo=UTC), hashlib.sha256(body).hexdigest())


def test_one_request_an_index_whatever_the_window() -> None:
    windows = {"vol_vix": (date(2019, 3, 25), date(2019, 3, 29)), "vol_skew": (date(2004, 1, 2), date(2024, 1, 12))}
    requests = cboe.plan(SERIES, windows, POLICY)
    assert [(r.url, r.items) for r in requests] == [
        ("https://cdn.cboe.com/api/global/us_indices/daily_prices/VIX_History.csv", ("vol_vix",)),
        ("https://cdn.cboe.com/api/global/us_indices/daily_prices/SKEW_History.csv", ("vol_skew",)),
    ]
    assert requests[0].label == "Cboe VIX history to 2019-03-29"


def test_the_close_of_a_file_with_four_prices() -> None:
    body = HEADER + b"01/02/1990,17.240000,17.240000,17.240000,17.240000\n03/27/2026,27.54,31.65,27.54,31.05\n"
    parsed = cboe.parse(answer(body), SERIES)
    assert parsed.rows.rows() == [("vol_vix", date(1990, 1, 2), 17.24), ("vol_vix", date(2026, 3, 27), 31.05)]
    assert parsed.rejected.is_empty()


@pytest.mark.parametrize("one", [SKEW, VVIX])
def test_the_one_column_of_a_file_with_two(one: Series) -> None:
    parsed = cboe.parse(answer(f"DATE,{one.code}\r\n03/26/2026,\r\n03/27/2026,139.0\r\n".encode(), one), SERIES)
    assert parsed.rows.rows() == [(one.id, date(2026, 3, 27), 139.0)]
    assert parsed.rejected.is_empty()


def test_a_file_need_not_reach_beyond_the_day_it_was_fetched() -> None:
    payload = answer(HEADER + b"03/18/2026,27.54,31.65,27.54,31.05\n")
    ahead = replace(payload, request=replace(payload.request, label="Cboe VIX history to 2027-01-31"))
    assert cboe.parse(ahead, SERIES).rows.height == 1


def test_text_and_bad_days_are_rejected_with_the_reason() -> None:
    body = HEADER + b"03/26/2026,27,28,26,NaN\n03/27/2026,27,28,26,n/a\n2026-03-27,27.54,31.65,27.54,31.05\n"
    parsed = cboe.parse(answer(body), SERIES)
    assert parsed.rows.is_empty()
    assert parsed.rejected.rows() == [
        ("vol_vix", date(2026, 3, 26), "NaN", "not a finite number: 'NaN'"),
        ("vol_vix", date(2026, 3, 27), "n/a", "not a number: 'n/a'"),
        ("vol_vix", None, "31.05", "day not readable"),
    ]


@pytest.mark.parametrize(
    ("body", "status", "message", "transient"),
    [
        (DENIED, 403, "not available: Cboe has no file of VIX", False),
        (b"Forbidden", 403, "refused by the provider", False),
        (b"<html><body>sorry</body></html>", 200, "a web page instead of data", True),
        (DENIED, 200, "a web page instead of data", True),
        (b"", 200, "empty answer", True),
        (HEADER + b"03/26/2026,27,28,26,27.4\n03/27/2026,27.54,31.65,27.54,31", 200, "line 3 is not complete", True),
        (HEADER + b"03/26/2026,27,28,26,27.4\n03/27/2026,27.54\n", 200, "line 3 is not complete", True),
        (HEADER + b"03/13/2026,27,28,26,27.4\n03/16/2026,27,31,27,28\n", 200, "it stops at 2026-03-16", True),
        (HEADER, 200, "cut file: it has no day", True),
        (b"DATE,SKEW\n03/27/2026,139.0\n", 200, "'DATE, VIX' is expected", False),
        (b"DATE,OPEN,HIGH,LOW,LAST\n03/27/2026,1,2,3,4\n", 200, "'DATE, OPEN, HIGH, LOW, CLOSE' is expected", False),
        (b"DATE,OPEN,HIGH,LOW,CLOSE,VOLUME\n03/27/2026,1,2,3,4,5\n", 200, "6 columns where", False),
    ],
)
def test_an_answer_that_is_not_the_index_names_it(body: bytes, status: int, message: str, transient: bool) -> None:
    with pytest.raises(SourceError, match="cboe: Cboe VIX history") as error:
        cboe.parse(answer(body, status=status), SERIES)
    assert message in str(error.value)
    assert error.value.transient is transient


# ---------------------------------------------------------------- the replay server

NOW = datetime(2022, 1, 1, tzinfo=UTC)


def ask(world: RealWorld, one: Series, **policy: float) -> Parsed:
    policies = {k: v.model_copy(update={"attempts": 1, **policy}) for k, v in default_settings().sources.items()}
    http = Http(ReplayUrlTransport(world.url), policies, None, lambda: NOW)
    (request,) = cboe.plan(SERIES, {one.id: (date(2019, 3, 1), date(2019, 3, 29))}, POLICY)
    return cboe.parse(http.fetch(request), SERIES)


@pytest.mark.realworld
@pytest.mark.parametrize("one", [VIX, VVIX, SKEW], ids=lambda s: s.code)
def test_every_real_value_day_by_day(realworld: RealWorld, one: Series) -> None:
    stored = pl.read_parquet(FOLDER / "data/mkt_cboe_daily.parquet").filter(pl.col("symbol") == one.code).sort("date")
    parsed = ask(realworld, one)
    assert parsed.rejected.is_empty()
    assert parsed.rows["event_date"].to_list() == stored["date"].to_list()
    assert parsed.rows["value"].to_list() == pytest.approx(stored["close"].to_list(), abs=1e-6)
    assert parsed.rows["value"].is_between(one.low, one.high).all()
    assert parsed.rows.height > 3900


@pytest.mark.realworld
def test_a_file_that_the_server_does_not_have(realworld: RealWorld) -> None:
    with pytest.raises(SourceError, match="not available: Cboe has no file of VIX3M"):
        ask(realworld, VIX3M)


@pytest.mark.realworld
@pytest.mark.parametrize(("hour", "newest"), [("17:14", date(2020, 3, 13)), ("17:15", date(2020, 3, 16))])
def test_the_server_shows_a_close_when_our_rule_says_so(realworld: RealWorld, hour: str, newest: date) -> None:
    realworld.set_now(datetime.fromisoformat(f"2020-03-16T{hour}:00-04:00"))
    assert ask(realworld, VIX).rows["event_date"].max() == newest


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("timeout", "no answer within 0.3 s"),
        ("http429", "the provider asks to slow down"),
        ("http500", "the provider failed"),
        ("html200", "a web page instead of data"),
        ("truncated", "cut file"),
        ("empty", "empty answer"),
    ],
)
def test_a_fault_that_leaves_no_data_names_file_and_cause(realworld: RealWorld, kind: str, message: str) -> None:
    realworld.fault(HOST, kind, hold=0.6 if kind == "timeout" else None)
    with pytest.raises(SourceError, match="cboe: Cboe VIX history") as error:
        ask(realworld, VIX, timeout_s=0.3 if kind == "timeout" else 30)
    assert message in str(error.value)


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "missing", "rejected"), [("stale", 5, 0), ("duplicate_rows", 0, 0), ("nan_text", 2, 2)]
)
def test_a_fault_in_the_data_leaves_only_right_rows(
    realworld: RealWorld, kind: str, missing: int, rejected: int
) -> None:
    clean = ask(realworld, VIX).rows
    realworld.fault(HOST, kind)
    parsed = ask(realworld, VIX)
    assert parsed.rows.unique(maintain_order=True).equals(clean.head(clean.height - missing))
    assert parsed.rejected.height == rejected
