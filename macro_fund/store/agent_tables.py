"""The agents' tables: views, and what stands behind them (parameters, paths, documents).

Belongs here: the shape of every agents/ table. Does not belong here: models (agents/).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from macro_fund.store.table import UTC_TIME, Column, Table, numbers, session_column

VIEW_ASSETS = ("br_rates", "br_real", "br_breakeven", "brl", "br_credit", "br_eq", "us_rates", "us_eq", "gold")
"""What an agent may have a view on; + = holding it is expected to beat cash (rates: received)."""
AGENTS = ("inflation", "monetary", "fiscal", "fx", "regime")
VIEW_TABLES = tuple(f"agents/{a}_view" for a in AGENTS)

DRIVER = pl.Struct(
    {
        "name": pl.String,
        "value": pl.Float64,
        "unit": pl.String,
        "z": pl.Float64,
        "contribution": pl.Float64,
        "event_date": pl.Date,
    }
)
RISK = pl.Struct({"text": pl.String, "trigger": pl.String, "prob": pl.Float64})
ARGUMENT = pl.Struct(
    {
        "agent": pl.String,
        "view": pl.Float64,
        "weight": pl.Float64,
        "driver": pl.String,
        "value": pl.Float64,
        "unit": pl.String,
    }
)
FACT = pl.Struct({"source": pl.String, "item": pl.String, "value": pl.Float64, "text": pl.String})
INPUT = pl.Struct({"series_id": pl.String, "event_date": pl.Date, "knowledge_time": UTC_TIME})

_STATUS = Column(pl.String, "ok | degraded | no_view")
_REASON = Column(pl.String, "why degraded or no_view; empty when ok")

_AGENT = {
    "session": session_column(),
    "agent_id": Column(pl.String, "agent"),
    "model_version": Column(pl.String, "changes when the formula does"),
    "status": _STATUS,
    "reason": _REASON,
    "state_score": Column(pl.Float64, "[-1, 1]; null when no_view", nullable=True),
    "confidence": Column(pl.Float64, "[0, 1]; null when no_view", nullable=True),
    "horizon_days": Column(pl.Int32, "business days"),
    "knowledge_time": Column(UTC_TIME, "latest input used", nullable=True),
    "drivers": Column(pl.List(DRIVER), "contributions sum to state_score before clipping"),
    "risks": Column(pl.List(RISK), "what would make the view wrong, its trigger, its probability if known"),
    "input_vintages": Column(pl.List(INPUT), "newest period of each input and when it became known"),
    "sanity_flags": Column(pl.List(pl.String), "sanity ranges that were left; a breach gives no_view"),
}

_VIEWS = numbers({f"view_{a}": f"expected excess return of holding {a}, score; null when no view" for a in VIEW_ASSETS})


def view_table(agent: str, description: str, columns: Mapping[str, Column]) -> Table:
    """agents/{agent}_view: the common report, the agent's own columns, the views on assets."""
    return Table(
        f"agents/{agent}_view",
        {**_AGENT, **columns, **_VIEWS},
        ("session", "agent_id"),
        owner="team:economics",
        description=description,
    )


def model_table(agent: str, description: str) -> Table:
    """agents/{agent}_model: what was estimated at a refit and stays frozen until the next."""
    return Table(
        f"agents/{agent}_model",
        {
            "session": session_column("session of the refit: the first of a month"),
            "parameter": Column(pl.String, "name of the parameter or statistic"),
            "value": Column(
                pl.Float64, "in the units of docs/agents; null when it could not be estimated", nullable=True
            ),
            "std_error": Column(pl.Float64, "of the value; null where it has none", nullable=True),
            "n_obs": Column(pl.Int32, "observations behind it"),
            "data_to": Column(pl.Date, "newest period in the estimation", nullable=True),
            "knowledge_time": Column(UTC_TIME, "latest input used", nullable=True),
            "status": _STATUS,
            "reason": _REASON,
        },
        ("session", "parameter"),
        owner="team:economics",
        description=description,
    )


