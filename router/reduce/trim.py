"""Takes fields out of a document, or shortens them, just before it goes to a sink that a trim rule covers."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson

from router.reduce.fields import change


class Cut(NamedTuple):
    """One field of a trim rule: removed, or if `keep_characters` is set, text longer than that is cut there."""

    field: str
    keep_characters: int | None = None


def compile_trim(cuts: Iterable[Cut]) -> Callable[[bytes], bytes]:
    """document -> smaller document. What is not a JSON object, or does not have the fields, comes back as it is."""
    edits = [(cut.field.split("."), _edit(cut.keep_characters)) for cut in cuts]

    def trim(body: bytes) -> bytes:
        try:
            event = orjson.loads(body)
        except orjson.JSONDecodeError:
            return body
        changed = sum(change(event, parts, edit) for parts, edit in edits)
        return orjson.dumps(event) if changed else body

    return trim


def _edit(keep_characters: int | None) -> Callable[[dict[str, Any], str], bool]:
    def remove(parent: dict[str, Any], key: str) -> bool:
        del parent[key]
        return True

    def shorten(parent: dict[str, Any], key: str) -> bool:
        value = parent[key]
        is_long = isinstance(value, str) and len(value) > (keep_characters or 0)
        if is_long:
            parent[key] = value[:keep_characters]
        return is_long

    return remove if keep_characters is None else shorten
