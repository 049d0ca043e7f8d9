"""What only Windows events say, read from the names that Microsoft's event schemas give (kept under `winlog.event_data`)."""

from typing import Any

from router.shapes.ocsf.objects import Object, basename, put
from router.shapes.reading import Reading, integer, text

VALUE_TYPES = {
    "REG_BINARY": 1,
    "REG_DWORD": 2,
    "REG_DWORD_BIG_ENDIAN": 3,
    "REG_EXPAND_SZ": 4,
    "REG_LINK": 5,
    "REG_MULTI_SZ": 6,
    "REG_NONE": 7,
    "REG_QWORD": 8,
    "REG_QWORD_LITTLE_ENDIAN": 9,
    "REG_SZ": 10,
}
LOGON_TYPES = {
    0: "System",
    2: "Interactive",
    3: "Network",
    4: "Batch",
    5: "OS Service",
    7: "Unlock",
    8: "Network Cleartext",
    9: "New Credentials",
    10: "Remote Interactive",
    11: "Cached Interactive",
    12: "Cached Remote Interactive",
    13: "Cached Unlock",
}
_PROTOCOLS = {"ntlm": 1, "kerberos": 2, "wdigest": 3, "digest": 3}
_DATA = "winlog.event_data."


def data(r: Reading, name: str) -> str | None:
    """A field of the event; Windows writes `-` for nothing."""
    value = text(r.get(_DATA + name))
    return None if value in (None, "-") else value


def taken(r: Reading, name: str) -> str | None:
    """The same, and it is represented."""
    value = data(r, name)
    if value is not None:
        r.used(_DATA + name)
    return value


def target_process(r: Reading) -> Object | None:
    """The process that another one opened, or put a thread into (Sysmon 8, 10)."""
    pid = integer(data(r, "TargetProcessId"))
    image = data(r, "TargetImage")
    if pid is None or image is None:
        return None
    r.used(_DATA + "TargetProcessId", _DATA + "TargetImage")
    found: Object = {"pid": pid, "name": basename(image), "file": {"name": basename(image), "path": image, "type_id": 1}}
    if (guid := taken(r, "TargetProcessGuid") or taken(r, "TargetProcessGUID")) is not None:
        found["uid"] = guid
    if (name := taken(r, "TargetUser")) is not None:
        found["user"] = {"name": name}
    return found


def process_activity(r: Reading) -> int:
    """Sysmon 8 (CreateRemoteThread) injects, 10 (ProcessAccess) opens."""
    return {"8": 4, "10": 3}.get(str(r.get("event.code")), 99)


def service(r: Reading) -> Object | None:
    """A service as the Service Control Manager (7045) and Security 4697 describe it. Its binary or account must be known."""
    name = text(r.get("service.name")) or data(r, "ServiceName")
    command = taken(r, "ImagePath") or taken(r, "ServiceFileName")
    account = taken(r, "AccountName") or taken(r, "ServiceAccount")
    if name is None or (command is None and account is None):
        return None
    r.used("service.name", _DATA + "ServiceName")
    found: Object = {"name": name}
    for key, value in (("cmd_line", command), ("service_start_name", account)):
        if value is not None:
            found[key] = value
    for key, field in (("service_type", "ServiceType"), ("service_start_type", "StartType")):
        if (value := taken(r, field)) is not None:
            found[key] = value
    return found


def job(r: Reading) -> Object | None:
    """A task of the Task Scheduler."""
    name = taken(r, "TaskName")
    if name is None:
        return None
    found: Object = {"name": name}
    if (content := taken(r, "TaskContent") or taken(r, "TaskContentNew")) is not None:
        found["desc"] = content
    return found


def writer(r: Reading) -> Object | None:
    """The process that wrote the event, where nobody else is known."""
    pid = integer(r.get("winlog.process.pid"))
    return None if pid is None else {"process": {"pid": pid}}


def logon(r: Reading, into: Object) -> None:
    """Logon type, protocol and session of a logon event."""
    kind = integer(data(r, "LogonType"))
    if kind in LOGON_TYPES:
        into |= {"logon_type_id": kind or 1, "logon_type": LOGON_TYPES[kind]}
        into["is_remote"] = kind in (3, 8, 10, 12)
        r.used(_DATA + "LogonType", "winlog.logon.type")
    package = data(r, "AuthenticationPackageName")
    if package is not None:
        into |= {"auth_protocol_id": _PROTOCOLS.get(package.lower(), 99), "auth_protocol": package}
        r.used(_DATA + "AuthenticationPackageName")
    if (session := text(r.take("winlog.logon.id", text))) is not None:
        put(into, "session.uid", session)


def ticket_activity(r: Reading) -> int | None:
    """Kerberos: 4768 ticket granting, 4769 service ticket, 4770 renewal, 4771 pre-authentication; 4648 and 4624 are logons."""
    if r.get("event.module") != "windows":
        return None
    return {"4768": 3, "4769": 4, "4770": 5, "4771": 6}.get(str(r.get("event.code")))


def privileges(r: Reading) -> list[str] | None:
    """What 4672 lists."""
    value: Any = data(r, "PrivilegeList")
    found = value.split() if value is not None else None
    if found:
        r.used(_DATA + "PrivilegeList")
    return found
