"""HTTP to the urls of one sink: failover, a bounded reply, and every failure turned into what the caller does next."""

import asyncio
import io
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

import aiohttp
from isal import igzip
from pydantic import AfterValidator

from router.errors import LogweirError, Misconfigured, Retryable
from sinks._tls import Tls, TlsContext, tls_failure

MAX_REPLY_BYTES = 8 << 20
_LONGEST_WAIT_SECONDS = 3600.0
_SUSPECT_SECONDS = 30.0
_AT_ONCE_BYTES = 1 << 19  # longer bodies go out in pieces, so that the event loop is not held up
Connected = Callable[[object, MutableMapping[str, str]], None]
"""Told of each request just before it goes out: what stands for its connection, and its headers, which may be changed."""


def _checked_url(url: str) -> str:
    """A base url as the sinks use it: scheme, host, optional port and path; no trailing slash."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises ValueError when it is no port
    except ValueError as error:
        raise ValueError(f"{error}; write it as https://host:port, an IPv6 address as https://[::1]:port") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http or https url; write it as https://host:port")
    if parts.username or parts.password:
        raise ValueError("must not hold credentials; use the settings for them")
    if parts.query or parts.fragment:
        raise ValueError("must not hold a query; leave out what follows the path")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(_checked_url)]


class Reply(NamedTuple):
    """An answer, read whole."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after_seconds(self) -> float | None:
        """The Retry-After header: seconds or a date (RFC 9110, 10.2.3); at most one hour."""
        text = self.headers.get("Retry-After", "").strip()
        return _wait(text, time.time()) if text else None


def _wait(text: str, now: float) -> float | None:
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(float(text), _LONGEST_WAIT_SECONDS)
    try:
        return min(max(0.0, parsedate_to_datetime(text).timestamp() - now), _LONGEST_WAIT_SECONDS)
    except (ValueError, OverflowError):
        return None


