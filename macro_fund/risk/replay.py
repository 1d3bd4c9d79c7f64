"""Crisis replays: today's book through the days of each scenario's window as they happened.

Belongs here: the worst single day and the whole window, by instrument. Does not belong here: windows (config) or the
scenario table's stated and imputed moves: a replay uses closes only, unscaled, and has no view of what has none.

`<id>:worst_day` is the window's day on which the book, as it is today, loses most; every position's factors must have a
close on the day. `<id>:window` holds today's contracts through the whole window without a trade: the book revalued at
the sum of the moves. A replay appears in the first session after the window's end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

from macro_fund.mandate import Scenario
from macro_fund.risk.factor_history import FactorHistory
from macro_fund.risk.revalue import Book, Part, Positions, chosen
from macro_fund.risk.scenarios import measurable


def replays(
    book: Book, known: FactorHistory, scenarios: Sequence[Scenario], session: date
) -> Iterator[tuple[str, Iterator[Part]]]:
    """(case, its parts) of every window that is over, in order of the scenarios' ids."""
    for scenario in sorted(scenarios, key=lambda s: s.id):
        if scenario.start is None or scenario.end is None or scenario.end >= session:
            continue
        measured = measurable(known, scenario.start, scenario.end)
        gaps = dict(book.unmapped)
        for name, share in zip(book.positions.names, book.positions.share, strict=True):
            missing = [
                f for f, s in zip(known.factors, share, strict=True) if s and not measured[known.columns([f])[0]]
            ]
            if missing and name not in gaps:
                gaps[name] = f"{', '.join(missing)} without closes from before {scenario.start} to {scenario.end}"
        kept = [k for k, n in enumerate(book.positions.names) if n not in gaps]
        held = chosen(book.positions, np.array(kept, dtype=np.int64))
        days = known.shock[known.between(scenario.start, scenario.end)][:, known.columns(held.factors)]
        for case, moves in (("worst_day", _worst(held, days)), ("window", np.nansum(days, axis=0))):
            yield f"{scenario.id}:{case}", _parts(held, moves, gaps)


def _worst(held: Positions, days: np.ndarray) -> np.ndarray | None:
    """Moves of the day that costs the book most (the first of equals); None without a day on which all moved."""
    full = days[np.isfinite(days).all(axis=1)]
    if not len(full):
        return None
    return np.asarray(full[int(np.argmin(held.pnl(held.at(full)).sum(axis=1)))])


def _parts(held: Positions, moves: np.ndarray | None, gaps: dict[str, str]) -> Iterator[Part]:
    if moves is None:
        for name in held.names:
            yield Part(name, None, None, "no day of the window on which every factor of the book has a close")
    elif held.names:
        shock = held.at(moves)
        for name, x, pnl in zip(held.names, shock.tolist(), held.pnl(shock).tolist(), strict=True):
            yield Part(name, x, pnl, "")
    for name, why in gaps.items():
        yield Part(name, None, None, why)
