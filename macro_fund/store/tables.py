"""The typed catalogue of lake tables: one `Table` per asset, its columns, units, sort order and owner.

Belongs here: the shape of every table in the lake. It generates the lake's write-time validation, the blocking shape
checks, the Columns tab in the Dagster UI and the data dictionary in docs/. Does not belong here: how a table is
computed (domain packages) or scheduled (orchestration/).

Units are in column names where a reader could be wrong: `rate` is a decimal (0.105 is 10.5%), `_bp` basis points,
`_brl` reais, `score` and `signal` in [-1, 1], `confidence` in [0, 1]. `session` is the partition in which a row became
known (the fund acts on it that morning); `trade_date` is the market day that it describes.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from macro_fund.store.agent_tables import AGENT_TABLES
from macro_fund.store.table import MONEY, UTC_TIME, Column, Table, numbers, session_column

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

_SERIES_ID = Column(pl.String, "our id, config/series")


OBSERVATION = {
    "session": session_column(),
    "series_id": _SERIES_ID,
    "event_date": Column(pl.Date, "day (or first day of the period) that the value describes"),
    "value": Column(pl.Float64, "in the series' stored unit: rates are decimals"),
    **_KNOWN,
    **_PROVENANCE,
}

CURVE_POINT = {
    "session": session_column(),
    "series_id": _SERIES_ID,
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
    "series_id": _SERIES_ID,
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
    "series_id": _SERIES_ID,
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
    "series_id": _SERIES_ID,
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
    "series_id": _SERIES_ID,
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
    "series_id": _SERIES_ID,
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
    "series_id": _SERIES_ID,
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

QUARANTINE = Table(
    "quarantine",
    {
        "session": session_column(),
        "asset": Column(pl.String, "asset that refused the row"),
        "item": Column(pl.String, "series id, contract or request label"),
        "event_date": Column(pl.Date, "null where the row had none", nullable=True),
        "raw": Column(pl.String, "the row as received, shortened to 500 characters"),
        "reason": Column(pl.String, "what is wrong, in words"),
    },
    sort=("session", "asset", "item", "event_date", "raw", "reason"),
    unique=False,
)

FAILURES = Table(
    "failures",
    {
        "session": session_column(),
        "asset": Column(pl.String, "bronze asset whose request failed"),
        "item": Column(pl.String, "series ids or file that are missing because of it"),
        "request": Column(pl.String, "method and address"),
        "reason": Column(pl.String, "provider, status, head of the body and the remedy"),
    },
    sort=("session", "asset", "item", "request", "reason"),
    unique=False,
)

# One feature of one session; the tables of features share it.
_FEATURE = {
    "session": session_column("session at whose as_of the feature is known"),
    "feature_id": Column(pl.String, "feature: docs/guide/features.md"),
    "event_date": Column(pl.Date, "newest day, or first day of the newest month, that it describes", nullable=True),
    "value": Column(pl.Float64, "rates, shares and ratios are decimals", nullable=True),
    "z": Column(
        pl.Float64, "robust z of the value: 120 months (60 at least) of one vintage, or 504 days (252); clip 3", True
    ),
    "n_inputs": Column(pl.Int32, "inputs behind the value", nullable=True),
    "proxy": Column(pl.Boolean, "stands for something that has no free source"),
    "knowledge_time": Column(UTC_TIME, "newest input; null where only a curve is behind it", nullable=True),
    "status": Column(pl.String, "ok | stale | missing | degraded | no_view"),
    "reason": Column(pl.String, "why it is not ok"),
}
_STATUS = {name: _FEATURE[name] for name in ("knowledge_time", "status", "reason")}
_STATUS_OF_ROW = {**_STATUS, "knowledge_time": Column(UTC_TIME, "of the row that it rests on")}

_SIGNAL = {
    "session": session_column(),
    "strategy_id": Column(pl.String, "strategy"),
    "instrument": Column(pl.String, "config/instruments id that the leg trades"),
    "signal": Column(pl.Float64, "[-1, 1], + = hold the asset (receive, long BRL, long equity); null no_view", True),
    "z": Column(pl.Float64, "standardised measure behind the signal", nullable=True),
    "direction": Column(pl.Int8, "+1, 0, -1 in units of the instrument's quantity (DOL: + = long USD)"),
    "strength": Column(pl.Float64, "|signal| when in position, else 0"),
    "entry_level": Column(pl.Float64, "rate (decimal) or price at the last settlement", nullable=True),
    "stop_level": Column(pl.Float64, "level at which the trade is wrong", nullable=True),
    "target_level": Column(pl.Float64, "level at which the trade is done", nullable=True),
    "sigma_daily": Column(pl.Float64, "bp a day for rates, log return a day otherwise", nullable=True),
    "horizon_days": Column(pl.Int32, "business days"),
    "confidence": Column(pl.Float64, "[0, 1]", nullable=True),
    "status": Column(pl.String, "ok | degraded | no_view"),
    "reason": Column(pl.String, "in words: what the number rests on, or why there is none"),
}
_SIGNAL_KEY = ("session", "strategy_id", "instrument")


def _bronze(
    name: str, text: str, columns: Mapping[str, Column] = OBSERVATION, fact: tuple[str, ...] = (), *values: str
) -> Table:
    """A provider's table: one row a fact and vintage. Without `fact` and `values`: plain observations."""
    fact, values = ("series_id", *fact), values or ("value",)
    key = ("session", *fact, "event_date", "knowledge_time")
    return Table(f"bronze/{name}", columns, key, owner="team:data", description=text, fact=fact, values=values)


