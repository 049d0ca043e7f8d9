"""R14 and D1: a clock that jumps, a disk that fills up."""

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.faults import conservation
from tests.faults.arena import Plan, arena
from tests.faults.outcome import Outcome
from tests.faults.scenarios import scenario
from tests.peers.debian import fetched, library_folder
from tests.peers.presence import missing

_SOME = 500
"""Events that tell that nothing stalls."""
_STEPS = ("+3600", "-3600", "-1", "-2", "-3", "+0")


@scenario("R14", 0.4, 35)
async def clock_steps(outcome: Outcome) -> None:
    """The wall clock of Logweir steps by an hour and by seconds (libfaketime). Ids stay unique, nothing stalls."""
    root = fetched("faketime", ("libfaketime",))
    if root is None:
        outcome.check("libfaketime can be fetched", False, "apt-get download libfaketime")
        return
    plan = Plan(trusted_syslog=True)
    async with arena(plan, outcome, prepare=lambda folder: _faked(plan, root, folder)) as one:
        control = one.folder / "clock"
        one.send()
        for step in _STEPS:
            await asyncio.sleep(outcome.minutes * 60 / (len(_STEPS) + 1))
            control.write_text(f"{step}\n")
            one.hit("clock step")
            goes_on = await one.goes_on(_SOME)
            outcome.check(f"events are acknowledged after a step to {step} s", goes_on)
        await one.end()
        one.judge(repeats=lambda _: 0)
        await conservation.judge(one)


def _faked(plan: Plan, root: Path, folder: Path) -> None:
    control = folder / "clock"
    control.write_text("+0\n")
    plan.environment |= {
        "LD_PRELOAD": str(library_folder(root) / "faketime" / "libfaketime.so.1"),
        "FAKETIME_TIMESTAMP_FILE": str(control),
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_NO_CACHE": "1",
    }


@contextlib.contextmanager
def _small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own in memory. Where mounting is not allowed, the scenario is left out as one without its peers is."""
    place = folder / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place], capture_output=True, text=True)
    if done.returncode:
        missing("a small file system", f"the right to mount one ({done.stderr.strip()})")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@scenario("D1", 0.3, 41)
async def full_disk(outcome: Outcome) -> None:
    """The log's disk is filled and freed, twice: while full nothing is acknowledged and nothing dies; then all goes on."""
    with contextlib.ExitStack() as stack:
        plan = Plan(rate=600)

        def prepare(folder: Path) -> None:
            plan.log = plan.log | {"path": str(stack.enter_context(_small_disk(folder, 96)) / "log.db")}

        async with arena(plan, outcome, prepare=prepare) as one:
            disk = one.folder / "disk"
            one.send()
            await asyncio.sleep(5)
            for _ in range(2):
                _fill(disk / "ballast")
                one.hit("full disk")
                await asyncio.sleep(5)
                before = one.ledger.acknowledged
                await asyncio.sleep(outcome.minutes * 20)
                refused = one.ledger.acknowledged - before
                outcome.check("a full disk acknowledges (nearly) nothing", refused < one.plan.rate * 5, refused)
                (disk / "ballast").unlink()
                before = one.ledger.acknowledged
                goes_on = await one.goes_on(int(one.plan.rate))
                outcome.check("it goes on without a restart", goes_on, one.ledger.acknowledged - before)
            await one.end()
            one.judge(repeats=lambda _: 20_000)


def _fill(path: Path) -> None:
    try:
        with path.open("wb", buffering=0) as file:
            while file.write(b"\0" * 65_536):
                pass
    except OSError:
        return
