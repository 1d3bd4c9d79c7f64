"""The morning pack as an asset: files in the home, numbers in the lake, Markdown in the UI, a message if it is wanted.

Belongs here: reading tables, writing files, sending. Does not belong here: content (reports/pack.py), layout
(render.py, pdf.py) or the message (delivery.py).
"""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import polars as pl

from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.pms import stamp_basis
from macro_fund.orchestration.run import Run
from macro_fund.pms.outcomes import outcomes
from macro_fund.reports import delivery, pack_performance, pack_risk, pack_views
from macro_fund.reports.alerts import raise_alert
from macro_fund.reports.blocks import Section, localised
from macro_fund.reports.pack import DAILY, MORNING, WEEKLY, Pack, build_pack, edition
from macro_fund.reports.pack_calendar import events_after
from macro_fund.reports.pack_lessons import lessons_section
from macro_fund.reports.pdf import to_pdf
from macro_fund.reports.reading import Reader
from macro_fund.reports.render import numbers_table, to_html, to_markdown
from macro_fund.reports.words import in_words
from macro_fund.store.lake import write_file_atomically
from macro_fund.store.tables import TABLES
from macro_fund.store.verdicts import side_table
from macro_fund.store.warehouse import build_warehouse

TABLES_READ = (
    "quality/verdicts",
    "silver/as_known",
    "silver/di_curve",
    "silver/ust_curve",
    "silver/contract_marks",
    "silver/focus",
    "agents/inflation_path",
    "agents/monetary_path",
    *pack_views.TABLES_READ,
    *pack_risk.TABLES_READ,
    "pms/fills",
    "pms/positions",
    "pms/pnl",
    *pack_performance.TABLES_READ,
    "pms/trade_proposals",
)


def _held_back(run: Run, key: date) -> str:
    """What limits and breakers kept from being proposed, in the words of the proposals' check; empty: nothing."""
    side = side_table(TABLES["quality/verdicts"], "pms/trade_proposals")
    verdicts = run.home.lake.read(side.key, only=[key], table=side)
    return "; ".join(verdicts.filter(~pl.col("passed") & (pl.col("check") == "not_blocked"))["detail"].to_list())


def _lessons(run: Run, read: Reader, key: date, traded: date) -> Section | None:
    """What people learnt in the week that this morning tells: since its first session, as the ledger had it now."""
    if WEEKLY not in _editions(key, traded):
        return None
    home = run.home
    first = home.sessions.keys(max(home.sessions.start, traded - timedelta(days=traded.weekday())), traded)[0]
    written = home.ledger.notes(home.sessions.as_of(key))
    fresh = written.filter((pl.col("kind") == "lesson") & (pl.col("recorded_at") > home.sessions.as_of(first)))
    orders = home.ledger.orders().select("order_id", "proposal_id")
    fills = read("pms/fills").join(orders, on="order_id", how="left", maintain_order="left")
    marks, cube = read("silver/contract_marks"), read("pms/pnl")
    return lessons_section(fresh, outcomes(fills, home.ledger.proposals(), marks, cube, written, key, traded))


def _pack(run: Run) -> pl.DataFrame:
    home = run.home
    tables = {key: run.read(key) for key in TABLES_READ}
    frames = []
    for key in run.keys:

        @cache
        def read(table_key: str, key: date = key) -> pl.DataFrame:
            return tables[table_key].filter(pl.col("session") <= key)

        fund, traded = home.settings.fund, home.sessions.offset(key, -1)
        pack = build_pack(
            read,
            key,
            fund=fund.name,
            watermark=home.watermark,
            last_trade_date=traded,
            events=events_after(home.settings.series, home.sessions.as_of(key)),
            recorded=home.ledger.events(home.sessions.as_of(key)).to_dicts(),
            held_back=_held_back(run, key),
            lessons=_lessons(run, read, key, traded),
        )
        for report in (pack, *(edition(pack, kind, fund.name, traded) for kind in _editions(key, traded))):
            _write(run, report)
        run.shown["pack"] = _file(run, key, MORNING, fund.language, "md").read_text(encoding="utf-8")
        frames.append(numbers_table(pack, fund.language))
    build_warehouse(home.lake, home.path / "warehouse.duckdb")
    _send(run, pack)
    return pl.concat(frames)


