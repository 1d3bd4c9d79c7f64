"""Quality as data: verdicts, completeness of the sources, sources against each other, revisions.

Belongs here: collecting them, and writing the page. Does not belong here: a check itself (its asset's stage) or what is
compared (sources/audit.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from functools import partial

import polars as pl

from macro_fund.orchestration.checks import sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.data_pages import quality_page
from macro_fund.sources import audit
from macro_fund.store.lake import write_file_atomically
from macro_fund.store.tables import FAILURES, QUARANTINE, TABLES
from macro_fund.store.verdicts import side_table

KEY = "quality/verdicts"
MATERIALIZED = "materialized"


def collect(judged: Sequence[str], run: Run) -> pl.DataFrame:
    """Every verdict of the judged assets for the run's keys; an asset without one counts as not materialized."""
    found = [run.table.empty()]
    for asset in judged:
        side = side_table(TABLES[KEY], asset)
        rows = run.home.lake.read(side.key, only=run.keys, table=side)
        run.read_digests[asset] = "".join(
            run.home.lake.digest(side.key, k) for k in run.home.lake.keys(side.key) if k in run.keys
        )
        missing = [
            (k, asset, MATERIALIZED, False, True, "not materialized: run this asset")
            for k in run.keys
            if k not in set(rows["session"])
        ]
        found += [rows, pl.DataFrame(missing, schema=run.table.schema, orient="row")]
    return pl.concat(found)


def _all_judged(judged: Sequence[str], run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Each judged asset has at least one verdict on each key."""
    have = set(frame.select("session", "asset").unique().rows())
    return [(k, f"{a}: no verdict") for k in run.keys for a in judged if (k, a) not in have]


def verdicts_node(judged: Sequence[str]) -> Node:
    """The node over the given assets."""
    return Node(
        KEY,
        frozenset({"python", "parquet"}),
        tuple(judged),
        partial(collect, tuple(judged)),
        (Check("all_judged", "every asset has a verdict", partial(_all_judged, tuple(judged))), sessions_inside()),
    )


def _completeness(sources: Sequence[str], run: Run) -> pl.DataFrame:
    """One row a key and source, and the page of each key."""
    home, found = run.home, [run.table.empty()]
    keys = {k: (home.sessions.as_of(k), home.output_sessions([k])) for k in run.keys}
    revised, compared = run.read("quality/revisions"), run.read("quality/cross_source")
    for name in sources:
        asset = f"bronze/{name}"
        series = home.settings.series_of(name)
        rows = run.read(asset, audit.ARRIVAL_COLUMNS)
        beside = [home.lake.read(side_table(t, asset).key, only=run.keys, table=side_table(t, asset)) for t in SIDES]
        scored = audit.arrivals(rows, series, keys, *beside)
        scored = audit.with_findings(scored, series, keys, revised, audit.named(compared))
        found.append(scored.with_columns(source=pl.lit(name)).select(list(run.table.schema)))
    frame = pl.concat(found)
    for key in run.keys:
        page = quality_page(
            run.read_own(frame).filter(pl.col("session") <= key),
            compared.filter(pl.col("session") <= key),
            revised.filter(pl.col("session") <= key),
            key,
            home.watermark,
        )
        write_file_atomically(home.path / "reports" / key.isoformat() / "data_quality.html", page.encode())
    return frame


SIDES = (QUARANTINE, FAILURES)


def _all_scored(sources: Sequence[str], run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    have = set(frame.select("session", "source").rows())
    return [(k, f"{s}: no score") for k in run.keys for s in sources if (k, s) not in have]


def _complete(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Sources that lack something, worst first."""
    lacking = frame.filter(pl.col("score") < 1.0).sort("score", "source")
    return [
        (s, f"{n}: {math.floor(100 * x)}% complete") for s, n, x in lacking.select("session", "source", "score").rows()
    ]


def _cross_source(run: Run) -> pl.DataFrame:
    observations = run.read("silver/observations", ("session", "series_id", "event_date", "knowledge_time", "value"))
    wanted = [p for p in audit.pairs() if p.id != audit.DI_PAIR]
    tolerance = next(p.tolerance for p in audit.pairs() if p.id == audit.DI_PAIR)
    di1 = run.read(
        "bronze/b3_settlements", ("session", "series_id", "event_date", "contract", "maturity", "settle_rate")
    )
    di1 = di1.filter(pl.col("series_id") == "b3_di1", pl.col("settle_rate").is_not_null())
    pre = run.read("bronze/b3_curves", ("session", "series_id", "event_date", "business_days", "rate"))
    pre = pre.filter(pl.col("series_id") == "b3_curve_pre")
    days = pl.concat([f.filter(run.inside)["event_date"] for f in (di1, pre)]).unique()
    di1, pre = (f.filter(pl.col("event_date").is_in(days.implode())) for f in (di1, pre))
    involved = [i for p in wanted for i in (p.left, p.right)]
    return run.output(
        pl.concat(
            [
                audit.compared(observations.filter(pl.col("series_id").is_in(involved)), wanted),
                audit.di_against_curve(di1, pre, tolerance),
            ]
        )
    )


def _agree(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Days on which two sources of one number differ."""
    apart = frame.filter(~pl.col("agrees"))
    shown = apart.select("session", "pair", "event_date", "item", "left", "right").rows()
    return [(s, f"{p} {d} {i}: {a:.8g} against {b:.8g}") for s, p, d, i, a, b in shown]


def _revisions(run: Run) -> pl.DataFrame:
    columns = ("session", "series_id", "event_date", "knowledge_time", "knowledge_basis", "value")
    return run.output(audit.revisions(run.read("silver/observations", columns)))


def _adds_up(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    size = pl.max_horizontal(pl.col("value").abs(), pl.col("previous_value").abs())
    bad = frame.filter((pl.col("previous_value") + pl.col("change") - pl.col("value")).abs() > 1e-9 * size)
    return [
        (s, f"{i} {d}: change does not add up") for s, i, d in bad.select("session", "series_id", "event_date").rows()
    ]


def data_nodes(sources: Sequence[str]) -> tuple[Node, ...]:
    """The nodes about data, over the given sources."""
    python = frozenset({"python", "parquet"})
    return (
        Node(
            "quality/cross_source",
            python,
            ("silver/observations", "bronze/b3_settlements", "bronze/b3_curves"),
            _cross_source,
            (Check("agree", "two sources of one number agree", _agree, gate=False), sessions_inside()),
        ),
        Node(
            "quality/revisions",
            python,
            ("silver/observations",),
            _revisions,
            (Check("adds_up", "previous value and change give the value", _adds_up), sessions_inside()),
        ),
        Node(
            "quality/sources",
            python,
            (*(f"bronze/{s}" for s in sources), "quality/cross_source", "quality/revisions"),
            partial(_completeness, tuple(sources)),
            (
                Check("all_scored", "every source has a score", partial(_all_scored, tuple(sources))),
                Check("complete", "no source lacks anything", _complete, gate=False),
            ),
        ),
    )
