"""The whole graph on real data: numbers checked by hand against the sources, faults of every provider, one bad day.

The numbers typed in here are the observations behind the replay server (its `data` folder), in the provider's unit.
The server's clock stands at the as_of of the newest session that is run: it knows no more than the morning did.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from typer.testing import CliRunner

from macro_fund.cli import app
from macro_fund.store.tables import FAILURES, PROVENANCE, QUARANTINE, TABLES
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.realfund import Fund
from macro_fund_tests.realworld import RealWorld

pytestmark = [pytest.mark.graph, pytest.mark.realworld]

HOSTS = {
    "bronze/b3_settlements": "www.b3.com.br",
    "bronze/bcb_focus": "olinda.bcb.gov.br",
    "bronze/bcb_ptax": "olinda.bcb.gov.br",
    "bronze/bcb_sgs": "api.bcb.gov.br",
    "bronze/fred": "fred.stlouisfed.org",
    "bronze/us_treasury": "home.treasury.gov",
    "bronze/yahoo": "query1.finance.yahoo.com",
}
ALWAYS = 10_000  # more answers than a session asks for
HOLD_S = 0.02  # a server that closes the connection without an answer does so after this

NEW_YEAR, JANUARY_8 = date(2019, 1, 2), date(2019, 1, 8)
MAY_15, MAY_16, MAY_17, MAY_18, MAY_19, MAY_22 = (date(2017, 5, d) for d in (15, 16, 17, 18, 19, 22))
RECEIVER = {"DI1_2Y": 1300}


@pytest.fixture(scope="module")
def january(server: RealWorld, tmp_path_factory: pytest.TempPathFactory) -> Fund:
    """Three years of history, opened on 2 January 2019, run to the 8th."""
    fund = Fund.create(tmp_path_factory.mktemp("real"), server, NEW_YEAR, date(2016, 1, 4))
    fund.run(NEW_YEAR)
    fund.run(*fund.home.sessions.keys(NEW_YEAR, JANUARY_8)[1:])
    return fund


@pytest.fixture(scope="module")
def may_opened(server: RealWorld, tmp_path_factory: pytest.TempPathFactory) -> Fund:
    """Opened on 15 May 2017, two sessions before the tapes of the evening of the 17th, receiving the 2-year rate."""
    fund = Fund.create(tmp_path_factory.mktemp("real"), server, MAY_15, date(2016, 1, 4))
    fund.run_planted({MAY_15: RECEIVER}, MAY_15)
    fund.run_planted({MAY_16: RECEIVER}, MAY_16)
    return fund


@pytest.fixture(scope="module")
def may(may_opened: Fund, tmp_path_factory: pytest.TempPathFactory) -> Fund:
    """Receivers that want 400 more on the day of the limit, and all of it back after the halving."""
    fund = may_opened.copy(tmp_path_factory)
    wanted = {MAY_17: RECEIVER, MAY_18: {"DI1_2Y": 1700}, MAY_19: RECEIVER, MAY_22: RECEIVER}
    fund.run_planted(wanted, *wanted)
    return fund


# --- January 2019: facts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "series", "day", "published", "known_in"),
    [
        ("bcb_sgs", "br_selic_target", date(2019, 1, 2), 0.065, date(2019, 1, 2)),
        ("bcb_sgs", "br_cdi_daily", date(2019, 1, 3), 0.0002462, date(2019, 1, 7)),
        ("bcb_sgs", "br_ipca_mom", date(2018, 11, 1), -0.0021, date(2018, 12, 12)),
        ("bcb_sgs", "br_inflation_target", date(2019, 1, 1), 0.0425, date(2017, 7, 3)),
        ("bcb_ptax", "br_usdbrl_ptax_ask", date(2018, 12, 31), 3.8748, date(2019, 1, 2)),
        ("bcb_ptax", "br_usdbrl_ptax_ask", date(2019, 1, 7), 3.7062, date(2019, 1, 8)),
        ("bcb_focus", "br_focus_ipca_12m", date(2018, 12, 28), 0.0365, date(2019, 1, 2)),
        ("us_treasury", "us_par_10y", date(2018, 12, 31), 0.0269, date(2019, 1, 2)),
        ("us_treasury", "us_par_10y", date(2019, 1, 7), 0.0270, date(2019, 1, 8)),
        ("us_treasury", "us_par_2y", date(2019, 1, 4), 0.0250, date(2019, 1, 7)),
        ("fred", "us_vix", date(2018, 12, 31), 25.42, date(2019, 1, 3)),
        ("fred", "us_vix", date(2019, 1, 4), 21.38, date(2019, 1, 8)),
        ("fred", "us_hy_oas", date(2019, 1, 4), 0.0505, date(2019, 1, 8)),
        ("fred", "us_dff", date(2018, 12, 31), 0.0240, date(2019, 1, 3)),
        ("yahoo", "us_spx", date(2018, 12, 31), 2506.850098, date(2019, 1, 2)),
        ("yahoo", "us_spx", date(2019, 1, 7), 2549.689941, date(2019, 1, 8)),
        ("yahoo", "br_ibov", date(2019, 1, 4), 91841.0, date(2019, 1, 7)),
    ],
)
def test_published_value_and_the_morning_that_knew_it(
    january: Fund, table: str, series: str, day: date, published: float, known_in: date
) -> None:
    for where in (f"bronze/{table}", "silver/observations"):
        rows = january.rows(where).filter(pl.col("series_id") == series, pl.col("event_date") == day)
        assert rows["value"].to_list() == [pytest.approx(published, rel=1e-12)], where
        assert rows["session"].to_list() == [known_in], where


@pytest.mark.parametrize(
    ("day", "price", "rate", "corrected"),
    [(date(2019, 1, 2), 86985.81, 0.0722, 86752.90), (date(2019, 1, 7), 86768.19, 0.0740, 86974.56)],
)
def test_settlement_of_di1f21_and_its_profit(
    january: Fund, day: date, price: float, rate: float, corrected: float
) -> None:
    """The exchange publishes PU, rate and the day before's PU carried by the CDI; the profit is their difference."""
    chosen = pl.col("contract") == "DI1F21"
    row = january.rows("bronze/b3_settlements").filter(chosen, pl.col("event_date") == day).row(0, named=True)
    assert (row["settle_price"], row["settle_rate"]) == (price, pytest.approx(rate, rel=1e-12))
    mark = january.rows("silver/contract_marks").filter(chosen, pl.col("trade_date") == day).row(0, named=True)
    assert mark["pnl_brl"] == pytest.approx(price - corrected, abs=1e-6)
    assert mark["session"] == january.home.sessions.offset(day, 1)


