"""The sample world's texts as the real connectors read them, whatever hosts the transport already knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import ModuleType

import numpy as np
import polars as pl

from macro_fund.sample.public import View, microseconds
from macro_fund.sample.wire import Handler, take_apart
from macro_fund.sources.http import Reply, Request
from macro_fund_tests.sources.reading import Library, read_texts

SEED = 20100104


class Shelf:
    """A transport with some simulated hosts."""

    waits = False

    def __init__(
        self, hosts: Mapping[str, Handler], now: datetime | None, poison: datetime | None = None, seed: int = SEED
    ) -> None:
        self._hosts = hosts
        self._view = View(seed, microseconds(now), microseconds(poison))

    def send(self, request: Request, timeout_s: float) -> Reply:
        ask = take_apart(request)
        return self._hosts[ask.host](self._view, ask)


def library(
    source: ModuleType, wire: ModuleType, now: datetime, first: date | None = None, seed: int = SEED
) -> Library:
    """Everything public at `now`."""
    return read_texts(source, Shelf({wire.HOST: wire.answer}, now, seed=seed), now, first)


def correlation_out_of_sample(texts: Sequence[str], moves: Sequence[float]) -> float:
    """How well words learned on the first half of the texts forecast the moves of the second half."""
    words = sorted({w for t in texts for w in t.lower().split()})
    has = np.array([[w in t for w in words] for t in (set(t.lower().split()) for t in texts)], dtype=float)
    y, half = np.array(moves), len(texts) // 2
    centred = has[:half] - has[:half].mean(axis=0)
    weights = centred.T @ (y[:half] - y[:half].mean())
    return float(np.corrcoef(has[half:] @ weights, y[half:])[0, 1])


def sentences(rows: pl.DataFrame) -> list[int]:
    """Number of sentences of each text."""
    return [t.replace("\n", ". ").count(". ") + 1 for t in rows["text"]]
