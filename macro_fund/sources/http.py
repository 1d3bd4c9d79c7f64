"""One polite HTTP conversation with a provider: transports, retries, rate limits, budgets and clear errors.

Belongs here: how a `Request` becomes a `Payload`, whoever answers (the internet, a replay server, an archive, the
sample world). Does not belong here: what a payload means (the connector modules and `decode`) or where it is kept
(`store.archive`).
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from macro_fund.settings import Source
from macro_fund.sources import secrets
from macro_fund.sources.messages import RETRY_LATER, Parsed, Payload, Reply, Request, SourceError, TransportError

if TYPE_CHECKING:
    import tenacity

__all__ = [
    "RETRY_LATER",
    "Http",
    "Keeper",
    "LiveTransport",
    "Manners",
    "Parsed",
    "Payload",
    "ReplayUrlTransport",
    "Reply",
    "Request",
    "SourceError",
    "Transport",
    "TransportError",
]

MAX_WAIT_S = 60.0
# A provider that mends the file of a day does so within this time.
FINAL_AFTER = timedelta(days=30)


class Manners(Source):
    """A provider's manners as one client has them. People edit the rest in config/sources.yaml, never these two.

    keyed: all secrets that the provider wants are here. address: where a provider that the fund chose itself is asked.
    """

    keyed: bool = False
    address: str = ""


class Transport(Protocol):
    """Who answers. `waits` False: no politeness or backoff sleep is needed and no time budget is counted."""

    waits: bool

    def send(self, request: Request, timeout_s: float) -> Reply: ...


class Kept(Protocol):
    """An answer found again (`store.archive.Answer`)."""

    @property
    def status(self) -> int: ...
    @property
    def fetched_at(self) -> datetime: ...
    @property
    def sha256(self) -> str: ...
    @property
    def body(self) -> bytes: ...


class Keeper(Protocol):
    """Where payloads are kept as evidence and found again (`store.archive.Archive`)."""

    def put(self, payload: Payload) -> None: ...

    def first_after(self, request: Request, moment: datetime) -> Kept | None: ...


class LiveTransport:
    """The internet, certificates verified. One connection pool; close() releases it."""

    waits = True

    def __init__(self) -> None:
        import httpx

        _silence_addresses()
        self._client = httpx.Client(follow_redirects=True, verify=True)

    def send(self, request: Request, timeout_s: float) -> Reply:
        url, headers = request.opened()
        return _send(self._client, request, url, headers, timeout_s)

    def close(self) -> None:
        self._client.close()


class ReplayUrlTransport:
    """A replay server: https://HOST/PATH?Q is asked as {base_url}/HOST/PATH?Q."""

    waits = False

    def __init__(self, base_url: str) -> None:
        import httpx

        _silence_addresses()
        self._base = base_url.rstrip("/")
        # A new connection each time: on one kept alive a small server's answer waits 40 ms for our delayed ACK.
        limits = httpx.Limits(max_keepalive_connections=0)
        # Loading the certificates takes longer than a request, and a plain http server has none.
        self._client = httpx.Client(trust_env=False, limits=limits, verify=self._base.startswith("https"))

    def send(self, request: Request, timeout_s: float) -> Reply:
        url, headers = request.opened()
        return _send(self._client, request, f"{self._base}/{url.removeprefix('https://')}", headers, timeout_s)

    def close(self) -> None:
        self._client.close()


def _silence_addresses() -> None:
    """httpx logs each address that it asks, with the secrets in it, at level INFO."""
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _send(client: Any, request: Request, url: str, headers: Mapping[str, str], timeout_s: float) -> Reply:
    """One exchange on an httpx client; every failure to get a complete answer becomes TransportError."""
    import httpx

    try:
        answer = client.request(request.method, url, headers=headers, content=request.body, timeout=timeout_s)
    except httpx.TimeoutException:
        raise TransportError(f"no answer within {timeout_s:g} s") from None
    except (httpx.TransportError, httpx.DecodingError, httpx.TooManyRedirects) as error:
        raise TransportError(f"connection failed: {error}") from None
    return Reply(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, answer.content)


