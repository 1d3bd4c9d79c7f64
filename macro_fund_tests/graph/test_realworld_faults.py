"""Real answers of every provider that the replay server serves, spoilt in the server's own ten ways, and healed.

Whatever the fault: no row is believed that the clean session does not have, what is lost is said wherever an answer
can tell, and the next session brings it all.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from macro_fund_tests import realworld
from macro_fund_tests.graph.served_faults import KINDS, PERIODS, Spoilt, replayed

pytestmark = [pytest.mark.graph, pytest.mark.realworld, pytest.mark.long]

UNANSWERED = ("timeout", "http429", "http500", "html200", "truncated", "empty")
# Monthly and quarterly series, and the Federal Reserve's texts, have nothing new in the session; they are asked again.
NOTHING_NEW = {"ibge", "fomc"}
# A list of texts without its newest, and a day's file without some bonds, are lists and files; the next day mends them.
MAY_BE_SHORT = {("stale", name) for name in ("copom", "fomc", "anbima_bonds")}


@pytest.fixture(scope="module")
def funds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Spoilt]]:
    if reason := realworld.why_absent():
        pytest.skip(reason)
    process, server = realworld.start()
    with replayed(server):
        yield [Spoilt.served(p, server, tmp_path_factory.mktemp("spoilt") / "home") for p in PERIODS]
    realworld.stop(process)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_every_provider_is_named_and_healed_the_next_day(funds: list[Spoilt], kind: str) -> None:
    for fund in funds:
        for name in fund.period.hosts:
            got = fund.spoil(name, kind)
            assert got.believed.is_empty(), (name, got.believed.head(3))
            assert got.healed, name
            if kind in UNANSWERED:
                assert got.failures, name
                assert not got.quarantine, (name, got.quarantine[:3])
                assert got.lost or name in NOTHING_NEW, f"{name} has nothing to lose"
            elif (kind, name) not in MAY_BE_SHORT:
                assert got.said or got.stale or not got.lost, f"{name} lost {got.lost} rows in silence"
            assert all(text.startswith(f"{name}: ") for text in got.failures), (name, got.failures[:1])
