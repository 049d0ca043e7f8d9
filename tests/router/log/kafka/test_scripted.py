"""What the Kafka log makes of answers that a real broker gives only now and then: scripted by the mock cluster."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from router.batch import Mark, Partition
from router.config import KafkaLog
from router.errors import Misconfigured, Rejected, Retryable
from router.log.kafka import BrokerLog
from router.log.kafka.follower import BrokerFollower
from tests.contract.log_process import QUICK
from tests.contract.log_scene import collect, numbers, record, settle
from tests.peers import mock_kafka
from tests.peers.mock_kafka import MockKafka

pytestmark = pytest.mark.kafka

_ZERO = Partition("one", 0)
_DEADLINE_SECONDS = 4.0
_TOO_LARGE = frozenset((10, 18))
_FOR_A_PERSON = frozenset((12, 17, 26, 29, 30, 31, 32, 33, 44, 58))
_FETCH, _NOT_LEADER = 1, 6
_SUCCESS = 46
"""DUPLICATE_SEQUENCE_NUMBER: the broker has the batch already. Scripted it is a lie, so what it was said of is not looked for."""


@pytest.fixture
def cluster() -> Iterator[MockKafka]:
    """One broker, so that one scripted error is one answer."""
    with MockKafka({"one": 2}, brokers=1) as mock:
        yield mock


@pytest.fixture
async def log(cluster: MockKafka) -> AsyncIterator[BrokerLog]:
    settings = KafkaLog(kind="kafka", bootstrap=cluster.bootstrap, prefix="", send_deadline_seconds=_DEADLINE_SECONDS)
    made = BrokerLog(settings, timing=QUICK)
    await made.start()
    yield made
    await made.close()


async def _everything(log: BrokerLog) -> list[int]:
    found: list[int] = []
    _, end = (await log.ends("one"))[0]
    while len(found) < end:
        found += numbers([await log.fetch("one", 0, len(found), 1000)])
    return found


async def _outcome(log: BrokerLog, number: int) -> str:
    try:
        await log.append("one", 0, [record(number)])
    except (Rejected, Misconfigured, Retryable) as error:
        return type(error).__name__
    return "appended"


def _expected(code: int) -> str:
    if code in _TOO_LARGE:
        return "Rejected"
    return "Misconfigured" if code in _FOR_A_PERSON else "appended"


@pytest.mark.timeout(240)
async def test_every_error_code_of_an_append_is_classified_and_poisons_nothing(cluster: MockKafka, log: BrokerLog) -> None:
    await log.append("one", 0, [record(0)])
    written = [0]
    for turn, code in enumerate([mock_kafka.CLOSED, -1, *range(1, 120)], 1):
        cluster("errors", mock_kafka.PRODUCE, code, 1)
        began = time.monotonic()
        outcome = await _outcome(log, 2 * turn)
        assert cluster("left", mock_kafka.PRODUCE) == 0, f"code {code} was not given"
        assert outcome == _expected(code), f"code {code}"
        assert time.monotonic() - began < _DEADLINE_SECONDS, f"code {code}"
        await log.append("one", 0, [record(2 * turn + 1)])
        written += [2 * turn] * (outcome == "appended" and code != _SUCCESS) + [2 * turn + 1]
    assert await _everything(log) == written


@pytest.mark.parametrize("code", [6, 7, 45, mock_kafka.CLOSED])
async def test_an_error_that_stays_is_answered_within_the_deadline(cluster: MockKafka, log: BrokerLog, code: int) -> None:
    await log.append("one", 0, [record(0)])
    cluster("always", mock_kafka.PRODUCE, code)
    began = time.monotonic()
    assert await _outcome(log, 1) == "Retryable"
    assert time.monotonic() - began < _DEADLINE_SECONDS + 2
    cluster("never", mock_kafka.PRODUCE)
    await asyncio.wait_for(log.append("one", 1, [record(2)]), 10)
    await asyncio.wait_for(log.append("one", 0, [record(3)]), 10)


async def test_many_records_that_are_too_large_together_are_split(cluster: MockKafka, log: BrokerLog) -> None:
    cluster("errors", mock_kafka.PRODUCE, 18, 3)
    await log.append("one", 0, [record(n) for n in range(40)])
    assert cluster("left", mock_kafka.PRODUCE) == 0
    assert await _everything(log) == list(range(40))


@pytest.mark.parametrize("code", [14, 15, 16, 7])
async def test_a_coordinator_that_does_not_say_is_not_taken_for_a_group_without_a_commit(
    cluster: MockKafka, log: BrokerLog, code: int
) -> None:
    await log.append("one", 0, [record(n) for n in range(10)])
    async with log.follow(["one"], group="g") as follower:
        await collect(follower, 10)
        await follower.commit({_ZERO: Mark(7, "there")})
    cluster("errors", mock_kafka.OFFSETS, code, 1)
    with pytest.raises(Retryable):
        await log.committed("g", ["one"])
    cluster("errors", mock_kafka.OFFSETS, code, 1)
    async with log.follow(["one"], group="g") as follower:
        assert numbers(await collect(follower, 3)) == [7, 8, 9]
    assert cluster("left", mock_kafka.OFFSETS) == 0


_OF_MEMBERS = (-1, 6, 7, 14, 15, 16, 22, 25, 27, mock_kafka.CLOSED)


@pytest.mark.parametrize("api", [mock_kafka.FETCH, mock_kafka.COMMIT, mock_kafka.HEARTBEAT])
async def test_a_member_survives_errors_and_skips_nothing(cluster: MockKafka, log: BrokerLog, api: int) -> None:
    seen = set[int]()
    async with log.follow(["one"], group="g") as follower:
        await settle(follower, until=lambda: len(follower.assigned) == 2)
        for number, code in enumerate(_OF_MEMBERS):
            cluster("errors", api, code, 1)
            await log.append("one", 0, [record(number)])
            await _read_until(follower, seen, lambda n=number: n in seen and not cluster("left", api))  # type: ignore[misc]  # of the loop's own types
    assert seen == set(range(len(_OF_MEMBERS)))


@pytest.mark.parametrize("api", [mock_kafka.JOIN, mock_kafka.SYNC, mock_kafka.COORDINATOR])
async def test_a_member_joins_through_errors_and_skips_nothing(cluster: MockKafka, log: BrokerLog, api: int) -> None:
    for number, code in enumerate(_OF_MEMBERS):
        cluster("errors", api, code, 1)
        await log.append("one", 0, [record(number)])
        seen = set[int]()
        async with log.follow(["one"], group=f"g{number}") as follower:
            await _read_until(follower, seen, lambda n=number, s=seen: len(s) > n)  # type: ignore[misc]  # of the loop's own types
        assert not cluster("left", api)
        assert seen == set(range(number + 1))


async def _read_until(follower: BrokerFollower, seen: set[int], done: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not done():
            for batch in await follower.read(max_records=100, timeout_seconds=0.1):
                seen |= set(numbers([batch]))
                await _tried(follower.commit({_ZERO: Mark(batch.span.stop)}))


async def test_a_commit_without_an_answer_ends_in_bounded_time(cluster: MockKafka) -> None:
    settings = KafkaLog(kind="kafka", bootstrap=cluster.bootstrap, prefix="", send_deadline_seconds=_DEADLINE_SECONDS)
    log = BrokerLog(settings, timing=QUICK._replace(commit_seconds=1.0))
    await log.start()
    try:
        await log.append("one", 0, [record(0)])
        async with log.follow(["one"], group="g") as follower:
            await collect(follower, 1)
            cluster("always", mock_kafka.COMMIT, 14)  # the library asks again for as long as the coordinator is loading
            began = time.monotonic()
            with pytest.raises(Retryable, match="no answer to a commit"):
                await follower.commit({_ZERO: Mark(1)})
            assert time.monotonic() - began < 10
            cluster("never", mock_kafka.COMMIT)
            await follower.commit({_ZERO: Mark(1)})
        assert (await log.committed("g", ["one"]))[_ZERO] == Mark(1)
    finally:
        await log.close()


async def test_a_coordinator_and_leaders_that_move_are_followed() -> None:
    with MockKafka({"one": 2}, brokers=3) as mock:
        settings = KafkaLog(kind="kafka", bootstrap=mock.bootstrap, prefix="", send_deadline_seconds=10)
        log = BrokerLog(settings, timing=QUICK)
        await log.start()
        seen: set[int] = set()
        try:
            async with log.follow(["one"], group="g") as follower:
                for number in range(30):
                    mock("leader", "one", 0, number % 3 + 1)
                    if number % 5 == 0:
                        mock("coordinator", "g", number % 3 + 1)
                    await log.append("one", 0, [record(number)])
                    for batch in await follower.read(max_records=100, timeout_seconds=0.2):
                        seen |= set(numbers([batch]))
                        await _tried(follower.commit({_ZERO: Mark(batch.span.stop)}))
                await _read_until(follower, seen, lambda: len(seen) == 30)
        finally:
            await log.close()
    assert seen == set(range(30))


async def _tried(commit: Awaitable[None]) -> None:
    try:
        await commit
    except Retryable:
        pass


async def test_a_stretch_that_does_not_come_is_not_taken_for_the_end(cluster: MockKafka, log: BrokerLog) -> None:
    """The mark of how far a stage came, a replay and a redrive all read this way: nothing would stop them too early, in silence."""
    await log.append("one", 0, [record(number) for number in range(3)])
    cluster("always", _FETCH, _NOT_LEADER)
    with pytest.raises(Retryable, match="fetch from one"):
        await log.fetch("one", 0, 2, 1)
    cluster("never", _FETCH)
    assert numbers([await log.fetch("one", 0, 2, 1)]) == [2]
    assert numbers([await log.fetch("one", 0, 3, 1)]) == []