# inflation
_INFLATION = (
    model_table("inflation", "Inflation: Phillips curve, parts of IPCA, their blend and past errors, by refit."),
    Table(
        "agents/inflation_passthrough",
        {
            "session": session_column("session of the refit: the first of a year"),
            "part": Column(pl.String, "IPCA group; all: the nine by weight; mean, spread: of the population of groups"),
            **numbers(
                {
                    "value": "posterior mean: share of a change of USDBRL that is in prices 12 months later",
                    "std_dev": "posterior standard deviation",
                    "p05": "posterior 5% quantile",
                    "p95": "posterior 95% quantile",
                    "ols_value": "the group alone: sum of least-squares coefficients",
                    "ols_std_error": "its Newey-West standard error",
                    "r_hat": "convergence of the chains, 1 when they agree",
                    "ess": "effective draws in the bulk",
                }
            ),
            "divergences": Column(pl.Int32, "divergent transitions of the refit's chains"),
            "n_obs": Column(pl.Int32, "months"),
            "data_to": Column(pl.Date, "newest month", nullable=True),
            "knowledge_time": Column(UTC_TIME, "latest input used", nullable=True),
            "status": _STATUS,
            "reason": _REASON,
        },
        ("session", "part"),
        owner="team:economics",
        description="Exchange-rate pass-through to the nine IPCA groups over 12 months, hierarchical Bayes (pymc).",
    ),
    Table(
        "agents/inflation_path",
        {
            "session": session_column(),
            "month": Column(pl.Date, "first day of the month forecast"),
            "months_ahead": Column(pl.Int32, "1 to 12 after the newest IPCA published"),
            "rate": Column(pl.Float64, "IPCA m/m, decimal, not seasonally adjusted"),
            **numbers(
                {
                    "p10": "10% quantile, from past errors at this horizon",
                    "p50": "the middle: rate",
                    "p90": "90% quantile",
                    "phillips": "m/m by the Phillips curve and the rule for administered prices",
                    "bottom_up": "m/m by the groups, with IPCA-15 when it is out",
                    "weight_bottom_up": "weight of bottom_up in rate; the rest is phillips",
                    "expected_12m": "12-month IPCA expected, decimal: survey, or its stand-in",
                }
            ),
            "expected_surveyed": Column(pl.Boolean, "expected_12m is a survey of the last 21 days"),
            "mid_month_known": Column(pl.Boolean, "IPCA-15 of the first month is known"),
            "newest_month": Column(pl.Date, "newest IPCA published"),
            "refit": Column(pl.Date, "session of the parameters in force"),
            "knowledge_time": Column(UTC_TIME, "latest input used", nullable=True),
            "status": _STATUS,
            "reason": _REASON,
        },
        ("session", "month"),
        owner="team:economics",
        description="IPCA path: monthly rates 12 months ahead, Phillips curve and bottom-up blended, with a fan.",
    ),
    view_table(
        "inflation",
        "Inflation: 12-month IPCA of the model against what Focus and the breakeven say, cores, diffusion, surprises.",
        numbers(
            {
                "pi12_model": "IPCA over the next 12 months, model, decimal",
                "pi12_p10": "10% quantile, from past errors of the 12-month forecast",
                "pi12_p90": "90% quantile",
                "pi12_priced": "mean of focus_12m and breakeven_1y, of those that are known; else breakeven_retail",
                "focus_12m": "Focus median, decimal",
                "breakeven_1y": "ANBIMA's 1-year implied inflation, decimal",
                "breakeven_retail": "Tesouro Direto's implied inflation at its shortest tenor up to 5 years, decimal",
                "breakeven_retail_bd": "tenor of breakeven_retail, business days",
                "core_gap": "mean core, 3 months SA annualised, less the target, decimal",
                "diffusion": "share of items that rose",
                "surprise_3m": "sum of the last three months' IPCA surprises, decimal; null where one is missing",
                "pass_through_12m": "12-month exchange-rate pass-through, posterior mean",
            }
        ),
    ),
)

