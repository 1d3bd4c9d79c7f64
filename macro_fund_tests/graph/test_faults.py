"""Providers misbehave and the fund goes on: nothing wrong is believed, everything is said, the next session heals it.

Each fault is put between the sample world and the real connectors, for one session of every bronze asset. The clean
world's rows are the oracle: whatever the fault, each row in the lake is one of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import polars as pl
import pytest

from macro_fund.definitions import build_defs
from macro_fund.home import Home, home_path
from macro_fund.orchestration import bronze
from macro_fund.orchestration.operate import Report
from macro_fund.orchestration.resources import FundResource
from macro_fund.orchestration.run import side_table
from macro_fund.sources.http import Reply, Request, Transport, TransportError
from macro_fund.store.tables import FAILURES, PROVENANCE, QUARANTINE, TABLES, Table
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.conftest import CopyHome

ASSETS = tuple(n.key for n in bronze.NODES)
B3 = "bronze/b3_settlements"
SERIES = tuple(a for a in ASSETS if a != B3)
Fault = Callable[[Request, Reply], Reply]


def _fail(text: str) -> Fault:
    def fault(request: Request, reply: Reply) -> Reply:
        raise TransportError(text)

    return fault


def _answer(status: int, body: bytes) -> Fault:
    return lambda request, reply: Reply(status, {"content-type": "text/html"}, body)


def _cut(keep: Callable[[bytes], bytes]) -> Fault:
    return lambda request, reply: replace(reply, body=keep(reply.body))


def _numbers(edit: Callable[[str], Any]) -> Fault:
    """Every value of a series answer edited, in its provider's own notation."""

    def fault(request: Request, reply: Reply) -> Reply:
        text, host = reply.body.decode(), urlsplit(request.url).netloc
        if host.startswith("query1"):
            chart = json.loads(text)
            for result in chart["chart"]["result"] or []:
                for block in ("quote", "adjclose"):
                    for columns in result["indicators"].get(block, []):
                        for name in ("close", "adjclose"):
                            columns[name] = [None if v is None else edit(str(v)) for v in columns.get(name, [])]
            return replace(reply, body=json.dumps(chart).encode())
        if host.startswith(("api.bcb", "olinda")):
            found = json.loads(text)
            for row in found if isinstance(found, list) else found["value"]:
                for name in {"valor", "cotacaoCompra", "cotacaoVenda", "Mediana"} & set(row):
                    new = edit(str(row[name]))
                    row[name] = str(new) if name == "valor" else new
            return replace(reply, body=json.dumps(found).encode())
        return replace(reply, body=re.sub(r"(?<=,)-?[\d.]+\d", lambda m: str(edit(m[0])), text).encode())

    return fault


def _twice(request: Request, reply: Reply) -> Reply:
    """Every row twice, the second time with another number."""
    other = _numbers(lambda v: round(float(v) * 1.01, 6))(request, reply).body.decode()
    text, host = reply.body.decode(), urlsplit(request.url).netloc
    if host.startswith("api.bcb"):
        return replace(reply, body=json.dumps(json.loads(text) + json.loads(other)).encode())
    if host.startswith("olinda"):
        both = json.loads(text)
        both["value"] += json.loads(other)["value"]
        return replace(reply, body=json.dumps(both).encode())
    if host.startswith("query1"):
        both = json.loads(text)
        for a, b in zip(both["chart"]["result"] or [], json.loads(other)["chart"]["result"] or [], strict=True):
            a["timestamp"] += b["timestamp"]
            for block, columns in a["indicators"].items():
                for name in columns[0]:
                    columns[0][name] += b["indicators"][block][0][name]
        return replace(reply, body=json.dumps(both).encode())
    return replace(reply, body=(text.rstrip("\n") + "\n" + other.partition("\n")[2]).encode())


