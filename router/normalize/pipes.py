"""Pipes: what may be done to a value on its way into a field. Each gives the new value, or None for none; none of them raises."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

import orjson

from router.normalize import coerce
from router.normalize.durations import nanoseconds
from router.normalize.remembered import RememberedScalar, RememberedText
from router.normalize.search_pipes import first_group, line_after, named_groups
from router.normalize.telemetry_pipes import answered_addresses, arguments, dns_results, name_part, named, renamed

Transform: TypeAlias = Callable[[Any], Any]
Tables: TypeAlias = Mapping[str, Transform]
_URL_PARTS = frozenset(("scheme", "domain", "port", "path", "query", "fragment", "extension", "username", "full"))
_AUTHORITY = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]]+):\d{1,5}$")
"""A host and a port alone, as tunnels are asked for (RFC 9110, authority-form); to the standard library the host is a scheme."""

LOSSLESS = frozenset(("int", "float", "mul", "split", "strip", "lstrip", "rstrip", "hexint", "json", "list", "ip", "duration"))
"""Pipes after which the value counts as kept: it need not stand in `rest` too."""


def _text_pipe(change: Callable[[str], Any]) -> Transform:
    """Of one text; of every item of a list; numbers as their text. `of_text`: what generated code calls for text."""

    def pipe(value: Any) -> Any:
        if type(value) is str:
            return change(value)
        if type(value) is list:
            found = [change(item) if type(item) is str else item for item in value]
            return [item for item in found if item is not None] or None
        text = coerce.text(value)
        return change(text) if text is not None else None

    pipe.__dict__["of_text"] = change
    return pipe


def _split(separator: str | None) -> Transform:
    def pipe(value: Any) -> Any:
        if type(value) is not str:
            return value
        parts = value.split(separator) if separator else value.split()
        return [part for part in map(str.strip, parts) if part] or None

    return pipe


def _join(separator: str) -> Transform:
    def pipe(value: Any) -> Any:
        if type(value) is not list:
            return value
        return separator.join(filter(None, map(coerce.text, value)))

    return pipe


def _index(position: int) -> Transform:
    def pipe(value: Any) -> Any:
        if type(value) is not list:
            return value if position in (0, -1) else None
        return value[position] if -len(value) <= position < len(value) else None

    return pipe


def _scaled(factor: float, divide: bool) -> Transform:
    exact = int(factor) if float(factor).is_integer() else factor

    def pipe(value: Any) -> Any:
        number: Any = coerce.whole(value)
        if number is None:
            number = coerce.real(value)
        if number is None:
            return None
        result = number / exact if divide else number * exact
        if type(result) is float and abs(result) < 1 << 62:
            return round(result) if not divide or result.is_integer() else result
        return result if type(result) is int else None

    return pipe


def _hexint(value: Any) -> Any:
    """'0x1f4', '1f4h' or '500' -> 500."""
    if type(value) is not str:
        return value
    bare = value.strip()
    if bare[:2] in ("0x", "0X") and len(bare) < 40:
        try:
            return int(bare, 16)
        except ValueError:
            return None
    return coerce.whole(bare)


def _hex(value: str) -> str | None:
    """Hex digits -> the text that they encode; NULs between arguments become blanks. Other text stays."""
    if len(value) % 2 or not value:
        return value
    try:
        raw = binascii.unhexlify(value)
    except (binascii.Error, ValueError):
        return value
    return raw.rstrip(b"\x00").replace(b"\x00", b" ").decode("utf-8", "replace")


def _b64(value: str) -> str | None:
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw.decode("utf-16-le" if raw[1:2] == b"\x00" else "utf-8", "replace")


def _basename(value: str) -> str | None:
    return value[max(value.rfind("\\"), value.rfind("/")) + 1 :] or None


def _dirname(value: str) -> str | None:
    at = max(value.rfind("\\"), value.rfind("/"))
    return value[:at] if at > 0 else None


def _path(value: str) -> SplitResult:
    """What a request asks for when it begins with two slashes: a path, and no host as in a link of a page."""
    rest, _, fragment = value.partition("#")
    path, _, query = rest.partition("?")
    return SplitResult("", "", path, query, fragment)


def _url(part: str) -> Callable[[str], Any]:
    def change(value: str) -> Any:
        try:
            url = (
                _path(value)
                if value[:2] == "//"
                else urlsplit(value if "/" in value or _AUTHORITY.match(value) is None else f"//{value}")
            )
            if part == "domain":
                return url.hostname
            if part == "extension":
                name = url.path.rpartition("/")[2]
                return name.rpartition(".")[2] or None if "." in name else None
            if part == "full":
                return value if url.scheme and url.netloc else None
            return getattr(url, part) or None
        except ValueError:
            return None

    return change


def _query(key: str) -> Callable[[str], str | None]:
    """The value of a key in a query string or URL."""

    def change(value: str) -> str | None:
        for pair in value.rpartition("?")[2].split("&"):
            name, found, text = pair.partition("=")
            if found and name == key:
                return unquote(text.replace("+", " "))
        return None

    return change


def _cut(method: str, text: str) -> Callable[[str], str | None]:
    side = 0 if method.endswith("before") else 2
    split = str.rpartition if method[0] == "r" else str.partition

    def change(value: str) -> str | None:
        parts = split(value, text)
        return (parts[side] or None) if parts[1] else None

    return change


def _json(value: Any) -> Any:
    if type(value) is not str:
        return value
    try:
        return orjson.loads(value)
    except ValueError:
        return None


def _only(values: tuple[str, ...]) -> Transform:
    allowed = frozenset(values)

    def pipe(value: Any) -> Any:
        if type(value) is list:
            return [item for item in value if coerce.text(item) in allowed] or None
        return value if coerce.text(value) in allowed else None

    return pipe


def _objects(name: str) -> Transform:
    """A list of texts as a list of objects with this one key."""
    return lambda value: [{name: item} for item in (value if type(value) is list else [value])]


def _length(value: Any) -> int | None:
    return len(value) if type(value) in (str, list, dict) else None


def table(name: str, rows: Mapping[Any, Any]) -> Transform:
    """A lookup by text, exact and then in lower case; `_default` for others (`_same`: the value itself, null: no value).

    `rows` of the pipe: the keys whose answer needs no further look; `answers`: every one that it can give, None where that is
    the value itself; `decided`: does it say what becomes of other keys?
    """
    exact = {_key(key): value for key, value in rows.items() if key != "_default"}
    folded = {key.lower(): value for key, value in reversed(exact.items())}
    default = rows.get("_default") if rows.get("_default") != "" else None

    def one(value: Any) -> Any:
        key = value if type(value) is str else coerce.text(value)
        if key is None:
            return default if default != "_same" else None
        found = exact.get(key)
        if found is None:
            found = folded.get(key.strip().lower(), default)
        return value if found == "_same" else found if found != "" else None

    def pipe(value: Any) -> Any:
        if type(value) is list:
            return [item for item in map(one, value) if item is not None] or None
        return one(value)

    pipe.__name__ = f"table_{name}"
    pipe.__dict__["rows"] = {key: value for key, value in exact.items() if value not in (None, "", "_same")}
    given = [answer for answer in (*exact.values(), default) if answer not in (None, "")]
    pipe.__dict__["answers"] = None if "_same" in given else [item for a in given for item in (a if type(a) is list else [a])]
    pipe.__dict__["decided"] = "_default" in rows
    return pipe


def through(transforms: Sequence[Transform]) -> Transform:
    """Several pipes as one; None ends it."""

    def pipe(value: Any) -> Any:
        for transform in transforms:
            if value is None:
                return None
            value = transform(value)
        return value

    return pipe


def _domain(value: str) -> str | None:
    """A host by name: one word that is no address, nor what is left of one (no name is of digits alone: RFC 3696, section 2)."""
    if ":" in value or " " in value or coerce.ip(value) is not None or value.replace(".", "").isdecimal():
        return None
    return value


def _key(key: Any) -> str:
    return coerce.text(key) or str(key)


_hexint.__dict__["of_text"] = RememberedScalar(_hexint, 16_384).__getitem__

_PLAIN: dict[str, Transform] = {
    "lower": _text_pipe(str.lower),
    "upper": _text_pipe(str.upper),
    "basename": _text_pipe(RememberedText(_basename, 8192).__getitem__),
    "dirname": _text_pipe(RememberedText(_dirname, 8192).__getitem__),
    "unquote": _text_pipe(unquote),
    "hex": _text_pipe(_hex),
    "b64": _text_pipe(_b64),
    "args": _text_pipe(arguments),
    "dnsresults": lambda value: dns_results(value) if type(value) is str else None,
    "dnsaddresses": lambda value: answered_addresses(value) if type(value) is str else None,
    "int": coerce.whole,
    "float": coerce.real,
    "hexint": _hexint,
    "json": _json,
    "first": _index(0),
    "last": _index(-1),
    "len": _length,
    "ip": _text_pipe(coerce.ip),
    "domain": _text_pipe(_domain),
    "duration": nanoseconds,
    "list": lambda value: value if type(value) is list else [value],
}
_STRIPS = {"strip": str.strip, "lstrip": str.lstrip, "rstrip": str.rstrip}
_CUTS = ("before", "after", "rbefore", "rafter")


def _one_text(name: str, text: str) -> Transform | None:
    """Pipes with one text argument."""
    if name == "prefix":
        return _text_pipe(lambda value: text + value)
    if name == "suffix":
        return _text_pipe(lambda value: value + text)
    if name in _CUTS:
        return _text_pipe(RememberedText(_cut(name, text), 4096).__getitem__)
    if name == "line_after":
        return _text_pipe(line_after(text))
    if name == "regex":
        return _text_pipe(first_group(text))
    if name == "groups":
        return _text_pipe(named_groups(text))
    if name == "query":
        return _text_pipe(_query(text))
    if name == "url":
        if text not in _URL_PARTS:
            raise ValueError(f"url knows {' '.join(sorted(_URL_PARTS))}, not {text!r}")
        return _text_pipe(_url(text))
    if name == "dn":
        return _text_pipe(name_part(text))
    if name == "named":
        return named(text)
    return _objects(text) if name == "objects" else None


def make(name: str, arguments: tuple[str, ...], tables: Tables) -> Transform:
    """The transform of one pipe. Raises ValueError for an unknown name or wrong arguments."""
    if name in _PLAIN and not arguments:
        return _PLAIN[name]
    if name in _STRIPS and len(arguments) < 2:
        strip, chars = _STRIPS[name], arguments[0] if arguments else None
        return _text_pipe(lambda value: strip(value, chars) or None)
    if name in ("split", "join") and len(arguments) < 2:
        text = arguments[0] if arguments else ""
        return _split(text or None) if name == "split" else _join(text or " ")
    if name == "only" and arguments:
        return _only(arguments)
    if name == "rename" and arguments:
        return renamed(arguments)
    if name == "replace" and len(arguments) == 2:
        old, new = arguments
        return _text_pipe(lambda value: value.replace(old, new) or None)
    if len(arguments) == 1:
        return _one_argument(name, arguments[0], tables)
    raise ValueError(_unknown(name))


def _one_argument(name: str, text: str, tables: Tables) -> Transform:
    if name in ("mul", "div"):
        if _number(text) == 0:
            raise ValueError(f"{name} 0 makes no sense")
        return _scaled(_number(text), name == "div")
    if name == "index":
        return _index(int(_number(text)))
    if name == "table":
        if text not in tables:
            raise ValueError(f"there is no table {text!r}; known: {' '.join(sorted(tables))}")
        return tables[text]
    found = _one_text(name, text)
    if found is None:
        raise ValueError(_unknown(name))
    return found


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None
    return number


NAMES = frozenset(_PLAIN) | frozenset(_STRIPS) | frozenset(_CUTS)
NAMES |= {
    "dn",
    "named",
    "rename",
    "split",
    "join",
    "only",
    "replace",
    "prefix",
    "suffix",
    "regex",
    "line_after",
    "groups",
    "query",
    "url",
    "objects",
    "mul",
    "div",
    "index",
    "table",
}


def _unknown(name: str) -> str:
    if name in NAMES:
        return f"pipe {name!r} has the wrong number of arguments; put those with blanks in '...'"
    return f"there is no pipe {name!r}; known: {' '.join(sorted(NAMES))}"
