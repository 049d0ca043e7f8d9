"""Runs the tests that stand inside rule files, whatever kind of rule it is."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import rules
from router import correlate, detect, normalize, reduce
from router.cli.setting import present
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


def kind_of(file: Path) -> str:
    """Told by its keys: a normalizer has `parse` or `map`, a Sigma file `detection` with `logsource` or `correlation`.

    A configuration, which may stand beside its rules, is none of them.
    """
    keys = _top_keys(file.read_text("utf-8", errors="replace").splitlines())
    if keys & {"sources", "sinks"} and not keys & {"id", "title"}:
        return ""
    if keys & {"parse", "map", "identify"}:
        return "normalize"
    return "noise" if "kind" in keys and not keys & {"logsource", "correlation", "filter"} else "detect"


def _top_keys(lines: Iterable[str]) -> set[str]:
    return {line.partition(":")[0] for line in lines if ":" in line and line[:1].isalpha()}
