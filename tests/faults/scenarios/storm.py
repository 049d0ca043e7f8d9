"""R6: members that join and leave all the time."""

import asyncio
import contextlib

from router.demo.standins import Answer
from tests.faults.arena import Arena, Plan, a_unit_for_each_role, arena
from tests.faults.fleet import Unit
from tests.faults.outcome import Outcome
from tests.faults.scenarios import scenario
from tests.faults.scenarios.kills import broker

_EVERY_SECONDS, _LEAST_CHANGES = 3.0, 4
"""Each of the two comes and goes at least once, however long a start takes."""
_OPENING, _PROBES = 8, 7
"""Writes until a breaker opens (five in a row, and those under way), and probes within a minute (after 1, 2, 4 ... s)."""


@scenario("R6", 0.5, 85, needs_kafka=True)
async def rebalance_storm(outcome: Outcome) -> None:
    """A second `process` and a second `deliver` join or leave every 3 s, while one sink refuses everything, on a broker."""
    async with broker() as log:
        plan = Plan(rate=500, log=log, units=a_unit_for_each_role(), trusted_syslog=True)
        async with arena(plan, outcome) as one:
            one.send()
            await asyncio.sleep(6)
            calm = await _arrivals(one, 8)
            one.splunk.answers.extend([Answer(503)] * 100_000)
            await asyncio.sleep(10)
            before, changes, began = one.splunk.requests, 0, asyncio.get_running_loop().time()
            storm = asyncio.create_task(_arrivals(one, outcome.minutes * 60))
            async with _joiners(one) as joiners:
                while not storm.done() or changes < _LEAST_CHANGES:
                    await _turn(one, joiners[changes % len(joiners)])
                    changes += 1
            asked, lasted = one.splunk.requests - before, asyncio.get_running_loop().time() - began
            one.splunk.answers.clear()
            await one.end()
            one.judge(repeats=lambda _: changes * plan.rate * 10)
            _judge(outcome, calm, storm.result(), asked, changes, lasted)


@contextlib.asynccontextmanager
async def _joiners(one: Arena):  # type: ignore[no-untyped-def]  # of a context manager
    units = [one.spare("process-storm", "--role", "process"), one.spare("deliver-storm", "--role", "deliver")]
    try:
        yield units
    finally:
        for unit in units:
            if unit.is_running:
                await unit.stop()


async def _turn(one: Arena, unit: Unit) -> None:
    """The one that is away comes, the one that is there goes."""
    began = asyncio.get_running_loop().time()
    if unit.is_running:
        code = await unit.stop()
        one.outcome.check(f"{unit.name} leaves with exit code 0", code == 0, code)
        one.hit("leave")
    else:
        await unit.start()
        one.hit("join")
    await asyncio.sleep(max(0.0, began + _EVERY_SECONDS - asyncio.get_running_loop().time()))


async def _arrivals(one: Arena, seconds: float) -> float:
    """Events a second that reach the healthy search engine."""
    before = len(one.ledger.sinks["search"].first)
    await asyncio.sleep(seconds)
    return (len(one.ledger.sinks["search"].first) - before) / seconds


def _judge(outcome: Outcome, calm: float, storm: float, asked: int, changes: int, lasted: float) -> None:
    outcome.figures |= {"calm_per_second": round(calm), "storm_per_second": round(storm), "asked_of_the_sick_sink": asked}
    outcome.check("a fifth of the throughput or more", storm >= 0.2 * calm, f"{storm:.0f} of {calm:.0f} events/s")
    outcome.check("members really came and went", changes >= max(_LEAST_CHANGES, outcome.minutes * 4), changes)
    most = _PROBES * max(1.0, lasted / 60) + (changes / 2) * (_OPENING + 3)
    outcome.check("the sick sink is only probed: pauses hold", asked <= most, f"{asked} requests of at most {most:.0f}")
