"""What CEF and LEEF share: a header between pipes, in which a backslash escapes, and keys that may repeat behind it."""

from collections.abc import Sequence
from typing import Any

_ESCAPES = (("\\=", "="), ("\\|", "|"), ("\\n", "\n"), ("\\r", "\r"), ("\\t", "\t"), ('\\"', '"'))
_ESCAPED_ESCAPE = "\x01"  # a control character that decoding has removed


def opened(text: str, mark: str, names: Sequence[str]) -> tuple[dict[str, Any], str] | None:
    """The values of the header that begins behind `mark`, by name, and what follows it; None where there is none."""
    start = text.find(mark)
    if start < 0 or text[:1] == "{":
        return None  # inside of an object it is the text of a key
    text, count = text[start + len(mark) :], len(names)
    parts = text.split("|", count)
    if "\\" in text and (len(parts) <= count or "\\" in text[: len(text) - len(parts[-1])]):
        parts = _escaped(text, count)
    return (dict(zip(names, map(str.strip, parts), strict=False)), parts[-1]) if len(parts) == count + 1 else None


def _escaped(text: str, count: int) -> list[str]:
    """The first `count` values between pipes and the rest; fewer where there are not so many."""
    made: list[str] = []
    held = ""
    raw = text.split("|")
    for i, part in enumerate(raw):
        if len(made) == count:
            return [*made, "|".join(raw[i:])]
        held += part
        if (len(part) - len(part.rstrip("\\"))) % 2:
            held += "|"
            continue
        made.append(unescaped(held.replace("\\|", "|")))
        held = ""
    return [*made, ""] if len(made) == count else []


def unescaped(text: str) -> str:
    """Text without its escapes."""
    if "\\" not in text:
        return text
    text = text.replace("\\\\", _ESCAPED_ESCAPE)
    if "\\" in text:
        for escaped, plain in _ESCAPES:
            text = text.replace(escaped, plain)
    return text.replace(_ESCAPED_ESCAPE, "\\")


def put(out: dict[str, Any], key: str, value: str) -> None:
    """Another value of a key makes a list of them; the same one again says nothing new."""
    held = out.get(key)
    if held is None:
        out[key] = value
    elif held != value:
        out[key] = [*held, value] if type(held) is list else [held, value]
