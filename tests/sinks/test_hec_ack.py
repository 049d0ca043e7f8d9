"""Indexer acknowledgement: what counts as delivered, channels, numbers, silence."""

import asyncio
from collections.abc import Collection
from typing import Any

import orjson
import pytest

from router.demo.standins import Answer
from router.errors import Misconfigured, Retryable
from router.protocols import Outcome
from tests.contract.sink import opened, record, records
from tests.sinks.test_splunk_hec import TOKEN, End

FAST = {"ack_timeout_seconds": 0.5, "ack_poll_seconds": 0.01}


class Recording(End):
    """Notes which channel each request came on."""

    def __init__(self, **options: Any) -> None:
        super().__init__(TOKEN, ack=True, **options)
        self.channels: list[str] = []
        self.asked: list[tuple[str, Collection[int]]] = []

    async def _event(self, request: Any) -> Any:
        self.channels.append(request.headers["X-Splunk-Request-Channel"])
        return await super()._event(request)

    async def _acks(self, request: Any) -> Any:
        self.asked.append((request.query["channel"], (await request.json())["acks"]))
        return await super()._acks(request)


async def test_nothing_is_delivered_before_the_indexers_say_so() -> None:
    async with Recording() as end, opened(end.sink(ack_poll_seconds=0.01)) as sink:
        end.acknowledge = False
        writing = asyncio.create_task(sink.write(records(3)))
        while len(end.asked) < 3:
            await asyncio.sleep(0.01)
        assert not writing.done()
        end.acknowledge = True
        assert list((await writing).outcomes) == [Outcome.DELIVERED] * 3


async def test_what_is_not_acknowledged_in_time_is_sent_again_on_another_channel() -> None:
    async with Recording() as end, opened(end.sink(max_concurrency=1, **FAST)) as sink:
        end.acknowledge = False
        wanted = records(3)
        with pytest.raises(Retryable, match="not_acknowledged"):
            await sink.write(wanted)
        end.acknowledge = True
        assert list((await sink.write(wanted)).outcomes) == [Outcome.DELIVERED] * 3
        assert len(set(end.channels)) == len(end.channels) == 2


async def test_many_writes_are_asked_for_in_one_go() -> None:
    async with Recording() as end, opened(end.sink(max_concurrency=1, ack_poll_seconds=0.05)) as sink:
        results = await asyncio.gather(*(sink.write(records(2)) for _ in range(8)))
        assert all(list(r.outcomes) == [Outcome.DELIVERED] * 2 for r in results)
        assert len(set(end.channels)) == 1
        assert max(len(ids) for _, ids in end.asked) > 1


async def test_every_connection_has_a_channel_of_its_own() -> None:
    async with Recording() as end, opened(end.sink(max_concurrency=3)) as sink:
        await asyncio.gather(*(sink.write(records(2)) for _ in range(12)))
        assert len(set(end.channels)) == 3
        assert {channel for channel, _ in end.asked} <= set(end.channels)


async def test_a_partly_taken_batch_waits_for_the_acknowledgement_of_its_part() -> None:
    async with Recording() as end, opened(end.sink(**FAST)) as sink:
        result = await sink.write([record(), record(b'{"not": json}'), record()])
        assert list(result.outcomes) == [Outcome.DELIVERED, Outcome.REJECTED, Outcome.RETRY]
        end.acknowledge = False
        end.script(Answer(400, b'{"text":"No","code":13,"invalid-event-number":1,"ackId":77}'))
        with pytest.raises(Retryable, match="not_acknowledged"):
            await sink.write(records(3))


async def test_a_batch_of_which_nothing_was_taken_waits_for_nothing() -> None:
    async with Recording() as end, opened(end.sink(**FAST)) as sink:
        end.acknowledge = False
        result = await sink.write([record(b'{"not": json}'), record()])
        assert list(result.outcomes) == [Outcome.REJECTED, Outcome.RETRY]


async def test_a_token_without_acknowledgement_pauses() -> None:
    async with End(TOKEN) as end, opened(end.sink(ack=True, **FAST)) as sink:
        with pytest.raises(Misconfigured, match="ack: false"):
            await sink.write(records(2))


async def test_a_refusal_to_say_what_is_indexed_pauses() -> None:
    async with Recording() as end, opened(end.sink(**FAST)) as sink:
        success = orjson.dumps({"text": "Success", "code": 0, "ackId": 0})
        end.script(Answer(200, success), Answer(400, b'{"text":"ACK is disabled","code":14}'))
        with pytest.raises(Misconfigured, match="14"):
            await sink.write(records(2))


async def test_a_number_given_twice_confirms_nothing() -> None:
    """A collector that restarts counts from zero again: its 0 is not the 0 that an earlier write waits for."""
    async with Recording() as end, opened(end.sink(max_concurrency=1, ack_timeout_seconds=5, ack_poll_seconds=0.01)) as sink:
        end.acknowledge = False
        first = asyncio.create_task(sink.write(records(2)))
        while not end.asked:
            await asyncio.sleep(0.01)
        end._channels.clear()
        second = asyncio.create_task(sink.write(records(2)))
        results = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(r) for r in results] == [Retryable, Retryable]


async def test_the_number_of_a_write_that_was_acknowledged_confirms_no_other() -> None:
    """Another collector behind the same address counts for itself, and one that said yes to a number may say so again."""
    async with Recording() as end, opened(end.sink(max_concurrency=1, ack_timeout_seconds=5, ack_poll_seconds=0.01)) as sink:
        assert list((await sink.write(records(2))).outcomes) == [Outcome.DELIVERED] * 2
        end._channels.clear()
        with pytest.raises(Retryable, match="twice"):
            await sink.write(records(2))
        assert list((await sink.write(records(2))).outcomes) == [Outcome.DELIVERED] * 2
        assert len(set(end.channels)) == 2


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, "text", 'quo"te'])
async def test_a_number_is_opaque(number: Any) -> None:
    class Random(Recording):
        async def _acks(self, request: Any) -> Any:
            asked = (await request.json())["acks"]
            self.asked.append((request.query["channel"], asked))
            return await _answer({"acks": {str(a): True for a in asked}})

    async def _answer(body: Any) -> Any:
        from aiohttp import web

        return web.json_response(body)

    async with Random() as end, opened(end.sink(**FAST)) as sink:
        end.script(Answer(200, orjson.dumps({"text": "Success", "code": 0, "ackId": number})))
        assert list((await sink.write(records(2))).outcomes) == [Outcome.DELIVERED] * 2
        assert [ids for _, ids in end.asked] == [[number]]


async def test_garbage_from_the_ack_endpoint_confirms_nothing() -> None:
    async with Recording() as end, opened(end.sink(**FAST)) as sink:
        success = Answer(200, orjson.dumps({"text": "Success", "code": 0, "ackId": 0}))
        junk = [
            Answer(200, b)
            for b in (b"", b"null", b'{"acks":[0]}', b'{"acks":{"0":1}}', b'{"acks":{"0":"true"}}', b'{"acks":{"1":true}}')
        ]
        end.script(success, *junk, Answer(503), Answer(0))
        end.acknowledge = False
        with pytest.raises(Retryable, match="not_acknowledged"):
            await sink.write(records(2))
