"""An agent's view on one page: status, score, views, drivers, risks, inputs, as Markdown.

Belongs here: laying out one row of agents/*_view. Does not belong here: computing it.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from macro_fund.agents.narrative import is_percent
from macro_fund.store.agent_tables import VIEW_ASSETS


def view_card(view: pl.DataFrame) -> str:
    """The card of the table's newest session; a sentence when it has none."""
    if view.is_empty():
        return "(no view yet)"
    row = view.sort("session").row(-1, named=True)
    head = f"**{row['agent_id']}**, {row['session']}: {row['status']}" + (
        f" ({row['reason']})" if row["reason"] else ""
    )
    if row["state_score"] is None:
        return f"{head}\n\nNo score, no view: left out downstream, not counted as zero."
    lines = [
        head,
        "",
        f"Score {row['state_score']:+.2f}, confidence {row['confidence']:.2f}, horizon {row['horizon_days']} sessions.",
        "",
        _views(row),
        "",
        "| driver | value | unit | z | contribution | of |",
        "| --- | ---: | --- | ---: | ---: | --- |",
        *(_driver(d) for d in sorted(row["drivers"], key=lambda d: (-abs(d["contribution"] or 0.0), d["name"]))),
    ]
    if row["risks"]:
        lines += ["", *(_risk(r) for r in row["risks"])]
    if dated := [i for i in row["input_vintages"] if i["knowledge_time"] is not None]:
        newest = max(dated, key=lambda i: i["knowledge_time"])
        known = f"{newest['knowledge_time']:%Y-%m-%d %H:%M} UTC"
        lines += ["", f"{len(row['input_vintages'])} inputs, the newest {newest['series_id']}, known {known}."]
    return "\n".join(lines)


def _views(row: dict[str, Any]) -> str:
    found = [(a, row[f"view_{a}"]) for a in VIEW_ASSETS if row[f"view_{a}"] is not None]
    return "Views: " + (", ".join(f"{a} {v:+.2f}" for a, v in found) if found else "none") + "."


def _driver(driver: dict[str, Any]) -> str:
    value = driver["value"]
    shown = "" if value is None else f"{value:.2%}" if is_percent(driver["unit"]) else f"{value:.2f}"
    z = "" if driver["z"] is None else f"{driver['z']:+.2f}"
    part = "" if driver["contribution"] is None else f"{driver['contribution']:+.2f}"
    return f"| {driver['name']} | {shown} | {driver['unit']} | {z} | {part} | {driver['event_date'] or ''} |"


def _risk(risk: dict[str, Any]) -> str:
    chance = "" if risk["prob"] is None else f", probability {risk['prob']:.0%}"
    return f"* Risk: {risk['text']}. Watch: {risk['trigger']}{chance}."
