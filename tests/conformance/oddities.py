"""Expectations that are oddities of the pipeline that made them: reviewed one by one, each with its reason, in oddities.yaml."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("oddities.yaml")
LIMIT = 0.03
"""The share of a source's fields that may be listed."""


@dataclass(frozen=True)
class Oddity:
    """A field of a source: where it is not right, it is not counted. `want` narrows that to expected values of this pattern, where ''
    stands for fields that the other pipeline leaves out; `raw` to raw events of this pattern."""

    source: str
    field: str
    reason: str
    want: str = "*"
    raw: str = "*"

    def covers(self, name: str, want: str | None) -> bool:
        return name == self.field and fnmatchcase(want or "", self.want)


def of(listed: list[Oddity], source: str, raw: str) -> tuple[Oddity, ...]:
    """Those that may apply to this pair."""
    return tuple(oddity for oddity in listed if oddity.source == source and fnmatchcase(raw, oddity.raw))


def load() -> list[Oddity]:
    return [Oddity(**entry) for entry in yaml.safe_load(FILE.read_text()) or []]
