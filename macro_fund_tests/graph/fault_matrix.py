"""Writes docs/fault-matrix.md from what really happens: python -m macro_fund_tests.graph.fault_matrix > docs/...

Belongs here: outcomes in a few words and the page around them. Does not belong here: how they come about
(`served_faults`). It needs the replay server and takes some minutes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from macro_fund_tests import realworld
from macro_fund_tests.graph.faults import FAULTS
from macro_fund_tests.graph.served_faults import KINDS, PERIODS, SAMPLE, Outcome, Period, Spoilt, replayed

HEAD = """# What a provider's fault does

Written by `python -m macro_fund_tests.graph.fault_matrix` from what happened; do not edit. One morning's answers of one
source are spoilt, each answer of it; the next morning nothing is. No row that the clean morning does not have was
kept in any of these cases.

| word | meaning |
|---|---|
| named | every request that failed is in the table of failures, with provider, cause and remedy (check `answered`) |
| refused | the spoilt rows are in quarantine with the reason (check `no_quarantine`) |
| late | the answer looks whole; check `in_time` names the series whose period is due and missing |
| short | rows are missing and nothing can tell: a shorter answer may be all there is. They came the next day |
| harmless | no row is missing and none was refused: what was spoilt is not read, or repeats what is known |
| not asked | nothing of the source was due that morning |

A number says how many new rows the morning lost. `!` marks what the next morning did not heal.
"""
SERVED = """
## Real answers

The replay server's faults on every host that it serves, morning of {broken}, healed {healed}: {sources}.
Of a source that is asked for each series by itself some series were asked.
"""
SIMULATED = """
## Simulated answers

The sample world, every source and all its series, morning of {broken}, healed {healed}. `last bytes lost`: the last
four bytes of an answer. `rows twice`: each row again with another number.
"""
LICENSED = (
    "\n`licensed_prices` has no series until somebody buys a feed; its faults are in its connector's own tests.\n"
)

# Why a fault does nothing to a source. A pair that is not here stops the writing: somebody must look.
HARMLESS: Mapping[str, frozenset[tuple[str, str]]] = {
    "a row that is repeated as it is counts once": frozenset(
        (name, "duplicate_rows") for period in PERIODS for name in period.hosts
    ),
    "a text has no numbers: the answer stays as it is": frozenset(
        (name, kind)
        for name in ("copom", "fomc")
        for kind in ("wrong_unit", "nan_text", "NaN", "percent times 100", "rows twice")
    ),
    "the server leaves whole numbers as they are": frozenset({("cftc", "wrong_unit"), ("cftc", "nan_text")}),
    "the pages of the year hold no list that it shortens": frozenset({("fomc", "stale")}),
    "nothing new is due, and what is gone is known": frozenset({("ibge", "stale")}),
    "newest days come first, and the spoilt last ones are known or not asked for": frozenset(
        {("nyfed", "stale"), ("nyfed", "nan_text"), ("us_treasury", "nan_text"), ("us_treasury", "last bytes lost")}
    ),
    "the file is not in order, and its last lines are years old": frozenset(
        {("tesouro_direto", "stale"), ("tesouro_direto", "nan_text")}
    ),
    "another column is spoilt than those that are read": frozenset(
        {("anbima_vna", "wrong_unit"), ("anbima_vna", "nan_text"), ("bcb_focus", "nan_text")}
    ),
    "what is lost is the comment at the end of the archive": frozenset(
        {("b3_curves", "last bytes lost"), ("b3_settlements", "last bytes lost")}
    ),
}


def reasons() -> list[str]:
    """A line for each reason with the sources and faults that it is about."""
    lines = ["\n## Why a fault is harmless\n"]
    for reason, pairs in HARMLESS.items():
        kinds: dict[str, list[str]] = {}
        for name, kind in sorted(pairs):
            kinds.setdefault(kind, []).append(name)
        of = "; ".join(f"`{kind}` of {', '.join(names)}" for kind, names in kinds.items())
        lines.append(f"- {reason.capitalize()}: {of}.")
    return lines


def in_words(outcome: Outcome, asked: bool = True) -> str:
    """What came of a fault, shortest first word."""
    if not asked:
        return "not asked"
    words = "named" if outcome.failures else ""
    words += (" + " if words else "") + "refused" if outcome.quarantine else ""
    if not words:
        words = ("late" if outcome.stale else "short") if outcome.lost else "harmless"
    return words + (f" {outcome.lost}" if outcome.lost else "") + ("" if outcome.healed else " !")


def table(fund: Spoilt, kinds: Iterable[str]) -> list[str]:
    """A line a source, a column a fault."""
    kinds = list(kinds)
    lines = ["| source | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    for name in fund.period.hosts:
        cells = []
        for kind in kinds:
            outcome = fund.spoil(name, kind)
            if not outcome.believed.is_empty():
                raise SystemExit(f"{name} believed on {kind}: {outcome.believed.head(3)}")
            cells.append(in_words(outcome, bool(fund.series[name])))
            if cells[-1] == "harmless" and not any((name, kind) in pairs for pairs in HARMLESS.values()):
                raise SystemExit(f"{name} says nothing on {kind}, and no reason is given why that is harmless")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def about(text: str, period: Period) -> str:
    sources = ", ".join(f"{name} ({host})" for name, host in period.hosts.items())
    return text.format(broken=period.broken, healed=period.healed, sources=sources)


def page(folder: Path) -> Sequence[str]:
    """The whole page."""
    process, server = realworld.start()
    lines = [HEAD]
    try:
        with replayed(server):
            for period in PERIODS:
                fund = Spoilt.served(period, server, folder / f"real {period.broken}")
                lines += [about(SERVED, period), *table(fund, KINDS)]
    finally:
        realworld.stop(process)
    lines += [about(SIMULATED, SAMPLE), *table(Spoilt.simulated(SAMPLE, folder / "sample"), FAULTS), LICENSED]
    return [*lines, *reasons()]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        sys.stdout.write("\n".join(page(Path(name))) + "\n")
