"""Shapes of Windows events that tools export, told by names that only they write -> names that the other shapes have.

PowerShell's `Get-WinEvent | ConvertTo-Json`, EvtxECmd's JSON (Eric Zimmerman), the Event table of Azure Monitor, and winlogbeat's
names with dots, as exports of an index have them.
"""

import re
from typing import Any

from router.normalize.formats.json import expanded, loads

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


def renamed(value: Record) -> Record | None:
    """The event by the usual names; None where it is of none of these shapes."""
    if "LevelDisplayName" in value and type(value.get("Properties")) is list:
        return _get_winevent(value)
    if "MapDescription" in value and type(value.get("Payload")) is str:
        return _evtxecmd(value)
    if "EventLog" in value and "EventID" in value and "Source" in value:
        return _names(value, _AZURE_EVENT)
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


def _evtxecmd(value: Record) -> Record:
    out = _names(value, _EVTXECMD)
    payload = loads(out["Payload"])
    if type(payload) is dict and not payload.keys() - {"EventData", "UserData"}:
        del out["Payload"]
        out |= payload
    return out
