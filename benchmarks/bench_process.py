"""Process role, log to log: raw records of the embedded log to events, matches and dead letters of the same log.

Windows events as JSON, every normalizer, the starter rules and noise rules loaded. Reading, normalizing, detection, reduction,
encoding, compression, SQLite with synchronous=FULL and commits are all inside the figure; filling the raw topic is not.
Prints events per CPU second of the whole process (threads included) and CPU microseconds per event; medians of the runs.
`--rules` adds Sigma rules, a folder or a .tar.gz of them, which are compiled before the clock starts. Memos begin empty.
The process is kept on one processor: where two of them are halves of one core, its threads would slow each other.
"""

import argparse
import asyncio
import gzip
import json
import os
import statistics
import tarfile
import tempfile
import time
from itertools import islice
from pathlib import Path

import uvloop

from benchmarks.memory import peak_mb
from router.batch import EVENTS, RAW, Batch, Facts, Record, Span
from router.config import Admin, Config, EmbeddedLog, Limits, Process, Rules
from router.generate import World, messages
from router.log import open_log, standard_topics
from router.process import Process as Loop
from router.process import Stage
from router.protocols import Log
from router.reduce import Reducer
from router.topology import Content
from router.tuning import tune

DATA = Path(__file__).parents[2] / "shared/data/events/windows-otrf.jsonl.gz"


def lines(count: int) -> tuple[str, list[bytes]]:
    """Recorded Windows events where the data folder is at hand, else made-up ones."""
    if DATA.exists():
        with gzip.open(DATA) as file:
            recorded = [line.rstrip(b"\n") for line in islice(file, count)]
        return "recorded Windows events", recorded
    made = messages(World(1), time.time(), 1000.0, ["windows"])
    return "made-up Windows events (the folder with recorded ones is missing)", [m.body for m in islice(made, count)]


async def fill(log: Log, topic: str, bodies: list[bytes], facts: Facts) -> None:
    """Append them by the thousand, four partitions in turn."""
    for start in range(0, len(bodies), 1000):
        chunk = bodies[start : start + 1000]
        records = [Record((start + i).to_bytes(16), body, time.time(), facts) for i, body in enumerate(chunk)]
        await log.append(topic, start // 1000 % 4, records)


async def run(payloads: list[bytes], rules: Rules, folder: Path) -> tuple[float, float, int]:
    """CPU seconds, wall seconds, documents written."""
    settings = EmbeddedLog(path=folder / "log.db", partitions=4)
    config = Config(settings, rules, Process(), Admin(), Limits(), {}, {})
    log = open_log(settings)
    await log.start()
    await log.create(standard_topics(settings))
    await fill(log, RAW, payloads, Facts("bench", "192.0.2.1"))
    content = Content(config, ["process"])
    content.catalogue.normalizers()  # compiled now, as all of them are in a process that has run for a while
    stage = Stage(content.catalogue, content.ruleset, Reducer(content.noise), 4)
    if rules.detect:
        _compile(stage, payloads)
    loop = Loop(log, stage)
    tune()
    stop = asyncio.Event()
    cpu, wall = time.process_time(), time.perf_counter()
    task = asyncio.create_task(loop.run(stop))
    written = 0
    while written < len(payloads) and not task.done():
        await asyncio.sleep(0.25)
        written = sum(stop_ for _, stop_ in (await log.ends(EVENTS)).values())
    stop.set()
    await task
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    await log.close()
    return cpu, wall, written


def _compile(stage: Stage, payloads: list[bytes]) -> None:
    """What the rules need for these events; then nothing that was learned from them is left."""
    facts = Facts("bench", "192.0.2.1")
    records = [Record(i.to_bytes(16), body, 0.0, facts) for i, body in enumerate(payloads)]
    stage.run(Batch(records[:: max(1, len(records) // 5000)], Span(RAW, 0, 0, 5000)), None)
    stage.engine.settle()
    stage.engine.forget()


def _rules(path: Path | None, folder: Path) -> Rules:
    if path is None:
        return Rules()
    if path.suffix == ".gz":
        with tarfile.open(path) as archive:
            archive.extractall(folder, filter="data")
        path = folder
    if not any(path.rglob("*.yml")):
        raise SystemExit(f"{path}: there are no Sigma rules (*.yml) in this folder; name a folder of them, or a .tar.gz")
    return Rules(detect=(path,), refused="leave_out")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rules", type=Path, help="Sigma rules beside those that ship: a folder, or a .tar.gz")
    parser.add_argument("--json", action="store_true", help="print one JSON line instead of text")
    options = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    what, payloads = lines(options.events)
    figures = []
    with tempfile.TemporaryDirectory() as extracted:
        rules = _rules(options.rules, Path(extracted))
        for _ in range(options.runs):
            with tempfile.TemporaryDirectory() as folder:
                figures.append(uvloop.run(run(payloads, rules, Path(folder))))
    cpu = [1e6 * c / n for c, _, n in figures]
    middle = statistics.median(cpu)
    result = {
        "benchmark": "process, log to log",
        "input": what,
        "events": len(payloads),
        "bytes_per_event": sum(map(len, payloads)) // len(payloads),
        "events_per_second_per_core": round(1e6 / middle),
        "cpu_us_per_event": round(middle, 2),
        "spread_percent": round(100 * (max(cpu) - min(cpu)) / middle, 1),
        "resident_mb": peak_mb(),
        "runs": options.runs,
    }
    print(json.dumps(result) if options.json else "\n".join(f"{k:28} {v}" for k, v in result.items()))


if __name__ == "__main__":
    main()
