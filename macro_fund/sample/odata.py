"""The little of OData that the sample world's Olinda services need: $filter, $orderby, $skip and $top.

Belongs here: reading the options and applying them to entries. Does not belong here: the entries (`wire_olinda`,
`wire_focus_periods`).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from macro_fund.sample.wire import ALWAYS, FOREVER, Ask, Day, day

Term = tuple[str, str, Any]
Entries = list[dict[str, Any]]
_TERM = re.compile(r"(\w+) (eq|ge|gt|le|lt) ('[^']*'|[^\s']+)")
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt,
}  # fmt: skip


class BadQuery(ValueError):
    """An OData option that the provider refuses."""


def terms_of(ask: Ask, fields: Collection[str]) -> list[Term]:
    """(field, comparison, value) of a $filter made of terms joined by `and`; BadQuery for another form or field."""
    text = ask.query.get("$filter", "").strip()
    terms = []
    for part in re.split(r"\s+and\s+", text) if text else []:
        found = _TERM.fullmatch(part.strip())
        if found is None:
            raise BadQuery("The filter expression is not valid")
        field, op, raw = found.groups()
        if field not in fields:
            raise BadQuery(f"Could not find a property named '{field}'")
        try:
            value: Any = raw[1:-1] if raw.startswith("'") else float(raw)
        except ValueError:
            raise BadQuery("The filter expression is not valid") from None
        terms.append((field, op, value))
    return terms


def passes(terms: Sequence[Term], field: str, value: Any) -> bool:
    """Whether `value` passes the terms on one field."""
    return all(_COMPARE[op](value, bound) for name, op, bound in terms if name == field)


def bounds(terms: Sequence[Term]) -> tuple[Day, Day]:
    """The widest days that the terms on Data allow."""
    first: Day = ALWAYS
    last: Day = FOREVER
    for field, op, value in terms:
        if field != "Data":
            continue
        try:
            bound = day(str(value), "%Y-%m-%d")
        except ValueError:
            raise BadQuery("The filter expression is not valid") from None
        first = max(first, bound) if op in ("ge", "gt", "eq") else first
        last = min(last, bound) if op in ("le", "lt", "eq") else last
    return first, last


def select(rows: Entries, terms: Sequence[Term], ask: Ask, fields: Collection[str]) -> Entries:
    """Entries that pass the terms, ordered and cut as asked."""
    used = {field for field, _, _ in terms}
    passed = [r for r in rows if all(passes(terms, f, r[f]) for f in used)]
    if order := ask.query.get("$orderby", ""):
        field, _, direction = order.partition(" ")
        if field not in fields:
            raise BadQuery(f"Could not find a property named '{field}'")
        passed.sort(key=lambda r: r[field], reverse=direction == "desc")
    skip, top = (_count(ask, k) for k in ("$skip", "$top"))
    return passed[skip or 0 :][:top]


def _count(ask: Ask, option: str) -> int | None:
    text = ask.query.get(option)
    if text is None:
        return None
    if not text.isdigit():
        raise BadQuery(f"{option} must be a whole number")
    return int(text)
