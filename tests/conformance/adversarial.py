"""Damaged lines: python -m tests.conformance.adversarial [--pairs DIR] [--lines N] [--seed N]. Exit code 1 where anything is wrong.

Every line becomes a document or is refused with a reason. No exception, no value of a wrong type in an ECS field, no field with a
piece of another one. The slowest lines are named: none may take ten times the median of its source.
"""

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from router.errors import Malformed
from router.normalize import Catalogue
from tests.conformance.mutations import BREAK_BOUNDS, mutated
from tests.conformance.samples import Sample, of_pairs, of_rules
from tests.conformance.soundness import faults, pieces

_RECEIPT = 1_772_400_000.0


@dataclass
class Outcome:
    """What a run found."""

    lines: int = 0
    refused: int = 0
    crashes: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    pieces: Counter[str] = field(default_factory=Counter)
    example: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tell: Callable[[str], None] = lambda fault: None
    seconds: dict[str, list[tuple[float, str, int]]] = field(default_factory=dict)

    @property
    def faults(self) -> int:
        return sum(map(Counter.total, (self.crashes, self.violations, self.pieces)))


def run(samples: Sequence[Sample], lines: int, seed: int, tell: Callable[[str], None] = lambda fault: None) -> Outcome:
    """`lines` damaged lines, the samples in turn. What is done to a sample does not depend on which others there are.

    `tell` hears of each fault when it is first seen, for runs that may be cut short.
    """
    catalogue, found = Catalogue.load(), Outcome(tell=tell)
    catalogue.normalizers()  # compiled now, so that no line is slow for being the first of its source
    for i in range(lines):
        sample = samples[i % len(samples)]
        how, body = mutated(sample.body, random.Random(b"%d %d " % (seed, i // len(samples)) + sample.body))
        _one(catalogue, sample, how, body, found)
    return found


def _one(catalogue: Catalogue, sample: Sample, how: str, body: bytes, found: Outcome) -> None:
    found.lines += 1
    started = time.thread_time()
    try:
        documents = catalogue.normalize(body, sample.facts, _RECEIPT)
    except Malformed:
        found.refused += 1
        return
    except Exception as error:
        _note(found, found.crashes, f"{type(error).__name__}: {error}"[:160], sample, how, body)
        return
    found.seconds.setdefault(sample.source, []).append((time.thread_time() - started, how, len(body)))
    for fault in faults(documents):
        _note(found, found.crashes if fault.startswith(("crash", "cannot")) else found.violations, fault, sample, how, body)
    if BREAK_BOUNDS & set(how.split("+")) or (body.count(b'"') ^ sample.body.count(b'"')) & 1:
        return  # nobody can tell where a value ends whose quote was cut off
    original = sample.body.decode("utf-8", "replace")
    for document in documents:
        for fault in pieces(document, original):
            _note(found, found.pieces, fault, sample, how, body)


def _note(found: Outcome, counts: Counter[str], fault: str, sample: Sample, how: str, body: bytes) -> None:
    key = f"{sample.source}: {fault}"
    counts[key] += 1
    if key not in found.example:
        found.example[key] = (how, body[:2000])
        found.tell(f"after {found.lines} lines, {how}: {key}")


def slow(found: Outcome) -> list[str]:
    """Lines that took more than ten times the median of their source (and 2 ms), those grown to 64 KB aside."""
    told = []
    for source, taken in sorted(found.seconds.items()):
        ordered = sorted(taken)
        median, worst = ordered[len(ordered) // 2][0], ordered[-1]
        if worst[0] > max(10 * median, 0.002):
            told.append(f"{source}: {worst[0] * 1e6:.0f} us ({worst[1]}, {worst[2]} bytes), median {median * 1e6:.0f} us")
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--lines", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--source", default="", help="only samples whose source begins so")
    parser.add_argument("--slow", action="store_true", help="also name the slowest lines")
    options = parser.parse_args()
    samples = [*of_rules(), *(of_pairs(options.pairs) if options.pairs and options.pairs.is_dir() else ())]
    found = run(
        [s for s in samples if s.source.startswith(options.source)],
        options.lines,
        options.seed,
        lambda fault: print(fault, file=sys.stderr, flush=True),
    )
    for title, counts in (("crash", found.crashes), ("type", found.violations), ("piece", found.pieces)):
        for fault, count in counts.most_common(40):
            print(f"{title:6} {count:6} {fault}\n       by {found.example[fault][0]}: {found.example[fault][1][:300]!r}")
    for line in slow(found) if options.slow else ():
        print("slow   " + line)
    print(
        f"adversarial: {found.lines} damaged lines, {found.refused} refused, {found.crashes.total()} crashes,"
        f" {found.violations.total()} type violations, {found.pieces.total()} fields with a piece of another"
    )
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
