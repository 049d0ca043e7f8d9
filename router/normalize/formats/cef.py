"""ArcSight Common Event Format (CEF implementation standard, version 26), with what devices really send."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from router.normalize.formats.piped import opened, put, unescaped
from router.normalize.remembered import RememberedText

HEADER = ("cef_version", "vendor", "product", "version", "class_id", "name", "severity")
_NAMES = frozenset(HEADER)
_KEY = re.compile(r"(?:^|(?<=\s)|(?<=\s\\n))([\w.\-\[\]]{1,128})=")
"""After a blank, or after one and a line break that something on the way has written as `\\n`."""
_WORD = re.compile(r"[\w.\-\[\]]{1,128}")
_KNOWN: set[str] = set()
"""Words that are keys by their letters; all are forgotten when there are too many."""
_MOST_KEYS, _LONG_KEY = 4096, 60
_BLANKS = " \t\r\n"
_LONG_VALUE = 4096
_LABELLED = re.compile(
    r"\A((?:cs|cn|cfp|c6a|deviceCustomDate|deviceCustomString|deviceCustomNumber|flexString|flexNumber|flexDate|ad)\.?\w*)Label\Z"
)


def _labels(key: str) -> str | None:
    found = _LABELLED.match(key)
    return found[1] if found is not None else None


_LABELS = RememberedText(_labels, 1024)
"""cs1Label -> cs1; None for keys that name no other."""


def extensions(text: str) -> dict[str, Any]:
    """`key=value key=value`: a value ends where the next key begins; `\\=` is no key."""
    return _usual(text) or _any(text)


def _usual(text: str) -> dict[str, Any] | None:
    """The pairs of text in which nothing is odd: no key repeats, blanks stand before keys, and nothing before the first one."""
    parts = text.split("=")
    key = parts[0].lstrip(" ")
    if len(parts) < 2 or not _is_key(key) or "\\n" in text:
        return None
    out: dict[str, Any] = {}
    known, held, count, last = _KNOWN, "", 1, parts.pop()
    for part in parts[1:]:
        value, blank, name = part.rpartition(" ")
        if blank and (name in known or _is_key(name)):
            out[key] = (held + value if held else value).strip(_BLANKS)
            key, held, count = name, "", count + 1
        elif (name and name.split() != [name]) or len(held) > _LONG_VALUE:
            return None
        else:
            held = f"{held}{part}="
    out[key] = (held + last).strip(_BLANKS)
    if len(out) != count:
        return None
    if "\\" in text:
        for key, value in out.items():
            if "\\" in value:
                out[key] = unescaped(value)
    return out


def _is_key(word: str) -> bool:
    if word in _KNOWN:
        return True
    if _WORD.fullmatch(word) is None:
        return False
    if len(word) < _LONG_KEY:
        if len(_KNOWN) >= _MOST_KEYS:
            _KNOWN.clear()
        _KNOWN.add(word)
    return True


def _any(text: str) -> dict[str, Any]:
    out: dict[str, Any] = {}
    found = [m for m in _KEY.finditer(text) if text[m.end() - 2] != "\\"]
    for i, m in enumerate(found):
        value = text[m.end() : found[i + 1].start() if i + 1 < len(found) else len(text)]
        value = unescaped(value.strip(" \t\r\n").removesuffix(" \\n"))
        put(out, m[1], value)
    if found and (lead := text[: found[0].start()].strip()):
        out["_text"] = lead
    elif not found and text.strip():
        out["_text"] = text.strip()
    return out


def labelled(out: dict[str, Any]) -> dict[str, Any]:
    """cs1=x cs1Label=Policy -> Policy=x. A label that is taken, or has no value, leaves both as they are."""
    for key in [k for k in out if k.endswith("Label")]:
        named = _LABELS[key]
        label = out[key]
        if named is None or type(label) is not str or not label or label in out or named not in out:
            continue
        out[label] = out.pop(named)
        del out[key]
    return out


def compile_cef(strip_prefix: Sequence[str] = (), labels: bool = False) -> Callable[[str], dict[str, Any] | None]:
    """A parser: header names of `HEADER`, extensions by their own key. `strip_prefix` leaves vendor prefixes of keys out."""
    prefixes = tuple(strip_prefix)

    def parse(text: str) -> dict[str, Any] | None:
        found = opened(text, "CEF:", HEADER)
        if found is None:
            return None
        out, rest = found
        body = extensions(rest)
        if prefixes:
            body = {_bare(key, prefixes, body) if key.startswith(prefixes) else key: value for key, value in body.items()}
        if labels and "Label" in rest:
            body = labelled(body)
        if _NAMES.isdisjoint(body):
            out.update(body)
            return out
        for key, value in body.items():
            out[key if key not in out else f"extension.{key}"] = value
        return out

    return parse


def _bare(key: str, prefixes: tuple[str, ...], taken: dict[str, Any]) -> str:
    for prefix in prefixes:
        if key.startswith(prefix) and len(key) > len(prefix) and key[len(prefix) :] not in taken:
            return key[len(prefix) :]
    return key
