"""dbt's list of bronze tables, from the tables' catalogue; `python -m macro_fund.reports.dbt_sources` writes it again.

Belongs here: the text of dbt_silver/models/sources.yml. Does not belong here: the tables (store/tables.py).
"""

from __future__ import annotations

import json

from macro_fund.store.tables import OBSERVATION, TABLES

PATH = "dbt_silver/models/sources.yml"

# Bronze tables of another shape that models read.
SHAPED = ("bcb_focus_periods", "cftc")

_HEAD = f"""# Generated from macro_fund/store/tables.py: `python -m macro_fund.reports.dbt_sources > {PATH}`.
version: 2
sources:
  - name: bronze
    schema: bronze
    description: What became known, one table per provider over the lake's Parquet.
    tables:
"""
_TAIL = """  - name: window
    schema: fund_window
    description: What the run is about; written by the orchestration before dbt starts.
    tables:
      - {name: sessions, description: "sessions to output: session, as_of", meta: {dagster: {enabled: false}}}
      - {name: series, description: "series of the panel: series_id, max_age_days", meta: {dagster: {enabled: false}}}
      - {name: catalogue, description: "all series: series_id, max_age_days", meta: {dagster: {enabled: false}}}
"""


def observation_sources() -> list[str]:
    """Names of the bronze tables of plain observations, in the catalogue's order."""
    return [t.key.removeprefix("bronze/") for t in TABLES.values() if t.columns is OBSERVATION]


def sources_yaml() -> str:
    """The file's text."""
    lines = [
        f"      - {{name: {name}, description: {json.dumps(TABLES[f'bronze/{name}'].description)}}}"
        for name in (*observation_sources(), *SHAPED)
    ]
    return _HEAD + "\n".join(lines) + "\n" + _TAIL


if __name__ == "__main__":
    import sys

    sys.stdout.write(sources_yaml())
