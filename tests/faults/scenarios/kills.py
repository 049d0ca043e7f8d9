"""R1, R2, R3: processes that are killed, rolled and frozen, on both logs."""

import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.faults import nemesis
from tests.faults.arena import Arena, Plan, a_unit_for_each_role, arena
from tests.faults.outcome import Outcome
from tests.faults.scenarios import in_thread, scenario
from tests.peers import kafka as kafka_peer

_LONG_MINUTES, _LONG_RATE = 10, 3000
"""A long run is of a size that its zero says something; what is sent is less, since nobody sends while all is down."""
_ROLES_RATE, _EVERY, _PER_MINUTE = 2000, (5, 15), 3  # on a broker in a long run as well: it shares the machine
"""Events a second, seconds between two kills, and how many kills a minute there must be at least."""
_ONE_EVERY, _ONE_PER_MINUTE = (4, 8), 5
"""Where one process does everything, and the run is short."""
_WINDOW, _OUTAGE_SECONDS = 10_000, 10
"""A sink has at most a window under way, and no more than came since a kill; the log may wait for a lease or session to end."""
_SHARE, _SHORT_SHARE, _BUSY_SHARE, _QUICK_SECONDS = 0.02, 0.025, 0.05, 4.0
"""Of what arrives may come again at sinks that do not tell repeats, where processes of a role each are killed. In a short run of
few kills, one more or less weighs a fifth of a hundredth. Where the machine is so busy that a median recovery is not quick, less
arrives and kills hit the catching up: a short run allows more then, or as much as recovery takes longer than the pause between kills."""


async def _run(
    outcome: Outcome,
    plan: Plan,
    blow: nemesis.Blow,
    every: tuple[float, float],
    per_minute: float,
    judge: Callable[[Arena, float], None],
) -> None:
    async with arena(plan, outcome) as one:
        one.send()
        await nemesis.strike(one, outcome.minutes * 60, blow, every=every, least=int(outcome.minutes * per_minute))
        await one.end()
        judge(one, per_minute)


def _judge_kills(one: Arena, per_minute: float) -> None:
    kills = one.faults.get("SIGKILL", 0)
    one.judge(repeats=lambda _: kills * min(_WINDOW, one.plan.rate * _OUTAGE_SECONDS))
    one.outcome.check("kills really happened", kills >= int(one.outcome.minutes * per_minute), one.faults)
    one.outcome.check("kills really hit requests", sum(s.books.failures for s in one.senders) > 0)
    for name, books in one.ledger.sinks.items():
        one.outcome.figures[f"repeats_percent_{name}"] = round(100 * books.repeats / max(1, len(books.first)), 2)


def _judge_kills_by_role(one: Arena, per_minute: float) -> None:
    _judge_kills(one, per_minute)
    most = _SHARE
    if one.outcome.minutes < _LONG_MINUTES:
        recovery = statistics.median(one.watch.recoveries or [0.0])
        is_quick = recovery <= _QUICK_SECONDS
        most = _SHORT_SHARE if is_quick else max(_BUSY_SHARE, _SHARE * recovery / statistics.mean(_EVERY))
    for name in ("splunk", "lines"):
        books = one.ledger.sinks[name]
        share = books.repeats / max(1, len(books.first))
        one.outcome.check(f"{name}: little comes twice", share < most, f"{share:.2%}, less than {most:.1%} is allowed")


@scenario("R1", 0.5, 35)
async def killed_in_one_process(outcome: Outcome) -> None:
    """SIGKILL every 4-8 s (5-15 s in a long run) of the one process that does everything, on the embedded log."""
    if outcome.minutes >= _LONG_MINUTES:
        await _run(outcome, Plan(rate=_LONG_RATE), nemesis.kill, _EVERY, _PER_MINUTE, _judge_kills)
    else:
        await _run(outcome, Plan(), nemesis.kill, _ONE_EVERY, _ONE_PER_MINUTE, _judge_kills)


async def _killed_by_role(outcome: Outcome, plan: Plan) -> None:
    plan.units = a_unit_for_each_role("process", "deliver")
    await _run(outcome, plan, nemesis.kill, _EVERY, _PER_MINUTE, _judge_kills_by_role)


@scenario("R1-roles", 5, 320)
async def killed_role_by_role(outcome: Outcome) -> None:
    """SIGKILL every 5-15 s of one of six processes, a role each, that share the embedded log; 2,000 events a second are offered."""
    await _killed_by_role(outcome, Plan(rate=_LONG_RATE if outcome.minutes >= _LONG_MINUTES else _ROLES_RATE))


@asynccontextmanager
async def broker() -> AsyncIterator[dict[str, Any]]:
    """The log block of a configuration for a broker that lasts as long as the context."""
    with tempfile.TemporaryDirectory(prefix="logweir-kafka-") as folder:
        jars = await asyncio.to_thread(kafka_peer.jars)
        async with in_thread(kafka_peer.running_broker(jars, Path(folder) / "kafka")) as node:
            yield {"kind": "kafka", "bootstrap": [node.bootstrap], "partitions": 4, "replication": 1}


@scenario("R1-kafka", 5, 330, needs_kafka=True)
async def killed_role_by_role_on_kafka(outcome: Outcome) -> None:
    """The same for six processes, static members of their groups, on one Kafka broker."""
    async with broker() as log:
        await _killed_by_role(outcome, Plan(log=log, static_members=True, rate=_ROLES_RATE))


@scenario("R2", 0.4, 32)
async def rolled(outcome: Outcome) -> None:
    """SIGTERM every 2-4 s: the process drains within 30 s, exits with 0, and nothing is lost or repeated."""
    await _run(outcome, Plan(), nemesis.roll, (2, 4), 5, _judge_rolls)


@scenario("R2-roles", 0.4, 39)
async def rolled_role_by_role(outcome: Outcome) -> None:
    """The same for a random one of six processes that share the embedded log."""
    plan = Plan(units=a_unit_for_each_role("process", "deliver"))
    await _run(outcome, plan, nemesis.roll, (2, 4), 8, _judge_rolls)


def _judge_rolls(one: Arena, per_minute: float) -> None:
    rolls, check = one.faults.get("SIGTERM", 0), one.outcome.check
    longest = max((s for unit in one.fleet.units for s in unit.drain_seconds), default=0.0)
    one.judge(repeats=lambda _: 0)
    check("rolls really happened", rolls >= int(one.outcome.minutes * per_minute), one.faults)
    check("every drain ends within 30 s", longest <= 30, f"{longest:.1f}")
    one.outcome.figures["longest_drain_seconds"] = round(longest, 1)


@scenario("R3", 0.4, 49)
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
