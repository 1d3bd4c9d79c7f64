"""What each limit of the mandate measures on the target book of one session.

Belongs here: one function a kind of limit, from a session's rows to a `Measure`. Does not belong here: the state that
follows from a value (limits.py), the limits' numbers (config/limits.yaml), or the risk measures behind them (var,
stress, liquidity).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from macro_fund.settings import Instrument, Settings

COUNTED = ("historical", "filtered", "parametric", "monte_carlo")
"""VaR methods that count. The challengers (cornish_fisher, t_copula) are told when they say more, and not counted."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Measure:
    """A fraction of the capital; None without any measure. `partial`: something that belongs to it is missing, and
    `reason` names it. Otherwise `reason` says what the value comes from."""

    value: float | None
    partial: bool = False
    reason: str = ""


def without(names: Sequence[str]) -> str:
    return f"without {', '.join(sorted(set(names)))}"


def var_total(rows: Sequence[Row], nav: float) -> Measure | None:
    """The worst counted method's total over NAV. rows: totals of one level of risk/var. None without any row."""
    if not rows:
        return None
    by_method = {r["method"]: r for r in rows}
    known = {m: by_method[m]["var_brl"] for m in COUNTED if m in by_method and by_method[m]["var_brl"] is not None}
    if not known:
        return Measure(None, True, next((r["reason"] for r in rows if r["reason"]), ""))
    worst = max(sorted(known), key=lambda m: known[m])
    gaps = _gaps(by_method, known)
    words = [*gaps] or [worst]
    above = [(r["var_brl"], m) for m, r in by_method.items() if m not in COUNTED and r["var_brl"] is not None]
    if above and max(above)[0] > known[worst]:
        words.append(f"{max(above)[1]}, a challenger, says {max(above)[0] / nav:.2%}")
    return Measure(known[worst] / nav, bool(gaps), "; ".join(words))


def strategy_share(totals: Sequence[Row], parts: Sequence[Row], budget: float) -> Measure | None:
    """The worst counted method's largest strategy part over the VaR that the fund may have (`budget`, BRL); 0: no loss.

    totals, parts: rows of risk/var at 95%, scopes total and strategy. None without any row.
    """
    if not totals:
        return None
    by_method = {r["method"]: r for r in totals}
    shares = {}
    for method in COUNTED:
        if method in by_method and by_method[method]["var_brl"] is not None:
            shares[method] = _largest(by_method[method]["var_brl"], [p for p in parts if p["method"] == method], budget)
    found = {m: s for m, s in shares.items() if s is not None}
    if not found:
        return Measure(None, True, next((r["reason"] for r in totals if r["reason"]), ""))
    gaps = _gaps(by_method, found)
    share, owner = max(found.values(), key=lambda s: s[0])
    words = "; ".join(gaps) if gaps else f"largest: {owner}" if owner else ""
    return Measure(share, bool(gaps), words)


def _largest(total: float, parts: Sequence[Row], budget: float) -> tuple[float, str] | None:
    """(share, strategy) of the largest part; None when a total has no parts."""
    if total <= 0:
        return 0.0, ""
    known = [(p["var_brl"], p["item"]) for p in parts if p["var_brl"] is not None]
    if not known:
        return None
    most, owner = min(known, key=lambda k: (-k[0], k[1]))
    return max(most, 0.0) / budget, owner


def _gaps(by_method: Mapping[str, Row], known: Mapping[str, Any]) -> list[str]:
    """Counted methods that are missing, and the reasons of those that are not sure of their number; each once."""
    told: list[str] = []
    for method in COUNTED:
        row = by_method.get(method)
        reason = row["reason"] if row else ""
        if method not in known:
            told.append(f"without {method}" + (f": {reason}" if reason else ""))
        elif row and row["status"] != "ok":
            told.append(reason or f"{method} is {row['status']}")
    return list(dict.fromkeys(told))


