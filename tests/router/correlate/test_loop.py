"""The correlation loop on a real embedded log: what passes through, what fires, and what a restart does."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest

from router.batch import MATCHES, SIGNALS, Facts, Record
from router.config import EmbeddedLog
from router.correlate.lane import MATCH
from router.correlate.loop import Correlate
from router.correlate.match import matches_for
from router.errors import ConfigError
from router.log import open_log, standard_topics
from tests.router.correlate.correlations import correlation, event_count
from tests.router.detect.rules import read, titled

RULE = read(titled("r", "{product: p}", "{a: b}", "id: r"))
CORRELATION = event_count("{gte: 3}", timespan="10s")


@pytest.fixture
async def log(tmp_path):
    settings = EmbeddedLog(path=tmp_path / "log.db", partitions=1)
    opened = open_log(settings)
    await opened.start()
    await opened.create(standard_topics(settings))
    yield opened
    await opened.close()


def counted(number: int, time: float, user: str = "a") -> Record:
    [(key, body, match_id)] = matches_for([CORRELATION], RULE, {"user": user}, number.to_bytes(16), time)
    return Record(match_id, body, time, Facts(kind=MATCH), key)


def alert(number: int) -> Record:
    body = orjson.dumps({"rule": {"id": "x"}, "n": number})
    return Record(number.to_bytes(16), body, 1.0, Facts(dataset="logweir.alert", kind="alert", severity=70), b"k")


@asynccontextmanager
async def running(log, correlations=(CORRELATION,)):
    stop, part = asyncio.Event(), Correlate(log, correlations, 5)
    task = asyncio.create_task(part.run(stop))
    try:
        yield part
    finally:
        stop.set()
        await task


async def signals(log, count):
    """The signals, once there are so many (or after a while)."""
    for _ in range(200):
        _, end = (await log.ends(SIGNALS))[0]
        if end >= count:
            break
        await asyncio.sleep(0.02)
    return list((await log.fetch(SIGNALS, 0, 0, 1000)).items)


async def settled(log):
    """Once everything in `matches` is committed."""
    _, end = (await log.ends(MATCHES))[0]
    for _ in range(300):
        marks = await log.committed("correlate", [MATCHES])
        if any(mark.offset >= end for mark in marks.values() if mark):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("not committed")


async def test_alerts_pass_through_and_matches_are_counted(log):
    await log.append(MATCHES, 0, [counted(1, 0), alert(7), counted(2, 1), counted(3, 2)])
    async with running(log):
        first, second = await signals(log, 2)
    assert (first.id, first.facts.kind, first.key) == ((7).to_bytes(16), "alert", b"")
    assert orjson.loads(second.body)["logweir"]["correlation"]["count"] == 3


async def test_a_restart_goes_on_in_the_middle_of_a_window(log):
    await log.append(MATCHES, 0, [counted(1, 0), counted(2, 1)])
    async with running(log):
        await settled(log)
    await log.append(MATCHES, 0, [counted(3, 2)])
    async with running(log):
        [fired] = await signals(log, 1)
    assert orjson.loads(fired.body)["logweir"]["correlation"]["count"] == 3


async def test_a_restart_raises_nothing_twice(log):
    await log.append(MATCHES, 0, [alert(9), *(counted(i, float(i)) for i in range(5))])
    async with running(log):
        await settled(log)
    await log.append(MATCHES, 0, [counted(9, 5.0), alert(10)])
    async with running(log):
        await settled(log)
    found = await signals(log, 3)
    assert len(found) == 3
    assert len({record.id for record in found}) == 3


async def test_without_a_commit_what_is_raised_again_has_the_same_id(log, monkeypatch):
    await log.append(MATCHES, 0, [alert(9), *(counted(i, float(i)) for i in range(3))])

    async def no_commit(self, follower):
        return 0.0

    with monkeypatch.context() as patch:
        patch.setattr(Correlate, "_commit", no_commit)
        async with running(log):
            await signals(log, 2)
    async with running(log):
        await settled(log)
    found = await signals(log, 3)
    assert [record.facts.kind for record in found] == ["alert"] * len(found)
    assert len({record.id for record in found}) == 2
    assert sum(record.id == (9).to_bytes(16) for record in found) == 1


async def test_a_record_that_cannot_be_read_is_counted_and_the_rest_goes_on(log):
    bad = Record(b"\x09" * 16, b"{", 1.0, Facts(kind=MATCH), b"k")
    await log.append(MATCHES, 0, [bad, alert(1)])
    async with running(log):
        [passed] = await signals(log, 1)
    assert passed.id == (1).to_bytes(16)


async def test_what_cannot_be_run_is_refused_before_anything_is_read(log):
    impossible = correlation("temporal_ordered", "r and not r", rules="[r]")
    with pytest.raises(ConfigError, match="can never be true"):
        Correlate(log, [impossible], 5)
