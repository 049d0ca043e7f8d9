"""R1, R2, R3: processes that are killed, rolled and frozen, on both logs."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.faults import nemesis
from tests.faults.arena import Arena, Plan, a_unit_for_each_role, arena
from tests.faults.outcome import Outcome
from tests.faults.scenarios import in_thread, scenario
from tests.peers import kafka as kafka_peer

_LONG_MINUTES, _LONG_RATE, _LONG_PER_MINUTE = 10, 3000, 3
"""A long run is of a size that its zero says something; what is sent is less, since nobody sends while all is down."""
_OUTAGE_SECONDS = 10
"""After a kill the log waits for a lease or session to end; what comes meanwhile may be under way at the next kill."""


async def _run(outcome: Outcome, plan: Plan, blow: nemesis.Blow, every: tuple[float, float], per_minute: float) -> Arena:
    async with arena(plan, outcome) as one:
        one.send()
        await nemesis.strike(one, outcome.minutes * 60, blow, every=every, least=int(outcome.minutes * per_minute))
        await one.end()
        return one


def _judge_kills(one: Arena, per_minute: float) -> None:
    kills = one.faults.get("SIGKILL", 0)
    one.judge(repeats=lambda _: kills * one.plan.rate * _OUTAGE_SECONDS)
    one.outcome.check("kills really happened", kills >= int(one.outcome.minutes * per_minute), one.faults)
    one.outcome.check("kills really hit requests", sum(s.books.failures for s in one.senders) > 0)


@scenario("R1", 0.8)
async def killed_in_one_process(outcome: Outcome) -> None:
    """SIGKILL every 4-8 s (5-15 s in a long run) of the one process that does everything, on the embedded log."""
    is_long = outcome.minutes >= _LONG_MINUTES
    plan, often = Plan(rate=_LONG_RATE) if is_long else Plan(), _LONG_PER_MINUTE if is_long else 5
    _judge_kills(await _run(outcome, plan, nemesis.kill, (5, 15) if is_long else (4, 8), often), often)


@scenario("R1-roles", 5)
async def killed_role_by_role(outcome: Outcome) -> None:
    """SIGKILL every 4-8 s (5-15 s in a long run) of one of six processes, a role each, that share the embedded log."""
    is_long, units = outcome.minutes >= _LONG_MINUTES, a_unit_for_each_role("process", "deliver")
    plan, often = Plan(units=units, rate=_LONG_RATE) if is_long else Plan(units=units), _LONG_PER_MINUTE if is_long else 6
    _judge_kills(await _run(outcome, plan, nemesis.kill, (5, 15) if is_long else (4, 8), often), often)


@asynccontextmanager
async def broker() -> AsyncIterator[dict[str, Any]]:
    """The log block of a configuration for a broker that lasts as long as the context."""
    with tempfile.TemporaryDirectory(prefix="logweir-kafka-") as folder:
        jars = await asyncio.to_thread(kafka_peer.jars)
        async with in_thread(kafka_peer.running_broker(jars, Path(folder) / "kafka")) as node:
            yield {"kind": "kafka", "bootstrap": [node.bootstrap], "partitions": 4, "replication": 1}


@scenario("R1-kafka", 5, needs_kafka=True)
async def killed_role_by_role_on_kafka(outcome: Outcome) -> None:
    """SIGKILL every 4-8 s (5-15 s in a long run) of one of six processes, a role each and static members, on one Kafka broker."""
    is_long, units = outcome.minutes >= _LONG_MINUTES, a_unit_for_each_role("process", "deliver")
    async with broker() as log:
        plan = Plan(log=log, units=units, static_members=True, rate=_LONG_RATE if is_long else Plan().rate)
        often = _LONG_PER_MINUTE if is_long else 6
        _judge_kills(await _run(outcome, plan, nemesis.kill, (5, 15) if is_long else (4, 8), often), often)


@scenario("R2", 0.4)
async def rolled(outcome: Outcome) -> None:
    """SIGTERM every 2-4 s: the process drains within 30 s, exits with 0, and nothing is lost or repeated."""
    _judge_rolls(await _run(outcome, Plan(), nemesis.roll, (2, 4), 5), 5)


@scenario("R2-roles", 0.4)
async def rolled_role_by_role(outcome: Outcome) -> None:
    """The same for a random one of six processes that share the embedded log."""
    plan = Plan(units=a_unit_for_each_role("process", "deliver"))
    _judge_rolls(await _run(outcome, plan, nemesis.roll, (2, 4), 8), 8)


def _judge_rolls(one: Arena, per_minute: float) -> None:
    rolls, check = one.faults.get("SIGTERM", 0), one.outcome.check
    longest = max((s for unit in one.fleet.units for s in unit.drain_seconds), default=0.0)
    one.judge(repeats=lambda _: 0)
    check("rolls really happened", rolls >= int(one.outcome.minutes * per_minute), one.faults)
    check("every drain ends within 30 s", longest <= 30, f"{longest:.1f}")
    one.outcome.figures["longest_drain_seconds"] = round(longest, 1)


@scenario("R3", 0.4)
async def frozen_and_back(outcome: Outcome) -> None:
    """SIGSTOP for 9 s, longer than the lease, of random processes; others take over, then the frozen one goes on."""
    rate = _LONG_RATE if outcome.minutes >= _LONG_MINUTES else Plan().rate
    plan = Plan(units=a_unit_for_each_role("process", "correlate", "deliver"), rate=rate)
    async with arena(plan, outcome) as one:
        one.send()
        loop = asyncio.get_running_loop()
        end = loop.time() + outcome.minutes * 60
        blow = nemesis.freeze(9)
        while loop.time() < end:
            await asyncio.sleep(2)
            await blow(one, one.fleet[one.random.choice(("process", "process-2", "correlate", "deliver", "deliver-2", "ingest"))])
        await one.end()
        freezes = one.faults.get("SIGSTOP", 0)
        one.judge(repeats=lambda _: freezes * one.plan.rate * _OUTAGE_SECONDS)
        outcome.check("freezes really happened", freezes >= int(outcome.minutes * 4), one.faults)
