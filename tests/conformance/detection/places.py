"""Where a Sigma field stands in a document: `views.yaml` and `routes.yaml` read a second time, without the product's code.

The judge reads fields by it and the generator writes them, so a mistake in the product's own reading shows as a difference.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from router.batch import Event
from router.detect.views import Logsource

ABSENT: Final = object()
"""What stands for a field that is not there; None is null."""


@cache
def table(name: str) -> Any:
    """One of the product's tables, as data."""
    return yaml.load(files("router.detect").joinpath(name).read_text("utf-8"), Loader=yaml.CSafeLoader)


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def steps(source: Logsource, taxonomy: str, field: str) -> list[Any]:
    """The places of a field, best first: tables (`=` is the vendor's name), vendor's own names, ECS, the name itself."""
    if taxonomy == "ecs" or source.product == "logweir":
        return [field]
    parts = source._asdict()
    profiles = [v for v in table("views.yaml")["views"] if all(parts[p] in _several(w) for p, w in v["for"].items())]
    roots = [str(r) for profile in profiles for r in _several(profile.get("roots"))]
    own = [f"{r.replace('{service}', str(source.service))}.{field}" for r in roots if source.service or "{service}" not in r]
    first = [s for profile in profiles for s in _several(profile.get("fields", {}).get(field))]
    vendor = [place for step in first for place in (own if step == "=" else [step])]
    return [*vendor, *own, *(s for profile in profiles for s in _several(profile.get("ecs", {}).get(field))), field]


def read(event: Event, places: list[Any]) -> Any:
    """The value at the first place that is there; ABSENT where none is."""
    return next((value for place in places if (value := _at_place(event, place)) is not ABSENT), ABSENT)


def _at_place(event: Event, place: Any) -> Any:
    if isinstance(place, str):
        return at(event, place)
    if "join" in place:
        parts = [joined(at(event, path), place["with"]) for path in place["join"]]
        return place["with"].join(parts) if all(parts) else ABSENT
    if "each" in place:
        return [value for path in place["each"] if (value := at(event, path)) is not ABSENT] or ABSENT
    value = at(event, place["path"])
    if "item" in place:
        return value[place["item"]] if isinstance(value, list) and len(value) > place["item"] else ABSENT
    return place["table"].get(value, value) if isinstance(value, str) else value


def joined(value: Any, separator: str) -> str:
    """Every text in a value, one after the other."""
    from tests.conformance.detection.judge import texts

    return separator.join(texts(value))


def at(value: Any, path: str) -> Any:
    """What stands at a dotted path: each level may be a list (then all its elements) or have a key with dots in it."""
    parts = path.split(".")
    for cut in range(len(parts) - 1, -1, -1):
        parent = at(value, ".".join(parts[:cut])) if cut else value
        key = ".".join(parts[cut:])
        if isinstance(parent, dict) and key in parent:
            return parent[key]
        found = list(_in_each(parent, key)) if isinstance(parent, list) else []
        if found:
            return found
    return ABSENT


def _in_each(parents: list[Any], key: str) -> Iterator[Any]:
    for parent in parents:
        if isinstance(parent, list):
            yield from _in_each(parent, key)
        elif isinstance(parent, dict) and key in parent:
            yield parent[key]


def write(event: Event, path: str, value: Any) -> bool:
    """Put a value at a dotted path. False where something that is no object stands in the way."""
    *parents, key = path.split(".")
    below: Any = event
    for name in parents:
        below = below.setdefault(name, {})
        if not isinstance(below, dict):
            return False
    below[key] = value
    return True


def remove(event: Event, path: str) -> None:
    """Take away what stands at a dotted path, if it does."""
    *parents, key = path.split(".")
    for name in parents:
        below = event.get(name)
        if not isinstance(below, dict):
            return
        event = below
    event.pop(key, None)


def homes(source: Logsource) -> Iterator[Event]:
    """Empty events of a log source, one for each way in which the routing table says that an event is of it."""
    yield from _windows(source)
    for dataset, entry in table("routes.yaml")["datasets"].items():
        yield from _of_dataset(source, dataset, entry)
    yield {"logweir": {"logsource": {part: name for part, name in source._asdict().items() if name}}}


def _fits(source: Logsource, product: Any, category: Any, service: Any) -> bool:
    return all(wanted in (None, is_) for wanted, is_ in zip(source, (product, category, service), strict=True))


def _windows(source: Logsource) -> Iterator[Event]:
    windows = table("routes.yaml")["windows"]
    for service, channels in windows["services"].items():
        if _fits(source, "windows", None, service):
            yield from ({"winlog": {"channel": channel}} for channel in channels)
        for number, found in windows["categories"].get(service, {}).items():
            kinds = found if isinstance(found, Mapping) else {"": found}
            for kind, categories in kinds.items():
                if any(_fits(source, "windows", category, service) for category in categories):
                    data = {"event_data": {"EventType": kind}} if kind else {}
                    yield {"winlog": {"channel": channels[0], "event_id": str(number), **data}}
    for number, categories in windows["categories"]["sysmon"].items():
        if isinstance(categories, list) and any(_fits(source, "linux", category, "sysmon") for category in categories):
            yield {"winlog": {"channel": windows["linux_channel"], "event_id": str(number)}}


def _of_dataset(source: Logsource, dataset: str, entry: Mapping[str, Any]) -> Iterator[Event]:
    rest = (source.service or "other").rpartition(".")[2] if dataset.endswith("*") else ""
    event = {"event": {"dataset": dataset.rstrip("*") + (rest if dataset.endswith(".*") else "")}}
    if any(_fits(source, p, c, s.format(rest=rest) if s else None) for p, c, s in entry["sources"]):
        yield event
    for path, values in entry.get("by", {}).items():
        for value, sources in values.items():
            if any(_fits(source, *s) for s in sources):
                whole: Event = {"event": dict(event["event"])}
                write(whole, path, value)
                yield whole
    if "activity" in entry and source.category in _ACTIVITIES and source.product in (None, entry["activity"][0]):
        category, kind = _ACTIVITIES[source.category]
        yield {"event": {**event["event"], "category": [category], "type": [kind]}}


_ACTIVITIES: dict[str | None, tuple[str, str]] = {
    "process_creation": ("process", "start"),
    "network_connection": ("network", "start"),
    "file_event": ("file", "creation"),
}
