"""R17: what /metrics says equals what the ledger knows, to the event. For runs in which no process ended."""

import asyncio
from collections.abc import Mapping

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
    read = total(metrics, "sink_read_events_total", label) - total(metrics, "sink_returned_events_total", label)
    done, dead = total(metrics, "sink_done_events_total", label), total(metrics, "sink_dead_lettered_events_total", label)
    left_out = total(metrics, "sink_left_out_events_total", label)
    _equal(one, f"{sink}: read = done + dead-lettered + left out + returned", read, done + dead + left_out)
    here = total(metrics, "sink_read_events_total", label, events) - total(metrics, "sink_returned_events_total", label, events)
    _equal(one, f"{sink}: read of events = written by process", here, total(metrics, "process_written_events_total"))
    arrived = one.ledger.sinks[sink]
    there = len(arrived.first) + sum(map(len, arrived.copies.values()))
    delivered = total(metrics, "sink_done_events_total", label, events)
    _equal(one, f"{sink}: done = arrived, as the ledger knows it", delivered, there)


def _equal(one: Arena, name: str, left: float, right: float) -> None:
    one.outcome.check(name, left == right, f"{left:.0f} and {right:.0f}", is_promise=True)
