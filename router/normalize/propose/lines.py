"""Lines of a sample that only continue others, as stack traces do, joined to the events that they belong to."""

import re
from collections.abc import Sequence

_FIRSTS = (
    r"^\d{4}-\d\d-\d\d",
    r"^\[\d{4}-\d\d-\d\d",
    r"^\d{4}/\d\d/\d\d",
    r"^\d\d[./]\d\d[./]\d{4}",
    r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d",
    r"^<\d{1,3}>",
)
"""How the first line of an event begins."""


def joined(lines: Sequence[str]) -> tuple[Sequence[str], str]:
    """The events and the pattern of their first lines; the lines as they are, and no pattern, where each is an event."""
    for first in _FIRSTS:
        begins = [re.match(first, line) is not None for line in lines]
        continued = [line for line, is_first in zip(lines, begins, strict=True) if not is_first]
        if begins[0] and sum(begins) > 1 and any(line[:1].isspace() for line in continued):
            events: list[str] = []
            for line, is_first in zip(lines, begins, strict=True):
                events[len(events) if is_first else -1 :] = [line if is_first else f"{events[-1]}\n{line}"]
            return events, first
    return lines, ""
