"""Windows events in every shape that forwarders make -> one: that of winlogbeat's `winlog` object, vendor names kept."""

from collections.abc import Callable
from typing import Any

from router.normalize.formats.json import loads
from router.normalize.formats.winevent_xml import event_data, from_tree, from_xml, user_data

Record = dict[str, Any]
# Names of flat shapes (NXLog, fluentd, rsyslog, Splunk) -> name in the winlogbeat shape.
_FLAT = {
    "EventID": "event_id",
    "EventId": "event_id",
    "EventCode": "event_id",
    "Id": "event_id",
    "Channel": "channel",
    "LogName": "channel",
    "SourceName": "provider_name",
    "ProviderName": "provider_name",
    "Provider_Name": "provider_name",
    "ProviderGuid": "provider_guid",
    "Hostname": "computer_name",
    "Computer": "computer_name",
    "ComputerName": "computer_name",
    "MachineName": "computer_name",
    "RecordNumber": "record_id",
    "EventRecordID": "record_id",
    "RecordId": "record_id",
    "Level": "level",
    "Task": "task",
    "TaskValue": "task_value",
    "Opcode": "opcode",
    "OpcodeValue": "opcode_value",
    "Keywords": "keywords",
    "Version": "version",
    "TimeCreated": "time_created",
    "SystemTime": "time_created",
    "ActivityID": "activity_id",
    "RelatedActivityID": "related_activity_id",
    "Message": "message",
    "Qualifiers": "qualifiers",
}
_FLAT_OTHER = frozenset(
    "@timestamp @version AccountName AccountType Category Domain EventData EventReceivedTime EventTime EventType "
    "ExecutionProcessID ExecutionThreadID OpCode ProcessID RecordID Severity SeverityValue SourceModuleName "
    "SourceModuleType SourceType StringInserts TaskCategory TaskDisplayName ThreadID TimeGenerated UTCTime UserData "
    "UserID host port tags timestamp type".split()
)
_HEADER: dict[str, str | None] = {**dict.fromkeys(_FLAT_OTHER), **_FLAT}
"""Every name of a flat shape that is not the event's own."""
_IS_HEADER = _HEADER.__contains__
_NXLOG_TYPES: frozenset[Any] = frozenset(
    [*"INFO WARNING ERROR CRITICAL DEBUG VERBOSE AUDIT_SUCCESS AUDIT_FAILURE 0 1 2 3 4 5 8 16".split(), *range(6), 8, 16]
)
"""What a collector calls EventType, beside what some events have by that name themselves."""
_OLD_BEAT = {
    "log_name": "channel",
    "source_name": "provider_name",
    "record_number": "record_id",
    "process_id": "pid",
    "thread_id": "tid",
}


def from_object(value: Record) -> Record | None:
    """One JSON object of any shape; None when it is no Windows event. The object is taken over where it is one."""
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
    return _flat(value)


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
    out = _flat(flat, data=raised(win.get("eventdata")))
    return _beside(out, value, "win")


def _flat(value: Record, data: Record | None = None) -> Record | None:
    """Names of System and of the event's own data side by side. Takes the object over: what is not System's stays in it,
    and it becomes the event's data (copying it would cost more than all the rest)."""
    get = value.get
    event_id = get("EventID") or get("EventCode") or get("EventId") or get("Id")
    if (
        event_id is None
        or type(event_id) is dict
        or (get("Channel") is None and get("LogName") is None and get("SourceName") is None and get("ProviderName") is None)
    ):
        return None
    names = [*filter(_IS_HEADER, value)]
    head = dict(zip(names, map(value.pop, names), strict=True))
    out: Record = {"event_id": str(event_id)}
    other: Record = {}
    if data is None:
        data = value
    elif value:
        other.update(value)
    _parted(head, out, data, other)
    executing = "ExecutionProcessID" in head
    _execution(out, head, executing)
    kind = other.get("EventType")
    if kind is not None and kind not in _NXLOG_TYPES:
        data["EventType"] = other.pop("EventType")  # Sysmon's own: SetValue, CreatePipe...
    if other:
        out["_other"] = other
    _own_data(out, head, data, executing)
    if "time_created" not in out:
        get = head.get
        when = get("EventTime") or get("@timestamp") or get("UTCTime") or get("TimeGenerated")
        if when is not None:
            out["time_created"] = when
    if "record_id" in out:
        out["record_id"] = str(out["record_id"])
    return out


def _parted(head: Record, out: Record, data: Record, other: Record) -> None:
    """Put System's names into `out` and what the collector added into `other`."""
    for name, item in head.items():
        if item is None:
            continue
        field = _HEADER[name]
        if field is None:
            if name in _LEFT:
                other[name] = item
        elif field not in out:
            out[field] = item
        elif field != "event_id":
            _better(out, head, data, field)


def _better(out: Record, head: Record, data: Record, field: str) -> None:
    """Of two names for one part of System the better known counts, and the other is the event's own (ProviderName)."""
    names = [name for name, target in _FLAT.items() if target == field and head.get(name) is not None]
    out[field] = head[names[0]]
    data.update({name: head[name] for name in names[1:]})


_LEFT = frozenset(
    _FLAT_OTHER
    - frozenset("ExecutionProcessID ExecutionThreadID ProcessID ThreadID UserID AccountName Domain AccountType".split())
    - frozenset(("EventData", "UserData", "StringInserts"))
)


def _execution(out: Record, head: Record, executing: bool) -> None:
    thread = head.get("ExecutionThreadID") or head.get("ThreadID")
    pid = head.get("ExecutionProcessID") if executing else head.get("ProcessID") if thread is not None else None
    if pid is not None:
        out["process"] = {"pid": pid} if thread is None else {"pid": pid, "thread": {"id": thread}}
    if head.get("UserID") is not None or head.get("AccountType") is not None:
        named = {"identifier": "UserID", "name": "AccountName", "domain": "Domain", "type": "AccountType"}
        out["user"] = {key: head[name] for key, name in named.items() if head.get(name) is not None}


def _own_data(out: Record, head: Record, found: Record, executing: bool) -> None:
    """EventData where the shape has it as an object or as text; else the names that are not System's."""
    if "ProcessID" in head and (executing or "process" not in out):
        found["ProcessID"] = head["ProcessID"]
    if "user" not in out:
        for name in ("AccountName", "Domain"):
            if name in head:
                found[name] = head[name]
    if head.get("EventData") is not None:
        found = event_data(head["EventData"]) | found
    elif type(head.get("StringInserts")) is list:
        found |= {f"param{i}": item for i, item in enumerate(head["StringInserts"], 1)}
    if found:
        out["event_data"] = found
    if head.get("UserData") is not None:
        out["user_data"] = user_data(head["UserData"])


def _classic(text: str) -> Record | None:
    """Splunk's old text form: `LogName=Security`, ... a line each, and last the message of many lines."""
    head, found, message = text.partition("\nMessage=")
    pairs = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
    if "EventCode" not in pairs or "LogName" not in pairs:
        return None
    first = head.partition("\n")[0].strip()
    out = _flat(pairs)
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
                return _all_xml(text)
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
