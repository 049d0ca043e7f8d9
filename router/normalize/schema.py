"""The ECS 9.4.0 field table: what type a field has, whether it holds a list, which values and pairs are allowed."""

import difflib
import gzip
from functools import cache
from pathlib import Path
from typing import NamedTuple

import orjson

VERSION = "9.4.0"
_TEXT = frozenset(("keyword", "constant_keyword", "wildcard", "text", "match_only_text", "version"))
_WHOLE = frozenset(("long", "integer", "short", "byte", "unsigned_long"))
_REAL = frozenset(("float", "double", "half_float", "scaled_float"))
_OPEN = frozenset(("object", "flattened", "nested"))
# Fields whose ECS description asks for lower case.
_LOWER = frozenset(
    ("network.application", "network.protocol", "network.transport", "network.type", "tls.next_protocol", "tls.version_protocol")
)
RESERVED = frozenset(("ecs.version", "event.created", "event.original", "log.syslog", "log.source.address", "tags"))
"""Targets that the engine writes itself."""
HEADER_HOST = "log.syslog.hostname"
"""What a file may write all the same: that the name in the header is no more than that, or stays beside observer.hostname."""


class Field(NamedTuple):
    """One ECS field. `kind` is what coercion goes by."""

    name: str
    kind: str
    """text, lower, mac, ip, whole, real, boolean, date, open (any object below it is free), point."""
    array: bool
    allowed: dict[str, list[str]] | None = None
    """Allowed values, each with the event.type values that ECS expects beside it (event.category only)."""

    @property
    def chosen(self) -> bool:
        """Does ECS leave no other values than those allowed? It does so for what sorts events."""
        return self.allowed is not None and self.name.startswith("event.")


def _kind(name: str, ecs_type: str) -> str:
    if name.endswith(".mac"):
        return "mac"
    if ecs_type in _TEXT:
        return "lower" if name in _LOWER else "text"
    if ecs_type in _WHOLE:
        return "whole"
    if ecs_type in _REAL:
        return "real"
    return {"ip": "ip", "boolean": "boolean", "date": "date", "geo_point": "point"}.get(ecs_type, "open")


@cache
def fields() -> dict[str, Field]:
    """Every ECS field by its dotted name."""
    table = orjson.loads(gzip.decompress(Path(__file__).with_name("ecs.json.gz").read_bytes()))["fields"]
    made = {}
    for name, entry in table.items():
        values = entry.get("v")
        made[name] = Field(name, _kind(name, entry["t"]), bool(entry.get("a")), values)
    return made


@cache
def roots() -> frozenset[str]:
    """First names of all ECS fields that have something below them."""
    return frozenset(name.partition(".")[0] for name in fields() if "." in name)


@cache
def inner() -> frozenset[str]:
    """Names that have ECS fields below them: an object must stand there."""
    return frozenset(".".join(name.split(".")[:n]) for name in fields() for n in range(1, name.count(".") + 1))


def plain_object(name: str) -> bool:
    """Is there always one object under this name, if anything (and never a list of objects)?"""
    held = fields().get(name)
    return name in inner() and (held is None or held.kind != "open")


def field(name: str) -> Field | None:
    """The field, also where it lies below one that takes any object (`labels.x`); None when ECS has no such field."""
    table = fields()
    if name in table:
        return table[name]
    parts = name.split(".")
    for n in range(len(parts) - 1, 0, -1):
        parent = table.get(".".join(parts[:n]))
        if parent is not None:
            return Field(name, "free", False) if parent.kind == "open" and ".".join(parts[:n]) not in inner() else None
    return None


def closest(name: str) -> str:
    """The ECS field that was probably meant; empty when nothing is near."""
    near = difflib.get_close_matches(name, fields(), 1, 0.75)
    return near[0] if near else ""


def pair_allowed(category: str, event_type: str) -> bool:
    """May event.type stand beside this event.category? False too for a category that ECS does not have."""
    allowed = fields()["event.category"].allowed or {}
    return event_type in allowed.get(category, ())