def _editions(session: date, traded: date) -> list[str]:
    """The reports beside the pack: of the close before it, and of the week if that close was its last."""
    return [DAILY] if traded.isocalendar()[:2] == session.isocalendar()[:2] else [DAILY, WEEKLY]


def _file(run: Run, key: date, kind: str, language: str, suffix: str) -> Path:
    """A report's file; the fund's own language is not in its name."""
    name = kind if language == run.home.settings.fund.language else f"{kind}.{language}"
    return run.home.path / "reports" / key.isoformat() / f"{name}.{suffix}"


def _write(run: Run, pack: Pack) -> None:
    """The report's files in each language."""
    wanted = run.home.settings.fund.pack
    for language in wanted.languages:
        contents = {"html": to_html(pack, language).encode(), "md": to_markdown(pack, language).encode()}
        if wanted.pdf:
            contents["pdf"] = to_pdf(pack, language, run.home.sessions.as_of(pack.session))
        for suffix, content in contents.items():
            write_file_atomically(_file(run, pack.session, pack.kind, language, suffix), content)


def _send(run: Run, pack: Pack) -> None:
    """Send the pack of the newest session that has targets, once while it stays the same; a failure is an alert."""
    home, to = run.home, delivery.addresses()
    if not to or home.lake.keys("portfolio/targets")[-1] != pack.session:
        return
    language = home.settings.fund.language
    page = _file(run, pack.session, MORNING, language, "md").read_bytes()
    digest, record = hashlib.sha256(page).hexdigest(), home.path / "delivered" / pack.session.isoformat()
    if record.exists() and record.read_text() == digest:
        return
    paper = _file(run, pack.session, MORNING, language, "pdf" if home.settings.fund.pack.pdf else "html")
    first = "\n".join(f"- {in_words(line, language)}" for line in pack.sections[0].lines)
    failed = delivery.deliver(to, in_words(pack.title, language), first, [paper])
    if failed:
        at = home.clock(home.sessions.as_of(pack.session))()
        raise_alert(home.path, f"delivery {pack.session} {digest[:12]}", f"morning pack: {'; '.join(failed)}", at)
        return
    write_file_atomically(record, digest.encode())


def _reads_back(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Every printed number is in the Markdown file of each language as printed, and the prose in the fund's own."""
    fund, found = run.home.settings.fund, []
    told = frame.with_columns(prose=pl.col("item").str.starts_with("sentence "))
    for key in run.keys:
        for language in fund.pack.languages:
            text = _file(run, key, MORNING, language, "md").read_text(encoding="utf-8")
            rows = told.filter((pl.col("session") == key) & (~pl.col("prose") | pl.lit(language == fund.language)))
            found += [
                (key, f"{item} {shown} is not in the file of language {language}")
                for item, shown in (
                    (i, t if prose else localised(t, language))
                    for i, t, prose in rows.select("item", "text", "prose").rows()
                )
                if shown not in text
            ]
    return found


def _levels_agree(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Market levels in the pack equal the as-known panel."""
    panel = run.home.lake.read("silver/as_known", run.last).select(
        "session", pl.col("series_id").alias("item"), "value"
    )
    both = frame.filter(pl.col("section") == "markets").join(
        panel, on=["session", "item"], how="inner", suffix="_panel"
    )
    bad = both.filter(pl.col("value") != pl.col("value_panel"))
    return [
        (s, f"{i}: {v} printed, {p} in the panel")
        for s, i, v, p in bad.select("session", "item", "value", "value_panel").rows()
    ]


NODES = (
    Node(
        "reports/morning_pack",
        frozenset({"html", "markdown", "sql", "parquet"}),
        TABLES_READ,
        _pack,
        (
            Check("reads_back", "every number is in the files as printed", _reads_back),
            Check("levels_agree", "market levels equal the as-known panel", _levels_agree),
        ),
        version="3",
        stamp=stamp_basis,
    ),
)