# The server has no parameters of ANBIMA's curves, and DDI on 80 days of 2021 only.
UNSERVED = {"silver/ettj", "silver/cupom_curve"}


def test_what_the_sources_lack_is_named_and_nothing_else_fails(january: Fund) -> None:
    """The server has no data for many series of the catalogue: each is named once, and no other is."""
    verdicts = january.rows("quality/verdicts")
    failed = verdicts.filter(~pl.col("passed"))
    assert verdicts.filter("blocking").height > 300
    assert failed.filter("blocking").is_empty(), failed.filter("blocking").rows()
    bronze = failed.filter(pl.col("asset").str.starts_with("bronze/"))
    assert set(bronze["check"]) == {"answered", "fresh", "in_time", "no_quarantine"}
    for source in january.home.settings.sources:
        asset = f"bronze/{source}"
        have = set(january.rows(asset)["series_id"])
        lack = {s.id for s in january.home.settings.series_of(source) if s.start < date(2018, 12, 1)} - have
        refused = set(january.beside(QUARANTINE, asset, NEW_YEAR)["item"])
        said = january.beside(FAILURES, asset, NEW_YEAR)["item"].str.split(", ").explode().drop_nulls()
        assert lack - refused <= set(said), f"{asset}: nothing is said of {sorted(lack - set(said))}"
        there = set(january.rows(asset, NEW_YEAR)["series_id"])
        assert not set(said) & there, f"{asset} complains of {sorted(set(said) & there)}, which are there"
        assert asset == "bronze/yahoo" or not refused, f"{asset} refused {refused}"
    others = failed.filter(~pl.col("asset").str.starts_with("bronze/")).select("asset", "check").unique().rows()
    unserved = {(asset, "every_session") for asset in UNSERVED}
    # What was published of the crises is not what the closes of their windows say: told, and not hidden.
    told = {("risk/limits", "no_breach"), ("quality/sources", "complete"), ("risk/scenarios", "published")}
    assert set(others) <= told | unserved


