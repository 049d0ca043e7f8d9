"""Delivery, log to far end: normalized Windows events of the embedded log into Elasticsearch's bulk interface, compressed.

Reading and decoding, choosing, the bulk bodies, gzip, HTTP, every item's answer, and commits are inside the figure. The far end
is a stand-in in a process of its own that answers each item; it is slower than the sender, so only CPU seconds tell. Prints
events per CPU second of the delivering process (threads included) and CPU microseconds per event; medians of the runs.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson

from benchmarks.bench_process import fill, lines
from router.batch import EVENTS, SIGNALS, Facts
from router.config import EmbeddedLog
from router.deliver import Delivery
from router.demo.standins import ElasticsearchStandIn
from router.log import open_log
from router.normalize import Catalogue
from router.protocols import TopicSettings
from router.reduce import NoiseRules
from router.tuning import tune
from sinks._elasticsearch_settings import ElasticsearchSettings
from sinks.elasticsearch import Elasticsearch

_PARTITIONS = 4
_FAR_END = "far-end"


def documents(count: int) -> list[bytes]:
    """Events as the process role writes them."""
    catalogue, facts = Catalogue.load(), Facts("bench", "192.0.2.1")
    _, payloads = lines(count)
    return [orjson.dumps(document) for body in payloads for document in catalogue.normalize(body, facts, time.time())]


async def run(bodies: list[bytes], url: str, folder: Path) -> tuple[float, float]:
    """CPU and wall seconds until all of it has been delivered and committed."""
    log = open_log(EmbeddedLog(path=folder / "log.db", partitions=_PARTITIONS))
    await log.start()
    await log.create({topic: TopicSettings(_PARTITIONS, 3600) for topic in (EVENTS, SIGNALS)})
    facts = Facts("bench", dataset="windows.sysmon", kind="event", severity=20)
    await fill(log, EVENTS, bodies, facts)
    settings = ElasticsearchSettings(kind="elasticsearch", urls=(url,))
    delivery = Delivery("bench", Elasticsearch("bench", settings), settings, log, NoiseRules())
    tune()
    stop = asyncio.Event()
    cpu, wall = time.process_time(), time.perf_counter()
    task = asyncio.create_task(delivery.run(stop))
    committed = 0
    while committed < len(bodies) and not task.done():
        await asyncio.sleep(0.05)
        committed = sum(mark.offset for mark in (await log.committed("sink.bench", [EVENTS])).values())
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    stop.set()
    await task
    await log.close()
    return cpu, wall


async def far_end() -> None:
    """Serve until the input ends; the first line of the output is where."""
    async with ElasticsearchStandIn() as server:
        print(server.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON line instead of text")
    options = parser.parse_args()
    bodies = documents(options.events)
    figures = []
    for _ in range(options.runs):
        command = [sys.executable, "-m", "benchmarks.bench_deliver", _FAR_END]
        with (
            tempfile.TemporaryDirectory() as folder,
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other,
        ):
            assert other.stdout is not None
            assert other.stdin is not None
            figures.append(asyncio.run(run(bodies, other.stdout.readline().strip(), Path(folder))))
            other.stdin.close()
    cpu = [1e6 * c / len(bodies) for c, _ in figures]
    middle = statistics.median(cpu)
    result = {
        "benchmark": "delivery, log to Elasticsearch's bulk interface",
        "events": len(bodies),
        "bytes_per_event": sum(map(len, bodies)) // len(bodies),
        "events_per_second_per_core": round(1e6 / middle),
        "cpu_us_per_event": round(middle, 2),
        "events_per_second_wall": round(statistics.median(len(bodies) / wall for _, wall in figures)),
        "spread_percent": round(100 * (max(cpu) - min(cpu)) / middle, 1),
        "runs": options.runs,
    }
    print(json.dumps(result) if options.json else "\n".join(f"{k:28} {v}" for k, v in result.items()))


if __name__ == "__main__":
    asyncio.run(far_end()) if sys.argv[1:] == [_FAR_END] else main()
