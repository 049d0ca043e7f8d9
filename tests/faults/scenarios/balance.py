"""R17 and R15: the books balance to the event; the machines that keep them hold against models."""

import asyncio
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from tests.faults import conservation
from tests.faults.arena import Arena, Plan, arena
from tests.faults.events import text
from tests.faults.outcome import Outcome
from tests.faults.scenarios import scenario
from tests.faults.scenarios.far_ends import caught_up, dead, redrive, share_of
from tests.faults.senders import TOKEN
from tests.journeys.deployment import total

_NOISE = """\
id: ledger-noise
title: Events of the ledger that one sink does not want
description: Those whose padding ends with the alphabet.
kind: drop
sinks: [archive]
detection:
  padded:
    message|contains: z-calm-end
  condition: padded
tests:
  - name: ends with the alphabet
    event: {message: ledger-a-000000001-0123456789abcdef-abcdefghijklmnopqrstuvwxyz-calm-end}
    expect: left_out
  - name: ends elsewhere
    event: {message: ledger-a-000000001-0123456789abcdef-abc-calm-end}
    expect: kept
"""
_GROWN, _GARBLED = 3, 20
_EXAMPLES_PER_MINUTE = 1000
_MODELS = (
    *("deliver/test_tracker.py", "deliver/test_breaker.py", "deliver/test_budget.py", "deliver/test_brake.py"),
    *("ingest/test__ledger.py", "process/test_high_water.py", "log/embedded/test_groups.py"),
)


@scenario("R17", 0.3, 28)
async def books(outcome: Outcome) -> None:
    """Refused requests, events too large, poison, a noise rule, dead letters that are redriven: /metrics equals the ledger."""
    plan = Plan(rate=600, trusted_syslog=True, sinks=("search", "splunk", "archive"))
    plan.settings = {"rules": {"detect": ["ledger.yml"], "noise": ["noise.yml"]}}
    async with arena(plan, outcome, prepare=_write_noise) as one:
        one.search._refuse = _poison
        one.send()
        await asyncio.sleep(outcome.minutes * 60 / 2)
        await _garbled(one)
        await _grown(one)
        await asyncio.sleep(outcome.minutes * 60 / 2)
        await one.quiet()
        await caught_up(one)
        one.faults["poisoned documents"] = buried = await dead(one)
        outcome.check("some documents were poison", buried > 0)
        await conservation.judge(one)
        await _judge(one)
        one.search._refuse = lambda _: None
        await redrive(one)
        del one.ledger.sinks["archive"]
        await one.end()
        one.judge(repeats=lambda _: 0)


def _write_noise(folder: Path) -> None:
    (folder / "noise.yml").write_text(_NOISE)


def _poison(document: Mapping[str, Any]) -> tuple[int, str] | None:
    line = str(document.get("message", "")).encode()
    is_alert = document.get("event", {}).get("kind") == "alert"
    return None if is_alert or share_of(line) >= 0.002 else (400, "document_parsing_exception")


async def _post(one: Arena, path: str, body: bytes) -> int:
    headers = {"Authorization": f"Splunk {TOKEN}"}
    url = f"http://127.0.0.1:{one.hec_port}/services/collector/{path}"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, data=body) as answer:
        return answer.status


async def _garbled(one: Arena) -> None:
    """Requests that hold no event: refused, counted, and nobody else notices."""
    statuses = [await _post(one, "event", b'{"event": ') for _ in range(_GARBLED)]
    one.faults["garbled requests"] = len(statuses)
    one.outcome.check("garbled requests are refused", set(statuses) == {400}, set(statuses))


async def _grown(one: Arena) -> None:
    """Events whose document is larger than any log takes: acknowledged, and dead letters of `process`."""
    books = one.ledger.sender("grown")
    for _ in range(_GROWN):
        books.sent += 1
        status = await _post(one, "raw?channel=0aeeac95-ac74-4aa9-b30d-6c4c0ac581ba", b'"' * 880_000)
        one.outcome.check("an event that will grow too large is taken", status == 200, status)
    one.faults["events too large"] = _GROWN


async def _judge(one: Arena) -> None:
    """What the counters must say beside the identities that every run has."""
    metrics, check = await one.fleet.metrics(), one.outcome.check
    wanted = {name: _left_out(name, sent.sent) for name, sent in one.ledger.senders.items() if name != "grown"}
    unwanted, there = sum(map(len, wanted.values())), one.ledger.sinks["archive"].first
    left_out = total(metrics, "sink_left_out_events_total", 'sink="archive"')
    check("as many are left out as the noise rule picks", left_out == unwanted > 0, f"{left_out:.0f} of {unwanted}")
    missing = {(key.sender, key.number) for key in one.ledger.missing("archive")}
    expected = {(name, number) for name, numbers in wanted.items() for number in numbers}
    check("exactly those are not in the archive", missing == expected, len(missing ^ expected))
    check("nothing else is in the archive", len(there) + unwanted == one.ledger.acknowledged, len(there))
    large = total(metrics, "process_dead_lettered_events_total", 'reason="too_large"')
    check("what grew too large is dead letters", large == _GROWN, large)
    rejected = total(metrics, "ingest_rejected_events_total")
    check("garbled requests are counted as rejected", rejected == _GARBLED, rejected)


def _left_out(sender: str, sent: int) -> list[int]:
    return [number for number in range(sent) if "z-calm-end" in text(sender, number)]


@scenario("R15", 0.3, 14)
async def models(outcome: Outcome) -> None:
    """Tracker, breaker, token bucket, brake, memory ledger, high-water mark, claims: state machines and properties."""
    examples = str(int(outcome.minutes * _EXAMPLES_PER_MINUTE))
    files = [f"tests/router/{name}" for name in _MODELS]
    command = (sys.executable, "-m", "pytest", "-q", f"--hypothesis-seed={outcome.seed}", "-o", "timeout=0", *files)
    process = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | {"LOGWEIR_EXAMPLES": examples},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    passed = re.search(rb"(\d+) passed", out)
    count = int(passed[1]) if passed else 0
    outcome.figures |= {"tests": count, "examples_of_each_at_least": examples}
    outcome.check("every model agrees with the machine", process.returncode == 0, out.decode()[-1500:])
    outcome.check("the models were really tried", count >= 20, count)
