"""Indexer acknowledgement: one channel per connection, its numbers never mixed with another's, asked for in one go."""

import asyncio
import uuid
from collections.abc import Callable, Mapping

import orjson

from router.errors import LogweirError, Misconfigured, Retryable
from router.protocols import Outcome, WriteResult
from sinks._hec_reply import Verdict, acknowledged, failure
from sinks._hec_settings import SplunkHecSettings
from sinks._http import Http, Reply, Unsent

ACK = "/services/collector/ack"
_MAX_PENDING = 1000
_REMEMBERED = 10_000
_SLOWEST = 10.0
_Reader = Callable[[Reply], Verdict]


class AckLanes:
    """The channels to each url. A channel that failed or kept silent is never used again."""

    def __init__(self, settings: SplunkHecSettings, make: Callable[..., Http]) -> None:
        self._settings, self._make = settings, make
        self._lanes: dict[str, list[_Lane]] = {}
        self._retired: set[_Lane] = set()
        self._turn, self._closed = 0, False

    async def send(self, url: str, path: str, body: bytes, headers: Mapping[str, str], read: _Reader) -> WriteResult:
        """Delivered is only what the indexers acknowledged. Raises as a write does."""
        lane = await self._lane(url)
        lane.users += 1
        try:
            return await lane.send(path, body, headers, read)
        except (Retryable, Unsent):
            lane.broken = True
            raise
        finally:
            lane.users -= 1
            if lane.broken:
                self._retire(lane)
            await self._dispose()

    async def _lane(self, url: str) -> "_Lane":
        """Turns between the connections to one url, so many as may be open at once."""
        if self._closed:
            raise Retryable("closed: the sink was closed")
        lanes = self._lanes.setdefault(url, [])
        for lane in [lane for lane in lanes if lane.broken]:
            self._retire(lane)
        self._turn += 1
        if len(lanes) < self._settings.max_concurrency:
            lanes.append(lane := _Lane(url, self._settings, self._make(urls=(url,))))
            await lane.http.open(1)
            return lane
        return lanes[self._turn % len(lanes)]

    def _retire(self, lane: "_Lane") -> None:
        """Others may still wait for their acknowledgement on it; nobody new will."""
        lanes = self._lanes.get(lane.url, [])
        if lane in lanes:
            lanes.remove(lane)
            self._retired.add(lane)

    async def _dispose(self) -> None:
        for lane in [lane for lane in self._retired if not lane.users]:
            self._retired.discard(lane)
            await lane.http.close()

    async def close(self) -> None:
        self._closed = True
        lanes = [lane for lanes in self._lanes.values() for lane in lanes] + list(self._retired)
        self._lanes.clear()
        self._retired.clear()
        for lane in lanes:
            await lane.http.close()


class _Lane:
    """One channel on one connection."""

    def __init__(self, url: str, settings: SplunkHecSettings, http: Http) -> None:
        self.url, self.http, self.users, self.broken = url, http, 0, False
        self._channel = str(uuid.uuid4())
        self._timeout, self._pace = settings.ack_timeout_seconds, settings.ack_poll_seconds
        self._pending: dict[str, _Waiting] = {}
        self._given: dict[str, None] = {}
        self._asking = asyncio.Lock()
        self._slots = asyncio.Semaphore(_MAX_PENDING)

    async def send(self, path: str, body: bytes, headers: Mapping[str, str], read: _Reader) -> WriteResult:
        async with self._slots:
            verdict = read(await self._request(path, body, headers))
            if Outcome.DELIVERED in verdict.result.outcomes:
                await self._settled(verdict.ack_id)
            return verdict.result

    async def _request(self, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        return await self.http.request("POST", self.url, path, body, {**headers, "X-Splunk-Request-Channel": self._channel})

    async def _settled(self, ack_id: int | str | None) -> None:
        """Return once the indexers have it. Raises Retryable after the timeout, Misconfigured when asking is refused."""
        if ack_id is None:
            remedy = "enable indexer acknowledgement for the token, or set `ack: false`"
            raise Misconfigured(f"no_ack_id: {self.url} took events without a number to ask for; {remedy}")
        waiting = self._register(ack_id)
        try:
            async with asyncio.timeout(self._timeout):
                await self._ask_until(waiting.done)
        except TimeoutError as error:
            raise Retryable(f"not_acknowledged: {self.url} did not acknowledge in {self._timeout:g} s") from error
        finally:
            self._pending.pop(str(ack_id), None)

    def _register(self, ack_id: int | str) -> "_Waiting":
        """A number that comes twice means that somebody else counts (after a restart, or behind a balancer): nobody can tell
        whose it is, and who acknowledged the first may still say yes to it."""
        key = str(ack_id)
        is_known = key in self._given
        self._given[key] = None
        if len(self._given) > _REMEMBERED:
            del self._given[next(iter(self._given))]
        if is_known:
            lost = Retryable(f"not_acknowledged: {self.url} gave an acknowledgement number twice")
            for waiting in self._pending.values():
                waiting.fail(lost)
            raise lost
        return self._pending.setdefault(key, _Waiting(ack_id))

    async def _ask_until(self, done: "asyncio.Future[None]") -> None:
        """Whoever holds the lock asks for everybody who waits; the pause grows tenfold."""
        pause = self._pace
        while not done.done():
            async with self._asking:
                if not done.done():
                    await asyncio.wait([done], timeout=pause)
                    await self._ask()
            pause = min(pause * 1.5, self._pace * _SLOWEST)
        done.result()

    async def _ask(self) -> None:
        body = orjson.dumps({"acks": [waiting.ack_id for waiting in self._pending.values()]})
        try:
            reply = await self._request(f"{ACK}?channel={self._channel}", body, {"Content-Type": "application/json"})
        except (Retryable, Unsent):
            self.broken = True
            return  # the timeout of each decides
        found = acknowledged(reply)
        if found is None and isinstance(error := failure(reply), Misconfigured):
            raise error
        for ack_id in found or ():
            if ack_id in self._pending:
                self._pending[ack_id].succeed()


class _Waiting:
    """One request that was taken and is not acknowledged yet."""

    def __init__(self, ack_id: int | str) -> None:
        self.ack_id = ack_id
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def succeed(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def fail(self, error: LogweirError) -> None:
        if not self.done.done():
            self.done.set_exception(error)
