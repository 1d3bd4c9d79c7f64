"""Tables of the target book: edges, convictions, targets, and what they can lose.

Belongs here: the shape of portfolio/* and risk/*, and of the factor shocks that risk rests on. Does not belong here:
the actual book (tables.py: pms/*).

P&L of a position for a shock x of a factor: -dv01_brl x (bp) for rates and spreads, delta_brl x (exp(x) - 1) for log
factors. Losses are negative P&L, but VaR and expected shortfall are positive when they are losses.
"""

from __future__ import annotations

import polars as pl

from macro_fund.store.table import Column, Table, numbers, session_column

_INSTRUMENT = Column(pl.String, "config/instruments id")
_FACTOR = Column(pl.String, "config/factors id")
_REASON = Column(pl.String, "in words")
_STATUS = {"status": Column(pl.String, "ok | degraded | no_view"), "reason": _REASON}
_SHARES = pl.List(pl.Struct({"strategy_id": pl.String, "share": pl.Float64}))
_CONTRIBUTIONS = pl.List(
    pl.Struct({"strategy_id": pl.String, "signal": pl.Float64, "confidence": pl.Float64, "weight": pl.Float64})
)

BOOK_TABLES = (
    Table(
        "silver/factor_shocks",
        {
            "session": session_column(),
            "trade_date": Column(pl.Date, "day of the close"),
            "factor": _FACTOR,
            "level": Column(pl.Float64, "rates and spreads: bp; others: the price or index"),
            "shock": Column(pl.Float64, "since the close before: bp or log return; null on the first day", True),
        },
        ("session", "trade_date", "factor"),
        owner="team:risk",
        description="Daily moves of the 31 risk factors, each row in the session in which it became known.",
    ),
    Table(
        "portfolio/edges",
        {
            "session": session_column(),
            "strategy_id": Column(pl.String, "strategy"),
            "n_days": Column(pl.Int32, "sessions of its simulated record known so far"),
            **numbers(
                {
                    "sharpe": "of the record, net, a year",
                    "shrunk": "Sharpe ratio shrunk to the prior with the weight of eight years",
                    "hierarchical": "posterior mean of the model of all strategies, refit once a year",
                    "hierarchical_sd": "its posterior standard deviation",
                }
            ),
            "weight": Column(pl.Float64, "max(0, shrunk); null no_view: no record", nullable=True),
            **_STATUS,
        },
        ("session", "strategy_id"),
        owner="team:portfolio",
        description="What each strategy is worth: its own record, shrunk, as known at the session.",
    ),
    Table(
        "portfolio/edges_model",
        {
            "session": session_column("session of the refit: the first of a year"),
            "strategy_id": Column(pl.String, "strategy"),
            **numbers(
                {
                    "mean": "posterior mean of its Sharpe ratio a year; null: the chains disagree",
                    "sd": "posterior standard deviation",
                    "r_hat": "worst convergence of the refit's chains, 1 when they agree",
                }
            ),
            "n_days": Column(pl.Int32, "sessions of its simulated record at the refit"),
            **_STATUS,
        },
        ("session", "strategy_id"),
        owner="team:portfolio",
        description="Sharpe ratios of all strategies in one hierarchical model, refit once a year.",
    ),
    Table(
        "portfolio/conviction",
        {
            "session": session_column(),
            "instrument": _INSTRUMENT,
            "score": Column(pl.Float64, "mean of three methods, crowding counted, [-1, 1]; null no_view", True),
            **numbers(
                {
                    "weighted": "sum(w c s) / sum(w c)",
                    "rank": "normal score of the rank of `weighted` among the instruments, scaled to [-1, 1]",
                    "bayesian": "2 P(up) - 1",
                    "p_up": "posterior probability that the instrument gains over the next 21 sessions",
                    "p_prior": "the same before the signals: hit rates by regime",
                    "crowding": "factor in (0, 1] for agreement above 80%",
                    "agreement": "confidence share on the majority side",
                    "conviction": "[0, 1]",
                }
            ),
            "n_signals": Column(pl.Int32, "signals with a view"),
            "contributions": Column(
                _CONTRIBUTIONS, "by strategy: signal, confidence after ageing; signal x weight sums to score"
            ),
            **_STATUS,
        },
        ("session", "instrument"),
        owner="team:portfolio",
        description="Signals combined per instrument: weighted, by rank and Bayesian, and which signal gave what.",
    ),
    Table(
        "portfolio/allocations",
        {
            "session": session_column(),
            "method": Column(pl.String, "black_litterman | mean_risk | risk_parity | hrp"),
            "instrument": _INSTRUMENT,
            **numbers(
                {
                    "view": "expected return of the contract a year, of a unit of exposure (Black-Litterman's Q)",
                    "expected": "posterior expected return a year of a unit of exposure",
                    "weight": "exposure over capital, + = long the contract, before whole contracts",
                    "volatility": "annual volatility of a unit of exposure",
                }
            ),
            "binding_constraint": Column(
                pl.String, "what sized it: a limit, kelly, a share, vol_target, view, cost, previous, none"
            ),
            **_STATUS,
        },
        ("session", "method", "instrument"),
        owner="team:portfolio",
        description="What each optimiser would hold for the same views, before whole contracts.",
    ),
    Table(
        "portfolio/targets",
        {
            "session": session_column(),
            "instrument": _INSTRUMENT,
            "contract": Column(pl.String, "listed contract; empty when there is none", nullable=True),
            "target_contracts": Column(pl.Int64, "signed, + = long the contract; null no_view", nullable=True),
            "unrounded": Column(pl.Float64, "before integers and hysteresis", nullable=True),
            "score": Column(pl.Float64, "conviction score that asked for it", nullable=True),
            "conviction": Column(pl.Float64, "[0, 1]", nullable=True),
            "price": Column(pl.Float64, "last settlement", nullable=True),
            "rate": Column(pl.Float64, "last settlement rate, decimal", nullable=True),
            "sigma_brl": Column(pl.Float64, "daily BRL volatility of one contract", nullable=True),
            "dv01_brl": Column(pl.Float64, "of the whole target", nullable=True),
            "delta_brl": Column(pl.Float64, "of the whole target", nullable=True),
            "benefit_brl": Column(pl.Float64, "expected gain of the change over its horizon", nullable=True),
            "cost_brl": Column(pl.Float64, "cost of the change", nullable=True),
            "held_sessions": Column(pl.Int32, "sessions since the side was opened; 0 when flat", nullable=True),
            "binding_constraint": Column(
                pl.String,
                "what sized it: vol_target, kelly, a share, a limit, view, cost, benefit, min_change, min_hold, "
                "integer, neutral, previous, none",
            ),
            "shares": Column(_SHARES, "strategy shares, sum to 1"),
            **_STATUS,
        },
        ("session", "instrument"),
        owner="team:portfolio",
        description="Target contracts at the mandate's capital: optimiser, limits, hysteresis, whole contracts.",
    ),
    Table(
        "risk/exposures",
        {
            "session": session_column(),
            "instrument": _INSTRUMENT,
            "factor": _FACTOR,
            "dv01_brl": Column(pl.Float64, "of the target: BRL gained for -1 bp of the factor; 0 for log factors"),
            "delta_brl": Column(pl.Float64, "of the target: BRL gained for a log return of 1; 0 for rates"),
        },
        ("session", "instrument", "factor"),
        owner="team:risk",
        description="The target book on the 31 factors: key-rate DV01 on two nodes, deltas. Held positions only.",
    ),
    Table(
        "risk/var",
        {
            "session": session_column(),
            "method": Column(pl.String, "historical | filtered | parametric | cornish_fisher | monte_carlo | t_copula"),
            "level": Column(pl.Float64, "0.95 | 0.99"),
            "scope": Column(pl.String, "total | instrument | strategy | class | factor"),
            "item": Column(pl.String, "total, or the item of the scope"),
            "var_brl": Column(pl.Float64, "loss > 0; components of a scope sum to the total", nullable=True),
            "es_brl": Column(pl.Float64, "expected shortfall, components sum to the total", nullable=True),
            "marginal_brl": Column(
                pl.Float64, "VaR that one more contract adds; null but for instruments held, parametric", nullable=True
            ),
            "n_scenarios": Column(pl.Int32, "days or draws behind the number"),
            **_STATUS,
        },
        ("session", "method", "level", "scope", "item"),
        owner="team:risk",
        description="One-day VaR and expected shortfall of the target book by six methods, components that sum.",
    ),
    Table(
        "risk/var_record",
        {
            "session": session_column("session that knows the day's outcome"),
            "trade_date": Column(pl.Date, "day of the outcome: the session whose book it was"),
            "method": Column(pl.String, "as in risk/var"),
            "level": Column(pl.Float64, "0.95 | 0.99"),
            "var_brl": Column(pl.Float64, "VaR of that morning's target book", nullable=True),
            "pnl_brl": Column(pl.Float64, "what that book made on trade_date, by instrument returns", nullable=True),
            "exceeded": Column(pl.Boolean, "the loss was above VaR; null without one of them", nullable=True),
            "n_days": Column(pl.Int32, "outcomes so far of a book that held something"),
            "exceptions": Column(pl.Int32, "of them above VaR"),
            **numbers(
                {
                    "kupiec_p": "p of unconditional coverage (Kupiec, 1995); null below 60 outcomes",
                    "christoffersen_p": "p of conditional coverage (Christoffersen, 1998)",
                }
            ),
        },
        ("session", "trade_date", "method", "level"),
        owner="team:risk",
        description="VaR against what the target book then made: exceptions and tests over the book's own history.",
    ),
    Table(
        "risk/scenarios",
        {
            "session": session_column(),
            "scenario": Column(pl.String, "config/scenarios id"),
            "factor": _FACTOR,
            "move": Column(pl.Float64, "bp or log return that is applied"),
            "stated": Column(pl.Float64, "the config's number in the same unit; null: none", nullable=True),
            "measured": Column(pl.Float64, "from closes of the window, when known by then; null: none", nullable=True),
            "basis": Column(pl.String, "measured | stated | imputed (conditional expectation)"),
            "reason": _REASON,
        },
        ("session", "scenario", "factor"),
        owner="team:risk",
        description="Moves of every factor in each stress scenario: measured where the lake has closes, else stated.",
    ),
    Table(
        "risk/stress",
        {
            "session": session_column(),
            "kind": Column(pl.String, "scenario | replay (worst day and whole window) | correlation"),
            "scenario": Column(pl.String, "config/scenarios id, replay or correlation case"),
            "instrument": _INSTRUMENT,
            "shock": Column(pl.Float64, "bp for rates, log return otherwise; null for correlations", nullable=True),
            "pnl_brl": Column(pl.Float64, "loss < 0, full revaluation; null no_view", nullable=True),
            **_STATUS,
        },
        ("session", "kind", "scenario", "instrument"),
        owner="team:risk",
        description="Stress scenarios, crisis replays and stressed correlations on the target book.",
    ),
    Table(
        "risk/reverse_stress",
        {
            "session": session_column(),
            "factor": _FACTOR,
            "move": Column(pl.Float64, "bp or log return, in the most plausible month that loses it", True),
            "pnl_brl": Column(pl.Float64, "of the book from this factor's move", nullable=True),
            "loss_brl": Column(pl.Float64, "the loss looked for: worst_stress x capital"),
            "distance": Column(pl.Float64, "sigmas of the move after full revaluation (Mahalanobis)", nullable=True),
            "distance_linear": Column(pl.Float64, "closed form: loss over the book's sigma", nullable=True),
            "hedge": Column(pl.String, "contract that raises the distance most for its cost; empty: none"),
            "hedge_contracts": Column(pl.Int64, "of it, + = long the contract", nullable=True),
            "hedge_cost_brl": Column(pl.Float64, "half-spread and fees", nullable=True),
            "distance_hedged": Column(pl.Float64, "distance with the hedge", nullable=True),
            "sentence": Column(pl.String, "the move in desk language"),
            **_STATUS,
        },
        ("session", "factor"),
        owner="team:risk",
        description="What would have to happen for the book to lose its stress limit, and the cheapest hedge.",
    ),
    Table(
        "risk/liquidity",
        {
            "session": session_column(),
            "instrument": _INSTRUMENT,
            "contracts": Column(pl.Int64, "target; null no_view", nullable=True),
            "adv_contracts": Column(pl.Float64, "average daily volume, contracts; null: no source", nullable=True),
            "days": Column(pl.Float64, "to close at the mandate's share of volume; null: no volume", nullable=True),
            "margin_brl": Column(pl.Float64, "margin proxy of the target; null no_view", nullable=True),
            "close_cost_brl": Column(pl.Float64, "half-spread and fees to close; null no_view", nullable=True),
            **_STATUS,
        },
        ("session", "instrument"),
        owner="team:risk",
        description="Margin of the target book, and how long and how much it would take to close it.",
    ),
    Table(
        "risk/breakers",
        {
            "session": session_column(),
            "breaker": Column(pl.String, "config/limits breakers, nav_break, price_coverage or kill_switch"),
            "loss": Column(
                pl.Float64, "of NAV, > 0 a loss (price_coverage: share of positions without a mark); null: none", True
            ),
            "threshold": Column(pl.Float64, "fraction of NAV; 0 for nav_break and kill_switch"),
            "tripped": Column(pl.Boolean, "the threshold is reached, or a trip still holds, or the switch is thrown"),
            "since": Column(pl.Date, "session in which the trip began; null when not tripped", nullable=True),
            "action": Column(pl.String, "none | no_new_risk | halve | kill"),
            "reason": _REASON,
        },
        ("session", "breaker"),
        owner="team:risk",
        description="Loss and drawdown breakers of the actual book, and what they ask for.",
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
            "reason": _REASON,
        },
        ("session", "limit"),
        owner="team:risk",
        description="Use of each limit by the target book.",
    ),
)
