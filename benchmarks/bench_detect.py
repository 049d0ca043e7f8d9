"""Detection: JSON in, matching rules out, on one core; the public rule corpus over recorded Windows events.

Parsing the JSON is in every figure. Cold: memos empty, compiled rules ready. Warm: the same events once more. Unique: every text
of every event is changed, so that no memo helps. Made: events of a generator that is hostile to memos. Each pass is timed in CPU
seconds of a process of its own; medians of the runs. `--rsigma` measures RSigma on the same events, pinned to one core as well.
"""

import argparse
import gzip
import itertools
import json
import random
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from benchmarks.memory import peak_mb
from router.batch import Facts
from router.detect import Options, Ruleset
from router.detect.matcher import compile_tree
from router.detect.probes import Values
from router.detect.views import view
from router.normalize import Catalogue
from router.tuning import tune

SHARED = Path(__file__).parents[2] / "shared"
EVENTS = SHARED / "data/events/windows-otrf.jsonl.gz"
RULES = SHARED / "data/sigma/rules/sigma-rules.tar.gz"
GENERATOR = SHARED / "prototypes/sigma_signatures/make_events.py"
_BATCH = 100
_COUNTS = (10, 100, 1000)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rsigma", action="store_true", help="compare with RSigma, which is built first (a quarter of an hour)")
    parser.add_argument("--json", action="store_true", help="print one JSON line instead of text")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(*options.child, runs=options.runs)))  # type: ignore[misc]  # the words of the list are all but the last argument
        return
    if not EVENTS.exists() or not RULES.exists():
        print("the folder with recorded events and public rules is missing; nothing to measure")
        return
    with tempfile.TemporaryDirectory() as folder:
        result = measured(Path(folder), options.events, options.runs, rsigma=options.rsigma)
    print(json.dumps(result) if options.json else "\n".join(f"{k:44} {v}" for k, v in result.items()))


def measured(folder: Path, count: int, runs: int, *, rsigma: bool) -> dict[str, Any]:
    """Every figure."""
    with tarfile.open(RULES) as archive:
        archive.extractall(folder / "rules", filter="data")
    files = written(folder, count)
    cache, result = folder / "cache", dict[str, Any]()
    first = spawn(folder, files["flat"], "all", cache, 0)
    second = spawn(folder, files["flat"], "all", cache, 0)
    result |= {"rules": first["rules"], "kinds of events": first["buckets"]}
    result |= {"compile, cold, s": first["compile"], "compile, from the cache, s": second["compile"]}
    for name, file in files.items():
        figures = spawn(folder, file, "all", cache, runs)
        result |= {f"{name}, {kind}, events/s": round(statistics.median(figures[kind])) for kind in ("cold", "warm")}
        result |= {f"{name}, spread of warm, %": spread(figures["warm"]), f"{name}, RSS, MB": figures["rss"]}
        if rsigma and name != "normalized":
            theirs = [rsigma_rate(folder, file) for _ in range(runs)]
            result |= {f"{name}, RSigma, events/s": round(statistics.median(theirs)), f"{name}, spread, %": spread(theirs)}
    for n in (*map(str, _COUNTS), "all"):
        warm = statistics.median(spawn(folder, files["flat"], n, cache, runs)["warm"])
        result[f"us/event warm, {n} rules"] = round(1e6 / warm, 2)
    return result | checked(folder / "rules", files["flat"])


def written(folder: Path, count: int) -> dict[str, Path]:
    """The inputs, a line of JSON an event."""
    with gzip.open(EVENTS) as file:
        events = [orjson.loads(line) for line in itertools.islice(file, count)]
    made = folder / "made.raw"
    inputs: dict[str, Iterator[Any]] = {"flat": iter(events), "normalized": normalized(events), "unique": unique(events[::2])}
    if GENERATOR.exists():
        subprocess.run([sys.executable, str(GENERATOR), str(made), str(2 * count)], check=True)
        inputs["made"] = (orjson.loads(line) for line in made.open("rb"))
    return {name: _write(folder / f"{name}.ndjson", listed) for name, listed in inputs.items()}


def _write(path: Path, events: Iterator[Any]) -> Path:
    with path.open("wb") as file:
        file.writelines(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE) for event in events)
    return path


def normalized(events: list[Any]) -> Iterator[Any]:
    """As Logweir's own documents."""
    catalogue = Catalogue.load([], tz="UTC", original="never", sources={})
    return (document for event in events for document in catalogue.normalize(orjson.dumps(event), Facts("bench"), 0.0))


