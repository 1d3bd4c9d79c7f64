"""ANBIMA's public pages: the bond file of a day, the VNA form and the curve form.

Belongs here: the three formats and their dispatch by path. Does not belong here: the numbers (`paths_bonds`).

The real pages forget bonds and curves after five business days. Here every public day stays, so that a fund that
starts in the past reads the same as one that ran at the time.
"""

from __future__ import annotations

import re
from functools import cache

import numpy as np

from macro_fund.sample import paths_bonds as paths
from macro_fund.sample.grid import grid, to_date
from macro_fund.sample.noise import Floats, stream
from macro_fund.sample.public import Instants, View, instants, series_by_code, text
from macro_fund.sample.wire import Ask, Day, day, not_found, reply
from macro_fund.sources.http import Reply

HOST = "www.anbima.com.br"
_BONDS = re.compile(r"/informacoes/merc-sec/arqs/ms(\d{6})\.txt")
_VNA = "/informacoes/vna/vna-down.asp"
_CURVES = "/informacoes/est-termo/CZ-down.asp"
_TEXT = "text/plain; charset=iso-8859-1"
_TITLE = "ANBIMA - Associação Brasileira das Entidades dos Mercados Financeiro e de Capitais\r\n\r\n"
_COLUMNS = (
    "Titulo@Data Referencia@Codigo SELIC@Data Base/Emissao@Data Vencimento@Tx. Compra@Tx. Venda@Tx. Indicativas@PU"
    "@Desvio padrao@Interv. Ind. Inf. (D0)@Interv. Ind. Sup. (D0)@Interv. Ind. Inf. (D+1)@Interv. Ind. Sup. (D+1)"
    "@Criterio\r\n"
)
_SELIC = {"LTN": "100000", "NTN-C": "770100", "LFT": "210100", "NTN-B": "760199", "NTN-F": "950199"}
_BASE = {"NTN-B": "20000715", "NTN-C": "20000701", "LFT": "20000701"}
# Years from issue to maturity, for types without a common base date.
_LIFE = {"LTN": 5, "NTN-F": 12}
_HALF_SPREAD, _BAND = 0.012, 0.45
_PARAMETERS = ("Beta 1", "Beta 2", "Beta 3", "Beta 4", "Lambda 1", "Lambda 2")
_ABSURD = 1e4
_CIRCULAR = (21, 42, 63, 126, 252, 504, 756, 1008, 1260, 2520)


def answer(view: View, ask: Ask) -> Reply:
    """The page that a path names; an unknown path is a web page with status 404."""
    found = _BONDS.fullmatch(ask.path)
    try:
        if found:
            return _bonds(view, day(found[1], "%y%m%d"))
        if ask.path == _VNA:
            return _vna(view, day(ask.query.get("Data", ""), "%d%m%Y"))
        if ask.path == _CURVES:
            return _curves(view, day(ask.query.get("Dt_Ref", ""), "%d/%m/%Y"))
    except ValueError:
        return not_found()
    return not_found()


def brazilian(value: float, decimals: int, *, thousands: bool = False, trim: bool = False) -> str:
    """A number with a decimal comma; '' when it is not finite. trim: without zeros at its end."""
    if not np.isfinite(value):
        return ""
    shown = f"{value:,.{decimals}f}" if thousands else text(value, decimals)
    shown = shown.rstrip("0").rstrip(".") if trim and "." in shown else shown
    return shown.translate(str.maketrans(",.", ".,"))


@cache
def _known(source: str, code: str) -> Instants:
    """When a series is public, for each day of `grid.anbima`."""
    series = series_by_code()[source, code]
    return instants(grid().anbima, series.publication, series.frequency)


def _position(asked: Day) -> int | None:
    """Where a day is in `grid.anbima`; None when it is no bank day of the world."""
    days = grid().anbima
    at = int(np.searchsorted(days, asked))
    return at if at < days.size and days[at] == asked else None


def _seen(view: View, source: str, code: str, at: int) -> Instants | None:
    """Knowledge time of one day's value as an array of one; None when it is not public."""
    known = _known(source, code)[at : at + 1]
    return known if bool(view.shown(known)[0]) else None


def _slashed(when: Day) -> str:
    return f"{to_date(when):%d/%m/%Y}"


def _latin(body: str) -> Reply:
    return reply(body.encode("latin-1"), _TEXT)


# ---------------------------------------------------------------- bonds


def _bonds(view: View, asked: Day) -> Reply:
    """The file of a day; a day without one is a web page with status 404."""
    at = _position(asked)
    lines: list[str] = []
    for title in _SELIC:
        known = None if at is None else _seen(view, "anbima_bonds", title, at)
        if at is not None and known is not None:
            lines += _bond_lines(view, title, asked, at, known)
    return _latin(_TITLE + _COLUMNS + "".join(lines)) if lines else not_found()


def _bond_lines(view: View, title: str, asked: Day, at: int, known: Instants) -> list[str]:
    nominal = paths.nominal_values(view.seed, title).value[at] if title in paths.VNA_2004 else 0.0
    rates = paths.rates_percent(view.seed, title, asked)
    deviations = 0.002 * stream(view.seed, f"informants {title} {asked}").random(rates.size)
    lines = []
    for maturity, rate, deviation in zip(
        paths.maturities(title, asked), rates.tolist(), deviations.tolist(), strict=True
    ):
        price = paths.unit_price(title, paths.quote(title, asked, maturity, rate), nominal)
        sides = [rate + _HALF_SPREAD, rate - _HALF_SPREAD, rate]
        bands = [rate - _BAND, rate + _BAND] * 2
        numbers = view.poisoned(np.array([*sides, price, deviation, *bands]), np.repeat(known, 9)).tolist()
        decimals = (4, 4, 4, 6, 14, 4, 4, 4, 4)
        cells = [brazilian(n, d, trim=True) for n, d in zip(numbers, decimals, strict=True)]
        dates = f"{to_date(asked):%Y%m%d}@{_SELIC[title]}@{_issued(title, maturity)}@{to_date(maturity):%Y%m%d}"
        lines.append(f"{title}@{dates}@{'@'.join(cells)}@Calculado\r\n")
    return lines