@dataclass
class Http:
    """Sends requests through one transport with retries, a pause between requests to a host and a time budget.

    policies: one `settings.Source` a provider. archive: keeps every answer, good or bad; None keeps nothing.
    clock: stamps `fetched_at` (UTC), frozen by the caller for sample and replay. secrets: by name (`sources.secrets`);
    only the transport sees them: what it brings back is kept and told with '{NAME}' in their place. reuse_since: an
    answer that the archive holds since then, with status 200 and readable, is not asked again; nor is a file of one day
    that it holds since FINAL_AFTER that day. sent, reused: how many answers came which way. sleep, monotonic: replaced
    in tests.
    """

    transport: Transport
    policies: Mapping[str, Source]
    archive: Keeper | None
    clock: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    reuse_since: datetime | None = None
    sent: int = field(default=0, init=False)
    reused: int = field(default=0, init=False)
    _last_end: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    _spent: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    def policy(self, provider: str) -> Manners:
        """The provider's manners; ValueError names the file when there are none."""
        wanted = secrets.WANTED.get(provider, ())
        keyed = bool(wanted) and all(self.secrets.get(name) for name in wanted)
        address = str.__str__(self.secrets.get(f"{provider.upper()}_URL", ""))
        return Manners.model_validate({**self._manners(provider).model_dump(), "keyed": keyed, "address": address})

    def _manners(self, provider: str) -> Source:
        if provider not in self.policies:
            known = ", ".join(sorted(self.policies))
            raise ValueError(f"no policy for provider {provider!r}; add it to config/sources.yaml (there: {known})")
        return self.policies[provider]

    def fetch(
        self, request: Request, check: Callable[[Payload], object] | None = None, *, fresh: bool = False
    ) -> Payload:
        """The provider's answer, after as many attempts as its policy allows; `fresh` leaves the archive's aside.

        Timeouts, broken connections, 202, 408, 429 and 5xx are tried again, and so is an answer for which `check`
        raises a transient SourceError. Any other status (404 ...) is returned: the connector judges what it means.
        Raises SourceError after the last attempt, when the budget is used up, or when `check` finds a lasting fault.
        """
        if not fresh and (kept := self._kept(request, check)) is not None:
            self.reused += 1
            return kept
        policy = self._manners(request.provider)
        started = self.monotonic()
        try:
            return self._retrying(policy)(partial(self._attempt, request, policy, check, started))
        finally:
            spent = self._spent.get(request.provider, 0.0)
            self._spent[request.provider] = spent + self.monotonic() - started

    def _kept(self, request: Request, check: Callable[[Payload], object] | None) -> Payload | None:
        """The archive's first good answer that is recent enough: status 200, and `check` takes it. None without one."""
        since = [self.reuse_since] if self.reuse_since else []
        if request.day:
            since.append(datetime(request.day.year, request.day.month, request.day.day, tzinfo=UTC) + FINAL_AFTER)
        if not since or self.archive is None:
            return None
        moment = min(since) - timedelta(microseconds=1)
        while (answer := self.archive.first_after(request, moment)) is not None:
            moment = answer.fetched_at  # of a broken answer and the good one that a retry brought, the later one counts
            payload = Payload(request, answer.status, answer.body, answer.fetched_at, answer.sha256)
            if answer.status == 200 and _taken(payload, check):
                return payload
        return None

    def _retrying(self, policy: Source) -> tenacity.Retrying:
        import tenacity

        backoff = tenacity.wait_exponential_jitter(initial=1.0, max=MAX_WAIT_S, jitter=1.0)

        def wait(state: tenacity.RetryCallState) -> float:
            if not self.transport.waits:
                return 0.0
            error = state.outcome.exception() if state.outcome else None
            return max(error.retry_after_s if isinstance(error, SourceError) else 0.0, backoff(state))

        return tenacity.Retrying(
            stop=tenacity.stop_after_attempt(policy.attempts),
            wait=wait,
            retry=tenacity.retry_if_exception(lambda e: isinstance(e, SourceError) and e.transient),
            sleep=self._pause,
            reraise=True,
        )

    def _pause(self, seconds: float) -> None:
        if seconds > 0:
            self.sleep(seconds)

    def _attempt(
        self, request: Request, policy: Source, check: Callable[[Payload], object] | None, started: float
    ) -> Payload:
        host = urlsplit(request.url).netloc
        values = self._values(request)
        if self.transport.waits:
            self._be_polite(request, policy, host, started)
        try:
            sent = replace(_with_agent(request, policy.user_agent), values=values)
            reply = _without(values, self.transport.send(sent, policy.timeout_s))
        except TransportError as error:
            raise SourceError(request, secrets.hide(str(error), values), transient=True) from None
        finally:
            self.sent += 1
            self._last_end[host] = self.monotonic()
        payload = self._keep(request, reply)
        _judge_status(payload, reply)
        if check is not None:
            check(payload)
        return payload

    def _values(self, request: Request) -> dict[str, str]:
        """The secrets that a request names; SourceError tells how to provide one that is not here."""
        for name in request.secrets:
            if not self.secrets.get(name):
                raise SourceError(request, f"not asked: there is no {name}", remedy=secrets.remedy(name))
        return {name: self.secrets[name] for name in request.secrets}

    def _be_polite(self, request: Request, policy: Source, host: str, started: float) -> None:
        """Pause between requests to a host; refuse when the provider has had its time (asking and waiting)."""
        if host in self._last_end:
            self._pause(policy.min_interval_s - (self.monotonic() - self._last_end[host]))
        if self._spent.get(request.provider, 0.0) + self.monotonic() - started >= policy.budget_s:
            raise SourceError(
                request,
                f"not asked: the time budget of {policy.budget_s:g} s for this provider is used up",
                remedy="run the session again later, or raise budget_s in config/sources.yaml",
            )

    def _keep(self, request: Request, reply: Reply) -> Payload:
        fetched_at = self.clock().astimezone(UTC)
        payload = Payload(request, reply.status, reply.body, fetched_at, hashlib.sha256(reply.body).hexdigest())
        if self.archive is not None:
            self.archive.put(payload)
        return payload


