"""The silver tables that dbt builds: observations, the as-known panel, Focus and positioning.

Belongs here: the scratch database of a run (views over the lake, the window's sessions), running dbt through
dagster-dbt, and writing dbt's rows to the lake with the shape check that every asset has.
Does not belong here: the SQL (dbt_silver/models).
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets
from packaging.version import Version

from macro_fund.orchestration.assets import (
    SHAPE,
    asset_key,
    markdown_table,
    plot_metadata,
    spec_metadata,
    verdict_rows,
    write_output,
)
from macro_fund.orchestration.node import Node, Output
from macro_fund.orchestration.partitions import SESSIONS, check_keys
from macro_fund.orchestration.resources import FundResource
from macro_fund.orchestration.run import Run
from macro_fund.reports.dbt_sources import SHAPED, observation_sources
from macro_fund.reports.figure import RECENT
from macro_fund.reports.plots import ARRIVALS, arrivals_picture, focus_picture, panel_picture, positioning_picture
from macro_fund.settings import CONFIG_DIR
from macro_fund.store.lake import shape_problems, tidy
from macro_fund.store.tables import TABLES

PROJECT_DIR = CONFIG_DIR.parent / "dbt_silver"
SCRATCH = "scratch.duckdb"  # as in profiles.yml
PICTURES = {
    "silver/observations": arrivals_picture,
    "silver/as_known": panel_picture,
    "silver/focus": focus_picture,
    "silver/positioning": positioning_picture,
}
# Sessions that a picture shows, RECENT where not named here; older rows are not read for it.
PICTURED = {"silver/observations": ARRIVALS}
MODELS = tuple(PICTURES)
# Models that look back read the whole history of these; of every other series only the rows of the window are needed.
WHOLE_TABLES = ("bcb_focus", *SHAPED)
WHOLE_SERIES = ("br_ipca_mom",)


def manifest_path() -> Path:
    """dbt's manifest, parsed again when a model is newer: it is derived, and not kept in version control."""
    manifest = PROJECT_DIR / "target" / "manifest.json"
    sources = [p for p in PROJECT_DIR.rglob("*") if p.suffix in (".sql", ".yml") and "target" not in p.parts]
    if not manifest.exists() or manifest.stat().st_mtime < max(p.stat().st_mtime for p in sources):
        from dbt.cli.main import dbtRunner

        result = dbtRunner().invoke(
            ["--quiet", "parse", "--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
        )
        if not result.success:
            raise RuntimeError(f"dbt parse of {PROJECT_DIR} failed: {result.exception}; mend the model that it names")
    return manifest


class Translator(DagsterDbtTranslator):
    """Names and describes dbt's nodes as the catalogue of tables does."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        layer = dbt_resource_props["source_name"] if dbt_resource_props["resource_type"] == "source" else "silver"
        return dg.AssetKey([layer, dbt_resource_props["name"]])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return "silver"

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        table = TABLES.get("/".join(spec.key.path))
        if table is None or spec.key.path[0] != "silver":
            return spec
        deps = [d for d in spec.deps if d.asset_key.path[0] != "window"]  # the run's own sessions are no upstream asset
        return spec.replace_attributes(
            deps=deps, owners=[table.owner], kinds={"dbt", "duckdb", "parquet"}, description=table.description
        ).merge_attributes(metadata=spec_metadata(table))


class InstalledDbt(DbtCliResource):
    """dbt as it is installed here, without two preparations of the base class that take seconds of every run.

    It asks a subprocess for the version, and makes an adapter in this process for fetch_column_metadata, which is not
    used: columns come from the catalogue of tables.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


def dbt_of(folder: Path) -> InstalledDbt:
    """The dbt of this environment, whether or not the environment is activated, on the project in `folder`."""
    beside = Path(sys.executable).with_name("dbt")
    return InstalledDbt(
        project_dir=str(folder), profiles_dir=str(folder), dbt_executable=str(beside) if beside.exists() else "dbt"
    )


def own_project(folder: Path) -> Path:
    """A copy of the project for one run, scratch database and all: no path in it differs from the run before.

    So what dbt parsed once (target/partial_parse.msgpack) holds for every run.
    """
    manifest_path()
    copy = folder / PROJECT_DIR.name
    shutil.copytree(PROJECT_DIR, copy, ignore=shutil.ignore_patterns("logs", "manifest.json", "*.duckdb"))
    return copy


def fill_scratch(path: Path, runs: Run) -> None:
    """Write what dbt reads: bronze rows of exactly the files this run may see, its sessions and the series.

    Of series that no model looks back on, only rows of the run's own sessions are written: an ordinary session does not
    copy sixteen years.
    """
    series = runs.home.settings.series
    looked_back = [*WHOLE_SERIES, *(s.id for s in series if s.panel)]
    needed = runs.inside | pl.col("series_id").is_in(looked_back)
    times = runs.home.sessions.frame().filter(runs.inside).select("session", "as_of")
    ages = pl.DataFrame(
        [(s.id, s.max_age_days, s.panel) for s in series],
        schema={"series_id": pl.String, "max_age_days": pl.Int32, "panel": pl.Boolean},
        orient="row",
    )
    frames = {
        **{
            f"bronze.{p}": runs.read(f"bronze/{p}", where=None if p in WHOLE_TABLES else needed)
            for p in (*observation_sources(), *SHAPED)
        },
        "fund_window.sessions": times,
        "fund_window.series": ages.filter("panel").drop("panel"),
        "fund_window.catalogue": ages.drop("panel"),
    }
    with duckdb.connect(str(path)) as db:
        db.execute("set timezone = 'UTC'")
        db.execute("create schema bronze; create schema fund_window")
        for name, rows in frames.items():
            db.register("incoming", rows.to_arrow())
            db.execute(f"create table {name} as select * from incoming")
            db.unregister("incoming")


def read_scratch(path: Path, table_key: str) -> pl.DataFrame:
    """A model's rows in the table's types."""
    table = TABLES[table_key]
    with duckdb.connect(str(path), read_only=True) as db:
        db.execute("set timezone = 'UTC'")
        rows = db.sql(f"select {', '.join(table.schema)} from main.{table_key.split('/')[1]}").to_arrow_table()
    frame = pl.from_arrow(rows)
    assert isinstance(frame, pl.DataFrame)  # a table, not a single array
    return tidy(table, frame.cast({name: dtype for name, dtype in table.schema.items()}))


@dbt_assets(
    manifest=manifest_path(),
    dagster_dbt_translator=Translator(),
    partitions_def=SESSIONS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    name="dbt_silver",
)
def silver_tables(context: dg.AssetExecutionContext, fund: FundResource) -> Iterator[Any]:
    """Run dbt on a scratch database, check shapes, write the lake, then report dbt's own events and tests."""
    home = fund.open()
    keys = tuple(check_keys(context.partition_keys, home))
    with tempfile.TemporaryDirectory(prefix="dbt_silver_") as folder:
        project = own_project(Path(folder))
        scratch = project / SCRATCH
        first = Run(home, TABLES[MODELS[0]], keys)
        fill_scratch(scratch, first)
        invocation = dbt_of(project).cli(["build"], context=context, target_path=Path(folder) / "target")
        events = list(invocation.stream())
        for event in events:
            if not isinstance(event, (dg.Output, dg.MaterializeResult)):
                yield event
                continue
            name = event.output_name if isinstance(event, dg.Output) else event.asset_key.path[-1]
            yield from _store(context, home, keys, first, f"silver/{name.split('__')[-1]}", scratch, event)


def _store(
    context: dg.AssetExecutionContext,
    home: Any,
    keys: tuple[Any, ...],
    first: Run,
    table_key: str,
    scratch: Path,
    event: Any,
) -> Iterator[Any]:
    run = Run(home, TABLES[table_key], keys, first.read_digests, first.refused)
    frame = read_scratch(scratch, table_key)
    problems = [p for p in shape_problems(run.table, frame) if p]
    if problems:
        raise dg.Failure(f"{table_key} {run.last}: {'; '.join(problems)}. Nothing was written: mend the model.")
    node = Node(
        table_key,
        frozenset({"dbt"}),
        (),
        lambda _: frame,
        (),
        plot=PICTURES[table_key],
        plot_sessions=PICTURED.get(table_key, RECENT),
    )
    done = write_output(node, run, Output(frame), frame, verdict_rows(run, SHAPE, [], gate=True))
    for key in keys:
        context.add_asset_metadata(
            {"dagster/partition_row_count": done[key][1], "digest": done[key][0]},
            asset_key=asset_key(table_key),
            partition_key=key.isoformat(),
        )
    context.add_asset_metadata(
        {
            "preview": dg.MetadataValue.md(markdown_table(frame.tail(8))),
            "dagster/row_count": frame.height,
            **({"watermark": home.watermark} if home.watermark else {}),
            **plot_metadata(node, run, frame),
        },
        asset_key=asset_key(table_key),
    )
    yield event
