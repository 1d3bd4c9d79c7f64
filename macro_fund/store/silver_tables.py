"""The silver tables: observations in one shape, features, curves, marks and returns.

Belongs here: the shape of every silver/ table. Does not belong here: how it is computed (features/, curves/,
instruments/, dbt_silver/models).
"""

from __future__ import annotations

import polars as pl

from macro_fund.store.bronze_tables import OBSERVATION, PROVENANCE
from macro_fund.store.table import UTC_TIME, Column, Table, numbers, session_column

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

SILVER_TABLES = (
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
            "value": Column(pl.Float64, "median; of a surprise, actual less the last fresh median before the release"),
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
        "silver/retail_real_curve",
        {
            "session": session_column(),
            "tenor_bd": Column(pl.Int32, "business days"),
            "curve_date": Column(pl.Date, "day of the retail rates; null if none are known", True),
            "real_rate": Column(pl.Float64, "zero rate over IPCA, decimal, 252 exponential; null without a bond", True),
            "nominal_rate": Column(pl.Float64, "DI rate of the same day and tenor, decimal; null if unknown", True),
            "breakeven": Column(pl.Float64, "(1 + nominal) / (1 + real) - 1, decimal; null if unknown", True),
            "n_bonds": Column(pl.Int32, "bonds behind the day's curve; null if none are known", True),
            "status": Column(pl.String, "ok, degraded or no_view"),
            "reason": Column(pl.String, "why not ok; empty when ok"),
        },
        ("session", "tenor_bd"),
        owner="team:markets",
        description="Proxy of the real curve: Tesouro Direto's IPCA+ bonds without coupons, and breakevens against DI.",
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
            "dv01_brl": Column(pl.Float64, "of +1 next_contract; null: an input is unknown", nullable=True),
            "delta_brl": Column(pl.Float64, "of +1 next_contract; null: an input is unknown", nullable=True),
        },
        ("session", "trade_date", "instrument"),
        owner="team:markets",
        description="Instruments rolled through listed contracts: what a position of one contract made, day by day.",
    ),
    Table(
        "silver/leg_returns",
        {
            "session": session_column(),
            "trade_date": Column(pl.Date, "settlement day, or day of the stand-in's price"),
            "instrument": Column(pl.String, "config/instruments id"),
            "basis": Column(pl.String, "listed: settlements; proxy: the instrument's stand-in (docs/strategies.md)"),
            "level": Column(pl.Float64, "rate (decimal) or price that the position is marked at"),
            "shock": Column(pl.Float64, "rates: change in bp; else excess log return; null first day", nullable=True),
            "pnl_brl": Column(pl.Float64, "excess P&L of +1 held over the day; null on the first day", nullable=True),
            "dv01_brl": Column(pl.Float64, "of +1: gain for -1 bp"),
            "delta_brl": Column(pl.Float64, "BRL exposure of +1; 0 for rates"),
            "cost_brl": Column(pl.Float64, "half-spread and fee of trading 1, one side"),
            "margin_brl": Column(pl.Float64, "initial margin of 1"),
            "rolled": Column(pl.Boolean, "the contract held changes at this settlement: a round trip of costs"),
            "limit_locked": Column(pl.Boolean, "settled at its price limit: nothing can be traded"),
        },
        ("session", "trade_date", "instrument"),
        owner="team:markets",
        description="What strategies trade, day by day: listed contracts where settled, a stated stand-in where not.",
    ),
)
