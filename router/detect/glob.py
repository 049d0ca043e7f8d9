"""Wildcard patterns over whole texts, without backtracking: `*` is any run of characters, `?` is one, newlines included."""

import re
from collections.abc import Callable, Sequence
from itertools import groupby

from router.detect.ir import Pattern, Wild

Find = Callable[[str, int], int]
"""(text, from) -> where the segment starts next, or -1."""


def compile_glob(pattern: Pattern) -> Callable[[str], bool]:
    """A test for the whole text. Between stars the leftmost place is always a right one, so the cost is linear in stars."""
    segments = [tuple(run) for star, run in groupby(pattern, lambda part: part is Wild.MANY) if not star]
    lengths = [sum(len(p) if isinstance(p, str) else 1 for p in segment) for segment in segments]
    if Wild.MANY not in pattern:
        at, length = _at(segments[0] if segments else ()), sum(lengths)
        return lambda text: len(text) == length and at(text, 0)
    start = segments[0] if pattern[0] is not Wild.MANY else ()
    end = segments[-1] if pattern[-1] is not Wild.MANY else ()
    middle = segments[bool(start) : len(segments) - bool(end)]
    sizes = lengths[bool(start) : len(segments) - bool(end)]
    return _starred((_at(start), lengths[0] if start else 0), middle, sizes, (_at(end), lengths[-1] if end else 0))


def _starred(
    start: tuple[Callable[[str, int], bool], int],
    middle: Sequence[Pattern],
    sizes: Sequence[int],
    end: tuple[Callable[[str, int], bool], int],
) -> Callable[[str], bool]:
    (starts, start_size), (ends, end_size) = start, end
    finds = list(zip(map(_find, middle), sizes, strict=True))

    def matches(text: str) -> bool:
        last = len(text) - end_size
        if last < start_size or not starts(text, 0) or not ends(text, last):
            return False
        at = start_size
        for find, size in finds:
            found = find(text, at)
            if found < 0 or found + size > last:
                return False
            at = found + size
        return True

    return matches


def _at(segment: Pattern) -> Callable[[str, int], bool]:
    if all(isinstance(part, str) for part in segment):
        literal = "".join(map(str, segment))
        return lambda text, at: text.startswith(literal, at)
    compiled = _segment(segment)
    return lambda text, at: compiled.match(text, at) is not None


def _find(segment: Pattern) -> Find:
    if all(isinstance(part, str) for part in segment):
        literal = "".join(map(str, segment))
        return lambda text, at: text.find(literal, at)
    compiled = _segment(segment)

    def find(text: str, at: int) -> int:
        match = compiled.search(text, at)
        return match.start() if match else -1

    return find


def _segment(segment: Pattern) -> re.Pattern[str]:
    """A segment without stars has a fixed length: `re` has nothing to go back for."""
    return re.compile("".join(re.escape(p) if isinstance(p, str) else "." for p in segment), re.DOTALL)