def test_every_asset_is_materialized_on_every_key(january: Fund) -> None:
    keys = january.home.partition_keys(JANUARY_8)
    graph = harness.graph().resolve_asset_graph().materializable_asset_keys
    # Without an approval there is no order: the gate of the monetary view kept the fund out of the market that week.
    assets = {"/".join(k.path) for k in graph} - {"pms/orders"}
    assert {a: january.home.lake.keys(a) for a in assets} == dict.fromkeys(assets, keys)
    # Other sources publish by the week or month, or are not served; nothing was revised that week.
    seldom = {a for a in assets if a.startswith("bronze/")} - set(HOSTS) | {"bronze/bcb_focus", "quality/revisions"}
    seldom |= UNSERVED | harness.SELDOM | {"silver/positioning"}
    seldom |= {"risk/exposures", "risk/var_record"}  # nothing is held
    first_day = {"pms/pnl", "pms/explain"}
    untraded = {"pms/fills", "pms/marks", "pms/positions", "pms/trade_proposals"}
    for asset in sorted(assets - untraded - seldom):
        assert {k for k in keys if january.rows(asset, k).is_empty()} <= (
            {NEW_YEAR} if asset in first_day else set()
        ), asset


def test_nothing_is_traded_without_a_listed_price(january: Fund) -> None:
    """The strategies have a view on the dollar and on equities; without a settlement nobody can act on it."""
    view = january.rows("portfolio/conviction", JANUARY_8).filter(pl.col("instrument").is_in(["DOL_1M", "IND_2M"]))
    assert (view["score"] != 0).to_list() == [True, True]
    targets = january.rows("portfolio/targets").filter(pl.col("price").is_null())
    dead = targets.filter(pl.col("instrument").is_in(["DOL_1M", "IND_2M"]))
    assert dead.height == 2 * january.rows("portfolio/targets")["session"].n_unique()
    assert targets["target_contracts"].null_count() == targets["contract"].null_count() == targets.height
    assert (targets["status"] == "no_view").all()
    newest = dead.filter(pl.col("session") == JANUARY_8).sort("instrument")["reason"].to_list()
    assert newest == ["no listed settlement for DOL_1M", "no listed settlement for IND_2M"]
    assert january.rows("pms/trade_proposals").is_empty()


def test_books_of_a_fund_without_trades_earn_the_cdi(january: Fund) -> None:
    """100 million at 0.02462% a day: CDI of 28 December and 31 December, 2, 3 and 4 January."""
    nav = january.rows("pms/nav").sort("session")
    assert nav["pnl_brl"].to_list() == [Decimal(x) for x in ("0.00", "49246.06", "24632.12", "24638.19", "24644.25")]
    assert nav["nav_brl"][-1] == Decimal("100123160.62")


