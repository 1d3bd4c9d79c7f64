"""Providers that serve their whole future to every question, and serve it as garbage.

Belongs here: the graph whose fund asks such providers. Does not belong here: what must not change because of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import dagster as dg

from macro_fund.definitions import build_defs
from macro_fund.home import Home, home_path
from macro_fund.orchestration.resources import FundResource
from macro_fund.sample.transport import SampleTransport
from macro_fund.sources.http import Transport


@dataclass(frozen=True)
class SeesTheFuture(Home):
    """A home whose providers serve their whole future to every question, and serve it as garbage."""

    def transport(self, as_of: datetime) -> Transport:
        return SampleTransport(self.settings.fund.sample_seed, now=None, poison_after=as_of)


class SeesTheFutureResource(FundResource):
    """Opens the home of the environment as SeesTheFuture."""

    def open(self) -> Home:
        home = Home.open(home_path())
        return SeesTheFuture(home.path, home.settings)


def graph_that_sees_the_future() -> dg.Definitions:
    return build_defs(resources={"fund": SeesTheFutureResource()})
