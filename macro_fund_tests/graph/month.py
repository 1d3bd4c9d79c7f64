"""Sessions of a fund on the real-data replay server, one morning after the other, every proposal approved.

    python -m macro_fund_tests.graph.month FIRST LAST FOLDER HISTORY_START [INSTRUMENT=CONTRACTS ...]

Belongs here: a fund to look at (its packs, book, attribution and journal are in FOLDER/home), with the targets given in
place of the strategies', if any are. Does not belong here: expectations. A second call goes on where the first was
stopped.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import date
from pathlib import Path

from macro_fund.home import Home
from macro_fund_tests import realworld
from macro_fund_tests.graph import harness
from macro_fund_tests.graph.realfund import Fund
from macro_fund_tests.realworld import RealWorld


def opened(folder: Path, server: RealWorld, inception: date, history_start: date) -> Fund:
    """The fund of the folder, made when it is not there."""
    if not (folder / "home").exists():
        return Fund.create(folder, server, inception, history_start)
    with harness.own_environment():
        return Fund(Home.open(folder / "home"), server)


def main(first: date, last: date, folder: Path, history_start: date, wanted: dict[str, int]) -> None:
    process, server = realworld.start()
    os.environ["MACRO_FUND_REPLAY_URL"] = server.url
    try:
        folder.mkdir(parents=True, exist_ok=True)
        fund = opened(folder, server, first, history_start)
        done = set(fund.rows("reports/morning_pack")["session"])
        for key in fund.home.sessions.keys(first, last):
            if key in done:
                continue
            began = time.monotonic()
            if wanted:
                fund.run_planted({key: wanted}, key)
            else:
                fund.run(key)
            sys.stdout.write(f"{key}: {time.monotonic() - began:.0f} s\n")
            sys.stdout.flush()
    finally:
        realworld.stop(process)


if __name__ == "__main__":
    if reason := realworld.why_absent():
        sys.exit(reason)
    if len(sys.argv) < 5:
        sys.exit(__doc__)
    first, last, folder, start, *targets = sys.argv[1:]
    planted = {name: int(n) for name, n in (t.split("=") for t in targets)}
    main(date.fromisoformat(first), date.fromisoformat(last), Path(folder), date.fromisoformat(start), planted)
