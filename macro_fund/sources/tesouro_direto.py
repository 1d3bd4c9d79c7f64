"""Tesouro Direto: morning rates and prices of every retail bond, the whole history in one CSV file.

Belongs here: the file's address and how it is read, all rows at once. Does not belong here: which rows are new or
repeated (`ingest`), or the wholesale market (`anbima_bonds`).

The file is unordered, with ';' between cells, DD/MM/YYYY and decimal commas. An empty cell is no value. A bond is
'TITLE maturity'. Rates are stored as decimals, PU in reais; a PU of zero is stored as the file has it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from macro_fund.settings import Series, Source
from macro_fund.sources.decode import RAW_CHARS, REJECTED, fail, require_status, text_of
from macro_fund.sources.http import Parsed, Payload, Request

PROVIDER = "tesouro_direto"
URL = (
    "https://www.tesourotransparente.gov.br/ckan/dataset/df56aa42-484a-4a59-8184-7676580c81e3"
    "/resource/796d2059-14e9-44e3-80c9-2d9e30b405c1/download/precotaxatesourodireto.csv"
)
HEADER = (
    "Tipo Titulo", "Data Vencimento", "Data Base", "Taxa Compra Manha", "Taxa Venda Manha", "PU Compra Manha",
    "PU Venda Manha", "PU Base Manha",
)  # fmt: skip
RATES = {"buy_rate": "Taxa Compra Manha", "sell_rate": "Taxa Venda Manha"}
PRICES = {"buy_price": "PU Compra Manha", "sell_price": "PU Venda Manha", "base_price": "PU Base Manha"}
TITLES = frozenset(
    {
        "Tesouro Selic",
        "Tesouro Prefixado",
        "Tesouro Prefixado com Juros Semestrais",
        "Tesouro IPCA+",
        "Tesouro IPCA+ com Juros Semestrais",
        "Tesouro IGPM+ com Juros Semestrais",
        "Tesouro Renda+ Aposentadoria Extra",
        "Tesouro Educa+",
    }
)
COLUMNS = ["series_id", "event_date", "bond", "maturity", *RATES, *PRICES]
# '4.578,95' or '-0,03': a point only between thousands ahead of a comma, never as a decimal sign.
_NUMBER = r"^-?(\d{1,3}(\.\d{3})+,\d+|\d+(,\d+)?)$"


def plan(series: Sequence[Series], windows: Mapping[str, tuple[date, date]], policy: Source) -> list[Request]:
    """One request for everything: the file cannot be asked in parts."""
    ids = tuple(s.id for s in series if s.id in windows)
    return [Request(PROVIDER, "GET", URL, "Tesouro Direto prices and rates", ids)] if ids else []


def parse(payload: Payload, series: Sequence[Series]) -> Parsed:
    """All rows of the file for the series of the request, repeated ones too; a row without any value is no row.

    A row with an unreadable cell, and each title that is not known, is rejected. Raises SourceError for
    a web page, a cut file or other columns.
    """
    require_status(payload)
    cells = _cells(payload)
    own = _read(cells, [s for s in series if s.id in payload.request.items])
    bad = pl.col("reason").is_not_null()
    empty = pl.all_horizontal(pl.col(c).is_null() for c in (*RATES, *PRICES))
    return Parsed(
        own.filter(~bad & ~empty).select(COLUMNS),
        pl.concat([_rejected(own.filter(bad)), _unknown(cells.filter(~pl.col("Tipo Titulo").is_in(TITLES)))]),
    )


def _cells(payload: Payload) -> pl.DataFrame:
    """One text column a column of the file, and `raw`, the whole line."""
    text = text_of(payload, "latin-1")
    head, _, rest = text.partition("\n")
    names = [name.strip() for name in head.split(";")]
    if tuple(names) != HEADER:
        new, gone = [n for n in names if n not in HEADER], [h for h in HEADER if h not in names]
        said = "; ".join(f"{what} {', '.join(n)[:60]}" for what, n in (("new:", new), ("missing:", gone)) if n)
        raise fail(payload, f"other columns than expected ({said or 'in another order'})")
    if rest and not rest.endswith("\n"):
        raise fail(payload, "cut file: its last line is not complete", transient=True)
    raw = pl.DataFrame({"raw": rest.split("\n")[:-1]}, {"raw": pl.String}).with_columns(pl.col("raw").str.strip_chars())
    lines = raw.filter(pl.col("raw") != "")
    short = lines.filter(pl.col("raw").str.count_matches(";", literal=True) != len(HEADER) - 1)
    if short.height or lines.is_empty():
        line = short["raw"][0][:80] if short.height else ""
        raise fail(payload, f"cut file: line {line!r} does not have {len(HEADER)} cells", transient=True)
    cells = pl.col("raw").str.split_exact(";", len(HEADER) - 1).struct.rename_fields(list(HEADER)).alias("cells")
    return lines.with_columns(cells).unnest("cells").with_columns(pl.col(HEADER).str.strip_chars())


def _read(cells: pl.DataFrame, series: Sequence[Series]) -> pl.DataFrame:
    """COLUMNS, the title and the line of the rows of `series`, and `reason`: the first unreadable cell, else null."""
    known = pl.DataFrame(
        [(s.code, s.id, s.scale) for s in series],
        {"Tipo Titulo": pl.String, "series_id": pl.String, "scale": pl.Float64},
        orient="row",
    )
    numbers = {**RATES, **PRICES}
    typed = cells.join(known, on="Tipo Titulo", how="inner", maintain_order="left").with_columns(
        *(pl.col(d).str.to_date("%d/%m/%Y", strict=False).alias(f"{d} read") for d in HEADER[1:3]),
        *(_number(column).alias(name) for name, column in numbers.items()),
    )
    reasons = [
        pl.when(pl.col(f"{d} read").is_null()).then(pl.format(d + " not readable: '{}'", pl.col(d)))
        for d in HEADER[1:3]
    ] + [
        pl.when(pl.col(name).is_null() & (pl.col(column) != "")).then(
            pl.format(column + ": not a number with a decimal comma: '{}'", pl.col(column))
        )
        for name, column in numbers.items()
    ]
    return typed.with_columns(
        *((pl.col(name) * pl.col("scale")).alias(name) for name in RATES),
        pl.coalesce(reasons).alias("reason"),
        pl.col("Data Base read").alias("event_date"),
        pl.col("Data Vencimento read").alias("maturity"),
        pl.format("{} {}", "Tipo Titulo", pl.col("Data Vencimento read").cast(pl.String)).alias("bond"),
    )


def _number(column: str) -> pl.Expr:
    text = pl.col(column)
    plain = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return pl.when(text.str.contains(_NUMBER)).then(plain).cast(pl.Float64, strict=False)


def _rejected(rows: pl.DataFrame) -> pl.DataFrame:
    item = pl.format("{} {}", "series_id", pl.coalesce("bond", "Tipo Titulo"))
    return rows.select(item.alias("item"), "event_date", pl.col("raw").str.head(RAW_CHARS), "reason").cast(REJECTED)


def _unknown(rows: pl.DataFrame) -> pl.DataFrame:
    """One entry for each title that we do not know, with its first row."""
    first = rows.unique("Tipo Titulo", keep="first", maintain_order=True)
    reason = "unknown title: if it is a new one, add it to TITLES in tesouro_direto.py and to config/series"
    return first.select(
        pl.format("title {}", "Tipo Titulo").alias("item"),
        pl.lit(None, pl.Date).alias("event_date"),
        pl.col("raw").str.head(RAW_CHARS),
        pl.lit(reason).alias("reason"),
    ).cast(REJECTED)
