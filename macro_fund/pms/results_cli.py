"""The commands on results: P&L, attribution, performance, outcomes of decisions.

Belongs here: options, titles and empty states. Does not belong here: any sum (`attribution.py`, `performance.py`,
`outcomes.py`), decisions (`cli.py`).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import polars as pl
import typer

from macro_fund.pms import show
from macro_fund.pms.attribution import By, attribution, last_trade_date, pnl_by, with_dimensions
from macro_fund.pms.context import AsJson, Open, PmsContext, title_of, told
from macro_fund.pms.outcomes import SCHEMA, outcomes
from macro_fund.pms.periods import Period, start_of
from macro_fund.pms.statistics import by_person, of_outcomes

_NO_PNL = "No P&L yet: it starts on the first session after the inception."
_DIMENSIONS = ", ".join(By)
From = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="First trade date, instead of the period's."),
]
To = Annotated[
    datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last trade date; default: the last close.")
]
ByOption = Annotated[str, typer.Option("--by", help=f"One or more of {_DIMENSIONS}, with commas between.")]


def attach(app: typer.Typer, open_context: Open) -> None:
    """Add the commands to `app`; `open_context` is called once a command, after the options are read."""

    @app.command("pnl")
    def pnl(by: ByOption = By.strategy, as_json: AsJson = False) -> None:
        """P&L of the last day, month, quarter, year and since inception; every grouping sums to the change of NAV."""
        with told(open_context) as ctx:
            _pnl(ctx, dimensions(by), as_json)

    @app.command("attribution")
    def attribution_(
        by: ByOption = By.strategy,
        period: Annotated[Period, typer.Option("--period", help="Up to the last close.")] = Period.mtd,
        first: From = None,
        last: To = None,
        as_json: AsJson = False,
    ) -> None:
        """Who made a period's return: BRL, part of the return, part of the return over CDI; each sums exactly."""
        with told(open_context) as ctx:
            _attribution(ctx, dimensions(by), period, first and first.date(), last and last.date(), as_json)

    @app.command("performance")
    def performance(as_json: AsJson = False) -> None:
        """Return over CDI, risk, drawdown, closed round trips and turnover of each period."""
        with told(open_context) as ctx:
            _performance(ctx, as_json)

    @app.command("outcomes")
    def outcomes_(
        every: Annotated[bool, typer.Option("--all", help="Also those that are still open.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """What became of each approved proposal: how its lot ended, target or stop met, P&L, and what people wrote."""
        with told(open_context) as ctx:
            _outcomes(ctx, every, as_json)

    @app.command("decisions")
    def decisions(as_json: AsJson = False) -> None:
        """Who decided how often on what, what was refused them, and how closed trades ended."""
        with told(open_context) as ctx:
            _decisions(ctx, as_json)


def dimensions(text: str) -> list[By]:
    """The dimensions named in `text`, with commas between; ValueError for one that there is not, or twice."""
    names = [name.strip() for name in text.split(",")]
    unknown = [n for n in names if n not in list(By)]
    if unknown:
        raise ValueError(f"cannot group by {', '.join(map(repr, unknown))}; give one or more of {_DIMENSIONS}")
    if len(set(names)) < len(names):
        raise ValueError(f"--by {text} names a dimension twice; give each once")
    return [By(n) for n in names]


def _cube(ctx: PmsContext, table: str) -> pl.DataFrame:
    return with_dimensions(ctx.read(table, None), ctx.settings.asset_classes)


def _said_empty(rows: pl.DataFrame, as_json: bool, words: str) -> bool:
    """Whether there is nothing to show, and that was said."""
    if rows.is_empty():
        typer.echo("[]" if as_json else words)
    return rows.is_empty()


def _pnl(ctx: PmsContext, by: list[By], as_json: bool) -> None:
    cube = _cube(ctx, "pms/explain" if By.factor in by else "pms/pnl")  # the explain alone knows factors
    if _said_empty(cube, as_json, _NO_PNL):
        return
    rows = pnl_by(cube, by)
    if as_json:
        typer.echo(show.as_json(rows.to_dicts()))
        return
    count = len(by)
    body = [(*r[:count], *(show.brl(v) for v in r[count:])) for r in rows.iter_rows()]
    sums = rows.select(pl.exclude(by).sum()).row(0)
    total = ("total", *[""] * (count - 1), *(show.brl(v) for v in sums))
    columns = (*by, f"day {last_trade_date(cube)}", "month", "quarter", "year", "inception")
    title = title_of(ctx, f"P&L by {', '.join(by)}, BRL")
    show.console().print(show.table(title, columns, [*body, total], right=columns[count:]))


def _attribution(
    ctx: PmsContext, by: list[By], period: Period, first: date | None, last: date | None, as_json: bool
) -> None:
    known = pl.col("trade_date") <= (last or date.max)
    cube, nav = _cube(ctx, "pms/explain").filter(known), ctx.read("pms/nav", None).filter(known)
    if _said_empty(cube, as_json, _NO_PNL):
        return
    last = last_trade_date(cube)
    start = first or start_of(period, last)
    if start > last:
        raise ValueError(f"there is no P&L from {start} on: the newest known is of {last}")
    rows = attribution(cube, nav, by, start)
    if as_json:
        typer.echo(show.as_json(rows.to_dicts()))
        return
    count = len(by)
    total = ("total", *[""] * (count - 1), *rows.select(pl.exclude(by).sum()).row(0))
    body = [
        (*r[:count], show.brl(r[count]), *(show.percent(v, 4) for v in r[count + 1 :]))
        for r in (*rows.sort("pnl_brl", *by, descending=[True, *[False] * count]).rows(), total)
    ]
    days = cube.filter(pl.col("trade_date") >= start)["trade_date"]
    name = "" if first else f"{period} "
    title = title_of(ctx, f"Attribution {name}({days.min()!s} to {last}) by {', '.join(by)}")
    columns = (*by, "BRL", "of the return", "over CDI")
    show.console().print(show.table(title, columns, body, right=columns[count:]))


def _performance(ctx: PmsContext, as_json: bool) -> None:
    rows = ctx.read("pms/performance", None)
    if _said_empty(rows, as_json, "No performance yet: `macro-fund run` makes the fund's first NAV."):
        return
    rows = rows.filter(pl.col("session") == pl.col("session").max())
    if as_json:
        typer.echo(show.as_json(rows.to_dicts()))
        return
    last = rows["trade_date"][0]
    show.console().print(show.performance_table(title_of(ctx, f"Performance to {last}"), rows.to_dicts()))


def _known_outcomes(ctx: PmsContext, notes: pl.DataFrame) -> tuple[pl.DataFrame, date | None]:
    """What became of every lot, as the last close knows it, and that close; empty before the first."""
    fills, navs = ctx.ledger.fills(), ctx.read("pms/nav", None).sort("session")
    if fills.is_empty() or navs.is_empty():
        return pl.DataFrame(schema=SCHEMA), None
    last = navs.row(-1, named=True)
    marks, cube = ctx.read("silver/contract_marks", None), ctx.read("pms/pnl", None)
    close: date = last["trade_date"]
    return outcomes(fills, ctx.ledger.proposals(), marks, cube, notes, last["session"], close), close


def _outcomes(ctx: PmsContext, every: bool, as_json: bool) -> None:
    notes = ctx.ledger.notes(ctx.now)
    rows, close = _known_outcomes(ctx, notes)
    if _said_empty(rows, as_json, "No outcomes yet: nothing has been traded."):
        return
    shown = rows if every else rows.filter(pl.col("closed").is_not_null())
    told = notes.filter(pl.col("proposal_id").is_in(shown["proposal_id"].to_list()))
    if as_json:
        typer.echo(show.as_json([_with_notes(r, told) for r in shown.iter_rows(named=True)]))
    elif shown.is_empty():
        typer.echo(f"No closed lots yet, {rows.height} open: `macro-fund outcomes --all` shows them.")
    else:
        title = title_of(ctx, f"Outcomes at the close of {close}")
        out = show.console()
        out.print(show.outcomes_table(title, shown.to_dicts()))
        if not told.is_empty():
            out.print(show.notes_table("What was written about them", told.to_dicts()))


def _with_notes(row: dict[str, Any], told: pl.DataFrame) -> dict[str, Any]:
    return {**row, "notes": told.filter(pl.col("proposal_id") == row["proposal_id"]).to_dicts()}


def _decisions(ctx: PmsContext, as_json: bool) -> None:
    people = by_person(ctx.ledger.proposals(at=ctx.now), ctx.ledger.refusals())
    lots = of_outcomes(_known_outcomes(ctx, ctx.ledger.notes(ctx.now))[0])
    if as_json:
        typer.echo(show.as_json({"decisions": people.to_dicts(), "outcomes": lots.to_dicts()}))
        return
    if _said_empty(people, as_json, "Nothing was proposed yet: `macro-fund run` makes the first proposals."):
        return
    counts = people.columns[1:]
    rows = [(name or "nobody", *map(str, numbers)) for name, *numbers in people.iter_rows()]
    out = show.console()
    out.print(show.table(title_of(ctx, "Proposals by who decided"), ("person", *counts), rows, right=counts))
    ended = [
        (r["ended"], r["met"], str(r["lots"]), str(r["gained"]), f"{r['held_days']:.1f}", show.brl(r["pnl_brl"]))
        for r in lots.iter_rows(named=True)
    ]
    columns = ("closed by", "met", "lots", "gained", "settlements held", "P&L BRL")
    out.print(show.table("Closed lots", columns, ended, right=columns[2:]) if ended else "No closed lots yet.")
