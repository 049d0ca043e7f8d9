"""The alert of a correlation: an ECS document with the group, the count, the window and the events it was made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from router.batch import Event
from router.correlate.firing import Firing
from router.correlate.match import Match
from router.detect.alerts import about, timestamp, written

_RELATED = {"ip": (("source", "ip"), ("destination", "ip")), "user": (("user", "name"),), "hosts": (("host", "name"),)}


def signal_document(firing: Firing) -> Event:
    """ECS `event.kind: alert`. Fields in which all shown matches agree are the alert's own."""
    correlation = firing.correlation
    document = _common([match.event for match in firing.window])
    facts = document.pop("event", {})
    document.update(about(correlation, firing.time))
    document["event"].update({key: facts[key] for key in ("action", "code", "outcome") if key in facts})
    document["event"].update(start=timestamp(firing.started), end=timestamp(firing.time))
    document["message"] = _message(firing)
    document["related"] = _related(firing.window)
    document["logweir"]["event"] = {"id": written(firing.match.id)}
    document["logweir"]["correlation"] = {
        **_value(firing),
        "type": correlation.type,
        "count": firing.size,
        "group": dict(zip(correlation.group_by, firing.group, strict=True)),
        "timespan": correlation.timespan_seconds,
        "rules": sorted({match.rule for match in firing.window}),
        "events": [match.event_id for match in firing.window if match.event_id],
        "credits": _credits(firing.window),
        "window": "sliding",
        "degraded": firing.degraded,
    }
    return _with_object(document, firing)


_OBJECT_FIELDS = {"user": ("user", "name"), "host": ("host", "name"), "address": ("source", "ip")}


def _with_object(document: Event, firing: Firing) -> Event:
    """A risk alert is about its object, whatever its matches agree in besides."""
    group = document["logweir"]["correlation"]["group"]
    kind, name = group.get("risk.object.type"), group.get("risk.object.name")
    if firing.correlation.risk is None or name is None:
        return document
    document["logweir"]["risk"] = {"object": {"type": kind, "name": name}, **_score(firing)}
    if (place := _OBJECT_FIELDS.get(kind)) is not None:
        document[place[0]] = {place[1]: name}
    return document


def _score(firing: Firing) -> dict[str, Any]:
    return {"score": _value(firing)["value"]} if firing.correlation.type == "value_sum" else {}


_NOUNS = {"value_count": "different", "value_sum": "sum", "value_avg": "average", "value_median": "median"}


def _value(firing: Firing) -> dict[str, Any]:
    """For the types that look at values: which field, and what came of it."""
    if not firing.correlation.fields:
        return {}
    value = firing.value
    is_long = value == int(value) and -1 << 63 <= value < 1 << 63  # JSON writers and Elasticsearch take no longer ones
    return {"field": list(firing.correlation.fields), "value": int(value) if is_long else float(value)}


def _found(firing: Firing) -> str:
    """What came together, for people."""
    correlation, found = firing.correlation, _value(firing)
    matches = f"{firing.size} match" + ("es" if firing.size != 1 else "")
    if correlation.type.startswith("temporal"):
        return f"{matches} of {len({match.rule for match in firing.window})} rules"
    if not found:
        return matches
    what = _NOUNS.get(correlation.type, f"percentile {correlation.percentile}")
    return f"{what} {', '.join(correlation.fields)}: {found['value']}, in {matches}"


def _message(firing: Firing) -> str:
    pairs = zip(firing.correlation.group_by, firing.group, strict=True)
    group = ", ".join(f"{name} {value}" for name, value in pairs)
    at_least = "at least " if firing.degraded else ""
    within = f"{at_least}{_found(firing)} within {firing.correlation.timespan_seconds} s"
    return f"{firing.correlation.title}: {within}" + (f" for {group}" if group else "")


def _credits(window: Sequence[Match]) -> list[Event]:
    """The rules that the matches are of, each once, with their authors and licences."""
    found = {rule["id"]: rule for match in window if isinstance(rule := match.event.get("rule"), dict) and "id" in rule}
    return list(found.values())


def _common(events: Sequence[Event]) -> Event:
    """What all events say alike, by object and key."""
    first, *others = events
    return _agreed(first, others)


def _agreed(first: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> Event:
    result: Event = {}
    for key, value in first.items():
        if not all(key in other for other in others):
            continue
        below = [other[key] for other in others]
        if isinstance(value, dict):
            agreed = _agreed(value, [b for b in below if isinstance(b, dict)]) if all(isinstance(b, dict) for b in below) else {}
            result.update({key: agreed} if agreed else {})
        elif all(b == value for b in below):
            result[key] = value
    return result


def _related(window: Sequence[Match]) -> dict[str, list[str]]:
    related = {}
    for kind, paths in _RELATED.items():
        found = [match.event.get(a, {}).get(b) for match in window for a, b in paths]
        values = list(dict.fromkeys(v for v in found if isinstance(v, str) and v))
        if values:
            related[kind] = values
    return related
