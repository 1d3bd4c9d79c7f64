"""The bronze tables: what each provider said, row by row, and when it was known.

Belongs here: the shape of every bronze/ table. Does not belong here: how a provider is asked or read (sources/).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from macro_fund.store.table import UTC_TIME, Column, Table, numbers, session_column

# Columns that say how a row reached us, not what it says. They differ between a long window and a day (one payload
# against many), so the content digest leaves them out.
PROVENANCE = ("fetched_at", "payload_sha256")


_KNOWN = {
    "knowledge_time": Column(UTC_TIME, "when the public could know it (UTC)"),
    "knowledge_basis": Column(pl.String, "vintage | calendar | lag | observed: how knowledge_time was decided"),
    "late": Column(pl.Boolean, "we fetched it in a later session than it was public"),
    "source": Column(pl.String, "provider"),
}
_PROVENANCE = {
    "fetched_at": Column(UTC_TIME, "when we asked (UTC)"),
    "payload_sha256": Column(pl.String, "the raw payload in the archive"),
}

SERIES_ID = Column(pl.String, "our id, config/series")


OBSERVATION = {
    "session": session_column(),
    "series_id": SERIES_ID,
    "event_date": Column(pl.Date, "day (or first day of the period) that the value describes"),
    "value": Column(pl.Float64, "in the series' stored unit: rates are decimals"),
    **_KNOWN,
    **_PROVENANCE,
}

CURVE_POINT = {
    "session": session_column(),
    "series_id": SERIES_ID,
    "event_date": Column(pl.Date, "session that the curve describes"),
    "calendar_days": Column(pl.Int32, "from event_date to the vertex"),
    "business_days": Column(pl.Int32, "from event_date to the vertex"),
    "rate": Column(pl.Float64, "decimal, in the curve's own convention (its unit in config/series)"),
    "fixed_vertex": Column(pl.Boolean, "a standard vertex (F) or one that moves with the calendar (M)"),
    **_KNOWN,
    **_PROVENANCE,
}

BOND = {
    "session": session_column(),
    "series_id": SERIES_ID,
    "event_date": Column(pl.Date, "day of the indicative prices"),
    "bond": Column(pl.String, "title, SELIC code and maturity, e.g. NTN-B 760199 2035-05-15"),
    "maturity": Column(pl.Date, "redemption"),
    "issue_date": Column(pl.Date, "base or issue date", nullable=True),
    "rate": Column(pl.Float64, "indicative rate, decimal a year, 252"),
    **numbers(
        {
            "price": "PU in reais; null in files that have none",
            "bid_rate": "decimal",
            "ask_rate": "decimal",
            "deviation": "standard deviation of the informants, percentage points",
        }
    ),
    **_KNOWN,
    **_PROVENANCE,
}

RETAIL_BOND = {
    "session": session_column(),
    "series_id": SERIES_ID,
    "event_date": Column(pl.Date, "day of the morning's prices"),
    "bond": Column(pl.String, "title and maturity, e.g. Tesouro IPCA+ 2035-05-15"),
    "maturity": Column(pl.Date, "redemption"),
    **numbers(
        {
            "buy_rate": "rate at which the investor buys, decimal",
            "sell_rate": "rate at which the investor sells, decimal",
            "buy_price": "PU in reais",
            "sell_price": "PU in reais",
            "base_price": "PU in reais",
        }
    ),
    **_KNOWN,
    **_PROVENANCE,
}

FORECAST = {
    "session": session_column(),
    "series_id": SERIES_ID,
    "event_date": Column(pl.Date, "survey day"),
    "reference": Column(pl.String, "period forecast: 2026, 2026-03, 2026-Q2, or 2026-R1 (first COPOM meeting)"),
    "median": Column(pl.Float64, "in the series' stored unit"),
    **numbers(
        {
            "mean": "in the series' stored unit",
            "deviation": "standard deviation of the answers, stored unit",
            "minimum": "lowest answer, stored unit",
            "maximum": "highest answer, stored unit",
        }
    ),
    "respondents": Column(pl.Int32, "number of answers", nullable=True),
    **_KNOWN,
    **_PROVENANCE,
}

POSITION = {
    "session": session_column(),
    "series_id": SERIES_ID,
    "event_date": Column(pl.Date, "Tuesday of the report"),
    "market_code": Column(pl.String, "CFTC contract market code"),
    "category": Column(
        pl.String, "who: noncommercial, commercial, dealer, asset_manager, leveraged, managed_money, ..."
    ),
    "long": Column(pl.Int64, "contracts"),
    "short": Column(pl.Int64, "contracts"),
    "spreading": Column(pl.Int64, "contracts; null where the report has none", nullable=True),
    "open_interest": Column(pl.Int64, "contracts, of the whole market", nullable=True),
    **_KNOWN,
    **_PROVENANCE,
}

DOCUMENT = {
    "session": session_column(),
    "series_id": SERIES_ID,
    "event_date": Column(pl.Date, "last day of the meeting, or of the announcement"),
    "document": Column(pl.String, "the provider's own id: meeting number or file date"),
    "title": Column(pl.String, "as the provider gives it"),
    "language": Column(pl.String, "pt | en"),
    "url": Column(pl.String, "where it was read"),
    "text": Column(pl.String, "plain text: tags, non-breaking and zero-width characters removed"),
    "text_sha256": Column(pl.String, "of the plain text: another one is a revision"),
    **_KNOWN,
    **_PROVENANCE,
}

SETTLEMENT = {
    "session": session_column(),
    "series_id": SERIES_ID,
    "event_date": Column(pl.Date, "B3 trading session of the settlement"),
    "contract": Column(pl.String, "B3 ticker, e.g. DI1F27"),
    "root": Column(pl.String, "DI1 | DDI | DAP | FRC | DOL | WDO | IND | WIN"),
    "maturity": Column(pl.Date, "expiry under the calendar known on event_date"),
    "settle_price": Column(pl.Float64, "AdjstdQt: PU of rate futures, BRL per USD 1,000 (DOL, WDO), points (IND, WIN)"),
    "settle_rate": Column(
        pl.Float64, "AdjstdQtTax as a decimal: 252 (DI1, DAP), linear 360 (DDI, FRC); null otherwise", nullable=True
    ),
    "open_interest": Column(pl.Int64, "contracts; null where the file has none", nullable=True),
    **_KNOWN,
    **_PROVENANCE,
}


def _bronze(
    name: str, text: str, columns: Mapping[str, Column] = OBSERVATION, fact: tuple[str, ...] = (), *values: str
) -> Table:
    """A provider's table: one row a fact and vintage. Without `fact` and `values`: plain observations."""
    fact, values = ("series_id", *fact), values or ("value",)
    key = ("session", *fact, "event_date", "knowledge_time")
    return Table(f"bronze/{name}", columns, key, owner="team:data", description=text, fact=fact, values=values)


