"""New York Fed rates: addresses, fields that may be null, refusals, and the real data of the replay server."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from macro_fund.settings import Series, default_settings
from macro_fund.sources import nyfed
from macro_fund.sources.http import Http, Parsed, Payload, ReplayUrlTransport, Request, SourceError
from macro_fund_tests.realworld import FOLDER, RealWorld

SERIES = default_settings().series_of("nyfed")
POLICY = default_settings().sources["nyfed"]
HOST = "markets.newyorkfed.org"
EFFR = "unsecured/effr"
# As the Fed answers: a repo rate has no target range, an unsecured one has.
SOFR_ROW = {
    "effectiveDate": "2024-06-06", "type": "SOFR", "percentRate": 5.33, "percentPercentile1": 5.29,
    "percentPercentile25": 5.32, "percentPercentile75": 5.40, "percentPercentile99": 5.44, "volumeInBillions": 2008,
    "revisionIndicator": "",
}  # fmt: skip
EFFR_ROW = {
    "effectiveDate": "2024-06-06", "type": "EFFR", "percentRate": 5.33, "targetRateFrom": 5.25, "targetRateTo": 5.5,
    "volumeInBillions": 95, "revisionIndicator": "R",
}  # fmt: skip


def of(path: str) -> list[Series]:
    return [s for s in SERIES if s.code.startswith(f"{path}:")]


def answer(body: object, path: str = EFFR, status: int = 200) -> Payload:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = nyfed.URL.format(path=path, start="2024-06-03", end="2024-06-07")
    request = Request("nyfed", "GET", url, f"NY Fed {path} 2024-06-03..2024-06-07", tuple(s.id for s in of(path)))
    return Payload(request, status, raw, datetime(2024, 6, 10, tzinfo=UTC), hashlib.sha256(raw).hexdigest())


def effr(**changed: Any) -> Payload:
    return answer({"refRates": [{**EFFR_ROW, **changed}]})


def test_one_request_a_rate_and_slice_for_all_its_fields() -> None:
    windows = {
        "us_effr": (date(2024, 1, 10), date(2024, 1, 12)),
        "us_effr_volume": (date(2024, 1, 1), date(2024, 1, 12)),
        "us_sofr": (date(2024, 1, 12), date(2024, 1, 12)),
    }
    requests = nyfed.plan(SERIES, windows, POLICY.model_copy(update={"slice_days": 10}))
    assert [(r.url, r.items) for r in requests] == [
        (nyfed.URL.format(path=EFFR, start="2024-01-01", end="2024-01-10"), ("us_effr", "us_effr_volume")),
        (nyfed.URL.format(path=EFFR, start="2024-01-11", end="2024-01-12"), ("us_effr", "us_effr_volume")),
        (nyfed.URL.format(path="secured/sofr", start="2024-01-12", end="2024-01-12"), ("us_sofr",)),
    ]
    assert requests[0].url == (
        "https://markets.newyorkfed.org/api/rates/unsecured/effr/search.json?startDate=2024-01-01&endDate=2024-01-10"
    )
    assert nyfed.plan(SERIES, {}, POLICY) == []


def test_percent_becomes_decimal_and_volumes_stay_billions() -> None:
    day = date(2024, 6, 6)
    rows = nyfed.parse(answer({"refRates": [EFFR_ROW]}), SERIES).rows.rows()
    assert sorted(rows) == [
        ("us_effr", day, pytest.approx(0.0533, abs=1e-15)),
        ("us_effr_target_high", day, pytest.approx(0.055, abs=1e-15)),
        ("us_effr_target_low", day, pytest.approx(0.0525, abs=1e-15)),
        ("us_effr_volume", day, 95.0),
    ]
    sofr = nyfed.parse(answer({"refRates": [SOFR_ROW]}, "secured/sofr"), SERIES).rows.rows()
    assert sorted(sofr) == [("us_sofr", day, pytest.approx(0.0533, abs=1e-15)), ("us_sofr_volume", day, 2008.0)]


def test_a_field_that_is_null_or_absent_is_no_row_and_no_rejection() -> None:
    old = {k: v for k, v in EFFR_ROW.items() if not k.startswith("target")} | {"volumeInBillions": None}
    parsed = nyfed.parse(answer({"refRates": [old]}), SERIES)
    assert parsed.rows["series_id"].to_list() == ["us_effr"]
    assert parsed.rejected.is_empty()
    assert nyfed.parse(answer({"refRates": []}), SERIES).rows.is_empty()


@pytest.mark.parametrize(
    ("changed", "rejected"),
    [
        ({"percentRate": "NaN"}, [("us_effr", date(2024, 6, 6), "NaN", "not a finite number: 'NaN'")]),
        ({"percentRate": "n/a"}, [("us_effr", date(2024, 6, 6), "n/a", "not a number: 'n/a'")]),
        ({"effectiveDate": "06/06/2024"}, [("us_effr", None, "5.33", "day not readable")]),
    ],
)
def test_a_value_that_cannot_be_read_is_rejected(changed: dict[str, Any], rejected: list[tuple[object, ...]]) -> None:
    parsed = nyfed.parse(effr(**changed), of(EFFR)[:1])
    assert parsed.rows.is_empty()
    assert parsed.rejected.rows() == rejected


@pytest.mark.parametrize(
    ("payload", "message", "transient"),
    [
        (answer(b"<html><body>maintenance</body></html>"), "a web page instead of data", True),
        (answer(b""), "empty answer", True),
        (answer(b'{"refRates":[{"effectiveDate":"2024-0'), "not complete JSON", True),
        (answer({"message": "Bad Request", "error": "Invalid rate type"}, status=400), "Invalid rate type", False),
        (answer({"rates": []}), "no list of refRates", False),
        (answer({"refRates": [{"effectiveDate": "2024-06-06", "rate": 5.3}]}), "without type, percentRate", False),
        (effr(type="OBFR"), "rows of OBFR where EFFR was asked", False),
        (effr(effectiveDate="2024-06-10"), "day 2024-06-10 is outside the window asked", False),
    ],
)  # fmt: skip
def test_an_answer_that_is_not_the_rate_is_refused(payload: Payload, message: str, transient: bool) -> None:
    with pytest.raises(SourceError, match=r"nyfed: NY Fed unsecured/effr 2024-06-03\.\.2024-06-07") as error:
        nyfed.parse(payload, SERIES)
    assert message in str(error.value)
    assert error.value.transient is transient


def test_a_code_without_a_known_field_is_told_by_its_series() -> None:
    wrong = of(EFFR)[0].model_copy(update={"code": "unsecured/effr:rate"})
    with pytest.raises(ValueError, match="us_effr: no field 'rate'"):
        nyfed.parse(effr(), [wrong])


# ---------------------------------------------------------------- the replay server

NOW = datetime(2022, 1, 1, tzinfo=UTC)


def ask(world: RealWorld, window: tuple[date, date], **policy: float) -> Parsed:
    policies = {k: v.model_copy(update={"attempts": 1, **policy}) for k, v in default_settings().sources.items()}
    http = Http(ReplayUrlTransport(world.url), policies, None, lambda: NOW)
    requests = nyfed.plan(SERIES, {s.id: window for s in SERIES}, POLICY)
    parts = [nyfed.parse(http.fetch(r), SERIES) for r in requests]
    return Parsed(pl.concat([p.rows for p in parts]), pl.concat([p.rejected for p in parts]))


@pytest.mark.realworld
def test_every_real_value_day_by_day(realworld: RealWorld) -> None:
    parsed = ask(realworld, (date(2000, 1, 1), date(2021, 12, 31)))
    assert parsed.rejected.is_empty()
    stored = pl.read_parquet(FOLDER / "data/us_fred_obs.parquet").drop_nulls("value")
    rates = {"us_effr": "EFFR", "us_sofr": "SOFR", "us_effr_target_low": "DFEDTARL", "us_effr_target_high": "DFEDTARU"}
    effr_days = stored.filter(pl.col("series_id") == "EFFR").select("date")
    for ours, theirs in rates.items():
        real = stored.filter(pl.col("series_id") == theirs, pl.col("date") <= date(2021, 12, 30)).sort("date")
        if ours.startswith("us_effr_"):  # the target range stands in the rows of the rate
            real = real.join(effr_days, on="date", how="semi").sort("date")
        got = parsed.rows.filter(pl.col("series_id") == ours).sort("event_date")
        assert got.height > 900
        assert got["event_date"].to_list() == real["date"].to_list()
        assert got["value"].to_list() == pytest.approx((real["value"] * 0.01).to_list(), abs=1e-12)
    assert set(parsed.rows["series_id"]) == set(rates)


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("now", "newest"),
    [
        ("2019-07-05T12:59:00+00:00", {"us_effr": date(2019, 7, 2), "us_sofr": date(2019, 7, 3)}),
        ("2019-07-05T13:00:00+00:00", {"us_effr": date(2019, 7, 3), "us_sofr": date(2019, 7, 3)}),
        ("2019-07-05T11:59:00+00:00", {"us_effr": date(2019, 7, 2), "us_sofr": date(2019, 7, 2)}),
    ],
)
def test_the_server_shows_a_day_when_our_rule_says_so(realworld: RealWorld, now: str, newest: dict[str, date]) -> None:
    moment = datetime.fromisoformat(now)
    realworld.set_now(moment)
    rows = ask(realworld, (moment.date() - timedelta(days=20), moment.date())).rows
    assert dict(rows.group_by("series_id").agg(pl.col("event_date").max()).rows()).items() >= newest.items()


@pytest.mark.realworld
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("timeout", "no answer within 0.3 s"),
        ("http429", "the provider asks to slow down"),
        ("http500", "the provider failed"),
        ("html200", "a web page instead of data"),
        ("truncated", "not complete JSON"),
        ("empty", "empty answer"),
    ],
)
def test_a_fault_that_leaves_no_data_names_rate_and_cause(realworld: RealWorld, kind: str, message: str) -> None:
    realworld.fault(HOST, kind, hold=0.6 if kind == "timeout" else None)
    with pytest.raises(SourceError, match=r"nyfed: NY Fed unsecured/effr 2019-03-01\.\.2019-03-29") as error:
        ask(realworld, (date(2019, 3, 1), date(2019, 3, 29)), timeout_s=0.3 if kind == "timeout" else 30)
    assert message in str(error.value)


@pytest.mark.realworld
def test_nan_text_is_rejected_and_the_rest_is_kept(realworld: RealWorld) -> None:
    window = (date(2019, 3, 1), date(2019, 3, 29))
    clean = ask(realworld, window).rows
    realworld.fault(HOST, "nan_text")
    parsed = ask(realworld, window)
    assert parsed.rejected.select("item", "raw").rows() == [("us_effr", "NaN")] * 2
    assert parsed.rows.height == clean.height - 2
    assert parsed.rows.join(clean, on=clean.columns, how="anti").is_empty()
