"""Pipes that search a text by a pattern. A pattern that could take long, or that nothing ends, is refused (`formats.regex`)."""

import re
from collections.abc import Callable

from router.normalize.formats.regex import faults, literal_start
from router.normalize.remembered import Remembered

_SHORT, _SEARCHED = 48, 65_536
"""Characters: below which an answer is remembered, since short texts come again; and how many a pattern gets to see."""


def first_group(pattern: str) -> Callable[[str], str | None]:
    """What the first group holds, or what the whole pattern found. Raises ValueError for a pattern that is refused."""
    search = _compiled(pattern)
    group = 1 if re.compile(pattern).groups else 0

    def find(value: str) -> str | None:
        found = search(value[:_SEARCHED])
        return (found[group] or None) if found else None

    known = Remembered(find, 4096)

    def change(value: str) -> str | None:
        return known[value] if len(value) < _SHORT else find(value)

    return change


def line_after(text: str) -> Callable[[str], str | None]:
    """What follows this text, up to the end of its line, the first time that something but a blank follows it at once."""
    length = len(text)

    def change(value: str) -> str | None:
        at = value.find(text, 0, _SEARCHED)
        while at >= 0:
            start = at + length
            end = value.find("\n", start, _SEARCHED)
            line = value[start:end] if end >= 0 else value[start:_SEARCHED]
            line = line.partition("\r")[0]
            if line and not line[0].isspace():
                return line
            at = value.find(text, start, _SEARCHED)
        return None

    return change


def named_groups(pattern: str) -> Callable[[str], dict[str, str] | None]:
    """The named groups that hold something, as an object. Raises ValueError for a pattern that is refused."""
    search = _compiled(pattern)

    def change(value: str) -> dict[str, str] | None:
        found = search(value[:_SEARCHED])
        return {name: text for name, text in found.groupdict().items() if text} or None if found else None

    return change


def _compiled(pattern: str) -> Callable[[str], re.Match[str] | None]:
    problems = faults(pattern, anchored=False)
    if problems:
        raise ValueError(f"pattern {pattern!r}: {problems[0]}")
    search, start = re.compile(pattern).search, literal_start(pattern)
    if len(start) < 2:
        return search

    def find(value: str) -> re.Match[str] | None:
        at = value.find(start)  # several times faster than the pattern's own way to its first literal
        return search(value, at) if at >= 0 else None

    return find
