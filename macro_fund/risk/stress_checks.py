"""Checks on stress, reverse stress and liquidity, as plain verdicts.

Belongs here: what must be true of these tables, recomputed in plain Python or polars, one session at a time, by a route
that shares no code with the numbers. Does not belong here: when checks run or what they block (orchestration).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import NormalDist
from typing import Any

import numpy as np
import polars as pl

from macro_fund.mandate import Scenario
from macro_fund.portfolio.checks import Verdict, verdict
from macro_fund.risk.scenario_checks import window_sums
from macro_fund.settings import Settings

WINDOW = 756
CLOSE = 1e-6
FALLING = {"ibov", "es", "gold", "wti", "brent", "eurusd", "ust_2y", "ust_5y", "ust_10y", "ust_30y", "tips_10y"}


@dataclass(frozen=True)
class Inputs:
    """The tables that a session's book is valued from."""

    targets: pl.DataFrame
    returns: pl.DataFrame
    exposures: pl.DataFrame
    shocks: pl.DataFrame
    session: date

    def held(self) -> list[dict[str, Any]]:
        """Positions of the session with their business days and exposures by factor."""
        days = self.returns.filter(pl.col("session") == self.session).sort("trade_date")
        mark = dict(days.select("next_contract", "bdays").rows())
        seen: dict[str, dict[str, float]] = {}
        for r in self.exposures.filter(pl.col("session") == self.session).to_dicts():
            seen.setdefault(r["instrument"], {})[r["factor"]] = r["delta_brl"] or r["dv01_brl"]
        here = self.targets.filter((pl.col("session") == self.session) & (pl.col("target_contracts").fill_null(0) != 0))
        return [
            row | {"bdays": mark.get(row["contract"]), "seen": seen.get(row["instrument"], {})}
            for row in here.sort("instrument").to_dicts()
        ]

    def recent(self, factors: Sequence[str]) -> np.ndarray:
        """Complete rows (days x factors) of the last 756 trade dates known at the session."""
        known = (
            self.shocks.filter(pl.col("session") <= self.session)
            .sort("session")
            .unique(["trade_date", "factor"], keep="last", maintain_order=True)
        )
        newest = known["trade_date"].unique().sort().tail(WINDOW)
        wide = known.filter(pl.col("trade_date").is_in(newest.implode())).pivot(
            "factor", index="trade_date", values="shock"
        )
        there = wide.select(f if f in wide.columns else pl.lit(None, pl.Float64).alias(f) for f in factors)
        return there.drop_nulls().to_numpy()


def valued(row: Mapping[str, Any]) -> bool:
    """A DI1 needs its rate and business days; the others their exposure, which a target always has."""
    return not str(row["contract"]).startswith("DI1") or None not in (row["rate"], row["bdays"])


def gain(row: Mapping[str, Any], shock: float) -> float:
    """BRL of one position when its rate moves by `shock` bp, or its price by a log return of `shock`."""
    if not str(row["contract"]).startswith("DI1"):
        return float(row["delta_brl"]) * math.expm1(shock)
    years = row["bdays"] / 252
    after, before = (math.exp(-years * math.log1p(r)) for r in (row["rate"] + shock / 1e4, row["rate"]))
    return float(1e5 * row["target_contracts"] * (after - before))


def seen_shock(row: Mapping[str, Any], moves: Mapping[str, float]) -> float:
    """Mean of the factors' moves, weighted by the position's exposures to them."""
    return float(sum(a * moves[f] for f, a in row["seen"].items()) / sum(row["seen"].values()))


