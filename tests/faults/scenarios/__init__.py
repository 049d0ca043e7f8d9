"""The scenarios, by name: each is a coroutine that runs faults and puts its checks into the outcome."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.faults.outcome import Outcome

Run = Callable[[Outcome], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One entry of the table."""

    name: str
    run: Run
    minutes: float
    """Of faults in the short form."""
    needs_kafka: bool = False


TABLE: dict[str, Scenario] = {}


def scenario(name: str, minutes: float, *, needs_kafka: bool = False) -> Callable[[Run], Run]:
    """Enter a scenario into the table."""

    def enter(run: Run) -> Run:
        TABLE[name] = Scenario(name, run, minutes, needs_kafka)
        return run

    return enter