BRONZE_TABLES = (
    _bronze("bcb_sgs", "Banco Central do Brasil time series (SGS)."),
    _bronze("bcb_ptax", "PTAX closing bulletin, BRL per USD (BCB Olinda)."),
    _bronze("bcb_focus", "Focus survey: medians for the next 12 and 13 to 24 months (BCB Olinda)."),
    _bronze(
        "bcb_focus_periods",
        "Focus survey by year, month, quarter and COPOM meeting, with Top 5 (BCB Olinda).",
        FORECAST,
        ("reference",),
        "median",
        "mean",
        "deviation",
        "minimum",
        "maximum",
    ),
    _bronze("ibge", "IBGE statistics: prices by group and subitem, production, retail, services, labour, GDP (SIDRA)."),
    _bronze("stn", "Treasury result (RTN) of the Tesouro Nacional, monthly."),
    _bronze("stn_debt", "Federal debt report (RMD) of the Tesouro Nacional: stock, issuance, redemption, monthly."),
    _bronze("ipeadata", "Series that only Ipeadata still serves: terms of trade, confidence, EMBI."),
    _bronze("fred", "US and global series: FRED graph files, ALFRED vintages where a key is given."),
    _bronze("us_treasury", "US Treasury nominal and real par yield curves."),
    _bronze("nyfed", "Reference rates of the New York Fed: EFFR and SOFR, with volumes."),
    _bronze("cboe", "Cboe volatility indices, official closes."),
    _bronze("yahoo", "Daily closes (personal-use licence): signals only, never marks."),
    _bronze("licensed_prices", "Daily closes of a feed that the fund has a licence for; empty without one."),
    _bronze(
        "cftc",
        "CFTC commitments of traders: TFF, legacy and disaggregated, futures only.",
        POSITION,
        ("category",),
        "long",
        "short",
        "spreading",
    ),
    _bronze("copom", "COPOM statements and minutes (Portuguese).", DOCUMENT, ("document",), "text_sha256"),
    _bronze("fomc", "FOMC statements and minutes.", DOCUMENT, ("document",), "text_sha256"),
    _bronze("anbima_vna", "Nominal updated values of NTN-B and NTN-C (ANBIMA)."),
    _bronze("anbima_ettj", "Parameters of ANBIMA's Svensson curves, nominal and real."),
    _bronze(
        "anbima_bonds", "ANBIMA indicative rates and prices of government bonds.", BOND, ("bond",), "rate", "price"
    ),
    _bronze(
        "tesouro_direto",
        "Tesouro Direto: morning rates and prices of every title.",
        RETAIL_BOND,
        ("bond",),
        "buy_rate",
        "sell_rate",
        "buy_price",
        "sell_price",
        "base_price",
    ),
    _bronze("b3_curves", "B3 reference rates (TaxaSwap) by vertex.", CURVE_POINT, ("calendar_days",), "rate"),
    _bronze(
        "b3_settlements",
        "Official settlement prices of listed B3 futures.",
        SETTLEMENT,
        ("contract",),
        "settle_price",
        "settle_rate",
    ),
)
