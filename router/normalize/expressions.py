"""The right side of `map`: `a // b // 'text' | pipe arg`, read into a small tree."""

import re
from typing import Any, Literal, NamedTuple

Path = tuple[str | int, ...]
_SEGMENT = re.compile(r'"([^"]+)"|([^."]+)')
_PIPE_ARGUMENT = re.compile(r"'((?:[^']|'')*)'|(\S+)")
_AT = frozenset(("body", "raw", "syslog", "peer", "source", "meta", "receipt", "tz", "host"))
_HEAD = frozenset(("hostname", "appname", "procid", "msgid", "priority", "severity", "facility", "time", "version", "sd"))


class Ref(NamedTuple):
    """Where one value comes from."""

    kind: Literal["record", "line", "document", "constant"]
    path: Path = ()
    value: Any = None


class Pipe(NamedTuple):
    name: str
    arguments: tuple[str, ...] = ()


class Choice(NamedTuple):
    """The first of `refs` that is present and not empty, through `pipes`."""

    refs: tuple[Ref, ...]
    pipes: tuple[Pipe, ...] = ()


class Expression(NamedTuple):
    """The first of `choices` that yields a value."""

    choices: tuple[Choice, ...]

    @property
    def record_paths(self) -> tuple[Path, ...]:
        """Every path of the parsed record that it may read."""
        return tuple(ref.path for choice in self.choices for ref in choice.refs if ref.kind == "record")


def parse(value: Any) -> Expression:
    """Text, or a list of texts. Raises ValueError with what is wrong."""
    if isinstance(value, list):
        if not value:
            raise ValueError("an empty list gives nothing")
        return Expression(tuple(_choice(item) for item in value))
    return Expression((_choice(value),))


def _choice(text: Any) -> Choice:
    if isinstance(text, bool) or not isinstance(text, (str, int)):
        raise ValueError(f"{text!r} is no expression; write a field name, or a constant in '...'")
    head, *pipes = _split(str(text), "|")
    refs = tuple(reference(part) for part in _split(head, "//"))
    return Choice(refs, tuple(_pipe(part) for part in pipes))


def _split(text: str, separator: str) -> list[str]:
    """Split outside of quotes."""
    parts, start, quote, i = [], 0, "", 0
    while i < len(text):
        char = text[i]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"" and (char == '"' or i == 0 or not text[i - 1].isalnum()):
            quote = char
        elif text.startswith(separator, i):
            parts.append(text[start:i].strip())
            i += len(separator)
            start = i
            continue
        i += 1
    if quote:
        raise ValueError(f"the quote {quote} is not closed")
    parts.append(text[start:].strip())
    return parts


def reference(text: str) -> Ref:
    """One field name of any kind. Raises ValueError."""
    if not text:
        raise ValueError("a field name is missing")
    if text[0] == "'":
        if len(text) < 2 or text[-1] != "'":
            raise ValueError(f"{text} is not closed")
        return Ref("constant", (), text[1:-1].replace("''", "'"))
    if text[0] == "@" and text[1:].partition(".")[0] in _AT:
        return _line_reference(path(text[1:]))
    if text[0] == "@":
        known = " ".join(f"@{name}" for name in sorted(_AT))
        raise ValueError(
            f"{text!r} is nothing that is known of a line, which are {known}; a key of that name stands in double quotes"
        )
    if text[0] == "$":
        return Ref("document", path(text[1:]))
    return Ref("record", path(text))


def _line_reference(found: Path) -> Ref:
    first = found[0]
    if first == "syslog" and (len(found) < 2 or found[1] not in _HEAD):
        raise ValueError(f"@syslog has no such part; known: {' '.join(sorted(_HEAD))}")
    if first == "meta" and len(found) != 2:
        raise ValueError("write @meta.NAME")
    return Ref("line", found)


def path(text: str) -> Path:
    """`a."b c".0` -> ("a", "b c", 0). Raises ValueError."""
    segments: list[str | int] = []
    at = 0
    while True:
        found = _SEGMENT.match(text, at)
        if found is None:
            raise ValueError(f"{text!r} is no path; put names with dots in double quotes")
        name = found[1] if found[1] is not None else found[2].strip()
        segments.append(int(name) if found[1] is None and name.isdecimal() and segments else name)
        at = found.end()
        if at == len(text):
            return tuple(segments)
        if text[at] != ".":
            raise ValueError(f"{text!r} is no path; expected a dot after {name!r}")
        at += 1


def _pipe(text: str) -> Pipe:
    name, _, rest = text.partition(" ")
    if not name:
        raise ValueError("a pipe is missing its name")
    arguments = tuple(
        found[1].replace("''", "'") if found[1] is not None else found[2] for found in _PIPE_ARGUMENT.finditer(rest)
    )
    return Pipe(name, arguments)
