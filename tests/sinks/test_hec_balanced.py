"""Indexer acknowledgement through balancers: every connection, or every request, may come to another indexer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from router.batch import Record
from router.errors import Retryable
from router.protocols import Outcome, Sink
from tests.contract.sink import opened, records
from tests.sinks.balancer import Balancer
from tests.sinks.test_hec_ack import Recording
from tests.sinks.test_splunk_hec import splunk_hec

_WRITERS, _WRITES, _RECORDS = 4, 6, 5
SETTINGS = {"ack": True, "max_concurrency": 2, "ack_poll_seconds": 0.01, "ack_timeout_seconds": 600, "gzip": False}


async def _insist(sink: Sink, wanted: Sequence[Record]) -> None:
    """Send again, as delivery does, until all of it is delivered."""
    while True:
        try:
            result = await sink.write(wanted)
        except Retryable:
            continue
        assert list(result.outcomes) == [Outcome.DELIVERED] * len(wanted)
        return


async def _delivered(sink: Sink) -> None:
    for _ in range(_WRITES):
        await _insist(sink, records(_RECORDS))


@asynccontextmanager
async def _balanced(**how: Any) -> AsyncIterator[tuple[list[Recording], Sink]]:
    async with AsyncExitStack() as stack:
        ends = [await stack.enter_async_context(Recording()) for _ in range(2)]
        front = await stack.enter_async_context(Balancer([end.url for end in ends], **how))
        yield ends, await stack.enter_async_context(opened(splunk_hec(front.url, **SETTINGS)))


@pytest.mark.parametrize("lives", [1, 2, 3])
@pytest.mark.parametrize("silent", [False, True], ids=["announced", "silent"])
async def test_what_a_short_connection_carried_is_asked_for_and_not_sent_again(lives: int, silent: bool) -> None:
    """Half of all questions come to an indexer that knows nothing of the channel, and says no."""
    async with _balanced(lives=lives, silent=silent) as (ends, sink):
        await asyncio.gather(*[_delivered(sink) for _ in range(_WRITERS)])
        assert not set(ends[0].channels) & set(ends[1].channels)
    assert sum(len(end.ids()) for end in ends) == _WRITERS * _WRITES * _RECORDS
    assert sum(end.arrivals.repeats for end in ends) == 0


async def test_a_balancer_that_spreads_the_requests_of_a_connection_brings_copies_only_until_it_is_known() -> None:
    async with _balanced(lives=1 << 20, by_request=True) as (ends, sink):
        await asyncio.gather(*[_delivered(sink) for _ in range(_WRITERS)])
        before = sum(end.received for end in ends)
        await asyncio.gather(*[_delivered(sink) for _ in range(_WRITERS)])
        channels = [channel for end in ends for channel in end.channels]
    assert len({id for end in ends for id in end.ids()}) == 2 * _WRITERS * _WRITES * _RECORDS
    assert sum(end.received for end in ends) - before == _WRITERS * _WRITES * _RECORDS
    assert len(set(channels[-_WRITES:])) == _WRITES


async def test_a_channel_that_an_indexer_does_not_know_is_asked_about_again() -> None:
    class Strict(Recording):
        """Refuses to speak of channels that it was sent nothing on."""

        async def _acks(self, request: Any) -> Any:
            if request.query["channel"] not in self.channels:
                return web.json_response({"text": "Invalid data channel", "code": 11}, status=400)
            return await super()._acks(request)

    async with (
        Strict() as one,
        Strict() as two,
        Balancer([one.url, two.url], lives=1) as front,
        opened(splunk_hec(front.url, **SETTINGS)) as sink,
    ):
        await asyncio.gather(*[_delivered(sink) for _ in range(2)])
    assert one.received + two.received == 2 * _WRITES * _RECORDS