class Urls:
    """Turns between the urls of one product; those that failed in the last 30 s come last."""

    def __init__(self, urls: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._urls, self._clock, self._turn = list(urls), clock, 0
        self._suspect_until: dict[str, float] = {}

    def __iter__(self) -> Iterator[str]:
        """Every url once, in the order to try them."""
        self._turn += 1
        turned = [self._urls[(self._turn + i) % len(self._urls)] for i in range(len(self._urls))]
        return iter(sorted(turned, key=self.suspect))

    def suspect(self, url: str) -> bool:
        return self._suspect_until.get(url, 0.0) > self._clock()

    def failed(self, url: str) -> None:
        self._suspect_until[url] = self._clock() + _SUSPECT_SECONDS

    def worked(self, url: str) -> None:
        self._suspect_until.pop(url, None)


class Http:
    """One session. Replies are untrusted: not unpacked, not followed, at most 8 MiB. Errors begin with a constant word.

    `headers` is asked with every request: it holds secrets, and these may be renewed.
    """

    def __init__(
        self,
        urls: Sequence[str],
        tls: Tls,
        timeout_seconds: float,
        headers: Callable[[], Mapping[str, str]],
        connected: Connected | None = None,
    ) -> None:
        self.urls = Urls(urls)
        self._request_class = _telling(connected) if connected else aiohttp.ClientRequest
        self._tls, self._timeout, self._headers = TlsContext(tls), timeout_seconds, headers
        self._server_name = tls.server_name or None
        self._session: aiohttp.ClientSession | None = None

    async def open(self, connections: int) -> None:
        """Makes the session; connects to nothing. Cookies are kept, for balancers that need them to stay on one node."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, limit_per_host=connections, ttl_dns_cache=30),
            timeout=aiohttp.ClientTimeout(total=self._timeout, sock_connect=min(10.0, self._timeout)),
            headers={"Accept-Encoding": "identity", "User-Agent": "logweir"},
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            request_class=self._request_class,
            auto_decompress=False,
        )

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """To the first url that can be connected to.

        Raises Retryable when nothing is known, Misconfigured when TLS or the address can only be mended by a person.
        """
        failures = []
        for url in self.urls:
            try:
                return await self.request("POST", url, path, body, headers)
            except Unsent as error:
                failures.append(error.reason)
        raise worst_hope(failures)

    async def request(self, method: str, url: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """One try at one url. Raises Unsent when certainly nothing was sent, else as `post`."""
        if self._session is None:
            raise Retryable("closed: the sink was closed")
        reply: Reply | None = None
        try:
            reply = await self._exchange(self._session, method, url, path, body, headers)
        except aiohttp.ClientResponseError:
            self.urls.failed(url)  # not chained: it carries our headers, so our secrets
        except asyncio.CancelledError:
            if _cancelled():
                raise
            raise Retryable("closed: the sink was closed") from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            self.urls.failed(url)
            raise Unsent(_failure(url, error)) from error
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self.urls.failed(url)
            raise _failure(url, error) from error
        if reply is None:
            raise Retryable(f"unreadable_answer: {url} does not answer in HTTP")
        if reply.status < 500:
            self.urls.worked(url)
        else:
            self.urls.failed(url)
        return reply

    async def _exchange(
        self, session: aiohttp.ClientSession, method: str, url: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        secure: Any = self._tls.get() if url.startswith("https") else True
        async with session.request(
            method,
            url + path,
            data=body if body is None or len(body) < _AT_ONCE_BYTES else io.BytesIO(body),
            headers={**self._headers(), **headers},
            ssl=secure,
            server_hostname=self._server_name if url.startswith("https") else None,
            allow_redirects=False,
        ) as response:
            return Reply(url, response.status, response.headers, await _read(response))


def _telling(connected: Connected) -> type[aiohttp.ClientRequest]:
    """The library chooses a connection late and tells nobody which; a request learns of it when it is sent."""

    class Telling(aiohttp.ClientRequest):
        async def send(self, conn: Any) -> aiohttp.ClientResponse:
            connected(conn.protocol, self.headers)
            return await super().send(conn)

    return Telling


class Unsent(Exception):
    """One url could not be used, and certainly nothing was sent to it: another may be tried."""

    def __init__(self, reason: LogweirError) -> None:
        self.reason = reason
        super().__init__(str(reason))


def _failure(url: str, error: BaseException) -> LogweirError:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Misconfigured(f"tls: {url}: certificate is not accepted: {_tls_reason(error.certificate_error)}")
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if tls_failure(cause):
        return Misconfigured(f"tls: {url}: {_tls_reason(cause)}")
    if isinstance(error, aiohttp.InvalidURL):
        return Misconfigured(f"bad_url: {url} cannot be used")
    return Retryable(_loss(url, cause))


def _cancelled() -> bool:
    """Whether it was our task that was cancelled, and not something that the session's closing took away."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def worst_hope(failures: Sequence[LogweirError]) -> LogweirError:
    """What to raise when no url could be used: a person is needed only when none can mend itself."""
    return next((f for f in failures if isinstance(f, Retryable)), failures[-1])


async def _read(response: aiohttp.ClientResponse) -> bytes:
    chunks, size = [], 0
    async for chunk in response.content.iter_any():
        size += len(chunk)
        if size > MAX_REPLY_BYTES:
            raise ValueError("reply is larger than 8 MiB")
        chunks.append(chunk)
    return b"".join(chunks)


def _tls_reason(error: BaseException) -> str:
    return getattr(error, "verify_message", "") or getattr(error, "reason", None) or type(error).__name__


def _loss(url: str, error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"no_answer: {url} did not answer in time"
    what = "connection broke" if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
    return f"unreachable: {url}: {what or type(error).__name__}"


def packed(body: bytes, gzip: bool) -> tuple[bytes, dict[str, str]]:
    """The body as it is sent, and the header that says so."""
    return (igzip.compress(body, 1), {"Content-Encoding": "gzip"}) if gzip else (body, {})
