"""The typed catalogue of lake tables: one `Table` per asset, its columns, units, sort order and owner.

Belongs here: the shape of every table in the lake. It generates the lake's write-time validation, the blocking shape
checks, the Columns tab in the Dagster UI and the data dictionary in docs/. Does not belong here: how a table is
computed (domain packages) or scheduled (orchestration/).

Units are in column names where a reader could be wrong: `rate` is a decimal (0.105 is 10.5%), `_bp` basis points,
`_brl` reais, `score` and `signal` in [-1, 1], `confidence` in [0, 1]. `session` is the partition in which a row became
known (the fund acts on it that morning); `trade_date` is the market day that it describes.
"""

from __future__ import annotations

import polars as pl

from macro_fund.store.agent_tables import AGENT_TABLES
from macro_fund.store.book_tables import BOOK_TABLES
from macro_fund.store.bronze_tables import BRONZE_TABLES, OBSERVATION, PROVENANCE, SERIES_ID
from macro_fund.store.marks_table import MARKS_TABLE
from macro_fund.store.proposal_fields import PROPOSAL_FIELDS
from macro_fund.store.silver_tables import SILVER_TABLES
from macro_fund.store.table import MONEY, UTC_TIME, Column, Table, numbers, session_column

__all__ = ["FAILURES", "OBSERVATION", "PROVENANCE", "QUARANTINE", "TABLES"]

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

_SIGNAL = {
    "session": session_column(),
    "strategy_id": Column(pl.String, "strategy"),
    "trade": Column(pl.String, "legs with the same trade are opened, sized and closed together"),
    "instrument": Column(pl.String, "config/instruments id that the leg trades"),
    "signal": Column(
        pl.Float64, "[-1, 1], + = hold the trade's asset (receive, long BRL, long equity); null no_view", True
    ),
    "z": Column(pl.Float64, "standardised measure behind the signal", nullable=True),
    "direction": Column(pl.Int8, "+1, 0, -1 in units of the instrument's quantity (DOL: + = long USD)"),
    "strength": Column(pl.Float64, "|signal| when in position, else 0"),
    "leg_weight": Column(
        pl.Float64, "risk of the leg (DV01 or delta, BRL) over the trade's, + = hold its asset; null unknown", True
    ),
    "entry_level": Column(pl.Float64, "rate (decimal) or price of the leg at the last settlement", nullable=True),
    "trade_level": Column(
        pl.Float64, "one leg: its entry_level; more: sum of weight x rate, or product of price^weight", nullable=True
    ),
    "stop_level": Column(pl.Float64, "trade_level at which the trade is wrong", nullable=True),
    "target_level": Column(pl.Float64, "trade_level at which the trade is done", nullable=True),
    "sigma_daily": Column(pl.Float64, "of the trade: bp a day for rates, log return a day otherwise", nullable=True),
    "horizon_days": Column(pl.Int32, "business days"),
    "confidence": Column(pl.Float64, "[0, 1]", nullable=True),
    "status": Column(pl.String, "ok | degraded | no_view"),
    "reason": Column(pl.String, "in words: what the number rests on, or why there is none"),
}
_SIGNAL_KEY = ("session", "strategy_id", "trade", "instrument")


