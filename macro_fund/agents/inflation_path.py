"""The IPCA path that a session sees: twelve months, two models and their blend, with a fan.

Belongs here: forecasts from frozen parameters and what is known at a session. Does not belong here: estimation
(inflation_model.py) and the view (inflation.py).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents import inflation_bottom_up as bottom_up
from macro_fund.agents import inflation_phillips as phillips
from macro_fund.agents.inflation_inputs import GROUP_SERIES, HEADLINE, SERIES, Economy, economies, surveys
from macro_fund.agents.inflation_model import PARAMETERS, PARTS
from macro_fund.agents.inflation_record import HORIZON, Layout, curve_prices, matrix, mid_month_news, with_administered
from macro_fund.agents.model import in_force
from macro_fund.agents.report import conform
from macro_fund.store.tables import TABLES

Vector = npt.NDArray[np.float64]

KEY = "agents/inflation_path"
SURVEY_MAX_AGE = timedelta(days=21)
Z90 = 1.2815515655446004
"""Standard normal quantile of 90%."""
NO_SURVEY = "expected inflation: no Focus survey of the last 21 days, stand-in from 12-month IPCA and the target"


def inflation_path(observations: pl.DataFrame, model: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """Table agents/inflation_path for `sessions`: twelve rows for each one that a refit is in force for.

    observations: silver/observations with full history; model: agents/inflation_model with full history.
    """
    observations = observations.filter(pl.col("series_id").is_in(SERIES))
    known = list(economies(observations, sessions))
    since = [e.session for e in known]
    survey = surveys(observations)
    survey_sessions = survey["session"].to_list()
    survey_days = survey["event_date"].cum_max().to_list()
    cache: phillips.Cache = {}
    made: dict[tuple[Any, ...], int] = {}
    seen: list[dict[str, Any]] = []
    paths: list[pl.DataFrame] = []
    for row in in_force(model, sessions, PARAMETERS).iter_rows(named=True):
        if row["refit"] is None or row["model_status"] == "no_view":
            continue
        economy = known[bisect_right(since, row["session"]) - 1]
        at = bisect_right(survey_sessions, row["session"]) - 1
        fresh = at >= 0 and row["session"] - survey_days[at] <= SURVEY_MAX_AGE
        newest = survey.row(at, named=True) if fresh else None
        expected = float(newest["value"]) if newest else economy.stand_in(row["backward_weight"])
        key = (economy.session, row["refit"], expected)
        if key not in made:
            made[key] = len(paths)
            paths.append(_path_rows(economy, path_of(economy, row, expected, cache), len(paths)))
        seen.append(_session_row(row, economy, newest, expected, made[key]))
    if not seen:
        return TABLES[KEY].empty()
    heads = pl.DataFrame(seen, schema_overrides={"knowledge_time": pl.Datetime("us", "UTC")})
    return conform(heads.join(pl.concat(paths), on="path", maintain_order="left_right"), KEY)


def path_of(
    economy: Economy, parameters: Mapping[str, Any], expected: float, cache: phillips.Cache
) -> dict[str, Vector]:
    """Monthly rates of the months 1..12 after the newest: `rate`, `phillips`, `bottom_up`, `weight`, and `rmse`.

    parameters: PARAMETERS of a refit; expected: 12-month IPCA expected now.
    """
    layout = _layout(parameters)
    n = economy.months.size
    weights = np.array([parameters[name] for name in phillips.NAMES])
    rates = curve_prices(economy, layout)
    curve = phillips.forecast(economy, rates, n, weights, parameters["gap_memory"], expected, cache)
    shares = np.array([parameters["share_free"], parameters["share_administered"]])
    from_curve = with_administered(economy, curve, shares, n)
    from_parts = _bottom_up(economy, layout, parameters)
    rmse = np.array([parameters[f"rmse_{h + 1}"] for h in range(HORIZON)], dtype=np.float64)
    if economy.mid_month_next is not None:
        last = float(economy.prices[HEADLINE][-1])
        from_parts[0] += parameters["mid_month_slope"] * mid_month_news(economy.mid_month_next, last, from_parts[0])
        rmse[0] = np.nan if parameters["rmse_1_mid_month"] is None else parameters["rmse_1_mid_month"]
    blend = np.array([parameters[f"blend_{h + 1}"] for h in range(HORIZON)])
    rate = blend * from_parts + (1.0 - blend) * from_curve
    return {"rate": rate, "phillips": from_curve, "bottom_up": from_parts, "weight_bottom_up": blend, "rmse": rmse}


def _layout(parameters: Mapping[str, Any]) -> Layout:
    on_headline = parameters["weight_headline"] > 0.0
    errors = (parameters["identity_error_groups"], parameters["identity_error_free"])
    return Layout((HEADLINE,) if on_headline else GROUP_SERIES, bool(parameters["curve_on_free"]), *errors)


def _bottom_up(economy: Economy, layout: Layout, parameters: Mapping[str, Any]) -> Vector:
    names = [p for p, s in zip(PARTS, (*GROUP_SERIES, HEADLINE), strict=True) if s in layout.groups]
    parts = matrix(economy, layout.groups)
    seasons = bottom_up.same_month_means(parts, HORIZON)
    n = parts.shape[0]
    phi = np.array([parameters[f"memory_{p}"] for p in names])
    weights = np.array([parameters[f"weight_{p}"] for p in names])
    return bottom_up.forecast(seasons[n:], parts[-1] - seasons[n - 1], phi, weights)


def _session_row(
    row: Mapping[str, Any], economy: Economy, newest: Mapping[str, Any] | None, expected: float, path: int
) -> dict[str, Any]:
    """What all twelve rows of a session share."""
    times = [economy.knowledge_time, row["model_knowledge"], *([newest["knowledge_time"]] if newest else [])]
    reasons = [r for r in (row["model_reason"], "" if newest else NO_SURVEY, *economy.late()) if r]
    return {
        "session": row["session"],
        "path": path,
        "refit": row["refit"],
        "expected_12m": expected,
        "expected_surveyed": newest is not None,
        "knowledge_time": max(times),
        "status": "degraded" if reasons else "ok",
        "reason": "; ".join(reasons),
    }


def _path_rows(economy: Economy, path: Mapping[str, Vector], number: int) -> pl.DataFrame:
    months = (economy.months[-1] + np.arange(1, HORIZON + 1)).astype("datetime64[D]")
    half = Z90 * path["rmse"]
    return pl.DataFrame(
        {
            "path": np.full(HORIZON, number),
            "month": months,
            "months_ahead": np.arange(1, HORIZON + 1),
            "rate": path["rate"],
            "p10": path["rate"] - half,
            "p50": path["rate"],
            "p90": path["rate"] + half,
            **{name: path[name] for name in ("phillips", "bottom_up", "weight_bottom_up")},
            "mid_month_known": np.full(HORIZON, economy.mid_month_next is not None),
        }
    ).with_columns(pl.col("p10", "p90").fill_nan(None), pl.lit(economy.newest).alias("newest_month"))
