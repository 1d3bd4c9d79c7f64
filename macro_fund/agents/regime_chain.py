"""The regime's hidden Markov chain: what a monthly refit estimates, and probabilities with the frozen parameters.

Belongs here: the refit, the reasons not to use it, the filter. Does not belong here: the axes (regime_axes.py),
estimation itself (hmm.py), the rule that stands in for the chain and the views (regime.py).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import polars as pl

from macro_fund.agents.hmm import Array, Chain, estimate, filtered, matched
from macro_fund.agents.model import Estimate, model_frame, model_rows, refit_sessions
from macro_fund.agents.regime_axes import Known, Scale, axes_matrix, measured, month_of, used
from macro_fund.agents.regime_inputs import AXES, COMPONENTS, MAD_TO_SIGMA

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

QUADRANTS = {"goldilocks": (1, -1), "reflation": (1, 1), "stagflation": (-1, 1), "deflation": (-1, -1)}
"""(sign of growth, sign of inflation) of each regime's corner."""
CORNERS = np.array(list(QUADRANTS.values()), dtype=np.float64)

LEAST_MONTHS = 120
LEAST_SHARE = 0.05
SEEDS = 10
FEWER_STATES = 2


def _scales(known: Known, session: date, max_age: Mapping[str, int]) -> dict[str, Scale]:
    """Median and 1.4826 x MAD of each component over all its months known at `session`.

    A component with fewer than 120 months, older than its series may be, or without a scale has none.
    """
    found = {}
    for c in COMPONENTS:
        vintage = known.at(c, session)
        if vintage is None:
            continue
        _, path = measured(c, vintage)
        age = (session - min(v.newest for v in vintage.values())).days
        if path.size < LEAST_MONTHS or age > min(max_age[s] for s in c.series):
            continue
        centre = float(np.median(path))
        scale = MAD_TO_SIGMA * float(np.median(np.abs(path - centre)))
        if scale > 0:
            found[c.name] = (centre, scale)
    return found


def objections(chain: Chain, simpler: Chain) -> list[str]:
    """Why the chain (states in the order of QUADRANTS) is not to be used; empty when it is."""
    found = []
    if not chain.converged:
        found.append(f"no convergence in {chain.iterations} steps")
    rare = [f"{r} {100 * s:.1f}%" for r, s in zip(QUADRANTS, chain.shares, strict=True) if s < LEAST_SHARE]
    if rare:
        found.append(f"a state below {100 * LEAST_SHARE:g}% of the sample ({', '.join(rare)})")
    signs = {(bool(x > 0), bool(y > 0)) for x, y in chain.means}
    if len(signs) < len(QUADRANTS):
        found.append(f"two states in one quadrant ({len(signs)} of {len(QUADRANTS)} taken)")
    if not chain.bic < simpler.bic:
        found.append(f"BIC {chain.bic:.1f} is worse than with {FEWER_STATES} states ({simpler.bic:.1f})")
    return found


def seeds_of(session: date) -> list[int]:
    """Seeds of a refit: from the agent and the session alone."""
    base = crc32(f"regime {session.isoformat()}".encode())
    return [base + k for k in range(SEEDS)]


def labelled(rows: Array, seeds: Sequence[int]) -> tuple[Chain, Chain]:
    """The four-state chain in the order of QUADRANTS, and the two-state chain it has to beat."""
    chain = estimate(rows, len(QUADRANTS), seeds)
    return chain.ordered(matched(chain.means, CORNERS)), estimate(rows, FEWER_STATES, seeds)


def _estimates(chain: Chain, simpler: Chain, scales: Mapping[str, Scale], n: int) -> list[Estimate]:
    out = [
        Estimate("log_likelihood", chain.log_likelihood, n_obs=n),
        Estimate("bic_4", chain.bic, n_obs=n),
        Estimate("bic_2", simpler.bic, n_obs=n),
        Estimate("iterations", float(chain.iterations), n_obs=n),
    ]
    for i, regime in enumerate(QUADRANTS):
        out += [Estimate(f"start_{regime}", chain.start[i], n_obs=n), Estimate(f"share_{regime}", chain.shares[i])]
        out += [Estimate(f"move_{regime}_{to}", chain.move[i, j], n_obs=n) for j, to in enumerate(QUADRANTS)]
        for j, axis in enumerate(AXES):
            out.append(Estimate(f"mean_{axis}_{regime}", chain.means[i, j], n_obs=n))
            out.append(Estimate(f"variance_{axis}_{regime}", chain.variances[i, j], n_obs=n))
    for name, (centre, scale) in scales.items():
        out += [Estimate(f"centre_{name}", centre, n_obs=n), Estimate(f"scale_{name}", scale, n_obs=n)]
    return out


