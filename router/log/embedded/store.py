"""Queries about topics, blocks and cursors. Every function runs inside a transaction of its caller."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from operator import itemgetter
from sqlite3 import Connection
from typing import NamedTuple

from router.batch import Mark, Record
from router.log.embedded.block import Damaged, decode
from router.log.embedded.recent import Recent
from router.protocols import TopicSettings

MAX_BYTES_PER_READ = 16 << 20
PASSED = b""
"""The data of a block that holds the offsets of what was damaged: readers pass it (see mend.py)."""
_body = itemgetter(Record._fields.index("body"))


class Topic(NamedTuple):
    """A row of `topics`; what is in it never changes."""

    id: int
    partitions: int


class Piece(NamedTuple):
    """One encoded block and what is in it."""

    data: bytes
    records: list[Record]
    body_bytes: int


class Run(NamedTuple):
    """Records of one partition without a gap."""

    start: int
    records: list[Record]


def find_topic(connection: Connection, name: str) -> Topic | None:
    """A topic by its full name."""
    row = connection.execute("SELECT id, partitions FROM topics WHERE name=?", (name,)).fetchone()
    return Topic(*row) if row else None


def topic_names(connection: Connection) -> list[str]:
    """The full names of all topics."""
    return [name for (name,) in connection.execute("SELECT name FROM topics ORDER BY name")]


def create_topics(connection: Connection, topics: Mapping[str, TopicSettings]) -> None:
    """Nothing happens to a topic that exists."""
    for name, settings in topics.items():
        _create_topic(connection, name, settings)


def _create_topic(connection: Connection, name: str, settings: TopicSettings) -> None:
    row = (name, settings.partitions, settings.retention_seconds, settings.retention_bytes)
    query = "INSERT INTO topics(name, partitions, retention_seconds, retention_bytes) VALUES(?,?,?,?) ON CONFLICT DO NOTHING"
    made = connection.execute(query, row)
    if made.rowcount > 0:
        rows = [(made.lastrowid, number) for number in range(settings.partitions)]
        connection.executemany("INSERT INTO ends(topic, partition, next, bytes) VALUES(?,?,0,0)", rows)


def append(connection: Connection, topic: int, partition: int, pieces: Sequence[Piece], now: float) -> int:
    """Add blocks at the end; returns the first offset."""
    count, size = sum(len(p.records) for p in pieces), sum(len(p.data) for p in pieces)
    query = "UPDATE ends SET next = next + ?, bytes = bytes + ? WHERE topic=? AND partition=? RETURNING next"
    (end,) = connection.execute(query, (count, size, topic, partition)).fetchone()
    start = first = int(end) - count
    for data, records, _ in pieces:
        row = (topic, partition, start, start + len(records), now, data)
        connection.execute("INSERT INTO blocks(topic, partition, start, stop, appended, data) VALUES(?,?,?,?,?,?)", row)
        start += len(records)
    return first


def ends(connection: Connection, topic: int) -> dict[int, int]:
    """The next offset of each partition."""
    return dict(connection.execute("SELECT partition, next FROM ends WHERE topic=?", (topic,)))


def oldest(connection: Connection, topic: int, partition: int) -> int | None:
    """The oldest offset kept; None when nothing is."""
    query = "SELECT start FROM blocks WHERE topic=? AND partition=? ORDER BY stop LIMIT 1"
    row = connection.execute(query, (topic, partition)).fetchone()
    return row[0] if row else None


def read(connection: Connection, topic: int, partition: int, position: int, max_records: int, recent: Recent) -> Run | None:
    """From `position` on, or from the oldest kept after it; None at the end. Loads and decodes no block that it skips.

    Bounded by MAX_BYTES_PER_READ of bodies, once there is one record.
    """
    query = "SELECT id, start, stop FROM blocks WHERE topic=? AND partition=? AND stop>? ORDER BY stop"
    first, records, budget = -1, list[Record](), MAX_BYTES_PER_READ
    with closing(connection.execute(query, (topic, partition, position))) as cursor:  # left open, it would hold its snapshot
        for block, start, stop in cursor:
            if len(records) >= max_records or budget <= 0:
                break
            try:
                _check_place(start, stop)
                if first < 0:
                    _check_gap(connection, topic, partition, position, start)
                    first = position = max(position, start)
                if start > position:
                    break
                whole = recent.get((topic, partition, start), partial(load, connection, block, stop - start))
            except Damaged:
                if records:
                    break  # these first
                raise
            if not whole:
                if records:
                    break
                first, position = -1, stop
                continue
            part = whole[position - start : position - start + max_records - len(records)]
            records += part
            position += len(part)
            budget -= sum(map(len, map(_body, part)))
    if not records and position < ends(connection, topic).get(partition, 0) and oldest(connection, topic, partition) is not None:
        raise Damaged(f"no block holds offset {position} of partition {partition}")
    return Run(first, records) if records else None


def _check_place(start: object, stop: object) -> None:
    if type(start) is not int or type(stop) is not int:
        raise Damaged("a block without its place")


def _check_gap(connection: Connection, topic: int, partition: int, position: int, start: int) -> None:
    """Retention takes the oldest blocks alone: a gap that others stand before is none of its making."""
    if start > position and (head := oldest(connection, topic, partition)) is not None and head < position:
        raise Damaged(f"offsets {position} to {start - 1} of partition {partition} are missing")


def load(connection: Connection, block: int, count: int) -> list[Record]:
    """What a block holds: `count` records, or none where it is one to pass. Raises Damaged."""
    row = connection.execute("SELECT data FROM blocks WHERE id=?", (block,)).fetchone()
    if row is None or type(row[0]) is not bytes:
        raise Damaged("a block that the index names is not there")
    if row[0] == PASSED:
        return []
    records = decode(row[0])
    if len(records) != count:
        raise Damaged(f"{len(records)} records where {count} belong")
    return records


def appended_at(connection: Connection, topic: int, partition: int, offset: int) -> float | None:
    """When the record at `offset` (or the oldest kept after it) was appended."""
    query = "SELECT appended FROM blocks WHERE topic=? AND partition=? AND stop>? ORDER BY stop LIMIT 1"
    row = connection.execute(query, (topic, partition, offset)).fetchone()
    return row[0] if row else None


def cursors(connection: Connection, team: str, topic: int) -> Mapping[int, Mark]:
    """The committed marks of a group, by partition."""
    query = "SELECT partition, offset, metadata FROM cursors WHERE team=? AND topic=?"
    return {partition: Mark(offset, metadata) for partition, offset, metadata in connection.execute(query, (team, topic))}


def set_cursor(connection: Connection, team: str, topic: int, partition: int, mark: Mark) -> None:
    """Make a mark the committed one."""
    row = (team, topic, partition, mark.offset, mark.metadata)
    connection.execute("INSERT OR REPLACE INTO cursors(team, topic, partition, offset, metadata) VALUES(?,?,?,?,?)", row)
