"""Pre-trade checks against the mandate: the gate, limits of the actual book, margin, and how much one trade uses.

Belongs here: the checks that measure risk. Does not belong here: the other checks (`pretrade.py`), the limits' use by
the target book (risk/limits.py).

Measured: net DV01 and net delta by class, the worst stress loss (linear, over cases with a shock for the instrument),
the VaR that one more contract adds, and the margin stand-in, against NAV. Trades approved in the session count as held.
"""

from __future__ import annotations

from collections.abc import Iterator

from macro_fund.instruments.contracts import load_specs
from macro_fund.instruments.futures import contract_margin
from macro_fund.mandate import Approval
from macro_fund.pms.costs import instruments_by_id, known_instrument
from macro_fund.pms.gate import OPEN, gain
from macro_fund.pms.pretrade import Evidence, Ticket, Verdict, unit_risk
from macro_fund.risk.limits import NET, in_class
from macro_fund.settings import Settings


def gate(ticket: Ticket, evidence: Evidence) -> Verdict:
    """What limits and breakers of the session let pass (`pms/gate.py`)."""
    if evidence.gate.action == OPEN.action:
        return Verdict("limits", "pass", "no limit is breached, no breaker is tripped")
    words = f"{ticket.before:+d} to {ticket.after:+d} contracts"
    if not ticket.adds:
        return Verdict("limits", "pass", f"{words} reduces risk ({evidence.gate.words})")
    return Verdict(
        "limits",
        "refuse",
        f"{words} adds risk, and only less is allowed ({evidence.gate.words}): reject it, or modify it to a smaller "
        "position on the same side",
    )


def most(ticket: Ticket, settings: Settings) -> Verdict:
    """The position stays within the instrument's max_contracts, or becomes smaller."""
    instrument = ticket.proposal["instrument"]
    cap = known_instrument(instruments_by_id(settings), instrument).max_contracts
    if abs(ticket.after) > cap and abs(ticket.after) > abs(ticket.before):
        words = (
            f"{ticket.quantity:+d} makes a position of {ticket.after:+d} contracts, the most for {instrument} is {cap}"
        )
        return Verdict("max_contracts", "refuse", f"{words}; ask for less, or change config/instruments.yaml")
    return Verdict("max_contracts", "pass", f"{abs(ticket.after):,} of {cap:,} contracts")


def book(ticket: Ticket, evidence: Evidence, settings: Settings) -> Verdict:
    """Net limits of the actual book after the trade: none is passed by it, and none that is passed already grows."""
    for name, (_, column, what) in NET.items():
        members = {i.id for i in in_class(settings, name)}
        if ticket.proposal["instrument"] not in members:
            continue
        risk = column.removesuffix("_brl")
        now = sum(p[column] for p in evidence.positions if p["instrument"] in members) + sum(
            unit_risk(d, risk) * d["traded"] for d in evidence.decided if d["instrument"] in members
        )
        then = now + ticket.unit(risk) * ticket.quantity
        cap = getattr(settings.limits, name) * evidence.nav_brl
        if abs(then) > cap and abs(then) > abs(now):
            used = f"{abs(then) / cap:.0%}" if cap else "more than all"
            words = f"{name} of the book would be {used} used ({what}): modify it to less, or reduce first"
            return Verdict("book", "refuse", words)
        return Verdict("book", "pass", f"{name} {abs(now) / cap:.0%} -> {abs(then) / cap:.0%}" if cap else name)
    return Verdict("book", "unknown", f"no net limit is known for {ticket.proposal['instrument']}")


