"""Which fields the cases and switches of a file may write after others have: what they held before is not taken for good."""

from collections.abc import Iterable
from typing import Any


def blocks(value: Any) -> Iterable[dict[Any, Any]]:
    """Every block of cases and switches, at any depth."""
    if not isinstance(value, dict):
        return
    for case in value.get("cases", ()) if isinstance(value.get("cases"), list) else ():
        if isinstance(case, dict):
            yield case
            yield from blocks(case)
    switches = value.get("switch", ())
    for switch in switches if isinstance(switches, list) else [switches]:
        if isinstance(switch, dict) and isinstance(switch.get("cases"), dict):
            for block in [*switch["cases"].values(), switch.get("default")]:
                if isinstance(block, dict):
                    yield block
                    yield from blocks(block)


def block_targets(value: dict[str, Any]) -> set[str]:
    """Fields that a case or switch may overwrite."""
    found: set[str] = set()
    for block in blocks(value):
        for key in ("set", "map", "unset"):
            part = block.get(key)
            found.update(_flat_names(part) if isinstance(part, dict) else map(str, part) if isinstance(part, list) else ())
    return found


def doubly_mapped(value: dict[str, Any]) -> set[str]:
    """Fields that blocks map from different expressions: one may overwrite the other."""
    seen: dict[str, set[str]] = {}
    for block in blocks(value):
        part = block.get("map")
        for name, item in _flat_items(part) if isinstance(part, dict) else ():
            seen.setdefault(name, set()).add(repr(item))
        for name in _flat_names(block.get("set")) if isinstance(block.get("set"), dict) else ():
            seen.setdefault(name, set()).add("set")
    return {name for name, items in seen.items() if len(items) > 1}


def _flat_items(value: dict[Any, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _flat_items(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def _flat_names(value: Any) -> Iterable[str]:
    return [name for name, _ in _flat_items(value)]
