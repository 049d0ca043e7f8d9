"""The embedded log keeps the contract, and some promises of its own."""

import asyncio
import os
import resource
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from router.batch import Mark, Partition
from router.config import EmbeddedLog
from router.errors import ConfigError, Misconfigured, Retryable
from router.log.embedded import SqliteLog
from router.protocols import TopicSettings
from tests.contract.log import LogContract
from tests.contract.log_scene import Diary, away, collect, numbers, record, settle


class TestSqliteLog(LogContract):
    @pytest.fixture
    def settings(self, tmp_path: Path) -> EmbeddedLog:
        return EmbeddedLog(path=tmp_path / "logweir.db")


@pytest.fixture
def settings(tmp_path: Path) -> EmbeddedLog:
    return EmbeddedLog(path=tmp_path / "logweir.db")


@pytest.fixture
async def log(settings: EmbeddedLog) -> AsyncIterator[SqliteLog]:
    async with opened(settings) as log:
        yield log


@asynccontextmanager
async def opened(settings: EmbeddedLog, **rest: Any) -> AsyncIterator[SqliteLog]:
    """A started log with a topic `one` of one partition."""
    log = SqliteLog(settings, **rest)
    await log.start()
    try:
        await log.create({"one": TopicSettings(1, 3600)})
        yield log
    finally:
        await log.close()


_LONG_SECONDS = 600.0


async def test_a_zombie_comes_back_to_find_that_nothing_it_says_is_heard(settings: EmbeddedLog) -> None:
    """Leases are so long that a busy machine misses none of them; that of the frozen one is ended by hand."""
    async with opened(settings, lease_seconds=_LONG_SECONDS) as log, away("follow", settings, "one", _LONG_SECONDS) as other:
        await log.append("one", 0, [record(n) for n in range(10)])
        await other.read_lines(1)
        await other.freeze_between_writes(settings.path)
        await log._database.write(lambda c: c.execute("UPDATE members SET expires=?", (time.monotonic() - 1,)).rowcount)
        async with log.follow(["one"], group="shared") as follower:
            await settle(follower, until=lambda: bool(follower.assigned))
            await follower.commit({Partition("one", 0): Mark(10, "mine")})
            other.thaw()
            await log.append("one", 0, [record(10)])
            await collect(follower, 1)
            await asyncio.sleep(1)
            assert await log.committed("shared", ["one"]) == {Partition("one", 0): Mark(10, "mine")}


async def test_a_file_that_is_no_database_is_refused(settings: EmbeddedLog) -> None:
    settings.path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(ConfigError, match="move away"):
        await SqliteLog(settings).start()


