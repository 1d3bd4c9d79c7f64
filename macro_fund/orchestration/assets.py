"""Turns a Node into a Dagster asset: compute, check the shape, write the lake, check the meaning, report.

Belongs here: the one body that every asset shares, and what the UI shows of a run. Does not belong here: any
particular asset (the stage modules) or storage (store/).

Check specs carry no partitions: Dagster 1.13 leaves a partitioned check of a range unresolved. The UI shows the newest
verdict of a check, the lake holds the verdict of every key.
The order in one step: compute -> blocking shape check (nothing is written if it fails) -> write one file per key ->
checks of meaning -> verdicts as data beside the asset -> one materialization with counts, preview and plot.
"""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from macro_fund.home import Home
from macro_fund.orchestration.gate import degraded, without_view
from macro_fund.orchestration.node import Node, Output
from macro_fund.orchestration.partitions import SESSIONS, check_keys
from macro_fund.orchestration.resources import FundResource
from macro_fund.orchestration.run import Run
from macro_fund.reports.figure import watermarked
from macro_fund.store.lake import shape_problems, tidy
from macro_fund.store.table import Table
from macro_fund.store.tables import FAILURES, QUARANTINE, TABLES
from macro_fund.store.verdicts import side_table

SHAPE = "shape"
PREVIEW_ROWS = 8


def column_schema(table: Table) -> dg.TableSchema:
    """The Columns tab."""
    return dg.TableSchema(
        [
            dg.TableColumn(n, str(c.dtype), c.description, dg.TableColumnConstraints(nullable=c.nullable, unique=False))
            for n, c in table.columns.items()
        ]
    )


def asset_key(key: str) -> dg.AssetKey:
    return dg.AssetKey(key.split("/"))


def spec_metadata(table: Table) -> dict[str, Any]:
    return {"dagster/column_schema": column_schema(table), "dagster/table_name": table.key}


