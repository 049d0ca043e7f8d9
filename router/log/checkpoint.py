"""How far a stage has come, told by what it wrote last; and reads and appends that do not give up."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

from router.batch import Batch, Origin, Record
from router.errors import Misconfigured, Rejected, Retryable
from router.protocols import Follower, Log
from router.telemetry import logger

_LAST_WAIT_SECONDS = 10.0
Refused = Callable[[Record, str], Awaitable[None]]
"""Told of a record that the log does not take, and why."""
_LOOKS_BACK, _PAGE = 10_000, 500
_FAILED_SECONDS, _REFUSED_SECONDS = 1.0, 5.0
_log = logger("log")


async def high_water(log: Log, topic: str, partition: int) -> Origin | None:
    """The origin of the last record of a partition that has one; None where none of the last ones has.

    What a stage made from its input up to there is durable, since one process writes a partition, one batch at a time. Others
    may have written behind it (a person with a console, a mirror, marks of transactions): their records have no origin.
    """
    start, end = (await log.ends(topic)).get(partition, (0, 0))
    stop, reach = end, 1
    while stop > max(start, end - _LOOKS_BACK):
        first = max(start, stop - reach)
        if origin := await _last_origin(log, topic, partition, first, stop):
            return origin
        stop, reach = first, _PAGE
    if end > start:
        _log.warning(
            "none of the last records is our own; what is not committed is written again", topic=topic, partition=partition
        )
    return None


async def _last_origin(log: Log, topic: str, partition: int, start: int, stop: int) -> Origin | None:
    last = None
    while start < stop:
        batch = await log.fetch(topic, partition, start, stop - start)
        if not batch.items:
            break
        last = next((record.origin for record in reversed(batch.items) if record.origin), last)
        start = batch.span.stop
    return last


async def persist(log: Log, topic: str, partition: int, records: Sequence[Record], stop: asyncio.Event) -> None:
    """Append, and repeat what did not become durable for as long as it takes; a right that is withdrawn may be given back.

    Raises Retryable or Misconfigured only once `stop` is set.
    """
    wait = 0.1
    while True:
        try:
            await log.append(topic, partition, records)
            return
        except (Retryable, Misconfigured) as error:
            if stop.is_set():
                raise
            _log.warning("append failed; trying again", topic=topic, partition=partition, reason=str(error))
        await asyncio.sleep(random.uniform(wait / 2, wait))
        wait = min(wait * 2, _LAST_WAIT_SECONDS)


async def persist_each(
    log: Log, topic: str, partition: int, records: Sequence[Record], stop: asyncio.Event, refused: Refused
) -> None:
    """As `persist`, but a record that the log does not take for its size stops nothing: a broker's limit may be lowered any time.

    `refused` is given it before any record behind it is durable, so that what lies behind it proves that it was dealt with.
    """
    try:
        return await persist(log, topic, partition, records, stop)
    except Rejected as error:
        place, reason = error.place, str(error)
    if len(records) == 1:
        return await refused(records[0], reason)
    if place is not None:
        await refused(records[place], reason)
        rest = [records[place + 1 :]]
    else:
        rest = [records[: len(records) // 2], records[len(records) // 2 :]]
    for part in filter(None, rest):
        await persist_each(log, topic, partition, part, stop, refused)


async def read(follower: Follower, max_records: int, seconds: float) -> Sequence[Batch[Record]]:
    """Read once; where the log fails or refuses us, say so, wait a little, and read nothing: a full disk is freed some day,
    and a right may be given back.
    """
    try:
        return await follower.read(max_records=max_records, timeout_seconds=seconds)
    except Retryable as error:
        _log.warning("cannot read; trying again", reason=str(error))
        await asyncio.sleep(_FAILED_SECONDS)
    except Misconfigured as error:
        _log.error("the log refuses to be read; waiting until that is mended", reason=str(error))
        await asyncio.sleep(_REFUSED_SECONDS)
    return ()
