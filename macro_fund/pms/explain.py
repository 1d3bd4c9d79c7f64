"""Why each position made what it made: settlement P&L by revaluation in a fixed order.

Belongs here: the parts of one contract's settlement, and the cube of the book by part. Does not belong here: what a
contract made (`instruments/marks.py`), who owned it (`lots.py`) or how it is booked (`book.py`).

DI1, from the settlement before (PU p0 at rate r0) to this one (rate r1, n business days left), curve of the day before:
    carry   = PU(r0, n) - p0 x FC             a day passes, the contract keeps its rate, cash is paid
    roll    = PU(c0(n), n) - PU(r0, n)        it slides down the unchanged curve
    nominal = PU(r1, n) - PU(c0(n), n)        the curve moves
The residual is what rounding of published rates and PUs leaves. Dollar and index futures are one part each (fx,
equity): forward points are in it, because nothing that we read quotes the coupon of each maturity every day.

Factors: a move of the curve is that of its nodes (`risk.exposures`), each by its weight at the contract's days and the
contract's own slope of PU over rate; what the contract moved beyond its nodes is `specific`. So are dollar coupon and
real rates, whose nodes no source quotes every day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.curves.flat_forward import Curves, curves
from macro_fund.instruments.di1 import pu
from macro_fund.pms.book import NO_FACTOR, Row, money, trading_pnl
from macro_fund.risk.exposures import DELTA_FACTOR, DI_TENORS, RATE_NODES, node_weights
from macro_fund.store.tables import TABLES

TABLE = TABLES["pms/explain"]
WHOLE = {"DOL": "fx", "WDO": "fx", "IND": "equity", "WIN": "equity", "DDI": "cupom", "FRC": "cupom", "DAP": "real"}
"""Roots whose settlement is one part."""

PARTS = CARRY, ROLL, NOMINAL = "carry", "roll", "nominal"
"""Parts of the settlement of a DI1."""

SPECIFIC = "specific"
_STILL = 1e-9  # a move of a rate below which the slope of PU is its derivative
_Key = tuple[str, date, date]  # contract, session, trade_date
_Known = tuple[Curves, np.ndarray]  # curves, and the number of each pair's; -1 where it has none


def explain(
    fills: pl.DataFrame, marks: pl.DataFrame, cube: pl.DataFrame, sessions: Sequence[date], official: pl.DataFrame
) -> pl.DataFrame:
    """pms/explain of `sessions`: the P&L cube with every settlement in parts and factors; interest and costs as booked.

    fills: pms/fills with `shares`, marks: what the cube was made of (`true_up.with_estimates`), cube: pms/pnl,
    official: silver/contract_marks, the curve's settlements; all history.
    """
    last = max(sessions)
    known = pl.col("session") <= last
    parts = di1_parts(marks.filter(known), official.filter(known), fills["contract"].unique().to_list())

    def split(mark: Row) -> Mapping[str, Mapping[str, float]]:
        root = str(mark["contract"])[:3]
        if (whole := WHOLE.get(root)) is not None:
            return {whole: {DELTA_FACTOR.get(root, SPECIFIC): float(mark["pnl_brl"])}}
        return parts.get((mark["contract"], mark["session"], mark["trade_date"]), {})

    trade_dates = dict(cube.select("session", "trade_date").unique().iter_rows())
    rows = [
        (s, trade_dates[s], c, i, *owner, component, factor, money(n))
        for s, c, i, owner, (component, factor), n in trading_pnl(fills, marks, last, split)
        if s in trade_dates and n
    ]
    frame = pl.DataFrame(rows, schema=TABLE.schema, orient="row")
    cash = cube.filter(pl.col("component") == "interest").with_columns(factor=pl.lit(NO_FACTOR))
    whole = pl.concat([frame, cash.select(frame.columns)])
    return whole.filter(pl.col("session").is_in(list(sessions))).sort(TABLE.sort)


def unexplained(cube: pl.DataFrame, parts: pl.DataFrame) -> list[tuple[date, str]]:
    """Where the parts do not sum to the P&L of a contract, strategy and lot, in words."""
    by = ["session", "contract", "strategy_id", "lot_id"]
    sums = [f.group_by(by, maintain_order=True).agg(pl.col("pnl_brl").sum()) for f in (cube, parts)]
    both = sums[0].join(sums[1], on=by, how="full", coalesce=True, suffix="_parts").sort(by)
    made, explained = (pl.col(c).fill_null(0) for c in ("pnl_brl", "pnl_brl_parts"))
    return [
        (s, f"{c} of {k}, lot {lot}, made {p}, its parts sum to {q}")
        for s, c, k, lot, p, q in both.filter(made != explained).select(*by, "pnl_brl", "pnl_brl_parts").rows()
    ]


def large_residuals(parts: pl.DataFrame, nav_brl: float) -> list[tuple[date, str]]:
    """Days whose residual is above half a basis point of NAV and 5% of all parts together (quant design, section 7)."""
    money, rest = pl.col("pnl_brl").cast(pl.Float64), pl.col("component") == "residual"
    days = (
        parts.filter(~pl.col("component").is_in(["cost", "interest"]))
        .group_by("session", "contract", "strategy_id", "component", maintain_order=True)
        .agg(pl.col("pnl_brl").sum())
        .group_by("session", maintain_order=True)
        .agg(money.filter(rest).sum().alias("residual"), money.abs().sum().alias("gross"))
        .filter(pl.col("residual").abs() > pl.max_horizontal(pl.lit(0.5e-4 * nav_brl), 0.05 * pl.col("gross")))
    )
    return [(s, f"BRL {r:,.2f} of {g:,.2f} is not explained") for s, r, g in days.sort("session").rows()]


def di1_parts(
    marks: pl.DataFrame, official: pl.DataFrame, contracts: Sequence[str]
) -> dict[_Key, dict[str, dict[str, float]]]:
    """BRL of +1 contract by part and factor, for each mark of the DI1 `contracts` that has a settlement before it.

    Each row is explained with what its own session knew: the newest version of the settlement before, and of the curve.
    """
    now, quoted = (f.filter(pl.col("root") == "DI1", pl.col("settle_rate").is_not_null()) for f in (marks, official))
    now = now.filter(pl.col("contract").is_in(contracts), pl.col("pnl_brl").is_not_null())
    keys = ["contract", "session", "trade_date"]
    known = quoted.select(
        "contract", known="session", prev_trade_date="trade_date", n0="bdays", p0="settle_price", r0="settle_rate"
    )
    pairs = (
        now.select(*keys, "prev_trade_date", "bdays", "settle_rate", "correction")
        .join(known, on=["contract", "prev_trade_date"])
        .filter(pl.col("known") <= pl.col("session"))
        .sort(*keys, "known")
        .unique(keys, keep="last", maintain_order=True)
    )
    if pairs.is_empty():
        return {}
    before, which = _curves(pairs, known, "prev_trade_date")
    after = _curves(pairs, known, "trade_date")
    n, r0, r1 = (pairs[c].to_numpy() for c in ("bdays", "r0", "settle_rate"))
    # On the day of its maturity a contract is worth its face at any rate.
    rolled = np.where(n > 0, before.rate(which, np.maximum(n, 1)), r0)
    carried = pairs["p0"].to_numpy() * pairs["correction"].to_numpy()
    held, slid, moved = pu(r0, n), pu(rolled, n), pu(r1, n)
    on_nodes = _on_nodes(n, (before, which), after, _slope(rolled, r1, n, moved - slid))
    return {
        key: {
            CARRY: {NO_FACTOR: carry},
            ROLL: {NO_FACTOR: roll},
            NOMINAL: {k: v for k, v in zip(RATE_NODES, nodes, strict=True) if v} | {SPECIFIC: nominal - sum(nodes)},
        }
        for key, carry, roll, nominal, nodes in zip(
            pairs.select(keys).iter_rows(),
            (held - carried).tolist(),
            (slid - held).tolist(),
            (moved - slid).tolist(),
            on_nodes.tolist(),
            strict=True,
        )
    }


def _slope(start: np.ndarray, end: np.ndarray, bdays: np.ndarray, change: np.ndarray) -> np.ndarray:
    """BRL of a contract per unit of rate between two rates: the secant; the derivative where the rate stood still."""
    move = end - start
    still = np.abs(move) < _STILL
    derivative = -pu(end, bdays) * (bdays / 252.0) / (1.0 + end)
    return np.where(still, derivative, change / np.where(still, 1.0, move))


def _on_nodes(bdays: np.ndarray, before: _Known, after: _Known, slope: np.ndarray) -> np.ndarray:
    """BRL of each pair by node of the curve (pairs x nodes): slope x weight x the node's move at constant maturity.

    Nothing on the last day of a contract, and where nothing of the day is settled yet (`marking.py`).
    """
    (old, start), (new, end) = before, after
    made = np.zeros((bdays.size, len(DI_TENORS)))
    seen = (bdays > 0) & (end >= 0)
    if seen.any():
        moves = new.rate(end[seen, None], DI_TENORS) - old.rate(start[seen, None], DI_TENORS)
        made[seen] = slope[seen, None] * node_weights(bdays[seen]) * moves
    return made


def _curves(pairs: pl.DataFrame, known: pl.DataFrame, day: str) -> _Known:
    """Curves of the dates in column `day` as each pair's session knew them, and which is each pair's: -1 for none."""
    key = ["session", day]
    nodes = (
        pairs.select(key)
        .unique(maintain_order=True)
        .join(known, left_on=day, right_on="prev_trade_date")
        .filter((pl.col("known") <= pl.col("session")) & (pl.col("n0") > 0))
        .sort(*key, "n0", "known")
        .unique([*key, "n0"], keep="last", maintain_order=True)
    )
    numbers = nodes.select(key).unique(maintain_order=True).with_columns(curve=pl.int_range(pl.len()))
    which = nodes.join(numbers, on=key, maintain_order="left")["curve"].to_numpy()
    found = curves(which, nodes["n0"].to_numpy(), nodes["r0"].to_numpy())
    own = pairs.join(numbers, on=key, how="left", maintain_order="left")["curve"]
    return found, own.fill_null(-1).to_numpy()
