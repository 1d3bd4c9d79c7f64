"""The command line: macro-fund ...

Belongs here: arguments, printing, exit codes, reading the clock. Does not belong here: anything that a notebook or a
sensor could want too (home.py, orchestration/operate.py, pms/).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Column
from rich.table import Table as RichTable

from macro_fund.home import Home, create, home_path, latest_session
from macro_fund.pms.cli import PmsContext, attach
from macro_fund.pms.show import console
from macro_fund.research.cli import ResearchContext
from macro_fund.research.cli import attach as attach_research
from macro_fund.settings import SettingsError
from macro_fund.time.clock import now

if TYPE_CHECKING:
    import polars as pl

    from macro_fund.orchestration.backfill import Filled
    from macro_fund.orchestration.operate import Report

app = typer.Typer(no_args_is_help=True, help="Runs a Brazil/US global-macro fund on a Dagster asset graph.")
out = console()
err = Console(stderr=True)

JsonFlag = Annotated[bool, typer.Option("--json", help="print JSON instead of tables")]


@contextmanager
def clear_errors() -> Iterator[None]:
    """Errors that name their remedy are printed as one line and exit 1; anything else is a bug and keeps its trace."""
    try:
        yield
    except (SettingsError, ValueError) as error:
        err.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date: write YYYY-MM-DD") from None


@app.command()
def init(
    source: Annotated[str | None, typer.Option(help="sample | live | replay")] = None,
    inception: Annotated[str | None, typer.Option(help="session on which the fund opens, YYYY-MM-DD")] = None,
    history_start: Annotated[str | None, typer.Option(help="first session of the history, YYYY-MM-DD")] = None,
    if_missing: Annotated[bool, typer.Option(help="do nothing when the home has a fund already")] = False,
) -> None:
    """Write a home (MACRO_FUND_HOME) with its own fund.yaml."""
    with clear_errors():
        path = home_path()
        if if_missing and (path / "fund.yaml").exists():
            return
        home = create(path, source=source, inception=_day(inception), history_start=_day(history_start))
        fund = home.settings.fund
        out.print(f"opened {fund.name} in {home.path}: {fund.source} data, inception {fund.inception}", soft_wrap=True)


@app.command()
def run(
    on: Annotated[str | None, typer.Option("--date", help="one session, YYYY-MM-DD")] = None,
    first: Annotated[str | None, typer.Option("--from", help="first session")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last session")] = None,
    demo_pm: Annotated[
        bool, typer.Option(help="approve what the checks let pass, as a demonstration; never on live data")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Run the graph: by default every session that is missing, up to the latest."""
    with clear_errors():
        home = Home.open(home_path())
        keys = wanted_keys(home, _day(on), _day(first), _day(last))
        began = time.monotonic()
        reports = list(_operate(home, keys, demo_pm=demo_pm, quiet=as_json))
    healthy = all(r.healthy for r in reports)
    if as_json:
        print(json.dumps({"healthy": healthy, "reports": [_as_dict(r) for r in reports]}, default=str))
    else:
        if reports:
            print_reports(reports, time.monotonic() - began)
        else:
            out.print("up to date")
        done = home.lake.keys("reports/morning_pack", keys[-1] if keys else None)
        if done:
            pack = home.path / "reports" / done[-1].isoformat() / "morning_pack.html"
            out.print(f"morning pack: {pack}", soft_wrap=True)
    if not healthy:
        raise typer.Exit(1)


def wanted_keys(home: Home, on: date | None, first: date | None, last: date | None) -> list[date]:
    """Sessions to run; raises ValueError for a day that this fund has no partition for."""
    latest = latest_session(now())
    for day in (d for d in (on, first, last) if d is not None):
        if not home.sessions.is_session(day):
            raise ValueError(f"{day} is not a B3 session; sessions near it: {_near(home, day)}")
        if not home.inception <= day <= latest:
            raise ValueError(f"{day} is outside this fund's sessions {home.inception} .. {latest}")
    if on is not None:
        return [on]
    keys = home.sessions.keys(first or home.inception, last or latest)
    if first is not None:
        return keys
    done = set(home.lake.keys("reports/morning_pack"))
    missing = [k for k in keys if k not in done]
    return keys[keys.index(missing[0]) :] if missing else []


