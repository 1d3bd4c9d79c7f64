"""How often a fixed book's losses exceeded VaR on the factors of a fund's lake, by method: Kupiec and Christoffersen.

Run with a fund whose lake has silver/factor_shocks: python benchmarks/var_coverage.py HOME [--days 1000]

The book is one contract a class, scaled to equal deviations: received DI1 two years, short dollar, long Ibovespa. Each
session's VaR is held against the P&L of the same book from the moves of the next close that it did not know.
"""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from macro_fund.home import Home
from macro_fund.instruments.di1 import dv01
from macro_fund.risk.coverage import christoffersen_p, kupiec_p
from macro_fund.risk.exposures import MAPPED, exposures, held_positions
from macro_fund.risk.positions import pair_pnl, positions
from macro_fund.risk.var import value_at_risk
from macro_fund.store.tables import TABLES

RATE, BDAYS = 0.12, 504
# Contracts, DV01 or delta of one: about BRL 90 thousand of daily deviation each.
BOOK = {"DI1_2Y": (600, float(dv01(RATE, BDAYS)), 0.0), "DOL_1M": (-40, 0.0, 250_000.0), "IND_2M": (50, 0.0, 120_000.0)}


def book(sessions: list[date]) -> pl.DataFrame:
    """portfolio/targets that hold the book in every session."""
    table = TABLES["portfolio/targets"]
    fixed = {"shares": [{"strategy_id": "book", "share": 1.0}], "status": "ok", "reason": "", "binding_constraint": ""}
    rows = [
        {
            "session": s, "instrument": name, "target_contracts": n, "contract": name,
            "rate": RATE if unit else None, "dv01_brl": n * unit, "delta_brl": n * delta, **fixed,
        }
        for s in sessions
        for name, (n, unit, delta) in BOOK.items()
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=table.schema).sort(table.sort)


def outcomes(shocks: pl.DataFrame, target: pl.DataFrame, home: Home, sessions: list[date]) -> dict[date, float]:
    """P&L of the book over each session (its trade date), where every factor of it has a close."""
    none, instruments = TABLES["silver/instrument_returns"].empty(), home.settings.instruments
    day = sessions[:1]
    exposed = exposures(target, none, instruments, day)
    held = positions(held_positions(target, none, instruments, day), exposed)
    names = [MAPPED[f] for f in held.factors]
    latest = shocks.sort("trade_date", "factor", "session").unique(["trade_date", "factor"], keep="last")
    wide = latest.pivot("factor", index="trade_date", values="shock").select("trade_date", *names).drop_nulls()
    made = pair_pnl(held, wide.select(names).to_numpy()).sum(axis=1)
    return dict(zip(wide["trade_date"], made.tolist(), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--days", type=int, default=1000)
    asked = parser.parse_args()
    home = Home.open(asked.home)
    shocks = home.lake.read("silver/factor_shocks", date.max, where=pl.col("factor").is_in(list(MAPPED)))
    sessions = shocks["session"].unique().sort().to_list()[-asked.days :]
    target, instruments = book(sessions), home.settings.instruments
    none = TABLES["silver/instrument_returns"].empty()
    var = value_at_risk(target, exposures(target, none, instruments, sessions), shocks, none, instruments, sessions)
    made = outcomes(shocks, target, home, sessions)
    totals = var.filter(
        pl.col("scope") == "total", pl.col("var_brl").is_not_null(), pl.col("session").is_in(list(made))
    )
    print(
        f"{'method':<16}{'level':>6}{'days':>6}{'expected':>10}{'found':>7}{'Kupiec':>9}{'Christ.':>9}{'mean VaR':>12}"
    )
    for (method, level), part in totals.partition_by("method", "level", as_dict=True, maintain_order=True).items():
        rows = part.sort("session")
        value = rows["var_brl"].to_numpy()
        hit = -np.array([made[s] for s in rows["session"]]) > value
        n, x, p = len(hit), int(hit.sum()), float(level)
        kupiec, conditional = float(kupiec_p(n, x, p)), float(christoffersen_p(hit, p)[-1])
        print(f"{method:<15}{p:>6.0%}{n:>6}{n * (1 - p):>10.1f}{x:>7}", end="")
        print(f"{kupiec:>9.3f}{conditional:>9.3f}{value.mean():>12,.0f}")


if __name__ == "__main__":
    main()
