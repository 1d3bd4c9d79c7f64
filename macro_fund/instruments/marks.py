"""Official marks: what +1 contract, listed or rolled, made and risks on each settlement day.

Belongs here: settlement rows -> silver/contract_marks, marks + roll path -> silver/instrument_returns. Does not belong
here: which contract an instrument holds (rolling.py), positions or money of the fund (pms/).

A late or corrected settlement comes as a new row in the session in which it arrived, together with a new row of the
contract's next settlement, whose P&L it changes, and a late CDI as new rows of the DI1 settlements that it carries: the
newest rows that a session knows always add up. A roll is decided on a day's settlement and concerns the P&L from the
next day on, so every return is of one and the same contract.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from macro_fund.curves.known import as_known, vintages, walk_back
from macro_fund.instruments import di1, futures
from macro_fund.instruments.rolling import roll_path
from macro_fund.settings import Instrument
from macro_fund.store.tables import TABLES
from macro_fund.time.calendars import BusinessCalendar

MAX_GAP_BD = 5
_MARKS = TABLES["silver/contract_marks"]
_RETURNS = TABLES["silver/instrument_returns"]
_KEY = ["contract", "event_date"]
_STATIC = ["root", "maturity", "settle_price", "settle_rate"]


def contract_marks(
    settlements: pl.DataFrame,
    cdi_daily: pl.DataFrame,
    sessions: Sequence[date],
    calendar: BusinessCalendar,
    point_values: Mapping[str, float],
) -> pl.DataFrame:
    """silver/contract_marks of the settlements that became known in `sessions`, or whose P&L did.

    settlements: bronze/b3_settlements rows; cdi_daily: rows (session, event_date, value = decimal a day) of the CDI;
    calendar: bank days; point_values: BRL a point of each root, 1 contract. P&L is null on a contract's first day, when
    its last settlement is more than five business days old, and while a CDI that carries it is not known: the session
    that learns it gives the row again. Raises ValueError for a root without a point value.
    """
    unknown = sorted(set(settlements["root"].unique()) - set(point_values))
    if unknown:
        raise ValueError(f"no point value for {', '.join(unknown)}; add an instrument of that root to the settings")
    quotes = vintages(settlements, _KEY).select("session", *_KEY, *_STATIC)
    issued = pl.concat([_issued(quotes), _carried_anew(quotes, cdi_daily, calendar)]).unique()
    issued = issued.filter(pl.col("session").is_in(list(sessions))).sort("contract", "event_date", "session")
    rows = _previous(issued, quotes, calendar)
    if rows.is_empty():
        return _MARKS.empty()
    rows = as_known(rows, quotes, _KEY)
    before = quotes.select("session", "contract", prev_trade_date="event_date", prev_price="settle_price")
    rows = as_known(rows, before, ["contract", "prev_trade_date"])
    rows = rows.join(
        _corrections(rows, cdi_daily, calendar), on=["session", "event_date", "prev_trade_date"], how="left"
    )
    return _valued(rows, calendar, point_values)


def instrument_returns(
    marks: pl.DataFrame, instruments: Sequence[Instrument], sessions: Sequence[date]
) -> pl.DataFrame:
    """silver/instrument_returns that became known in `sessions`, from the full history of silver/contract_marks.

    pnl_brl is the settlement of +1 contract held over the day, shock its own change: bp of rate for DI1, log return
    otherwise; both null on the first day, after a gap, and pnl_brl when the contract's own is null. A mark of the
    contract held or chosen that is given again gives the day again in that session.
    """
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
    change = pl.when(pl.col("root") == "DI1").then((pl.col("r") - pl.col("r0")) * 1e4)
    shock = change.otherwise((pl.col("p") / pl.col("p0")).log())
    return (
        rows.with_columns(
            shock=pl.when(~pl.col("opening")).then(shock), pnl_brl=pl.when(~pl.col("opening")).then("pnl_brl")
        )
        .select(list(_RETURNS.schema))
        .cast(pl.Schema(_RETURNS.schema))
        .sort(_RETURNS.sort)
    )


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


def _carried_anew(quotes: pl.DataFrame, cdi_daily: pl.DataFrame, calendar: BusinessCalendar) -> pl.DataFrame:
    """(session, contract, event_date) of the DI1 settlements, known before, that a CDI new in `session` carries."""
    events = _events(quotes.filter(pl.col("root") == "DI1"))
    first = events.group_by("event_date").agg(pl.col("first").min()).sort("event_date")
    back = -np.arange(1, MAX_GAP_BD + 1)
    ends = first["event_date"].to_numpy()[:, None]
    days = calendar.offset_many(ends, back[None, :], known_on=ends)
    spans = first.select(pl.all().repeat_by(back.size).explode()).with_columns(carrier=pl.Series(days.ravel()))
    news = cdi_daily.select("session", carrier="event_date").unique()
    late = spans.join(news, on="carrier", how="inner").filter(pl.col("session") > pl.col("first"))
    rows = late.drop("first").join(events, on="event_date", how="inner").filter(pl.col("session") > pl.col("first"))
    rows = _previous(rows.select("session", *_KEY, "carrier"), quotes, calendar)
    return rows.filter(pl.col("prev_trade_date") <= pl.col("carrier")).select("session", *_KEY)


def _events(quotes: pl.DataFrame) -> pl.DataFrame:
    """(contract, event_date, first): the session that first knew each settlement; sorted by contract and day."""
    return quotes.group_by(_KEY).agg(pl.col("session").min().alias("first")).sort(_KEY)


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


def _valued(rows: pl.DataFrame, calendar: BusinessCalendar, point_values: Mapping[str, float]) -> pl.DataFrame:
    """Business days, P&L and risk of one contract, as silver/contract_marks."""
    is_di1 = rows["root"].to_numpy() == "DI1"
    trade_date = rows["event_date"]
    bdays = calendar.count_many(trade_date, rows["maturity"], known_on=trade_date)
    point = rows["root"].replace_strict(dict(point_values), return_dtype=pl.Float64).to_numpy()
    price, before = rows["settle_price"].to_numpy(), rows["prev_price"].to_numpy()
    carry = rows["correction"].to_numpy()
    pnl = np.where(is_di1, di1.daily_settlement(price, before, carry), futures.daily_settlement(price, before, point))
    live = is_di1 & (bdays > 0)
    implied = di1.rate_from_pu(np.where(live, price, di1.FACE_BRL), np.where(live, bdays, 1))
    rate = np.where(live, rows["settle_rate"].fill_null(float("nan")).to_numpy(), 0.0)
    rate = np.where(np.isnan(rate), implied, rate)
    dv01 = np.where(live, di1.dv01(rate, np.where(live, bdays, 0), price), 0.0)
    nothing_carried = (pl.col("root") != "DI1") | pl.col("prev_trade_date").is_null()
    return (
        rows.with_columns(
            bdays=pl.Series(bdays),
            correction=pl.when(nothing_carried).then(1.0).otherwise(pl.col("correction")),
            pnl_brl=pl.Series(pnl).fill_nan(None),
            dv01_brl=pl.Series(dv01),
            delta_brl=pl.Series(np.where(is_di1, 0.0, futures.delta(price, point))),
        )
        .rename({"event_date": "trade_date"})
        .select(list(_MARKS.schema))
        .cast(pl.Schema(_MARKS.schema))
        .sort(_MARKS.sort)
    )


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