async def test_a_database_of_another_program_is_left_alone(settings: EmbeddedLog) -> None:
    with closing(sqlite3.connect(settings.path)) as connection:
        connection.execute("CREATE TABLE theirs(x)")
    with pytest.raises(ConfigError, match="another program"):
        await SqliteLog(settings).start()
    with closing(sqlite3.connect(settings.path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


async def test_a_file_of_a_newer_version_is_refused(settings: EmbeddedLog) -> None:
    async with opened(settings):
        pass
    with closing(sqlite3.connect(settings.path)) as connection:
        connection.execute("PRAGMA user_version=7")
    with pytest.raises(ConfigError, match="format 7"):
        await SqliteLog(settings).start()


async def test_a_path_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be created"):
        await SqliteLog(EmbeddedLog(path=tmp_path / "file" / "logweir.db")).start()


async def test_a_damaged_block_is_named_and_not_skipped(settings: EmbeddedLog) -> None:
    async with opened(settings) as log:
        await log.append("one", 0, [record(1)])
    with closing(sqlite3.connect(settings.path)) as connection:
        connection.execute("UPDATE blocks SET data = zeroblob(40)")
        connection.commit()
    async with opened(settings) as log:
        with pytest.raises(Misconfigured, match="damaged"):
            await log.fetch("one", 0, 0, 1)


async def _start_and_read(settings: EmbeddedLog) -> None:
    async with opened(settings) as log:
        await log.fetch("one", 0, 0, 500)


async def test_damaged_pages_are_named(settings: EmbeddedLog) -> None:
    async with opened(settings) as log:
        await log.append("one", 0, [record(n, os.urandom(2000)) for n in range(500)])
    data = bytearray(settings.path.read_bytes())
    for page in range(1, len(data) // 16384):
        data[page * 16384 : page * 16384 + 64] = os.urandom(64)
    settings.path.write_bytes(data)
    with pytest.raises((ConfigError, Misconfigured), match=r"logweir\.db"):
        await _start_and_read(settings)


async def _fill(log: SqliteLog, stop: int) -> None:
    for number in range(1, stop):
        await log.append("one", 0, [record(number, os.urandom(500_000))])


async def test_a_full_disk_is_answered_with_a_retry_and_heals(log: SqliteLog, settings: EmbeddedLog) -> None:
    await log.append("one", 0, [record(0)])
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, limit[1]))
        with pytest.raises(Retryable, match=r"logweir\.db.*(disk|input/output)"):
            await _fill(log, 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    appended = (await log.ends("one"))[0][1]
    assert 1 <= appended < 20
    assert await log.append("one", 0, [record(appended)]) == appended
    assert numbers([await log.fetch("one", 0, n, 1) for n in range(appended + 1)]) == list(range(appended + 1))


async def test_a_locked_file_is_answered_with_a_retry(log: SqliteLog, settings: EmbeddedLog) -> None:
    with closing(sqlite3.connect(settings.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Retryable, match="another process"):
            await log.append("one", 0, [record(0)])
        other.execute("ROLLBACK")
    assert await log.append("one", 0, [record(0)]) == 0


async def test_retention_by_size_removes_the_oldest_of_all_partitions_and_shrinks_the_file(settings: EmbeddedLog) -> None:
    limit, written = 4 << 20, 160
    async with opened(settings, retention_every_seconds=3600) as log:
        await log.create({"small": TopicSettings(2, 3600, limit)})
        for number in range(written):
            await log.append("small", number % 2, [record(number, os.urandom(500_000))])
    assert settings.path.stat().st_size > written * 500_000
    async with opened(settings, retention_every_seconds=0.1) as log:
        async with asyncio.timeout(30):
            while settings.path.stat().st_size > written * 500_000 / 2:
                await asyncio.sleep(0.1)
        ends = await log.ends("small")
        kept = sum(end - oldest for oldest, end in ends.values())
        assert 4 <= kept <= 8
        assert abs(ends[0][0] - ends[1][0]) <= 1
        assert numbers([await log.fetch("small", 1, 0, 1)]) == [ends[1][0] * 2 + 1]


async def test_offsets_go_on_after_everything_was_removed(settings: EmbeddedLog) -> None:
    now = [1000.0]
    async with opened(settings, retention_every_seconds=0.05, clock=lambda: now[0]) as log:
        await log.append("one", 0, [record(n) for n in range(7)])
        now[0] += 4000
        async with asyncio.timeout(30):
            while await log.ends("one") != {0: (7, 7)}:
                await asyncio.sleep(0.05)
        assert await log.append("one", 0, [record(7)]) == 7


async def test_a_clock_that_goes_back_removes_nothing_early(settings: EmbeddedLog) -> None:
    now = [100_000.0]
    async with opened(settings, retention_every_seconds=0.05, clock=lambda: now[0]) as log:
        await log.append("one", 0, [record(0)])
        now[0] -= 50_000
        await log.append("one", 0, [record(1)])
        now[0] += 50_001
        await asyncio.sleep(0.5)
        assert await log.ends("one") == {0: (0, 2)}


async def test_logs_with_other_prefixes_share_a_file_without_meeting(settings: EmbeddedLog) -> None:
    other = settings.model_copy(update={"prefix": "b."})
    async with opened(settings) as first, opened(other) as second:
        await first.append("one", 0, [record(1)])
        await second.append("one", 0, [record(2)])
        assert numbers([await second.fetch("one", 0, 0, 10)]) == [2]


async def test_the_file_is_for_its_owner_alone(log: SqliteLog, settings: EmbeddedLog) -> None:
    await log.append("one", 0, [record(1)])
    files = [settings.path, settings.path.with_name("logweir.db-wal")]
    assert [f.stat().st_mode & 0o077 for f in files] == [0, 0]


async def test_reading_does_not_decode_what_it_skips(log: SqliteLog, settings: EmbeddedLog) -> None:
    for number in range(5):
        await log.append("one", 0, [record(number)])
    with closing(sqlite3.connect(settings.path)) as connection:
        connection.execute("UPDATE blocks SET data = zeroblob(8) WHERE start <> 3")
        connection.commit()
    assert numbers([await log.fetch("one", 0, 3, 1)]) == [3]


async def test_a_listener_that_fails_is_heard_by_the_reader_and_asked_again(log: SqliteLog) -> None:
    class Broken(Diary):
        async def assigned(self, marks: Mapping[Partition, Mark | None]) -> None:
            await super().assigned(marks)
            if len(self.entries) == 1:
                raise RuntimeError("not yet")

    diary = Broken()
    await log.append("one", 0, [record(1)])
    async with log.follow(["one"], group="g", listener=diary) as follower:
        with pytest.raises(RuntimeError, match="not yet"):
            await follower.read(max_records=1, timeout_seconds=1)
        assert numbers(await collect(follower, 1)) == [1]
    assert len(diary.entries) == 2


async def test_a_closed_log_says_so(settings: EmbeddedLog) -> None:
    async with opened(settings) as log:
        pass
    with pytest.raises(Retryable, match="closed"):
        await log.append("one", 0, [record(1)])
