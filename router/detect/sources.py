"""Every log source that routing can tell, and what leads to it: `routes.yaml` read the other way round, for authors."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from router.detect.linking import within
from router.detect.routing import routes
from router.detect.views import Logsource


class Lead(NamedTuple):
    """One way to a log source."""

    source: Logsource
    """`*` as a part stands for anything that the dataset's name says."""
    dataset: str
    """`event.dataset`, a trailing `*` for any rest; empty where the Windows channel decides."""
    condition: str
    """What else has to be so, for people; empty if nothing."""
    channel: str = ""


def leads() -> tuple[Lead, ...]:
    """In the order of the tables."""
    return _leads()


def leading_to(rule: Logsource) -> list[Lead]:
    """The ways to a log source that a rule of `rule` sees. Every event is of product `logweir`."""
    if rule.product == "logweir":
        return [Lead(rule, rule.service or "*", f"event.category holds {rule.category}" if rule.category else "")]
    return [lead for lead in leads() if within(_filled(lead.source, rule), rule)]


def generic_category(service: str, event_id: str) -> str:
    """The category that an event id of a Windows service belongs to; empty if there is none, or more than one."""
    ids = routes()["windows"]["categories"].get(service, {})
    listed = next((categories for number, categories in ids.items() if str(number) == event_id), ())
    return str(listed[0]) if isinstance(listed, list) and len(listed) == 1 else ""


def _filled(source: Logsource, rule: Logsource) -> Logsource:
    return Logsource(*(wanted if part == "*" else part for part, wanted in zip(source, rule, strict=True)))


@cache
def _leads() -> tuple[Lead, ...]:
    tables = routes()
    return (*_windows(tables["windows"]), *_datasets(tables["datasets"]))


def _windows(windows: Mapping[str, Any]) -> Iterator[Lead]:
    for service, channels in windows["services"].items():
        for channel in channels:
            yield Lead(Logsource("windows", None, service), "", "", channel)
    for service, ids in windows["categories"].items():
        channels = windows["services"][service]
        for event_id, categories in ids.items():
            for category, condition in _categories(event_id, categories):
                yield from (Lead(Logsource("windows", category, service), "", condition, channel) for channel in channels)
                if service == "sysmon":
                    yield Lead(Logsource("linux", category, service), "", condition, windows["linux_channel"])
    yield Lead(Logsource("linux", None, "sysmon"), "", "", windows["linux_channel"])


def _categories(event_id: Any, categories: Any) -> Iterator[tuple[str, str]]:
    if isinstance(categories, list):
        yield from ((category, f"event id {event_id}") for category in categories)
        return
    for kind, listed in categories.items():
        condition = f"event id {event_id}" + (f", EventType {kind}" if kind else "")
        yield from ((category, condition) for category in listed)


def _datasets(datasets: Mapping[str, Any]) -> Iterator[Lead]:
    for dataset, entry in datasets.items():
        yield from (Lead(_source(parts), dataset, "") for parts in entry["sources"])
        for field, table in entry.get("by", {}).items():
            for value, listed in table.items():
                yield from (Lead(_source(parts), dataset, f"{field} is {value}") for parts in listed)
        if "activity" in entry:
            product, service = entry["activity"]
            for category, kinds in ACTIVITIES.items():
                yield Lead(Logsource(product, category, service), dataset, kinds)


ACTIVITIES = {
    "process_creation": "event.category process, event.type start",
    "network_connection": "event.category network, event.type start or connection",
    "file_event": "event.category file, event.type creation or change",
}


def _source(parts: list[str | None]) -> Logsource:
    product, category, service = parts
    return Logsource(product, category, service.replace("{rest}", "*") if service else None)
