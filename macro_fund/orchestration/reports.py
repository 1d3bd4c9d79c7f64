"""The morning pack as an asset: files in the home, numbers in the lake, Markdown in the UI.

Belongs here: reading tables and writing files. Does not belong here: content (reports/pack.py), layout (render.py).
"""

from __future__ import annotations

from datetime import date
from functools import cache

import polars as pl

from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.pms import stamp_basis
from macro_fund.orchestration.run import Run
from macro_fund.reports import pack_performance, pack_risk, pack_views
from macro_fund.reports.pack import build_pack
from macro_fund.reports.render import numbers_table, to_html, to_markdown
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
    *pack_views.TABLES_READ,
    *pack_risk.TABLES_READ,
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


def _pack(run: Run) -> pl.DataFrame:
    home = run.home
    tables = {key: run.read(key) for key in TABLES_READ}
    frames = []
    for key in run.keys:

        @cache
        def read(table_key: str, key: date = key) -> pl.DataFrame:
            return tables[table_key].filter(pl.col("session") <= key)

        pack = build_pack(
            read,
            key,
            title=f"{home.settings.fund.name}: morning of {key:%A %d %B %Y}",
            watermark=home.watermark,
            last_trade_date=home.sessions.offset(key, -1),
            language=home.settings.fund.language,
            held_back=_held_back(run, key),
        )
        folder = home.path / "reports" / key.isoformat()
        write_file_atomically(folder / "morning_pack.html", to_html(pack).encode())
        text = to_markdown(pack)
        write_file_atomically(folder / "morning_pack.md", text.encode())
        run.shown["pack"] = text
        frames.append(numbers_table(pack))
    build_warehouse(home.lake, home.path / "warehouse.duckdb")
    return pl.concat(frames)


def _reads_back(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """Every printed number is in the Markdown file as printed."""
    found = []
    for key in run.keys:
        text = (run.home.path / "reports" / key.isoformat() / "morning_pack.md").read_text(encoding="utf-8")
        found += [
            (key, f"{i} {t} is not in the file")
            for i, t in frame.filter(pl.col("session") == key).select("item", "text").rows()
            if t not in text
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
        frozenset({"html", "markdown", "parquet"}),
        TABLES_READ,
        _pack,
        (
            Check("reads_back", "every number is in the file as printed", _reads_back),
            Check("levels_agree", "market levels equal the as-known panel", _levels_agree),
        ),
        stamp=stamp_basis,
    ),
)
