"""The first and the last part of the pack: what is broken or close to a limit, and what a person has to do.

Belongs here: choosing rows of the verdicts, the breakers and the limits. Does not belong here: computing or layout.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from macro_fund.reports.blocks import Cell, Grid, Number, Section, heads, say
from macro_fund.reports.pack_risk import breaker_grid, limit_grid
from macro_fund.reports.reading import Reader, at
from macro_fund.reports.reasons import reason
from macro_fund.reports.words import named

WHY = 160
NAMED = 4
"""Tables named in a sentence; the first part lists them all."""


def breaks(read: Reader, session: date) -> Section:
    """Breakers and limits, failed checks (an asset a row), marks below settlement, stale series."""
    verdicts = at(read("quality/verdicts"), session)
    failed = verdicts.filter(~pl.col("passed")).sort("blocking", "asset", "check", descending=[True, False, False])
    rows: list[list[Cell]] = [
        [say("verdict.stop" if b else "verdict.warning"), a, ", ".join(c), reason("; ".join(d), WHY)]
        for b, a, c, d in failed.group_by("blocking", "asset", maintain_order=True).agg("check", "detail").rows()
    ]
    stale = at(read("silver/as_known"), session).filter("stale").sort("series_id")
    old = [
        (i, str(e), Number(f"age {i}", a, "count", "silver/as_known"))
        for i, e, a in stale.select("series_id", "event_date", "age_days").rows()
    ]
    asset = "quality/verdicts"
    counts = [
        Number("checks", verdicts.height, "count", asset),
        Number("failed checks", failed.height, "count", asset),
        Number("stopping checks", failed.filter("blocking").height, "count", asset),
    ]
    return Section(
        "breaks",
        say("section.breaks"),
        (),
        [
            breaker_grid(read, session),
            limit_grid(read, session),
            Grid(heads("checks", "failed", "stopping"), [counts]),
            Grid(heads("", "asset", "failed_checks", "what"), rows, say("empty.failed_checks")),
            _marks_grid(read, session),
            Grid(heads("stale_series", "newest", "age_days"), old, say("empty.stale_series")),
        ],
    )


def _marks_grid(read: Reader, session: date) -> Grid:
    """Positions whose mark is not the settlement of the last close: by which rung they are marked, and at what."""
    asset = "pms/positions"
    below = at(read(asset), session).filter(pl.col("quantity") != 0, pl.col("mark_basis") != "settlement")
    below = below.unique("contract", keep="first", maintain_order=True).sort("contract")
    rows: list[list[Cell]] = [
        [
            c,
            named("basis", basis),
            Number(f"{c} marked", p if r is None else r, "number" if r is None else "percent", asset),
        ]
        for c, basis, p, r in below.select("contract", "mark_basis", "mark_price", "mark_rate").rows()
    ]
    return Grid(heads("marked_below", "basis", "mark"), rows, say("empty.marked_below"))


def actions(read: Reader, session: date) -> Section:
    """What a person has to do this morning: what stops the fund first, what a provider owes last."""
    verdicts = at(read("quality/verdicts"), session)
    tripped = at(read("risk/breakers"), session).filter("tripped").sort("breaker")
    todo: list[Cell] = [_tripped(row) for row in tripped.iter_rows(named=True)]
    breached = at(read("risk/limits"), session).filter(pl.col("status") == "breach")
    todo += [say("action.limit", limit=named("limit", limit)) for (limit,) in breached.select("limit").rows()]
    proposed = at(read("pms/trade_proposals"), session).height
    if proposed:
        todo.append(say("action.decide", n=Number("proposals to decide", proposed, "count", "pms/trade_proposals")))
    stops = verdicts.filter(~pl.col("passed") & pl.col("blocking"))
    todo += [say("action.mend", asset=a, check=c) for a, c in stops.select("asset", "check").rows()]
    silent = verdicts.filter(~pl.col("passed") & (pl.col("check") == "answered"))["asset"].sort().to_list()
    if silent:
        more = f" (+{len(silent) - NAMED})" if len(silent) > NAMED else ""
        todo.append(say("action.rerun", assets=", ".join(silent[:NAMED]) + more))
    return Section("actions", say("section.actions"), todo or [say("action.nothing")])


def _tripped(row: dict[str, Any]) -> Cell:
    """A tripped breaker in a sentence: its loss where it has one, else why it tripped."""
    name, asset = row["breaker"], "risk/breakers"
    words = {"breaker": named("breaker", name), "asks": named("asks", row["action"])}
    if row["loss"] is None:
        return say("action.breaker_why", why=reason(row["reason"]), **words)
    loss, bar = (Number(f"tripped {name} {c}", row[c], "percent", asset) for c in ("loss", "threshold"))
    return say("action.breaker", loss=loss, bar=bar, **words)