def _near(home: Home, day: date) -> str:
    around = home.sessions.frame()["session"]
    before, after = around.filter(around < day), around.filter(around > day)
    return ", ".join(str(s[i]) for s, i in ((before, -1), (after, 0)) if s.len())


def _operate(home: Home, keys: list[date], *, demo_pm: bool, quiet: bool) -> Iterator[Report]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, disable=quiet, transient=True) as bar:
        task = bar.add_task("loading the graph", total=None)

        def tell(what: str, step: str) -> None:
            bar.update(task, description=f"{what} {step}", advance=1 if what != "start" else 0)

        from macro_fund.definitions import build_defs
        from macro_fund.orchestration.graph import NODES
        from macro_fund.orchestration.operate import Operator, instance_of

        bar.update(task, total=(len(NODES) + 1) * min(len(keys), 2) + 8 * max(len(keys) - 2, 0))
        log = home.path / "logs" / f"run-{now():%Y%m%dT%H%M%S}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as told, redirect_stdout(told), instance_of(home) as instance:
            for report in Operator(build_defs(), home, instance, tell).catch_up(keys, demo_pm=demo_pm):
                yield report
                if not report.success:
                    return


def _as_dict(report: Report) -> dict[str, object]:
    steps = [vars(s) for s in report.steps]
    return {"job": report.job, "keys": [report.keys[0], report.keys[-1]], "success": report.success, "steps": steps}


def print_reports(reports: list[Report], seconds: float) -> None:
    """One row per stage, then what failed."""
    from macro_fund.orchestration.demonstration import DEMO_PM

    stages: dict[str, list[float]] = {}
    table = RichTable("stage", "assets", "rows", "checks passed", "failed", "seconds")
    for report in reports:
        for step in report.steps:
            row = stages.setdefault(step.asset.split("/")[0], [0, 0, 0, 0, 0])
            for i, x in enumerate((1, step.rows, step.passed, len(step.failed), step.seconds)):
                row[i] += x
    for stage, (n, rows, ok, bad, spent) in stages.items():
        table.add_row(stage, f"{n:.0f}", f"{rows:,.0f}", f"{ok:.0f}", f"{bad:.0f}", f"{spent:.1f}")
    out.print(table)
    for report in reports:
        for step in report.steps:
            if step.error:
                err.print(f"[red]{step.asset} {report.keys[-1]}[/red]: {step.error}", highlight=False, soft_wrap=True)
            for text in step.failed:
                mark = "[red]failed[/red]" if text in step.blocked else "[yellow]warning[/yellow]"
                err.print(f"{mark} {step.asset} {report.keys[-1]} {text}"[:600], highlight=False, soft_wrap=True)
    runs = sum(report.job != DEMO_PM for report in reports)
    out.print(f"{runs} runs, {seconds:.0f} s")


@app.command()
def status(as_json: JsonFlag = False) -> None:
    """What the home holds and what is missing."""
    with clear_errors():
        home = Home.open(home_path())
        from macro_fund.store.tables import TABLES

        latest = latest_session(now())
        rows = [(k, home.lake.keys(k)) for k in TABLES]
        data = {k: {"partitions": len(v), "newest": v[-1].isoformat() if v else None} for k, v in rows}
        if as_json:
            print(json.dumps({"home": str(home.path), "latest_session": latest.isoformat(), "tables": data}))
            return
        table = RichTable("table", "partitions", "newest")
        for key, value in data.items():
            table.add_row(key, str(value["partitions"]), str(value["newest"] or "-"))
        out.print(f"{home.path}: {home.settings.fund.source} data, inception {home.inception}, latest session {latest}")
        out.print(table)


@app.command()
def verify() -> None:
    """Recompute every digest of the lake and the ledger's chain; exit 1 at the first difference."""
    with clear_errors():
        home = Home.open(home_path())
        from macro_fund.store.lake import content_digest
        from macro_fund.store.tables import TABLES

        problems = list(home.ledger.verify_journal())
        files = 0
        for key, table in TABLES.items():
            for k in home.lake.keys(key):
                files += 1
                if content_digest(table, home.lake.read(key, only=[k])) != home.lake.digest(key, k):
                    problems.append(f"{home.lake.path(key, k)}: content differs from its digest; rerun {k}")
        for text in problems:
            err.print(f"[red]{text}[/red]", soft_wrap=True)
        out.print(f"{files} files, {len(problems)} problems")
        if problems:
            raise typer.Exit(1)


