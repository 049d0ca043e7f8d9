"""Flow logs of Azure's network watcher: a record holds lists of lists of tuples, and each tuple is an event.

Microsoft Learn, "Flow logging for network security groups" (versions 1 and 2) and "Virtual network flow logs" (version 4).
"""

from collections.abc import Iterator
from typing import Any

_CATEGORIES = ("NetworkSecurityGroupFlowEvent", "FlowLogFlowEvent")


def may_hold_flows(head: str) -> bool:
    """Is it a record of flows, or several? `head`: where a record names its category."""
    return "FlowEvent" in head and any(name in head for name in _CATEGORIES)


def flows(value: Any) -> Iterator[Any]:
    """An object for each tuple, with what its record, rule and card say; a record that holds anything else in their places as it
    is. None at all where no record holds tuples.
    """
    records = _listed(value.get("records", [value])) if type(value) is dict else []
    sound = [type(record) is dict and _is_sound(record) for record in records]
    for record, holds in zip(records, sound, strict=True) if any(sound) else ():
        yield from _of_record(record) if holds else (record,)


def _is_sound(record: dict[str, Any]) -> bool:
    """Does it hold tuples, and nothing else in their places?"""
    found = [item for holder, _ in _holders(record) for item in _listed(holder.get("flowTuples"))]
    return bool(found) and all(type(item) is str for item in found)


def _of_record(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for holder, told in _holders(record):
        for item in _listed(holder.get("flowTuples")):
            yield {"flowTuple": item, **told}


def _holders(record: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The objects that hold tuples, and what is said of all of them."""
    properties, version_4 = record.get("properties"), record.get("flowRecords")
    told = {key: item for key, item in record.items() if key not in ("properties", "flowRecords")}
    if type(properties) is dict:
        told["version"] = properties.get("Version")
        for rule in _objects(properties.get("flows")):
            for card in _objects(rule.get("flows")):
                yield card, {**told, "rule": rule.get("rule"), "mac": card.get("mac")}
    if type(version_4) is dict:
        for flow in _objects(version_4.get("flows")):
            for group in _objects(flow.get("flowGroups")):
                yield group, {**told, "rule": group.get("rule"), "aclID": flow.get("aclID")}


def _listed(value: Any) -> list[Any]:
    return value if type(value) is list else []


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in _listed(value) if type(item) is dict]
