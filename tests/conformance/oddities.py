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
    """A field of a source: where it is not right, it is not counted. `want` narrows that to expected values of this pattern; the
    pattern '' stands for fields that the other pipeline leaves out."""

    source: str
    field: str
    reason: str
    want: str = "*"

    def covers(self, name: str, want: str | None) -> bool:
        return name == self.field and fnmatchcase(want or "", self.want)


def load() -> list[Oddity]:
    return [Oddity(**entry) for entry in yaml.safe_load(FILE.read_text()) or []]