# monetary
_MONETARY = (
    model_table("monetary", "Monetary policy: r*, the smoothed Taylor rule and the DI curve's term premium, by refit."),
    Table(
        "agents/monetary_path",
        {
            "session": session_column(),
            "meeting": Column(pl.Date, "last day of the COPOM meeting"),
            "horizon": Column(pl.Int32, "meetings ahead, 1 to 8"),
            "curve_date": Column(pl.Date, "settlement day of the curve"),
            "quarters": Column(pl.Float64, "quarters of 63 business days to the first day of the new rate"),
            "policy_rate": Column(pl.Float64, "Selic target known, decimal"),
            "model_rate": Column(pl.Float64, "median of the three rules after the meeting, decimal"),
            "rule": Column(pl.String, "T1 | T2 | T3: the one in the middle"),
            **numbers({f"t{k}_rate": f"rule T{k} after the meeting, decimal" for k in (1, 2, 3)}),
            "implied_rate": Column(pl.Float64, "Selic target after the meeting that DI1 implies, decimal"),
            "term_premium": Column(pl.Float64, "mean past excess of implied over decided, decimal; 0 if unknown"),
            "gap": Column(pl.Float64, "model - (implied - premium), decimal; + = tighter than priced"),
            "knowledge_time": Column(UTC_TIME, "latest input used", nullable=True),
        },
        ("session", "meeting"),
        owner="team:economics",
        description="Monetary policy: the rules' Selic after each of the next 8 COPOM meetings against the priced one.",
    ),
    view_table(
        "monetary",
        "Monetary policy: Taylor rules against the policy path that the DI curve implies.",
        {
            **numbers(
                {
                    "neutral_rate": "r*, real, decimal",
                    "output_gap": "fraction of trend, one-sided",
                    "taylor_rate": "median Taylor rate 12 months ahead, decimal",
                    "implied_rate": "DI-implied policy rate 12 months ahead, decimal",
                    "rmse_ratio": "model's error 4 meetings ahead over that of an unchanged Selic, known outcomes",
                    "rmse_ratio_implied": "the same over the priced path's",
                    "us_neutral_rate": "United States: r*, real, decimal",
                    "us_model_rate": "United States: median rule, mean of the next 4 quarters, decimal",
                    "us_implied_rate": "United States: one-year Treasury yield, decimal",
                    "us_score": "United States: + = tighter than priced; null where us_reason says why",
                }
            ),
            "us_reason": Column(pl.String, "why there is no view on the United States; empty when there is"),
        },
    ),
)

# fiscal
_FISCAL = (
    model_table(
        "fiscal",
        "Fiscal: VAR of growth, real rate, primary balance and real exchange rate behind the debt fan.",
    ),
    Table(
        "agents/fiscal_path",
        {
            "session": session_column("session of the refit: the first of a month"),
            "year_ahead": Column(pl.Int32, "1 to 10"),
            "start_debt": Column(pl.Float64, "gross debt on GDP where the fan starts, decimal"),
            **{
                f"p{q}": Column(pl.Float64, f"{q}th percentile of gross debt on GDP, decimal")
                for q in (5, 10, 25, 50, 75, 90, 95)
            },
            "deterministic": Column(pl.Float64, "gross debt on GDP without shocks, decimal"),
            "prob_up_10pp": Column(pl.Float64, "probability of more than 10 points of GDP above the start"),
            "data_to": Column(pl.Date, "newest month in the estimation"),
            "knowledge_time": Column(UTC_TIME, "latest input used"),
        },
        ("session", "year_ahead"),
        owner="team:economics",
        description="Fiscal: the fan of gross debt on GDP, 5,000 paths of ten years.",
    ),
    view_table(
        "fiscal",
        "Fiscal: primary balance against the one that stabilises debt, the debt fan, the slope of the DI curve.",
        {
            "primary_source": Column(pl.String, "observed | implied (by the debt identity)", nullable=True),
            **numbers(
                {
                    "gross_debt": "general government, on GDP, decimal",
                    "primary_12m": "12 months, on GDP, + = surplus, decimal",
                    "stabilising_primary": "primary balance that keeps the debt ratio, on GDP, decimal",
                    "primary_gap": "stabilising less actual primary balance, on GDP, decimal",
                    "implicit_rate": "nominal interest on gross debt, decimal a year",
                    "growth": "real growth assumed, decimal a year",
                    "inflation": "inflation assumed, decimal a year",
                    "prob_up_10pp": "probability that debt rises by more than 10 points of GDP in five years",
                    "slope_z": "z of DI 10 years less 2 years",
                }
            ),
        },
    ),
)

