"""Time on partitions that fell silent, on a real embedded log: what waits is decided, and nothing is overtaken."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest

from router.batch import MATCHES, RAW, SIGNALS, Facts, Mark, Partition, Record
from router.config import EmbeddedLog
from router.correlate.lane import MATCH, TICK
from router.correlate.loop import Correlate
from router.correlate.match import home, matches_for
from router.correlate.ticks import Barrier, tick
from router.errors import Retryable
from router.log import open_log, standard_topics
from tests.router.correlate.correlations import correlation
from tests.router.detect.rules import read, titled

RULES = {name: read(titled(name, "{product: p}", "{a: b}", f"id: {name}")) for name in ("a", "b")}
ORDERED = correlation("temporal_ordered", rules="[a, b]", timespan="1h")


@pytest.fixture
async def log(tmp_path):
    settings = EmbeddedLog(path=tmp_path / "log.db", partitions=2)
    opened = open_log(settings)
    await opened.start()
    await opened.create(standard_topics(settings))
    yield opened
    await opened.close()


async def matched(log, rule, number, time, only=ORDERED, **event):
    for key, body, match_id in matches_for([only], RULES[rule], event, number.to_bytes(16), time):
        await log.append(MATCHES, home(key, 2), [Record(match_id, body, time, Facts(kind=MATCH), key)])


@asynccontextmanager
async def running(log, correlations, lateness=0.3):
    stop = asyncio.Event()
    part = Correlate(log, correlations, lateness, idle_seconds=0.2, tick_seconds=0.05)
    task = asyncio.create_task(part.run(stop))
    try:
        yield part
    finally:
        stop.set()
        await task


async def everything(log, topic):
    return [r for p in range(2) for r in (await log.fetch(topic, p, 0, 1000)).items]


async def signals(log, count, seconds=30):
    """The signals, once there are so many."""
    async with asyncio.timeout(seconds):
        while len(found := await everything(log, SIGNALS)) < count:
            await asyncio.sleep(0.05)
    return found


async def ticks(log):
    return [r for r in await everything(log, MATCHES) if r.facts.kind == TICK]


async def processed(log, offset):
    """Play the process stage: commit that much of `raw`."""
    async with log.follow((RAW,), group="process") as follower:
        await follower.read(max_records=1, timeout_seconds=0.5)
        await follower.commit({Partition(RAW, p): Mark(offset) for p in range(2)})


async def test_what_waits_is_decided_although_nothing_more_comes(log):
    await matched(log, "a", 1, 100.0, user="x")
    await matched(log, "b", 2, 101.0, user="x")
    async with running(log, [ORDERED]):
        [fired] = await signals(log, 1)
    assert orjson.loads(fired.body)["logweir"]["correlation"]["rules"] == ["a", "b"]
    assert fired.time == 101.0
    assert 1 <= len(await ticks(log)) <= 3


async def test_a_silent_partition_without_anything_that_waits_gets_no_ticks(log):
    counts = correlation("event_count", "{gte: 1}", rules="[a]")
    await matched(log, "a", 1, 100.0, counts, user="x")
    async with running(log, [counts]):
        await signals(log, 1)
        await asyncio.sleep(1)
    assert await ticks(log) == []


async def test_time_does_not_pass_by_what_is_received_and_not_yet_processed(log):
    await log.append(RAW, 0, [Record(b"r" * 16, b"raw", 1.0)])
    await matched(log, "a", 1, 100.0, user="x")
    await matched(log, "b", 2, 101.0, user="x")
    async with running(log, [ORDERED]):
        await asyncio.sleep(2)
        assert await ticks(log) == []
        await processed(log, 1)
        assert len(await signals(log, 1)) == 1


async def test_a_tick_stands_in_the_log_so_that_a_restart_decides_nothing_twice(log):
    await matched(log, "a", 1, 100.0, user="x")
    await matched(log, "b", 2, 101.0, user="x")
    async with running(log, [ORDERED]):
        [first] = await signals(log, 1)
    async with running(log, [ORDERED]):
        await asyncio.sleep(1)
    assert {r.id for r in await everything(log, SIGNALS)} == {first.id}


async def test_a_chain_runs_across_partitions(log):
    inner = correlation("event_count", "{gte: 2}", rules="[a]", group_by="[host]", name="inner")
    outer = correlation("temporal_ordered", rules="[inner, b]", group_by="[user]", name="outer", timespan="1h")
    inner.carries, inner.alerts = ("user",), False
    users = [f"u{n}" for n in range(6)]
    for n, user in enumerate(users):
        await matched(log, "a", 10 * n, 100.0 + n, inner, user=user, host=f"h{n}")
        await matched(log, "a", 10 * n + 1, 100.5 + n, inner, user=user, host=f"h{n}")
    for n, user in enumerate(users):
        await matched(log, "b", 10 * n + 2, 110.0 + n, outer, user=user)
    async with running(log, [inner, outer]):
        found = await signals(log, 6)
        await asyncio.sleep(1)
    groups = [orjson.loads(r.body)["logweir"]["correlation"]["group"]["user"] for r in found]
    assert sorted(groups) == users
    assert len(await everything(log, SIGNALS)) == 6


async def test_a_barrier_is_about_what_lay_in_the_log_when_it_was_asked(log):
    barrier = Barrier(log)
    assert await barrier.passed()
    await log.append(RAW, 0, [Record(b"r" * 16, b"raw", 1.0)])
    assert not await barrier.passed()
    await log.append(RAW, 1, [Record(b"s" * 16, b"raw", 1.0)])
    await processed(log, 1)
    assert await barrier.passed()


async def test_a_log_that_does_not_answer_moves_no_time(log, monkeypatch):
    async def refuses(topic):
        raise Retryable("down")

    monkeypatch.setattr(log, "ends", refuses)
    assert not await Barrier(log).passed()


def test_a_tick_is_the_same_record_whoever_writes_it():
    assert tick(1, 5.0) == tick(1, 5.0)
    assert tick(1, 5.0).id != tick(2, 5.0).id
