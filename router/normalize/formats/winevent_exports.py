"""Shapes of Windows events that tools export, told by names that only they write -> names that the other shapes have.

PowerShell's `Get-WinEvent | ConvertTo-Json`, EvtxECmd's JSON (Eric Zimmerman), the Event table of Azure Monitor, and winlogbeat's
names with dots, as exports of an index have them. And fluentd's older plugin (`windows_eventlog`) and osquery's table
`windows_events`, which write everything small.
"""

import re
from typing import Any

from router.normalize.formats.json import expanded, loads
from router.normalize.formats.winevent_flat import from_flat

Record = dict[str, Any]
_DATE = re.compile(r"/Date\((\d{1,14})\)/\Z")
_GET_WINEVENT = {
    "Id": "EventID", "LogName": "Channel", "MachineName": "Computer", "RecordId": "EventRecordID", "ProviderId": "ProviderGuid",
    "ProcessId": "ExecutionProcessID", "ThreadId": "ExecutionThreadID",
    "ActivityId": "ActivityID", "RelatedActivityId": "RelatedActivityID",
}  # fmt: skip
_AZURE_EVENT = {"Source": "ProviderName", "EventLog": "Channel", "RenderedDescription": "Message"}
_EVTXECMD = {
    "EventId": "EventID", "Provider": "ProviderName", "EventRecordId": "EventRecordID", "ProcessId": "ExecutionProcessID",
    "ThreadId": "ExecutionThreadID", "UserId": "UserID",
}  # fmt: skip
_FLUENTD = {
    "channel": "Channel", "record_number": "RecordNumber", "time_generated": "TimeGenerated", "event_id": "EventID",
    "source_name": "SourceName", "computer_name": "ComputerName", "description": "Message", "string_inserts": "StringInserts",
    "event_type": "Severity", "event_category": "Category", "time_written": "EventReceivedTime", "user": "AccountName",
}  # fmt: skip
_OSQUERY = {
    "eventid": "EventID", "source": "Channel", "provider_name": "ProviderName", "provider_guid": "ProviderGuid",
    "computer_name": "Computer", "datetime": "TimeCreated", "level": "Level", "task": "Task", "keywords": "Keywords",
    "pid": "ExecutionProcessID", "tid": "ExecutionThreadID",
}  # fmt: skip


def renamed(value: Record) -> Record | None:
    """The event by the usual names; None where it is of none of these shapes."""
    if "LevelDisplayName" in value and type(value.get("Properties")) is list:
        return _get_winevent(value)
    if "MapDescription" in value and type(value.get("Payload")) is str:
        return _evtxecmd(value)
    if "EventLog" in value and "EventID" in value and "Source" in value:
        return _names(value, _AZURE_EVENT)
    if "string_inserts" in value and "source_name" in value:
        return _fluentd(value)
    if "winlog.event_id" in value:
        return expanded(value)
    return None


def _names(value: Record, names: dict[str, str]) -> Record:
    return {names.get(name, name): item for name, item in value.items()}


def _get_winevent(value: Record) -> Record:
    out = _names(value, _GET_WINEVENT)
    out["StringInserts"] = [item.get("Value") if type(item) is dict else item for item in out.pop("Properties")]
    when = out.get("TimeCreated")
    found = _DATE.match(when) if type(when) is str else None
    if found is not None:
        out["TimeCreated"] = int(found[1])
    return out


def _fluentd(value: Record) -> Record:
    """Without `user` where the event names none: it would be data of the event."""
    return {name: item for name, item in _names(value, _FLUENTD).items() if item != "" or name != "AccountName"}


def from_osquery(value: Record) -> Record | None:
    """A row of osquery's table, of which `data` is the event's own as JSON made from its XML; None where it is none."""
    columns = value.get("columns")
    if type(columns) is not dict or "provider_name" not in columns:
        return None
    data = loads(str(columns.get("data", "")))
    told = {_OSQUERY[name]: item for name, item in columns.items() if name in _OSQUERY}
    made = from_flat(told | (data if type(data) is dict else {"Message": columns.get("data")}))
    if made is not None:
        left = {name: item for name, item in columns.items() if name not in _OSQUERY and name != "data"}
        made["_other"] = {**value, "columns": left} if left else {key: item for key, item in value.items() if key != "columns"}
    return made


def _evtxecmd(value: Record) -> Record:
    out = _names(value, _EVTXECMD)
    payload = loads(out["Payload"])
    if type(payload) is dict and not payload.keys() - {"EventData", "UserData"}:
        del out["Payload"]
        out |= payload
    return out