def build_asset(node: Node) -> dg.AssetsDefinition:
    """The Dagster asset of a node."""

    @dg.asset(
        key=asset_key(node.key),
        deps=[asset_key(d) for d in node.deps],
        group_name=node.group,
        kinds=set(node.kinds),
        owners=[node.table.owner],
        description=node.table.description,
        metadata=spec_metadata(node.table),
        code_version=node.version,
        partitions_def=SESSIONS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[
            dg.AssetCheckSpec(
                SHAPE,
                asset=asset_key(node.key),
                description="columns, types, nulls, NaN and keys",
                blocking=True,
            ),
            *(dg.AssetCheckSpec(c.name, asset=asset_key(node.key), description=c.description) for c in node.checks),
        ],
    )
    def _asset(
        context: dg.AssetExecutionContext, fund: FundResource
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        yield from materialize_node(node, context, fund.open())

    return _asset


def materialize_node(
    node: Node, context: dg.AssetExecutionContext, home: Home
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """The body of every asset; see the module's docstring for the order."""
    run = Run(home, node.table, tuple(check_keys(context.partition_keys, home)))
    output = computed(node, run)
    shape = [p for p in shape_problems(node.table, output.frame) if p]
    yield check_result(SHAPE, shape)
    if shape:
        raise dg.Failure(
            f"{node.key} {run.last}: {'; '.join(shape)}. Nothing was written: mend the computation and rerun this key."
        )
    frame = tidy(node.table, output.frame)
    verdicts = [verdict_rows(run, SHAPE, [], gate=True)]
    results = []
    for check in node.checks:
        problems = check.problems(run, frame)
        verdicts.append(verdict_rows(run, check.name, problems, gate=check.gate))
        results.append(check_result(check.name, [f"{s}: {text}" for s, text in problems], gate=check.gate))
    digests = write_output(node, run, output, frame, pl.concat(verdicts))
    for key in run.keys:
        context.add_asset_metadata(
            {"dagster/partition_row_count": digests[key][1], "digest": digests[key][0]}, partition_key=key.isoformat()
        )
    yield dg.MaterializeResult(metadata=run_metadata(node, run, frame, output), data_version=None)
    yield from results


def computed(node: Node, run: Run) -> Output:
    """What the node gives for the run, before anything is checked or written; the run knows what lies beside it."""
    result = node.compute(run)
    output = result if isinstance(result, Output) else Output(result)
    run.side = {table.key: rows for table, rows in output.side}
    return replace(output, frame=judged(node, run, output.frame))


def judged(node: Node, run: Run, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the sessions marked whose inputs were refused or old: no older number stands for a day's own."""
    if "status" not in node.table.schema:
        return frame
    for key in run.keys:
        if lines := run.refused.get(key):
            sessions, reason = run.home.output_sessions([key]), f"refused: {shorten(lines, 2)}"
            if node.refused == "degraded":
                frame = degraded(frame, dict.fromkeys(sessions, reason))
            else:
                frame = without_view(node.table, frame, sessions, reason)
    return degraded(frame, run.old_curves) if run.old_curves else frame


def write_output(
    node: Node, run: Run, output: Output, frame: pl.DataFrame, verdicts: pl.DataFrame
) -> dict[date, tuple[str, int]]:
    """Write the side tables, then the asset's file, for each key; gives digest and row count by key.

    The asset's own file is written last: while it is missing, the key counts as not done, whatever was written before.
    """
    lake = run.home.lake
    metadata = {"inputs": run.inputs_digest, "code_version": node.version, "watermark": run.home.watermark}
    verdict_table = side_table(TABLES["quality/verdicts"], node.key)
    sides = [(side_table(t, node.key), run.split(f)) for t, f in output.side]
    sides.append((verdict_table, run.split(verdicts)))
    done = {}
    for key, part in run.split(frame).items():
        for table, parts in sides:
            lake.write(table, key, parts[key])
        stamp = node.stamp(run.home, key) if node.stamp else {}
        done[key] = (lake.write(node.table, key, part, {**metadata, **stamp}), part.height)
    return done


def verdict_rows(run: Run, name: str, problems: Sequence[tuple[date, str]], *, gate: bool) -> pl.DataFrame:
    """One row per key: passed, or the first problems of that key's sessions."""
    by_key: dict[date, list[str]] = {}
    for session, text in problems:
        by_key.setdefault(max(session, run.home.inception), []).append(text)
    rows = [(k, run.table.key, name, k not in by_key, gate, shorten(by_key.get(k, []))) for k in run.keys]
    return pl.DataFrame(rows, schema=TABLES["quality/verdicts"].schema, orient="row")


def shorten(problems: Sequence[str], most: int = 5) -> str:
    """The first problems in one line, and how many more there are."""
    more = f" (+{len(problems) - most} more)" if len(problems) > most else ""
    return "; ".join(problems[:most]) + more


def check_result(name: str, problems: Sequence[str], *, gate: bool = True) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=name,
        passed=not problems,
        severity=dg.AssetCheckSeverity.ERROR if gate else dg.AssetCheckSeverity.WARN,
        metadata={"problems": len(problems), "first": shorten(problems)},
    )


def run_metadata(node: Node, run: Run, frame: pl.DataFrame, output: Output) -> dict[str, Any]:
    """What the asset's page shows of this run."""
    shown: dict[str, Any] = {
        "dagster/row_count": frame.height,
        "sessions": f"{run.sessions[0]} .. {run.last}",
        "inputs_digest": run.inputs_digest,
        "preview": dg.MetadataValue.md(markdown_table(frame.tail(PREVIEW_ROWS))),
    }
    for table, rows in output.side:
        shown[f"{table.key}_rows"] = rows.height
        if rows.height and table in (QUARANTINE, FAILURES):
            shown[table.key] = dg.MetadataValue.md(markdown_table(rows.head(PREVIEW_ROWS)))
    if run.excluded:
        shown["left_out"] = dg.MetadataValue.md("\n".join(f"- {line}" for line in run.excluded[:20]))
    shown.update({name: dg.MetadataValue.md(text) for name, text in run.shown.items()})
    if run.home.watermark:
        shown["watermark"] = run.home.watermark
    if node.card is not None:
        shown["card"] = dg.MetadataValue.md(node.card(frame))
    return shown | plot_metadata(node, run, frame)


def plot_metadata(node: Node, run: Run, frame: pl.DataFrame) -> dict[str, Any]:
    """`plot`: the node's picture of its rows up to and including `frame`; nothing without a plot or rows."""
    if node.plot is None or frame.is_empty():
        return {}
    rows = run.read_own(frame) if node.plot_sessions is None else run.read_recent(frame, node.plot_sessions)
    picture = base64.b64encode(watermarked(node.plot(rows), run.home.watermark)).decode()
    return {"plot": dg.MetadataValue.md(f"![{node.key}](data:image/png;base64,{picture})")}


def markdown_table(frame: pl.DataFrame) -> str:
    """A small frame as a Markdown table."""
    if frame.is_empty():
        return "(no rows)"
    rows = [[_cell(v) for v in row] for row in frame.iter_rows()]
    head = [frame.columns, ["---"] * frame.width]
    return "\n".join("| " + " | ".join(row) + " |" for row in [*head, *rows])


def _cell(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str("" if value is None else value)
    text = text.replace("|", "/").replace("\n", " ")
    return text if len(text) <= 60 else text[:57] + "..."
