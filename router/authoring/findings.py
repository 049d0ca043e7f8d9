"""What a linter says about a place in a rule file, and how bad it is."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from router.documents import Document, PathKey
from router.errors import Problem

Severity: TypeAlias = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The worst first. error: the rule is refused, or breaks the specification; warning: it runs and probably says something else
than was meant; info: it could be written better."""


class Finding(NamedTuple):
    """One remark. Line and column count from 1."""

    file: str
    line: int
    column: int
    severity: Severity
    check: str
    """The name of the check, for `--ignore`."""
    path: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        path = f" {self.path}:" if self.path else ""
        place = f"{self.file}:{self.line}:{self.column}"
        return f"{place}: {self.severity} {self.check}:{path} {self.text}" + (f"; {self.remedy}" if self.remedy else "")


def of_problem(problem: Problem, severity: Severity, check: str) -> Finding:
    """A finding from what reading a rule says."""
    place = problem.line, problem.column or 1
    return Finding(problem.file, *place, severity, check, problem.path, problem.text, problem.remedy)


class Page:
    """One document of a rule file, and short ways to speak about it."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.value: Mapping[str, Any] = document.value if isinstance(document.value, dict) else {}
        self.kind = next((kind for kind in ("correlation", "filter") if kind in self.value), "detection")

    def say(self, path: PathKey, severity: Severity, check: str, text: str, remedy: str = "") -> Finding:
        return of_problem(self.document.problem(path, text, remedy), severity, check)

    def text(self, key: str) -> str:
        value = self.value.get(key)
        return value if isinstance(value, str) else ""

    def items(self, key: str) -> Iterator[tuple[int, str]]:
        """The texts of a list, with their numbers."""
        value = self.value.get(key)
        listed = value if isinstance(value, list) else []
        return ((i, item) for i, item in enumerate(listed) if isinstance(item, str))

    def mapping(self, key: str) -> Mapping[str, Any]:
        value = self.value.get(key)
        return value if isinstance(value, dict) else {}
