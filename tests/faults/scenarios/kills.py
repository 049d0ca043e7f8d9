"""R1, R2, R3: processes that are killed, rolled and frozen."""

from tests.faults import nemesis
from tests.faults.arena import Arena, Plan, a_unit_for_each_role, arena
from tests.faults.outcome import Outcome
from tests.faults.scenarios import scenario

_WINDOW = 10_000
"""What one partition may have unsettled."""


async def _run(outcome: Outcome, plan: Plan, blow: nemesis.Blow, every: tuple[float, float]) -> Arena:
    async with arena(plan, outcome) as one:
        one.send()
        await nemesis.strike(one, outcome.minutes * 60, blow, every=every)
        await one.end()
        return one


def _kills(one: Arena) -> int:
    return one.faults.get("SIGKILL", 0)


@scenario("R1", 1)
async def killed_in_one_process(outcome: Outcome) -> None:
    """SIGKILL every 4-8 s of the one process that does everything, on the embedded log."""
    one = await _run(outcome, Plan(), nemesis.kill, (4, 8))
    one.judge(repeats=lambda _: _kills(one) * one.plan.rate * 10)
    outcome.check("kills really happened", _kills(one) >= outcome.minutes * 5, one.faults)
    outcome.check("kills really hit requests", sum(s.books.failures for s in one.senders) > 0)


@scenario("R1-roles", 1)
async def killed_role_by_role(outcome: Outcome) -> None:
    """SIGKILL every 2-5 s of a random one of six processes, a role each, that share the embedded log."""
    one = await _run(outcome, Plan(units=a_unit_for_each_role("process", "deliver")), nemesis.kill, (2, 5))
    one.judge(repeats=lambda _: _kills(one) * one.plan.rate * 10)
    outcome.check("kills really happened", _kills(one) >= outcome.minutes * 8, one.faults)
