"""Factor shocks, exposures and target books for tests of stress: as the contract of the tables shapes them."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl

from macro_fund.store.tables import TABLES
from macro_fund_tests.portfolio.world import BDAYS, CONTRACTS, settings, targets_frame, weekdays

NODES = {"di_63": 63, "di_252": 252, "di_504": 504, "di_1260": 1260, "di_2520": 2520}
SOURCED = [f.id for f in settings().factors if not f.none]


def factor_shocks(n: int, seed: int = 11, missing: tuple[str, ...] = ()) -> pl.DataFrame:
    """silver/factor_shocks of `n` weekdays from 2010-01-04, each known on the next; not of factors without source."""
    rng = np.random.default_rng(seed)
    days = weekdays(n + 1)
    world = rng.standard_normal((n, 1))
    frames = []
    for factor in settings().factors:
        if factor.none or factor.id in missing:
            continue
        scale = 0.012 if factor.kind == "log" else 9.0
        side = -1.0 if factor.id in ("ibov", "es") else 1.0
        shock = scale * (0.7 * side * world[:, 0] + 0.71 * rng.standard_normal(n))
        level = 100 * np.exp(np.cumsum(shock)) if factor.kind == "log" else 1200 + np.cumsum(shock)
        frames.append(
            pl.DataFrame(
                {
                    "session": days[1:],
                    "trade_date": days[:-1],
                    "factor": [factor.id] * n,
                    "level": level,
                    "shock": [None, *shock[1:].tolist()],
                },
                schema=TABLES["silver/factor_shocks"].schema,
            )
        )
    return pl.concat(frames).sort(TABLES["silver/factor_shocks"].sort)


def book(positions: dict[str, int | None], days: list[date], returns: pl.DataFrame) -> pl.DataFrame:
    """portfolio/targets: contracts by instrument, the same on every day; None is a target without a view."""
    marks = {(r["session"], r["instrument"]): r for r in returns.filter(pl.col("session").is_in(days)).to_dicts()}
    return targets_frame(
        [
            {
                "session": day,
                "instrument": name,
                "contract": CONTRACTS[name],
                "target_contracts": n,
                "rate": marks[day, name]["rate"],
                "dv01_brl": None if n is None else n * marks[day, name]["dv01_brl"],
                "delta_brl": None if n is None else n * marks[day, name]["delta_brl"],
                "status": "no_view" if n is None else "ok",
                "reason": f"no listed settlement for {name}" if n is None else "",
            }
            for day in days
            for name, n in positions.items()
        ]
    )


def exposures(targets: pl.DataFrame) -> pl.DataFrame:
    """risk/exposures of the targets: DV01 on the two DI nodes around the contract, delta on the price factor."""
    rows = []
    for r in targets.filter(pl.col("target_contracts").fill_null(0) != 0).to_dicts():
        name = r["instrument"]
        if not name.startswith("DI1"):
            factor = {"DOL_1M": "usdbrl", "IND_2M": "ibov"}[name]
            rows.append((r["session"], name, factor, 0.0, r["delta_brl"]))
            continue
        tenors = list(NODES.values())
        for k, node in enumerate(NODES):
            weight = float(np.interp(BDAYS[name], tenors, np.eye(len(tenors))[k]))
            if weight:
                rows.append((r["session"], name, node, r["dv01_brl"] * weight, 0.0))
    return pl.DataFrame(rows, schema=TABLES["risk/exposures"].schema, orient="row").sort(TABLES["risk/exposures"].sort)
