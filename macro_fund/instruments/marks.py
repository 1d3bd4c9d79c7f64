"""Official marks: what +1 contract, listed or rolled, made and risks on each settlement day.

Belongs here: settlement rows -> silver/contract_marks, marks + roll path -> silver/instrument_returns. Does not belong
here: which contract an instrument holds (rolling.py), positions or money of the fund (pms/).

A late or corrected settlement comes as a new row in the session in which it arrived, together with a new row of the
contract's next settlement, whose P&L it changes, and a late CDI, PTAX, VNA or DDI as new rows of the settlements that
rest on it: the newest rows that a session knows always add up. A roll is decided on a day's settlement and concerns the
P&L from the next day on, so every return is of one and the same contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from macro_fund.curves.known import as_known, vintages, walk_back
from macro_fund.instruments import dap, ddi, di1, frc, futures
from macro_fund.instruments.contracts import first_ddi
from macro_fund.instruments.limits import LimitDay, limit_locked
from macro_fund.instruments.rolling import roll_path
from macro_fund.settings import RATE_ROOTS, Instrument
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import BusinessCalendar, Days

MAX_GAP_BD = 5
CARRIED_ROOTS = ("DI1", "DDI", "DAP")  # PUs that are carried at the CDI
DOLLAR_ROOTS = ("DDI", "FRC")
INDEXED_ROOT, FORWARD_ROOT = "DAP", "FRC"
LINEAR_ROOTS = ("DOL", "WDO", "IND", "WIN")
_LOOK_BACK_CD = 40  # more than MAX_GAP_BD business days
_MONTH_BD = 25  # no two 15ths are further apart in business days
_MARKS = TABLES["silver/contract_marks"]
_RETURNS = TABLES["silver/instrument_returns"]
_KEY = ["contract", "event_date"]
_STATIC = ["root", "maturity", "settle_price", "settle_rate"]


@dataclass(frozen=True)
class Inputs:
    """What marks rest on beside the settlements: rows (session, event_date, value) of three series.

    cdi_daily: decimal a day; ptax: closing ask, BRL per USD; vna: NTN-B nominal value, BRL. An empty one knows nothing:
    the contracts that need it have no P&L.
    """

    cdi_daily: pl.DataFrame
    ptax: pl.DataFrame
    vna: pl.DataFrame


def contract_marks(
    settlements: pl.DataFrame,
    inputs: Inputs,
    sessions: Sequence[date],
    calendar: BusinessCalendar,
    point_values: Mapping[str, float],
    limit_days: Sequence[LimitDay] = (),
) -> pl.DataFrame:
    """silver/contract_marks of the settlements that became known in `sessions`, or whose P&L did.

    settlements: bronze/b3_settlements rows; calendar: bank days; point_values: of each root (`contracts.point_values`);
    limit_days: days with a price limit. P&L is null on a contract's first day, when its last settlement is more than
    five business days old, and while a CDI, PTAX, VNA or leg that it needs is not known: the session that learns it
    gives the row again. Raises ValueError for a root without a point value.
    """
    unknown = sorted(set(settlements["root"].unique()) - set(point_values))
    if unknown:
        raise ValueError(f"no point value for {', '.join(unknown)}; add the root to config/contracts.yaml")
    quotes = vintages(_touched(settlements, inputs, sessions), _KEY).select("session", *_KEY, *_STATIC)
    again = [_learnt_anew(quotes, need, news, calendar) for need, news in _news(quotes, inputs)]
    issued = pl.concat([_issued(quotes), *again]).unique()
    issued = issued.filter(pl.col("session").is_in(list(sessions))).sort("contract", "event_date", "session")
    rows = _previous(issued, quotes, calendar)
    if rows.is_empty():
        return _MARKS.empty()
    rows = as_known(rows, quotes, _KEY)
    before = quotes.select(
        "session", "contract", prev_trade_date="event_date", prev_price="settle_price", prev_rate="settle_rate"
    )
    rows = as_known(rows, before, ["contract", "prev_trade_date"])
    rows = rows.join(
        _corrections(rows, inputs.cdi_daily, calendar), on=["session", "event_date", "prev_trade_date"], how="left"
    )
    rows = _with_index(_with_ptax(rows, inputs.ptax, calendar), inputs.vna, calendar)
    return _valued(_with_legs(rows, quotes, calendar), calendar, point_values, limit_days)


def instrument_returns(
    marks: pl.DataFrame, instruments: Sequence[Instrument], sessions: Sequence[date]
) -> pl.DataFrame:
    """silver/instrument_returns that became known in `sessions`, from the full history of silver/contract_marks.

    pnl_brl is the settlement of +1 contract held over the day, shock its own change: bp of rate for contracts quoted
    in rates, log return otherwise; both null on the first day, after a gap, and pnl_brl when the contract's own is
    null. A mark of the contract held or chosen that is given again gives the day again in that session.
    """
    marks = marks.filter(pl.col("root").is_in([str(i.root) for i in instruments]))
    path = _reissued(roll_path(marks, instruments), marks).filter(pl.col("session").is_in(list(sessions)))
    if path.is_empty():
        return _RETURNS.empty()
    over = marks.select(
        "session", "trade_date", "contract", "prev_trade_date", "pnl_brl", p="settle_price", r="settle_rate"
    )
    rows = as_known(path, over, ["trade_date", "contract"])
    before = over.select("session", "contract", prev_trade_date="trade_date", p0="p", r0="r")
    rows = as_known(rows, before, ["contract", "prev_trade_date"])
    chosen = marks.select(
        "session", "trade_date", "root", "bdays", "dv01_brl", "delta_brl",
        next_contract="contract", price="settle_price", rate="settle_rate",
    )  # fmt: skip
    rows = as_known(rows, chosen, ["trade_date", "next_contract"])
    change = pl.when(pl.col("root").is_in(RATE_ROOTS)).then((pl.col("r") - pl.col("r0")) * 1e4)
    shock = change.otherwise((pl.col("p") / pl.col("p0")).log())
    return (
        rows.with_columns(
            shock=pl.when(~pl.col("opening")).then(shock), pnl_brl=pl.when(~pl.col("opening")).then("pnl_brl")
        )
        .select(list(_RETURNS.schema))
        .cast(pl.Schema(_RETURNS.schema))
        .sort(_RETURNS.sort)
    )


def _touched(settlements: pl.DataFrame, inputs: Inputs, sessions: Sequence[date]) -> pl.DataFrame:
    """Settlements that the rows of `sessions` can rest on: none is issued of a day before the oldest day of their news,
    and each looks back MAX_GAP_BD business days."""
    news = [
        frame.filter(pl.col("session").is_in(list(sessions)))["event_date"].min()
        for frame in (settlements, inputs.cdi_daily, inputs.ptax, inputs.vna)
    ]
    oldest = min((day for day in news if isinstance(day, date)), default=date.max)
    return settlements.filter(pl.col("event_date") > pl.lit(oldest) - pl.duration(days=_LOOK_BACK_CD))


def _issued(quotes: pl.DataFrame) -> pl.DataFrame:
    """(session, contract, event_date) of every row to publish: each settlement, and the next one if it was known."""
    events = _events(quotes).with_columns(
        next_date=pl.col("event_date").shift(-1).over("contract"),
        next_session=pl.col("first").shift(-1).over("contract"),
    )
    rows = quotes.select("session", *_KEY)
    moved = (
        rows.join(events, on=_KEY, how="inner")
        .filter(pl.col("next_session") < pl.col("session"))
        .select("session", "contract", event_date="next_date")
    )
    return pl.concat([rows, moved])


@dataclass(frozen=True)
class _Need:
    """Which settlements rest on a series: their roots, its days counted from the settlement, and which of them."""

    roots: tuple[str, ...]
    lags: tuple[int, int]
    rests_on: Callable[[pl.DataFrame, BusinessCalendar], pl.Expr]


def _carried(rows: pl.DataFrame, calendar: BusinessCalendar) -> pl.Expr:
    return (pl.col("prev_trade_date") <= pl.col("day")) & (pl.col("day") < pl.col("event_date"))


def _fixed(rows: pl.DataFrame, calendar: BusinessCalendar) -> pl.Expr:
    on, before = _fixing_days(rows["event_date"], calendar)
    base = _fixing_days(rows["prev_trade_date"].fill_null(rows["event_date"]), calendar)[1]
    day = rows["day"].to_numpy()
    return pl.lit(pl.Series((day == on) | (day == before) | (day == base)))


def _accrued(rows: pl.DataFrame, calendar: BusinessCalendar) -> pl.Expr:
    start = pl.lit(pl.Series(_anniversary(rows["event_date"], calendar)))
    return _ends(rows, calendar) | (pl.col("day") == start)


def _ends(rows: pl.DataFrame, calendar: BusinessCalendar) -> pl.Expr:
    return (pl.col("day") == pl.col("event_date")) | (pl.col("day") == pl.col("prev_trade_date"))


def _news(quotes: pl.DataFrame, inputs: Inputs) -> list[tuple[_Need, pl.DataFrame]]:
    """What each settlement rests on, with the (session, day) in which its series said something."""
    legs = quotes.filter(pl.col("root") == "DDI")
    needs = (
        (_Need(CARRIED_ROOTS, (-MAX_GAP_BD, -1), _carried), inputs.cdi_daily),
        (_Need(DOLLAR_ROOTS, (-MAX_GAP_BD - 1, 0), _fixed), inputs.ptax),
        (_Need((INDEXED_ROOT,), (-_MONTH_BD, 0), _accrued), inputs.vna),
        (_Need((FORWARD_ROOT,), (-MAX_GAP_BD, 0), _ends), legs),
    )
    return [(need, rows.select("session", day="event_date").unique()) for need, rows in needs]


def _learnt_anew(quotes: pl.DataFrame, need: _Need, news: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """(session, contract, event_date) of the settlements, known before, that rest on a value new in `session`."""
    events = _events(quotes.filter(pl.col("root").is_in(need.roots)))
    first = events.group_by("event_date", maintain_order=True).agg(pl.col("first").min()).sort("event_date")
    lags = np.arange(need.lags[0], need.lags[1] + 1)
    ends = first["event_date"].to_numpy()[:, None]
    days = calendar.offset_many(ends, lags[None, :], known_on=ends)
    spans = first.select(pl.all().repeat_by(lags.size).explode()).with_columns(day=pl.Series(days.ravel()))
    late = spans.unique().join(news, on="day", how="inner").filter(pl.col("session") > pl.col("first"))
    rows = late.drop("first").join(events, on="event_date", how="inner").filter(pl.col("session") > pl.col("first"))
    rows = _previous(rows.select("session", *_KEY, "day"), quotes, calendar)
    return rows.filter(need.rests_on(rows, calendar)).select("session", *_KEY)


def _events(quotes: pl.DataFrame) -> pl.DataFrame:
    """(contract, event_date, first): the session that first knew each settlement; sorted by contract and day."""
    return quotes.group_by(_KEY, maintain_order=True).agg(pl.col("session").min().alias("first")).sort(_KEY)


def _previous(rows: pl.DataFrame, quotes: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Adds prev_trade_date: the contract's settlement day before, as known at the row's session, if recent."""
    events = _events(quotes).with_row_index("at").with_columns(pl.col("at").cast(pl.Int64))
    events = events.with_columns(floor=pl.col("at").min().over("contract"))
    own = rows.join(events, on=_KEY, how="left", maintain_order="left")["at"].to_numpy()
    floor = events["floor"].to_numpy()[own]
    at = walk_back(own - 1, floor, events["first"].to_numpy(), rows["session"].to_numpy())
    days, trade_date = events["event_date"].to_numpy()[at], rows["event_date"].to_numpy()
    gap = calendar.count_many(days, trade_date, known_on=trade_date)
    valid = (at >= 0) & (gap <= MAX_GAP_BD)
    previous = np.where(valid, days, np.datetime64("NaT"))
    return rows.with_columns(prev_trade_date=pl.Series(previous, dtype=pl.Date))


