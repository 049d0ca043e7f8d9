"""Changing correlations while the loop runs."""

import asyncio
from collections.abc import Sequence

import pytest

from router.correlate.loop import Correlate
from router.correlate.renewable import Renewable
from router.detect import Correlation
from router.errors import ConfigError, Problem, Retryable


class Loop:
    """Stands for a Correlate: tells when it runs, and fails at its end if told so."""

    def __init__(self, running: list["Loop"], error: Exception | None = None) -> None:
        self._running, self._error = running, error
        self.ready = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        self._running.append(self)
        self.ready.set()
        await stop.wait()
        if self._error is not None:
            raise ExceptionGroup("of tasks", [self._error])
        self._running.remove(self)


class Maker:
    def __init__(self, *errors: Exception | None) -> None:
        self.running: list[Loop] = []
        self.made: list[Loop] = []
        self._errors = list(errors)

    def __call__(self, correlations: Sequence[Correlation], lateness_seconds: float) -> Correlate:
        if lateness_seconds < 0:
            raise ConfigError([Problem("x", 1, "", "wrong")])
        loop = Loop(self.running, self._errors.pop(0) if self._errors else None)
        self.made.append(loop)
        return loop  # type: ignore[return-value]  # stands for one


async def test_the_old_loop_has_ended_before_the_new_one_runs_and_stop_ends_it() -> None:
    make, stop = Maker(), asyncio.Event()
    part = Renewable(make, (), 1.0)
    task = asyncio.create_task(part.run(stop))
    await part.ready.wait()
    for _ in range(3):
        await part.renew((), 1.0)
        assert make.running == [make.made[-1]]
    stop.set()
    await task
    assert make.running == []
    assert len(make.made) == 4


async def test_what_cannot_be_made_changes_nothing() -> None:
    make, stop = Maker(), asyncio.Event()
    part = Renewable(make, (), 1.0)
    task = asyncio.create_task(part.run(stop))
    await part.ready.wait()
    with pytest.raises(ConfigError):
        await part.renew((), -1.0)
    assert make.running == [make.made[0]]
    stop.set()
    await task


async def test_a_log_that_refuses_writes_during_the_change_does_not_end_the_stage() -> None:
    make, stop = Maker(Retryable("away")), asyncio.Event()
    part = Renewable(make, (), 1.0)
    task = asyncio.create_task(part.run(stop))
    await part.ready.wait()
    await part.renew((), 1.0)
    assert make.running[-1] is make.made[1]
    stop.set()
    await task


@pytest.mark.parametrize("error", [ValueError("a defect"), Retryable("away")])
async def test_errors_at_a_stop_come_out(error: Exception) -> None:
    make, stop = Maker(error), asyncio.Event()
    part = Renewable(make, (), 1.0)
    task = asyncio.create_task(part.run(stop))
    await part.ready.wait()
    stop.set()
    with pytest.raises(ExceptionGroup):
        await task
