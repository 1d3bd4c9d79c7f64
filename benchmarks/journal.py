"""What verifying a journal costs above hashing its bytes: the ledger's check, and the verifier of an exported file.

    python benchmarks/journal.py [--entries 100000]

The ledger is a new SQLite file of proposals, the widest rows that there are. The floor is SHA-256 of the same bytes, an
entry at a time, in the same process. Seconds are CPU seconds, so that a busy machine says nearly the same.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl

from macro_fund.store.ledger import Ledger, open_ledger
from macro_fund.store.tables import TABLES
from macro_fund.store.verify_journal import file_problems

BATCH = 10_000
TABLE = TABLES["pms/trade_proposals"]
NOW = datetime(2025, 2, 10, 13, tzinfo=UTC)
PROPOSAL = {
    "session": date(2025, 2, 10), "instrument": "DI1_2Y", "contract": "DI1F27", "quantity": 120,
    "screen_side": "SELL rate (receive) DI1F27", "position_before": 0, "position_after": 120, "entry_level": 0.14875,
    "stop_level": 0.1525, "target_level": 0.14, "horizon_days": 21, "conviction": 0.6,
    "expected_cost_brl": Decimal("871.95"), "dv01_before_brl": 0.0, "dv01_after_brl": 1525.5, "delta_before_brl": 0.0,
    "delta_after_brl": 0.0,
    "shares": [{"strategy_id": "RATES-01", "share": 0.75}, {"strategy_id": "CROSS-02", "share": 0.25}],
    "gain_if": "you gain if rates FALL", "rationale": "carry and a falling breakeven; the target book is 120 long",
    "expires_at": datetime(2025, 2, 10, 21, tzinfo=UTC),
}  # fmt: skip


def fill(ledger: Ledger, entries: int) -> None:
    for start in range(0, entries, BATCH):
        rows = [{**PROPOSAL, "proposal_id": f"{i:012x}"} for i in range(start, min(start + BATCH, entries))]
        ledger.record_proposals(pl.DataFrame(rows, schema=TABLE.schema, orient="row"), NOW)


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def sound(problems: list[str]) -> None:
    if problems:
        raise SystemExit(f"the journal is not intact: {problems[0]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ledger, file = open_ledger(f"sqlite:///{folder}/ledger.sqlite"), Path(folder) / "journal.jsonl"
        fill(ledger, given.entries)
        ledger.export_journal(file)
        lines = file.read_bytes().splitlines()
        floor = seconds(lambda: [hashlib.sha256(line).hexdigest() for line in lines])
        print(f"{given.entries:,} entries, {file.stat().st_size / 1e6:,.0f} MB; floor {floor:.2f} s")
        works = {
            "ledger: chain and rows": lambda: sound(ledger.verify_journal()),
            "exported file": lambda: sound(file_problems(file)[0]),
        }
        print(f"{'':24}{'CPU s':>10}{'ratio':>8}")
        for name, work in works.items():
            took = seconds(work)
            print(f"{name:24}{took:10.2f}{took / floor:8.1f}")
        ledger.close()


if __name__ == "__main__":
    main()
