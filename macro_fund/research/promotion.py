"""The bars that a strategy must meet to be promoted: read, measured, and handed to the ledger, which enforces them.

Belongs here: measuring. Does not belong here: the statistics (backtest/), the refusal (store/ledger_rules.py). There is
no way round a bar: the file may raise one above the least that is written here, never lower it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from macro_fund.backtest import judge, lab
from macro_fund.backtest.lab import Outcome, Tell
from macro_fund.backtest.walk import TooShort, Walk, walk
from macro_fund.research.study import Study
from macro_fund.settings import CONFIG_DIR, parse_file
from macro_fund.strategies.registry import RegisteredStrategy


class Bars(BaseModel):
    """config/promotion.yaml. Ratios are annual and net; each bar may be higher than its least, not lower."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    walk_forward_sharpe: Annotated[float, Field(ge=0)]
    walk_forward_years: Annotated[float, Field(ge=5)]
    deflated_sharpe: Annotated[float, Field(ge=0.90, lt=1)]
    cost_stress: Annotated[float, Field(ge=2)]
    stressed_sharpe: Annotated[float, Field(ge=0)]


def load_bars(config_dir: Path = CONFIG_DIR) -> Bars:
    """The bars; raises SettingsError naming file, line and field."""
    found: Bars = parse_file(config_dir / "promotion.yaml", Bars)
    return found


@dataclass(frozen=True)
class Candidate:
    """A strategy as configured, measured against the bars. grid: what the walk-forward chose among."""

    strategy_id: str
    trial_id: str
    outcome: Outcome
    record: judge.Record
    walked: Walk | None
    tries: judge.Tries
    bars: dict[str, dict[str, Any]]
    grid: dict[str, list[object]]

    def row(self, person: str) -> dict[str, Any]:
        """What `Ledger.promote` takes."""
        return {
            "strategy_id": self.strategy_id,
            "trial_id": self.trial_id,
            "trials": self.tries.count,
            "bars": self.bars,
            "grid": self.grid,
            "person": person.strip(),
        }


def measure(
    study: Study,
    strategy: RegisteredStrategy,
    grid: Mapping[str, Sequence[object]],
    bars: Bars,
    tell: Tell | None = None,
) -> Candidate:
    """Run every strategy as configured and the grid (trials of the ledger, all of them), and the stress of costs.

    The deflated ratio counts at least all strategies that there are, so that a new ledger is no way round. Without
    a grid the configured variant walks forward alone. A history too short to walk has no walk-forward ratio, which
    fails its bar.
    """
    study.run_missing(tell)
    base = study.configured(strategy)
    variants = lab.grid(base, grid)
    outcomes = study.run(strategy, [base, *(v for v in variants if v != base)], tell)
    own = outcomes[0]
    mine = [o for o in outcomes if o.variant in variants]
    try:
        walked = walk(mine)
    except TooShort:
        walked = None
    stressed = judge.record(study.only_run(strategy, [lab.at_costs(base, bars.cost_stress)])[0])
    found, tries = judge.record(own), study.tries()
    levels = judge.bars(
        bars.model_dump(),
        walked.annual_sharpe if walked else None,
        walked.years if walked else 0.0,
        judge.deflated(found, tries),
        stressed.annual_sharpe,
    )
    trial_id = study.trial_id(strategy, base)
    named = {k: list(v) for k, v in grid.items()}
    return Candidate(strategy.id, trial_id, own, found, walked, tries, levels, named)
