"""The ledger on both databases: opening, recording, idempotence, and one clear refusal for each wrong decision."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from macro_fund.pms.execution import orders_from
from macro_fund.store import ledger_open
from macro_fund.store.content import canonical_json, content_id
from macro_fund.store.ledger import Ledger, LedgerError, open_ledger
from macro_fund.store.ledger_tables import METADATA
from macro_fund_tests.pms.builders import proposal, proposals, utc
from macro_fund_tests.store.old_ledger import written_at
from macro_fund_tests.store.stories import NOW, OTHER, PID, fill_of, full_story, run_sql, trial

# opening


def test_a_second_opening_finds_the_head_without_alembic(url: str) -> None:
    code = f"""
        import sys
        from macro_fund.store.ledger import open_ledger
        print(open_ledger({url!r}).journal_head()[0], "alembic" in sys.modules)
    """
    out = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["0", "False"]


def test_the_migrations_make_exactly_the_tables_the_code_uses(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    engine = ledger_open.engine_for(url)
    with engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn, opts={"compare_type": True}), METADATA) == []
        assert conn.scalar(sa.text("SELECT version_num FROM alembic_version")) == ledger_open.HEAD
    engine.dispose()


def test_head_is_the_newest_revision() -> None:
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(ledger_open._MIGRATIONS)).get_current_head() == ledger_open.HEAD


def test_sqlite_runs_in_wal_with_foreign_keys(tmp_path: Path) -> None:
    with open_ledger(f"sqlite:///{tmp_path}/home/ledger.sqlite")._read() as conn:
        assert conn.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://", "names no file"),
        ("mysql://host/x", "on mysql is not supported; use one of: sqlite, postgresql"),
        ("no address", "not a URL; write sqlite:///PATH"),
    ],
)
def test_an_address_that_cannot_work_is_refused(url: str, words: str) -> None:
    with pytest.raises(LedgerError, match=words):
        open_ledger(url)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.sqlite").write_text("not a database, but long enough to look like one " * 20)
    with pytest.raises(LedgerError, match="cannot open the ledger: file is not a database"):
        open_ledger(f"sqlite:///{tmp_path / 'x.sqlite'}")


def test_a_ledger_of_a_newer_version_is_refused(url: str) -> None:
    run_sql(url, "UPDATE alembic_version SET version_num = '0099'")
    with pytest.raises(LedgerError, match="revision 0099, which this version does not know: upgrade macro_fund"):
        open_ledger(url)


@pytest.mark.parametrize("revision", ["0001", "0002", "0003"])
def test_a_ledger_of_an_earlier_revision_keeps_what_it_holds(empty_url: str, revision: str) -> None:
    written_at(empty_url, revision, NOW)
    new = open_ledger(empty_url)
    assert new.proposals().height == 1
    assert new.record_trials([trial()], NOW) == 1
    new.switch("throw", "Ana", "x", NOW)
    assert new.verify_journal() == []
    new.close()


# recording


def test_recording_twice_changes_nothing(ledger: Ledger) -> None:
    assert ledger.record_proposals(proposals(), NOW) == 1
    assert ledger.record_proposals(proposals(), utc(2025, 2, 10, 15)) == 0
    ledger.decide(PID, "approve", "Ana", "", NOW)
    orders = orders_from(ledger.pending_approvals())
    assert [ledger.record_orders(orders, NOW), ledger.record_orders(orders, NOW)] == [1, 0]
    fills = fill_of(orders.row(0, named=True))
    assert [ledger.record_fills(fills, NOW), ledger.record_fills(fills, NOW)] == [1, 0]
    assert ledger.journal()["kind"].to_list() == ["proposal", "decision", "order", "fill"]
    assert ledger.verify_journal() == []


def test_known_and_new_rows_may_come_together(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    both = proposals({}, {"proposal_id": OTHER, "contract": "DI1F28"})
    assert ledger.record_proposals(pl.concat([both, both]), NOW) == 1
    assert ledger.journal()["ref"].to_list() == [PID, OTHER]
    assert ledger.verify_journal() == []


def test_what_comes_back_is_what_was_recorded(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    back = ledger.proposals()
    assert back.select(proposals().columns).equals(proposals())
    assert back["expected_cost_brl"].to_list() == [Decimal("871.95")]
    assert back["expires_at"].to_list() == [utc(2025, 2, 10, 21)]


def test_money_keeps_its_cents_beyond_what_a_float_holds(ledger: Ledger) -> None:
    amount = Decimal("123456789012345678.91")
    ledger.record_proposals(proposals({"expected_cost_brl": amount}), NOW)
    assert ledger.proposals()["expected_cost_brl"].to_list() == [amount]


def test_a_fill_is_never_restated(ledger: Ledger) -> None:
    full_story(ledger)
    with pytest.raises(LedgerError, match="fills row f1 is in the ledger with other content"):
        ledger.record_fills(fill_of(ledger.orders().row(0, named=True), price=76000.0), NOW)


def test_the_words_of_a_known_proposal_stay(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    assert ledger.record_proposals(proposals({"rationale": "other words"}), NOW) == 0
    assert ledger.proposals()["rationale"].to_list() == ["open"]


def test_a_fill_of_an_unknown_order_is_refused(ledger: Ledger) -> None:
    order = {"order_id": "nothing", "contract": "DI1F27", "instrument": "DI1_2Y", "quantity": 1}
    with pytest.raises(LedgerError, match=r"fills: row refused: .*(?i:foreign key)"):
        ledger.record_fills(fill_of(order), NOW)
    assert ledger.journal().is_empty()


def test_rows_of_another_shape_are_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="proposals: columns shares, gain_if are missing"):
        ledger.record_proposals(proposals().drop("shares", "gain_if"), NOW)


def test_times_without_a_zone_are_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        ledger.record_proposals(proposals(), NOW.replace(tzinfo=None))
    assert ledger.journal().is_empty()


# decisions


def test_approved_proposals_wait_for_their_order_once(ledger: Ledger) -> None:
    ledger.record_proposals(proposals({}, {"proposal_id": OTHER, "contract": "DI1F28"}), NOW)
    ledger.decide("ab12", "modify", "Ana", "half", NOW, quantity=60, limit_level=0.148)
    ledger.decide("ff00", "reject", "Ana", "no", NOW)
    pending = ledger.pending_approvals()
    columns = ("proposal_id", "quantity", "limit_level", "approved_by")
    assert pending.select(columns).rows() == [(PID, 60, 0.148, "Ana")]
    ledger.record_orders(orders_from(pending), NOW)
    assert ledger.pending_approvals().is_empty()
    assert ledger.orders(session=date(2025, 2, 10))["quantity"].to_list() == [60]
    assert ledger.orders(session=date(2025, 2, 11)).is_empty()


def test_orders_without_a_fill(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    ledger.decide(PID, "approve", "Ana", "", NOW)
    ledger.record_orders(orders_from(ledger.pending_approvals()), NOW)
    assert ledger.orders(still_open=True).height == 1
    assert ledger.orders(upto=date(2025, 2, 7)).is_empty()
    ledger.record_fills(fill_of(ledger.orders().row(0, named=True)), NOW)
    assert ledger.orders(still_open=True).is_empty()
    assert ledger.fills(upto=date(2025, 2, 10)).is_empty()
    filled = ledger.fills(upto=date(2025, 2, 11)).row(0, named=True)
    assert (filled["proposal_id"], filled["shares"]) == (PID, proposal()["shares"])


def test_status_follows_decision_and_time(ledger: Ledger) -> None:
    ids = [f"{i}a{i}b{i}c{i}d{i}e{i}f" for i in range(4)]
    ledger.record_proposals(
        proposals(*({"proposal_id": p, "contract": f"DI1F{30 + i}"} for i, p in enumerate(ids))), NOW
    )
    ledger.decide(ids[0], "approve", "Ana", "", NOW)
    ledger.decide(ids[1], "reject", "Ana", "too early", NOW)
    ledger.decide(ids[2], "modify", "Ana", "", NOW, quantity=10)
    before, after = utc(2025, 2, 10, 20, 59), utc(2025, 2, 10, 21)
    expected = dict(zip(ids, ["approved", "rejected", "modified", "proposed"], strict=True))
    assert dict(ledger.proposals(at=before).select("proposal_id", "status").iter_rows()) == expected
    assert dict(ledger.proposals(at=after).select("proposal_id", "status").iter_rows()) == expected | {
        ids[3]: "expired"
    }
    assert ledger.proposals(status="rejected")["note"].to_list() == ["too early"]
    assert ledger.proposal(ids[3], at=after)["status"] == "expired"
    assert ledger.proposals(session=date(2025, 2, 11)).is_empty()


def test_the_same_decision_sent_again_is_the_same_decision(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    first = ledger.decide(PID, "approve", "Ana", "x", NOW)
    assert ledger.decide(PID, "approve", "Ana", "x", NOW) == first
    assert ledger.journal().height == 2


LATE = utc(2025, 2, 10, 21)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((PID, "reject", "Ana", " ", NOW), "a rejection needs a note that says why"),
        ((PID, "modify", "Ana", "", NOW), "modify needs a quantity"),
        ((PID, "approve", " ", "", NOW), "who decides\\? Give a person's name"),
        ((PID, "approve", "Ana", "", LATE), "expired at 2025-02-10 18:00 Sao Paulo; decide on the next session's"),
        ((PID, "reject", "Ana", "no", LATE), "expired at 2025-02-10 18:00"),
        ((PID, "sell", "Ana", "", NOW), "action 'sell' is unknown; allowed: approve, reject, modify"),
        (("ab12cd34ef57", "approve", "Ana", "", NOW), "no proposal 'ab12cd34ef57': did you mean ab12cd34ef56\\?"),
        (("zzz", "approve", "Ana", "", NOW), "no proposal 'zzz': `macro-fund proposals list --all` shows"),
        (("", "approve", "Ana", "", NOW), "no proposal ''"),
        (("ab", "approve", "Ana", "", NOW), "'ab' fits 2 proposals: .*; type more digits"),
    ],
)
def test_a_wrong_decision_is_refused_with_its_reason(ledger: Ledger, arguments: tuple[Any, ...], words: str) -> None:
    ledger.record_proposals(proposals({}, {"proposal_id": "abffffffffff", "contract": "DI1F28"}), NOW)
    with pytest.raises(LedgerError, match=words):
        ledger.decide(*arguments)
    assert ledger.journal().height == 2


@pytest.mark.parametrize(
    ("action", "extra", "words"),
    [
        ("approve", {"quantity": 60}, "approve takes no quantity; use modify"),
        ("reject", {"limit_level": 0.14}, "reject takes no limit"),
        ("modify", {"quantity": 0}, "another side or nothing"),
        ("modify", {"quantity": -60}, r"is \+120 contracts .* -60 is another side"),
    ],
)
def test_quantities_and_limits_where_they_do_not_belong(
    ledger: Ledger, action: Any, extra: dict[str, Any], words: str
) -> None:
    ledger.record_proposals(proposals(), NOW)
    with pytest.raises(LedgerError, match=words):
        ledger.decide(PID, action, "Ana", "note", NOW, **extra)


def test_a_decision_is_final(ledger: Ledger) -> None:
    ledger.record_proposals(proposals(), NOW)
    ledger.decide(PID, "approve", "Ana", "", NOW)
    with pytest.raises(LedgerError, match="was approved by Ana at 2025-02-10 10:00 Sao Paulo; a decision is final"):
        ledger.decide(PID, "reject", "Bia", "changed my mind", utc(2025, 2, 10, 14))


def test_one_contract_is_not_approved_twice_in_a_session(ledger: Ledger) -> None:
    ledger.record_proposals(proposals({}, {"proposal_id": OTHER, "quantity": 130}), NOW)
    ledger.decide(PID, "approve", "Ana", "", NOW)
    with pytest.raises(LedgerError, match="ab12cd34ef56 was approved for DI1F27 in the same session already"):
        ledger.decide("ff00", "approve", "Ana", "", NOW)
    assert ledger.decide("ff00", "reject", "Ana", "superseded", NOW)["action"] == "reject"


def test_an_unknown_status_is_refused(ledger: Ledger) -> None:
    with pytest.raises(LedgerError, match="status 'open' is unknown; allowed: proposed, approved"):
        ledger.proposals(status="open")


# content ids


def test_canonical_json_is_one_text_for_one_content() -> None:
    value = {"b": Decimal("1.50"), "a": [date(2025, 2, 10), utc(2025, 2, 10)], "c": 0.1}
    assert canonical_json(value) == '{"a":["2025-02-10","2025-02-10T13:00:00+00:00"],"b":"1.50","c":0.1}'
    assert content_id({"a": 1, "b": 2}) == content_id({"b": 2, "a": 1}) != content_id({"a": 1, "b": 3})


@pytest.mark.parametrize("value", [float("nan"), NOW.replace(tzinfo=None), {1, 2}])
def test_content_without_a_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"canonical form|time zone|not JSON compliant"):
        canonical_json([value])
