"""Flow logs of Azure's network watcher: a record holds lists of lists of tuples, and each tuple is an event.

Microsoft Learn, "Flow logging for network security groups" (versions 1 and 2) and "Virtual network flow logs" (version 4).
"""

from collections.abc import Iterator
from typing import Any

import orjson

_CATEGORIES = ("NetworkSecurityGroupFlowEvent", "FlowLogFlowEvent")


def may_hold_flows(head: str) -> bool:
    """Is it a record of flows, or several? `head`: where a record names its category."""
    return "FlowEvent" in head and any(name in head for name in _CATEGORIES)


def flows(value: Any) -> list[bytes] | None:
    """An object for each tuple, with what its record, rule and card say; None where there is no tuple."""
    records = value.get("records", [value]) if type(value) is dict else None
    found = [orjson.dumps(item) for record in _objects(records) for item in _of_record(record)]
    return found or None


def _of_record(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    properties, version_4 = record.get("properties"), record.get("flowRecords")
    told = {key: item for key, item in record.items() if key not in ("properties", "flowRecords")}
    if type(properties) is dict:
        told["version"] = properties.get("Version")
        for rule in _objects(properties.get("flows")):
            for card in _objects(rule.get("flows")):
                yield from _tuples(card, {**told, "rule": rule.get("rule"), "mac": card.get("mac")})
    if type(version_4) is dict:
        for flow in _objects(version_4.get("flows")):
            for group in _objects(flow.get("flowGroups")):
                yield from _tuples(group, {**told, "rule": group.get("rule"), "aclID": flow.get("aclID")})


def _tuples(holder: dict[str, Any], told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    found = holder.get("flowTuples")
    for item in found if type(found) is list else ():
        if type(item) is str:
            yield {"flowTuple": item, **told}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if type(item) is dict] if type(value) is list else []
