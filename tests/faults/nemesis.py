"""Who breaks what, when: a seeded schedule of signals to Logweir's processes."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from tests.faults.arena import Arena
from tests.faults.fleet import Unit

_PATIENCE = 5
Blow = Callable[[Arena, Unit], Awaitable[None]]


async def kill(arena: Arena, unit: Unit) -> None:
    """SIGKILL and start again. Where there are other units, nobody waits for the start: the next one is hit meanwhile."""
    await unit.kill()
    arena.hit("SIGKILL")
    await asyncio.sleep(arena.random.uniform(0, 0.5))
    await unit.launch()
    if len(arena.fleet.units) == 1:
        await unit.wait_ready()


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
    """One blow after each pause, to every unit in turn in an order that is random each time, until the time is over and there
    were enough.

    Where starting a process takes long, that is up to five times as long. Units that ended by themselves are noted.
    """
    loop = asyncio.get_running_loop()
    began, blows, deck = loop.time(), 0, list[Unit]()
    while loop.time() < began + seconds or (blows < least and loop.time() < began + _PATIENCE * seconds):
        pause, left = arena.random.uniform(*every), began + seconds - loop.time()
        if blows >= least and pause > left:
            await asyncio.sleep(max(0.0, left))
            return
        await asyncio.sleep(pause)
        blows += 1
        died = [unit for unit in arena.fleet.units if not unit.is_running]
        for unit in died:
            arena.outcome.check(f"{unit.name} does not end by itself", False, unit.tail(600))
            await unit.start()
        deck = deck or arena.random.sample(arena.fleet.units, len(arena.fleet.units))
        await deck[-1].wait_ready()
        await blow(arena, deck.pop())