def worst_stress(cases: Sequence[Row], nav: float) -> Measure | None:
    """The largest loss of a scenario or replay over NAV; 0 when the book gains in all. None without any row.

    cases: kind, scenario, pnl_brl (sum of the rows with a number), n (how many those are), blind (instruments without).
    A replay that cannot value something held (a factor had no close in its days) is named and left out: a part of a
    book is another book. Without any case that can be valued there is no measure.
    """
    if not cases:
        return None
    known, short = valued(cases)
    if not known:
        return Measure(None, True, without([b for c in cases for b in c["blind"]]))
    worst = known[0]
    unmeasured = sorted(c["scenario"] for c in cases if not c["n"] and c["kind"] == "scenario")
    blind = [b for c in known for b in c["blind"]]
    words = [without([*blind, *unmeasured])] if blind or unmeasured else [str(worst["scenario"])]
    words += [f"{len(short)} replays without closes"] if short else []
    return Measure(max(-worst["pnl_brl"], 0.0) / nav + 0.0, bool(blind or unmeasured), "; ".join(words))


def valued(cases: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """(cases that value the book, the worst first; replays that cannot). cases: as for `worst_stress`, at least one."""
    nobody = set.intersection(*(set(c["blind"]) for c in cases))  # without a target there is no case of it at all
    short = [c for c in cases if c["kind"] == "replay" and (not c["n"] or set(c["blind"]) - nobody)]
    known = [c for c in cases if c["n"] and c not in short]
    return sorted(known, key=lambda c: (c["pnl_brl"], c["kind"], c["scenario"])), short


def net(rows: Sequence[Row], instruments: Sequence[Instrument], column: str, nav: float, what: str) -> Measure | None:
    """|sum of `column`| over NAV of the targets in `instruments` (those of the book): opposite positions net.

    0 when the book holds none of this kind; None when the session has no targets of them.
    """
    if not instruments:
        return Measure(0.0, False, f"the book holds no {what}") if rows else None
    names = {i.id for i in instruments}
    here = sorted((r for r in rows if r["instrument"] in names), key=lambda r: r["instrument"])
    return _over(here, {r["instrument"]: r[column] for r in here}, nav, absolute=False)


def gross_leverage(rows: Sequence[Row], settings: Settings, nav: float) -> Measure | None:
    """Sum of exposures over NAV. rows: targets with `short` (the contract matures within a year).

    DI1: contracts x PU, contracts within a year of their maturity left out (their PU is cash, not risk). Futures on a
    price: |delta|. Another contract quoted in rates has no notional here: it is named as missing.
    """
    roots = {i.id: i for i in settings.instruments}
    here = sorted(rows, key=lambda r: r["instrument"])
    return _over(here, {r["instrument"]: _exposure(r, roots[r["instrument"]]) for r in here}, nav, absolute=True)


def _exposure(row: Row, instrument: Instrument) -> float | None:
    count = row["target_contracts"]
    if not count:
        return None if count is None else 0.0
    if not instrument.quoted_in_rates:
        return None if row["delta_brl"] is None else abs(row["delta_brl"])
    if instrument.root != "DI1" or row["price"] is None:
        return None
    return 0.0 if row["short"] else abs(count) * float(row["price"])


def margin(rows: Sequence[Row], nav: float) -> Measure | None:
    """Sum of margins over NAV. rows: risk/liquidity."""
    here = sorted(rows, key=lambda r: r["instrument"])
    return _over(here, {r["instrument"]: r["margin_brl"] for r in here}, nav, absolute=True)


def _over(rows: Sequence[Row], values: Mapping[str, float | None], nav: float, *, absolute: bool) -> Measure | None:
    """The sum (of sizes, or the size of the net) over NAV, naming what has no value."""
    if not rows:
        return None
    blind = [name for name, value in values.items() if value is None]
    known = [value for value in values.values() if value is not None]
    if not known:
        return Measure(None, True, without(blind))
    total = fsum(abs(v) for v in known) if absolute else abs(fsum(known))
    return Measure(total / nav, bool(blind), without(blind) if blind else "")
