"""Limits and breakers as assets: inputs and checks, not the arithmetic (risk/).

Limits are of the target book, breakers of the actual one; both decide which trades the gate lets pass (pms/gate.py).
"""

from __future__ import annotations

from datetime import date

import polars as pl

from macro_fund.orchestration.checks import every_session, key_by_key, sessions_inside
from macro_fund.orchestration.node import Check, Node
from macro_fund.orchestration.run import Run
from macro_fund.reports.plots_limits import breakers_picture, limits_picture
from macro_fund.risk import checks as risk_checks
from macro_fund.risk import limit_checks
from macro_fund.risk.breakers import breakers
from macro_fund.risk.limits import limit_use

PYTHON = frozenset({"python", "parquet"})
LEDGER = frozenset({"python", "sql", "parquet"})
LIMITS, BREAKERS, NAV, POSITIONS = "risk/limits", "risk/breakers", "pms/nav", "pms/positions"
INPUTS = ("portfolio/targets", "risk/var", "risk/stress", "risk/liquidity")


def _limits(run: Run) -> pl.DataFrame:
    targets, var, stress, liquidity = (run.read(k) for k in INPUTS)
    return limit_use(targets, var, stress, liquidity, run.home.settings, run.fund_sessions)


def _measured(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    warn_at = run.home.settings.limits.warn_at
    return key_by_key(run, frame, lambda part, _: risk_checks.every_limit_measured(part, warn_at))


def _limits_recomputed(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    targets, var, stress, liquidity = (run.read(k) for k in INPUTS)
    settings = run.home.settings
    return key_by_key(
        run,
        frame,
        lambda part, _: limit_checks.limits_recomputed(part, targets, var, stress, liquidity, settings),
    )


def _breaches(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    rows = frame.filter(pl.col("status") == "breach")
    return [(s, f"{limit}: {reason}") for s, limit, reason in rows.select("session", "limit", "reason").rows()]


def _breakers(run: Run) -> pl.DataFrame:
    home = run.home
    as_of = {s: home.sessions.as_of(s) for s in home.sessions.keys(home.inception, run.last)}
    events = home.ledger.switch_events(as_of[run.last])
    nav, held = run.read(NAV), run.read(POSITIONS)
    return breakers(nav, held, events, as_of, home.settings.limits.breakers, run.fund_sessions)


def _tripped(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    rows = frame.filter(pl.col("tripped")).select("session", "breaker", "action", "reason").rows()
    return [(s, f"{breaker} asks for {action}: {reason}") for s, breaker, action, reason in rows]


def _losses(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    nav = run.read(NAV)
    return key_by_key(run, frame, lambda part, _: limit_checks.losses_recomputed(part, nav))


def _actions(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    return key_by_key(run, frame, lambda part, _: limit_checks.action_follows(part))


def _switch(run: Run, frame: pl.DataFrame) -> list[tuple[date, str]]:
    """The switch is called thrown exactly when the ledger's last event before the session's as_of is a throw."""
    rows = frame.filter(pl.col("breaker") == "kill_switch").select("session", "tripped").rows()
    truth = {s: run.home.ledger.thrown(run.home.sessions.as_of(s)) is not None for s, _ in rows}
    return [(s, f"kill switch is {'thrown' if truth[s] else 'not thrown'}") for s, said in rows if said != truth[s]]


NODES = (
    Node(
        LIMITS,
        PYTHON,
        INPUTS,
        _limits,
        (
            Check("measured", "status follows from value and limit; a missing value is never ok", _measured),
            Check("recomputed", "values agree with sums and maxima over the input tables", _limits_recomputed),
            Check("no_breach", "no limit is breached by the target book", _breaches, gate=False),
            every_session(),
        ),
        plot=limits_picture,
    ),
    Node(
        BREAKERS,
        LEDGER,
        (NAV, POSITIONS),
        _breakers,
        (
            Check("losses", "losses agree with the NAV's changes", _losses),
            Check("actions", "an action stands for a trip, and a loss at its threshold trips", _actions),
            Check("switch", "the kill switch is as the ledger had it at the as_of", _switch),
            Check("not_tripped", "no breaker is tripped", _tripped, gate=False),
            every_session(),
            sessions_inside(),
        ),
        plot=breakers_picture,
    ),
)
