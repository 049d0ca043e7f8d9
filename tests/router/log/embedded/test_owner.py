"""Whose process has ended, asked about real processes; and what a group does with the claims of one that was killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from router.config import EmbeddedLog
from router.log.embedded import SqliteLog, owner
from router.protocols import TopicSettings
from tests.contract.log_scene import away, record, settle

_SAY = "import time; from router.log.embedded import owner; print(owner.mine(), flush=True); time.sleep(600)"
_LONG_SECONDS = 3600.0


def _say(*before: str) -> "subprocess.Popen[str]":
    return subprocess.Popen((*before, sys.executable, "-c", _SAY), stdout=subprocess.PIPE, text=True)


@pytest.fixture
def process() -> Iterator["subprocess.Popen[str]"]:
    """A process that told who it is."""
    with _say() as child:
        yield child
        child.kill()


def _line(child: "subprocess.Popen[str]") -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def test_a_process_is_not_gone_while_it_runs_or_is_stopped(process: "subprocess.Popen[str]") -> None:
    name = _line(process)
    assert name
    assert not owner.is_gone(name)
    process.send_signal(signal.SIGSTOP)
    assert not owner.is_gone(name)


def test_a_killed_process_is_gone_before_and_after_it_was_waited_for(process: "subprocess.Popen[str]") -> None:
    name = _line(process)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert owner.is_gone(name)
    process.wait()
    assert owner.is_gone(name)


def test_a_process_that_got_the_number_of_another_is_not_taken_for_it() -> None:
    place, _, started = owner.mine().rpartition(" ")
    assert not owner.is_gone(f"{place} {started}")
    assert owner.is_gone(f"{place} {int(started) - 1}")


@pytest.mark.parametrize("field", [0, 1, 2], ids=["boot", "pid namespace", "time namespace"])
def test_nothing_is_said_about_processes_that_are_counted_elsewhere(field: int) -> None:
    words = owner.mine().split()
    words[field], words[-1] = "1", "1"
    assert not owner.is_gone(" ".join(words))


@pytest.mark.parametrize("name", ["", "0123456789abcdef"])
def test_nothing_is_said_about_members_that_do_not_name_a_process(name: str) -> None:
    assert not owner.is_gone(name)


def test_a_process_of_another_container_is_judged_by_its_lease_alone() -> None:
    """Its number means another process here, or none."""
    if subprocess.run(("unshare", "-p", "-f", "--mount-proc", "true"), capture_output=True, check=False).returncode:
        pytest.skip("no right to make PID namespaces")
    with _say("unshare", "-p", "-f", "--mount-proc", "--kill-child") as child:
        name = _line(child)
        assert name.split()[1] != owner.mine().split()[1]
        assert not owner.is_gone(name)
        child.kill()


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[tuple[SqliteLog, EmbeddedLog]]:
    settings = EmbeddedLog(path=tmp_path / "log.db")
    log = SqliteLog(settings, lease_seconds=_LONG_SECONDS)
    await log.start()
    await log.create({"raw": TopicSettings(4, 3600)})
    for number in range(4):
        await log.append("raw", number, [record(number)])
    yield log, settings
    await log.close()


async def test_the_claims_of_a_killed_process_are_free_at_once(log: tuple[SqliteLog, EmbeddedLog]) -> None:
    """Its lease would last an hour."""
    one, settings = log
    async with away("follow", settings, "raw") as other:
        await other.read_lines(4)
        await _lengthen(one)
        await other.kill()
        async with one.follow(["raw"], group="shared") as follower:
            await settle(follower, until=lambda: len(follower.assigned) == 4)


async def test_the_claims_of_a_stopped_process_are_not(log: tuple[SqliteLog, EmbeddedLog]) -> None:
    one, settings = log
    async with away("follow", settings, "raw") as other:
        await other.read_lines(4)
        await _lengthen(one)
        await other.freeze_between_writes(settings.path)
        async with one.follow(["raw"], group="shared") as follower:
            await follower.read(max_records=10, timeout_seconds=2)
            assert not follower.assigned
            await other.kill()
            await settle(follower, until=lambda: len(follower.assigned) == 4)


async def _lengthen(log: SqliteLog) -> None:
    """Give every member an hour more, as if it had just renewed a long lease."""
    ends = time.monotonic() + _LONG_SECONDS
    await log._database.write(lambda c: c.execute("UPDATE members SET expires=?", (ends,)).rowcount)
