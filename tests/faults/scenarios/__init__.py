"""The scenarios, by name: each is a coroutine that runs faults and puts its checks into the outcome."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from tests.faults.outcome import Outcome

T = TypeVar("T")
Run = Callable[[Outcome], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One entry of the table."""

    name: str
    run: Run
    minutes: float
    """Of faults in the short form."""
    takes_seconds: float
    """All of the short form, about, on a quiet machine: of several, the longest begin first."""
    needs_kafka: bool = False
    is_alone: bool = False
    """It compares times with what they were a moment before: nothing else of the harness may run beside it."""


TABLE: dict[str, Scenario] = {}


def scenario(
    name: str, minutes: float, takes_seconds: float, *, needs_kafka: bool = False, is_alone: bool = False
) -> Callable[[Run], Run]:
    """Enter a scenario into the table."""

    def enter(run: Run) -> Run:
        TABLE[name] = Scenario(name, run, minutes, takes_seconds, needs_kafka, is_alone)
        return run

    return enter


@asynccontextmanager
async def in_thread(resource: AbstractContextManager[T]) -> AsyncIterator[T]:
    """A context whose start and end block."""
    value = await asyncio.to_thread(resource.__enter__)
    try:
        yield value
    finally:
        await asyncio.to_thread(resource.__exit__, None, None, None)