def _corrections(rows: pl.DataFrame, cdi_daily: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """FC of each (session, event_date, prev_trade_date): CDI of the bank days in [prev, event_date) known then.

    A day whose CDI is not known gives a null factor.
    """
    spans = rows.select("session", "event_date", "prev_trade_date").drop_nulls().unique(maintain_order=True)
    start, end = spans["prev_trade_date"].to_numpy(), spans["event_date"].to_numpy()
    step = np.arange(MAX_GAP_BD)
    # The previous session can be a bank holiday: its first carrying day is then the bank day after it.
    days = calendar.offset_many(start[:, None], step[None, :], known_on=end[:, None])
    inside = days < end[:, None]
    wanted = pl.DataFrame(
        {
            "session": np.repeat(spans["session"].to_numpy(), step.size),
            "event_date": days.ravel(),
        }
    )
    known = vintages(cdi_daily, ["event_date"]).select("session", "event_date", "value")
    cdi = as_known(wanted, known, ["event_date"])["value"].to_numpy().reshape(days.shape)
    return spans.with_columns(correction=pl.Series(di1.correction_factor(np.where(inside, cdi, 0.0))).fill_nan(None))


def _fixing_days(days: pl.Series, calendar: BusinessCalendar) -> tuple[Days, Days]:
    """(newest business day up to each day, business day before it): where PTAX is fixed."""
    at = days.to_numpy().astype("datetime64[D]")
    before = calendar.offset_many(at, -1, known_on=at)
    is_open = calendar.offset_many(at, 0, known_on=at) == at
    return np.where(is_open, at, before), before


def _with_ptax(rows: pl.DataFrame, ptax: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Adds ptax (of the day), ptax_before (business day before it) and ptax_base (before prev_trade_date) as known."""
    known = vintages(ptax, ["event_date"]).select("session", day="event_date", value="value")
    on, before = _fixing_days(rows["event_date"], calendar)
    base = _fixing_days(rows["prev_trade_date"].fill_null(rows["event_date"]), calendar)[1]
    for name, day in (("ptax", on), ("ptax_before", before), ("ptax_base", base)):
        found = as_known(rows.select("session", day=pl.Series(day)), known, ["day"])["value"]
        rows = rows.with_columns(found.alias(name))
    return rows


def _anniversary(days: pl.Series, calendar: BusinessCalendar) -> Days:
    """The last 15th up to each day, moved to the business day on or after it: where IPCA's month begins."""
    at = days.to_numpy().astype("datetime64[D]")
    months = at.astype("datetime64[M]")
    this = calendar.offset_many(months.astype("datetime64[D]") + 14, 0, known_on=at)
    last = calendar.offset_many((months - 1).astype("datetime64[D]") + 14, 0, known_on=at)
    return np.where(this <= at, this, last)


def _with_index(rows: pl.DataFrame, vna: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Adds index (IPCA accrued to the day, as known) and index_before (of prev_trade_date, at today's projection)."""
    known = vintages(vna, ["event_date"]).select("session", day="event_date", value="value")
    day = rows["event_date"].to_numpy()
    before = rows["prev_trade_date"].fill_null(rows["event_date"]).to_numpy()
    start = _anniversary(rows["event_date"], calendar)
    now, then, base = (
        as_known(rows.select("session", day=pl.Series(d)), known, ["day"])["value"].to_numpy()
        for d in (day, before, start)
    )
    whole = calendar.count_many(start, day, known_on=day)
    part = calendar.count_many(start, before, known_on=day)
    inside = part > 0
    share = np.where(inside, part, 0) / np.maximum(whole, 1)
    restated = np.where(inside, dap.restated_vna(now, base, share), then)
    return rows.with_columns(index=pl.Series(dap.ipca_index(now)), index_before=pl.Series(dap.ipca_index(restated)))


def _with_legs(rows: pl.DataFrame, quotes: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """Adds the DDI behind each FRC: prices and days of the first leg held over the day and of the one from now on.

    near, far: settlements of the day of the legs held since prev_trade_date, near_prev and far_prev those before;
    next_near, next_near_days: first leg of the day itself. Null for other roots and where a settlement is not known.
    """
    legs = quotes.filter(pl.col("root") == "DDI")
    days = pl.concat([rows["event_date"], rows["prev_trade_date"].drop_nulls()]).unique().sort()
    first = first_ddi(days, calendar).rename({"contract": "leg", "maturity": "leg_maturity"})
    mine = pl.col("root") == FORWARD_ROOT
    rows = rows.with_columns(far_leg=pl.when(mine).then("DDI" + pl.col("contract").str.slice(3)))
    held = first.rename({"event_date": "prev_trade_date", "leg": "near_leg"}).drop("leg_maturity")
    rows = rows.join(held, on="prev_trade_date", how="left", maintain_order="left")
    rows = rows.join(
        first.rename({"leg": "next_leg", "leg_maturity": "next_maturity"}),
        on="event_date", how="left", maintain_order="left",
    )  # fmt: skip
    prices = legs.select("session", leg="contract", day="event_date", value="settle_price")
    wanted = {
        "near": ("near_leg", "event_date"), "near_prev": ("near_leg", "prev_trade_date"),
        "far": ("far_leg", "event_date"), "far_prev": ("far_leg", "prev_trade_date"),
        "next_near": ("next_leg", "event_date"),
    }  # fmt: skip
    for name, (leg, day) in wanted.items():
        asked = rows.select("session", leg=pl.when(mine).then(leg), day=day)
        rows = rows.with_columns(as_known(asked, prices, ["leg", "day"])["value"].alias(name))
    return rows.with_columns(next_near_days=(pl.col("next_maturity") - pl.col("event_date")).dt.total_days())


def _valued(
    rows: pl.DataFrame, calendar: BusinessCalendar, point_values: Mapping[str, float], limit_days: Sequence[LimitDay]
) -> pl.DataFrame:
    """Business days, P&L and risk of one contract, as silver/contract_marks."""
    trade_date = rows["event_date"]
    bdays = calendar.count_many(trade_date, rows["maturity"], known_on=trade_date)
    rows = rows.with_columns(
        bdays=pl.Series(bdays, dtype=pl.Int32),
        days=(pl.col("maturity") - pl.col("event_date")).dt.total_days(),
        unit=pl.col("root").replace_strict(dict(point_values), return_dtype=pl.Float64),
    )
    parts = [_one_root(part, str(root[0])) for root, part in rows.partition_by("root", as_dict=True).items()]
    rows = pl.concat(parts)
    move = (rows["settle_rate"] - rows["prev_rate"]).fill_null(float("nan")).to_numpy() * 1e4
    return (
        rows.with_columns(limit_locked=pl.Series(limit_locked(rows, move, limit_days)))
        .rename({"event_date": "trade_date"})
        .select(list(_MARKS.schema))
        .cast(pl.Schema(_MARKS.schema))
        .sort(_MARKS.sort)
    )


def _one_root(rows: pl.DataFrame, root: str) -> pl.DataFrame:
    """Adds point_value_brl, correction, pnl_brl, dv01_brl and delta_brl to the rows of one root; NaN becomes null."""
    made = {"DI1": _di1, "DDI": _ddi, "DAP": _dap, "FRC": _frc}.get(root, _linear)(rows)
    names = ("point_value_brl", "correction", "pnl_brl", "dv01_brl", "delta_brl")
    columns = [pl.Series(n, v, dtype=pl.Float64).fill_nan(None) for n, v in zip(names, made, strict=True)]
    found = rows.with_columns(columns)
    first = pl.col("prev_trade_date").is_null()
    nothing_carried = first if root in CARRIED_ROOTS else pl.lit(True)
    return found.with_columns(
        correction=pl.when(nothing_carried).then(1.0).otherwise("correction"),
        pnl_brl=pl.when(~first).then("pnl_brl"),
    )


Valued = tuple[di1.Array, di1.Array, di1.Array, di1.Array, di1.Array]


def _column(rows: pl.DataFrame, name: str) -> di1.Array:
    """A column as floats, NaN for null."""
    return np.asarray(rows[name].cast(pl.Float64).fill_null(float("nan")).to_numpy(), dtype=np.float64)


def _live_rate(rows: pl.DataFrame, term: str, implied: Callable[[di1.Array, di1.Array], di1.Array]) -> di1.Array:
    """The settlement's rate, from its PU where the file has none; 0 on the day of expiry."""
    rate, days, price = (_column(rows, c) for c in ("settle_rate", term, "settle_price"))
    live = days > 0
    own = implied(np.where(live, price, di1.FACE_BRL), np.where(live, days, 1.0))
    return np.where(live, np.where(np.isnan(rate), own, rate), 0.0)


def _di1(rows: pl.DataFrame) -> Valued:
    price, before, fc, unit, left = (
        _column(rows, c) for c in ("settle_price", "prev_price", "correction", "unit", "bdays")
    )
    rate = _live_rate(rows, "bdays", di1.rate_from_pu)
    alive = np.maximum(left, 0.0)
    return unit, fc, di1.daily_settlement(price, before, fc), di1.dv01(rate, alive, price), np.zeros_like(price)


def _ddi(rows: pl.DataFrame) -> Valued:
    price, before, cdi, unit, left = (
        _column(rows, c) for c in ("settle_price", "prev_price", "correction", "unit", "days")
    )
    ptax, fixed, base = (_column(rows, c) for c in ("ptax", "ptax_before", "ptax_base"))
    value, fc = unit * fixed, ddi.correction_factor(cdi, fixed, base)
    rate = _live_rate(rows, "days", ddi.rate_from_pu)
    dv01 = ddi.dv01(rate, np.maximum(left, 0.0), ptax, price)
    return value, fc, ddi.daily_settlement(price, before, fc, value), dv01, ddi.usd_delta(price) * ptax


def _dap(rows: pl.DataFrame) -> Valued:
    price, before, cdi, unit, left = (
        _column(rows, c) for c in ("settle_price", "prev_price", "correction", "unit", "bdays")
    )
    index, index_before = _column(rows, "index"), _column(rows, "index_before")
    value, fc = unit * index, dap.correction_factor(cdi, index, index_before)
    rate = _live_rate(rows, "bdays", di1.rate_from_pu)
    pnl = dap.daily_settlement(price, before, fc, value)
    return value, fc, pnl, dap.dv01(rate, np.maximum(left, 0.0), index, price), np.zeros_like(price)


def _frc(rows: pl.DataFrame) -> Valued:
    near, far, near_prev, far_prev, ends = (
        _column(rows, c) for c in ("near", "far", "near_prev", "far_prev", "next_near")
    )
    ptax, fixed, left, near_left = (_column(rows, c) for c in ("ptax", "ptax_before", "days", "next_near_days"))
    value = _column(rows, "unit") * fixed
    forward = left > near_left  # on its last days the contract is the first leg itself: nothing is forward any more
    risk = frc.dv01(ends, np.where(forward, near_left, 0.0), far, np.where(forward, left, 1.0), ptax)
    pnl = frc.daily_settlement(near, far, near_prev, far_prev, value)
    return value, np.ones_like(near), pnl, np.where(forward, risk, 0.0), np.zeros_like(near)


def _linear(rows: pl.DataFrame) -> Valued:
    price, before, unit = (_column(rows, c) for c in ("settle_price", "prev_price", "unit"))
    pnl = futures.daily_settlement(price, before, unit)
    return unit, np.ones_like(price), pnl, np.zeros_like(price), futures.delta(price, unit)


def _reissued(path: pl.DataFrame, marks: pl.DataFrame) -> pl.DataFrame:
    """The path, with each day again in the sessions that brought a new mark of its contracts."""
    arrived = marks.select("trade_date", again="session", name="contract")
    again = [
        path.join(arrived, left_on=["trade_date", column], right_on=["trade_date", "name"], how="inner")
        .filter(pl.col("again") > pl.col("session"))
        .with_columns(session=pl.col("again"))
        .drop("again")
        for column in ("contract", "next_contract")
    ]
    return pl.concat([path, *again]).unique().sort("session", "trade_date", "instrument")
