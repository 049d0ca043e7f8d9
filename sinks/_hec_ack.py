"""Indexer acknowledgement: a channel belongs to one connection, its numbers are never mixed with another's.

Which indexer a connection ends at nobody tells, so a channel is sent events on one connection only, and a number is asked for
on its own channel: an indexer that never heard of the channel says no, and none can say yes for another one. Questions may
go out on any connection, and are repeated until the time is up. Where connections soon end, what they carried is therefore
waited for and not sent again; behind a balancer a question may reach somebody else, and the next one the right one.
"""

import asyncio
import random
import uuid
from collections.abc import Callable, Mapping, MutableMapping

import orjson

from router.errors import LogweirError, Misconfigured, Retryable
from router.protocols import Outcome, WriteResult
from sinks._hec_reply import Verdict, acknowledged, failure, knows_no_channel
from sinks._hec_settings import SplunkHecSettings
from sinks._http import Http, Reply, Unsent

ACK, CHANNEL = "/services/collector/ack", "X-Splunk-Request-Channel"
_MAX_PENDING = 1000
_REMEMBERED = 10_000
_SLOWEST = 10.0
_Reader = Callable[[Reply], Verdict]


class AckLanes:
    """The connections to each url. A channel that failed or kept silent is never used again."""

    def __init__(self, settings: SplunkHecSettings, make: Callable[..., Http]) -> None:
        self._settings, self._make = settings, make
        self._lanes: dict[str, list[_Lane]] = {}
        self._retired: set[_Lane] = set()
        self._spread: set[str] = set()
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
            lanes.append(lane := _Lane(url, self._settings, self._make, self._spread))
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
    """One connection at a time, with the channel of the present one and those of former ones that are still asked about."""

    def __init__(self, url: str, settings: SplunkHecSettings, make: Callable[..., Http], spread: set[str]) -> None:
        """`spread`: urls whose balancer gives the requests of one connection to several indexers."""
        self.url, self.users, self.broken = url, 0, False
        self.http = make(urls=(url,), connected=self._connected)
        self._timeout, self._pace, self._spread = settings.ack_timeout_seconds, settings.ack_poll_seconds, spread
        self._connection: object = None
        self._channel = _Channel()
        self._channels: set[_Channel] = set()
        self._asking, self._posting = asyncio.Lock(), asyncio.Lock()
        self._slots = asyncio.Semaphore(_MAX_PENDING)

    async def send(self, path: str, body: bytes, headers: Mapping[str, str], read: _Reader) -> WriteResult:
        async with self._slots:
            async with self._posting:  # there is but one connection, and the channel is known once the answer is here
                reply = await self.http.request("POST", self.url, path, body, headers)
                channel = self._channel
            verdict = read(reply)
            if Outcome.DELIVERED in verdict.result.outcomes:
                await self._settled(channel, verdict.ack_id)
            return verdict.result

    def _connected(self, connection: object, headers: MutableMapping[str, str]) -> None:
        """Events go out on the channel of their connection; where not even that is one indexer's, on one of their own."""
        if CHANNEL in headers:
            return
        if connection is not self._connection or self.url in self._spread:
            self._connection, self._channel = connection, _Channel()
        headers[CHANNEL] = self._channel.name

    async def _settled(self, channel: "_Channel", ack_id: int | str | None) -> None:
        """Return once the indexers have it. Raises Retryable after the timeout, Misconfigured when asking is refused."""
        if ack_id is None:
            remedy = "enable indexer acknowledgement for the token, or set `ack: false`"
            raise Misconfigured(f"no_ack_id: {self.url} took events without a number to ask for; {remedy}")
        waiting = channel.register(ack_id)
        if waiting is None:
            self._spread.add(self.url)
            raise channel.fail(f"not_acknowledged: {self.url} gave an acknowledgement number twice")
        self._channels.add(channel)
        try:
            async with asyncio.timeout(self._timeout):
                await self._ask_until(waiting.done)
        except TimeoutError as error:
            raise Retryable(f"not_acknowledged: {self.url} did not acknowledge in {self._timeout:g} s") from error
        finally:
            channel.pending.pop(str(ack_id), None)
            if not channel.pending:
                self._channels.discard(channel)

    async def _ask_until(self, done: "asyncio.Future[None]") -> None:
        """Whoever holds the lock asks for everybody who waits; the pause grows tenfold. Pause and order vary: a balancer that
        takes turns, too, might else lead each of two channels to the other's indexer for ever."""
        pause = self._pace
        while not done.done():
            async with self._asking:
                if not done.done():
                    await asyncio.wait([done], timeout=pause * random.uniform(0.5, 1.5))
                    for channel in random.sample(list(self._channels), len(self._channels)):
                        await self._ask(channel)
            pause = min(pause * 1.5, self._pace * _SLOWEST)
        done.result()

    async def _ask(self, channel: "_Channel") -> None:
        if not channel.pending:
            return
        body = orjson.dumps({"acks": [waiting.ack_id for waiting in channel.pending.values()]})
        headers = {"Content-Type": "application/json", CHANNEL: channel.name}
        try:
            reply = await self.http.request("POST", self.url, f"{ACK}?channel={channel.name}", body, headers)
        except (Retryable, Unsent):
            self.broken = True
            return  # the timeout of each decides
        found = acknowledged(reply)
        if found is None and not knows_no_channel(reply) and isinstance(error := failure(reply), Misconfigured):
            raise error
        for ack_id in found or ():
            if ack_id in channel.pending:
                channel.pending[ack_id].succeed()


class _Channel:
    """A name under which one indexer counts, and what was given a number there."""

    def __init__(self) -> None:
        self.name = str(uuid.uuid4())
        self.pending: dict[str, _Waiting] = {}
        self._given: dict[str, None] = {}

    def register(self, ack_id: int | str) -> "_Waiting | None":
        """None for a number that comes twice: somebody else counts (after a restart, or behind a balancer that spreads the
        requests of one connection), nobody can tell whose it is, and who acknowledged the first may still say yes to it.
        """
        key = str(ack_id)
        if key in self._given:
            return None
        self._given[key] = None
        if len(self._given) > _REMEMBERED:
            del self._given[next(iter(self._given))]
        return self.pending.setdefault(key, _Waiting(ack_id))

    def fail(self, text: str) -> Retryable:
        """Nothing that waits here can be told any more."""
        lost = Retryable(text)
        for waiting in self.pending.values():
            waiting.fail(lost)
        return lost


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
