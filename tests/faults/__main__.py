"""`python -m tests.faults --scenario NAME --seed N --minutes M --summary FILE`: one scenario, or `all` in their short forms."""

import argparse
import asyncio
import gc
import importlib
import logging
import pkgutil
import sys
import time
from pathlib import Path

import pytest

from tests.faults import report, scenarios
from tests.faults.outcome import Outcome

SEEDS: dict[str, tuple[int, ...]] = {}
"""Seeds of each scenario that every whole run plays: 1 where nothing is said, and those that once found something."""


def scenarios_by_name() -> dict[str, scenarios.Scenario]:
    """All of them."""
    for module in pkgutil.iter_modules(scenarios.__path__):
        importlib.import_module(f"{scenarios.__name__}.{module.name}")
    return scenarios.TABLE


def main() -> int:
    """Exit code 0 when every check of every scenario held."""
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
    held = asyncio.run(_side_by_side(together, at_once, arguments)) if together else []
    alone = [run for run in runs if run not in together]
    held += [play(name, seed, arguments.minutes, arguments.summary, many=len(runs) > 1) for name, seed in alone]
    print(f"{sum(held)} passed, {len(held) - sum(held)} failed, in {time.monotonic() - began:.0f} s")
    return 0 if all(held) else 1


async def _side_by_side(runs: list[tuple[str, int]], at_once: int, arguments: argparse.Namespace) -> list[bool]:
    """Each in a process of its own, so many of them at a time; the longest begin first."""
    turns = asyncio.Semaphore(at_once)
    order = sorted(runs, key=lambda run: -scenarios.TABLE[run[0]].minutes)
    return list(await asyncio.gather(*[_apart(turns, name, seed, arguments) for name, seed in order]))


async def _apart(turns: asyncio.Semaphore, name: str, seed: int, arguments: argparse.Namespace) -> bool:
    command = [sys.executable, "-m", "tests.faults", "--scenario", name, "--seed", str(seed)]
    command += ["--minutes", str(arguments.minutes)] if arguments.minutes else []
    command += ["--summary", str(arguments.summary / f"{name}-{seed}.json")] if arguments.summary else []
    async with turns:
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
    print(*out.decode().splitlines()[:-1], sep="\n", flush=True)  # without the count of one
    return process.returncode == 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--scenario", default="all", help=f"all, or some of {', '.join(scenarios.TABLE)}, with commas between")
    parser.add_argument("--seed", type=int, help="of everything random; without it 1, and those that once failed")
    parser.add_argument("--minutes", type=float, help="of faults; without it, each scenario's short form")
    parser.add_argument("--at-once", type=int, default=1, help="how many scenarios run side by side, of those that may")
    parser.add_argument("--summary", type=Path, help="JSON file, or with several scenarios the folder for one file each")
    parser.add_argument(
        "--write", type=Path, nargs="+", help="write RELIABILITY.md from these summaries and folders; runs nothing"
    )
    parser.add_argument("--note", default="", help="with --write: under which circumstances the runs were made")
    return parser.parse_args()


def play(name: str, seed: int, minutes: float | None, summary: Path | None, *, many: bool = False) -> bool:
    """Run one scenario, print its closing line, write its summary; returns whether it held."""
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
        summary.mkdir(parents=True, exist_ok=True) if many else summary.parent.mkdir(parents=True, exist_ok=True)
        outcome.write(summary / f"{name}-{seed}.json" if many else summary)
    return outcome.holds


if __name__ == "__main__":
    sys.exit(main())
