"""Faults between the sample world and the real connectors, and a graph that meets them.

Belongs here: what can go wrong with an answer, a home and a graph that reach their source through it, and what a lake
says afterwards. Does not belong here: which outcome is right (`test_faults`) or tables of outcomes (`fault_matrix`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import ClassVar

import dagster as dg
import polars as pl

from macro_fund.definitions import build_defs
from macro_fund.home import Home, home_path
from macro_fund.orchestration.resources import FundResource
from macro_fund.sources.http import Reply, Request, Transport, TransportError
from macro_fund.store.table import Table
from macro_fund.store.tables import PROVENANCE, TABLES
from macro_fund.store.verdicts import side_table
from macro_fund_tests.graph.wrong_answers import Fault, another, not_a_number, times_100, wrong


def _fail(text: str) -> Fault:
    def fault(request: Request, reply: Reply) -> Reply:
        raise TransportError(text)

    return fault


def _answer(status: int, body: bytes) -> Fault:
    return lambda request, reply: Reply(status, {"content-type": "text/html"}, body)


def _cut(keep: Callable[[bytes], bytes]) -> Fault:
    return lambda request, reply: replace(reply, body=keep(reply.body))


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
# An answer that can be read and is wrong.
REFUSED: dict[str, Fault] = {
    "NaN": wrong(not_a_number),
    "percent times 100": wrong(times_100),
    "rows twice": wrong(another, again=True),
}
FAULTS: dict[str, Fault] = {**{name: fault for name, (fault, _) in UNANSWERED.items()}, **REFUSED}


class FaultyTransport:
    """The home's transport with a fault in every answer; counts the questions of each provider."""

    waits = False

    def __init__(self, inner: Transport, fault: Fault | None, asked: Counter[str]) -> None:
        self.inner, self.fault, self.asked = inner, fault, asked

    def send(self, request: Request, timeout_s: float) -> Reply:
        self.asked[request.provider] += 1
        reply = self.inner.send(request, timeout_s)
        return self.fault(request, reply) if self.fault else reply


class FaultyHome(Home):
    """A home that reaches its source through the fault of the moment."""

    fault: Fault | None = None
    asked: ClassVar[Counter[str]] = Counter()

    def transport(self, as_of: datetime) -> Transport:
        return FaultyTransport(super().transport(as_of), type(self).fault, type(self).asked)


@cache
def _open(path: Path) -> FaultyHome:
    return FaultyHome.open(path)  # type: ignore[return-value]


class FaultyFund(FundResource):
    """Opens each home once: its settings take longer than a source that does not answer."""

    def open(self) -> Home:
        return _open(home_path())


@cache
def faulty_graph() -> dg.Definitions:
    return build_defs(resources={"fund": FaultyFund()})


def set_fault(fault: Fault | None) -> Counter[str]:
    """What every answer suffers from now on; the counter of questions by provider, from zero."""
    FaultyHome.fault = staticmethod(fault) if fault else None
    FaultyHome.asked = Counter()
    return FaultyHome.asked


def facts(home: Home, asset: str, upto: date) -> pl.DataFrame:
    """What the rows say, without when and how they reached us."""
    how = {"session", "late", *PROVENANCE}
    return home.lake.read(asset, upto).select([c for c in TABLES[asset].schema if c not in how])


def beside(home: Home, kind: Table, asset: str, keys: Iterable[date]) -> pl.DataFrame:
    """Rows of a table beside the asset: its verdicts, its quarantine, its failed requests."""
    side = side_table(kind, asset)
    return home.lake.read(side.key, only=list(keys), table=side)


def believed(home: Home, clean: Home, asset: str, key: date) -> pl.DataFrame:
    """Rows of the asset that the clean world does not know by the key."""
    ours, theirs = facts(home, asset, key), facts(clean, asset, key)
    return ours.join(theirs, on=ours.columns, how="anti", nulls_equal=True)