def stress_recomputed(stress: pl.DataFrame, inputs: Inputs, tolerance: float = 1e-6) -> Verdict:
    """Every case's total again: scenarios and replays by hand, correlations from the factors' own deviations.

    halfway_worst: half of its variance is that of factors that all move against the book, so its VaR lies between
    that part's and the sum of the factors' own.
    """
    rows = stress.filter((pl.col("session") == inputs.session) & pl.col("pnl_brl").is_not_null())
    held = {r["instrument"]: r for r in inputs.held()}
    wrong = [
        r for r in rows.filter((pl.col("kind") != "correlation") & pl.col("shock").is_not_null()).to_dicts()
        if abs(gain(held[r["instrument"]], r["shock"]) - r["pnl_brl"]) > tolerance * (1 + abs(r["pnl_brl"]))
    ]  # fmt: skip
    cases = rows.filter(pl.col("kind") == "correlation")
    mapped = [r for r in held.values() if r["seen"] and valued(r)]
    if cases.filter(pl.col("reason") != "no position").height and mapped:
        totals = cases.group_by("scenario", maintain_order=True).agg(pl.col("pnl_brl").sum()).sort("scenario")
        band = _correlation_bands(mapped, inputs)
        wrong += [
            {"scenario": c, "pnl_brl": p, "low": band[c][0], "high": band[c][1]}
            for c, p in totals.rows()
            if not band[c][0] * (1 - tolerance) - 1e-2 <= -p <= band[c][1] * (1 + tolerance) + 1e-2
        ]
    shown = [{k: v for k, v in r.items() if k in ("scenario", "instrument", "pnl_brl", "low", "high")} for r in wrong]
    return verdict("stress_recomputed", pl.DataFrame(shown, infer_schema_length=None), len(rows))


