"""Patterns with `*` and `?` over a whole text, in linear time."""

from collections.abc import Callable

from router.detect.ir import Pattern, Wild
from router.detect.modifiers import compile_regex

Test = Callable[[str], bool]


def wild(pattern: Pattern) -> Test:
    """A test for the text, compared as it is."""
    return _chain(pattern) if Wild.ONE not in pattern else _expression(pattern)


def _chain(pattern: Pattern) -> Test:
    """Without `?` the parts are literals: the first and last at the edges, those between found one after another."""
    head = pattern[0] if isinstance(pattern[0], str) else ""
    tail = pattern[-1] if isinstance(pattern[-1], str) else ""
    inner = [p for p in pattern[bool(head) : len(pattern) - bool(tail)] if isinstance(p, str)]

    def test(text: str) -> bool:
        if not text.startswith(head) or not text.endswith(tail):
            return False
        at, end = len(head), len(text) - len(tail)
        for part in inner:
            at = text.find(part, at, end)
            if at < 0:
                return False
            at += len(part)
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
