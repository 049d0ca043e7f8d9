"""Runs the tests that stand inside rule files, whatever kind of rule it is, and tells what normalizers leave untested."""

from collections.abc import Sequence
from pathlib import Path

import rules
from router import correlate, detect, normalize, reduce
from router.cli.rulefiles import kind_of, present
from router.documents import TestResult, yaml_files
from router.errors import Problem

_FOLDERS = ("normalize", "detect", "correlate", "risk", "noise")


def run_all(paths: Sequence[Path] | None) -> tuple[list[TestResult], list[Problem]]:
    """Every test of the files, sorted by place; those that ship with Logweir where `paths` is empty. And what no test reaches."""
    present(paths or ())
    kinds: dict[str, list[Path]] = {"normalize": [], "detect": [], "noise": []}
    for path in paths or [rules.ROOT / f for f in _FOLDERS]:
        for file in yaml_files(path):
            if kind := kind_of(file):
                kinds[kind].append(file)
    results: list[TestResult] = []
    untested: list[Problem] = []
    if kinds["normalize"]:
        results, untested = normalize.examine(kinds["normalize"])
    for kind, run in (("detect", detect.run_tests), ("detect", correlate.run_tests), ("noise", reduce.run_tests)):
        if kinds[kind]:
            results += run(kinds[kind])
    return sorted(results, key=lambda r: (r.file, r.line)), untested