def margin(ticket: Ticket, evidence: Evidence, settings: Settings) -> Verdict:
    """Margin of the book after the trade stays within the mandate's share of NAV, all of which is in cash."""
    each = _margin_each(ticket.proposal["instrument"], ticket.proposal["contract"], evidence, settings)
    if each is None:
        return Verdict("margin", "unknown", f"no settlement of {ticket.proposal['contract']} to take the margin from")
    held, blind = 0.0, []
    for row, count in _held(ticket, evidence):
        one = _margin_each(row["instrument"], row["contract"], evidence, settings)
        if one is None:
            blind.append(row["contract"])
        held += abs(count) * (one or 0.0)
    own = abs(ticket.after) * each
    cap = settings.limits.margin * evidence.nav_brl
    if held + own > cap and ticket.adds:
        words = f"margin of the book would be BRL {held + own:,.0f}, at most {cap:,.0f} is allowed: modify it to less"
        return Verdict("margin", "refuse", words)
    if blind:
        return Verdict("margin", "unknown", f"without {', '.join(blind)}, which have no settlement")
    return Verdict("margin", "pass", f"BRL {held + own:,.0f} of {cap:,.0f}")


def use(ticket: Ticket, evidence: Evidence, settings: Settings, rules: Approval) -> Verdict:
    """How much of each limit the opened contracts use by themselves; a second person is asked above the threshold."""
    uses = dict(_uses(ticket, evidence, settings))
    absent = [name for name in ("worst_stress", "var_95", "margin") if name not in uses]
    if not uses:
        return Verdict("limit_use", "unknown", "no limit could be measured for this trade")
    name, most = max(uses.items(), key=lambda item: item[1])
    words = f"it uses {most:.0%} of the limit {name}" + (f" (not measured: {', '.join(absent)})" if absent else "")
    if most > rules.limit_share:
        return Verdict("limit_use", "second", f"{words}, more than {rules.limit_share:.0%}")
    return Verdict("limit_use", "unknown" if absent else "pass", words)


def _uses(ticket: Ticket, evidence: Evidence, settings: Settings) -> Iterator[tuple[str, float]]:
    """(limit, share of it used) of the opened contracts alone, for each limit that can be measured."""
    instrument, count, limits = ticket.proposal["instrument"], ticket.opened, settings.limits
    for name, (_, column, _) in NET.items():
        if instrument in {i.id for i in in_class(settings, name)}:
            unit = ticket.unit(column.removesuffix("_brl"))
            yield name, abs(unit) * count / (getattr(limits, name) * evidence.nav_brl)
    side = 1 if ticket.after > 0 else -1
    risk = {"dv01_brl": ticket.unit("dv01") * count * side, "delta_brl": ticket.unit("delta") * count * side}
    losses = [-gain({"instrument": instrument, **risk}, c) for c in evidence.shocks.values() if instrument in c]
    if losses:
        yield "worst_stress", max(0.0, *losses) / (limits.worst_stress * evidence.nav_brl)
    if instrument in evidence.marginal:
        yield "var_95", abs(evidence.marginal[instrument]) * count / (limits.var_95 * evidence.nav_brl)
    each = _margin_each(instrument, ticket.proposal["contract"], evidence, settings)
    if each is not None:
        yield "margin", each * count / (limits.margin * evidence.nav_brl)


def _held(ticket: Ticket, evidence: Evidence) -> Iterator[tuple[dict[str, str], int]]:
    """Contracts of every other position, with what was approved for it in the session."""
    counts: dict[tuple[str, str], int] = {}
    for p in evidence.positions:
        key = p["instrument"], p["contract"]
        counts[key] = counts.get(key, 0) + p["quantity"]
    for d in evidence.decided:
        key = d["instrument"], d["contract"]
        counts[key] = counts.get(key, 0) + d["traded"]
    for (instrument, contract), count in counts.items():
        if contract != ticket.proposal["contract"] and count:
            yield {"instrument": instrument, "contract": contract}, count


def _margin_each(instrument: str, contract: str, evidence: Evidence, settings: Settings) -> float | None:
    """Margin stand-in of one contract at its newest settlement; None without one."""
    marks = evidence.of(contract)
    if marks.is_empty():
        return None
    last = marks.row(-1, named=True)
    if last["dv01_brl"] is None or last["delta_brl"] is None:
        return None
    spec = load_specs()[known_instrument(instruments_by_id(settings), instrument).root]
    return contract_margin(spec, last["bdays"], last["dv01_brl"], last["delta_brl"])