# A request that failed, and words that its report must have.
UNANSWERED: dict[str, tuple[Fault, str]] = {
    "timeout": (_fail("no answer within 30 s"), "no answer within 30 s"),
    "refused": (_fail("connection failed: refused"), "connection failed"),
    "429": (_answer(429, b"slow down"), "status 429"),
    "500": (_answer(500, b"<h1>Internal error</h1>"), "status 500"),
    "html": (_answer(200, b"<!DOCTYPE html><html><body>Maintenance</body></html>"), "Maintenance"),
    "cut in half": (_cut(lambda body: body[: len(body) // 2]), ""),
    "last bytes lost": (_cut(lambda body: body[:-4]), ""),
    "empty": (_cut(lambda body: b""), ""),
}
# An answer that can be read and is wrong. (B3's are in its connector's own tests: its answer is a zip in a zip.)
REFUSED: dict[str, tuple[Fault, str]] = {
    "NaN": (_numbers(lambda v: "NaN"), "NaN"),
    "percent times 100": (_numbers(lambda v: round(float(v) * 100, 6)), "unit"),
    "rows twice": (_twice, "different values"),
}
FAULTS = {**UNANSWERED, **REFUSED}


class FaultyTransport:
    """The home's transport with a fault in every answer."""

    waits = False

    def __init__(self, inner: Transport, fault: Fault) -> None:
        self.inner, self.fault = inner, fault

    def send(self, request: Request, timeout_s: float) -> Reply:
        return self.fault(request, self.inner.send(request, timeout_s))


class FaultyHome(Home):
    """A home that reaches its source through the fault of the moment."""

    fault: Fault | None = None

    def transport(self, as_of: datetime) -> Transport:
        inner = super().transport(as_of)
        return FaultyTransport(inner, type(self).fault) if type(self).fault else inner


class FaultyFund(FundResource):
    def open(self) -> Home:
        return FaultyHome.open(home_path())


@cache
def faulty_graph() -> dg.Definitions:
    return build_defs(resources={"fund": FaultyFund()})


def run_bronze(home: Home, assets: tuple[str, ...], key: date, fault: Fault | None) -> Report:
    FaultyHome.fault = staticmethod(fault) if fault else None
    try:
        return harness.run_assets(home, assets, key)
    finally:
        FaultyHome.fault = None


@pytest.fixture(autouse=True)
def _through_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared harness runs the graph whose resource opens a FaultyHome."""
    monkeypatch.setattr(harness, "graph", faulty_graph)


def facts(home: Home, asset: str, upto: date) -> pl.DataFrame:
    """What the rows say, without when and how they reached us."""
    how = {"session", "late", *PROVENANCE}
    return home.lake.read(asset, upto).select([c for c in TABLES[asset].schema if c not in how])


def beside(home: Home, kind: Table, asset: str, key: date) -> pl.DataFrame:
    side = side_table(kind, asset)
    return home.lake.read(side.key, only=[key], table=side)


def verdicts(home: Home, asset: str, key: date) -> dict[str, bool]:
    rows = beside(home, TABLES["quality/verdicts"], asset, key)
    return dict(rows.select("check", "passed").rows())


# Treasury's file has no final newline and is newest first: what is lost is a digit of January, known long ago.
# B3's zip ends with a comment: what is lost is a part of that.
SILENT = {("last bytes lost", "bronze/us_treasury"), ("last bytes lost", B3)}
# What heals does not depend on why nothing came: one lasting silence, one broken body, and every misreading.
HEALED = ("timeout", "cut in half", *REFUSED)


def told(home: Home, asset: str, key: date) -> dict[str, list[str]]:
    """Reasons written beside the asset, by the check that speaks of them."""
    kinds = {"answered": FAILURES, "no_quarantine": QUARANTINE}
    return {check: beside(home, kind, asset, key)["reason"].to_list() for check, kind in kinds.items()}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_contained_and_healed(
    opened_home: Home, running_home: Home, copy_home: CopyHome, more_keys: list[date], name: str
):
    fault, words = FAULTS[name]
    assets = ASSETS if name in UNANSWERED else SERIES
    broken, healed = more_keys[:2]
    home = copy_home(opened_home)

    report = run_bronze(home, assets, broken, fault)
    assert report.success, [s.error for s in report.steps if s.error]
    for asset in assets:
        said, passed = told(home, asset, broken), verdicts(home, asset, broken)
        for check, reasons in said.items():
            assert passed[check] == (not reasons), f"{asset} {check} does not say what lies beside it"
        if (name, asset) not in SILENT:
            assert any(words in text for texts in said.values() for text in texts), f"{asset} on {name}: {said}"
        if name in UNANSWERED:
            assert not said["no_quarantine"]
        for text in said["answered"]:
            assert text.startswith("b3:" if asset == B3 else f"{asset.split('/')[1]}:"), "names the provider"
            assert "; run the session again" in text or "; check " in text, f"says what to do: {text}"
        ours, clean = facts(home, asset, broken), facts(running_home, asset, broken)
        wrong = ours.join(clean, on=ours.columns, how="anti", nulls_equal=True)
        assert wrong.is_empty(), f"{asset} believed {wrong.head(3)}"
    if name in HEALED:
        assert run_bronze(home, assets, healed, None).success
        for asset in assets:
            check_healed(home, running_home, asset, (broken, healed))


def check_healed(home: Home, clean: Home, asset: str, keys: tuple[date, date]) -> None:
    """After a clean session the lake says what the clean world's says; what was missed came late, and is marked so."""
    broken, healed = keys
    assert facts(home, asset, healed).sort(pl.all()).equals(facts(clean, asset, healed).sort(pl.all()))
    assert not any(told(home, asset, healed).values())
    came = home.lake.read(asset, only=[healed])
    public_before = pl.col("knowledge_time") <= home.sessions.as_of(broken)
    assert came.filter(pl.col("late") != public_before).is_empty()
    missed = clean.lake.read(asset, only=[broken]).height - home.lake.read(asset, only=[broken]).height
    assert came.filter("late").height == missed


def test_the_faulty_session_of_a_daily_source_really_lacks_rows(running_home: Home, more_keys: list[date]):
    """What the healing above has to bring back: all daily sources have rows in the session that is broken."""
    rows = {a: running_home.lake.read(a, only=[more_keys[0]]).height for a in ASSETS}
    assert {a for a, n in rows.items() if not n} <= {"bronze/bcb_focus"}, "only the weekly survey may be without rows"
