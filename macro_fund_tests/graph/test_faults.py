"""Providers misbehave and the fund goes on: nothing wrong is believed, everything is said, the next session heals it.

Each fault is put between the sample world and the real connectors, for one session of every bronze asset. The clean
world's rows are the oracle: whatever the fault, each row in the lake is one of them. The session is a Tuesday after a
holiday: daily series, the weekly survey and the weekly positions all have something new in it. Dagster runs one of the
broken sessions; the others are taken in, checked for what is told and written as it does, without it.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from types import ModuleType

import polars as pl
import pytest

from macro_fund.home import Home
from macro_fund.orchestration import bronze
from macro_fund.orchestration.assets import computed, verdict_rows, write_output
from macro_fund.orchestration.node import Node
from macro_fund.orchestration.run import Run
from macro_fund.sources.ingest import bronze_key
from macro_fund.store.lake import tidy
from macro_fund.store.tables import FAILURES, QUARANTINE, TABLES
from macro_fund_tests.graph import faults, harness
from macro_fund_tests.graph.conftest import CopyHome
from macro_fund_tests.graph.faults import FAULTS, UNANSWERED
from macro_fund_tests.graph.wrong_answers import EDITORS

ASSETS = tuple(n.key for n in bronze.NODES)
HISTORY_START, INCEPTION, BROKEN = date(2020, 1, 2), date(2020, 10, 30), date(2020, 11, 3)
OUTAGE = 5  # sessions without any answer
# Treasury's file has no final newline and is newest first: what is lost is a digit of January, known long ago.
# B3's zips end with a comment: what is lost is a part of that.
UNHARMED = {("last bytes lost", name) for name in ("us_treasury", "b3_curves", "b3_settlements")}
# What heals does not depend on why nothing came: one broken body, one misreading; silence is the week's test.
HEALED = ("cut in half", "rows twice")
BY_DAGSTER = "cut in half"
TOLD = {"answered": FAILURES, "no_quarantine": QUARANTINE}
# Words of which one must be in a report: what is wrong with an answer that can be read.
WORDS = {
    "NaN": ("NaN", "nan ", "not a whole number", "rate not readable"),
    "percent times 100": ("unit", "outside the range", "where"),
    "rows twice": ("different values", "several values", "lines 'PREFIXADOS'"),
    **{name: (words,) for name, (_, words) in UNANSWERED.items()},
}


@pytest.fixture(autouse=True)
def _through_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shared harness runs the graph whose resource opens a FaultyHome."""
    monkeypatch.setattr(harness, "graph", faults.faulty_graph)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A fund with the opening partition of every bronze table and nothing else."""
    home = harness.open_fund(tmp_path_factory.mktemp("faults") / "home", INCEPTION, HISTORY_START)
    take_in(home, INCEPTION)
    return home


@pytest.fixture(scope="module")
def keys(opened: Home) -> list[date]:
    """The sessions after the opening: the outage, and the one that heals it."""
    return opened.sessions.keys(BROKEN, opened.sessions.offset(BROKEN, OUTAGE))


@pytest.fixture(scope="module")
def clean(opened: Home, keys: list[date], copy_home: CopyHome) -> Home:
    """The fund some sessions later, every question answered."""
    home = copy_home(opened)
    for key in keys:
        take_in(home, key)
    return home


def take_in(home: Home, key: date) -> dict[str, list[str]]:
    """Every bronze table for the key, without the graph and its checks; reasons of failed requests, by source."""
    failed = {}
    for source in bronze.SOURCES:
        table = TABLES[bronze_key(source.PROVIDER)]
        output = bronze.take_in(source, Run(home, table, (key,)))
        home.lake.write(table, key, output.frame)
        failed[source.PROVIDER] = dict((t.key, rows) for t, rows in output.side)[FAILURES.key]["reason"].to_list()
    return failed


def run_bronze(home: Home, key: date, fault: faults.Fault | None, *, dagster: bool = False) -> Counter[str]:
    """Every bronze table for the key, with the verdicts of what is told; how often each provider was asked."""
    asked = faults.set_fault(fault)
    try:
        if dagster:
            harness.succeeded(harness.run_assets(home, ASSETS, key))
        else:
            for node in bronze.NODES:
                write(node, Run(faults.FaultyHome(home.path, home.settings), node.table, (key,)))
    finally:
        faults.set_fault(None)
    return asked


def write(node: Node, run: Run) -> None:
    """Computed and written as in Dagster; of the checks only those that tell what lies beside the table."""
    output = computed(node, run)
    frame = tidy(node.table, output.frame)
    checks = [c for c in node.checks if c.name in TOLD]
    verdicts = [verdict_rows(run, c.name, c.problems(run, frame), gate=c.gate) for c in checks]
    write_output(node, run, output, frame, pl.concat(verdicts))


def verdicts(home: Home, asset: str, key: date) -> dict[str, bool]:
    rows = faults.beside(home, TABLES["quality/verdicts"], asset, [key])
    return dict(rows.select("check", "passed").rows())


def told(home: Home, asset: str, key: date) -> dict[str, list[str]]:
    """Reasons written beside the asset, by the check that speaks of them."""
    return {check: faults.beside(home, kind, asset, [key])["reason"].to_list() for check, kind in TOLD.items()}


def is_hurt(source: ModuleType, name: str, asked: Counter[str]) -> bool:
    """Whether the fault reached the source: it was asked, and its answer holds what the fault spoils."""
    provider = source.PROVIDER
    has_numbers = name in UNANSWERED or provider in EDITORS
    return asked[provider] > 0 and has_numbers and (name, provider) not in UNHARMED


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_contained_and_healed(
    opened: Home, clean: Home, keys: list[date], copy_home: CopyHome, name: str
) -> None:
    home = copy_home(opened)
    asked = run_bronze(home, BROKEN, FAULTS[name], dagster=name == BY_DAGSTER)
    for source in bronze.SOURCES:
        asset = bronze_key(source.PROVIDER)
        said, passed = told(home, asset, BROKEN), verdicts(home, asset, BROKEN)
        for check, reasons in said.items():
            assert passed[check] == (not reasons), f"{asset} {check} does not say what lies beside it"
        texts = [text for reasons in said.values() for text in reasons]
        if is_hurt(source, name, asked):
            assert any(words in text for text in texts for words in WORDS[name]), f"{asset} on {name}: {texts[:3]}"
        else:
            assert not texts, f"{asset} on {name}: {texts[:3]}"
        for text in said["answered"]:
            assert text.startswith(f"{source.PROVIDER}:"), "names the provider"
            assert text.count("; ") >= 2, f"says what was asked and what to do: {text}"
        wrong = faults.believed(home, clean, asset, BROKEN)
        assert wrong.is_empty(), f"{asset} believed {wrong.head(3)}"
    if name in HEALED:
        run_bronze(home, keys[1], None)
        for asset in ASSETS:
            check_healed(home, clean, asset, keys[:2])


def check_healed(home: Home, clean: Home, asset: str, keys: list[date]) -> None:
    """After a clean session the lake says what the clean world's says; what was missed came late, and is marked so."""
    *broken, healed = keys
    ours, theirs = (faults.facts(h, asset, healed).sort(pl.all()) for h in (home, clean))
    assert ours.equals(theirs), f"{asset}: {ours.height} rows where {theirs.height} are right"
    assert not any(told(home, asset, healed).values()), asset
    came = home.lake.read(asset, only=[healed])
    public_before = pl.col("knowledge_time") <= home.sessions.as_of(broken[-1])
    assert came.filter(pl.col("late") != public_before).is_empty(), asset
    missed = clean.lake.read(asset, only=broken).height - home.lake.read(asset, only=broken).height
    assert came.filter("late").height == missed, asset


