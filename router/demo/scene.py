"""What the demonstration consists of: a configuration in a scratch folder, made-up senders, and the outage of one stand-in."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from router.batch import MATCHES, RAW, Partition
from router.generate import World, messages
from router.generate.send import Hec, SyslogTcp, Target
from router.generate.stream import Message
from router.protocols import Log

TOKEN = "made-up-token-of-the-demonstration"


def configuration(folder: Path, elastic: str, splunk: str, qradar: tuple[str, int]) -> dict[str, Any]:
    """Logweir's configuration for the demonstration: two receivers, three stand-ins and a file."""
    return {
        "version": 1,
        "log": {"kind": "embedded", "path": str(folder / "log.db"), "partitions": 4},
        "sources": {
            "syslog": {"kind": "syslog", "tcp": "127.0.0.1:0", "udp": "127.0.0.1:0"},
            "hec": {
                "kind": "splunk_hec",
                "listen": "127.0.0.1:0",
                "tokens": [{"name": "collectors", "secret": "${DEMO_TOKEN}"}],
            },
        },
        "sinks": {
            "elastic": {"kind": "elasticsearch", "urls": [elastic]},
            "splunk": {"kind": "splunk_hec", "urls": [splunk], "token": "${DEMO_TOKEN}"},
            "qradar": {
                "kind": "qradar",
                "host": qradar[0],
                "port": qradar[1],
                "choose": {"datasets": ["cisco.asa", "windows.security", "logweir.*"]},
            },
            "file": {"kind": "file", "path": str(folder / "events.ndjson")},
        },
        "rules": {"noise": [str(Path(__file__).with_name("noise.yaml"))]},
        "admin": {"listen": "127.0.0.1:0"},
    }


def write_configuration(folder: Path, configuration: Mapping[str, Any]) -> Path:
    """The file that `load` reads."""
    path = folder / "logweir.yaml"
    path.write_text(yaml.safe_dump(dict(configuration), sort_keys=False), "utf-8")
    return path


class Senders:
    """Sends the made-up stream to the receivers: what is syslog as syslog, what is a document to HEC."""

    def __init__(self, seed: int, rate: float, syslog: tuple[str, int], hec: tuple[str, int]) -> None:
        self._rate = rate
        self._stream = messages(World(seed), time.time(), rate)
        self._syslog: Target = SyslogTcp(*syslog)
        self._hec: Target = Hec(f"http://{hec[0]}:{hec[1]}/services/collector/event", TOKEN)
        self.sent = 0

    async def run(self, stop: asyncio.Event) -> None:
        """At the rate, until `stop`; counts what a protocol could confirm."""
        started = time.monotonic()
        while not stop.is_set():
            due = int((time.monotonic() - started) * self._rate) - self.sent
            if due > 0:
                await self._send([next(self._stream) for _ in range(min(due, 2000))])
            await asyncio.sleep(0.05)
        await self._syslog.close()
        await self._hec.close()

    async def _send(self, batch: list[Message]) -> None:
        for target, part in (
            (self._syslog, [m for m in batch if m.is_syslog]),
            (self._hec, [m for m in batch if not m.is_syslog]),
        ):
            if part:
                self.sent += await target.send(part)


class Outage:
    """Stops one stand-in for a while; remembers when, and when its sink had caught up again."""

    def __init__(self, sink: str, stand_in: Any, begin: float, length: float) -> None:
        self.sink, self._stand_in = sink, stand_in
        self._begin, self._length = begin, length
        self.stopped_at: float | None = None
        self.started_at: float | None = None
        self.caught_up_after: float | None = None
        self.largest_lag = 0

    async def run(self, clock: Callable[[], float]) -> None:
        """Wait for the time, stop, wait, start again."""
        await asyncio.sleep(max(0.0, self._begin - clock()))
        self.stopped_at = clock()
        await self._stand_in.stop()
        await asyncio.sleep(self._length)
        await self._stand_in.start()
        self.started_at = clock()

    def watch(self, now: float, lag: int) -> None:
        """Told the sink's lag now and then."""
        if self.stopped_at is not None:
            self.largest_lag = max(self.largest_lag, lag)
        if (
            self.started_at is not None
            and self.caught_up_after is None
            and now > self.started_at + 1
            and lag < self.largest_lag / 20 + 50
        ):
            self.caught_up_after = now - self.started_at

    def as_json(self) -> dict[str, Any]:
        """For the summary."""
        return {
            "sink": self.sink,
            "stopped_at_seconds": self.stopped_at,
            "started_again_at_seconds": self.started_at,
            "largest_lag_events": self.largest_lag,
            "caught_up_after_seconds": self.caught_up_after,
        }


class Backlog:
    """What every consumer group has yet to commit, asked of the log itself."""

    def __init__(self, log: Log, sinks: Mapping[str, tuple[str, ...]]) -> None:
        self._log = log
        self._groups = {"process": (RAW,), "correlate": (MATCHES,), **{f"sink.{n}": topics for n, topics in sinks.items()}}

    async def now(self) -> dict[str, int]:
        """Records per group."""
        return {group: await self._of(group, topics) for group, topics in self._groups.items()}

    async def _of(self, group: str, topics: tuple[str, ...]) -> int:
        marks = await self._log.committed(group, topics)
        ends = {Partition(t, n): span for t in topics for n, span in (await self._log.ends(t)).items()}
        return sum(end - max(start, marks[p].offset if p in marks else 0) for p, (start, end) in ends.items())

    async def drained(self, seconds: float) -> bool:
        """Wait until every group has committed everything there is; false when that takes longer than `seconds`."""
        deadline, quiet = time.monotonic() + seconds, 0
        while quiet < 2:
            if time.monotonic() > deadline:
                return False
            quiet = 0 if any((await self.now()).values()) else quiet + 1
            await asyncio.sleep(0.2)
        return True