def _issued(title: str, maturity: Day) -> str:
    if title in _BASE:
        return _BASE[title]
    last = to_date(maturity)
    return f"{last.replace(year=last.year - _LIFE[title]):%Y%m%d}"


# ---------------------------------------------------------------- nominal values


def _vna(view: View, asked: Day) -> Reply:
    """The answer of the form for a day, in the provider's words when there is none."""
    at = _position(asked)
    rows = []
    for title in ("NTN-B", "NTN-C"):
        known = None if at is None else _seen(view, "anbima_vna", title, at)
        if at is not None and known is not None:
            nominal = paths.nominal_values(view.seed, title)
            value = float(view.poisoned(nominal.value[at : at + 1], known)[0])
            cells = (brazilian(value, 6, thousands=True), brazilian(float(nominal.index[at]), 2), "P", _slashed(asked))
            rows.append(f"{title};{_SELIC[title]};{';'.join(cells)}\r\n")
    if not rows:
        return _latin(f"Não há dados disponíveis para {_slashed(asked)}\r\n")
    head = f"{_TITLE}Valor Nominal Atualizado\r\n\r\nData de Referência: {_slashed(asked)}\r\n\r\n\r\n"
    return _latin(head + "Titulo;Código Selic;VNA;Índice;Ref;Válido a partir de\r\n" + "".join(rows))


# ---------------------------------------------------------------- curves


def _curves(view: View, asked: Day) -> Reply:
    """Parameters, vertices and the other tables of a day; an empty body for a day without curves."""
    at = _position(asked)
    if at is None:
        return _latin("")
    shown: dict[str, list[str]] = {}
    for curve in paths.DECAYS:
        known = [_seen(view, "anbima_ettj", f"{curve}:{p}", at) for p in _PARAMETERS]
        times = np.concatenate([k for k in known if k is not None]) if None not in known else None
        if times is None:
            return _latin("")
        values = np.array([*paths.betas(view.seed, curve)[at], *paths.DECAYS[curve]])
        shown[curve] = [_parameter(v) for v in view.poisoned(values, times).tolist()]
    lines = [f"{_slashed(asked)};{';'.join(_PARAMETERS)}"]
    lines += [f"{curve};{';'.join(texts)}" for curve, texts in shown.items()]
    read = {curve: np.array([float(t.replace(",", ".")) for t in texts]) for curve, texts in shown.items()}
    lines += ["", "ETTJ Inflação Implicita (IPCA)", "Vertices;ETTJ IPCA;ETTJ PREF;Inflação Implícita", *_table(read)]
    lines += ["", "PREFIXADOS (CIRCULAR 3.361)", "Vertices;Taxa (%a.a.)"]
    short = _rates(read["PREFIXADOS"], np.array(_CIRCULAR))
    lines += [
        f"{brazilian(v, 0, thousands=True)};{_printed(r)}" for v, r in zip(_CIRCULAR, short.tolist(), strict=True)
    ]
    lines += ["", "Erro Título a Título", "Titulo;SELIC;Vencimento;Erro (%a.a.)", *_errors(view, asked, read), "", ""]
    return _latin("\r\n".join(lines))


def _parameter(value: float) -> str:
    """Fifteen digits, with an exponent below a tenth, as the provider writes them."""
    shown = f"{value:.14E}" if abs(value) < 0.1 else f"{value:.15g}"
    return shown.replace(".", ",")


def _rates(parameters: Floats, vertices: np.ndarray) -> Floats:
    """Rates in % of the parameters as printed; NaN where poisoned ones give nothing that looks like a rate."""
    with np.errstate(all="ignore"):
        weights = paths.loadings(vertices / paths.YEAR_BD, (float(parameters[4]), float(parameters[5])))
        rates = 100 * (weights @ parameters[:4])
        return np.where(np.abs(rates) < _ABSURD, rates, np.nan)


def _printed(rate: float) -> str:
    """Four decimals, cut off."""
    return brazilian(float(paths.cut(np.array([rate]), 4)[0]), 4) if np.isfinite(rate) else ""


def _table(read: dict[str, Floats]) -> list[str]:
    vertices = np.arange(126, paths.LONGEST["IPCA"] + 1, 126)
    real, nominal = _rates(read["IPCA"], vertices), _rates(read["PREFIXADOS"], vertices)
    nominal = np.where(vertices <= paths.LONGEST["PREFIXADOS"], nominal, np.nan)
    implied = 100 * ((1 + paths.cut(nominal, 4) / 100) / (1 + paths.cut(real, 4) / 100) - 1)
    rows = zip(vertices.tolist(), real.tolist(), nominal.tolist(), implied.tolist(), strict=True)
    return [f"{brazilian(v, 0, thousands=True)};{_printed(r)};{_printed(n)};{_printed(i)}" for v, r, n, i in rows]


def _errors(view: View, asked: Day, read: dict[str, Floats]) -> list[str]:
    """How far the curve is from each LTN."""
    found = paths.maturities("LTN", asked)
    off = paths.rates_percent(view.seed, "LTN", asked) - _rates(read["PREFIXADOS"], paths.bdays(asked, found))
    return [
        f"LTN;{_SELIC['LTN']};{_slashed(m)};{brazilian(float(e), 4)}" for m, e in zip(found, off.tolist(), strict=True)
    ]
