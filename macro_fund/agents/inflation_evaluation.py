"""How the inflation agent's forecasts did: pseudo out of sample, against naive forecasts and the Focus survey.

Belongs here: the tables of docs/agents/inflation.md, to be run again on any fund's observations. Does not belong here:
the statistics (evaluate.py) or the forecasts (inflation_record.py).

Every forecast is estimated on the months before its origin, as a refit of that month would have been; activity is the
one series that is revised, and is seen in the last vintage (pseudo point in time).
"""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from macro_fund.agents.evaluate import score_table
from macro_fund.agents.inflation_airline import airline_rates
from macro_fund.agents.inflation_inputs import HEADLINE, Economy, economy_at
from macro_fund.agents.inflation_model import total
from macro_fund.agents.inflation_path import Z90
from macro_fund.agents.inflation_record import Record, layout_of, record

Vector = npt.NDArray[np.float64]

MODEL = "agent"
MONTHS = (1, 3, 6, 12)


def evaluation(observations: pl.DataFrame, session: date, first: date | None = None) -> pl.DataFrame:
    """Columns months, benchmark and those of evaluate.score_table, errors in percentage points of cumulative IPCA.

    One row for each of MONTHS ahead and benchmark: `phillips` and `bottom_up` (the agent's two halves), `random_walk`
    (the newest 12-month rate goes on), `year_ago` (the same months of the year before), `focus` (the 12-month median,
    spread evenly over its year), `airline` (prices alone, inflation_airline.py). observations: silver/observations;
    origins from `first` (newest IPCA month) on.
    Raises ValueError when nothing can be forecast at the session.
    """
    economy, past = _record(observations, session)
    start = _start(economy, past, first)
    airline = airline_rates(economy.prices[HEADLINE], past.origins.tolist(), max(MONTHS))
    tables = []
    for months in MONTHS:
        forecasts = {k: 100.0 * v[start:] for k, v in _forecasts(economy, past, airline, months).items()}
        outcome = 100.0 * total(past.outcome, months)[start:]
        table = score_table(outcome, forecasts, MODEL, horizon=months)
        tables.append(table.select(pl.lit(months).alias("months"), pl.all()))
    return pl.concat(tables)


def nowcast_evaluation(observations: pl.DataFrame, session: date, first: date | None = None) -> pl.DataFrame:
    """The first month with IPCA-15 known, against the same without it and IPCA-15 itself; shape as `evaluation`."""
    economy, past = _record(observations, session)
    start = _start(economy, past, first)
    mid_month = np.append(economy.mid_month, np.nan if economy.mid_month_next is None else economy.mid_month_next)
    forecasts = {MODEL: past.mid, "without_ipca15": past.bottom_up[:, 0], "ipca15": mid_month[past.origins]}
    rows = score_table(100 * past.outcome[start:, 0], {k: 100 * v[start:] for k, v in forecasts.items()}, MODEL)
    return rows.select(pl.lit(1).alias("months"), pl.all())


def coverage(observations: pl.DataFrame, session: date, first: date | None = None) -> pl.DataFrame:
    """months, n, share: how often the outcome lay between p10 and p90 (80% is right), cumulative over `months`.

    The fan of an origin is made of the errors of earlier origins whose outcome it knew (12 at least).
    """
    economy, past = _record(observations, session)
    start = _start(economy, past, first)
    rows = []
    for months in MONTHS:
        error = total(past.outcome, months) - total(past.blend, months)
        inside = []
        for row in range(start, error.size):
            known = error[: max(row - months + 1, 0)]
            known = known[np.isfinite(known)]
            if known.size >= 12 and np.isfinite(error[row]):
                inside.append(bool(abs(error[row]) <= Z90 * np.sqrt(np.mean(known**2))))
        rows.append((months, len(inside), float(np.mean(inside)) if inside else None))
    return pl.DataFrame(rows, schema={"months": pl.Int64, "n": pl.Int64, "share": pl.Float64}, orient="row")


def _record(observations: pl.DataFrame, session: date) -> tuple[Economy, Record]:
    economy = economy_at(observations, session)
    if economy is None:
        raise ValueError(f"no IPCA with its parts is known at {session}; load silver/observations from 2004")
    return economy, record(economy, layout_of(economy), {})


def _start(economy: Economy, past: Record, first: date | None) -> int:
    """Row of the first origin that has a Phillips curve and whose newest month is `first` or later."""
    able = np.isfinite(past.phillips).all(axis=1)
    late = economy.months[past.origins - 1] >= np.datetime64(first or date.min, "M")
    return int(np.argmax(able & late))


def _forecasts(economy: Economy, past: Record, airline: Vector, months: int) -> dict[str, Vector]:
    """Cumulative rates over `months` by origin."""
    before = past.origins - 1
    share = months / 12
    year_before = np.stack([economy.prices[HEADLINE][k - 12 : k] for k in past.origins])
    survey = np.where(economy.surveyed[before], economy.expected[before], np.nan)
    return {
        MODEL: total(past.blend, months),
        "phillips": total(past.phillips, months),
        "bottom_up": total(past.bottom_up, months),
        "random_walk": (1.0 + economy.year[before]) ** share - 1.0,
        "year_ago": total(year_before, months),
        "focus": (1.0 + survey) ** share - 1.0,
        "airline": total(airline, months),
    }
