"""Prove detection exact: python -m tests.conformance.detection [--short] [--seed N] [--summary FILE] [--write].

Compares the front end with pySigma, asks the semantic tables, and runs the engine against the oracle, and the oracle against a
judge of the suite's own, over real events and over events made for every rule. Exit 0: no difference and everything covered.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from tests.conformance.detection import corpus
from tests.conformance.detection.parts import PARTS, Setting, run, shortfalls, totals


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if absent := corpus.missing():
        print(f"the rule corpus and real events are needed beside the checkout; {absent}")
        return 2
    with TemporaryDirectory(prefix="sigma-") as folder:
        setting = Setting(options.short, options.seed, Path(folder))
        parts = run(setting, options.part or list(PARTS))
        lacking = shortfalls(setting, parts)
    summary = {
        "form": "short" if options.short else "whole",
        "seed": options.seed,
        "holds": not lacking and not any(part.problems for part in parts.values()),
        "engine_against_oracle": totals(parts),
        "shortfalls": lacking,
        "parts": {name: asdict(part) for name, part in parts.items()},
    }
    if options.summary:
        options.summary.parent.mkdir(parents=True, exist_ok=True)
        options.summary.write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2))
    for text in lacking:
        print(text)
    print("detection conformance:", "holds" if summary["holds"] else "DOES NOT HOLD", orjson.dumps(totals(parts)).decode())
    return 0 if summary["holds"] else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.conformance.detection", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a sample, in about a minute")
    parser.add_argument("--seed", type=int, default=5, help="for everything that is chosen by chance (default 5)")
    parser.add_argument("--part", action="append", choices=list(PARTS), help="only this part (may be repeated)")
    parser.add_argument("--summary", type=Path, help="write all figures and problems to this file, as JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
