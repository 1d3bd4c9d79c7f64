"""What the proposals of a session do to the book, for the morning pack.

Belongs here: choosing the fields of proposals and putting them into tables. Does not belong here: the fields themselves
(pms/fields.py), the trades and the commands that decide on them (pack_trades.py), or layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from macro_fund.pms.words import narrative
from macro_fund.reports.blocks import Cell, Grid, Number, Style, Told, heads, say
from macro_fund.reports.reasons import reason
from macro_fund.reports.words import echoed, in_words, named

ASSET = "pms/trade_proposals"
MEASURES = ("var", "worst_stress", "margin")

Row = Mapping[str, Any]


def effect_grids(rows: Sequence[Row]) -> list[Grid]:
    """Each trade's own effect, the book if all are approved, and the words. rows: of one session, in order of rank."""
    known = [r for r in rows if r["as_of"] is not None]
    if not known:
        return []
    return [_alone(known), _together(known[0]), _words(known)]


def _alone(rows: Sequence[Row]) -> Grid:
    body: list[list[Cell]] = []
    for p in rows:
        i = p["proposal_id"]
        cells: list[Cell] = [str(p["rank"]), i, p["contract"]]
        cells.append(Number(f"{i} expected", p["expected_pnl_brl"], "brl", ASSET))
        cells.append(Number(f"{i} component var", p["component_var_brl"], "brl", ASSET))
        cells.append(Number(f"{i} net per var", p["net_per_var"], "number", ASSET))
        cells += [Number(f"{i} {name} after", p[f"{name}_after_brl"], "brl", ASSET) for name in MEASURES]
        cells.append(Number(f"{i} data age", p["data_age_days"], "count", ASSET))
        body.append(cells)
    head = heads("rank", "id", "contract", "expected_pnl", "component_var", "net_per_var")
    return Grid((*head, *(say("head.with_it", what=_measure(m)) for m in MEASURES), *heads("data_age")), body)


def _measure(name: str) -> Cell:
    return say("limit.var_95") if name == "var" else named("limit", name)


def _together(p: Row) -> Grid:
    """The same book before and after all in every row of a session; of the limits those that move."""
    body: list[list[Cell]] = [
        [_measure(name), *(_cell(f"{name} {when}", p[f"{name}_{when}_brl"], "brl") for when in ("before", "after_all"))]
        for name in MEASURES
    ]
    for use in p["limits"] or []:
        name, cap = use["limit"], use["limit_value"]
        shares = {w: None if use[w] is None or not cap else use[w] / cap for w in ("before", "after_all")}
        body.append(
            [
                say("head.use_of", limit=named("limit", name)),
                *(_cell(f"{name} use {w}", x, "percent") for w, x in shares.items()),
            ]
        )
    return Grid(heads("book", "before", "if_all"), body)


def _cell(item: str, value: float | None, style: Style) -> Number:
    return Number(item.replace("_all", " all"), value, style, ASSET)


def _narrative(p: Row) -> Cell:
    """The trade in words, its side and its sign in those of the page; nothing where the ledger has none."""
    if not p["narrative"]:
        return ""
    sides = {k: in_words(echoed(p[k], p["contract"]), "pt") for k in ("screen_side", "gain_if")}
    return Told(narrative(p, "en"), narrative({**p, **sides}, "pt"))


def _words(rows: Sequence[Row]) -> Grid:
    body = [
        (p["proposal_id"], _narrative(p), reason(p["invalidation"] or ""), reason(p["missing"] or "")) for p in rows
    ]
    return Grid(heads("id", "in_words", "wrong_if", "not_known"), body)
