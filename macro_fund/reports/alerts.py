"""Alerts: one line a fact in the home's alerts.jsonl, each raised once.

Belongs here: writing and reading that file. Does not belong here: sending a
report to people (delivery.py).
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path


def read_alerts(home: Path) -> list[dict[str, str]]:
    """All alerts in the order raised; an unfinished last line (the writer was killed) is left out."""
    path = home / "alerts.jsonl"
    if not path.exists():
        return []
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines() if line]


def raise_alert(home: Path, name: str, text: str, at: datetime) -> bool:
    """Append the alert unless one of that name was raised before; True if it is new."""
    if any(a["name"] == name for a in read_alerts(home)):
        return False
    path = home / "alerts.jsonl"
    kept = path.read_text(encoding="utf-8").rpartition("\n")[0] if path.exists() else ""
    line = json.dumps({"at": at.isoformat(), "name": name, "text": text}, ensure_ascii=False)
    from macro_fund.store.lake import write_file_atomically

    write_file_atomically(path, f"{kept}\n{line}\n".lstrip("\n").encode())
    return True
