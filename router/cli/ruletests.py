"""Runs the tests that stand inside rule files, whatever kind of rule it is."""

from collections.abc import Sequence
from pathlib import Path

import rules
from router import correlate, detect, normalize, reduce
from router.cli.rulefiles import kind_of, present
from router.documents import TestResult, yaml_files

_FOLDERS = ("normalize", "detect", "correlate", "risk", "noise")


def run_all(paths: Sequence[Path] | None) -> list[TestResult]:
    """Every test of the files, sorted by place; those that ship with Logweir where `paths` is empty."""
    present(paths or ())
    kinds: dict[str, list[Path]] = {"normalize": [], "detect": [], "noise": []}
    for path in paths or [rules.ROOT / f for f in _FOLDERS]:
        for file in yaml_files(path):
            if kind := kind_of(file):
                kinds[kind].append(file)
    results: list[TestResult] = []
    runners = (("detect", detect.run_tests), ("detect", correlate.run_tests), ("noise", reduce.run_tests))
    for kind, run in (("normalize", normalize.run_tests), *runners):
        if kinds[kind]:
            results += run(kinds[kind])
    return sorted(results, key=lambda r: (r.file, r.line))