@app.command()
def explain(
    number: Annotated[str, typer.Argument(help="passport or name of a number in the morning pack")],
    on: Annotated[
        str | None, typer.Option("--on", help="session of the pack, YYYY-MM-DD; the newest by default")
    ] = None,
) -> None:
    """Where a printed number comes from; makes its asset again and exits 1 unless the bytes are the same."""
    with clear_errors():
        home = Home.open(home_path())
        from macro_fund.orchestration.passport import passport

        found = passport(home, number, _day(on))
        shown = {**found.row, "partition": found.key, "digest": found.digest, "inputs": found.inputs}
        shown |= {"code version": found.code_version} | {f"rests on {t}": d for t, d in found.rests_on}
        for name, value in shown.items():
            out.print(f"{name}: {'–' if value is None else value}", highlight=False, soft_wrap=True)
        if found.again is None:
            out.print(f"not made again: {found.why_not}", highlight=False, soft_wrap=True)
        elif found.proven:
            out.print("made again: the same bytes", highlight=False)
        else:
            err.print(f"[red]made again: {found.again}, another content[/red]: rerun {found.key}", soft_wrap=True)
            raise typer.Exit(1)


@app.command()
def doctor() -> None:
    """Check the installation, the settings and the home; say what to do about each problem."""
    problems = []
    out.print(f"python {sys.version.split()[0]}")
    try:
        home = Home.open(home_path())
        out.print(f"home {home.path}: {home.settings.fund.source}, {len(home.settings.series)} series")
        home.transport(home.sessions.as_of(home.inception))
        problems += home.ledger.verify_journal()
    except (SettingsError, ValueError) as error:
        problems.append(str(error))
    for text in problems:
        err.print(f"[red]{text}[/red]", soft_wrap=True)
    out.print("all well" if not problems else f"{len(problems)} problems")
    if problems:
        raise typer.Exit(1)


@app.command()
def dagster(
    port: Annotated[int, typer.Option(help="port of the web page")] = 3001,
    host: Annotated[
        str, typer.Option(help="address to listen on; the page has no login, so keep it local")
    ] = "127.0.0.1",
) -> None:
    """Dagster's web page and daemon on this home (stop with Ctrl-C)."""
    with clear_errors():
        home = Home.open(home_path())
        from macro_fund.orchestration.operate import dagster_home

        os.environ["DAGSTER_HOME"] = str(dagster_home(home))
        os.environ["MACRO_FUND_HOME"] = str(home.path)
    program = Path(sys.executable).with_name("dagster")
    out.print(f"http://{host}:{port} (home {home.path})", soft_wrap=True)
    os.execv(program, [str(program), "dev", "-m", "macro_fund.definitions", "-h", host, "-p", str(port)])


series_app = typer.Typer(help="The catalogue of series.")
app.add_typer(series_app, name="series")


@series_app.command("find")
def find_series(text: str, as_json: JsonFlag = False) -> None:
    """Series whose id, code, title or source contains the text."""
    with clear_errors():
        from macro_fund.settings import default_settings

        wanted = text.lower()
        found = [
            s for s in default_settings().series if wanted in f"{s.id} {s.code} {s.title} {s.source} {s.unit}".lower()
        ]
        if as_json:
            print(json.dumps([s.model_dump(mode="json") for s in found], ensure_ascii=False))
            return
        table = RichTable(Column("id", no_wrap=True), "source", Column("code", overflow="fold"), "unit", "title")
        for s in found:
            table.add_row(s.id, s.source, s.code, s.unit, s.title)
        out.print(table if found else f"no series with {text!r}; there are {len(default_settings().series)}")


