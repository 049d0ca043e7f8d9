"""Removes the oldest blocks, by age and by size, a few at a time."""

from sqlite3 import Connection
from typing import NamedTuple

BLOCKS_PER_STEP = 64
_PAGES_PER_STEP = 1024
_PAGES_KEPT = 1024


class _Block(NamedTuple):
    appended: float
    id: int
    partition: int
    bytes: int


def trim(connection: Connection, now: float) -> int:
    """One step, at most BLOCKS_PER_STEP blocks of each topic. Returns how many were removed; call again while it is not 0."""
    topics = connection.execute("SELECT id, retention_seconds, retention_bytes FROM topics").fetchall()
    return sum(_trim_topic(connection, topic, now - seconds, limit) for topic, seconds, limit in topics)


def _trim_topic(connection: Connection, topic: int, before: float, limit: int) -> int:
    kept = dict(connection.execute("SELECT partition, bytes FROM ends WHERE topic=? AND bytes>0", (topic,)).fetchall())
    excess = sum(kept.values()) - limit if limit >= 0 else 0
    gone = list[_Block]()
    for block in sorted(b for partition in kept for b in _heads(connection, topic, partition))[:BLOCKS_PER_STEP]:
        if block.appended >= before and excess <= 0:
            break
        gone.append(block)
        excess -= block.bytes
    _remove(connection, topic, gone)
    return len(gone)


def _heads(connection: Connection, topic: int, partition: int) -> list[_Block]:
    """The first blocks of a partition. Their times are made to rise: a clock that went back must not open a hole."""
    query = "SELECT appended, id, length(data) FROM blocks WHERE topic=? AND partition=? ORDER BY stop LIMIT ?"
    heads, latest = list[_Block](), float("-inf")
    for appended, block, size in connection.execute(query, (topic, partition, BLOCKS_PER_STEP)):
        latest = max(latest, appended)
        heads.append(_Block(latest, block, partition, size))
    return heads


def _remove(connection: Connection, topic: int, blocks: list[_Block]) -> None:
    connection.executemany("DELETE FROM blocks WHERE id=?", [(b.id,) for b in blocks])
    query = "UPDATE ends SET bytes = bytes - ? WHERE topic=? AND partition=?"
    connection.executemany(query, [(b.bytes, topic, b.partition) for b in blocks])


def surplus_pages(connection: Connection) -> int:
    """Free pages to give back to the file system in one step; some are left for new records."""
    free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    return min(max(0, free - _PAGES_KEPT), _PAGES_PER_STEP)


def truncate_wal(connection: Connection) -> None:
    """Start the write-ahead file anew, waiting for readers; runs outside a transaction.

    SQLite does so by itself when a writer finds no reader at work, which may not happen for long while many read.
    """
    connection.executescript("PRAGMA wal_checkpoint(TRUNCATE)")


def shrink(connection: Connection, pages: int) -> None:
    """Give pages back; runs outside a transaction. A script, because `execute` would stop after the first page."""
    connection.executescript(f"PRAGMA incremental_vacuum({pages}); PRAGMA wal_checkpoint(PASSIVE)")