_TABLES = [
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
    Table(
        "silver/observations",
        {k: v for k, v in OBSERVATION.items() if k not in PROVENANCE},
        ("session", "series_id", "event_date", "knowledge_time"),
        owner="team:data",
        description="Every observation of every source in one table (dbt).",
    ),
    Table(
        "silver/as_known",
        {
            "session": session_column(),
            "series_id": Column(pl.String, "our id"),
            "event_date": Column(pl.Date, "newest period known at the session's as_of"),
            "value": Column(pl.Float64, "latest vintage of that period known then"),
            "knowledge_time": Column(UTC_TIME, "when that vintage became public"),
            "knowledge_basis": Column(pl.String, "see observations"),
            "age_days": Column(pl.Int32, "calendar days from event_date to the session"),
            "stale": Column(pl.Boolean, "older than the series' max_age_days"),
        },
        ("session", "series_id"),
        owner="team:data",
        description="For each session the newest value of each series that was public by as_of (dbt, ASOF join).",
    ),
    Table(
        "silver/market_features",
        {
            "session": _FEATURE["session"],
            "series_id": Column(pl.String, "our id, or br_di_<business days> for a node of the DI curve"),
            "kind": Column(pl.String, "rate (changes in bp) | price (log returns)"),
            "event_date": Column(pl.Date, "newest day known"),
            "value": Column(pl.Float64, "level in the series' stored unit", nullable=True),
            **numbers(
                {
                    "change": "bp (rate) or log return (price) since the observation before",
                    "ewma_vol": "a day, in the unit of change: EWMA .94 around zero",
                    "vol_63d": "a day, in the unit of change: standard deviation of 63 observations",
                    "z": "robust z of the level, 504 observations (252 at least), clip 3",
                    "z_change": "robust z of the change, the same way",
                    "momentum": "of holding the asset, + = gains (a falling rate is one); 21 to 252 days, clip 2",
                }
            ),
            **_STATUS,
        },
        ("session", "series_id"),
        owner="team:markets",
        description="Change, volatility, z and momentum of daily market series, as known at each session.",
    ),
    Table(
        "silver/ipca",
        _FEATURE,
        ("session", "feature_id"),
        owner="team:economics",
        description="IPCA analytics: 12 months, cores, diffusion, seasonally adjusted pace refitted on each vintage.",
    ),
    Table(
        "silver/focus",
        {
            "session": _FEATURE["session"],
            "feature_id": Column(pl.String, "series of the survey, or ipca_surprise"),
            "reference": Column(pl.String, "period forecast, as in bronze/bcb_focus_periods; 12m or 24m ahead"),
            "horizon": Column(
                pl.Int32, "years, months, quarters or COPOM meetings from the session's own; 0 for 12m, 24m, surprises"
            ),
            "event_date": Column(pl.Date, "survey day; of a surprise, first day of the month"),
            "value": Column(pl.Float64, "median; of a surprise, actual less last median before the release"),
            "change_4w": Column(pl.Float64, "less the median of the same period known 28 days before", nullable=True),
            "z": Column(pl.Float64, "of a surprise: in standard deviations of the 36 before it (12 at least)", True),
            **_STATUS_OF_ROW,
        },
        ("session", "feature_id", "reference"),
        owner="team:economics",
        description="Focus medians by horizon, their change over four weeks, and the surprise of each IPCA (dbt).",
    ),
    Table(
        "silver/macro",
        _FEATURE,
        ("session", "feature_id"),
        owner="team:economics",
        description="Ex-ante real rate, terms of trade, fiscal and external ratios, financial conditions.",
    ),
    Table(
        "silver/positioning",
        {
            "session": session_column("session in which the report became known"),
            "series_id": Column(pl.String, "report and market, config/series/cftc.yaml"),
            "category": Column(pl.String, "who, as in bronze/cftc"),
            "event_date": Column(pl.Date, "Tuesday of the report"),
            "net_contracts": Column(pl.Int64, "long less short"),
            "open_interest": Column(pl.Int64, "contracts of the whole market", nullable=True),
            "value": Column(pl.Float64, "net on open interest, [-1, 1]", nullable=True),
            "change_1w": Column(pl.Float64, "less the value of the report before", nullable=True),
            "z": Column(pl.Float64, "robust z of the value, 156 reports (52 at least), clip 3", nullable=True),
            **_STATUS_OF_ROW,
        },
        ("session", "series_id", "category"),
        owner="team:economics",
        description="CFTC net positions on open interest by market and category of trader, one row a report (dbt).",
    ),
    Table(
        "silver/di_curve",
        {
            "session": session_column(),
            "curve_date": Column(pl.Date, "settlement day of the curve"),
            "tenor_bd": Column(pl.Int32, "business days"),
            "rate": Column(pl.Float64, "decimal, 252 exponential"),
            "forward_21d": Column(pl.Float64, "forward rate of the 21 business days ending at the tenor", True),
            "n_contracts": Column(pl.Int32, "DI1 contracts behind the curve"),
            "extrapolated": Column(pl.Boolean, "tenor beyond the last contract"),
            "quality": Column(pl.Float64, "0 to 1: share of the usual contracts, halved for each session it is behind"),
        },
        ("session", "curve_date", "tenor_bd"),
        owner="team:markets",
        description="DI pre curve: flat forward on 252 between DI1 settlements, CDI at one day, fixed tenors.",
    ),
    Table(
        "silver/policy_path",
        {
            "session": session_column(),
            "curve_date": Column(pl.Date, "settlement day of the curve"),
            "meeting": Column(pl.Date, "last day of the COPOM meeting"),
            "announced": Column(pl.Boolean, "the meeting's date was public on curve_date; else assumed, 45 days apart"),
            "effective_bd": Column(pl.Int32, "business days from curve_date to the first day of the new rate"),
            "step_rate": Column(pl.Float64, "overnight rate after the meeting, decimal, 252 exponential"),
            "change_bp": Column(pl.Float64, "step less the one before, bp"),
            "implied_target": Column(pl.Float64, "step plus today's target less CDI, decimal; null if unknown", True),
            "fit_bp": Column(pl.Float64, "largest miss of the path at a contract, bp"),
        },
        ("session", "curve_date", "meeting"),
        owner="team:markets",
        description="Policy path: the overnight rate after each of the next 12 COPOM meetings that DI1 implies.",
    ),
    Table(
        "silver/real_curve",
        {
            "session": session_column(),
            "curve_date": Column(pl.Date, "day of the NTN-B rates"),
            "tenor_bd": Column(pl.Int32, "business days"),
            "real_rate": Column(pl.Float64, "zero rate over IPCA, decimal, 252 exponential"),
            "forward_252d": Column(pl.Float64, "real forward rate of the 252 business days ending at the tenor"),
            "nominal_rate": Column(pl.Float64, "DI rate of the same day and tenor, decimal; null if unknown", True),
            "breakeven": Column(pl.Float64, "(1 + nominal) / (1 + real) - 1, decimal; null if unknown", True),
            "n_bonds": Column(pl.Int32, "NTN-B behind the curve"),
            "quality": Column(pl.Float64, "0 to 1: share of the usual bonds, halved for each session it is behind"),
            "extrapolated": Column(pl.Boolean, "tenor beyond the last bond"),
            "nominal_extrapolated": Column(pl.Boolean, "tenor beyond the last DI1 contract; null if unknown", True),
        },
        ("session", "curve_date", "tenor_bd"),
        owner="team:markets",
        description="Real curve: NTN-B zero rates from ANBIMA's yields, and breakevens against the DI curve.",
    ),
    Table(
        "silver/ettj",
        {
            "session": session_column(),
            "curve_date": Column(pl.Date, "day of ANBIMA's parameters"),
            "tenor_bd": Column(pl.Int32, "business days"),
            "nominal_rate": Column(pl.Float64, "zero rate, decimal, 252 exponential, cut at six decimals"),
            "real_rate": Column(pl.Float64, "zero rate over IPCA, decimal, 252 exponential, cut at six decimals"),
            "breakeven": Column(pl.Float64, "(1 + nominal) / (1 + real) - 1 of these rates, cut at six decimals"),
        },
        ("session", "curve_date", "tenor_bd"),
        owner="team:markets",
        description="ANBIMA's Svensson curves (ETTJ), nominal and real, at fixed business days.",
    ),
    Table(
        "silver/bond_marks",
        {
            "session": session_column(),
            "trade_date": Column(pl.Date, "day of the indicative rate; settlement on the same day"),
            "bond": Column(pl.String, "title, SELIC code and maturity, e.g. NTN-B 760199 2035-05-15"),
            "title": Column(pl.String, "LTN | LFT | NTN-F | NTN-B"),
            "maturity": Column(pl.Date, "redemption"),
            "bdays": Column(pl.Int32, "business days from trade_date to maturity, calendar known on trade_date"),
            "years": Column(pl.Float64, "bdays / 252"),
            "rate": Column(pl.Float64, "ANBIMA's indicative rate, decimal, 252"),
            "vna_brl": Column(pl.Float64, "nominal value of the day behind the PU; null for LTN, NTN-F, LFT", True),
            "pu_brl": Column(pl.Float64, "our PU, cut at six decimals; null where the reason says why", True),
            "anbima_pu_brl": Column(pl.Float64, "ANBIMA's PU; null where its file gives none", True),
            "error_brl": Column(pl.Float64, "pu_brl less anbima_pu_brl", True),
            "dv01_brl": Column(pl.Float64, "gain of +1 bond for -1bp; null without a PU", True),
            "reason": Column(pl.String, "why there is no PU; empty where there is one"),
        },
        ("session", "trade_date", "bond"),
        owner="team:markets",
        description="Government bonds: our PU from ANBIMA's indicative rate, held against ANBIMA's own, and DV01.",
    ),
    Table(
        "silver/ust_curve",
        {
            "session": session_column(),
            "curve_date": Column(pl.Date, "day of the par curve"),
            "tenor_years": Column(pl.Float64, "years"),
            "par_yield": Column(pl.Float64, "decimal, semiannual bond basis"),
            "zero_rate": Column(pl.Float64, "decimal, continuously compounded, bootstrapped"),
            "forward_rate": Column(pl.Float64, "from the tenor before to this one, decimal, compounded once a year"),
            "quality": Column(pl.Float64, "0 to 1: share of the usual tenors, halved for each day it is behind"),
        },
        ("session", "curve_date", "tenor_years"),
        owner="team:markets",
        description="US Treasury par curve bootstrapped to zeros, with forwards, constant-maturity nodes.",
    ),
    Table(
        "silver/us_real_curve",
        {
            "session": session_column(),
            "curve_date": Column(pl.Date, "day of the real par curve"),
            "tenor_years": Column(pl.Float64, "years"),
            "par_yield": Column(pl.Float64, "real, decimal, semiannual bond basis (TIPS)"),
            "zero_rate": Column(pl.Float64, "real, decimal, continuously compounded, bootstrapped"),
            **numbers(
                {
                    "forward_5y": "real forward of the five years that end at the tenor, decimal, compounded yearly",
                    "breakeven": "(1 + n) / (1 + r) - 1 on zero rates of the same day, decimal, compounded once a year",
                    "breakeven_5y": "the same of the five years that end at the tenor: at 10 it is 5y5y",
                }
            ),
            "quality": Column(pl.Float64, "0 to 1: share of the usual tenors, halved for each day it is behind"),
        },
        ("session", "curve_date", "tenor_years"),
        owner="team:markets",
        description="US real par curve (TIPS) bootstrapped to real zeros, and breakeven inflation against Treasuries.",
    ),
    Table(
        "silver/cupom_curve",
        {
            "session": session_column(),
            "curve_date": Column(pl.Date, "DDI settlement day of the curve"),
            "kind": Column(
                pl.String, "clean: at the settlement's spot | dirty: at PTAX before | frc: from the first DDI"
            ),
            "tenor_cd": Column(pl.Int32, "calendar days from curve_date"),
            "rate": Column(pl.Float64, "coupon, decimal, linear 360; frc: forward from the first leg to the tenor"),
            "forward_rate": Column(pl.Float64, "coupon from the node before (today) to this one; null for frc", True),
            "basis_bp": Column(pl.Float64, "clean coupon less Treasury (SOFR below 90 days); null if unknown", True),
            "spot": Column(pl.Float64, "BRL per USD behind the clean curve; null for the others or without PTAX", True),
            "spot_basis": Column(pl.String, "clean: reference (B3's DOC) | forward (first FRC)", nullable=True),
            "n_contracts": Column(pl.Int32, "unexpired DDI contracts"),
            "extrapolated": Column(pl.Boolean, "tenor beyond the last contract"),
            "quality": Column(pl.Float64, "0 to 1: share of the usual contracts, halved for each session it is behind"),
        },
        ("session", "curve_date", "kind", "tenor_cd"),
        owner="team:markets",
        description="Dollar coupon (dirty, clean, forward) from DDI settlements, and its basis over dollar rates.",
    ),
    Table(
        "silver/contract_marks",
        {
            "session": session_column(),
            "trade_date": Column(pl.Date, "settlement day"),
            "contract": Column(pl.String, "B3 ticker"),
            "root": Column(pl.String, "DI1 | DDI | DAP | FRC | DOL | WDO | IND | WIN"),
            "maturity": Column(pl.Date, "expiry"),
            "bdays": Column(pl.Int32, "business days from trade_date to maturity, calendar known on trade_date"),
            "settle_price": Column(pl.Float64, "official settlement: PU, price or points; FRC: rate in %"),
            "settle_rate": Column(pl.Float64, "decimal; null for dollar and index", nullable=True),
            "prev_trade_date": Column(pl.Date, "session before, with a settlement of this contract", nullable=True),
            "correction": Column(
                pl.Float64,
                "FC that carries the previous PU to this day; 1: nothing is carried, null: an input is unknown",
                nullable=True,
            ),
            "point_value_brl": Column(
                pl.Float64, "BRL a point in this settlement: DDI and FRC at PTAX, DAP at the day's IPCA index", True
            ),
            "pnl_brl": Column(pl.Float64, "daily settlement of +1 contract since prev_trade_date; null if none", True),
            "dv01_brl": Column(pl.Float64, "gain of +1 contract for -1bp; 0: dollar, index; null: input unknown", True),
            "delta_brl": Column(
                pl.Float64, "BRL exposure of +1 contract: dollars x PTAX, price x point value; 0: DI1, DAP, FRC", True
            ),
            "limit_locked": Column(pl.Boolean, "settled at its price limit (config/limit_days.yaml): no free price"),
        },
        ("session", "trade_date", "contract"),
        owner="team:markets",
        description="Official settlements of listed contracts with daily settlement P&L and risk of one contract.",
    ),
    Table(
        "silver/instrument_returns",
        {
            "session": session_column(),
            "trade_date": Column(pl.Date, "settlement day"),
            "instrument": Column(pl.String, "config/instruments id, e.g. DI1_2Y"),
            "contract": Column(pl.String, "contract held over trade_date (chosen on the day before)"),
            "next_contract": Column(pl.String, "contract to hold from this settlement on"),
            "price": Column(pl.Float64, "settlement of next_contract"),
            "rate": Column(pl.Float64, "its rate, decimal; null for DOL and IND", nullable=True),
            "bdays": Column(pl.Int32, "its business days to maturity"),
            "pnl_brl": Column(pl.Float64, "settlement P&L of +1 contract held; null on the first day", nullable=True),
            "shock": Column(
                pl.Float64, "rates: change in bp of the contract held; else log return; null first day", True
            ),
            "dv01_brl": Column(pl.Float64, "of +1 next_contract"),
            "delta_brl": Column(pl.Float64, "of +1 next_contract"),
        },
        ("session", "trade_date", "instrument"),
        owner="team:markets",
        description="Instruments rolled through listed contracts: what a position of one contract made, day by day.",
    ),
    *AGENT_TABLES,
    *(
        Table(f"signals/{sid}", _SIGNAL, _SIGNAL_KEY, owner="team:strategy", description=text)
        for sid, text in (
            ("rates_01", "RATES-01: DI carry and roll-down to risk."),
            ("fx_02", "FX-02: carry-adjusted momentum of BRL."),
            ("cross_02", "CROSS-02: risk appetite."),
        )
    ),
    Table(
        "portfolio/conviction",
        {
            "session": session_column(),
            "instrument": Column(pl.String, "config/instruments id"),
            "score": Column(pl.Float64, "confidence-weighted signal, [-1, 1]; null no_view", nullable=True),
            "agreement": Column(pl.Float64, "confidence share on the majority side", nullable=True),
            "conviction": Column(pl.Float64, "[0, 1]", nullable=True),
            "n_signals": Column(pl.Int32, "signals with a view"),
            "contributions": Column(
                pl.List(pl.Struct({"strategy_id": pl.String, "signal": pl.Float64, "weight": pl.Float64})),
                "signal x weight sums to score",
            ),
            "status": Column(pl.String, "ok | degraded | no_view"),
            "reason": Column(pl.String, "in words"),
        },
        ("session", "instrument"),
        owner="team:portfolio",
        description="Signals combined per instrument by confidence.",
    ),
    Table(
        "portfolio/targets",
        {
            "session": session_column(),
            "instrument": Column(pl.String, "config/instruments id"),
            "contract": Column(pl.String, "listed contract; empty when there is none", nullable=True),
            "target_contracts": Column(pl.Int64, "signed, + = long the contract; null no_view", nullable=True),
            "unrounded": Column(pl.Float64, "before integers and limits", nullable=True),
            "score": Column(pl.Float64, "conviction score that asked for it", nullable=True),
            "conviction": Column(pl.Float64, "[0, 1]", nullable=True),
            "price": Column(pl.Float64, "last settlement", nullable=True),
            "rate": Column(pl.Float64, "last settlement rate, decimal", nullable=True),
            "sigma_brl": Column(pl.Float64, "daily BRL volatility of one contract", nullable=True),
            "dv01_brl": Column(pl.Float64, "of the whole target", nullable=True),
            "delta_brl": Column(pl.Float64, "of the whole target", nullable=True),
            "binding_constraint": Column(pl.String, "what sized it: risk_share, vol_target, a limit, integer, none"),
            "shares": Column(
                pl.List(pl.Struct({"strategy_id": pl.String, "share": pl.Float64})), "strategy shares, sum to 1"
            ),
            "status": Column(pl.String, "ok | degraded | no_view"),
            "reason": Column(pl.String, "in words"),
        },
        ("session", "instrument"),
        owner="team:portfolio",
        description="Target contracts at the mandate's capital: volatility target, limits, whole contracts.",
    ),
    Table(
        "risk/var",
        {
            "session": session_column(),
            "method": Column(pl.String, "parametric | historical"),
            "level": Column(pl.Float64, "0.95 | 0.99"),
            "scope": Column(pl.String, "total | instrument | strategy"),
            "item": Column(pl.String, "total, or the instrument or strategy"),
            "var_brl": Column(pl.Float64, "loss > 0; components of a scope sum to the total", nullable=True),
            "es_brl": Column(pl.Float64, "expected shortfall, components sum to the total", nullable=True),
            "n_scenarios": Column(pl.Int32, "days behind the number"),
            "status": Column(pl.String, "ok | degraded | no_view"),
            "reason": Column(pl.String, "in words"),
        },
        ("session", "method", "level", "scope", "item"),
        owner="team:risk",
        description="One-day VaR and expected shortfall of the target book, with components that sum.",
    ),
    Table(
        "risk/stress",
        {
            "session": session_column(),
            "scenario": Column(pl.String, "config/scenarios id"),
            "instrument": Column(pl.String, "config/instruments id"),
            "shock": Column(pl.Float64, "bp for rates, log return otherwise", nullable=True),
            "pnl_brl": Column(pl.Float64, "loss < 0, full revaluation; null no_view", nullable=True),
            "status": Column(pl.String, "ok | degraded | no_view"),
            "reason": Column(pl.String, "in words"),
        },
        ("session", "scenario", "instrument"),
        owner="team:risk",
        description="Stress scenarios on the target book, full revaluation.",
    ),
    Table(
        "risk/limits",
        {
            "session": session_column(),
            "limit": Column(pl.String, "config/limits id"),
            "value": Column(pl.Float64, "fraction of NAV", nullable=True),
            "limit_value": Column(pl.Float64, "fraction of NAV"),
            "utilisation": Column(pl.Float64, "value / limit_value", nullable=True),
            "status": Column(pl.String, "ok | warn | breach | no_view"),
            "reason": Column(pl.String, "in words"),
        },
        ("session", "limit"),
        owner="team:risk",
        description="Use of each limit by the target book.",
    ),
    Table(
        "pms/fills",
        {
            "session": session_column(),
            "trade_date": Column(pl.Date, "session in which it was executed"),
            "fill_id": Column(pl.String, "content id"),
            "order_id": Column(pl.String, "ledger order"),
            "contract": Column(pl.String, "B3 ticker"),
            "instrument": Column(pl.String, "config/instruments id"),
            "quantity": Column(pl.Int64, "signed, + = long the contract (DI1: long PU)"),
            "price": Column(pl.Float64, "settlement of the session"),
            "cost_brl": Column(MONEY, "half-spread and fees, >= 0"),
        },
        ("session", "fill_id"),
        owner="team:pms",
        description="Approved orders executed on paper at the settlement of their session, plus costs.",
    ),
    Table(
        "pms/positions",
        {
            "session": session_column(),
            "trade_date": Column(pl.Date, "close at which it was held"),
            "contract": Column(pl.String, "B3 ticker"),
            "instrument": Column(pl.String, "config/instruments id"),
            "quantity": Column(pl.Int64, "signed, after the day's fills"),
            "mark_price": Column(pl.Float64, "settlement, or the previous one (stale)", nullable=True),
            "mark_rate": Column(pl.Float64, "decimal; null for DOL and IND", nullable=True),
            "mark_basis": Column(pl.String, "settlement | stale | none"),
            "dv01_brl": Column(pl.Float64, "of the position"),
            "delta_brl": Column(pl.Float64, "of the position"),
        },
        ("session", "contract", "instrument"),
        owner="team:pms",
        description="Positions after the last close, marked at official settlements.",
    ),
    Table(
        "pms/pnl",
        {
            "session": session_column(),
            "trade_date": Column(pl.Date, "day of the P&L"),
            "contract": Column(pl.String, "B3 ticker, or CASH"),
            "instrument": Column(pl.String, "config/instruments id, or CASH"),
            "strategy_id": Column(pl.String, "strategy, DISCRETIONARY or CASH"),
            "component": Column(pl.String, "settlement | cost | interest"),
            "pnl_brl": Column(MONEY, "to the cent; every view is a GROUP BY"),
        },
        ("session", "trade_date", "contract", "instrument", "strategy_id", "component"),
        owner="team:pms",
        description="Daily P&L cube by contract, strategy and component; sums to the change of NAV to the cent.",
    ),
    Table(
        "pms/nav",
        {
            "session": session_column(),
            "trade_date": Column(pl.Date, "close"),
            "opening_nav_brl": Column(MONEY, "NAV at the close before"),
            "pnl_brl": Column(MONEY, "sum of the day's cube"),
            "nav_brl": Column(MONEY, "opening + pnl"),
            "cdi_index": Column(pl.Float64, "CDI compounded since inception, 1 at inception"),
            "fund_index": Column(pl.Float64, "NAV over the opening capital"),
        },
        ("session",),
        owner="team:pms",
        description="Net asset value after the last close.",
    ),
    Table(
        "pms/trade_proposals",
        {
            "session": session_column(),
            "proposal_id": Column(pl.String, "content id: the same targets and book give the same id"),
            "instrument": Column(pl.String, "config/instruments id"),
            "contract": Column(pl.String, "B3 ticker"),
            "quantity": Column(pl.Int64, "signed trade, + = buy the contract (DI1: PU)"),
            "screen_side": Column(pl.String, "what to key on the screen (DI1 screens trade rate)"),
            "position_before": Column(pl.Int64, "contracts"),
            "position_after": Column(pl.Int64, "contracts"),
            "entry_level": Column(pl.Float64, "last settlement, rate (decimal) or price", nullable=True),
            "stop_level": Column(pl.Float64, "rate or price", nullable=True),
            "target_level": Column(pl.Float64, "rate or price", nullable=True),
            "horizon_days": Column(pl.Int32, "business days", nullable=True),
            "conviction": Column(pl.Float64, "[0, 1]", nullable=True),
            "expected_cost_brl": Column(MONEY, "half-spread and fees"),
            "dv01_before_brl": Column(pl.Float64, "position before"),
            "dv01_after_brl": Column(pl.Float64, "position after"),
            "delta_before_brl": Column(pl.Float64, "position before"),
            "delta_after_brl": Column(pl.Float64, "position after"),
            "shares": Column(
                pl.List(pl.Struct({"strategy_id": pl.String, "share": pl.Float64})), "strategy shares, sum to 1"
            ),
            "gain_if": Column(pl.String, "sign echo in words: you gain if ..."),
            "rationale": Column(pl.String, "drivers in words"),
            "expires_at": Column(UTC_TIME, "18:00 Sao Paulo of the session"),
        },
        ("session", "proposal_id"),
        owner="team:pms",
        description="Trades that would bring the book to the targets; a person decides.",
    ),
    Table(
        "pms/orders",
        {
            "session": session_column("session in which the order is to be executed"),
            "order_id": Column(pl.String, "content id"),
            "proposal_id": Column(pl.String, "proposal approved"),
            "instrument": Column(pl.String, "config/instruments id"),
            "contract": Column(pl.String, "B3 ticker"),
            "quantity": Column(pl.Int64, "signed, as approved or modified"),
            "limit_level": Column(pl.Float64, "rate (decimal) or price; null = at settlement", nullable=True),
            "approved_by": Column(pl.String, "person"),
        },
        ("session", "order_id"),
        owner="team:pms",
        description="Approved decisions as orders for the session's settlement.",
    ),
    Table(
        "reports/morning_pack",
        {
            "session": session_column(),
            "section": Column(pl.String, "part of the pack"),
            "item": Column(pl.String, "number's name"),
            "value": Column(pl.Float64, "the number as shown, unrounded", nullable=True),
            "text": Column(pl.String, "as printed"),
            "asset": Column(pl.String, "asset that it comes from"),
        },
        ("session", "section", "item"),
        owner="team:reports",
        description="Every number printed in the morning pack, and where it comes from; the pack itself is a file.",
    ),
    Table(
        "quality/verdicts",
        {
            "session": session_column(),
            "asset": Column(pl.String, "asset key"),
            "check": Column(pl.String, "check name"),
            "passed": Column(pl.Boolean, "verdict"),
            "blocking": Column(pl.Boolean, "would have stopped the stages below"),
            "detail": Column(pl.String, "the figures or the rows behind it"),
        },
        ("session", "asset", "check"),
        owner="team:platform",
        description="Every check's verdict of every asset, as data.",
    ),
    Table(
        "quality/sources",
        {
            "session": session_column("the morning"),
            "source": Column(pl.String, "provider"),
            "series": Column(pl.Int32, "series of the catalogue that are still published"),
            "overdue": Column(pl.Int32, "series whose newest period should be there and is not"),
            "stale": Column(pl.Int32, "series older than their maximum age"),
            "failed_requests": Column(pl.Int32, "requests without an answer that could be read"),
            "refused_rows": Column(pl.Int32, "rows in quarantine"),
            "new_rows": Column(pl.Int32, "rows that became known"),
            "late_rows": Column(pl.Int32, "of them: public in an earlier session"),
            "lag_rows": Column(pl.Int32, "of them: dated by an estimated lag"),
            "revised_rows": Column(pl.Int32, "of them: another value than the one known before"),
            "disagreements": Column(pl.Int32, "days on which another source gives another number"),
            "score": Column(pl.Float64, "share of its series with nothing missing; null without series", nullable=True),
            "missing": Column(pl.String, "series with something missing"),
        },
        ("session", "source"),
        owner="team:data",
        description="How complete each source was each morning.",
    ),
    Table(
        "quality/cross_source",
        {
            "session": session_column("when the second of the two became known"),
            "pair": Column(pl.String, "comparison, config/cross_source.yaml"),
            "event_date": Column(pl.Date, "day or first day of the period compared"),
            "item": Column(pl.String, "the series or contract compared"),
            "left": Column(pl.Float64, "stored unit"),
            "right": Column(pl.Float64, "stored unit"),
            "difference": Column(pl.Float64, "left less right"),
            "tolerance": Column(pl.Float64, "largest difference that rounding explains"),
            "agrees": Column(pl.Boolean, "inside the tolerance"),
        },
        ("session", "pair", "event_date"),
        owner="team:data",
        description="The same number from two sources, day by day.",
    ),
    Table(
        "quality/revisions",
        {
            "session": session_column(),
            "series_id": _SERIES_ID,
            "event_date": Column(pl.Date, "period revised"),
            "knowledge_time": Column(UTC_TIME, "when the new value was public, or first seen (UTC)"),
            "knowledge_basis": Column(pl.String, "vintage: the provider says when; observed: when we saw it"),
            "previous_known": Column(UTC_TIME, "since when the old value stood (UTC)"),
            "previous_value": Column(pl.Float64, "stored unit"),
            "value": Column(pl.Float64, "stored unit"),
            "change": Column(pl.Float64, "value less previous value"),
            "relative": Column(pl.Float64, "change over the previous value; null when that is 0", nullable=True),
        },
        ("session", "series_id", "event_date", "knowledge_time"),
        owner="team:data",
        description="Every revision: what changed, by how much, since when.",
    ),
]

TABLES: dict[str, Table] = {t.key: t for t in _TABLES}
