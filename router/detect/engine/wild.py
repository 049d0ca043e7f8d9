"""Patterns with `*` and `?` over a whole text, in linear time."""

import re
from collections.abc import Callable, Sequence
from itertools import groupby

from router.detect.ir import Pattern, Wild
from router.detect.modifiers import compile_regex

Test = Callable[[str], bool]
Find = Callable[[str, int, int], int]
"""(text, from, to) -> where what is looked for ends; -1 if it is not there."""


def wild(pattern: Pattern) -> Test:
    """A test for the text, compared as it is."""
    edges = pattern[0], pattern[-1]
    segments = [tuple(run) for many, run in groupby(pattern, lambda part: part is Wild.MANY) if not many]
    if Wild.MANY not in pattern or any(Wild.ONE in segments[at] and edges[at] is not Wild.MANY for at in (0, -1) if segments):
        return _expression(pattern)
    head = segments.pop(0)[0] if segments and edges[0] is not Wild.MANY else ""
    tail = segments.pop()[0] if segments and edges[1] is not Wild.MANY else ""
    return _chain(str(head), [_finder(segment) for segment in segments], str(tail))


def _finder(segment: Pattern) -> Find:
    """What stands between two `*` has one length, so that the first place where it is found is as good as any."""
    if Wild.ONE not in segment:
        (literal,) = segment
        size = len(str(literal))

        def find(text: str, at: int, end: int) -> int:
            found = text.find(str(literal), at, end)
            return found + size if found >= 0 else -1

        return find
    search = re.compile("".join("." if part is Wild.ONE else re.escape(str(part)) for part in segment), re.DOTALL).search

    def look(text: str, at: int, end: int) -> int:
        found = search(text, at, end)
        return found.end() if found else -1

    return look


def _chain(head: str, inner: Sequence[Find], tail: str) -> Test:
    """The edges are literals; what is between is found part after part."""

    def test(text: str) -> bool:
        if not text.startswith(head) or not text.endswith(tail):
            return False
        at, end = len(head), len(text) - len(tail)
        for find in inner:
            at = find(text, at, end)
            if at < 0:
                return False
        return at <= end

    return test


def _expression(pattern: Pattern) -> Test:
    """With `?`, as a regular expression: RE2 is linear, and counts characters as we do, by code points."""
    signs = {Wild.MANY: ".*", Wild.ONE: "."}
    written = "".join(signs[part] if isinstance(part, Wild) else _quoted(part) for part in pattern)
    search = compile_regex(rf"\A(?:{written})\z", "s").search
    return lambda text: search(text.encode("utf-8", "replace")) is not None


def _quoted(literal: str) -> str:
    return "".join(c if c.isalnum() else f"\\x{{{ord(c):x}}}" for c in literal)
