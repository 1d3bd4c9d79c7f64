"""Banco Central do Brasil, COPOM: lists and details of simulated statements and minutes.

Belongs here: the addresses, the two spellings of keys and the HTML inside the JSON. Does not belong here: the words
(`texts`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time, timedelta
from functools import cache
from html import escape
from typing import Any

import numpy as np

from macro_fund.sample import texts, texts_pt
from macro_fund.sample.grid import to_date
from macro_fund.sample.public import COPOM_RELEASE, Instants, View, instants
from macro_fund.sample.wire import MARK, Ask, json_reply, not_found
from macro_fund.settings import Publication
from macro_fund.sources.http import Reply

HOST = "www.bcb.gov.br"
_PATH = re.compile(r"/api/servico/sitebcb/copom/(comunicados|atas)(_detalhes)?/?")
# Minutes come out the Tuesday after the meeting.
MINUTES_RELEASE = Publication(kind="calendar_days", n=6, at=time(8))
# Number of the first meeting of the sample world (January 2004).
FIRST_NUMBER = 100
POISONED = "POISON: este texto ainda não pode ser lido. " * 5


@cache
def released(seed: int) -> Mapping[str, Instants]:
    """Release times of statements and minutes, in the order of the meetings."""
    days = texts.meetings(seed, "copom").days
    return {"comunicados": instants(days, COPOM_RELEASE, "E"), "atas": instants(days, MINUTES_RELEASE, "E")}


def answer(view: View, ask: Ask) -> Reply:
    """The newest `quantidade` documents whose title has `filtro`, or one document; an empty list if there is none."""
    found = _PATH.fullmatch(ask.path)
    if found is None:
        return not_found()
    kind = found[1]
    public = np.flatnonzero(view.shown(released(view.seed)[kind]))
    if found[2]:
        number = ask.query.get("nro_reuniao", "")
        if not number.isdigit():
            return json_reply({"conteudo": []}, 400)
        k = int(number) - FIRST_NUMBER
        return json_reply({"conteudo": [_details(view, kind, k)] if k in public else []})
    count = ask.query.get("quantidade", "10")
    rows = [_heading(view.seed, kind, int(k)) for k in public[::-1]]
    rows = [r for r in rows if ask.query.get("filtro", "").lower() in r["titulo"].lower()]
    return json_reply({"conteudo": rows[: int(count) if count.isdigit() else 10]})


def _heading(seed: int, kind: str, k: int) -> dict[str, Any]:
    """A row of a list."""
    held = texts.meetings(seed, "copom")
    day = to_date(held.days[k])
    number = FIRST_NUMBER + k
    if kind == "comunicados":
        done = texts_pt.TITLE[texts.verb(held.move[k])]
        where = "em" if done == "mantém" else "para"
        title = f"{MARK}: Copom {done} a taxa Selic {where} {texts.selic(held.rate[k])}% a.a."
        return {"nro_reuniao": number, "dataReferencia": day.isoformat(), "titulo": title}
    published = released(seed)["atas"][k].astype("datetime64[us]").astype("datetime64[D]")
    return {
        "nroReuniao": number,
        "dataReferencia": day.isoformat(),
        "dataPublicacao": to_date(published).isoformat(),
        "titulo": f"{number}ª Reunião - {_days(day)} ({MARK})",
    }


def _days(last: date) -> str:
    """'26-27 janeiro, 2010'; '31 janeiro-1 fevereiro, 2010' across months."""
    first = last - timedelta(days=1)
    start = f"{first.day}" if first.month == last.month else f"{first.day} {texts_pt.MONTHS[first.month - 1]}"
    return f"{start}-{last.day} {texts_pt.MONTHS[last.month - 1]}, {last.year}"


def _details(view: View, kind: str, k: int) -> dict[str, Any]:
    """A row of the list with its text; garbage where nobody may read it yet."""
    row = _heading(view.seed, kind, k)
    hidden = view.poison_after is not None and released(view.seed)[kind][k] > view.poison_after
    if kind == "comunicados":
        (body,) = texts.compose(view.seed, "copom", k, "statement")
        paragraphs = (POISONED,) if hidden else body
        inner = "".join(f"<p>{escape(p, quote=False)}&#160;</p>" for p in paragraphs)
        return {**row, "textoComunicado": f'<div class="ExternalClassSAMPLE">{inner}<p>\u200b<br></p></div>'}
    sections = ((POISONED,),) * 4 if hidden else texts.compose(view.seed, "copom", k, "minutes")
    lines, number = [], 0
    for title, paragraphs in zip(texts_pt.SECTIONS, sections, strict=True):
        lines.append(f'<h3 class="secao">{title}</h3>')
        for p in paragraphs:
            number += 1
            lines.append(f'<p class="paragrafo">{number}. {escape(p, quote=False)}</p>')
    day = row["dataReferencia"].replace("-", "")
    pdf = f"https://www.bcb.gov.br/content/copom/atascopom/Copom{row['nroReuniao']}-not{day}{row['nroReuniao']}.pdf"
    inner = "".join(lines)
    return {**row, "urlPdfAta": pdf, "textoAta": f'<div id="atacompleta"><div id="ataconteudo">{inner}</div></div>'}
