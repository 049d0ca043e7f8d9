"""`python -m tests.faults --scenario NAME --seed N --minutes M --summary FILE`: one scenario, or `all` in their short forms."""

import argparse
import asyncio
import gc
import importlib
import logging
import pkgutil
import sys
import time
from enum import IntEnum
from pathlib import Path

import pytest

from tests.faults import report, scenarios
from tests.faults.outcome import Outcome

SEEDS: dict[str, tuple[int, ...]] = {}
"""Seeds of each scenario that every whole run plays: 1 where nothing is said, and those that once found something."""


class Verdict(IntEnum):
    """Of one run; the exit code, too."""

    HELD = 0
    NOT_HELD = 1
    """A pace, a bound, a deadline."""
    PROMISE_BROKEN = 2
    """Something was lost, invented, changed or doubled, or the run is unreadable."""


Run = tuple[str, int]
"""Scenario and seed."""


def scenarios_by_name() -> dict[str, scenarios.Scenario]:
    """All of them."""
    for module in pkgutil.iter_modules(scenarios.__path__):
        importlib.import_module(f"{scenarios.__name__}.{module.name}")
    return scenarios.TABLE


def main() -> int:
    """The worst verdict, as exit code."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    scenarios_by_name()
    arguments = _arguments()
    if arguments.write:
        report.write(arguments.write, Path("RELIABILITY.md"), arguments.note)
        return 0
    names = list(scenarios.TABLE) if arguments.scenario == "all" else arguments.scenario.split(",")
    runs = [(name, seed) for name in names for seed in ((arguments.seed,) if arguments.seed else SEEDS.get(name, (1,)))]
    began, at_once = time.monotonic(), arguments.at_once
    together = [run for run in runs if at_once > 1 and not scenarios.TABLE[run[0]].is_alone]
    verdicts = asyncio.run(_side_by_side(together, at_once, arguments)) if together else {}

    def played(run: Run) -> Verdict:
        return play(*run, arguments.minutes, arguments.summary, many=len(runs) > 1)

    verdicts |= {run: played(run) for run in runs if run not in together}
    doubtful = [run for run, verdict in verdicts.items() if verdict is Verdict.NOT_HELD and arguments.again]
    for name, seed in doubtful:
        print(f"{name} seed {seed} lost nothing, but did not hold beside others; once more, alone", flush=True)
        verdicts[name, seed] = played((name, seed))
    failed = sum(verdict is not Verdict.HELD for verdict in verdicts.values())
    print(f"{len(verdicts) - failed} passed, {failed} failed, in {time.monotonic() - began:.0f} s")
    return int(max(verdicts.values()))


async def _side_by_side(runs: list[Run], at_once: int, arguments: argparse.Namespace) -> dict[Run, Verdict]:
    """Each in a process of its own, so many of them at a time; the longest begin first."""
    turns = asyncio.Semaphore(at_once)
    order = sorted(runs, key=lambda run: -scenarios.TABLE[run[0]].takes_seconds)
    found = await asyncio.gather(*[_apart(turns, name, seed, arguments) for name, seed in order])
    return dict(zip(order, found, strict=True))


async def _apart(turns: asyncio.Semaphore, name: str, seed: int, arguments: argparse.Namespace) -> Verdict:
    command = [sys.executable, "-m", "tests.faults", "--scenario", name, "--seed", str(seed)]
    command += ["--minutes", str(arguments.minutes)] if arguments.minutes else []
    command += ["--summary", str(arguments.summary / f"{name}-{seed}.json")] if arguments.summary else []
    async with turns:
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
    print(*out.decode().splitlines()[:-1], sep="\n", flush=True)  # without the count of one
    return Verdict(process.returncode) if process.returncode in (0, 1) else Verdict.PROMISE_BROKEN


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--scenario", default="all", help=f"all, or some of {', '.join(scenarios.TABLE)}, with commas between")
    parser.add_argument("--seed", type=int, help="of everything random; without it 1, and those that once failed")
    parser.add_argument("--minutes", type=float, help="of faults; without it, each scenario's short form")
    parser.add_argument("--at-once", type=int, default=1, help="how many scenarios run side by side, of those that may")
    parser.add_argument(
        "--again", action="store_true", help="play once more, alone, what lost nothing and yet did not hold; say so"
    )
    parser.add_argument("--summary", type=Path, help="JSON file, or with several scenarios the folder for one file each")
    parser.add_argument(
        "--write", type=Path, nargs="+", help="write RELIABILITY.md from these summaries and folders; runs nothing"
    )
    parser.add_argument("--note", default="", help="with --write: under which circumstances the runs were made")
    return parser.parse_args()


def play(name: str, seed: int, minutes: float | None, summary: Path | None, *, many: bool = False) -> Verdict:
    """Run one scenario, print its closing line, write its summary."""
    chosen = scenarios.TABLE[name]
    outcome = Outcome(name, seed, minutes or chosen.minutes)
    try:
        asyncio.run(chosen.run(outcome))  # type: ignore[arg-type]  # passed through
    except pytest.skip.Exception as error:
        outcome.check("what it needs is there, or not required", True, error)
        outcome.figures["left_out"] = str(error)
    except (Exception, pytest.fail.Exception) as error:
        outcome.check("the run comes to its end", False, repr(error)[-3000:])
    gc.collect()
    print(outcome.closing_line(), flush=True)
    if summary is not None:
        path = summary / f"{name}-{seed}.json" if many or summary.is_dir() else summary
        path.parent.mkdir(parents=True, exist_ok=True)
        outcome.write(path)
    if outcome.holds:
        return Verdict.HELD
    return Verdict.PROMISE_BROKEN if outcome.breaks_a_promise else Verdict.NOT_HELD


if __name__ == "__main__":
    sys.exit(main())