def _refit(known: Known, session: date, max_age: Mapping[str, int]) -> list[dict[str, object]]:
    """Rows of one refit; degraded with the reason when the chain is not to be used, no_view when there is none."""
    scales = _scales(known, session, max_age)
    _, matrix = axes_matrix(known, session, scales)
    rows = matrix[np.isfinite(matrix).all(axis=1)]
    newest, knowledge = _reach(known, session, scales)
    lacking = [a for a in AXES if not any(c.axis == a for c in used(scales))]
    if lacking or len(rows) < LEAST_MONTHS:
        why = f"{len(rows)} months of both axes, {LEAST_MONTHS} needed"
        if lacking:
            why = f"{' and '.join(lacking)}: no live component with {LEAST_MONTHS} months"
        estimates = [Estimate("log_likelihood", None, n_obs=len(rows))]
        return model_rows(session, estimates, data_to=newest, knowledge_time=knowledge, status="no_view", reason=why)
    chain, simpler = labelled(rows, seeds_of(session))
    why = "; ".join(objections(chain, simpler))
    return model_rows(
        session,
        _estimates(chain, simpler, scales, len(rows)),
        data_to=newest,
        knowledge_time=knowledge,
        status="degraded" if why else "ok",
        reason=why,
    )


def _reach(known: Known, session: date, scales: Mapping[str, Scale]) -> tuple[date | None, datetime | None]:
    """Newest month that all components have, and when the newest row of any became known."""
    found = [v for c in used(scales) for v in (known.at(c, session) or {}).values()]
    if not found:
        return None, None
    return min(v.newest for v in found), max(v.knowledge_time for v in found)


def regime_model(
    observations: pl.DataFrame, sessions: list[date], table: Sessions, *, max_age: Mapping[str, int]
) -> pl.DataFrame:
    """Table agents/regime_model: one refit for each of `sessions` that is the first of a month, from what it knew.

    observations: silver/observations of SERIES with full history; max_age: calendar days by series id. Means are in
    robust standard deviations of the refit's own sample, variances in their squares, centre and scale in the unit of
    the component, bic as in Schwarz (1978): the smaller the better.
    """
    refits = refit_sessions(sessions, table)
    if not refits:
        return model_frame([])
    known = Known(observations, sessions[-1])
    return model_frame([row for s in refits for row in _refit(known, s, max_age)])


@dataclass(frozen=True)
class Frozen:
    """A refit's parameters, read back from the table."""

    chain: Chain
    scales: Mapping[str, Scale]


def frozen(values: Mapping[str, float | None]) -> Frozen:
    """Parameters of one refit by name (those of `regime_model`). Raises KeyError when one is missing."""

    def v(name: str) -> float:
        number = values[name]
        assert number is not None, f"{name} of an accepted refit is null"
        return number

    names = list(QUADRANTS)
    chain = Chain(
        start=np.array([v(f"start_{r}") for r in names]),
        move=np.array([[v(f"move_{r}_{q}") for q in names] for r in names]),
        means=np.array([[v(f"mean_{a}_{r}") for a in AXES] for r in names]),
        variances=np.array([[v(f"variance_{a}_{r}") for a in AXES] for r in names]),
        shares=np.array([v(f"share_{r}") for r in names]),
        log_likelihood=v("log_likelihood"),
        bic=v("bic_4"),
        iterations=int(v("iterations")),
        converged=True,
    )
    scales = {c.name: (v(f"centre_{c.name}"), v(f"scale_{c.name}")) for c in COMPONENTS if f"centre_{c.name}" in values}
    return Frozen(chain, scales)


def chain_probabilities(observations: pl.DataFrame, model: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """session, p_{regime}, p_leave: filtered probabilities of the regime in the session's month, under the refit in
    force; rows only where that refit is accepted (status ok) and its components are known.

    The recursion runs over the months of the vintage known that morning. A month of which one axis is published counts
    with that axis; months after the newest are predicted with the chain alone. p_leave: probability of being in another
    regime than today's three months on.
    """
    parameters = {
        day: frozen(dict(part.select("parameter", "value").rows()))
        for (day,), part in model.filter(pl.col("status") == "ok").group_by("session", maintain_order=True)
    }
    refits = model["session"].unique().sort().to_list()
    known = Known(observations, sessions[-1])
    changed = known.changed()
    cache: dict[tuple[date, int, int], Array | None] = {}
    rows = []
    for session in sessions:
        place = bisect_right(refits, session)
        fit = parameters.get(refits[place - 1]) if place else None
        if fit is None:
            continue
        key = (refits[place - 1], bisect_right(changed, session), month_of(session))
        if key not in cache:
            cache[key] = _now(known, session, fit)
        p = cache[key]
        if p is not None:
            stay = float(p @ np.diag(np.linalg.matrix_power(fit.chain.move, 3)))
            rows.append((session, *p.tolist(), 1.0 - stay))
    names = [*(f"p_{r}" for r in QUADRANTS), "p_leave"]
    return pl.DataFrame(rows, schema={"session": pl.Date, **dict.fromkeys(names, pl.Float64)}, orient="row")


def _now(known: Known, session: date, fit: Frozen) -> Array | None:
    """Probabilities of the regimes in the session's month; None when the axes have no month in common."""
    first, matrix = axes_matrix(known, session, fit.scales)
    if not matrix.size:
        return None
    ahead = max(month_of(session) - (first + len(matrix) - 1), 0)
    padded = np.vstack([matrix, np.full((ahead, matrix.shape[1]), np.nan)])
    out: Array = filtered(padded, fit.chain)[-1]
    return out
