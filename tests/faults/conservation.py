"""R17: what /metrics says equals what the ledger knows, to the event. For runs in which no process ended."""

import asyncio
from collections.abc import Iterable, Mapping

from tests.faults.arena import Arena
from tests.journeys.deployment import total


async def settled(one: Arena) -> dict[str, float]:
    """The metrics, once nothing changes any more."""
    before: dict[str, float] = {}
    for _ in range(30):
        now = {name: value for name, value in (await one.fleet.metrics()).items() if "events_total" in name}
        if now == before:
            break
        before = now
        await asyncio.sleep(1.5)
    return before


def under_way(metrics: Mapping[str, float], acknowledged: int, sinks: Iterable[str]) -> float:
    """Events that a stage has and the next one is not yet done with; 0 once all is through."""
    appended = total(metrics, "ingest_appended_events_total")
    waiting = max(0.0, acknowledged - appended) + appended - total(metrics, "process_read_events_total")
    written = total(metrics, "process_written_events_total")
    for sink in sinks:
        label, events = f'sink="{sink}"', 'topic="events"'
        read, done = _read(metrics, label), _done(metrics, label)
        waiting += abs(written - _read(metrics, label, events)) + abs(read - done)
    return waiting


def _read(metrics: Mapping[str, float], *labels: str) -> float:
    return total(metrics, "sink_read_events_total", *labels) - total(metrics, "sink_returned_events_total", *labels)


def _done(metrics: Mapping[str, float], label: str) -> float:
    outcomes = ("done", "dead_lettered", "left_out")
    return sum(total(metrics, f"sink_{outcome}_events_total", label) for outcome in outcomes)


async def judge(one: Arena) -> None:
    """Every identity of the telemetry, and every number that the ledger knows too."""
    metrics = await settled(one)
    one.look()
    _ingest(one, metrics)
    _process(one, metrics)
    for sink in one.ledger.sinks:
        _sink(one, metrics, sink)


def _ingest(one: Arena, metrics: Mapping[str, float]) -> None:
    received, appended = total(metrics, "ingest_received_events_total"), total(metrics, "ingest_appended_events_total")
    rejected = total(metrics, "ingest_rejected_events_total")
    _equal(one, "ingest: received = appended + rejected", received, appended + rejected)
    if not any(sent.repeated for sent in one.ledger.senders.values()):
        sent = sum(books.sent for books in one.ledger.senders.values())
        _equal(one, "ingest: appended = sent, as the ledger knows it", appended, sent)


def _process(one: Arena, metrics: Mapping[str, float]) -> None:
    read, split = total(metrics, "process_read_events_total"), total(metrics, "process_split_events_total")
    outcomes = ("written", "dead_lettered", "ignored", "repeated")
    made = sum(total(metrics, f"process_{outcome}_events_total") for outcome in outcomes)
    _equal(one, "process: read + split = written + dead-lettered + ignored + repeated", read + split, made)
    _equal(one, "process: read = appended", read, total(metrics, "ingest_appended_events_total"))


def _sink(one: Arena, metrics: Mapping[str, float], sink: str) -> None:
    label, events = f'sink="{sink}"', 'topic="events"'
    _equal(one, f"{sink}: read = done + dead-lettered + left out + returned", _read(metrics, label), _done(metrics, label))
    written = total(metrics, "process_written_events_total")
    _equal(one, f"{sink}: read of events = written by process", _read(metrics, label, events), written)
    arrived = one.ledger.sinks[sink]
    there = len(arrived.first) + sum(map(len, arrived.copies.values()))
    delivered = total(metrics, "sink_done_events_total", label, events)
    _equal(one, f"{sink}: done = arrived, as the ledger knows it", delivered, there)


def _equal(one: Arena, name: str, left: float, right: float) -> None:
    one.outcome.check(name, left == right, f"{left:.0f} and {right:.0f}", is_promise=True)
