"""Which program is the broker: `broker.adapter` of fund.yaml.

Belongs here: the list of adapters. Does not belong here: any of them, or their interface (`broker.py`).
A new adapter is a class with the methods of `Broker`, a name here and in `mandate.BrokerRules.adapter`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from macro_fund.pms.broker import Broker
from macro_fund.pms.execution import Recorded, reported
from macro_fund.pms.paper_broker import PaperBroker
from macro_fund.settings import Settings

if TYPE_CHECKING:
    from macro_fund.time.sessions import Sessions

ADAPTERS = {"paper": PaperBroker}


def open_broker(settings: Settings, table: Sessions, marks: pl.DataFrame, recorded: Recorded) -> Broker:
    """The fund's broker. marks: silver/contract_marks as known, for a broker that has no market of its own. recorded:
    what the ledger holds, which is the memory of a broker that keeps no records of its own."""
    return ADAPTERS[settings.fund.broker.adapter](settings, table, marks, reported(recorded))
