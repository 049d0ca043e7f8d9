"""Prove detection exact: python -m tests.conformance.detection [--short] [--seed N] [--summary FILE] [--write].

Compares the front end with pySigma, asks the semantic tables, runs the engine against the oracle and the oracle against a judge
of the suite's own, over real events and over events made for every rule, plays the vectors of correlations, and puts faults in to
see that they are noticed. Exit 0: no difference, everything covered, every fault noticed.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from tests.conformance.detection import corpus, score
from tests.conformance.detection.parts import PARTS, Part, Setting, run, shortfalls, totals


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    if absent := corpus.missing():
        print(f"the rule corpus and real events are needed beside the checkout; {absent}")
        return 2
    with TemporaryDirectory(prefix="sigma-") as folder:
        setting = Setting(options.short, options.seed, Path(folder))
        summary = _summary(setting, _done(options, setting), options)
    print("detection conformance:", "holds" if summary["holds"] else "DOES NOT HOLD", summary["engine_against_oracle"])
    return 0 if summary["holds"] else 1


def _done(options: argparse.Namespace, setting: Setting) -> dict[str, Part]:
    """What an earlier run did already, then the rest; written after each part, so that it can be resumed."""
    before = orjson.loads(options.summary.read_bytes()) if options.resume and options.summary.exists() else {}
    same = (before.get("form"), before.get("seed")) == (_form(options), options.seed)
    parts = {name: Part(**part) for name, part in before.get("parts", {}).items()} if same else {}
    for name in options.part or PARTS:
        if name not in parts:
            parts |= run(setting, [name])
            _summary(setting, parts, options)
    return parts


def _form(options: argparse.Namespace) -> str:
    return "short" if options.short else "whole"


def _summary(setting: Setting, parts: dict[str, Part], options: argparse.Namespace) -> dict[str, Any]:
    lacking = shortfalls(setting, parts)
    summary = {
        "form": _form(options),
        "seed": options.seed,
        "holds": not lacking and not any(part.problems for part in parts.values()),
        "engine_against_oracle": totals(parts),
        "shortfalls": lacking,
        "parts": {name: asdict(part) for name, part in parts.items()},
    }
    if options.summary:
        options.summary.parent.mkdir(parents=True, exist_ok=True)
        options.summary.write_bytes(orjson.dumps(summary, option=orjson.OPT_INDENT_2))
    if options.write and parts.keys() >= PARTS.keys():
        score.PAGE.write_text(score.page(summary))
    return summary


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.conformance.detection", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a sample, in about a minute")
    parser.add_argument("--seed", type=int, default=5, help="for everything that is chosen by chance (default 5)")
    parser.add_argument("--part", action="append", choices=list(PARTS), help="only this part (may be repeated)")
    parser.add_argument("--summary", type=Path, help="write all figures and problems to this file, as JSON")
    parser.add_argument("--resume", action="store_true", help="leave out the parts that the summary file has already")
    parser.add_argument("--write", action="store_true", help=f"write {score.PAGE.name}; all parts, whole form")
    options = parser.parse_args(arguments)
    if options.write and (options.short or options.part):
        parser.error("the published score is of all parts in their whole form")
    if options.resume and not options.summary:
        parser.error("--resume needs --summary")
    return options


if __name__ == "__main__":
    sys.exit(main())