_TABLES = [
    *BRONZE_TABLES,
    *SILVER_TABLES,
    *AGENT_TABLES,
    *(
        Table(f"signals/{sid}", _SIGNAL, _SIGNAL_KEY, owner="team:strategy", description=text)
        for sid, text in (
            ("rates_01", "RATES-01: DI carry and roll-down to risk."),
            ("rates_02", "RATES-02: policy path of a reaction function against the DI curve."),
            ("rates_03", "RATES-03: DI less Treasury yield beyond credit and inflation."),
            ("rates_04", "RATES-04: term premium in DI forwards."),
            ("rates_05", "RATES-05: around FOMC meetings."),
            ("rates_06", "RATES-06: around COPOM meetings."),
            ("rates_07", "RATES-07: slope of the DI curve against its fair slope."),
            ("rates_08", "RATES-08: momentum of DI and Treasury futures."),
            ("inf_01", "INF-01: modelled inflation against the breakeven."),
            ("inf_02", "INF-02: nowcast against Focus before an IPCA release."),
            ("inf_03", "INF-03: seasonal carry of short linkers."),
            ("cupom_01", "CUPOM-01: reversion of the onshore dollar basis."),
            ("cupom_02", "CUPOM-02: onshore against offshore dollar forwards."),
            ("fisc_01", "FISC-01: fiscal premium in the long end."),
            ("fx_01", "FX-01: misalignment and carry of BRL."),
            ("fx_02", "FX-02: carry-adjusted momentum of BRL."),
            ("fx_03", "FX-03: flows into BRL."),
            ("fx_04", "FX-04: relative value of the BRL volatility surface."),
            ("fx_05", "FX-05: BRL against terms of trade."),
            ("sov_01", "SOV-01: slope of the CDS curve."),
            ("sov_02", "SOV-02: Brazil's spread against its peers."),
            ("sov_03", "SOV-03: migration of the sovereign rating."),
            ("cross_01", "CROSS-01: allocation by regime."),
            ("cross_02", "CROSS-02: risk appetite."),
        )
    ),
    Table(
        "signals/monitor",
        {
            "session": session_column(),
            "kind": Column(pl.String, "flip | surge | divergence | crowding | summary (one a session)"),
            "subject": Column(pl.String, "trade and instrument (flip), trade (surge), asset, or all"),
            "strategies": Column(pl.String, "whose signals they are; empty for the summary"),
            "value": Column(
                pl.Float64, "direction; z; side of the long one; share of the strength on one side; number of events"
            ),
            "before": Column(pl.Float64, "direction before; z five sessions ago; side of the short one", True),
            "text": Column(pl.String, "the event in words"),
        },
        ("session", "kind", "subject", "strategies"),
        owner="team:strategy",
        description="What turned, jumped, disagrees or crowds among the strategies' signals, and a summary a session.",
    ),
    Table(
        "research/backtest_positions",
        {
            "session": session_column("session that knows the fill: the one after trade_date"),
            "trade_date": Column(pl.Date, "session at whose settlement it was filled"),
            "strategy_id": Column(pl.String, "strategy"),
            "trade": Column(pl.String, "legs that are held together"),
            "instrument": Column(pl.String, "config/instruments id"),
            "contracts": Column(pl.Int64, "held after the fill, + = long the contract"),
            "traded": Column(pl.Int64, "contracts traded, a roll counts twice"),
            "cost_brl": Column(pl.Float64, "half-spread and fees of what was traded"),
            "margin_brl": Column(pl.Float64, "initial margin of what is held"),
        },
        ("session", "strategy_id", "trade", "instrument"),
        owner="team:research",
        description="What each strategy alone would have held, simulated from its signals at the standard size.",
    ),
    Table(
        "research/backtest_trades",
        {
            "session": session_column("session that knows the exit"),
            "strategy_id": Column(pl.String, "strategy"),
            "trade": Column(pl.String, "legs that were held together"),
            "opened": Column(pl.Date, "session at whose settlement it was opened"),
            "closed": Column(pl.Date, "session at whose settlement it was closed"),
            "direction": Column(pl.Int8, "+1 held the trade's asset, -1 was short of it"),
            "sessions": Column(pl.Int32, "settlements that it was held over"),
            "gross_brl": Column(pl.Float64, "P&L of the settlements"),
            "cost_brl": Column(pl.Float64, "costs of opening, resizing, rolling and closing"),
            "u_brl": Column(pl.Float64, "sigma x sqrt(horizon) of the position as opened"),
            "exit": Column(pl.String, "signal | stop | target | time | no_view | no_price"),
        },
        ("session", "strategy_id", "trade", "opened"),
        owner="team:research",
        description="Simulated trades that were closed, and why.",
    ),
    Table(
        "research/backtest_daily",
        {
            "session": session_column("session that knows the settlement: the one after trade_date"),
            "trade_date": Column(pl.Date, "session of the settlement"),
            "strategy_id": Column(pl.String, "strategy"),
            "gross_brl": Column(pl.Float64, "settlement P&L of the strategy alone, excess over cash"),
            "cost_brl": Column(pl.Float64, "costs of the day's fills"),
            "net_brl": Column(pl.Float64, "gross less cost"),
            "margin_brl": Column(pl.Float64, "initial margin after the fills"),
            "contracts": Column(pl.Int64, "contracts held after the fills, all legs"),
            "weight": Column(pl.Float64, "multiple of the strategy in the book of all strategies"),
            "contribution_brl": Column(pl.Float64, "weight x net_brl"),
        },
        ("session", "strategy_id"),
        owner="team:research",
        description="Pro-forma P&L of every strategy, day by day, and its part in the book of all of them.",
    ),
    Table(
        "research/backtest_book",
        {
            "session": session_column("session that knows the settlement: the one after trade_date"),
            "trade_date": Column(pl.Date, "session of the settlement"),
            "net_brl": Column(pl.Float64, "P&L of all strategies by their weights, excess over cash"),
            "cash_brl": Column(pl.Float64, "CDI on the equity before; null: no CDI known", nullable=True),
            "equity_brl": Column(pl.Float64, "capital, interest and P&L so far"),
            "margin_brl": Column(pl.Float64, "initial margin by the weights"),
            "n_strategies": Column(pl.Int32, "strategies with a weight"),
        },
        ("session",),
        owner="team:research",
        description="The book of all strategies at equal risk, scaled to the volatility target from its own past.",
    ),
    Table(
        "research/scorecard",
        {
            "session": session_column("first session of a month"),
            "strategy_id": Column(pl.String, "strategy"),
            "n_days": Column(pl.Int32, "sessions since its first P&L"),
            **numbers(
                {
                    "sharpe": "net, a year, excess over cash",
                    "sharpe_gross": "before costs",
                    "psr": "probability that the true ratio is above 0 (not counting trials)",
                    "volatility": "of net P&L on the capital, a year",
                    "drawdown": "deepest fall of cumulated net P&L, share of the capital, <= 0",
                }
            ),
            "verdict": Column(pl.String, "what the record says, in words"),
        },
        ("session", "strategy_id"),
        owner="team:research",
        description="Record of every strategy before the first session of each month, from its own past alone.",
    ),
    *BOOK_TABLES,
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
        description="What the broker executed of approved orders, plus costs; on paper at the settlement.",
    ),
    MARKS_TABLE,
    Table(
        "pms/positions",
        {
            "session": session_column(),
            "trade_date": Column(pl.Date, "close at which it was held"),
            "contract": Column(pl.String, "B3 ticker"),
            "instrument": Column(pl.String, "config/instruments id"),
            "quantity": Column(pl.Int64, "signed, after the day's fills"),
            "mark_price": Column(pl.Float64, "PU, price or points of the rung; null: no mark", nullable=True),
            "mark_rate": Column(pl.Float64, "decimal; null for DOL and IND, and without a mark", nullable=True),
            "mark_basis": Column(pl.String, "settlement | override | model | previous | none"),
            "dv01_brl": Column(pl.Float64, "of the position, at its newest mark"),
            "delta_brl": Column(pl.Float64, "of the position, at its newest mark"),
        },
        ("session", "contract", "instrument"),
        owner="team:pms",
        description="Positions after the last close, at the mark of each contract.",
    ),
    Table(
        "pms/pnl",
        {
            "session": session_column(),
            "trade_date": Column(pl.Date, "day of the P&L"),
            "contract": Column(pl.String, "B3 ticker, or CASH"),
            "instrument": Column(pl.String, "config/instruments id, or CASH"),
            "strategy_id": Column(pl.String, "strategy, DISCRETIONARY or CASH"),
            "lot_id": Column(pl.String, "fill that opened the lot (pms/fills), or CASH"),
            "component": Column(pl.String, "settlement | cost | interest"),
            "pnl_brl": Column(MONEY, "to the cent; every view is a GROUP BY"),
        },
        ("session", "trade_date", "contract", "instrument", "strategy_id", "lot_id", "component"),
        owner="team:pms",
        description="Daily P&L cube by contract, strategy, lot and component; sums to the change of NAV to the cent.",
    ),
    Table(
        "pms/explain",
        {
            "session": session_column(),
            "trade_date": Column(pl.Date, "day of the P&L"),
            "contract": Column(pl.String, "B3 ticker, or CASH"),
            "instrument": Column(pl.String, "config/instruments id, or CASH"),
            "strategy_id": Column(pl.String, "strategy, DISCRETIONARY or CASH"),
            "lot_id": Column(pl.String, "fill that opened the lot (pms/fills), or CASH"),
            "component": Column(
                pl.String, "carry | roll | nominal | real | cupom | fx | equity | residual | cost | interest"
            ),
            "factor": Column(
                pl.String,
                "risk factor that moved (a node of the curve, usdbrl, ibov); specific: a move of its own; none",
            ),
            "pnl_brl": Column(MONEY, "to the cent; sums to pms/pnl in every dimension"),
        },
        ("session", "trade_date", "contract", "instrument", "strategy_id", "lot_id", "component", "factor"),
        owner="team:pms",
        description="Why the book made what it made: each settlement in carry, roll, moves by factor and residual.",
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
        "pms/performance",
        {
            "session": session_column(),
            "period": Column(pl.String, "mtd | qtd | ytd | 12m | inception, to the last close"),
            "trade_date": Column(pl.Date, "last close"),
            "first_trade_date": Column(pl.Date, "first day that counts; null: none yet", nullable=True),
            "n_days": Column(pl.Int32, "days with a return"),
            "fund_return": Column(pl.Float64, "compounded, decimal"),
            "cdi_return": Column(pl.Float64, "of the same days"),
            "excess_return": Column(pl.Float64, "fund less CDI"),
            **numbers(
                {
                    "volatility": "of daily returns, a year; null below 20 days",
                    "sharpe": "of daily returns less CDI, a year; null below 20 days",
                    "sortino": "the same over downside deviation; null: no day below CDI",
                }
            ),
            "max_drawdown": Column(pl.Float64, "deepest fall from the period's high, <= 0"),
            "drawdown": Column(pl.Float64, "fall now from the period's high, <= 0"),
            "drawdown_since": Column(pl.Date, "first day under the high; null: at the high", nullable=True),
            "closed_trips": Column(pl.Int32, "round trips closed in the period; a roll closes none"),
            "hit_rate": Column(pl.Float64, "share of gains among those that gained or lost", nullable=True),
            "closed_pnl_brl": Column(MONEY, "what the closed ones made from their opening, costs included"),
            "open_pnl_brl": Column(MONEY, "what the ones still open made so far"),
            "turnover": Column(pl.Float64, "notional bought and sold over the mean NAV, not annualised"),
        },
        ("session", "period"),
        owner="team:pms",
        description="How the fund did over each period: return over CDI, risk, drawdown, round trips, turnover.",
    ),
    Table(
        "pms/reconciliation",
        {
            "session": session_column(),
            "kind": Column(pl.String, "what is compared: pms/reconciliation.py says which numbers"),
            "item": Column(pl.String, "order and trade date, contract, or all"),
            "ours": Column(pl.Float64, "contracts (signed), price or BRL by the fund's books"),
            "theirs": Column(pl.Float64, "the same by the order, the broker's reports or its statement"),
            "tolerance": Column(pl.Float64, "largest difference that is rounding"),
            "sentence": Column(pl.String, "what does not agree; empty where it does"),
        },
        ("session", "kind", "item"),
        owner="team:pms",
        description="The fund's fills, lots, positions, fees and cash against orders and the broker.",
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
            **PROPOSAL_FIELDS,
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
            "text": Column(pl.String, "as printed in English; a sentence in the fund's language"),
            "asset": Column(pl.String, "asset that it comes from"),
            "passport": Column(pl.String, "id for `macro-fund explain`: of the session, the section and the item"),
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
            "series_id": SERIES_ID,
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
