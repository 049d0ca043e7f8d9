"""Rows of Log Analytics tables (Azure Monitor, Microsoft Sentinel) -> the message that a row was made of, for its product's file.

Microsoft, "Azure Monitor table reference" (Syslog, CommonSecurityLog, OfficeActivity, AzureActivity) and "CEF and
CommonSecurityLog field mapping". A row names its table in `Type`; data export of a workspace writes rows as they are.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from router.normalize.formats.json import loads
from router.normalize.parted import line

Row = dict[str, Any]
_CEF_HEADER = ("DeviceVendor", "DeviceProduct", "DeviceVersion", "DeviceEventClassID", "Activity", "LogSeverity")
_CEF_NAMES = {
    "ApplicationProtocol": "app", "CommunicationDirection": "deviceDirection", "DestinationDnsDomain": "destinationDnsDomain",
    "DestinationHostName": "dhost", "DestinationIP": "dst", "DestinationMACAddress": "dmac", "DestinationNTDomain": "dntdom",
    "DestinationPort": "dpt", "DestinationProcessName": "dproc", "DestinationServiceName": "destinationServiceName",
    "DestinationTranslatedAddress": "destinationTranslatedAddress", "DestinationTranslatedPort": "destinationTranslatedPort",
    "DestinationUserID": "duid", "DestinationUserName": "duser", "DestinationUserPrivileges": "dpriv", "DeviceAction": "act",
    "DeviceAddress": "dvc", "DeviceEventCategory": "cat", "DeviceExternalID": "deviceExternalId",
    "DeviceFacility": "deviceFacility", "DeviceInboundInterface": "deviceInboundInterface", "DeviceMacAddress": "dvcmac",
    "DeviceName": "dvchost", "DeviceOutboundInterface": "deviceOutboundInterface",
    "DeviceTimeZone": "dtz", "EndTime": "end", "EventCount": "cnt",
    "EventOutcome": "outcome", "ExternalID": "externalId", "FileHash": "fileHash", "FileID": "fileId", "FileName": "fname",
    "FilePath": "filePath", "FileSize": "fsize", "FileType": "fileType", "Message": "msg", "ProcessID": "dvcpid",
    "ProcessName": "deviceProcessName", "Protocol": "proto", "Reason": "reason", "ReceiptTime": "rt", "ReceivedBytes": "in",
    "RequestClientApplication": "requestClientApplication",
    "RequestContext": "requestContext", "RequestMethod": "requestMethod",
    "RequestURL": "request", "SentBytes": "out", "SourceHostName": "shost", "SourceIP": "src", "SourceMACAddress": "smac",
    "SourceNTDomain": "sntdom", "SourcePort": "spt", "SourceProcessName": "sproc", "SourceServiceName": "sourceServiceName",
    "SourceTranslatedAddress": "sourceTranslatedAddress",
    "SourceTranslatedPort": "sourceTranslatedPort", "SourceUserID": "suid",
    "SourceUserName": "suser", "SourceUserPrivileges": "spriv", "StartTime": "start",
    **{f"DeviceCustomString{i}{label}": f"cs{i}{label}" for i in range(1, 7) for label in ("", "Label")},
    **{f"DeviceCustomNumber{i}{label}": f"cn{i}{label}" for i in range(1, 4) for label in ("", "Label")},
    **{f"DeviceCustomIPv6Address{i}{label}": f"c6a{i}{label}" for i in range(1, 5) for label in ("", "Label")},
}  # fmt: skip
_OFFICE = {"TimeGenerated": "CreationTime", "OfficeId": "Id", "OfficeWorkload": "Workload", "OfficeObjectId": "ObjectId"}
_ACTIVITY = {
    "TimeGenerated": "time", "OperationNameValue": "operationName", "CategoryValue": "category", "Level": "level",
    "ActivityStatusValue": "resultType", "ActivitySubstatusValue": "resultSignature", "CallerIpAddress": "callerIpAddress",
    "CorrelationId": "correlationId", "_ResourceId": "resourceId", "TenantId": "tenantId",
}  # fmt: skip


def message(row: Row) -> tuple[str, Row] | None:
    """The message and what the row says beside it; None when it is no row of these tables."""
    kind = row.get("Type")
    if type(kind) is not str or kind not in _TABLES:
        return None
    read, told = _TABLES[kind]
    text = read(row)
    if text is None:
        return None
    return text, {name: item for name, item in row.items() if told and name not in told and item not in (None, "")}


def _syslog(row: Row) -> str | None:
    text = row.get("SyslogMessage")
    if type(text) is not str:
        return None
    when, host = row.get("EventTime") or row.get("TimeGenerated"), row.get("HostName") or row.get("Computer")
    told = (row.get("ProcessName"), row.get("ProcessID"), row.get("Facility"), row.get("SeverityLevel"))
    return line(text, when, host, *told)


def _cef(row: Row) -> str:
    head = "|".join(str(row.get(name) or "").replace("\\", "\\\\").replace("|", "\\|") for name in _CEF_HEADER)
    pairs = {short: row[name] for name, short in _CEF_NAMES.items() if row.get(name) not in (None, "")}
    if "rt" not in pairs and row.get("TimeGenerated"):
        pairs["rt"] = row["TimeGenerated"]
    more = str(row.get("AdditionalExtensions") or "")
    pairs |= {name: value for name, _, value in (part.partition("=") for part in more.split(";")) if name and value}
    return f"CEF:0|{head}|" + " ".join(f"{name}={_escaped(value)}" for name, value in pairs.items())


def _escaped(value: Any) -> str:
    return str(value).replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")


def _named(row: Row, names: Mapping[str, str]) -> Row:
    return {names.get(name, name): item for name, item in row.items() if item not in (None, "")}


def _office(row: Row) -> str:
    return orjson.dumps(_named(row, _OFFICE)).decode()


def _activity(row: Row) -> str:
    out = _named(row, _ACTIVITY)
    claims, authorization, properties = (_object(row.get(name)) for name in ("Claims", "Authorization", "Properties"))
    out["identity"] = {"claims": claims, "authorization": authorization}
    out["properties"] = properties
    for name in ("Claims", "Authorization", "Properties"):
        out.pop(name, None)
    return orjson.dumps(out).decode()


def _object(value: Any) -> Row:
    found = loads(value) if type(value) is str else value
    return found if type(found) is dict else {}


_SYSLOG = frozenset("SyslogMessage Facility SeverityLevel EventTime HostName ProcessName ProcessID".split())
_TABLES: dict[str, tuple[Callable[[Row], str | None], frozenset[str]]] = {
    "Syslog": (_syslog, _SYSLOG),
    "CommonSecurityLog": (_cef, frozenset((*_CEF_HEADER, *_CEF_NAMES, "AdditionalExtensions"))),
    "OfficeActivity": (_office, frozenset()),
    "AzureActivity": (_activity, frozenset()),
}
"""How a row is read, and the columns that its message has; none stands for all."""
