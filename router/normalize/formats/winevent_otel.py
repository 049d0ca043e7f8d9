"""The Windows event of the OpenTelemetry collector (receiver windowseventlog, not raw) -> the names of winlogbeat's `winlog`.

Its body: {channel, computer, event_id: {id, qualifiers}, provider: {name, guid, event_source}, record_id, system_time, level,
task, opcode, keywords, message, execution: {process_id, thread_id}, security: {user_id, ...}, event_data}. Newer releases write
event_data as {name, data: [{NAME: value}, ...]}, in which unnamed values have the name "".
"""

from typing import Any

Record = dict[str, Any]
_NAMES = {"computer": "computer_name", "system_time": "time_created"}
_PROVIDER = {"name": "provider_name", "guid": "provider_guid", "event_source": "event_source"}


def is_otel(value: Record) -> bool:
    """Does an object have this shape? Only here is event_id an object."""
    return type(value.get("event_id")) is dict and type(value.get("provider")) is dict


def from_otel(value: Record) -> Record | None:
    """One event; None when its id is no number. Nothing is dropped: what has no name in `winlog` keeps its own."""
    number = value["event_id"].get("id")
    if not str(number).isdecimal():
        return None
    out = {_NAMES.get(name, name): item for name, item in value.items() if name not in _TAKEN}
    out["event_id"] = str(number)
    if value["event_id"].get("qualifiers") is not None:
        out["qualifiers"] = value["event_id"]["qualifiers"]
    out |= {_PROVIDER.get(name, name): item for name, item in value["provider"].items() if item not in ("", None)}
    if "record_id" in value:
        out["record_id"] = str(value["record_id"])
    _execution(out, value)
    data = value.get("event_data")
    if type(data) is dict:
        out["event_data"] = _data(data)
    elif data is not None:
        out["event_data"] = {"data": data}
    return out


_TAKEN = frozenset(("event_id", "provider", "record_id", "execution", "security", "event_data"))


def _execution(out: Record, value: Record) -> None:
    """Which process wrote the event, and as whom."""
    execution, security = value.get("execution"), value.get("security")
    if type(execution) is dict:
        process: Record = {name: item for name, item in execution.items() if name not in ("process_id", "thread_id")}
        process |= {"pid": execution["process_id"]} if "process_id" in execution else {}
        process |= {"thread": {"id": execution["thread_id"]}} if "thread_id" in execution else {}
        out["process"] = process
    if type(security) is dict:
        out["user"] = {"identifier" if name == "user_id" else name: item for name, item in security.items()}
    for name, item in (("execution", execution), ("security", security)):
        if item is not None and type(item) is not dict:
            out[name] = item


def _data(data: Record) -> Record:
    """EventData by its names; values without one are param1, param2, ..., as winlogbeat has them."""
    items = data.get("data")
    if type(items) is not list or not all(type(item) is dict for item in items):
        return data
    out: Record = {name: item for name, item in data.items() if name != "data" and item not in ("", None)}
    unnamed = 0
    for item in items:
        for name, text in item.items():
            if not name:
                unnamed += 1
            out[name or f"param{unnamed}"] = text
    return out
