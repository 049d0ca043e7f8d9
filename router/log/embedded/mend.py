"""Finds what of a partition cannot be read, and lets readers pass it where a person has said so.

Such a stretch becomes one empty block: it holds its offsets, and is nothing to anybody who reads. Retention removes it in turn.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from sqlite3 import Connection
from typing import NamedTuple

from router.log.embedded import store
from router.log.embedded.block import Damaged
from router.log.embedded.database import is_damage

_BLOCKS_AT_ONCE = 64
_PLACED = "typeof(start)='integer' AND typeof(stop)='integer'"


class Stretch(NamedTuple):
    """Half-open offsets of one partition, and why they cannot be read."""

    start: int
    stop: int
    reason: str


class Looked(NamedTuple):
    """What a look at some blocks of a partition found."""

    damaged: Sequence[Stretch]
    blocks: Sequence[int]
    """Ids of blocks that are not what was written."""
    position: int
    """The offset to look on from."""
    is_end: bool


def look(connection: Connection, topic: int, partition: int, position: int | None = None) -> Looked:
    """Read the next blocks from `position` on (None: from the oldest), every byte of them."""
    end = store.ends(connection, topic)[partition]
    if position is None:
        oldest: object = store.oldest(connection, topic, partition)
        if oldest is None:
            return Looked((), (), end, True)  # retention has removed them all
        position = oldest if type(oldest) is int else 0
    query = f"SELECT id, start, stop FROM blocks WHERE topic=? AND partition=? AND {_PLACED} AND stop>? ORDER BY stop LIMIT ?"
    found = connection.execute(query, (topic, partition, position, _BLOCKS_AT_ONCE)).fetchall()
    damaged, broken = list[Stretch](), list[int]()
    for block, start, stop in found:
        if position < start:
            damaged.append(Stretch(position, min(start, end), "missing"))
        if reason := _fault(connection, block, stop - start):
            broken.append(block)
            damaged.append(Stretch(max(position, start), min(stop, end), reason))
        position = stop
    is_end = len(found) < _BLOCKS_AT_ONCE
    if is_end:
        damaged.append(Stretch(position, end, "missing"))
        broken += _misplaced(connection, topic, partition)
    return Looked([one for one in damaged if one.start < one.stop], broken, position, is_end)


def _fault(connection: Connection, block: int, count: int) -> str:
    try:
        store.load(connection, block, count)
    except (Damaged, sqlite3.DatabaseError) as error:
        if not is_damage(error):
            raise
        return str(error) or type(error).__name__
    return ""


def _misplaced(connection: Connection, topic: int, partition: int) -> list[int]:
    query = f"SELECT id FROM blocks WHERE topic=? AND partition=? AND NOT ({_PLACED})"
    return [block for (block,) in connection.execute(query, (topic, partition))]


def let_pass(
    connection: Connection, topic: int, partition: int, stretches: Iterable[Stretch], blocks: Iterable[int], now: float
) -> None:
    """Put empty blocks in the place of broken ones, and where some are missing. Before the oldest block nothing has to stand."""
    for block in blocks:
        query = "DELETE FROM blocks WHERE id=? AND topic=? AND partition=? RETURNING length(data)"
        for (size,) in connection.execute(query, (block, topic, partition)).fetchall():
            connection.execute("UPDATE ends SET bytes=bytes-? WHERE topic=? AND partition=?", (size or 0, topic, partition))
    oldest = store.oldest(connection, topic, partition)
    for start, stop, _ in stretches:
        if oldest is None or stop <= oldest:
            continue
        row = (topic, partition, start, stop, now, store.PASSED)
        query = "INSERT INTO blocks(topic, partition, start, stop, appended, data) VALUES(?,?,?,?,?,?) ON CONFLICT DO NOTHING"
        connection.execute(query, row)
