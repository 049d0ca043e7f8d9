"""R5: every answer that Kafka can give, and leaders and coordinators that move, on the mock cluster."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.arena import Arena, Plan, arena
from tests.faults.outcome import Outcome
from tests.faults.scenarios import in_thread, scenario
from tests.peers import mock_kafka
from tests.peers.mock_kafka import MockKafka

_PARTITIONS = 3
_TOPICS = {"raw": _PARTITIONS, "events": _PARTITIONS, "matches": _PARTITIONS, "signals": _PARTITIONS, "dlq.process": 1}
_LIES = frozenset((10, 18, 46))
"""Too large, and known already: statements about the data that would be false here. The log's own tests give them."""
_PRODUCE = [mock_kafka.CLOSED, -1, *sorted(set(range(1, 120)) - _LIES)]
_OTHERS = {
    "fetch": (mock_kafka.FETCH, (-1, 3, 6, 7, 9, 56, 74, 75, mock_kafka.CLOSED)),
    "commit": (mock_kafka.COMMIT, (-1, 7, 12, 14, 15, 16, 30, mock_kafka.CLOSED)),
    "heartbeat": (mock_kafka.HEARTBEAT, (15, 16, mock_kafka.CLOSED)),
}
_REBALANCING = {
    "commit": (mock_kafka.COMMIT, (22, 25, 27)),
    "heartbeat": (mock_kafka.HEARTBEAT, (-1, 22, 25, 27, 30)),
    "join": (mock_kafka.JOIN, (-1, 14, 15, 16, 24, 25, 30, mock_kafka.CLOSED)),
    "sync": (mock_kafka.SYNC, (-1, 15, 16, 22, 25, 27, mock_kafka.CLOSED)),
    "coordinator": (mock_kafka.COORDINATOR, (-1, 15, 30, mock_kafka.CLOSED)),
    "offsets": (mock_kafka.OFFSETS, (-1, 3, 14, 16, mock_kafka.CLOSED)),
}
"""In long runs only: the mock cluster lets every rebalance last as long as a session, and one error may bring several."""
_TEN_TIMES = (6, 7, 19, 45, mock_kafka.CLOSED)
_TAKEN_SECONDS, _OTHER_SECONDS, _TEN_SECONDS = 6.0, 45.0, 20.0
"""How long an error is offered; it is over as soon as it was taken, which takes a second or so, or as long as
a session where the error before it made the group begin anew."""
_RARE_SECONDS = 8.0
"""The same for requests that only a rebalance makes: some are never asked for."""
_WHOLE_MINUTES = 2.0


@asynccontextmanager
async def _scripted(outcome: Outcome) -> AsyncIterator[tuple[Arena, MockKafka]]:
    # The mock cluster gives one batch of a partition in an answer, whatever was asked for: so few, large ones.
    plan = Plan(rate=400, pause_seconds=1.0, trusted_syslog=True, sinks=("search", "archive"))
    topics = {f"logweir.{name}": count for name, count in _TOPICS.items()}
    topics |= {f"logweir.dlq.{sink}": 1 for sink in plan.sinks}
    async with in_thread(MockKafka(topics)) as mock:
        plan.log = {"kind": "kafka", "bootstrap": list(mock.bootstrap), "partitions": _PARTITIONS}
        async with arena(plan, outcome) as one:
            one.send()
            await asyncio.sleep(8)
            yield one, mock
            await one.end()


@scenario("R5", 0.5, 47)
async def every_error_of_kafka(outcome: Outcome) -> None:
    """Error codes to an append, some ten times, and to other requests (a sample in the short form, all in a long one); moves."""
    share = min(1.0, outcome.minutes / _WHOLE_MINUTES)
    async with _scripted(outcome) as (one, mock):
        codes = one.random.sample(_PRODUCE, int(len(_PRODUCE) * share))
        for code in codes:
            await _give(one, mock, "append", mock_kafka.PRODUCE, code, 1, _TAKEN_SECONDS)
        for code in one.random.sample(_TEN_TIMES, max(1, int(len(_TEN_TIMES) * share))):
            await _give(one, mock, "append, ten times", mock_kafka.PRODUCE, code, 10, _TEN_SECONDS)
        for kinds in (_OTHERS, _REBALANCING) if share == 1.0 else (_OTHERS,):
            seconds = _OTHER_SECONDS if kinds is _OTHERS else _RARE_SECONDS
            for name, (api, wanted) in kinds.items():
                for code in one.random.sample(wanted, max(2, int(len(wanted) * share))):
                    await _give(one, mock, name, api, code, 1, seconds)
        await _moves(one, mock)
    one.judge(repeats=lambda _: 20_000)
    outcome.check("the codes of an append were really given", one.faults["append"] >= 0.8 * len(codes), one.faults)
    outcome.check("errors of other requests were really given", all(one.faults.get(name) for name in _OTHERS), one.faults)


async def _give(one: Arena, mock: MockKafka, name: str, api: int, code: int, times: int, seconds: float) -> None:
    """The next requests of the kind are answered so; what was not asked for in that time is taken back."""
    await asyncio.to_thread(mock, "errors", api, code, times)
    end = asyncio.get_running_loop().time() + seconds
    while (left := await asyncio.to_thread(mock, "left", api)) and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.05)
    await asyncio.to_thread(mock, "never", api)
    for _ in range(times - left):
        one.hit(name)


async def _moves(one: Arena, mock: MockKafka) -> None:
    """Leaders and coordinators move, a broker goes and comes back, a partition has no leader for ten seconds."""
    groups = ("process", "correlate", "sink.search", "sink.archive")
    for turn in range(6):
        broker = turn % 3 + 1
        await asyncio.to_thread(mock, "leader", "logweir.raw", turn % _PARTITIONS, broker)
        await asyncio.to_thread(mock, "coordinator", f"logweir.{groups[turn % len(groups)]}", broker)
        one.hit("move")
        await asyncio.sleep(1)
    await asyncio.to_thread(mock, "down", 2)
    one.hit("broker down")
    await asyncio.sleep(5)
    await asyncio.to_thread(mock, "up", 2)
    await asyncio.to_thread(mock, "leader", "logweir.raw", 0, -1)
    one.hit("partition without a leader")
    await asyncio.sleep(10)
    await asyncio.to_thread(mock, "leader", "logweir.raw", 0, 1)
    await asyncio.sleep(2)