def unique(events: list[Any]) -> Iterator[Any]:
    """Every text with six random hexadecimal digits in it, those aside that decide about the log source."""
    chance = random.Random(7)
    keep = ("Channel", "EventType")
    for event in events:
        yield {k: _changed(v, chance) if isinstance(v, str) and k not in keep else v for k, v in event.items()}


def _changed(text: str, chance: random.Random) -> str:
    at = chance.randint(0, len(text))
    return f"{text[:at]}{chance.getrandbits(24):06x}{text[at:]}"


def spawn(folder: Path, events: Path, rules: str, cache: Path, runs: int) -> dict[str, Any]:
    """One process: load, compile, and so many cold and warm passes."""
    command = [sys.executable, "-m", "benchmarks.bench_detect", "--runs", str(runs), "--child"]
    done = subprocess.run([*command, str(folder / "rules"), str(events), rules, str(cache)], capture_output=True, check=True)
    return dict(json.loads(done.stdout))


def child(rules: str, events: str, count: str, cache: str, runs: int) -> dict[str, Any]:
    """Figures of this process: seconds to compile, events per CPU second, megabytes."""
    ruleset = Ruleset.load([Path(rules)], builtin=False, strict=False, options=Options(Path(cache)))
    if count != "all":
        ruleset = Ruleset(random.Random(3).sample(ruleset.rules, int(count)), options=Options(Path(cache)))
    engine, lines = ruleset._engine, 0
    kinds: dict[object, Any] = {}
    for batch in _batches(Path(events)):
        lines += len(batch)
        for event in map(orjson.loads, batch):
            kinds.setdefault(engine._routes.key(event), event)
    started = time.process_time()
    for event in kinds.values():
        engine.match(event)
    compiled = time.process_time() - started
    tune()  # as every process does before its first batch
    cold, warm = [], []
    for _ in range(runs):
        engine.forget()
        cold.append(lines / _pass(ruleset, Path(events)))
        warm.append(lines / _pass(ruleset, Path(events)))
    rss = peak_mb()
    return {
        "cold": cold,
        "warm": warm,
        "compile": round(compiled, 2),
        "rss": rss,
        "rules": len(ruleset.rules),
        "buckets": len(engine._judges),
    }


def _pass(ruleset: Ruleset, events: Path) -> float:
    """CPU seconds to read, parse and judge every event."""
    started = time.process_time()
    for lines in _batches(events):
        for _ in ruleset.match_batch(list(map(orjson.loads, lines)), None, lines):
            pass
    return time.process_time() - started


def _batches(path: Path) -> Iterator[list[bytes]]:
    with path.open("rb") as file:
        while lines := [line[:-1] for line in itertools.islice(file, _BATCH)]:
            yield lines


def rsigma_rate(folder: Path, events: Path) -> float:
    """Events per CPU second of RSigma with its best settings: routed by our tables, which the time to do it is not in."""
    from tests.peers import rsigma

    told, empty, out = folder / f"{events.stem}.routed", folder / "empty", folder / "matches"
    if not told.exists():
        with events.open("rb") as file, told.open("wb") as to:
            to.writelines(line + b"\n" for line in rsigma.routed(map(orjson.loads, file)))
    empty.touch()
    load, _ = rsigma.cpu_seconds(folder / "rules", empty, out)
    spent, _ = rsigma.cpu_seconds(folder / "rules", told, out)
    return sum(1 for _ in told.open("rb")) / (spent - load)


def checked(rules: Path, events: Path, sample: int = 300) -> dict[str, Any]:
    """Verdicts of the engine beside those of the slow matcher, over some of the events."""
    ruleset = Ruleset.load([rules], builtin=False, strict=False)
    tests = {rule: compile_tree(rule.tree, view(rule.logsource, rule.taxonomy)) for rule in ruleset.rules}
    pairs = true = differing = 0
    for line in random.Random(5).sample(events.read_bytes().splitlines(), sample):
        event = orjson.loads(line)
        seen, values = ruleset.visible(event), Values(event)
        wanted = [rule for rule in seen if tests[rule](values)]
        pairs, true, differing = pairs + len(seen), true + len(wanted), differing + (list(ruleset.match(event)) != wanted)
    return {"verdicts compared": pairs, "of them true": true, "events that differ from the slow matcher": differing}


def spread(figures: list[float]) -> int:
    """Largest difference, in percent of the median."""
    return round(100 * (max(figures) - min(figures)) / statistics.median(figures))


if __name__ == "__main__":
    main()
