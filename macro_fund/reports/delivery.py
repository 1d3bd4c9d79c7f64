"""Sending a report to people: e-mail, Slack, Telegram and whatever else apprise has an address for.

Belongs here: who is sent what, and what became of it. Does not belong here: the report (pack.py) or when it is sent
(orchestration/reports.py).

Addresses hold passwords and tokens. They come from the environment variable MACRO_FUND_DELIVER_TO alone (separated by
spaces), are kept nowhere, and no message names more of one than its scheme. Without the variable nothing is sent.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

VARIABLE = "MACRO_FUND_DELIVER_TO"


def addresses() -> list[str]:
    """The addresses that the environment gives; none by default."""
    return os.environ.get(VARIABLE, "").split()


def deliver(to: Sequence[str], title: str, body: str, attached: Sequence[Path]) -> list[str]:
    """Send one message to each address; gives a line for each that failed, without its secrets."""
    import apprise

    failed = []
    for address in to:
        scheme = address.partition("://")[0]
        sender = apprise.Apprise()
        if not sender.add(address):
            failed.append(f"{scheme}: no address that apprise knows; see its list of services")
        elif not sender.notify(body=body, title=title, attach=[str(p) for p in attached]):
            failed.append(f"{scheme}: not delivered; check the address and the network")
    return failed
