"""What tests of logs share: records, reading until something is true, a listener, a process that is killed."""

import asyncio
import contextlib
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path

from router.batch import Batch, Mark, Partition, Record
from router.config import EmbeddedLog, KafkaLog
from router.errors import Rejected
from router.log import standard_topics
from router.log.embedded import SqliteLog
from router.protocols import Follower
from tests.contract.log_process import LEASE_SECONDS

_ROOT = Path(__file__).parents[2]


def record(number: int, body: bytes = b"", **rest: object) -> Record:
    """A record that tells its number."""
    return Record(number.to_bytes(16), body or b"event %d" % number, 1000.5 + number, **rest)  # type: ignore[arg-type]  # passed through


def numbers(batches: Sequence[Batch[Record]]) -> list[int]:
    """The numbers of the records, in order."""
    return [int.from_bytes(r.id) for b in batches for r in b.items]


async def collect(follower: Follower, count: int, *, max_records: int = 1000, seconds: float = 40) -> list[Batch[Record]]:
    """Batches until `count` records came."""
    found: list[Batch[Record]] = []
    async with asyncio.timeout(seconds):
        while sum(len(b.items) for b in found) < count:
            found += await follower.read(max_records=max_records, timeout_seconds=1)
    return found


async def settle(*followers: Follower, until: Callable[[], bool], seconds: float = 40) -> list[Batch[Record]]:
    """Read with all followers until something is true; what they read."""
    found: list[Batch[Record]] = []
    async with asyncio.timeout(seconds):
        while not until():
            for batches in await asyncio.gather(*[f.read(max_records=1000, timeout_seconds=0.2) for f in followers]):
                found += batches
    return found


def after(seconds: float) -> Callable[[], bool]:
    """True once this time has passed."""
    then = time.monotonic() + seconds
    return lambda: time.monotonic() > then


class Narrow(SqliteLog):
    """Takes what stands before the first record with a larger body than a topic takes now, as a broker does batch by batch."""

    def __init__(self, settings: EmbeddedLog) -> None:
        super().__init__(settings)
        self.most: dict[str, int] = {}

    async def append(self, topic: str, partition: int, records: Sequence[Record]) -> int:
        most = self.most.get(topic, 1 << 30)
        place = next((i for i, r in enumerate(records) if len(r.body) > most), None)
        if place is None:
            return await super().append(topic, partition, records)
        if place:
            await super().append(topic, partition, records[:place])
        raise Rejected(f"topic {topic}: more than max.message.bytes", place)


@contextlib.asynccontextmanager
async def narrow(path: Path) -> AsyncIterator[Narrow]:
    """A new one with the standard topics, of one partition each."""
    settings = EmbeddedLog(path=path, partitions=1)
    opened = Narrow(settings)
    await opened.start()
    await opened.create(standard_topics(settings))
    yield opened
    await opened.close()


class Diary:
    """A listener that writes down what it is told, and may commit when it has to let go."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, dict[Partition, Mark | None]]] = []
        self.before_leaving: Callable[[Collection[Partition]], Awaitable[None]] | None = None

    async def assigned(self, marks: Mapping[Partition, Mark | None]) -> None:
        self.entries.append(("assigned", dict(marks)))

    async def revoked(self, partitions: Collection[Partition]) -> None:
        self.entries.append(("revoked", dict.fromkeys(partitions)))
        if self.before_leaving is not None:
            await self.before_leaving(partitions)

    def held(self) -> set[Partition]:
        """What the entries add up to."""
        held: set[Partition] = set()
        for what, partitions in self.entries:
            held = held | set(partitions) if what == "assigned" else held - set(partitions)
        return held


class Away:
    """A process that is not this one."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[tuple[int, ...]] = []

    async def read_lines(self, count: int) -> None:
        """Wait for this many more lines."""
        assert self._process.stdout is not None
        for _ in range(count):
            line = await asyncio.wait_for(self._process.stdout.readline(), 40)
            assert line, "the process ended"
            self.lines.append(tuple(map(int, line.split())))

    async def freeze_between_writes(self, path: Path) -> None:
        """One that is frozen while it writes holds the lock of an embedded log, and nobody else can write until it goes on."""
        while True:
            self.freeze()
            try:
                with contextlib.closing(sqlite3.connect(path, timeout=1)) as connection:
                    connection.execute("BEGIN IMMEDIATE")
                    return
            except sqlite3.OperationalError:
                self.thaw()
                await asyncio.sleep(0.05)

    def freeze(self) -> None:
        """SIGSTOP."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """End a freeze."""
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """SIGKILL; then read what it had written before."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        rest, _ = await self._process.communicate()
        self.lines += [tuple(map(int, line.split())) for line in rest.split(b"\n")[:-1]]


@contextlib.asynccontextmanager
async def away(
    what: str, settings: EmbeddedLog | KafkaLog, topic: str, lease_seconds: float = LEASE_SECONDS
) -> AsyncIterator[Away]:
    """Another process that writes to a topic or follows it."""
    command = [sys.executable, "-m", "tests.contract.log_process", what, settings.model_dump_json(), topic, str(lease_seconds)]
    env = {**os.environ, "PYTHONPATH": str(_ROOT)}
    process = Away(await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=env, cwd=_ROOT))
    try:
        yield process
    finally:
        await process.kill()
