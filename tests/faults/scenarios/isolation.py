"""R7: one destination is slow, another one dead, and nobody else may notice."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from router.config import EmbeddedLog
from router.deliver.pace import Pace
from tests.faults import conservation
from tests.faults.arena import Arena, Plan, arena
from tests.faults.events import Key
from tests.faults.neighbours import Neighbours
from tests.faults.outcome import Outcome
from tests.faults.proxy import Toxic
from tests.faults.scenarios import scenario
from tests.faults.scenarios.far_ends import EVERY_SINK
from tests.faults.watch import slope
from tests.faults.windows import Windows

_HEALTHY = ("splunk", "archive")
_RATE, _CALM_SECONDS, _LATENCY_SECONDS = 2000, 8.0, 2.0
_MOST_OF_CALM, _LAG_SECONDS, _WINDOW_SECONDS = 1.1, 5.0, 4.0
"""A tenth more than without faults; everything within five seconds."""
_SICK_SINKS, _HELD_BYTES = 2, 2048
"""What two sinks hold of a partition is bounded in records: memory may grow until both are full, at so many bytes a record."""
_SLOPE_MINUTES, _WARM_SECONDS, _MB_PER_MINUTE = 6.0, 200.0, 1.0
"""A slope says something in a run of so long, once windows are full: that of the slow sink, which falls behind little by little, takes
three minutes."""


@dataclass(slots=True)
class _Waits:
    """Seconds from acknowledgement to arrival, of what was acknowledged in some stretches of time, by windows."""

    one: Arena
    windows: list[list[float]] = field(default_factory=list)
    missing: int = 0

    def note(self, began: float, ended: float) -> None:
        """Of one stretch; what has not arrived by now is missing."""
        count = max(1, round((ended - began) / _WINDOW_SECONDS))
        found: list[list[float]] = [[] for _ in range(count)]
        for key, when in self._acknowledged(began, ended):
            window = found[min(count - 1, int((when - began) / (ended - began) * count))]
            for came in self._arrivals(key):
                self.missing += came is None
                if came is not None:
                    window.append(max(0.0, came - when))
        self.windows += found

    def all_there(self, began: float, ended: float) -> bool:
        """Whether everything of a stretch has arrived."""
        return all(None not in self._arrivals(key) for key, _ in self._acknowledged(began, ended))

    def _acknowledged(self, began: float, ended: float) -> Iterator[tuple[Key, float]]:
        for name, sent in self.one.ledger.senders.items():
            for number, when in (sent.acknowledged_at or {}).items():
                if began <= when < ended:
                    yield Key(name, number), when

    def _arrivals(self, key: Key) -> list[float | None]:
        return [(self.one.ledger.sinks[sink].arrived_at or {}).get(key) for sink in _HEALTHY]

    @property
    def count(self) -> int:
        """Of what arrived."""
        return sum(map(len, self.windows))


@scenario("R7", 0.3, 90, is_alone=True)
async def one_slow_one_dead(outcome: Outcome) -> None:
    """Elasticsearch answers late and QRadar accepts and reads nothing: the others keep their pace, and memory does not grow."""
    plan = Plan(rate=_RATE, trusted_syslog=True, sinks=EVERY_SINK, proxied=True)
    plan.sink_settings = {"splunk-ack": {"ack_timeout_seconds": 60}}  # nothing breaks that one: a busy machine must not, either
    async with arena(plan, outcome) as one:
        for sent in one.ledger.senders.values():
            sent.acknowledged_at = {}
        for name in _HEALTHY:
            one.ledger.sinks[name].arrived_at = {}
        looking = asyncio.create_task(_look_often(one))
        calm, sick = _Waits(one), _Waits(one)
        one.send()
        await asyncio.sleep(5)
        neighbours = Neighbours()
        await _stretch(calm, _CALM_SECONDS)
        await _break(one)
        await _sick(one, sick)
        await _heal(one)
        await _stretch(calm, _CALM_SECONDS)
        looking.cancel()
        _judge(outcome, calm, sick, neighbours)
        await one.end()
        one.judge(repeats=lambda name: 20_000 if name == "lines" else 0, unordered=("lines",))
        await conservation.judge(one)


async def _look_often(one: Arena) -> None:
    """What is in files counts from when it is seen."""
    while True:
        one.archive.look()
        await asyncio.sleep(0.05)


async def _stretch(waits: _Waits, seconds: float) -> None:
    """Look at what is acknowledged in the next seconds; it has up to 5 s more to arrive."""
    began = time.monotonic()
    await asyncio.sleep(seconds)
    ended = time.monotonic()
    while time.monotonic() < ended + _LAG_SECONDS and not waits.all_there(began, ended):
        await asyncio.sleep(0.5)
    waits.note(began, ended)


async def _break(one: Arena) -> None:
    one.proxies["search"].latency_seconds = _LATENCY_SECONDS
    await one.proxies["search"].become(Toxic.LATENCY)
    await one.proxies["lines"].become(Toxic.BLACK_HOLE)
    one.hit("slow and stopped sinks")


async def _sick(one: Arena, waits: _Waits) -> None:
    outcome, unit, asked, sent = one.outcome, one.fleet.units[0], one.search.requests, one.ledger.acknowledged
    memory, began = unit.resident_bytes(), len(one.watch.resident)
    await _stretch(waits, outcome.minutes * 60)
    grown = (unit.resident_bytes() - memory) / (1 << 20)
    outcome.figures |= {"grown_mb": round(grown), "slow_requests": one.search.requests - asked}
    hits = {name: one.proxies[name].hits for name in ("search", "lines")}
    one.faults |= {f"{name} {toxic}": count for name, found in hits.items() for toxic, count in found.items()}
    outcome.check("both faults really hit", all(hits.values()) and one.ledger.acknowledged > sent, hits)
    most = _windows_mb(one)
    outcome.check(
        "memory grows by no more than what the two sinks may hold", grown <= most, f"{grown:.0f} of {most:.0f} MiB more"
    )
    if outcome.minutes >= _SLOPE_MINUTES:
        points = one.watch.resident[began:]
        rise = slope([(t, size) for t, size in points if t > points[0][0] + _WARM_SECONDS])
        rise = (rise or 0.0) * 60 / (1 << 20)
        outcome.figures["sick_mb_per_minute"] = round(rise, 2)
        outcome.check("memory does not grow by more than 1 MiB a minute", rise <= _MB_PER_MINUTE, f"{rise:.2f} MiB a minute")


def _windows_mb(one: Arena) -> float:
    partitions = EmbeddedLog.model_validate(one.plan.log).partitions
    return _SICK_SINKS * partitions * Pace().window_records * _HELD_BYTES / (1 << 20)


async def _heal(one: Arena) -> None:
    """All is well, and what waited has been sent."""
    for name in ("search", "lines"):
        await one.proxies[name].become(Toxic.NONE)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        await asyncio.sleep(0.5)
        there = min(len(one.ledger.sinks[name].first) for name in ("search", "lines"))
        if one.ledger.acknowledged - there < 3 * one.plan.rate:
            break


def _judge(outcome: Outcome, calm: _Waits, sick: _Waits, neighbours: Neighbours) -> None:
    outcome.figures["events_looked_at"] = f"{sick.count} and {calm.count} calm"
    outcome.check("enough events were looked at", min(calm.count, sick.count) > 5_000)
    late = sick.missing <= max(calm.missing, (sick.count + sick.missing) // 100)
    outcome.check("99 % are at the healthy sinks within 5 s", late, f"{sick.missing} were not, {calm.missing} without faults")
    windows = Windows(calm.windows, sick.windows, neighbours)
    windows.judge(outcome, "the healthy sinks are at most a tenth later than without faults", _MOST_OF_CALM, 0.0)
