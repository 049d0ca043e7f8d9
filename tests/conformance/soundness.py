"""What must hold of every document, whatever came in: it can be written, its types are those of ECS, no field holds a piece of another."""

import re
from collections.abc import Iterator
from typing import Any

import orjson

from router.batch import Event
from router.normalize import schema
from router.normalize.coerce import COERCIONS

_RAISED = re.compile(r"[A-Z]\w*(Error|Exception): ")
_KEY = re.compile(r'(?:^|[\s,;|])([A-Za-z_][\w.\-]{1,40})=(?=["\w])')
_FREE_TEXT = re.compile(
    r"message$|original|command_line|args|title|url\.|http\.|user_agent|error\.|reason|description|subject|script|dn$|\.text$"
    r"|distinguished_name|file\.|registry\.|process\.|email\.|tls\.|x509|related\.|labels\.|threat\.|rule\.|^tags"
)
"""Fields that hold whole sentences, addresses or paths, in which `x=` may stand by right."""
_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "lower": (str,),
    "mac": (str,),
    "ip": (str,),
    "whole": (int,),
    "real": (int, float),
    "boolean": (bool,),
    "date": (str,),
}


def faults(documents: list[Event]) -> Iterator[str]:
    """Crashes and type violations, one line each."""
    try:
        sent = orjson.loads(orjson.dumps(documents))
    except (TypeError, ValueError) as error:
        yield f"cannot be written: {error}"
        return
    for document in sent:
        told = document.get("error", {}).get("message") if isinstance(document.get("error"), dict) else None
        if "_norm_failed" in document.get("tags", ()) and isinstance(told, str) and _RAISED.match(told):
            yield f"crash: {told[:160]}"
        yield from _of_node(document, "")


def _of_node(node: dict[str, Any], prefix: str) -> Iterator[str]:
    for key, value in node.items():
        name = f"{prefix}{key}"
        field = schema.fields().get(name)
        if isinstance(value, dict) and (field is None or field.kind in ("open", "point")):
            if field is None:
                yield from _of_node(value, name + ".")
        elif name in schema.inner() and not isinstance(value, dict) and (field is None or field.kind not in ("open",)):
            yield f"{name} is no object: {value!r:.60}"
        elif field is not None:
            yield from _of_field(field, value)


def _of_field(field: schema.Field, value: Any) -> Iterator[str]:
    if field.kind == "open" and isinstance(value, list):
        yield from _of_objects(field.name, value)
        return
    if field.array != isinstance(value, list) and field.kind in _TYPES:
        yield f"{field.name} is {'no list' if field.array else 'a list'}: {value!r:.60}"
        return
    for item in value if isinstance(value, list) else [value]:
        if field.kind in _TYPES and not (isinstance(item, _TYPES[field.kind]) and _has_kind(field.kind, item)):
            yield f"{field.name} is no {field.kind}: {item!r:.60}"


def _of_objects(name: str, items: list[Any]) -> Iterator[str]:
    """What ECS defines below the objects of a list."""
    for key, value in ((key, value) for item in items if isinstance(item, dict) for key, value in item.items()):
        field = schema.fields().get(f"{name}.{key}")
        if field is not None and field.kind in _TYPES and not isinstance(value, (list, dict)):
            yield from _of_field(field._replace(array=False), value)


def _has_kind(kind: str, item: Any) -> bool:
    """A value of its type comes out of its coercion as it went in."""
    if isinstance(item, bool) != (kind == "boolean"):
        return False
    if kind == "date":
        return COERCIONS["date"](item) is not None
    return bool(COERCIONS[kind](item) == item)


def pieces(document: Event, original: str) -> Iterator[str]:
    """Keyword fields that hold the beginning of another key=value of the undamaged line.

    A quote inside the value shows that the end of the value itself was damaged: where it ended can no longer be told.
    """
    keys = set(_KEY.findall(original))
    if len(keys) < 4:
        return
    for name, value in _texts(document, ""):
        if schema.fields().get(name) is None or _FREE_TEXT.search(name):
            continue
        for found in _KEY.finditer(value):
            if found[1] in keys and found.start() and '"' not in value:
                yield f"{name} holds {found[0].strip()!r}: {value!r:.80}"
                break


def _texts(node: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _texts(value, f"{prefix}{key}.")
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str):
                yield f"{prefix}{key}", item
