"""Why a rule is refused, as one constant word: for metrics and for linters that group by it."""

import re

from router.errors import Problem

REASONS = ("yaml", "placeholder", "modifier", "value", "condition", "logsource", "correlation", "filter", "reference", "metadata")
_BY_TEXT = (
    (
        "yaml",
        re.compile(r"^(not YAML|cannot be read|larger than|nested deeper|YAML aliases|key .* stands twice|a key must|bad value)"),
    ),
    ("placeholder", re.compile(r"placeholder")),
    ("modifier", re.compile(r"modifier|cannot follow|must stand before|windash|base64|UTF-16|`(exists|fieldref|expand)`")),
    ("reference", re.compile(r"^(no rule |id .* is taken|name .* is taken|alias of|refers to itself)|is a correlation$")),
    ("logsource", re.compile(r"log ?source|product, category")),
)
_BY_PATH = ("correlation", "filter", "logsource")


def reason(problem: Problem) -> str:
    """One of REASONS."""
    for word, pattern in _BY_TEXT:
        if pattern.search(problem.text):
            return word
    head, _, below = problem.path.partition(".")
    if head in ("detection", "filter") and below.startswith("condition"):
        return "condition"
    if head in _BY_PATH:
        return head
    return "value" if head == "detection" else "metadata"
