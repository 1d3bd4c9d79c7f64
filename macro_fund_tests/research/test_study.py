"""A home read point in time, and every variant in its ledger."""

from __future__ import annotations

import inspect
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from macro_fund.backtest import judge, lab
from macro_fund.home import Home
from macro_fund.research import promotion, study
from macro_fund.research.promotion import Bars, load_bars, measure
from macro_fund.research.study import Study, code_of, open_study
from macro_fund.settings import CONFIG_DIR, SettingsError
from macro_fund.store.lake import Lake
from macro_fund.store.ledger import LedgerError
from macro_fund.store.tables import TABLES
from macro_fund.strategies import registry
from macro_fund_tests.pms.builders import utc
from macro_fund_tests.research.homes import a_home

NOW, LATER = utc(2026, 1, 5), utc(2026, 1, 6)
FX, CROSS = registry.get("FX-02"), registry.get("CROSS-02")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Its lake is only read; tests that record use a ledger of their own."""
    return a_home(tmp_path_factory.mktemp("study") / "home", days=3, sessions=1900)


@pytest.fixture
def home(shared: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("MACRO_FUND_LEDGER_URL", f"sqlite:///{tmp_path / 'ledger.sqlite'}")
    return replace(shared)


def opened(home: Home, first: date | None = None, last: date | None = None) -> Study:
    return open_study(home, first, last, NOW)


def test_a_variant_is_a_trial_once(home: Home) -> None:
    s = opened(home)
    base = s.configured(FX)
    s.run(FX, [base])
    s.run(FX, [base])
    open_study(home, None, None, LATER).run(FX, [base, base.changed({"enter": 0.4})])
    s.run(CROSS, [s.configured(CROSS)])
    rows = home.ledger.trials()
    assert rows["strategy_id"].to_list() == ["CROSS-02", "FX-02", "FX-02"]
    assert set(rows["recorded_at"]) == {NOW, LATER}
    assert s.tries().count == 3
    assert s.tries().variance == pytest.approx(np.var(rows["sharpe"].drop_nulls().to_numpy(), ddof=1))
    assert home.ledger.verify_journal() == []


def test_strategies_run_as_configured_are_a_trial_each(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    s = opened(home)
    alone = [s.only_run(x, [s.configured(x)])[0] for x in (CROSS, FX)]
    for a, b in zip(s.run_configured([CROSS, FX]), alone, strict=True):
        np.testing.assert_array_equal(a.returns, b.returns)
    rows = home.ledger.trials()
    assert set(rows["trial_id"]) == {s.trial_id(x, s.configured(x)) for x in (CROSS, FX)}
    assert rows["strategy_id"].to_list() == ["CROSS-02", "FX-02"]
    monkeypatch.setattr(registry, "all_strategies", lambda: (CROSS, FX, registry.get("RATES-01")))
    told: list[tuple[int, int]] = []
    for _ in range(2):
        s.run_missing(lambda done, of: told.append((done, of)))
    assert told == [(1, 1)]
    assert set(home.ledger.trials()["strategy_id"]) == {"CROSS-02", "FX-02", "RATES-01"}


def test_the_id_is_known_before_the_run(home: Home) -> None:
    s = opened(home)
    v = s.configured(FX).changed({"enter": 0.41})
    expected = s.trial_id(FX, v)
    s.run(FX, [v])
    assert expected in home.ledger.trials()["trial_id"]


def test_another_period_is_another_trial(home: Home) -> None:
    days = home.sessions.keys(home.settings.fund.history_start, home.inception)
    for s in (opened(home), opened(home, first=days[400]), opened(home, last=days[-100])):
        s.run(FX, [s.configured(FX)])
    rows = home.ledger.trials()
    assert rows.height == 3
    assert set(rows["first_session"]) == {days[0], days[400]}


def test_stresses_are_no_trials(home: Home) -> None:
    s = opened(home)
    s.only_run(FX, [lab.at_costs(s.configured(FX), 2.0)])
    assert home.ledger.trials().is_empty()


def test_nothing_later_than_the_last_session_is_read(home: Home) -> None:
    """Also of the opening partition, which holds all sessions before the fund's first."""
    last = home.sessions.offset(home.inception, -200)
    s = opened(home, last=last)
    panel = s.panel(FX)
    assert all(f["session"].max() <= last for f in panel.tables.values() if "session" in f.columns)
    known = s.run(FX, [s.configured(FX)])[0]
    whole = opened(home).run(FX, [s.configured(FX)])[0]
    np.testing.assert_array_equal(known.gross, whole.gross[: known.gross.size])


def test_the_panel_holds_what_the_strategy_declares(home: Home) -> None:
    assert set(opened(home).panel(FX).tables) == set(FX.inputs)


def test_partitions_whose_gate_failed_are_not_read(home: Home, tmp_path: Path) -> None:
    from macro_fund.store.verdicts import side_table

    mine = replace(home, path=tmp_path)
    source, target = home.lake, mine.lake
    for key in FX.inputs:
        for k in source.keys(key):
            path = target.path(key, k)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(source.path(key, k))
    bad = source.keys(FX.inputs[0])[-1]
    side = side_table(TABLES["quality/verdicts"], "silver/as_known")
    row = {"session": bad, "passed": False, "blocking": True}
    values = {n: row.get(n, _any(t)) for n, t in side.schema.items()}
    Lake(target.root).write(side, bad, pl.DataFrame([values], schema=side.schema))
    s = opened(mine)
    assert bad not in set(s.table("silver/as_known")["session"])
    assert bad in set(s.table("silver/leg_returns")["session"])
    assert s.inputs(FX) != opened(home).inputs(FX)


