"""Windows events in every shape that forwarders make -> one: that of winlogbeat's `winlog` object, vendor names kept."""

from collections.abc import Callable
from typing import Any

from router.normalize.formats.json import loads
from router.normalize.formats.winevent_exports import from_osquery, renamed
from router.normalize.formats.winevent_flat import from_flat
from router.normalize.formats.winevent_nxlog import bare_names, from_structured_data
from router.normalize.formats.winevent_otel import from_otel, is_otel
from router.normalize.formats.winevent_xml import from_tree, from_xml

Record = dict[str, Any]
_OLD_BEAT = {
    "log_name": "channel",
    "source_name": "provider_name",
    "record_number": "record_id",
    "process_id": "pid",
    "thread_id": "tid",
}


_EXPORTS = frozenset(("Properties", "Payload", "EventLog", "winlog.event_id", "string_inserts", "columns"))
_SHAPES = _EXPORTS | {"_EventID", "winlog", "Event", "System", "win", "event_data", "event_id"}
"""Keys one of which an event of any shape but the flat one has."""


def from_object(value: Record) -> Record | None:
    """One JSON object of any shape; None when it is no Windows event. The object is taken over where it is one."""
    if value.keys().isdisjoint(_SHAPES):
        return from_flat(value)
    if not value.keys().isdisjoint(_EXPORTS):
        if (row := from_osquery(value)) is not None:
            return row
        value = renamed(value) or value
    if "_EventID" in value and str(value["_EventID"]).isdecimal():
        return from_flat(bare_names(value))
    if is_otel(value):
        return from_otel(value)
    winlog = value.get("winlog")
    if type(winlog) is dict:
        return _winlogbeat(winlog, value)
    event = value.get("Event")
    if type(event) is dict and "System" in event:
        return _beside(from_tree(event), value, "Event")
    if type(value.get("System")) is dict:
        return from_tree(value)
    win = value.get("win")
    if type(win) is dict:
        return _wazuh(win, value)
    if "event_data" in value and ("log_name" in value or "channel" in value):
        return _old_winlogbeat(value)
    return from_flat(value)


def _texts(out: Record) -> Record:
    for key in ("event_id", "record_id"):
        if type(out.get(key)) is int:
            out[key] = str(out[key])
    return out


def _winlogbeat(winlog: Record, value: Record) -> Record | None:
    """A beat's event: the object itself, its message, and what stands beside it."""
    if "event_id" not in winlog:
        return None
    out = dict(winlog)
    if type(value.get("message")) is str:
        out.setdefault("message", value["message"])
    if "@timestamp" in value:
        out.setdefault("time_created", value["@timestamp"])
    other = {key: item for key, item in value.items() if key not in ("winlog", "message", "@timestamp")}
    if other:
        out["_other"] = other
    return _texts(out)


def _beside(out: Record | None, value: Record, key: str) -> Record | None:
    """Keep what stands beside the event's own object."""
    if out is not None and len(value) > 1:
        other = {name: item for name, item in value.items() if name != key}
        out["_other"] = other
    return out


def _old_winlogbeat(value: Record) -> Record | None:
    """winlogbeat 5 and 6: the same names at the top level."""
    out = {_OLD_BEAT.get(key, key): item for key, item in value.items()}
    if "event_id" not in out:
        return None
    if "@timestamp" in out:
        out.setdefault("time_created", out.pop("@timestamp"))
    process = {}
    if "pid" in out:
        process["pid"] = out.pop("pid")
    if "tid" in out:
        process["thread"] = {"id": out.pop("tid")}
    return _texts(out | ({"process": process} if process else {}))


def _wazuh(win: Record, value: Record) -> Record | None:
    """Wazuh lowers the first letter of every name."""

    def raised(node: Any) -> Record:
        return {key[:1].upper() + key[1:]: item for key, item in node.items()} if type(node) is dict else {}

    system = raised(win.get("system"))
    flat = {"EventID": system.pop("EventID", None), **system}
    out = from_flat(flat, data=raised(win.get("eventdata")))
    return _beside(out, value, "win")


def _classic(text: str) -> Record | None:
    """Splunk's old text form: `LogName=Security`, ... a line each, and last the message of many lines."""
    head, found, message = text.partition("\nMessage=")
    pairs = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
    if "EventCode" not in pairs or "LogName" not in pairs:
        return None
    first = head.partition("\n")[0].strip()
    out = from_flat(pairs)
    if out is not None and found:
        out["message"] = message.strip()
    if out is not None and "=" not in first:
        out["time_created"] = first
    return out


def _own(value: Any) -> Any:
    """An object that others hold too, or a list of them, copied at its top: `from_object` takes it over."""
    if type(value) is dict:
        return dict(value)
    return [_own(item) for item in value] if type(value) is list else value


def compile_winevent() -> Callable[[Any], Record | list[Record] | None]:
    """A parser for text (XML, JSON, Splunk's old form) and for objects that are parsed already."""

    def parse(value: Any) -> Record | list[Record] | None:
        if type(value) is str:
            text = value.lstrip()
            if text[:1] == "<":
                return from_structured_data(text) if text[1:2].isdigit() else _all_xml(text)
            if text[:1] not in ("{", "["):
                return _classic(text) if "\nEventCode=" in text else None
            value = loads(text)
        else:
            value = _own(value)
        if type(value) is dict:
            return from_object(value)
        if type(value) is list and value:
            found = [from_object(item) if type(item) is dict else None for item in value]
            kept = [item for item in found if item is not None]
            return kept if len(kept) == len(value) else None
        return None

    return parse


def _all_xml(text: str) -> Record | list[Record] | None:
    """One event, or several beside each other or in `<Events>`."""
    if text.count("</Event>") < 2:
        return from_xml(text)
    found = [from_xml(part + "</Event>") for part in text.split("</Event>")[:-1]]
    kept = [item for item in found if item is not None]
    return kept if kept and len(kept) == len(found) else None
