"""The parent and small workers that do nothing but answer: real processes, real signals."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from router.workers import parent
from router.workers.parent import Workers

_WORKER = """
import asyncio
from router.serve import UNIX, Service, admin, obey_parent
from router.share import DRAINED, mine

async def main():
    leave = asyncio.Event()
    obey_parent(leave.set)
    async with admin(f"{UNIX}{mine().admin}", Service([], 1.0)):
        await leave.wait()
        raise SystemExit(DRAINED)

asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "_FIRST_WAIT_SECONDS", 0.05)
    monkeypatch.setattr(parent, "_LAST_WAIT_SECONDS", 0.2)


@asynccontextmanager
async def working(folder: Path, script: str = _WORKER, count: int = 2) -> AsyncIterator[tuple[Workers, "asyncio.Task[int]"]]:
    workers = Workers([sys.executable, "-c", script], count, folder, 5.0)
    task = asyncio.create_task(workers.run())
    try:
        yield workers, task
    finally:
        workers.leave()
        await asyncio.wait_for(task, 60)


def numbers(workers: Workers) -> list[int]:
    return [w.process.pid for w in workers._workers if w.process is not None]


async def ready(workers: Workers) -> None:
    async with asyncio.timeout(60):
        while (await workers.ready()).told["waiting_for"]:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_worker_that_somebody_ends_is_replaced_and_the_rest_stays_ready(tmp_path: Path, how: signal.Signals) -> None:
    async with working(tmp_path) as (workers, task):
        await ready(workers)
        first, second = numbers(workers)
        os.kill(first, how)
        async with asyncio.timeout(60):
            while numbers(workers)[0] == first:
                assert (await workers.ready()).good
                await asyncio.sleep(0.02)
        await ready(workers)
        assert numbers(workers)[1] == second
        assert (await workers.alive()).good
    assert task.result() == 0


async def test_a_worker_that_hangs_is_killed_and_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "_WATCH_SECONDS", 0.2)
    monkeypatch.setattr(parent, "_ANSWER_SECONDS", 0.5)
    async with working(tmp_path) as (workers, _):
        await ready(workers)
        await asyncio.sleep(1)  # so that each has answered
        first, _ = numbers(workers)
        os.kill(first, signal.SIGSTOP)
        assert not (await workers.alive()).good
        async with asyncio.timeout(60):
            while numbers(workers)[0] == first:
                await asyncio.sleep(0.05)
        await ready(workers)
        assert (await workers.alive()).good


async def test_what_keeps_the_first_from_starting_ends_all_with_its_code(tmp_path: Path) -> None:
    workers = Workers([sys.executable, "-c", "raise SystemExit(2)"], 3, tmp_path, 5.0)
    assert await asyncio.wait_for(workers.run(), 60) == 2
    assert len(numbers(workers)) == 1


async def test_workers_that_end_well_are_not_started_again(tmp_path: Path) -> None:
    script = _WORKER.replace("await leave.wait()", "await asyncio.sleep(1)").replace("raise SystemExit(DRAINED)", "return")
    workers = Workers([sys.executable, "-c", script], 2, tmp_path, 5.0)
    assert await asyncio.wait_for(workers.run(), 60) == 0


async def test_one_that_fails_again_and_again_is_started_again_and_again(tmp_path: Path) -> None:
    script = _WORKER.replace("await leave.wait()", "if mine().number: raise SystemExit(3)\n        await leave.wait()")
    async with working(tmp_path, script) as (workers, task):
        seen: set[int] = set()
        async with asyncio.timeout(100):
            while len(seen) < 4:
                seen |= set(numbers(workers)[1:])
                await asyncio.sleep(0.02)
        assert (await workers.ready()).told["waiting_for"] in (["worker 1"], [])
    assert task.result() == 0


async def test_a_worker_that_does_not_drain_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "_MARGIN_SECONDS", 0.5)
    script = _WORKER.replace("await leave.wait()", "await asyncio.sleep(600)")
    workers = Workers([sys.executable, "-c", script], 2, tmp_path, 0.5)
    task = asyncio.create_task(workers.run())
    await ready(workers)
    workers.leave()
    assert await asyncio.wait_for(task, 60) == 1


def test_folders_of_parents_that_were_killed_are_removed_and_others_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent, "_FAST", tmp_path)
    for name, age in (("logweir-old", 3600), ("logweir-young", 60), ("other", 3600)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "lock").touch()
        os.utime(tmp_path / name, (1e9, os.stat(tmp_path).st_mtime - age))
    with parent._folder() as mine:
        os.utime(mine, (1e9, 1e9))
        with parent._folder() as other:
            assert mine.exists()
            assert other.parent == tmp_path
    assert sorted(p.name for p in tmp_path.iterdir()) == ["logweir-young", "other"]


_RELOADER = """
import asyncio, os, pathlib, signal, sys, time
from router.serve import UNIX, Service, admin, obey_parent
from router.share import DRAINED, mine

async def main():
    folder = pathlib.Path(os.environ["FOLDER"])
    (folder / f"began-{mine().number}").touch()
    while not (folder / "go").exists():
        time.sleep(0.02)
    leave = asyncio.Event()
    obey_parent(leave.set)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, (folder / f"reloaded-{mine().number}").touch)
    async with admin(f"{UNIX}{mine().admin}", Service([], 1.0)):
        await leave.wait()
        raise SystemExit(DRAINED)

asyncio.run(main())
"""


async def test_a_reload_asked_for_while_a_worker_starts_does_not_end_it_and_is_carried_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "told"
    folder.mkdir()
    (tmp_path / "share").mkdir()
    monkeypatch.setenv("FOLDER", str(folder))
    async with working(tmp_path / "share", _RELOADER, 1) as (workers, task), asyncio.timeout(60):
        while not (folder / "began-0").exists():
            await asyncio.sleep(0.02)
        [first] = numbers(workers)
        workers.reload()
        (folder / "go").touch()
        while not (folder / "reloaded-0").exists():
            assert not task.done(), "SIGHUP has ended it"
            await asyncio.sleep(0.02)
        assert numbers(workers) == [first]
