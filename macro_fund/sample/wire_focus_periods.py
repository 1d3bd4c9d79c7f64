"""Focus expectations of a year, month, quarter or COPOM meeting, and the Top 5: entries of six Olinda sets.

Belongs here: the simulated answers and their fields. Does not belong here: OData (`odata`), the envelope
(`wire_olinda`).

What is expected of a period goes from what is true now to an anchor with the distance of the period. Inflation goes
from the 12-month expectation to the target, the Selic from the rate in force to the neutral one; the exchange rate
stays where it is; growth, administered prices and public finances go from what was last known of them to a typed
anchor; every other indicator goes from its own wandering path to the path's middle. To keep answers small the sample
survey has entries for the last bank day of each week only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from macro_fund.sample.catalogue import focus_smooth, ptax_ask
from macro_fund.sample.grid import LAST
from macro_fund.sample.noise import Days, Floats, last_at, stream
from macro_fund.sample.odata import Entries, Term, passes
from macro_fund.sample.paths_macro import target, years_of
from macro_fund.sample.paths_policy import COPOM_NEAR
from macro_fund.sample.public import Instants, View, instants, published, series_by_code
from macro_fund.sample.wandering import Path
from macro_fund.sample.world import World, load_world
from macro_fund.settings import Series

# Half of the way to the anchor, in years.
HALF_LIFE_YEARS = 1.0
_STATISTICS = ("Media", "Mediana", "DesvioPadrao", "Minimo", "Maximo")
# Answers of the last four days differ a little from those of the last 30 days.
_RECENT_DRIFT = 0.02
# Periods ahead, the current one included.
_AHEAD = {"annual": 5, "monthly": 12, "quarterly": 8, "selic": 12}
_KINDS = {
    "ExpectativasMercadoAnuais": "annual",
    "ExpectativaMercadoMensais": "monthly",
    "ExpectativasMercadoTrimestrais": "quarterly",
    "ExpectativasMercadoSelic": "selic",
    "ExpectativasMercadoTop5Anuais": "top5_annual",
    "ExpectativasMercadoTop5Selic": "top5_selic",
}


def fields_of(name: str) -> tuple[str, ...] | None:
    """The fields of an entity set in the provider's own writing; None for a set that is not simulated."""
    kind = _KINDS.get(name)
    if kind is None:
        return None
    period = "Reuniao" if kind.endswith("selic") else "DataReferencia"
    detail = ("IndicadorDetalhe",) if kind in ("annual", "quarterly") else ()
    if not kind.startswith("top5"):
        return ("Indicador", *detail, "Data", period, *_STATISTICS, "numeroRespondentes", "baseCalculo")
    fields = ("Indicador", "Data", period, "tipoCalculo", *_STATISTICS)
    lower = tuple(f if f == "Data" else f[0].lower() + f[1:] for f in fields)
    return (*lower, "coeficienteVariacao") if kind == "top5_selic" else fields


def entries(view: View, name: str, terms: list[Term], first: np.datetime64, last: np.datetime64) -> Entries:
    """Public entries of one set between two survey days; of the terms, those that decide which series are applied."""
    kind, fields = _KINDS[name], fields_of(name) or ()
    rows: Entries = []
    for (source, code), series in series_by_code().items():
        known_as, _, rest = code.partition(":")
        if source != "bcb_focus_periods" or known_as != kind:
            continue
        indicator, _, ranking = rest.partition(":")
        if passes(terms, fields[0], indicator) and (not ranking or passes(terms, "tipoCalculo", ranking)):
            for base in (0,) if ranking else (b for b in (0, 1) if passes(terms, "baseCalculo", b)):
                rows += _of_series(view, series, fields, (indicator, ranking, base), first, last)
    return rows


def _of_series(
    view: View,
    series: Series,
    fields: tuple[str, ...],
    who: tuple[str, str, int],
    first: np.datetime64,
    last: np.datetime64,
) -> Entries:
    indicator, ranking, base = who
    days, names, values, known = forecasts(view.seed, series.id)
    lo, hi = np.searchsorted(days, [first, last + np.timedelta64(1, "D")])
    keep = np.flatnonzero(view.shown(known[lo:hi])) + lo
    medians = view.poisoned(values[keep], known[keep, None])
    noise = _noise(view.seed, f"{series.id} {base}")[days[keep].astype(np.int64)]
    medians = np.round(medians * (1 + (_RECENT_DRIFT * noise if base else 0.0 * noise))[:, None], 4)
    fixed: dict[str, Any] = {"Indicador": indicator, "indicador": indicator, "tipoCalculo": ranking}
    rows: Entries = []
    for d, row, periods, e in zip(
        np.datetime_as_string(days[keep]).tolist(), medians.tolist(), names[keep].tolist(), noise.tolist(), strict=True
    ):
        answers = {"numeroRespondentes": (45 if base else 95) + int(5 * e), "baseCalculo": base}
        for period, m in zip(periods, row, strict=True):
            made = _statistics(m, e) | answers | fixed
            at = {"Data": d, "DataReferencia": period, "Reuniao": period, "reuniao": period, "IndicadorDetalhe": None}
            said = made | at
            rows.append({f: said[f] if f in said else said[f[0].upper() + f[1:]] for f in fields})
    return rows


def _statistics(median: float, noise: float) -> dict[str, float]:
    """The other statistics follow from the median, so that they move with it."""
    size = abs(median)
    return {
        "Media": round(median * (1 + 0.004 * noise), 4),
        "Mediana": median,
        "DesvioPadrao": round(size * (0.08 + 0.01 * abs(noise)), 4),
        "Minimo": round(median - size * (0.25 + 0.02 * abs(noise)), 4),
        "Maximo": round(median + size * (0.30 + 0.02 * abs(noise)), 4),
        "CoeficienteVariacao": 8.0,
    }


