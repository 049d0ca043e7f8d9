"""IBM Log Event Extended Format 1.0 and 2.0: the delimiter stands in the header of 2.0, as a character or in hex."""

import re
from collections.abc import Callable
from typing import Any

from router.normalize.formats.piped import opened, put

HEADER = ("leef_version", "vendor", "product", "version", "event_id")
_NAMES = frozenset(HEADER)
_KNOWN: set[str] = set()
"""Keys without blanks around them; all are forgotten when there are too many."""
_MOST_KEYS, _LONG_KEY = 4096, 60
_MOST = 500
"""Attributes of a line; one with more is read step by step, as one is where something is odd."""
_HEX = re.compile(r"\A(?:0[xX]|[xX])([0-9A-Fa-f]{1,4})\Z")
_KEY = re.compile(r"(?:^|(?<=\s))([A-Za-z_][\w.\-]{0,127})=")
_BEGUN = re.compile(r"[A-Za-z_][\w.\-]{0,127}\Z")
_PIPED = re.compile(r"[A-Za-z]\w{0,63}=[^|=]{0,256}\|[A-Za-z]\w{0,63}=")
_CARETED = re.compile(r"[A-Za-z]\w{0,63}=[^^=]{0,256}\^[A-Za-z]\w{0,63}=")


def _delimiter(text: str) -> str | None:
    """The delimiter that a 2.0 header names; tab when it is empty; None when this is no delimiter."""
    if text == "":
        return "\t"
    found = _HEX.match(text)
    if found is not None:
        return chr(int(found[1], 16))
    return text if len(text) == 1 else {"\\t": "\t", "tab": "\t"}.get(text.lower())


def compile_leef() -> Callable[[str], dict[str, Any] | None]:
    """A parser: header names of `HEADER`, attributes by their own key."""

    def parse(text: str) -> dict[str, Any] | None:
        parts = opened(text, "LEEF:", HEADER)
        if parts is None:
            return None
        (out, body), delimiter = parts, "\t"
        if out["leef_version"].startswith("2"):
            first, found, rest = body.partition("|")
            named = _delimiter(first) if found else None
            if named is not None:
                delimiter, body = named, rest
        elif "\t" not in body and _PIPED.match(body):
            delimiter = "|"  # PAN-OS 4 to 8 was documented so
        elif "\t" not in body and _CARETED.match(body):
            delimiter = "^"  # as FireEye and Trellix write 1.0
        usual = _usual(body, delimiter)
        if usual is not None:
            out.update(usual)
            return out
        for key, value in _attributes(body, delimiter):
            put(out, key if key not in HEADER else f"attribute.{key}", value)
        return out

    return parse


def _usual(body: str, delimiter: str) -> dict[str, str] | None:
    """The attributes of a body in which nothing is odd: no key repeats or has blanks around it, no text without a `=`."""
    if delimiter not in body or "\n" in body or "\r" in body:
        return None
    body = body.rstrip(delimiter)
    if body.count(delimiter) >= min(body.count("="), _MOST):
        return None
    tokens = body.split(delimiter)
    try:
        found: dict[str, str] = dict([token.split("=", 1) for token in tokens])
    except ValueError:
        return None
    if len(found) != len(tokens) or not _NAMES.isdisjoint(found):
        return None
    return found if _KNOWN.issuperset(found) or all(map(_is_key, found)) else None


def _is_key(word: str) -> bool:
    if not word or word != word.strip():
        return False
    if len(word) < _LONG_KEY:
        if len(_KNOWN) >= _MOST_KEYS:
            _KNOWN.clear()
        _KNOWN.add(word)
    return True


def _attributes(body: str, delimiter: str) -> list[tuple[str, str]]:
    """Pairs in order. Without the delimiter, a value ends at the next `key=`; text without `=` belongs to the value before.

    At the end it does not where it looks like the beginning of a key: the line was cut off.
    """
    found = list(_KEY.finditer(body)) if delimiter not in body and body.count("=") > 1 else []
    if found:
        ends = [m.start() for m in found[1:]] + [len(body)]
        return [(m[1], body[m.end() : end].strip()) for m, end in zip(found, ends, strict=True)]
    pairs: list[tuple[str, str]] = []
    *tokens, last = body.split(delimiter)
    begun = bool(tokens) and _BEGUN.match(last) is not None
    for token in tokens if begun else [*tokens, last]:
        key, found_pair, value = token.partition("=")
        if found_pair and key.strip():
            pairs.append((key.strip(), value.strip("\r\n")))
        elif token.strip() and pairs:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}{delimiter}{token}")
        elif token.strip():
            pairs.append(("_text", token.strip()))
    if begun:
        pairs.append(("_text", last))
    return pairs