def test_digests_hold_and_nothing_was_late(january: Fund, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MACRO_FUND_HOME", str(january.home.path))
    answer = CliRunner().invoke(app, ["verify"])
    assert (answer.exit_code, answer.output.split(", ")[-1].strip()) == (0, "0 problems")
    assert {a: january.rows(a)["late"].sum() for a in HOSTS} == dict.fromkeys(HOSTS, 0)


def test_a_provider_that_shows_the_future_changes_nothing(
    january: Fund, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Asked again in 2021, and the same rows: what is not public by the as_of stays out."""
    again = january.copy(tmp_path_factory)
    for asset in HOSTS:
        again.home.lake.path(asset, JANUARY_8).unlink()
    again.server.reset()
    harness.succeeded(harness.run_assets(again.home, HOSTS, JANUARY_8))
    # Yahoo says of the newest day only whether its trading is over, and that day is another one by then.
    settled = pl.col("event_date") < JANUARY_8
    for asset in HOSTS:
        ours, theirs = (f.rows(asset, JANUARY_8).filter(settled).drop(PROVENANCE) for f in (again, january))
        assert ours.height or asset == "bronze/bcb_focus", asset
        assert ours.equals(theirs), asset


# --- May 2017: a bad day -------------------------------------------------------------------------------------------


def unit_pnl(fund: Fund, *days: date) -> list[Decimal]:
    """Settlement P&L of +1 DI1F19 on the days, as the exchange's prices have it."""
    rows = fund.rows("silver/contract_marks").filter(pl.col("contract") == "DI1F19", pl.col("trade_date").is_in(days))
    newest = rows.sort("trade_date", "session").unique("trade_date", keep="last", maintain_order=True)
    return [Decimal(str(round(x, 2))) for x in newest["pnl_brl"]]


def test_the_receiver_loses_on_18_may_2017(may: Fund) -> None:
    """DI1F19 from 8.81% to 10.41%, PU 85,252.80 against 87,288.86 carried: 1,300 contracts lose 2.6% of the fund."""
    row = (
        may.rows("silver/instrument_returns")
        .filter(pl.col("instrument") == "DI1_2Y", pl.col("trade_date") == MAY_18)
        .row(0, named=True)
    )
    assert (row["contract"], row["session"]) == ("DI1F19", MAY_19)
    assert row["shock"] == pytest.approx(160.0, abs=1e-6)
    assert row["pnl_brl"] == pytest.approx(-2036.06, abs=1e-6)
    held = may.rows("pms/positions", MAY_18).row(0, named=True)
    assert (held["contract"], held["quantity"]) == ("DI1F19", 1300)
    made = may.rows("pms/pnl", MAY_19).filter(pl.col("component") == "settlement")["pnl_brl"].to_list()
    assert made == [Decimal("-2646878.00")]


def test_the_explain_of_that_day_is_the_move_of_the_rate(may: Fund) -> None:
    """The curve's move is all of it but carry and roll of a day; what is not explained is rounding."""
    parts = may.rows("pms/explain", MAY_19).filter(pl.col("contract") == "DI1F19")
    by = dict(parts.group_by("component").agg(pl.col("pnl_brl").sum()).rows())
    assert sum(by[c] for c in ("carry", "roll", "nominal", "residual")) == Decimal("-2646878.00")
    assert by["nominal"] < Decimal("-2600000")
    assert abs(by["residual"]) < 100


def test_breakers_trip_and_half_is_proposed(may: Fund) -> None:
    tripped = may.rows("risk/breakers", MAY_19).filter("tripped")
    assert {"day_stop", "day_halve"} <= set(tripped["breaker"])
    assert "drawdown_kill" not in set(tripped["breaker"])
    asked = may.rows("pms/trade_proposals", MAY_19)
    assert asked.select("instrument", "position_before", "position_after").rows() == [("DI1_2Y", 1300, 650)]
    # What the strategies' targets wanted back on the 22nd is held back, and told.
    again = may.rows("pms/trade_proposals", MAY_22)
    assert (again["position_after"].abs() <= again["position_before"].abs()).all()


def test_at_the_limit_there_is_no_price_and_elsewhere_fills_are_at_the_settlement(may: Fund) -> None:
    """400 more were approved on the 18th, and the contract settled at its limit."""
    assert may.rows("pms/orders", MAY_18)["quantity"].to_list() == [pytest.approx(400, abs=5)]  # by the NAV
    fills = may.rows("pms/fills").select("contract", event_date="trade_date", price="price", quantity="quantity")
    assert fills.sort("event_date").select("contract", "event_date", "quantity").rows() == [
        ("DI1F19", MAY_15, 1300),
        ("DI1F19", MAY_19, -650),
    ]
    listed = may.rows("bronze/b3_settlements").select("contract", "event_date", "settle_price")
    both = fills.join(listed, on=["contract", "event_date"], how="left")
    assert both["price"].to_list() == both["settle_price"].to_list()
    assert may.rows("quality/verdicts").filter("blocking", ~pl.col("passed")).is_empty()


# --- faults --------------------------------------------------------------------------------------------------------

WORST = {
    "api.bcb.gov.br": "http500",
    "olinda.bcb.gov.br": "html200",
    "www.b3.com.br": "empty",
    "fred.stlouisfed.org": "truncated",
    "home.treasury.gov": "http429",
    "query1.finance.yahoo.com": "timeout",
}


@pytest.fixture(scope="module")
def outage(may_opened: Fund, tmp_path_factory: pytest.TempPathFactory) -> Fund:
    """The fund of May 2017 without the central bank's series on the 17th, and without any provider on the 18th."""
    fund = may_opened.copy(tmp_path_factory)
    fund.server.fault("api.bcb.gov.br", "http500", ALWAYS)
    fund.run_planted({MAY_17: RECEIVER}, MAY_17)
    fund.server.reset()
    for host, kind in WORST.items():
        fund.server.fault(host, kind, ALWAYS, hold=HOLD_S)
    fund.run(MAY_18)
    fund.server.reset()
    fund.run_planted({MAY_19: RECEIVER}, MAY_19)
    return fund


def test_without_the_cdi_the_position_is_marked_and_its_profit_waits(outage: Fund) -> None:
    verdicts = outage.rows("quality/verdicts", MAY_17).filter(~pl.col("passed"))
    said_of_marks = dict(verdicts.filter(pl.col("asset") == "silver/contract_marks").select("check", "detail").rows())
    assert said_of_marks.keys() == {"pnl_known"}
    assert "DI1F18 2017-05-16: no CDI to carry 2017-05-15" in said_of_marks["pnl_known"]
    assert verdicts.filter("blocking").is_empty()
    held = outage.rows("pms/positions", MAY_17).row(0, named=True)
    assert (held["quantity"], held["mark_basis"]) == (1300, "settlement")
    assert outage.rows("pms/pnl", MAY_17).filter(pl.col("component") == "settlement").is_empty()


def test_with_every_provider_down_the_session_is_run_to_its_end(outage: Fund, may: Fund) -> None:
    # Without a fresh settlement there is no target, so nothing is proposed and nobody approves an order.
    every = [a for a in TABLES if a != "pms/orders" and may.home.lake.path(a, MAY_18).exists()]
    assert [a for a in every if not outage.home.lake.path(a, MAY_18).exists()] == []
    assert {a: outage.rows(a, MAY_18).height for a in HOSTS} == dict.fromkeys(HOSTS, 0)
    verdicts = outage.rows("quality/verdicts", MAY_18)
    silent = set(verdicts.filter(pl.col("check") == "answered", ~pl.col("passed"))["asset"])
    assert set(HOSTS) <= silent
    assert verdicts.filter("blocking", ~pl.col("passed")).is_empty()
    # Yesterday's settlement is yesterday's: the book says so, and books nothing for the day.
    assert outage.rows("pms/positions", MAY_18)["mark_basis"].to_list() == ["previous"]
    assert outage.rows("pms/pnl", MAY_18).filter(pl.col("component") == "settlement").is_empty()


def test_after_the_outage_the_data_and_the_targets_are_those_without_it(outage: Fund, may: Fund) -> None:
    """Three days are booked in one: with two small ones the loss of the 18th is below the halving, and only stops."""
    for asset in HOSTS:
        assert outage.facts(asset, MAY_19) == may.facts(asset, MAY_19), asset
    for table in ("silver/di_curve", "silver/ust_curve", "silver/as_known"):
        assert outage.home.lake.digest(table, MAY_19) == may.home.lake.digest(table, MAY_19), table
    target = ["instrument", "contract", "target_contracts", "dv01_brl", "delta_brl"]
    ours, theirs = (f.rows("portfolio/targets", MAY_19).select(target) for f in (outage, may))
    assert ours.height > 0
    assert ours.equals(theirs)
    assert outage.rows("risk/breakers", MAY_19).filter("tripped")["breaker"].to_list() == ["day_stop"]
    assert outage.rows("pms/trade_proposals", MAY_19).is_empty()
    # A series of which an answer failed is asked from its beginning again, where Yahoo has adjusted prices only.
    said_again = pl.col("asset").eq("bronze/yahoo") & pl.col("check").eq("no_quarantine")
    passed = [f.rows("quality/verdicts", MAY_19).filter(~said_again).drop("detail") for f in (outage, may)]
    assert passed[0].join(passed[1], on=passed[0].columns, how="anti").rows() == []


def test_after_the_outage_the_profit_is_the_one_without_it_to_the_cent(outage: Fund, may: Fund) -> None:
    books = [f.rows("pms/pnl").filter(pl.col("session") <= MAY_19) for f in (may, outage)]
    by = ["contract", "strategy_id", "component"]
    totals = [b.filter(pl.col("contract") != "CASH").group_by(by).agg(pl.col("pnl_brl").sum()).sort(by) for b in books]
    units = unit_pnl(may, MAY_16, MAY_17, MAY_18)
    assert totals[0].select(by).rows() == [("DI1F19", "RATES-01", c) for c in ("cost", "settlement")]
    assert totals[0]["pnl_brl"][1] == 1300 * sum(units)
    assert totals[1].equals(totals[0])
    interest = [sum(b.filter(pl.col("contract") == "CASH")["pnl_brl"], Decimal(0)) for b in books]
    # Interest is on the NAV as booked: the P&L of 16 May came two days late, that of the 17th one day.
    late = 1300 * (2 * units[0] + units[1]) * Decimal("0.00041886")
    assert interest[1] - interest[0] == pytest.approx(-late, abs=Decimal("0.10"))
