"""Two pages about data, each one file: the catalogue of series with a search box, and the quality of a morning.

Belongs here: what the pages show. Does not belong here: layout (templates/), the catalogue (config/series), or how
completeness is measured (sources/audit.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

from macro_fund.reports.dictionary import FREQUENCIES, publication_words
from macro_fund.settings import Series

HISTORY = 10
MOST_ROWS = 40


def catalogue_page(series: Sequence[Series]) -> str:
    """Every series of the catalogue as one searchable HTML page."""
    rows = [
        {
            "id": s.id,
            "source": s.source,
            "code": s.code,
            "title": s.title,
            "unit": s.unit,
            "frequency": FREQUENCIES[s.frequency],
            "start": f"{s.start}" + (f" to {s.ended}" if s.ended else ""),
            "public": publication_words(s.publication),
            "basis": s.publication.basis,
            "revised": "yes" if s.revised else "",
            "range": f"{s.low:,.10g} to {s.high:,.10g}",
            "licence": s.licence,
            "owner": s.owner,
            "notes": s.notes,
        }
        for s in sorted(series, key=lambda s: (s.source, s.id))
    ]
    return _render("catalogue.html.j2", rows=rows, sources=sorted({s.source for s in series}))


def quality_page(
    sources: pl.DataFrame, compared: pl.DataFrame, revised: pl.DataFrame, key: date, watermark: str
) -> str:
    """The morning's page: each source with its score and what it lacks, its last mornings, disagreements, revisions.

    sources, compared, revised: rows of quality/sources, quality/cross_source and quality/revisions up to the key.
    """
    today = sources.filter(pl.col("session") == key).sort("score", "source", nulls_last=True)
    keys = sorted(sources["session"].unique())[-HISTORY:]
    scores = sources.filter(pl.col("session").is_in(keys)).select("source", "session", "score")
    history = {(name, day): score for name, day, score in scores.rows()}
    pairs = (
        compared.group_by("pair", maintain_order=True)
        .agg(
            pl.len().alias("days"),
            pl.col("agrees").sum().alias("agree"),
            pl.col("difference").abs().max().alias("largest"),
            pl.col("event_date").max().alias("newest"),
        )
        .sort("pair")
    )
    return _render(
        "quality.html.j2",
        key=key,
        watermark=watermark,
        today=today.to_dicts(),
        keys=keys,
        history=history,
        pairs=pairs.to_dicts(),
        apart=compared.filter(~pl.col("agrees")).sort("event_date", descending=True).head(MOST_ROWS).to_dicts(),
        revisions=revised.sort("knowledge_time", "series_id", descending=True).head(MOST_ROWS).to_dicts(),
        revised_total=revised.height,
    )


def _render(template: str, **values: Any) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("macro_fund.reports"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template(template).render(**values)