@cache
def forecasts(seed: int, series_id: str) -> tuple[Days, np.ndarray, Floats, Instants]:
    """(survey days, periods, medians, when public): one row a survey day, one column a period ahead."""
    series = published(seed, series_id).series
    world = load_world(seed)
    days = world.grid.anbima
    weeks = (days.astype(np.int64) + 3) // 7
    days = days[:-1][weeks[:-1] != weeks[1:]]
    days = days[days >= np.datetime64(series.start, "D")]
    names, years = _PERIODS[_kind(series)](world, days)
    near, anchor = _levels(world, series, days)
    closeness = 0.5 ** (years / HALF_LIFE_YEARS)
    values = anchor[:, None] + (near - anchor)[:, None] * closeness
    values *= 1 + 0.01 * _noise(seed, series_id)[days.astype(np.int64)][:, None] * (1 - closeness)
    low, high = series.low / series.scale, series.high / series.scale
    return days, names, np.clip(values, low, high), instants(days, series.publication, "D")


@cache
def _noise(seed: int, kind: str) -> Floats:
    """Noise of each calendar day since 1970 for one kind of entry."""
    return stream(seed, f"focus periods {kind}").standard_normal(int(LAST.astype(np.int64)) + 1)


def _kind(series: Series) -> str:
    return series.code.split(":")[0].removeprefix("top5_")


def _levels(world: World, series: Series, days: Days) -> tuple[Floats, Floats]:
    """(what is true now, the anchor) on each survey day, in the provider's unit."""
    indicator = series.code.split(":")[1]
    years = target(years_of(days))
    if indicator == "IPCA":
        # A month's share of a year's inflation.
        share = 1 / 12 if _kind(series) == "monthly" else 1.0
        return _at(focus_smooth(world), days) * share, years * share
    if indicator == "Selic":
        at = world.grid.at(days)
        return world.policy.selic[at], world.policy.neutral_nominal[at]
    if indicator == "Câmbio":
        spot = _at(ptax_ask(world), days)
        return spot, spot
    if indicator in _ECONOMY:
        name, anchor = _ECONOMY[indicator]
        return _known(world, name, days), np.full(days.size, anchor)
    item = published(world.seed, series.id)
    return _at((item.days, item.values), days), np.full(days.size, np.median(item.values))


# Indicators of the economy: the path of `World.surveyed` that is true now, and the anchor, %.
_ECONOMY = {
    "PIB Total": ("growth", 1.5),
    "IPCA Administrados": ("administered", 5.0),
    "Resultado primário": ("primary", 0.0),
    "Resultado nominal": ("nominal", -6.0),
    "Dívida líquida do setor público": ("net_debt", 62.0),
}
# What a survey sees of the economy is this many months old.
_SEEN_MONTHS = 3


def _known(world: World, name: str, days: Days) -> Floats:
    """A monthly path as it stood `_SEEN_MONTHS` before each day; its first value before there was one."""
    months, values = world.surveyed[name]
    seen = (months.astype("datetime64[M]") + _SEEN_MONTHS).astype("datetime64[D]")
    return _at((seen, values), days)


def _at(path: Path, days: Days) -> Floats:
    """A path's newest value on each day."""
    return path[1][np.maximum(last_at(days, path[0]), 0)]


def _calendar_periods(months: int, write: Callable[[np.ndarray, np.ndarray], list[str]], ahead: int) -> Any:
    """A reader of calendar periods of that many months: names and years to each period's end, from the current one."""

    def read(world: World, days: Days) -> tuple[np.ndarray, Floats]:
        now = days.astype("datetime64[M]").astype(np.int64) // months
        number = now[:, None] + np.arange(ahead)
        ends = ((number + 1) * months).astype("datetime64[M]").astype("datetime64[D]")
        years = (ends - days[:, None]).astype(np.int64) / 365.25
        flat = number.ravel() * months
        written = write(1970 + flat // 12, flat % 12)
        return np.array(written, dtype=object).reshape(number.shape), years

    return read


def _meetings(world: World, days: Days) -> tuple[np.ndarray, Floats]:
    """The COPOM's next meetings: R1 is a year's first."""
    copom = world.policy.copom
    following = np.searchsorted(copom, days, side="right")[:, None] + np.arange(_AHEAD["selic"])
    following = np.minimum(following, copom.size - 1)
    years = (copom[following] - days[:, None]).astype(np.int64) / 365.25
    first = int(years_of(copom[:1])[0])
    count = len(COPOM_NEAR)
    names = [f"R{i % count + 1}/{first + i // count}" for i in following.ravel().tolist()]
    return np.array(names, dtype=object).reshape(following.shape), years


_PERIODS: Mapping[str, Callable[[World, Days], tuple[np.ndarray, Floats]]] = {
    "annual": _calendar_periods(12, lambda y, m: [f"{a}" for a in y.tolist()], _AHEAD["annual"]),
    "monthly": _calendar_periods(
        1, lambda y, m: [f"{b + 1:02d}/{a}" for a, b in zip(y.tolist(), m.tolist(), strict=True)], _AHEAD["monthly"]
    ),
    "quarterly": _calendar_periods(
        3, lambda y, m: [f"{b // 3 + 1}/{a}" for a, b in zip(y.tolist(), m.tolist(), strict=True)], _AHEAD["quarterly"]
    ),
    "selic": _meetings,
}
