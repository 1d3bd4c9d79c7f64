"""What the pms commands print: tables for people, JSON for programs.

Belongs here: columns, number formats and empty states. Does not belong here: what is printed (`cli.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from macro_fund.time.zones import SAO_PAULO

PLAIN_WIDTH = 160  # columns when the output goes to a file or a pipe, which has no width of its own


def console() -> Console:
    out = Console(highlight=False)
    return out if out.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def as_json(value: Any) -> str:
    """Indented JSON; money is text so that no cent is lost, times are UTC."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def level(contract: str, value: float | None) -> str:
    """A DI1 level is a rate, any other a price."""
    if value is None:
        return "-"
    return f"{value:.3%}" if contract.startswith("DI1") else f"{value:,.3f}"


def brl(amount: Decimal | float | None) -> str:
    return "-" if amount is None else f"{amount:z,.2f}"


def number(amount: float | None) -> str:
    return "-" if amount is None else f"{amount:z,.0f}"


def percent(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:z.{digits}%}"


def ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:z.2f}"


def local(time: datetime | None) -> str:
    return "-" if time is None else f"{time.astimezone(SAO_PAULO):%Y-%m-%d %H:%M}"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> Table:
    """A table with the columns in `right` aligned to the right."""
    made = Table(title=title, title_justify="left")
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def arrow(before: float | None, after: float | None, together: float | None) -> str:
    """Before -> with this trade (with all of the session's)."""
    return f"{number(before)} -> {number(after)} (all: {number(together)})"


def share(value: float | None) -> str:
    return "-" if value is None else f"{value:z.0%}"


def used(value: float | None, limit: float) -> float | None:
    """Use of a limit as a fraction of it."""
    return None if value is None or not limit else value / limit


def proposals_table(title: str, rows: Iterable[Mapping[str, Any]]) -> Table:
    columns = ("rank", "id", "session", "instrument", "screen", "contracts", "before", "after", "last",
               "expected", "cost BRL", "status")  # fmt: skip
    return table(
        title,
        columns,
        (
            (
                "-" if p["rank"] is None else str(p["rank"]),
                p["proposal_id"],
                str(p["session"]),
                p["instrument"],
                p["screen_side"],
                f"{p['quantity']:+,}",
                f"{p['position_before']:+,}",
                f"{p['position_after']:+,}",
                level(p["contract"], p["entry_level"]),
                number(p["expected_pnl_brl"]),
                brl(p["expected_cost_brl"]),
                p["status"],
            )
            for p in rows
        ),
        right=("rank", "contracts", "before", "after", "last", "expected", "cost BRL"),
    )


def proposal_card(p: Mapping[str, Any], state: str) -> Table:
    """One proposal, a line a fact; `state` is the digest of them all."""
    shares = ", ".join(f"{s['strategy_id']} {s['share']:.0%}" for s in p["shares"]) or "-"
    contract = p["contract"]
    facts = [
        ("screen", p["screen_side"]),
        ("contracts", f"{p['quantity']:+,} ({p['position_before']:+,} -> {p['position_after']:+,})"),
        ("sign echo", p["gain_if"]),
        ("last settlement", level(contract, p["entry_level"])),
        ("stop / target", f"{level(contract, p['stop_level'])} / {level(contract, p['target_level'])}"),
        ("horizon", "-" if p["horizon_days"] is None else f"{p['horizon_days']} business days"),
        ("conviction", "-" if p["conviction"] is None else f"{p['conviction']:.2f}"),
        ("expected P&L", _expected(p)),
        ("expected cost", f"BRL {brl(p['expected_cost_brl'])}"),
        ("DV01 BRL", f"{number(p['dv01_before_brl'])} -> {number(p['dv01_after_brl'])}"),
        ("delta BRL", f"{number(p['delta_before_brl'])} -> {number(p['delta_after_brl'])}"),
        *_risk_facts(p),
        ("strategies", shares),
        ("why", p["rationale"] or "-"),
        *_why_facts(p),
        ("expires", f"{local(p['expires_at'])} Sao Paulo"),
        ("status", p["status"]),
        ("state", state),
    ]
    if p["narrative"]:
        facts.insert(0, ("in words", p["narrative"]))
    if p["decided_by"]:
        facts.append(("decided", f"{p['decided_by']}, {local(p['decided_at'])} Sao Paulo: {p['note'] or '(no note)'}"))
    if p["second"]:
        who = f"{p['confirmed_by']}, {local(p['confirmed_at'])} Sao Paulo" if p["confirmed_by"] else "nobody yet"
        facts.append(("confirmed", f"{who}; asked because {p['second']}"))
    return table(f"{p['proposal_id']}: {p['instrument']}, session {p['session']}", ("", "proposal"), facts)


