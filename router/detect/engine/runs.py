"""A row of single characters that stands in every text that a regular expression matches, as a test that costs little.

RE2 takes microseconds for a counted class such as ` [0-7]{7,13}`, since it may begin anew at every character, and for many
such expressions no literal tells that they need not be asked. Python's `re` looks for a row of a fixed length at once.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from math import log2
from typing import Any, NamedTuple

from router.detect.engine.required import REACHES_BACK

_TOKEN = re.compile(
    r"""(?P<class>\[\^?+(?:\\[\\.^$*+?(){}|/"' \-dswtnr]|[^\\\[\]])+\])
    |(?P<escape>\\[\\.^$*+?(){}\[\]|/"' \-dswDSW])
    |(?P<char>[A-Za-z0-9 _,:;=!@%&'"<>/~`-])
    |(?P<gap>\.|\^|\$|\\b|\\B)""",
    re.VERBOSE,
)
_TIMES = re.compile(r"(?:(?P<sign>[*+?])|\{(?P<low>\d{1,3})(?P<more>,(?P<high>\d{0,3}))?\})\??")
_CLASSES = {"d": "0-9", "s": r"\t\n\f\r ", "w": "0-9A-Za-z_"}
"""RE2's, which are ASCII."""
_ODD = re.compile(r"--|&&|\|\||~~|[^A-Za-z0-9\[^]-[^A-Za-z0-9\]]")
"""What stands for something else, or may, in a class of Python's."""
_ASCII = "".join(map(chr, range(32, 127)))
_MAX_CHARACTERS = 64

Run = Callable[[str], Any]
"""Text -> something true if the row stands in it."""


class _Piece(NamedTuple):
    source: str
    """One character, as Python's `re` writes it; empty for what is not read."""
    low: int
    high: int


def run(pattern: str, flags: str) -> Run | None:
    """The most telling row of characters; None if none tells more than single characters would."""
    if "i" in flags or "|" in pattern:
        return None
    rows = [_trimmed(row)[:_MAX_CHARACTERS] for row in _rows(_pieces(pattern))]
    rows = [row for row in rows if len(row) > 1 and any(source[0] == "[" for source in row)]
    return re.compile("".join(max(rows, key=_told))).search if rows else None


def signs(pattern: str) -> dict[str, int]:
    """Characters without case that stand in whatever matches, and how often at least."""
    found = Counter[str]()
    for source, low, _ in () if "|" in pattern else _pieces(pattern):
        sign = source[-1:]
        if sign and low and source in (sign, f"\\{sign}") and not sign.isalpha():
            found[sign] += low
    return dict(found)


def _trimmed(row: list[str]) -> list[str]:
    """Without the wide classes before a character: `re` looks for a character at once."""
    wide = next((n for n, source in enumerate(row) if _bits(source) >= 2), 0)
    return row[wide:] if row[wide:] and row[wide][0] != "[" else row


def _told(row: Iterable[str]) -> float:
    return sum(map(_bits, row))


def _pieces(pattern: str) -> Iterator[_Piece]:
    """What stands at the top, up to what is not read here."""
    at = len(pattern) if REACHES_BACK.search(pattern) else 0
    while (token := _TOKEN.match(pattern, at)) is not None:
        source = _source(token)
        if source is None:
            return
        at = token.end()
        low, high = 1, 1
        if (times := _TIMES.match(pattern, at)) is not None:
            at, (low, high) = times.end(), _counts(times)
        if pattern[at : at + 1] in ("*", "+", "?", "{"):
            return
        yield _Piece(source, low, high)


def _source(token: re.Match[str]) -> str | None:
    text = token[0]
    if token["gap"]:
        return ""
    if token["char"]:
        return re.escape(text)
    if token["escape"]:
        name = text[1]
        if name.lower() in _CLASSES:
            return f"[{'^' if name.isupper() else ''}{_CLASSES[name.lower()]}]"
        return re.escape(name)
    if _ODD.search(text) or any(f"{a}\\{b}" in text or f"\\{b}{a}" in text for a in "-" for b in _CLASSES):
        return None
    for name, members in _CLASSES.items():
        text = text.replace(f"\\{name}", members)
    return text


def _counts(times: re.Match[str]) -> tuple[int, int]:
    if times["sign"]:
        return {"*": (0, 1000), "+": (1, 1000), "?": (0, 1)}[times["sign"]]
    low = int(times["low"])
    return low, int(times["high"] or 1000) if times["more"] else low


def _rows(pieces: Iterator[_Piece]) -> Iterator[list[str]]:
    """Every longest row: what may be repeated ends one, and begins the next."""
    row: list[str] = []
    for source, low, high in pieces:
        if source:
            row = row + [source] * low
        if not source or low != high:
            yield row
            row = [source] * low if source else []
    yield row


@cache
def _bits(source: str) -> float:
    """How much one character tells."""
    return log2(len(_ASCII) / max(1, len(re.findall(source, _ASCII))))
