"""Who breaks what, when: a seeded schedule of signals to Logweir's processes."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable

from tests.faults.arena import Arena
from tests.faults.fleet import Unit

_PATIENCE = 5
Blow = Callable[[Arena, Unit], Awaitable[None]]


async def kill(arena: Arena, unit: Unit) -> None:
    """SIGKILL and start again."""
    await unit.kill()
    arena.hit("SIGKILL")
    await asyncio.sleep(arena.random.uniform(0, 0.5))
    await unit.start()


async def roll(arena: Arena, unit: Unit) -> None:
    """SIGTERM, wait for the end, start again."""
    code = await unit.stop()
    arena.hit("SIGTERM")
    arena.outcome.check(f"{unit.name} drains and exits with 0", code == 0, f"exit code {code}")
    await unit.start()


def freeze(seconds: float) -> Blow:
    """SIGSTOP, and SIGCONT after `seconds`."""

    async def blow(arena: Arena, unit: Unit) -> None:
        unit.signal(signal.SIGSTOP)
        arena.hit("SIGSTOP")
        await asyncio.sleep(seconds)
        unit.signal(signal.SIGCONT)

    return blow


async def strike(arena: Arena, seconds: float, blow: Blow, *, every: tuple[float, float], least: int = 0) -> None:
    """One blow to a random unit after each pause, until the time is over and there were enough.

    Where starting a process takes long, that is up to five times as long. Units that ended by themselves are noted.
    """
    loop = asyncio.get_running_loop()
    began, blows = loop.time(), 0
    while loop.time() < began + seconds or (blows < least and loop.time() < began + _PATIENCE * seconds):
        await asyncio.sleep(_pause(arena.random, every))
        blows += 1
        died = [unit for unit in arena.fleet.units if not unit.is_running]
        for unit in died:
            arena.outcome.check(f"{unit.name} does not end by itself", False, unit.tail(600))
            await unit.start()
        await blow(arena, arena.random.choice(arena.fleet.units))


def _pause(source: random.Random, every: tuple[float, float]) -> float:
    return source.uniform(*every)