def performance_table(title: str, rows: Iterable[Mapping[str, Any]]) -> Table:
    """A line a fact, a column a period: pms/performance rows of one session."""
    periods = {r["period"]: r for r in rows}
    names = [p for p in ("mtd", "qtd", "ytd", "12m", "inception") if p in periods]
    facts: list[tuple[str, str, Callable[[Any], str]]] = [
        ("first day", "first_trade_date", _day),
        ("days", "n_days", number),
        ("fund", "fund_return", percent),
        ("CDI", "cdi_return", percent),
        ("over CDI", "excess_return", percent),
        ("volatility", "volatility", percent),
        ("Sharpe", "sharpe", ratio),
        ("Sortino", "sortino", ratio),
        ("deepest fall", "max_drawdown", percent),
        ("fall now", "drawdown", percent),
        ("under the high since", "drawdown_since", _day),
        ("round trips closed", "closed_trips", number),
        ("of these gained", "hit_rate", percent),
        ("they made, BRL", "closed_pnl_brl", brl),
        ("open ones so far, BRL", "open_pnl_brl", brl),
        ("turnover, times NAV", "turnover", ratio),
    ]
    body = [(title_, *(told(periods[p][column]) for p in names)) for title_, column, told in facts]
    return table(title, ("", *names), body, right=names)


def _day(value: date | None) -> str:
    return "-" if value is None else str(value)


def outcomes_table(title: str, rows: Iterable[Mapping[str, Any]]) -> Table:
    """Lots, one a line."""
    columns = ("proposal", "instrument", "contract", "contracts", "opened", "closed", "by", "days", "met", "P&L BRL",
               "state")  # fmt: skip
    body = (
        (
            r["proposal_id"],
            r["instrument"],
            r["contract"],
            f"{r['quantity']:+,}",
            str(r["opened"]),
            _day(r["closed"]),
            r["ended"],
            f"{r['held_days']:,}",
            " ".join(str(x) for x in (r["met"] or "-", r["met_on"]) if x is not None),
            brl(r["pnl_brl"]),
            r["state"],
        )
        for r in rows
    )
    return table(title, columns, body, right=("contracts", "days", "P&L BRL"))


def notes_table(title: str, rows: Iterable[Mapping[str, Any]]) -> Table:
    """Notes and lessons, one a line, with the proposal that each belongs to."""
    body = ((r["proposal_id"], r["kind"], r["about"], local(r["recorded_at"]), r["person"], r["text"]) for r in rows)
    return table(title, ("proposal", "", "on its", "Sao Paulo time", "by", "words"), body)


_TOLD = ("action", "kind", "contract", "quantity", "strategy_id", "person", "approved_by", "subject")
_WORDS = ("text", "note", "reason", "rationale")
_WHAT_WIDTH = 72  # columns


def entry_words(entry: Mapping[str, Any]) -> str:
    """What a journal entry is about, in a line: those parts of its body that people know it by, shortened.

    A body that is no JSON object was changed: that is for `journal verify` to say.
    """
    try:
        body = dict(json.loads(entry["body"]))
    except (ValueError, TypeError):
        return "cannot be read: macro-fund journal verify"
    words = " ".join(str(body[k]) for k in (*_TOLD, *_WORDS) if body.get(k) not in (None, ""))
    return words if len(words) <= _WHAT_WIDTH else f"{words[: _WHAT_WIDTH - 1]}…"


def _expected(p: Mapping[str, Any]) -> str:
    if p["expected_pnl_brl"] is None:
        return "-"
    ratio = "" if p["net_per_var"] is None else f"; less cost {p['net_per_var']:.2f} per BRL of its VaR"
    return f"BRL {number(p['expected_pnl_brl'])} over {p['expected_days']:.0f} sessions{ratio}"


def _risk_facts(p: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the trade does to the book; nothing of a proposal from before these were kept."""
    if p["as_of"] is None:
        return []

    def moved(name: str) -> str:
        return arrow(*(p[f"{name}_{when}_brl"] for when in ("before", "after", "after_all")))

    case = f", {p['worst_stress_case']}" if p["worst_stress_case"] else ""
    uses = [
        f"{u['limit']} {' -> '.join(share(used(u[when], u['limit_value'])) for when in ('before', 'after'))} "
        f"(all: {share(used(u['after_all'], u['limit_value']))})"
        for u in p["limits"] or []
    ]
    return [
        ("rank", "-" if p["rank"] is None else str(p["rank"])),
        ("VaR 95% 1d BRL", moved("var")),
        ("its part of VaR", f"BRL {number(p['component_var_brl'])}"),
        ("worst stress BRL", moved("worst_stress") + case),
        ("margin BRL", moved("margin")),
        ("limits used", "\n".join(uses) or "no use changes"),
    ]


def _why_facts(p: Mapping[str, Any]) -> list[tuple[str, str]]:
    if p["as_of"] is None:
        return []
    age = "-" if p["data_age_days"] is None else f"{p['oldest_input']}, {p['data_age_days']} business days"
    lines = [
        f"{d['strategy_id']} {d['contribution']:+.2f}" + (f" (agents: {d['agents']})" if d["agents"] else "")
        for d in p["drivers"] or []
    ]
    return [
        ("drivers", "\n".join(lines) or "-"),
        ("wrong if", p["invalidation"] or "-"),
        ("oldest input", age),
        ("model, data", f"{p['model']}; prices of {p['data_date']}, as of {local(p['as_of'])} Sao Paulo"),
        ("not known", p["missing"] or "-"),
    ]