def _any(dtype: pl.DataType) -> object:
    if dtype.is_temporal():
        return NOW if dtype == pl.Datetime("us", "UTC") else NOW.date()
    return "x" if dtype == pl.String else 0


def test_the_code_of_a_trial_is_that_of_its_strategy_and_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert code_of(FX) != code_of(CROSS)
    sov, source = registry.get("SOV-03"), inspect.getsource
    before = {s.id: code_of(s) for s in (FX, sov)}

    def moved(changed: str) -> set[str]:
        """The strategies whose code is another one when that module's is."""
        name = f"macro_fund.strategies.{changed}"
        monkeypatch.setattr(study.inspect, "getsource", lambda m: source(m) + "# other" * (m.__name__ == name))
        return {s.id for s in (FX, sov) if code_of(s) != before[s.id]}

    assert moved("rows") == {"FX-02", "SOV-03"}
    assert [moved(m) for m in ("sov_03", "ordinal", "migration")] == [{"SOV-03"}] * 3
    assert moved("fx_05") == set()


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        (date(2009, 1, 5), None, "2009-01-05 is not a session between 2010-01-04 and"),
        (None, date(2030, 1, 2), "2030-01-02 is not a session between 2010-01-04 and"),
        (date(2012, 1, 1), None, "2012-01-01 is not a session"),
        (date(2012, 6, 1), date(2012, 5, 2), "the first session 2012-06-01 must be before the last, 2012-05-02"),
    ],
)
def test_a_wrong_period_is_refused(home: Home, first: date | None, last: date | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        opened(home, first, last)


def test_an_empty_lake_says_what_to_run(home: Home, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no silver/leg_returns yet: run `macro-fund run` first"):
        opened(replace(home, path=tmp_path / "empty"))


# promotion


def measured(home: Home, monkeypatch: pytest.MonkeyPatch, **grid: list[object]) -> promotion.Candidate:
    monkeypatch.setattr(registry, "all_strategies", lambda: (CROSS, FX))
    return measure(opened(home), FX, grid, load_bars())


def test_a_promotion_counts_every_strategy_in_a_new_ledger(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(home, monkeypatch, enter=[0.2, 0.3])
    assert found.tries.count == 3  # both strategies as configured, and the other set of the grid
    assert set(home.ledger.trials()["strategy_id"]) == {"FX-02", "CROSS-02"}
    assert found.trial_id in home.ledger.trials()["trial_id"]
    assert found.bars["deflated Sharpe"]["found"] == judge.deflated(found.record, found.tries)
    assert found.walked is not None
    assert found.bars["walk-forward Sharpe"]["found"] == found.walked.annual_sharpe


def test_the_ledger_refuses_a_strategy_without_an_edge(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(home, monkeypatch)
    with pytest.raises(LedgerError, match=r"FX-02 is not promoted: .*walk-forward years is"):
        home.ledger.promote(found.row("Ana"), NOW)
    assert home.ledger.promotions().is_empty()


def test_a_strategy_that_meets_every_bar_is_promoted(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    found = measured(home, monkeypatch)
    bars = {k: {**b, "found": b["least"] + 0.05} for k, b in found.bars.items()}
    home.ledger.promote({**found.row("Ana"), "bars": bars}, NOW)
    assert home.ledger.promotions()["trial_id"].to_list() == [found.trial_id]


def test_a_history_too_short_to_walk_fails_its_bar(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "all_strategies", lambda: (FX,))
    s = opened(home, first=home.sessions.offset(home.inception, -300))
    found = measure(s, FX, {}, load_bars())
    assert found.walked is None
    assert found.bars["walk-forward Sharpe"]["found"] is None
    assert found.bars["walk-forward years"]["found"] == 0.0


def test_the_bars_are_those_of_the_design() -> None:
    assert load_bars() == Bars(
        walk_forward_sharpe=0, walk_forward_years=5, deflated_sharpe=0.9, cost_stress=2, stressed_sharpe=0
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "deflated_sharpe: 0.90",
            "deflated_sharpe: 0.5",
            r"promotion.yaml:4: deflated_sharpe: .*greater than or equal",
        ),
        ("walk_forward_years: 5", "walk_forward_years: 1", "walk_forward_years"),
        ("stressed_sharpe: 0", "stressed_sharpe: -1", "stressed_sharpe"),
        ("cost_stress: 2", "cost_stress: 1", "cost_stress"),
        ("cost_stress: 2", "force: true", "force"),
    ],
)
def test_no_bar_can_be_lowered(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (CONFIG_DIR / "promotion.yaml").read_text()
    assert old in text
    (tmp_path / "promotion.yaml").write_text(text.replace(old, new))
    with pytest.raises(SettingsError, match=message):
        load_bars(tmp_path)