# fx
FX_PARTS = ("misalignment", "carry", "flow", "momentum")
_FX = (
    model_table("fx", "Monthly refits of the equilibrium real exchange rate: relation, tests, speed of correction."),
    view_table(
        "fx",
        "FX: misalignment of the real, carry to risk, flow and momentum.",
        numbers(
            {
                "reer": "real exchange rate brought to the session, index; rises when the real depreciates",
                "fair_reer": "its equilibrium, index",
                "misalignment": "log of reer on fair_reer; + = the real is weak; also where it has no weight",
                "half_life": "of a misalignment, months, median-unbiased; null: it need not close",
                "carry": "log forward premium over 63 business days, a year",
                "carry_to_risk": "carry on realised 63-day volatility",
                **{f"part_{p}": "in [-1, 1], + = stronger real" for p in FX_PARTS},
                **{f"weight_{p}": "in the score; the four sum to 1" for p in FX_PARTS},
            }
        ),
    ),
)

# regime
_REGIMES = ("goldilocks", "reflation", "stagflation", "deflation")
_REGIME = (
    model_table(
        "regime",
        "Regime: the hidden Markov chain of growth and inflation; degraded = not used, the rule stands in.",
    ),
    view_table(
        "regime",
        "Cross-asset regime: filtered probabilities of four quadrants of growth and inflation, and risk appetite.",
        {
            "method": Column(pl.String, "chain | rule: where the probabilities come from"),
            **numbers(
                {
                    **{f"p_{r}": f"probability of {r}; the four sum to 1" for r in _REGIMES},
                    "growth_z": "growth axis",
                    "inflation_z": "inflation axis",
                    "stress_z": "mean z of financial conditions, VIX and dollar index, + = tighter",
                    "fci_z": "financial conditions, + = tighter; the score is minus half of it",
                }
            ),
        },
    ),
)

# policy text
_TOPICS = ("inflation", "activity", "rates", "fiscal", "external")
KEY_PHRASE = pl.Struct(
    {"phrase": pl.String, "topic": pl.String, "polarity": pl.String, "count": pl.Int32, "negated": pl.Boolean}
)
_POLICY_TEXT = (
    Table(
        "agents/policy_text",
        {
            "session": session_column("session in which this version of the document became known"),
            "series_id": Column(pl.String, "series of documents, e.g. br_copom_minutes"),
            "event_date": Column(pl.Date, "last day of the meeting, or of the announcement"),
            "document": Column(pl.String, "the provider's own id: meeting number or file date"),
            "language": Column(pl.String, "pt | en"),
            "knowledge_time": Column(UTC_TIME, "release of the document; nothing newer is used"),
            "text_sha256": Column(pl.String, "of the text that was scored"),
            "model_version": Column(pl.String, "changes when the formula does"),
            "status": _STATUS,
            "reason": _REASON,
            **numbers(
                {
                    "score": "[-1, 1], + = hawkish; null without a phrase of the lexicon",
                    "previous_score": "score of the series' document of the meeting before",
                    "change": "score - previous_score",
                    **{f"score_{t}": f"[-1, 1], of phrases about {t}; null without one" for t in _TOPICS},
                    "p_cut": "second opinion: probability that the next decision is a cut; null until it can learn",
                    "p_hold": "the same, no change",
                    "p_hike": "the same, a hike; the three sum to 1",
                }
            ),
            "n_training": Column(pl.Int32, "documents that the second opinion learned from, or could have"),
            "previous_event_date": Column(pl.Date, "meeting of the document before; null for the first", nullable=True),
            "n_sentences": Column(pl.Int32, "sentences of the text"),
            "n_scored": Column(pl.Int32, "sentences with a phrase of the lexicon"),
            "key_phrases": Column(
                pl.List(KEY_PHRASE), "phrases that weigh most; polarity of the lexicon, negated = counted the other way"
            ),
        },
        ("session", "series_id", "event_date", "document", "text_sha256"),
        owner="team:economics",
        description="Hawk/dove score of central banks' statements and minutes, and what such words were followed by.",
    ),
)