def net_weights(held: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """P&L in BRL of a unit move of each factor of the book, by name."""
    out: dict[str, float] = {}
    for row in held:
        total = sum(row["seen"].values())
        unit = row["delta_brl"] if row["delta_brl"] else -row["dv01_brl"]
        for factor, amount in row["seen"].items():
            out[factor] = out.get(factor, 0.0) + unit * amount / total
    return dict(sorted(out.items()))


def _correlation_bands(held: Sequence[Mapping[str, Any]], inputs: Inputs) -> dict[str, tuple[float, float]]:
    weights = net_weights(held)
    own = np.array(list(weights.values())) * inputs.recent(list(weights)).std(axis=0)
    z = NormalDist().inv_cdf(0.99)
    apart = z * float(np.sqrt((own**2).sum()))
    side = np.array([-1.0 if f in FALLING else 1.0 for f in weights])
    together = z * abs(float((side * own).sum()))
    most = z * float(np.abs(own).sum())
    return {
        "uncorrelated": (apart, apart),
        "all_together": (together, together),
        "halfway_worst": (most / math.sqrt(2), most),
    }


def replays_recomputed(stress: pl.DataFrame, inputs: Inputs, settings: Settings) -> Verdict:
    """A window's shock is the sum of the shocks inside it; no day of it costs the book more than its worst day."""
    here = stress.filter((pl.col("session") == inputs.session) & (pl.col("kind") == "replay"))
    held = {r["instrument"]: r for r in inputs.held()}
    known = inputs.shocks.filter(pl.col("session") <= inputs.session).sort("session")
    known = known.unique(["trade_date", "factor"], keep="last", maintain_order=True)
    wrong = []
    for scenario in settings.scenarios:
        seen = here.filter((pl.col("scenario") == f"{scenario.id}:window") & pl.col("shock").is_not_null())
        sums = dict(window_sums(known, scenario.model_copy(update={"scale": 1.0})).rows())
        for name, shock in seen.select("instrument", "shock").rows():
            want = seen_shock(held[name], sums)
            if abs(want - shock) > CLOSE * (1 + abs(want)):
                wrong.append({"scenario": scenario.id, "instrument": name, "shock": shock, "want": want})
        worst = here.filter((pl.col("scenario") == f"{scenario.id}:worst_day") & pl.col("shock").is_not_null())
        least, told = (
            _worst_total([held[n] for n in worst["instrument"]], known, scenario),
            sum(worst["pnl_brl"].to_list()),
        )
        if least is not None and abs(least - told) > CLOSE * (1 + abs(least)):
            wrong.append({"scenario": scenario.id, "instrument": "all", "shock": told, "want": least})
    return verdict("replays_recomputed", pl.DataFrame(wrong), len(here))


def _worst_total(held: Sequence[Mapping[str, Any]], known: pl.DataFrame, scenario: Scenario) -> float | None:
    days = known.filter(pl.col("trade_date").is_between(scenario.start, scenario.end)).drop_nulls("shock")
    needed = {f for r in held for f in r["seen"]}
    totals = []
    for (_,), day in days.sort("trade_date").group_by("trade_date", maintain_order=True):
        moves = dict(day.select("factor", "shock").rows())
        if needed <= set(moves):
            totals.append(sum(gain(r, seen_shock(r, moves)) for r in held))
    return min(totals) if totals and held else None


def reverse_recomputed(reverse: pl.DataFrame, inputs: Inputs, tolerance: float = 1e-4) -> Verdict:
    """The moves lose the loss and their parts sum to it; the linear distance is the loss over the month's sigma.

    Shrinking correlations moves the book's variance from that of its P&L towards the sum of its factors' variances and
    never beyond, so sigma lies between the two. A hedge raises the distance.
    """
    rows = reverse.filter((pl.col("session") == inputs.session) & pl.col("distance").is_not_null()).sort("factor")
    if rows.is_empty():
        return verdict("reverse_recomputed", pl.DataFrame(), len(rows))
    first = rows.row(0, named=True)
    held = [r for r in inputs.held() if r["seen"] and valued(r)]
    moves = dict(rows.select("factor", "move").rows())
    lost = -sum(gain(r, seen_shock(r, moves)) for r in held)
    weights = net_weights(held)
    days = inputs.recent(list(weights))
    own = np.array(list(weights.values()))
    ends = [math.sqrt(21) * float(s) for s in ((days @ own).std(), np.sqrt(((own * days.std(axis=0)) ** 2).sum()))]
    loss = first["loss_brl"]
    wrong = {
        "lost": abs(lost / loss - 1) > tolerance or abs(-rows["pnl_brl"].sum() / loss - 1) > tolerance,
        "distance_linear": not loss / max(ends) * (1 - 1e-6)
        <= first["distance_linear"]
        <= loss / min(ends) * (1 + 1e-6),
        "hedge": first["distance_hedged"] is not None and first["distance_hedged"] <= first["distance"],
    }
    bad = [{"session": inputs.session, "what": k, "lost": lost, "loss": loss} for k, v in wrong.items() if v]
    return verdict("reverse_recomputed", pl.DataFrame(bad), len(rows))


def margins_recomputed(
    liquidity: pl.DataFrame, targets: pl.DataFrame, settings: Settings, margin: Mapping[str, Mapping[int, float]]
) -> Verdict:
    """Margin is no less than the lowest and no more than the highest rate of the contract's root; closing costs the
    half-spread and fee of every contract. `margin`: rates by root and term (config/contracts.yaml)."""
    by_id = {i.id: i for i in settings.instruments}
    both = liquidity.drop_nulls("margin_brl").join(
        targets.select("session", "instrument", "dv01_brl", "delta_brl"), on=["session", "instrument"], how="left"
    )
    wrong = []
    for row in both.to_dicts():
        instrument = by_id[row["instrument"]]
        base = abs(row["dv01_brl"] if instrument.quoted_in_rates else row["delta_brl"])
        low, high = (pick(margin[instrument.root].values()) * base for pick in (min, max))
        worth = (
            abs(row["dv01_brl"])
            if instrument.spread_unit == "bp"
            else instrument.point_value_brl * abs(row["contracts"])
        )
        cost = instrument.half_spread * worth + instrument.fee_brl * abs(row["contracts"])
        near = low * (1 - CLOSE) - 0.01 <= row["margin_brl"] <= high * (1 + CLOSE) + 0.01
        if not near or abs(cost - row["close_cost_brl"]) > 0.02:
            wrong.append({k: row[k] for k in ("session", "instrument", "margin_brl", "close_cost_brl")})
    return verdict("margins_recomputed", pl.DataFrame(wrong), len(both))