def test_a_source_that_is_down_for_a_week_and_returns_leaves_no_hole(
    opened: Home, clean: Home, keys: list[date], copy_home: CopyHome
) -> None:
    """Every session of the week says that nothing came, none holds a row, and the first good one brings it all.

    ANBIMA keeps bonds and curves for five business days: an outage that is longer loses days there. The other
    providers give their history whenever they are asked.
    """
    home = copy_home(opened)
    *week, healed = keys
    assert len(week) == OUTAGE
    for key in week:
        asked = faults.set_fault(FAULTS["refused"])
        failed = take_in(faults.FaultyHome(home.path, home.settings), key)
        for source in bronze.SOURCES:
            assert home.lake.read(bronze_key(source.PROVIDER), only=[key]).is_empty()
            assert bool(failed[source.PROVIDER]) == (asked[source.PROVIDER] > 0), source.PROVIDER
    run_bronze(home, healed, None)
    for asset in ASSETS:
        check_healed(home, clean, asset, keys)


def test_the_faulty_sessions_of_the_sources_really_lack_rows(clean: Home, keys: list[date]) -> None:
    """What the healing above has to bring back: in the week every source has rows that are new."""
    lacking = {a for a in ASSETS if clean.lake.read(a, only=[BROKEN]).is_empty()}
    assert lacking <= {"bronze/ibge", "bronze/stn_debt", "bronze/copom", "bronze/fomc", "bronze/licensed_prices"}
    assert {a for a in ASSETS if clean.lake.read(a, only=keys[:-1]).is_empty()} <= {"bronze/licensed_prices"}


def test_every_source_with_numbers_has_its_wrong_answers() -> None:
    """Only texts, and the feed that has no series, are left out of the faults of numbers."""
    assert {source.PROVIDER for source in bronze.SOURCES} - EDITORS.keys() == {"copom", "fomc", "licensed_prices"}
