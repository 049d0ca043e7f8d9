"""Detections from a compacted Kafka topic: key a rule's name, value its YAML, an empty value takes it away.

What the topic holds is mirrored into a folder, which is read like any other; a change of files is a reload, all or nothing. The
folder outlives the process, so that a start without brokers has the rules of the last time.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from pathlib import Path

from router.config import Config, KafkaLog
from router.errors import ConfigError, LogweirError, Problem
from router.log import open_log
from router.protocols import Log
from router.telemetry import logger

POLL_SECONDS = 3.0
_PAGE = 1000
_log = logger("rules")


class Mirror:
    """The newest value of each key, as files. One topic, all partitions."""

    def __init__(self, log: Log, topic: str, folder: Path) -> None:
        self._log, self._topic, self._folder = log, topic, folder
        self._next: dict[int, int] = {}
        self._held: dict[bytes, bytes] = {}
        self._is_whole = False

    async def sync(self) -> int:
        """Take over what came since the last time; how many files changed. Raises LogweirError where the topic cannot be read."""
        changed: dict[bytes, bytes] = {}
        for partition, (oldest, end) in (await self._log.ends(self._topic)).items():
            await self._read(partition, max(oldest, self._next.get(partition, oldest)), end, changed)
        self._held.update(changed)
        held = {key: value for key, value in self._held.items() if value}
        count = await asyncio.to_thread(self._write, held if not self._is_whole else changed)
        self._is_whole = True
        return count

    async def _read(self, partition: int, start: int, end: int, into: dict[bytes, bytes]) -> None:
        while start < end:
            batch = await self._log.fetch(self._topic, partition, start, _PAGE)
            if not batch.items:
                break  # compaction took the last ones
            into.update({record.key: record.body for record in batch.items if record.key})
            start = batch.span.stop
        self._next[partition] = max(start, end)

    def _write(self, values: dict[bytes, bytes]) -> int:
        self._folder.mkdir(parents=True, exist_ok=True)
        wanted = {file_name(key): value for key, value in values.items()}
        count = sum(_put(self._folder / name, value) for name, value in wanted.items())
        if not self._is_whole:  # what the topic had when this process last ran
            strays = [p for p in self._folder.glob("*.yml") if p.name not in wanted]
            count += sum(_put(path, b"") for path in strays)
        return count


def file_name(key: bytes) -> str:
    """A name for the file of a key: readable, safe, and different for different keys."""
    text = re.sub(r"[^A-Za-z0-9_-]+", "_", key.decode("utf-8", "replace")).strip("_")[:80]
    return f"{text or 'rule'}-{blake2b(key, digest_size=4).hexdigest()}.yml"


def _put(path: Path, value: bytes) -> bool:
    """Write a file whole, or remove it where the value is empty. Whether anything changed."""
    if not value:
        was_there = path.exists()
        path.unlink(missing_ok=True)
        return was_there
    if path.exists() and path.read_bytes() == value:
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(value)
    draft.replace(path)
    return True


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Mirror]:
    """The mirror of the configured topic, on a connection of its own. The topic's name is taken as it is, without a prefix."""
    if not isinstance(config.log, KafkaLog):
        text = "`rules.topic` is read from the cluster of the log, which is not Kafka"
        raise ConfigError([Problem("configuration", 1, "rules.topic", text, "name a folder in `rules.detect` instead")])
    log = open_log(config.log.model_copy(update={"prefix": "", "instance": ""}))
    try:
        await log.start()
        yield Mirror(log, config.rules.topic, config.rules.topic_folder)
    finally:
        await log.close()


async def fetch_once(config: Config) -> None:
    """Before the start: bring the folder up to date, or say that it is what it was."""
    try:
        async with opened(config) as mirror:
            await mirror.sync()
    except ConfigError:
        raise
    except LogweirError as error:
        _log.error("the topic of rules cannot be read; going on with the rules of the last time", reason=str(error))
        config.rules.topic_folder.mkdir(parents=True, exist_ok=True)


@asynccontextmanager
async def followed(config: Config, poll_seconds: float = POLL_SECONDS) -> AsyncIterator[None]:
    """As long as this lasts, the folder follows the topic; without a topic nothing happens."""
    task = asyncio.create_task(_follow(config, poll_seconds)) if config.rules.topic else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.wait([task])


async def _follow(config: Config, poll_seconds: float) -> None:
    while True:
        try:
            async with opened(config) as mirror:
                while True:
                    if count := await mirror.sync():
                        _log.info("rules came by the topic", files=count)
                    await asyncio.sleep(poll_seconds)
        except (LogweirError, OSError) as error:
            _log.warning("the topic of rules cannot be read; trying again", reason=str(error))
            await asyncio.sleep(poll_seconds)
