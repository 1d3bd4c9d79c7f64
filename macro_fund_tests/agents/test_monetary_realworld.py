"""The monetary agent's record on COPOM meetings of 2012-2021; skipped where the data are not there."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from macro_fund.agents.as_known import rows_of
from macro_fund.agents.model import refit_sessions
from macro_fund.agents.monetary_model import BRAZIL, monetary_model
from macro_fund.agents.monetary_path import monetary_path
from macro_fund.agents.monetary_record import evaluation
from macro_fund.agents.taylor import PHI_RANGE, RHO_RANGE
from macro_fund.curves.di import build
from macro_fund.curves.policy_path import policy_path
from macro_fund.instruments.contracts import maturities
from macro_fund.settings import default_settings
from macro_fund.time.calendars import load_calendar
from macro_fund.time.releases import load_meetings
from macro_fund.time.sessions import assign_session
from macro_fund_tests.realworld import FOLDER
from macro_fund_tests.strategies.frames import MAX_AGE, table

DATA = FOLDER / "data"
SERIES = ("br_selic_target", "br_cdi_daily", "br_inflation_target", "br_ipca_12m", "br_ibc_br_sa")
LAST = date(2021, 12, 28)

pytestmark = [
    pytest.mark.realworld,
    pytest.mark.skipif(not (DATA / "br_di1.parquet").is_file(), reason=f"no real settlements in {DATA}"),
]


def _known(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with `pub` (seconds) by the session in which they became known."""
    timed = rows.with_columns(knowledge_time=pl.from_epoch("pub", time_unit="s").cast(pl.Datetime("us", "UTC")))
    return assign_session(timed, table()).filter(pl.col("session") <= LAST)


@pytest.fixture(scope="module")
def observations() -> pl.DataFrame:
    wanted = {int(s.code): s for s in default_settings().series if s.id in SERIES}
    sgs = pl.read_parquet(DATA / "br_sgs.parquet").filter(pl.col("code").is_in(list(wanted)))
    start = pl.col("code").replace_strict({c: s.start for c, s in wanted.items()}, return_dtype=pl.Date)
    scale = pl.col("code").replace_strict({c: s.scale for c, s in wanted.items()})
    ids = pl.col("code").replace_strict({c: s.id for c, s in wanted.items()}, return_dtype=pl.String)
    rows = sgs.filter(pl.col("date") >= start).select(
        "pub", series_id=ids, event_date="date", value=pl.col("value") * scale
    )
    survey = pl.read_parquet(DATA / "br_focus.parquet").filter(
        (pl.col("set") == "12m") & (pl.col("date") >= date(2009, 1, 1))
    )
    survey = survey.select(
        "pub", series_id=pl.lit("br_focus_ipca_12m"), event_date="date", value=pl.col("mediana") / 100
    )
    return _known(pl.concat([rows, survey]))


@pytest.fixture(scope="module")
def sessions() -> list[date]:
    """The first sessions of months."""
    return refit_sessions(table().keys(date(2010, 1, 4), LAST), table())


@pytest.fixture(scope="module")
def priced(observations: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    """silver/policy_path of those sessions."""
    before = [table().offset(s, -1) for s in sessions[1:]]
    rows = pl.read_parquet(DATA / "br_di1.parquet").filter(pl.col("date").is_in(before))
    rows = _known(rows.rename({"date": "event_date", "symbol": "contract", "price": "settle_price"}))
    rows = rows.with_columns(
        root=pl.lit("DI1"),
        settle_rate=(pl.col("tax") / 100).round(6),
        maturity=maturities(rows["contract"], rows["event_date"]),
    )
    cdi, target = (observations.filter(pl.col("series_id") == s) for s in ("br_cdi_daily", "br_selic_target"))
    calendar = load_calendar("anbima")
    meetings = [m.date for m in load_meetings("copom_meetings")]
    return policy_path(build(rows, cdi, sessions[1:], calendar), target, meetings, calendar)


@pytest.fixture(scope="module")
def model(observations: pl.DataFrame, priced: pl.DataFrame, sessions: list[date]) -> pl.DataFrame:
    return monetary_model(observations, priced, sessions, table())


def test_parameters_stay_in_their_ranges(model: pl.DataFrame) -> None:
    wide = model.pivot(on="parameter", index="session", values="value").sort("session").drop_nulls("neutral_rate")
    assert wide["session"][0] <= date(2012, 2, 1)
    assert wide["neutral_rate"].is_between(*BRAZIL.bounds).all()
    assert (wide["neutral_fallback"] == 0).all()
    assert wide["rho"].is_between(*RHO_RANGE).all()
    assert wide["phi"].is_between(*PHI_RANGE).all()


def test_the_record_is_what_the_page_says(
    observations: pl.DataFrame, priced: pl.DataFrame, model: pl.DataFrame, sessions: list[date]
) -> None:
    """docs/agents/monetary.md: no better than an unchanged Selic, and worse than what was priced, by a clear margin."""
    path = monetary_path(observations, priced, model, sessions, MAX_AGE)
    table_of = evaluation(path, rows_of(observations, "br_selic_target", LAST))
    found = {(h, b): (r, d) for h, b, r, d in table_of.select("horizon", "benchmark", "ratio", "dm").rows()}
    assert found[4, "priced path"][0] == pytest.approx(1.82, abs=0.1)
    assert found[8, "priced path"][0] == pytest.approx(1.42, abs=0.1)
    assert found[4, "today's Selic"][0] == pytest.approx(0.96, abs=0.05)
    assert found[8, "today's Selic"][0] == pytest.approx(1.02, abs=0.05)
    assert found[4, "priced path"][1] > 2.0
