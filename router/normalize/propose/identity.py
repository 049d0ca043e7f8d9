"""Literals by which the lines of a sample can be told from those of other sources."""

import re
from collections.abc import Sequence
from typing import Any

from router.normalize.identify import HEAD
from router.normalize.propose.forms import Form

_WORD = re.compile(r"[A-Za-z][A-Za-z_\-]{3,40}")
_COMMON = frozenset("time date level message host true false null info error warning user from with".split())


_MOST_ITEMS, _ENOUGH = 4, 0.95


def identity(lines: Sequence[str], form: Form, name: str) -> list[dict[str, Any]]:
    """The items of `identify`: one whose literals are in all lines, or a few that together cover nearly all.

    Where a few do not do, and for columns (all of them values), it is what the receiver is told: a sourcetype of this name.
    """
    if form.name == "csv":
        return [{"sourcetype": name}]
    heads = [line[:HEAD] for line in lines]
    items: list[dict[str, Any]] = []
    left = heads
    while left and len(items) < _MOST_ITEMS and len(left) > (1 - _ENOUGH) * len(heads):
        found = _shared(left, form)
        if not found:
            return [{"sourcetype": name}]
        items.append({"contains": found})
        left = [head for head in left if not all(text in head for text in found)]
    return items if len(left) <= (1 - _ENOUGH) * len(heads) else [{"sourcetype": name}]


def _shared(heads: Sequence[str], form: Form) -> list[str]:
    """Literals of the first line that are in all lines; else the one that is in most of them, if those are several."""
    texts = _telling(heads[0], form)
    if everywhere := [text for text in texts if all(text in head for head in heads)]:
        return everywhere[:3]
    counts = [(sum(text in head for head in heads), text) for text in texts]
    count, text = max(counts, default=(0, ""), key=lambda item: item[0])
    return [text] if text and (count > 1 or len(heads) == 1) else []


def _telling(head: str, form: Form) -> list[str]:
    """Texts of the first line that are worth a look in the others, the most telling first."""
    if form.name in ("cef", "leef"):
        start = re.search(r"(CEF:\d\|[^|]*\|[^|]*\||LEEF:[\d.]+\|[^|]*\|[^|]*\|)", head)
        return [start[1]] if start else []
    keys = _keys(head, form)
    ordered = sorted(dict.fromkeys(keys), key=lambda text: (-len(text), text))
    return ordered or sorted(_words(head), key=lambda text: (-len(text), text))


def _keys(head: str, form: Form) -> list[str]:
    if form.name == "json":
        return re.findall(r'"[A-Za-z_][\w.@\-]{2,40}"(?=\s*:)', head)
    if form.name == "kv":
        return [f"{before}{key}" for before, key in re.findall(r"([\s,;|])([A-Za-z_][\w.\-]{2,40}=)", head)]
    if form.name == "xml":
        return re.findall(r"<[A-Za-z_][\w.:\-]{3,40}(?=[ >])", head)
    return []


def _words(head: str) -> set[str]:
    return {word for word in _WORD.findall(head) if word.lower() not in _COMMON}
