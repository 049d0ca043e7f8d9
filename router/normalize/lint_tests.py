"""What is wrong with the tests of a file before one of them runs."""

from collections.abc import Callable
from typing import Any

from router.documents import PathKey
from router.normalize.definition import Definition
from router.normalize.times import iso
from router.normalize.zones import UTC, zone
from router.registry import nearest

_INPUTS = ("raw", "event", "files")
KEYS = frozenset(
    "name raw event peer source meta envelope tz receipt expect absent ignored documents nth unknown files ocsf original".split()
)


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


_SHAPES: dict[str, tuple[Callable[[Any], bool], str, str]] = {
    "expect": (lambda v: v is None or isinstance(v, dict), "is a mapping of fields to values", "write {source.ip: 192.0.2.1}"),
    "meta": (lambda v: isinstance(v, dict), "is a mapping", "write {sourcetype: x}"),
    "absent": (lambda v: isinstance(v, list), "is a list of fields", "write [source.ip]"),
    "documents": (_is_count, "is a whole number", "write how many documents there are"),
    "nth": (_is_count, "is a whole number", "write which document is looked at; 0 is the first"),
    "tz": (lambda v: zone(str(v)) is not None, "", "write Europe/Paris, UTC or +02:00"),
    "receipt": (lambda v: iso(str(v), UTC) is not None, "", "write 2026-03-01T10:00:00Z"),
}


def lint_tests(definition: Definition) -> None:
    """Add the problems to the definition."""
    tests = definition.value.get("tests")
    if tests is not None and (not isinstance(tests, list) or not all(isinstance(test, dict) for test in tests)):
        definition.problem(("tests",), "tests is a list of mappings", "write - {name: ..., raw: ..., expect: {...}}")
        return
    for i, test in enumerate(tests or ()):
        _one(definition, test, ("tests", i))


def _one(definition: Definition, test: dict[Any, Any], at: PathKey) -> None:
    for key in test:
        if key not in KEYS:
            definition.problem((*at, key), f"unknown key {key!r}", nearest(str(key), sorted(KEYS)))
    inputs = [key for key in _INPUTS if key in test]
    if not inputs:
        definition.problem(at, "a test needs `raw`, `event` or `files`", "write raw: 'a line of the source'")
    elif len(inputs) > 1:
        definition.problem((*at, inputs[1]), "a test has either `raw`, `event` or `files`", "make two tests of it")
    for key, (fits, says, remedy) in _SHAPES.items():
        if key in test and not fits(test[key]):
            text = f"{key} {says}" if says else f"{str(test[key])!r} is no time{' zone' if key == 'tz' else ''}"
            definition.problem((*at, key), text, remedy)
