"""B3's daily files: the price report SPRD (a zip within a zip with one BVBG.187 document) and the reference rates TS (a
self-extracting program in a zip, with TaxaSwap.txt in it).

Belongs here: documents, lines, envelopes and archives. Does not belong here: which contracts are listed and what they
settle at (`settlements`), or the curves (`reference_curves`).

Text is put together from a template rather than from an XML tree: sixteen years are four thousand files.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np

from macro_fund.sample.grid import to_date
from macro_fund.sample.public import B3_RELEASE, Instants, View, instants, text
from macro_fund.sample.reference_curves import load_reference_curves
from macro_fund.sample.settlements import DAP, DDI, DI1, PRICE_DECIMALS, Settlements, load_settlements
from macro_fund.sample.wire import MARK, Ask, day, not_found, reply
from macro_fund.sources.http import Reply

HOST = "www.b3.com.br"
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
# The program in front of the zip.
STUB = b"MZ" + b"\x90\x00" * 127
CURVE_NAMES = {"DIC": "DI X IPCA", "DOC": "DIxXDOL Cupom l", "DPL": "Cupom Limpo de", "PRE": "DIxPRE"}
_BINARY = "application/octet-stream"
_FILE = re.compile(r"(SPRD(\d{6})\.zip|TS(\d{6})\.ex_)")
_RATE_DECIMALS = 3
_HEAD = "urn:iso:std:iso:20022:tech:xsd:head.001.001.01"


def answer(view: View, ask: Ask) -> Reply:
    """The file of one session; no session, or not public yet: an empty zip with status 200."""
    if ask.path.rstrip("/") != "/pesquisapregao/download":
        return not_found()
    found = _FILE.fullmatch(ask.query.get("filelist", ""))
    try:
        asked = day(found[2] or found[3], "%y%m%d") if found else None
    except ValueError:
        asked = None
    book = load_settlements(view.seed)
    at = -1 if asked is None else int(np.searchsorted(book.sessions, asked))
    if found is None or at < 0 or at == book.sessions.size or book.sessions[at] != asked:
        return reply(EMPTY_ZIP, _BINARY)
    if not view.shown(_released(view.seed)[at : at + 1])[0]:
        return reply(EMPTY_ZIP, _BINARY)
    session = to_date(book.sessions[at])
    if found[1].startswith("SPRD"):
        return reply(_archive(session, _document(session, _reports(view, book, at))), _BINARY)
    return reply(_program(session, _lines(view, session, at)), _BINARY)


@cache
def _released(seed: int) -> Instants:
    return instants(load_settlements(seed).sessions, B3_RELEASE, "D")


def _reports(view: View, book: Settlements, at: int) -> list[tuple[str, str]]:
    """(ticker, attributes as XML) of each contract of a session."""
    rows = slice(int(book.start[at]), int(book.start[at + 1]))
    released = _released(view.seed)
    now, before = released[at : at + 1], released[max(at - 1, 0)][None]
    columns = (
        view.poisoned(book.price[rows], now),
        view.poisoned(book.rate[rows], now),
        view.poisoned(book.interest[rows].astype(np.float64), now),
        view.poisoned(book.prev_price[rows], before),
        view.poisoned(book.prev_rate[rows], before),
    )
    listed = zip(book.ticker[rows], book.root[rows].tolist(), *(c.tolist() for c in columns), strict=True)
    return [(ticker, _attributes(root, numbers)) for ticker, root, *numbers in listed]


def _attributes(root: int, numbers: list[float]) -> str:
    """numbers: price, rate, open interest, price and rate of the session before; NaN leaves an element out."""
    price, rate, interest, prev_price, prev_rate = numbers
    decimals = PRICE_DECIMALS[root]
    parts = [
        f"<OpnIntrst>{interest:.0f}</OpnIntrst>",
        _amount("AdjstdQt", text(price, decimals)),
        _amount("AdjstdQtTax", text(rate, _RATE_DECIMALS)),
        "<AdjstdQtStin>F</AdjstdQtStin>",
        _amount("PrvsAdjstdQt", text(prev_price, decimals)),
        _amount("PrvsAdjstdQtTax", text(prev_rate, _RATE_DECIMALS)),
        f"<PrvsAdjstdQtStin>{'U' if root in (DI1, DDI, DAP) else 'F'}</PrvsAdjstdQtStin>",
    ]
    return "".join(parts)


def _amount(tag: str, number: str) -> str:
    return f'<{tag} Ccy="BRL">{number}</{tag}>' if number else ""


def _party(name: str) -> str:
    return f"<Id><OrgId><Othr><Id>{name}</Id><Issr>40</Issr><SchmeNm><Prtry>39</Prtry></SchmeNm></Othr></OrgId></Id>"


_PARTIES = f"<Fr>{_party('BVMF')}</Fr><To>{_party('PUBLIC')}</To>"


def _document(session: date, reports: list[tuple[str, str]]) -> str:
    """The BVBG.187 document: one business group, one price report a contract."""
    iso, group = session.isoformat(), f"BV000471{session:%Y%m%d}0001000071927000000"
    count = len(reports)
    opening = (
        f'<?xml version="1.0" encoding="utf-8"?>\n<!-- {MARK} -->\n<Document xmlns="urn:bvmf.052.01.xsd"><BizFileHdr>'
        f"<Xchg><BizGrpDesc>{_PARTIES}<BizGrpDtls><BizGrpIdr>{group}</BizGrpIdr><TtlNbOfMsg>{count}</TtlNbOfMsg>"
        f"<BizGrpTp>BVBG.187.01</BizGrpTp><CreDtAndTm>{iso}T19:27:24</CreDtAndTm></BizGrpDtls><MsgTpDef><MsgDefIdr>"
        f"BVMF.217.01</MsgDefIdr><NbOfMsg>{count}</NbOfMsg></MsgTpDef></BizGrpDesc>"
    )
    before = (
        f"</BizMsgIdr><MsgDefIdr>BVMF.217.01</MsgDefIdr><CreDt>{iso}T22:31:15Z</CreDt>{_PARTIES}</AppHdr><Document "
        f'xmlns="urn:bvmf.217.01.xsd"><PricRpt><TradDt><Dt>{iso}</Dt></TradDt><SctyId><TckrSymb>'
    )
    body = [
        f'\n<BizGrp><AppHdr xmlns="{_HEAD}"><BizMsgIdr>{group}{n:05d}{before}{ticker}</TckrSymb></SctyId><FinInstrmId>'
        f"<OthrId><Id>{100_000_000 + n}</Id><Tp><Prtry>8</Prtry></Tp></OthrId><PlcOfListg><MktIdrCd>BVMF</MktIdrCd>"
        f"</PlcOfListg></FinInstrmId><TradDtls/><FinInstrmAttrbts>{attributes}</FinInstrmAttrbts></PricRpt></Document>"
        "</BizGrp>"
        for n, (ticker, attributes) in enumerate(reports)
    ]
    return opening + "".join(body) + "</Xchg></BizFileHdr></Document>"


def _lines(view: View, session: date, at: int) -> list[str]:
    """Lines of TaxaSwap.txt: 72 characters, curve by curve."""
    book = load_reference_curves(view.seed)
    rows = slice(int(book.start[at]), int(book.start[at + 1]))
    now = _released(view.seed)[at : at + 1]
    places = [
        (f"{days:05d}{bdays:05d}", f"{'F' if fixed else 'M'}{code:05d}")
        for days, bdays, fixed, code in zip(
            *(x[rows].tolist() for x in (book.days, book.bdays, book.fixed, book.code)), strict=True
        )
    ]
    lines: list[str] = []
    for curve, rates in book.rates.items():
        units = np.round(view.poisoned(rates[rows], now) * 1e7).astype(np.int64).tolist()
        label = f"00101{session:%Y%m%d}T1{curve:<5}{CURVE_NAMES[curve]:<15}"
        lines += [
            f"{n:06d}{label}{place}{'-' if rate < 0 else '+'}{abs(rate):014d}{kind}"
            for n, ((place, kind), rate) in enumerate(zip(places, units, strict=True), start=len(lines) + 1)
        ]
    return lines


def _archive(session: date, document: str) -> bytes:
    """The document in its inner zip, and that in the outer one, which carries the SAMPLE comment."""
    stamp = _stamp(session)
    inner = _zip(f"BVBG.187.01_BV000471{session:%Y%m%d}0001000071927000000.xml", document.encode(), stamp, b"")
    return _zip(f"SPRD{session:%y%m%d}.zip", inner, stamp, MARK.encode())


def _program(session: date, lines: list[str]) -> bytes:
    """The lines in their inner zip behind the program, and that in the outer zip, which carries the SAMPLE comment."""
    stamp = _stamp(session)
    inner = _zip("TaxaSwap.txt", ("\r\n".join(lines) + "\r\n").encode("latin-1"), stamp, b"")
    return _zip(f"TS{session:%y%m%d}.ex_", STUB + inner, stamp, MARK.encode())


def _stamp(session: date) -> tuple[int, int, int, int, int, int]:
    return (session.year, session.month, session.day, 19, 27, 24)


def _zip(name: str, content: bytes, stamp: tuple[int, int, int, int, int, int], comment: bytes) -> bytes:
    """One member; deflated unless it holds a zip itself. Same content, same bytes."""
    out = BytesIO()
    method = ZIP_STORED if name.endswith((".zip", ".ex_")) else ZIP_DEFLATED
    with ZipFile(out, "w", method, compresslevel=3) as archive:
        member = ZipInfo(name, stamp)
        member.create_system = 0
        archive.writestr(member, content, compress_type=method)
        archive.comment = comment
    return out.getvalue()
