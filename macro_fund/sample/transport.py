"""The sample transport: who answers when a fund runs on the sample world.

Belongs here: which host is answered by which wire module, and the clock that hides what is not public. Does not belong
here: formats (`wire_*`) or numbers. A connector cannot tell this transport from the internet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from macro_fund.sample import (
    wire_alfred,
    wire_anbima,
    wire_b3,
    wire_cboe,
    wire_cftc,
    wire_copom,
    wire_fomc,
    wire_ibge,
    wire_ipeadata,
    wire_licensed,
    wire_nyfed,
    wire_olinda,
    wire_sgs,
    wire_stn,
    wire_stn_debt,
    wire_tesouro,
    wire_treasury,
    wire_us,
    wire_yahoo,
)
from macro_fund.sample.public import View, microseconds
from macro_fund.sample.wire import Handler, reply, take_apart
from macro_fund.sample.world import load_world
from macro_fund.sources.http import Reply, Request

_WIRES = (
    wire_alfred,
    wire_anbima,
    wire_b3,
    wire_cboe,
    wire_cftc,
    wire_copom,
    wire_fomc,
    wire_ibge,
    wire_ipeadata,
    wire_licensed,
    wire_nyfed,
    wire_olinda,
    wire_sgs,
    wire_stn,
    wire_stn_debt,
    wire_tesouro,
    wire_treasury,
    wire_us,
    wire_yahoo,
)
HANDLERS: Mapping[str, Handler] = {wire.HOST: wire.answer for wire in _WIRES}


class SampleTransport:
    """Answers from the simulated world of `seed`, with what is public at `now` (None: everything to its horizon).

    poison_after: values that the platform's publication rules make public after that moment are garbage if served
    (times -1000), so that a run with now=None proves that nothing looks past its own cut-off. Both moments need a time
    zone. Raises ValueError for one without, or for a negative seed.
    """

    waits = False

    def __init__(self, seed: int, now: datetime | None = None, poison_after: datetime | None = None) -> None:
        load_world(seed)
        self._view = View(seed, microseconds(now), microseconds(poison_after))

    def send(self, request: Request, timeout_s: float) -> Reply:
        """The provider's answer; a host that is not simulated gets a 404 that says so. Nothing takes time."""
        ask = take_apart(request)
        handler = HANDLERS.get(ask.host)
        if handler is None:
            hosts = ", ".join(sorted(HANDLERS))
            return reply(f"the sample world has no host {ask.host!r}; simulated: {hosts}", "text/plain", 404)
        return handler(self._view, ask)
