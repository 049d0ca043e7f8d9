"""How a deployment stands, told by its log, and by a running router's metrics where its admin port answers."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.request import ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families

from router.batch import MATCHES, RAW, Partition, Record
from router.config import Config
from router.correlate.ticks import GROUP as CORRELATE
from router.deliver import State
from router.deliver.redrive import survey
from router.process.stage import NAME as PROCESS
from router.protocols import Log

_ANSWER_SECONDS = 2.0
_OLDEST_ID_SECONDS = 366 * 86_400


@dataclass(slots=True)
class Reading:
    """How far one group has read its topics."""

    name: str
    topics: Sequence[str]
    lag_events: int = 0
    lag_seconds: float = 0.0
    """Age of the oldest record that is not committed, since its receipt where its id tells that."""
    headroom_seconds: float = 0.0
    """Until retention by age removes the first of them; what the configuration says counts, not the topic's own setting."""
    unread_share: float = 0.0
    """Of what is kept of the partition that is read worst; 1: whatever retention by size removes next is unread."""
    lost_events: int = 0
    """Removed by retention before they were read."""
    breaker: str | None = None
    """Of a sink, where a running router tells: closed, half open, open, paused."""
    dead_letters: int | None = None
    """Of a stage or sink that has some, those that were redriven aside."""


@dataclass(slots=True)
class Router:
    """What /metrics of a running router says."""

    url: str
    is_running: bool = False
    version: str = ""
    breakers: Mapping[str, str] = field(default_factory=dict)
    reload_failed: bool = False
    """True if the last reload of rules and configuration was refused."""


async def readings(config: Config, log: Log, now: float) -> list[Reading]:
    """Of both stages and of every sink."""
    retention = config.log.retention_hours * 3600
    groups: dict[str, tuple[str, Sequence[str]]] = {PROCESS: (PROCESS, (RAW,)), CORRELATE: (CORRELATE, (MATCHES,))}
    groups |= {name: (f"sink.{name}", settings.read) for name, settings in config.sinks.items()}
    found = [await _reading(log, name, group, topics, retention, now) for name, (group, topics) in groups.items()]
    for reading in found:
        if reading.name != CORRELATE:
            reading.dead_letters = (await survey(log, reading.name)).waiting.total()
    return found


async def _reading(log: Log, name: str, group: str, topics: Sequence[str], retention: float, now: float) -> Reading:
    reading = Reading(name, topics, headroom_seconds=retention)
    marks = await log.committed(group, topics)
    for topic in topics:
        for number, (oldest, end) in (await log.ends(topic)).items():
            mark = marks.get(Partition(topic, number))  # none: it begins with the oldest, and has missed nothing
            await _add(log, reading, Partition(topic, number), mark.offset if mark else oldest, oldest, end, now)
    reading.headroom_seconds = max(0.0, retention - reading.lag_seconds)
    return reading


async def _add(log: Log, reading: Reading, partition: Partition, read: int, oldest: int, end: int, now: float) -> None:
    """One partition's part."""
    start = max(read, oldest)
    reading.lost_events += max(0, oldest - read)
    if start >= end:
        return
    reading.lag_events += end - start
    reading.unread_share = max(reading.unread_share, (end - start) / (end - oldest))
    items = (await log.fetch(*partition, start, 1)).items
    if items:
        reading.lag_seconds = max(reading.lag_seconds, now - received(items[0], now))


def received(record: Record, now: float) -> float:
    """When a record was received: ids given at receipt begin with that (48 bits of milliseconds); else the event's own time."""
    told = int.from_bytes(record.id[:6]) / 1000
    return min(now, told if now - _OLDEST_ID_SECONDS < told < now + 60 else record.time)


async def router_at(listen: str) -> Router:
    """Ask the admin port. No answer is an answer: the router is not running here."""
    router = Router(admin_url(listen))
    if not router.url:
        return router
    try:
        return _read(router, await asyncio.to_thread(fetched, f"{router.url}/metrics"))
    except (OSError, ValueError):  # URLError is an OSError; what is no list of metrics is a ValueError
        return router


def admin_url(listen: str) -> str:
    """Where the admin port answers this machine; empty where it has no port that is known."""
    host, _, port = listen.rpartition(":")
    if not listen or port == "0":
        return ""
    return f"http://{'127.0.0.1' if host in ('', '0.0.0.0', '[::]') else host}:{port}"


def fetched(url: str) -> str:
    """The text at a URL, asked directly. Raises OSError, or ValueError for what is no URL of HTTP."""
    if not url.startswith(("http://", "https://")):
        raise ValueError("no URL of HTTP")
    with build_opener(ProxyHandler({})).open(url, timeout=_ANSWER_SECONDS) as answer:  # never by way of a proxy
        body: bytes = answer.read()
    return body.decode()


def _read(router: Router, text: str) -> Router:
    breakers = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "logweir_build_info":
                router.is_running, router.version = True, sample.labels["version"]
            elif sample.name == "logweir_sink_breaker_state":
                breakers[sample.labels["sink"]] = State(int(sample.value)).name.lower().replace("_", " ")
            elif sample.name == "logweir_config_reload_success":
                router.reload_failed = not sample.value
    router.breakers = breakers
    return router


async def standing(config: Config, log: Log) -> tuple[Router, list[Reading]]:
    """Everything."""
    router, found = await router_at(config.admin.listen), await readings(config, log, time.time())
    for reading in found:
        reading.breaker = router.breakers.get(reading.name) if reading.name in config.sinks else None
    return router, found
