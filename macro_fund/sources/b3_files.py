"""B3's daily files (pesquisapregao): which are asked for, how their archive is opened, when one must be there.

Belongs here: what the connectors of SPRD (`b3_settlements`) and TS (`b3_curves`) share. Does not belong here: what is
in a file.

A file comes as a zip with one member. An archive without members (22 bytes) means that nothing is published for the
day: no session, or not yet.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from io import BytesIO
from zipfile import BadZipFile, ZipFile

from macro_fund.settings import Series
from macro_fund.sources.decode import fail
from macro_fund.sources.http import FINAL_AFTER, Payload, Request
from macro_fund.sources.slices import hull
from macro_fund.time.sessions import Sessions, sessions

ADDRESS = "https://www.b3.com.br/pesquisapregao/download?filelist="
_FILE = re.compile(r"filelist=[A-Z]+(\d\d)(\d\d)(\d\d)\.")


def one_a_session(
    provider: str,
    url: str,
    label: str,
    series: Sequence[Series],
    windows: Mapping[str, tuple[date, date]],
    table: Sessions | None,
) -> list[Request]:
    """One request a B3 session of the windows' hull, from the first session on; `url` and `label` have a {day}."""
    ids = tuple(s.id for s in series if s.id in windows)
    if not ids:
        return []
    table = table or sessions()
    start, end = hull([windows[i] for i in ids])
    return [
        Request(provider, "GET", url.format(day=day), label.format(day=day), ids, day=day)
        for day in table.keys(max(start, table.start), end)
    ]


def day_of(payload: Payload) -> date:
    """The day in the name of the file that was asked for."""
    found = _FILE.search(payload.request.url)
    if found is None:
        raise ValueError(f"{payload.request.label}: no file of a day in {payload.request.url}")
    return date(2000 + int(found[1]), int(found[2]), int(found[3]))


def member(payload: Payload) -> bytes | None:
    """The file in the archive; None for an archive without one. Read it inside `complete_zips`."""
    with ZipFile(BytesIO(payload.body)) as archive:
        names = archive.namelist()
        return archive.read(names[-1]) if names else None


@contextmanager
def complete_zips(payload: Payload) -> Iterator[None]:
    """A cut or broken zip inside this block is a transient error of the payload."""
    try:
        yield
    except (BadZipFile, EOFError, zlib.error) as error:
        raise fail(payload, f"not a complete zip file: {error}", transient=True) from None


def refuse_missing(payload: Payload, day: date, what: str) -> None:
    """Raise SourceError if `day` is a session of the last weeks: its file must come, in the evening.

    A session of which there is no file weeks later has none: the exchange's archive starts some year.
    """
    if sessions().is_session(day) and payload.fetched_at.date() < day + FINAL_AFTER:
        raise fail(
            payload,
            f"no {what} file yet for session {day}",
            remedy="B3 publishes it in the evening of the session; run the session again later",
        )


def refuse_other_days(payload: Payload, day: date, inside: set[str], what: str) -> None:
    """Raise SourceError for a file that holds another day: B3 has republished old files under new names.

    inside: the days found in the file, as YYYY-MM-DD.
    """
    strangers = sorted(inside - {day.isoformat()})
    if strangers:
        raise fail(
            payload,
            f"the file holds {what} of {strangers[0]}, not of {day}: B3 has published another day's file",
            remedy="run the session again later, when B3 has replaced it",
        )
