"""A file that is not what was written: told by name with the remedy, held up nowhere else, and passed only where a person says so."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from router.batch import Batch, Partition, Record
from router.config import EmbeddedLog
from router.errors import ConfigError, Misconfigured
from router.log.embedded import SqliteLog
from router.protocols import TopicSettings
from router.telemetry import LOG_EXPIRED
from tests.contract.log_scene import collect, numbers, record

Damage = Callable[[sqlite3.Connection], object]


async def written(path: Path, damage: Damage) -> SqliteLog:
    """A log with ten records in each of two partitions, damaged while it was closed, and opened again."""
    log = SqliteLog(EmbeddedLog(path=path))
    await log.start()
    await log.create({"raw": TopicSettings(2, 3600)})
    for block in range(5):
        for partition in range(2):
            await log.append("raw", partition, [record(100 * partition + 2 * block + n) for n in range(2)])
    await log.close()
    with sqlite3.connect(path) as connection:
        damage(connection)
    connection.close()
    return SqliteLog(EmbeddedLog(path=path))


def flipped(connection: sqlite3.Connection) -> None:
    """A byte of the third block of the first partition."""
    query = "SELECT id, data FROM blocks WHERE partition=0 AND start=4"
    ((block, data),) = connection.execute(query).fetchall()
    changed = data[:40] + bytes([data[40] ^ 1]) + data[41:]
    connection.execute("UPDATE blocks SET data=? WHERE id=?", (changed, block))


def gone(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM blocks WHERE partition=0 AND start=4")


def cut_off(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM blocks WHERE partition=0 AND start>=4")


def misplaced(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE blocks SET start='x' WHERE partition=0 AND start=4")


def of_no_bytes(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE blocks SET data=5 WHERE partition=0 AND start=4")


ALL = pytest.mark.parametrize("damage", [flipped, gone, cut_off, misplaced, of_no_bytes])


@ALL
async def test_what_stands_before_is_read_and_then_the_file_is_named_with_the_remedy(tmp_path: Path, damage: Damage) -> None:
    log = await written(tmp_path / "log.db", damage)
    await log.start()
    try:
        assert numbers([await log.fetch("raw", 0, 0, 4)]) == [0, 1, 2, 3]
        with pytest.raises(Misconfigured, match=r"log\.db: .*restore or move away log\.db with its -wal and -shm files"):
            await log.fetch("raw", 0, 4, 10)
        assert numbers([await log.fetch("raw", 1, 0, 10)]) == list(range(100, 110))
    finally:
        await log.close()


@ALL
async def test_a_damaged_partition_holds_up_no_other_one(tmp_path: Path, damage: Damage) -> None:
    log, found, told = await written(tmp_path / "log.db", damage), list[Batch[Record]](), 0
    await log.start()
    try:
        async with log.follow(["raw"], group="g") as follower, asyncio.timeout(60):
            for number in range(110, 130):  # a few at a time, so that every read comes to the damaged one, too
                await log.append("raw", 1, [record(number)])
                found += await follower.read(max_records=1000, timeout_seconds=0.05)
            while len(numbers(found)) < 34 or not told:
                try:
                    found += await follower.read(max_records=1000, timeout_seconds=0.05)
                except Misconfigured:
                    told += 1
    finally:
        await log.close()
    assert [n for n in numbers(found) if n < 100] == [0, 1, 2, 3]
    assert [n for n in numbers(found) if n >= 100] == list(range(100, 130))


def first(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE blocks SET data=zeroblob(90) WHERE partition=0 AND start=0")


def all_of_it(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE blocks SET data=x'00' WHERE partition=0")


def too_far(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE blocks SET stop=99 WHERE partition=0 AND start=4")


def no_end(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE blocks SET stop='x' WHERE partition=0 AND start=4")


@pytest.mark.parametrize(
    ("damage", "lost"),
    [
        *((damage, [4, 5]) for damage in (flipped, gone, misplaced, of_no_bytes, too_far, no_end)),
        (cut_off, [*range(4, 10)]),
        (first, [0, 1]),
        (all_of_it, [*range(10)]),
    ],
)
async def test_readers_pass_damage_once_they_are_let_and_count_what_is_lost(
    tmp_path: Path, damage: Damage, lost: list[int]
) -> None:
    log, counted = await written(tmp_path / "log.db", damage), LOG_EXPIRED.labels("g", "raw")
    before = counted._value.get()
    await log.start()
    try:
        [torn] = await log.damaged()
        assert torn.partition == Partition("raw", 0)
        assert [n for start, stop, _ in torn.stretches for n in range(start, stop)] == lost
        await log.let_pass(torn)
        assert await log.damaged() == []
        assert await log.append("raw", 0, [record(10)]) == 10
        async with log.follow(["raw"], group="g") as follower:
            found = numbers(await collect(follower, 21 - len(lost)))
        assert sorted(found) == [*(n for n in range(11) if n not in lost), *range(100, 110)]
        assert counted._value.get() - before == len(lost)
        position, fetched = 0, list[int]()
        while (batch := await log.fetch("raw", 0, position, 3)).items:
            fetched, position = fetched + numbers([batch]), batch.span.stop
        assert fetched == [n for n in range(11) if n not in lost]
    finally:
        await log.close()


async def test_a_sound_log_has_no_damage(tmp_path: Path) -> None:
    log = await written(tmp_path / "log.db", lambda c: c.execute("DELETE FROM blocks WHERE partition=0 AND start<6"))
    await log.start()
    assert await log.damaged() == []
    await log.close()


async def test_damage_is_found_beyond_the_first_hundred_blocks_and_retention_goes_on_behind_it(tmp_path: Path) -> None:
    path, now = tmp_path / "log.db", [1000.0]
    log = SqliteLog(EmbeddedLog(path=path), retention_every_seconds=0.05, clock=lambda: now[0])
    await log.start()
    try:
        await log.create({"raw": TopicSettings(1, 3600)})
        for number in range(150):
            await log.append("raw", 0, [record(number)])
        await log._database.write(lambda c: c.execute("UPDATE blocks SET data=x'07' WHERE start IN (63, 64, 128)"))
        [torn] = await log.damaged()
        assert [(start, stop) for start, stop, _ in torn.stretches] == [(63, 64), (64, 65), (128, 129)]
        await log.let_pass(torn)
        now[0] += 4000
        await log.append("raw", 0, [record(150)])
        async with asyncio.timeout(20):
            while (await log.ends("raw"))[0][0] < 150:
                await asyncio.sleep(0.05)
        assert await log.damaged() == []
    finally:
        await log.close()


async def test_what_retention_removed_is_no_damage(tmp_path: Path) -> None:
    log = await written(tmp_path / "log.db", lambda c: c.execute("DELETE FROM blocks WHERE partition=0 AND start<6"))
    await log.start()
    try:
        assert numbers([await log.fetch("raw", 0, 0, 10)]) == [6, 7, 8, 9]
    finally:
        await log.close()
    emptied = await written(tmp_path / "other.db", lambda c: c.execute("DELETE FROM blocks WHERE partition=0"))
    await emptied.start()
    try:
        assert numbers([await emptied.fetch("raw", 0, 0, 10)]) == []
    finally:
        await emptied.close()


async def test_a_damaged_schema_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    await written(path, lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
    data = path.read_bytes()
    path.write_bytes(data.replace(b"name TEXT NOT NULL UNIQUE", b"name TEXT NOT NULL \xd5NIQUE", 1))
    log = SqliteLog(EmbeddedLog(path=path))
    with pytest.raises(ConfigError, match=r"log\.db.*restore or move away"):
        await log.start()
    await log.close()
