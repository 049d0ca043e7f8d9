"""Routing: which Sigma log sources an event belongs to. A rule must never see an event of another one.

What is not in `routes.yaml` belongs to product and service by its dataset: `acme.vpn` is product acme, service vpn.
A document may also say it itself, in `logweir.logsource` (product, category, service), as a normalizer's constant.
Besides, every event belongs to product `logweir`, with its ECS categories and its dataset as service.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

from router.batch import Event
from router.detect.values import text
from router.detect.views import Logsource

_MAX_TEXT, _MAX_ENTRIES = 200, 4096


class RouteKey(NamedTuple):
    """All that routing depends on. Equal keys, equal log sources."""

    dataset: str
    kinds: tuple[str, ...]
    """ECS event.category, "/", event.type."""
    own: Logsource | None
    windows: tuple[str, str, str] | None
    """Channel, event id, and EventType where that decides."""
    values: tuple[str, ...]
    """Of the fields that the dataset's entry names under `by`."""


class Router:
    """Reads the key of an event, and the log sources of a key."""

    def __init__(self) -> None:
        tables = routes()
        windows = tables["windows"]
        channels = ((c.lower(), service) for service, listed in windows["services"].items() for c in listed)
        self._services: dict[str, str] = dict(channels)
        self._categories: dict[str, dict[str, Any]] = {s: _texts(ids) for s, ids in windows["categories"].items()}
        self._linux_channel: str = windows["linux_channel"].lower()
        self._datasets: dict[str, Any] = tables["datasets"]
        self._entries: dict[str, tuple[Mapping[str, Any], str]] = {}

    def key(self, event: Event) -> RouteKey:
        """The facts of an event that decide; cheap, as it is asked once per event."""
        winlog, facts, ours = event.get("winlog"), event.get("event"), event.get("logweir")
        header = winlog if isinstance(winlog, dict) else event
        channel = header.get("channel", header.get("Channel"))
        dataset, kinds = (_short(facts.get("dataset")), _kinds(facts)) if isinstance(facts, dict) else ("", ())
        own = _own(ours.get("logsource")) if isinstance(ours, dict) else None
        windows = (channel, *_windows(event, header)) if isinstance(channel, str) else None
        by = self._entry(dataset)[0].get("by") if windows is None else None
        return RouteKey(dataset, kinds, own, windows, tuple(_short(_at(event, f)) for f in by) if by else ())

    def sources(self, key: RouteKey) -> frozenset[Logsource]:
        """The log sources of a key."""
        found = set(_logweir(key)) | ({key.own} if key.own else set())
        return frozenset(found | set(self._windows_sources(*key.windows) if key.windows else self._dataset_sources(key)))

    def _windows_sources(self, channel: str, event_id: str, event_type: str) -> Iterator[Logsource]:
        linux = channel.lower() == self._linux_channel
        product, service = ("linux", "sysmon") if linux else ("windows", self._services.get(channel.lower()))
        yield Logsource(product, None, service)
        listed = self._categories.get(service or "", {}).get(event_id, ())
        if isinstance(listed, dict):
            listed = listed.get(event_type, listed.get("", ()))
        for category in listed:
            yield Logsource(product, category, service)

    def _dataset_sources(self, key: RouteKey) -> Iterator[Logsource]:
        entry, rest = self._entry(key.dataset)
        listed = list(entry["sources"])
        for value, table in zip(key.values, entry.get("by", {}).values(), strict=True):
            listed += table.get(value, ())
        for product, category, service in listed:
            yield Logsource(product, category, service.format(rest=rest) if service else None)
        if "activity" in entry:
            product, service = entry["activity"]
            yield from (Logsource(product, category, service) for category in _activities(key.kinds))

    def _entry(self, dataset: str) -> tuple[Mapping[str, Any], str]:
        """The table's entry for a dataset and what its `*` stands for."""
        entry = self._entries.get(dataset)
        if entry is None:
            if len(self._entries) >= _MAX_ENTRIES:
                self._entries.clear()
            entry = self._entries[dataset] = self._find(dataset)
        return entry

    def _find(self, dataset: str) -> tuple[Mapping[str, Any], str]:
        """By name, else by the longest prefix, else product and service are the two parts of the name."""
        if dataset in self._datasets:
            return self._datasets[dataset], ""
        prefixes = [n[:-1] for n in self._datasets if n.endswith("*") and dataset.startswith(n[:-1])]
        if prefixes:
            prefix = max(prefixes, key=len)
            return self._datasets[prefix + "*"], dataset[len(prefix) :]
        product, _, service = dataset.partition(".")
        return {"sources": [[product, None, "{rest}" if service else None]] if product else []}, service


@cache
def routes() -> Any:
    """The tables of `routes.yaml`."""
    return yaml.load(files("router.detect").joinpath("routes.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader)


def _texts(ids: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(event_id): categories for event_id, categories in ids.items()}


def _windows(event: Event, header: Mapping[str, Any]) -> tuple[str, str]:
    """Event id, and the EventType of the ids that it decides about."""
    event_id = text(header.get("event_id", header.get("EventID", "")))[:_MAX_TEXT]
    if event_id != "12":
        return event_id, ""
    data = header.get("event_data")
    kind = (data if isinstance(data, dict) else event).get("EventType", "")
    return event_id, text(kind).lower()[:_MAX_TEXT]


def _own(source: Any) -> Logsource | None:
    """The log source that a document names for itself."""
    if not isinstance(source, dict):
        return None
    parts = [source.get(part) for part in Logsource._fields]
    return Logsource(*(part if isinstance(part, str) else None for part in parts))


def _kinds(facts: Mapping[str, Any]) -> tuple[str, ...]:
    """ECS event.category and event.type, categories first, each as written."""
    category, kind = facts.get("category"), facts.get("type")
    categories = category if isinstance(category, list) else [category]
    kinds = kind if isinstance(kind, list) else [kind]
    return (*(c for c in categories if isinstance(c, str)), "/", *(k for k in kinds if isinstance(k, str)))


def _logweir(key: RouteKey) -> Iterator[Logsource]:
    service = key.dataset or None
    yield Logsource("logweir", None, service)
    for category in key.kinds[: key.kinds.index("/")] if key.kinds else ():
        yield Logsource("logweir", category, service)


def _activities(kinds: tuple[str, ...]) -> Iterator[str]:
    """Sigma categories of an operating system's own audit trail, from what ECS says the event is."""
    split = kinds.index("/") if kinds else 0
    categories, types = kinds[:split], kinds[split:]
    if "process" in categories and "start" in types:
        yield "process_creation"
    if "network" in categories and ("start" in types or "connection" in types):
        yield "network_connection"
    if "file" in categories and ("creation" in types or "change" in types):
        yield "file_event"


def _at(event: Event, path: str) -> Any:
    if path in event:
        return event[path]
    value: Any = event
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _short(value: Any) -> str:
    return value[:_MAX_TEXT] if isinstance(value, str) else ""
