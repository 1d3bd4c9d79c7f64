"""How the regime did: which regime each year was, and whether assets behaved differently after each of them.

Belongs here: tables for a page or a notebook, from views and what happened after them. Does not belong here: the view
(regime.py). Nothing here is read by the graph: it looks at outcomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.agents.regime import VIEWS, P
from macro_fund.agents.regime_chain import QUADRANTS

RECEIVED_BD = 504
ASSETS = {"br_eq": "br_ibov", "brl": "br_usdbrl_ptax_ask"}
CASH = "br_cdi_daily"


def labelled(view: pl.DataFrame) -> pl.DataFrame:
    """session, regime (the most probable), of the sessions that have probabilities."""
    regime = (
        pl.concat_list(P)
        .list.arg_max()
        .replace_strict(list(range(len(QUADRANTS))), list(QUADRANTS), return_dtype=pl.String)
    )
    return view.drop_nulls(P).select("session", regime.alias("regime"))


def by_year(view: pl.DataFrame) -> pl.DataFrame:
    """One row a year: mean p_*, share of sessions by the chain (method), mean state_score, growth_z, inflation_z."""
    year = pl.col("session").dt.year().alias("year")
    means = [pl.col(c).mean() for c in (*P, "state_score", "growth_z", "inflation_z", "stress_z")]
    chain = (pl.col("method") == "chain").mean().alias("chain")
    return view.group_by(year, maintain_order=True).agg(*means, chain).sort("year")


def _months(sessions: Sequence[date]) -> list[date]:
    """The first session of each month."""
    frame = pl.DataFrame({"session": list(sessions)}, schema={"session": pl.Date})
    return (
        frame.group_by(pl.col("session").dt.truncate("1mo").alias("m"), maintain_order=True)
        .agg(pl.col("session").min())
        .sort("m")["session"]
        .to_list()
    )


def _received(di_curve: pl.DataFrame, days: Sequence[date]) -> list[float | None]:
    """Log return over one month of lending to 504 business days at `days`, sold 21 days shorter on the next day given.

    Flat-forward between nodes: log capitalisation is linear in business days.
    """
    curve = di_curve.filter(pl.col("session").is_in(list(days))).sort("session", "tenor_bd").drop_nulls("rate")
    by_day = {
        s: (p["tenor_bd"].to_numpy(), p["rate"].to_numpy())
        for (s,), p in curve.group_by("session", maintain_order=True)
    }

    def log_c(day: date, bd: int) -> float:
        tenor, rate = by_day[day]
        return float(np.interp(bd, tenor, np.log1p(rate) * tenor / 252.0))

    out: list[float | None] = []
    for now, then in zip(days, [*days[1:], None], strict=True):
        whole = then is not None and now in by_day and then in by_day
        out.append(log_c(now, RECEIVED_BD) - log_c(then, RECEIVED_BD - 21) if whole and then else None)
    return out


def returns_after(observations: pl.DataFrame, di_curve: pl.DataFrame, sessions: Sequence[date]) -> pl.DataFrame:
    """session, asset, excess: log return over cash from the first session of each month to the next month's.

    br_eq: Ibovespa; brl: less the log change of USDBRL, spot alone (no carry); br_rates: DI of 504 business days,
    received. Values are those known on the morning of the session: the close of the day before.
    """
    days = _months(sessions)
    grid = pl.DataFrame({"session": days}, schema={"session": pl.Date})
    rows = observations.filter(pl.col("series_id").is_in([*ASSETS.values(), CASH])).sort("session", "event_date")
    newest = rows.unique(["series_id", "session"], keep="last", maintain_order=True)
    # Every day of cash counts once, also where two become known in one session.
    paid = rows.filter(pl.col("series_id") == CASH).unique("event_date", keep="first", maintain_order=True)
    cash = paid.select("session", pl.col("value").log1p().cum_sum().alias("cash"))
    frame = grid.join_asof(cash, on="session")
    accrued = pl.col("cash").shift(-1) - pl.col("cash")
    parts = []
    for asset, series in ASSETS.items():
        level = newest.filter(pl.col("series_id") == series).select("session", "value")
        moved = pl.col("value").log().shift(-1) - pl.col("value").log()
        excess = moved - accrued if asset == "br_eq" else -moved
        part = frame.join_asof(level, on="session").with_columns(excess.alias("excess"), pl.lit(asset).alias("asset"))
        parts.append(part.select("session", "asset", "excess"))
    received = frame.with_columns(pl.Series("got", _received(di_curve, days), dtype=pl.Float64))
    parts.append(
        received.select("session", pl.lit("br_rates").alias("asset"), (pl.col("got") - accrued).alias("excess"))
    )
    return pl.concat(parts).drop_nulls()


def returns_by_regime(view: pl.DataFrame, returns: pl.DataFrame) -> pl.DataFrame:
    """One row per asset and regime known at the month's first session: sign (of VIEWS), n, mean (a year, log), t;
    p_value (same in the asset's rows): Kruskal and Wallis (1952), that the regimes' returns have one distribution.

    t is the mean over its standard error; null with fewer than two months. p_value is null with one regime only.
    """
    from scipy.stats import kruskal

    rows = returns.join(labelled(view), on="session")
    out = []
    for (asset,), part in rows.group_by("asset", maintain_order=True):
        groups = {r: part.filter(pl.col("regime") == r)["excess"].to_numpy() for r in QUADRANTS}
        full = [g for g in groups.values() if g.size > 1]
        p_value = float(kruskal(*full).pvalue) if len(full) > 1 else None
        for sign, (regime, x) in zip(VIEWS[str(asset)], groups.items(), strict=True):
            t = float(x.mean() / (x.std(ddof=1) / np.sqrt(x.size))) if x.size > 1 else None
            out.append((asset, regime, sign, x.size, float(x.mean() * 12) if x.size else None, t, p_value))
    floats = dict.fromkeys(("mean", "t", "p_value"), pl.Float64)
    schema = {"asset": pl.String, "regime": pl.String, "sign": pl.Int64, "n": pl.Int64, **floats}
    return pl.DataFrame(out, schema=schema, orient="row")


def views_against_returns(view: pl.DataFrame, returns: pl.DataFrame) -> pl.DataFrame:
    """One row per asset: n months, correlation of the view with the month that follows, its t, share of signs right."""
    out = []
    for (asset,), part in returns.group_by("asset", maintain_order=True):
        both = part.join(view.select("session", pl.col(f"view_{asset}").alias("view")), on="session").drop_nulls()
        x, y = both["view"].to_numpy(), both["excess"].to_numpy()
        r = float(np.corrcoef(x, y)[0, 1])
        t = r * np.sqrt((x.size - 2) / (1.0 - r * r))
        out.append((asset, x.size, r, float(t), float((np.sign(x) == np.sign(y)).mean())))
    schema = {"asset": pl.String, "n": pl.Int64, "correlation": pl.Float64, "t": pl.Float64, "hit_rate": pl.Float64}
    return pl.DataFrame(out, schema=schema, orient="row")