@series_app.command("page")
def series_page(
    to: Annotated[Path | None, typer.Option(help="file to write; default: reports/catalogue.html in the home")] = None,
) -> None:
    """Write the catalogue as one searchable HTML page."""
    with clear_errors():
        from macro_fund.reports.data_pages import catalogue_page
        from macro_fund.settings import default_settings
        from macro_fund.store.lake import write_file_atomically

        path = to or Home.open(home_path()).path / "reports" / "catalogue.html"
        write_file_atomically(path, catalogue_page(default_settings().series).encode())
        out.print(f"catalogue: {path}", soft_wrap=True)


@series_app.command("coverage")
def series_coverage(
    source: Annotated[str | None, typer.Option(help="one source")] = None, as_json: JsonFlag = False
) -> None:
    """What the lake holds of each series: first and last day, rows, how they are dated, gaps."""
    with clear_errors():
        import polars as pl

        from macro_fund.reports.coverage import COLUMNS, coverage

        home = Home.open(home_path())
        sources = [s for s in home.settings.sources if source in (None, s)]
        if not sources:
            raise ValueError(f"unknown source {source!r}; sources: {', '.join(home.settings.sources)}")
        parts = [coverage(home.lake.read(f"bronze/{s}", columns=COLUMNS), home.settings.series_of(s)) for s in sources]
        _print_coverage(pl.concat(parts), as_json=as_json)


def _print_coverage(found: pl.DataFrame, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found.to_dicts(), default=str, ensure_ascii=False))
        return
    series = Column("series", no_wrap=True)
    table = RichTable("source", series, "first", "last", "rows", "vintage", "calendar", "lag", "observed", "gaps")
    for r in found.iter_rows(named=True):
        shares = [f"{r[b]:.0%}" if r[b] is not None else "" for b in ("vintage", "calendar", "lag", "observed")]
        cells = (r["first"] or "", r["last"] or "", f"{r['rows']:,}", *shares, r["gaps"])
        table.add_row(r["source"], r["series_id"], *(str(c) for c in cells))
    out.print(table)


@app.command()
def backfill(
    source: Annotated[list[str] | None, typer.Option(help="only this source; may be repeated")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Fetch the whole history of every source into the raw archive; goes on where it was interrupted."""
    with clear_errors():
        from rich.progress import Progress

        from macro_fund.orchestration.backfill import backfill as fill

        home, table, gaps = Home.open(home_path()), RichTable(*_FILLED), []
        with Progress(console=err, disable=as_json, transient=True) as bar:
            task = bar.add_task("", total=None)
            done = list(
                fill(home, source or [], lambda what, n, of: bar.update(task, description=what, completed=n, total=of))
            )
        for f in done:
            rows = f.coverage
            gaps += rows.filter(rows["gaps"] > 0).select("series_id", "gaps", "longest_gap_days").rows()
            counts = (rows.height, int(rows["rows"].sum()), f.asked, f.kept, f.failed.height)
            table.add_row(f.source, *(f"{c:,}" for c in counts), str(int((rows["rows"] == 0).sum())))
        if as_json:
            print(json.dumps([_filled(f) for f in done], default=str, ensure_ascii=False))
            return
        out.print(table)
        for f in done:
            for item, reason in f.failed.rows():
                err.print(f"{f.source} {item}: {reason}", highlight=False, soft_wrap=True)
        for series_id, count, longest in gaps:
            out.print(f"gap: {series_id} in {count} places, the longest {longest} days", highlight=False)


_FILLED = ("source", "series", "rows", "asked", "in the archive", "failed", "empty series")


def _filled(f: Filled) -> dict[str, object]:
    return {
        "source": f.source,
        "asked": f.asked,
        "kept": f.kept,
        "failed": f.failed.to_dicts(),
        "series": f.coverage.to_dicts(),
    }


def _pms_context() -> PmsContext:
    home = Home.open(home_path())

    def read(table_key: str, upto: date | None = None):  # type: ignore[no-untyped-def]
        return home.lake.read(table_key, upto)

    moment: datetime = now()
    return PmsContext(ledger=home.ledger, read=read, now=moment, settings=home.settings, home=home.path)


attach(app, _pms_context)
attach_research(app, lambda: ResearchContext(Home.open(home_path()), now()))


def main() -> None:
    app()


if __name__ == "__main__":
    main()
