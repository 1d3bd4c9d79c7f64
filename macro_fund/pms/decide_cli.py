"""The commands that decide: proposals approve, modify, reject, confirm, check; and trade.

Belongs here: options and messages. Does not belong here: any rule (`approval.py`, `discretionary.py`), looking at
proposals (`cli.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from macro_fund.pms import approval, discretionary, show
from macro_fund.pms.context import AsJson, Note, Open, Person, PmsContext, told
from macro_fund.pms.costs import instruments_by_id, known_instrument
from macro_fund.pms.pretrade import Verdict
from macro_fund.pms.proposals import gain_if

ProposalId = Annotated[str, typer.Argument(help="Proposal id, or enough of its first digits.")]
Limit = Annotated[
    float | None, typer.Option("--limit", help="DI1: worst rate as a decimal (0.1305); others: worst price.")
]
Price = Annotated[float | None, typer.Option("--price", help="What the screen shows now: too far gone is refused.")]
Seen = Annotated[str, typer.Option("--seen", help="State that `show` printed: refused when it is another one by now.")]
Quantity = Annotated[int | None, typer.Option("--quantity", help="Contracts, signed (DI1: + receives).")]


def attach(app: typer.Typer, proposals: typer.Typer, open_context: Open) -> None:
    """Add the commands to the groups; `open_context` is called once a command, after the options are read."""
    _decisions(proposals, open_context)
    _second(proposals, open_context)

    @app.command("trade")
    def trade(
        contract: Annotated[str, typer.Argument(help="B3 ticker, as DI1F28.")],
        quantity: Quantity = None,
        thesis: Annotated[str, typer.Option("--thesis", help="Why, and what would prove it wrong; mandatory.")] = "",
        horizon: Annotated[int | None, typer.Option("--horizon", min=1, help="Business days.")] = None,
        person: Person = "",
        as_json: AsJson = False,
    ) -> None:
        """Propose a trade of your own in today's session; it is approved as any other."""
        with told(open_context) as ctx:
            made = discretionary.trade(ctx.desk(person), contract, quantity or 0, thesis=thesis, horizon_days=horizon)
            if as_json:
                typer.echo(show.as_json(made))
                return
            pid = made["proposal_id"]
            typer.echo(
                f"proposed {pid}: {made['screen_side']}, {made['quantity']:+,} contracts; {made['gain_if']}. "
                f"To trade it: macro-fund proposals approve {pid}"
            )


def _decisions(app: typer.Typer, open_context: Open) -> None:
    @app.command("approve")
    def approve(
        proposal_id: ProposalId,
        person: Person = "",
        note: Note = "",
        limit: Limit = None,
        price: Price = None,
        seen: Seen = "",
        as_json: AsJson = False,
    ) -> None:
        """Approve as proposed, at the session's settlement or better than a limit. Role pm."""
        with told(open_context) as ctx:
            done = approval.approve(ctx.desk(person), proposal_id, note=note, limit_level=limit, price=price, seen=seen)
            _decided(ctx, done, as_json)

    @app.command("modify")
    def modify(
        proposal_id: ProposalId,
        quantity: Quantity = None,
        person: Person = "",
        note: Note = "",
        limit: Limit = None,
        price: Price = None,
        seen: Seen = "",
        as_json: AsJson = False,
    ) -> None:
        """Approve another quantity. Role pm."""
        with told(open_context) as ctx:
            done = approval.modify(
                ctx.desk(person),
                proposal_id,
                quantity=quantity,
                note=note,
                limit_level=limit,
                price=price,
                seen=seen,
            )
            _decided(ctx, done, as_json)

    @app.command("reject")
    def reject(
        proposal_id: ProposalId, person: Person = "", note: Note = "", seen: Seen = "", as_json: AsJson = False
    ) -> None:
        """Reject; --note says why. Role pm or risk."""
        with told(open_context) as ctx:
            _decided(ctx, approval.reject(ctx.desk(person), proposal_id, note=note, seen=seen), as_json)


def _second(app: typer.Typer, open_context: Open) -> None:
    @app.command("confirm")
    def confirm(
        proposal_id: ProposalId, person: Person = "", note: Note = "", seen: Seen = "", as_json: AsJson = False
    ) -> None:
        """Confirm an approval that waits for a second person. Role risk."""
        with told(open_context) as ctx:
            row = approval.confirm(ctx.desk(person), proposal_id, note=note, seen=seen)
            if as_json:
                typer.echo(show.as_json(row))
            else:
                typer.echo(f"confirmed by {row['person']}. The next run makes the order.")

    @app.command("check")
    def check(
        proposal_id: ProposalId,
        quantity: Quantity = None,
        limit: Limit = None,
        price: Price = None,
        as_json: AsJson = False,
    ) -> None:
        """What every pre-trade check says of it now; decides nothing."""
        with told(open_context) as ctx:
            proposal = ctx.ledger.proposal(proposal_id, at=ctx.now)
            found = approval.review(ctx.desk(""), proposal, quantity=quantity, limit_level=limit, price=price)
            if as_json:
                typer.echo(show.as_json([vars(v) for v in found]))
            else:
                rows = [(v.check, _STATES[v.state], v.words) for v in found]
                title = f"{proposal['proposal_id']}: pre-trade checks"
                show.console().print(show.table(title, ("check", "", "what it says"), rows))


_STATES = {"pass": "ok", "second": "second person", "refuse": "REFUSED", "unknown": "not checked"}


def _decided(ctx: PmsContext, done: approval.Decided, as_json: bool) -> None:
    decision = done.decision
    proposal = ctx.ledger.proposal(decision["proposal_id"], at=ctx.now)
    if as_json:
        typer.echo(show.as_json({**decision, "status": proposal["status"], "second": done.second}))
        return
    _not_checked(done.verdicts)
    text = f"{proposal['status']} {proposal['proposal_id']}: {proposal['screen_side']}"
    if decision["action"] == "reject":
        typer.echo(f"{text}. Nothing is traded.")
        return
    count = proposal["quantity"] if decision["quantity"] is None else decision["quantity"]
    typer.echo(f"{text}, {count:+,} contracts {_terms(ctx, proposal, decision, count)}. {_next(done, proposal)}")


def _terms(ctx: PmsContext, proposal: dict[str, Any], decision: dict[str, Any], count: int) -> str:
    limit = decision["limit_level"]
    at = "" if limit is None else f" or better than {show.level(proposal['contract'], limit)}"
    root = known_instrument(instruments_by_id(ctx.settings), proposal["instrument"]).root
    echo = gain_if(root, proposal["contract"], proposal["position_before"] + count)
    return f"at the settlement of {proposal['session']}{at}; {echo}"


def _next(done: approval.Decided, proposal: dict[str, Any]) -> str:
    if not done.second:
        return "The next run makes the order."
    return (
        f"It waits for a risk officer, because {done.second}: macro-fund proposals confirm {proposal['proposal_id']} "
        f"until {show.local(proposal['expires_at'])} Sao Paulo."
    )


def _not_checked(found: Sequence[Verdict]) -> None:
    """What could not be checked, so that its silence is not taken for a pass."""
    for verdict in found:
        if verdict.state == "unknown":
            typer.echo(f"not checked: {verdict.check}: {verdict.words}", err=True)
