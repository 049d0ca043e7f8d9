"""Sigma strings: wildcards, escapes, and what the string modifiers make of them (Sigma specification 2.1, rule format and
modifiers appendix)."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

from router.detect.ir import Pattern, Refused, Wild

MAX_DASHES, MAX_VARIANTS = 3, 1000
_DASHES = "-/\u2013\u2014\u2015"
_DASH = re.compile(rf"\B[{_DASHES}]\b")
_PLACEHOLDER = re.compile(r"\\%|%([^%\\\s]+)%")


def parse(text: str) -> Pattern:
    """`*` and `?` are wildcards; a backslash before `*`, `?` or a backslash makes that literal, elsewhere it is itself."""
    parts: list[str | Wild] = []
    at, stop = 0, len(text)
    while at < stop:
        char = text[at]
        if char == "\\" and at + 1 < stop and text[at + 1] in "*?\\":
            parts.append(text[at + 1])
            at += 1
        else:
            parts.append(Wild(char) if char in "*?" else char)
        at += 1
    return merged(parts)


def merged(parts: Iterable[str | Wild]) -> Pattern:
    """Neighbouring literals made one, empty ones left out, `**` made `*`."""
    result: list[str | Wild] = []
    for part in parts:
        last = result[-1] if result else None
        if isinstance(part, str) and isinstance(last, str):
            result[-1] = last + part
        elif part and not (part is Wild.MANY and last is Wild.MANY):
            result.append(part)
    return tuple(result)


def plain(pattern: Pattern, purpose: str) -> str:
    """The text of a pattern without wildcards. Raises Refused if it has one."""
    if any(isinstance(part, Wild) for part in pattern):
        raise Refused(f"{purpose} cannot take a wildcard", "escape it with a backslash, or leave it out")
    return "".join(map(str, pattern))


def open_start(pattern: Pattern) -> Pattern:
    """Anything may stand before."""
    return pattern if pattern and pattern[0] is Wild.MANY else (Wild.MANY, *pattern)


def open_end(pattern: Pattern) -> Pattern:
    """Anything may stand behind."""
    return pattern if pattern and pattern[-1] is Wild.MANY else (*pattern, Wild.MANY)


def dashed(pattern: Pattern) -> Iterator[Pattern]:
    """`windash`: each dash or slash that starts a word stands for all five (as pySigma, at a word start only)."""
    pieces: list[tuple[str | Wild, ...]] = []
    for part in pattern:
        pieces.extend([(part,)] if isinstance(part, Wild) else _pieces(part))
    if sum(piece == tuple(_DASHES) for piece in pieces) > MAX_DASHES:
        raise Refused(f"windash on more than {MAX_DASHES} dashes in one value", "split it into values with `all`")
    yield from (merged(choice) for choice in product(*pieces))


def _pieces(literal: str) -> Iterator[tuple[str, ...]]:
    at = 0
    for match in _DASH.finditer(literal):
        yield (literal[at : match.start()],)
        yield tuple(_DASHES)
        at = match.end()
    yield (literal[at:],)


def wide(text: str, modifier: str) -> bytes:
    """The text as UTF-16; `utf16` is little endian behind a byte order mark."""
    if modifier == "utf16":
        return b"\xff\xfe" + text.encode("utf-16le")
    return text.encode("utf-16be" if modifier == "utf16be" else "utf-16le")


def base64_offsets(data: bytes) -> list[str]:
    """The encodings of data at byte offsets 0, 1 and 2 of a longer text, cut to the characters that data alone decides.

    Raises Refused for less than two bytes: one byte decides no character at every offset, and a test for nothing is true.
    """
    if len(data) < 2:
        raise Refused("base64offset needs two bytes at least", "give a longer value")
    cuts = ((0, 2, 3), (None, -3, -2))
    return [base64.b64encode(b" " * i + data)[cuts[0][i] : cuts[1][(len(data) + i) % 3]].decode() for i in range(3)]


def expanded(text: str, values: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """`expand`: `%name%` replaced by each value of the placeholder; `\\%` is a percent sign.

    The values are Sigma strings themselves: a wildcard in one is a wildcard. Raises Refused for a name without values.
    """
    pieces: list[Sequence[str]] = []
    at = 0
    for match in _PLACEHOLDER.finditer(text):
        pieces += [[text[at : match.start()]], _replacement(match, values)]
        at = match.end()
    pieces.append([text[at:]])
    if _count(pieces) > MAX_VARIANTS:
        raise Refused(f"placeholders make more than {MAX_VARIANTS} values of one", "use fewer placeholders in one value")
    return ("".join(choice) for choice in product(*pieces))


def _replacement(match: re.Match[str], values: Mapping[str, Sequence[str]]) -> Sequence[str]:
    name = match.group(1)
    if name is None:
        return ["%"]
    if not values.get(name):
        raise Refused(f"placeholder %{name}% has no value", f"give it values under `rules.placeholders.{name}`")
    return values[name]


def _count(pieces: list[Sequence[str]]) -> int:
    total = 1
    for piece in pieces:
        total *= len(piece)
    return total