def _taken(payload: Payload, check: Callable[[Payload], object] | None) -> bool:
    """Whether `check` finds no fault."""
    try:
        if check is not None:
            check(payload)
    except SourceError:
        return False
    return True


def _without(values: Mapping[str, str], reply: Reply) -> Reply:
    """The reply with each secret that the provider repeats hidden."""
    if not values:
        return reply
    body = reply.body.decode("latin-1")  # any byte is a character, and back
    return replace(reply, body=secrets.hide(body, values).encode("latin-1"))


def _with_agent(request: Request, user_agent: str) -> Request:
    if any(name.lower() == "user-agent" for name, _ in request.headers):
        return request
    return replace(request, headers=(*request.headers, ("User-Agent", user_agent)))


def _judge_status(payload: Payload, reply: Reply) -> None:
    """Raise a transient SourceError for the statuses that another attempt may cure."""
    if reply.status not in (202, 408, 429) and reply.status < 500:
        return
    reason = {
        202: "the answer is not ready",
        408: "the provider timed out",
        429: "the provider asks to slow down",
    }.get(reply.status, "the provider failed")
    raise SourceError(
        payload.request,
        reason,
        status=reply.status,
        body=reply.body,
        transient=True,
        retry_after_s=retry_after_s(reply.headers, payload.fetched_at),
    )


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds that a Retry-After header asks for (a number or an HTTP date), between 0 and 60; 0 without one."""
    text = next((v.strip() for k, v in headers.items() if k.lower() == "retry-after"), "")
    if not text:
        return 0.0
    if text.isdigit():
        return min(float(text), MAX_WAIT_S)
    try:
        seconds = (parsedate_to_datetime(text) - now).total_seconds()
    except (ValueError, TypeError):
        return 0.0
    return min(max(seconds, 0.0), MAX_WAIT_S)