# the desk: what the views say together
_ASSET = Column(pl.String, "what the view is on; + = holding it beats cash")
_DESK = (
    Table(
        "agents/consistency",
        {
            "session": session_column(),
            "rule": Column(pl.String, "docs/agents/desk.md"),
            "fired": Column(pl.Boolean, "the views break the rule together"),
            "agents": Column(pl.List(pl.String), "whose confidence it costs; empty when the rule holds"),
            "against": Column(pl.Float64, "the number that may contradict the claim", nullable=True),
            "status": Column(pl.String, "ok | no_view: what the rule needs has no value"),
            "reason": Column(pl.String, "the conflict in words, or why it could not be tested"),
        },
        ("session", "rule"),
        owner="team:economics",
        description="Seven rules that the agents' views must not break together, tested every session.",
    ),
    Table(
        "agents/views",
        {
            "session": session_column(),
            "agent_id": Column(pl.String, "agent"),
            "asset": _ASSET,
            "score": Column(pl.Float64, "[-1, 1]; null without a view on it", nullable=True),
            "confidence": Column(pl.Float64, "after the rules: 0.8 for each that names the agent", nullable=True),
            "confidence_before": Column(pl.Float64, "the agent's own", nullable=True),
            "flags": Column(pl.List(pl.String), "rules that name the agent"),
            "knowledge_time": Column(UTC_TIME, "latest input of the agent", nullable=True),
            "status": _STATUS,
            "reason": _REASON,
        },
        ("session", "agent_id", "asset"),
        owner="team:economics",
        description="Every agent's view on every asset, with its confidence after the consistency rules.",
    ),
    Table(
        "agents/cases",
        {
            "session": session_column(),
            "asset": _ASSET,
            "score": Column(pl.Float64, "views weighted by confidence; null when nobody has one", nullable=True),
            "agreement": Column(pl.Float64, "share of the weight on the heavier side", nullable=True),
            "n_agents": Column(pl.Int32, "agents with a view that is not zero"),
            "verdict": Column(pl.String, "bull | bear | inconclusive"),
            "bull": Column(pl.List(ARGUMENT), "for: agents by weight, each with its strongest driver"),
            "bear": Column(pl.List(ARGUMENT), "against"),
            "knowledge_time": Column(UTC_TIME, "latest input used", nullable=True),
            "status": Column(pl.String, "ok | no_view"),
            "reason": Column(pl.String, "why inconclusive; empty for a verdict"),
        },
        ("session", "asset"),
        owner="team:economics",
        description="For each asset the case for and against, from the agents' drivers, and a verdict.",
    ),
    Table(
        "agents/narrative",
        {
            "session": session_column(),
            "language": Column(pl.String, "en | pt"),
            "text": Column(pl.String, "the morning in words; sets no score"),
            "narrator": Column(pl.String, "template, or the model that wrote it"),
            "inputs_digest": Column(pl.String, "of all that the narrator was given: the same gives the same text"),
            "facts": Column(pl.List(FACT), "every number that may be told, as printed, with its address"),
            "status": Column(pl.String, "ok | degraded: a narrator's text was refused"),
            "reason": Column(pl.String, "what was refused; empty when ok"),
        },
        ("session", "language"),
        owner="team:economics",
        description="The views in prose, Portuguese and English; every number in it equals an asset's value.",
    ),
)

AGENT_TABLES = (*_INFLATION, *_MONETARY, *_FISCAL, *_FX, *_REGIME, *_POLICY_TEXT, *_DESK)
