"""Syslog whose header somebody has taken apart: the line again, from its parts as shippers name them.

Filebeat's syslog and journald inputs, Logstash (also by the names of its documentation, `syslog_program`), Fluentd and Fluent
Bit (`ident`), Vector (`appname`), rsyslog (`programname`, `syslogtag`), syslog-ng (`PROGRAM`), the journal (`SYSLOG_IDENTIFIER`),
Graylog (`_application_name`), NXLog (`SourceName` beside `SyslogFacility`). The name of the program tells what a message is of,
and files look for it in front of the message.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from router.normalize.runtime import dig

_Names = tuple[tuple[str, ...], ...]
_PROGRAMS: _Names = (
    ("log", "syslog", "appname"),
    ("process", "program"),
    ("PROGRAM",),
    ("program",),
    ("programname",),
    ("appname",),
    ("app-name",),
    ("ident",),
    ("SYSLOG_IDENTIFIER",),
    ("syslog", "identifier"),
    ("syslog_program",),
    ("_application_name",),
    ("application_name",),
)
_PROCESSES: _Names = (
    ("log", "syslog", "procid"),
    ("process", "pid"),
    ("PID",),
    ("pid",),
    ("procid",),
    ("SYSLOG_PID",),
    ("_PID",),
    ("syslog_pid",),
    ("_process_id",),
    ("process_id",),
    ("ProcessID",),
)
_HOSTS: _Names = (
    ("log", "syslog", "hostname"),
    ("HOST",),
    ("logsource",),
    ("hostname",),
    ("host", "name"),
    ("host",),
    ("_HOSTNAME",),
    ("fromhost",),
    ("syslog_hostname",),
    ("Hostname",),
)
_FACILITIES: _Names = (
    ("log", "syslog", "facility", "name"),
    ("syslog", "facility_label"),
    ("FACILITY",),
    ("facility",),
    ("facility_label",),
    ("syslogfacility-text",),
    ("syslog_facility",),
    ("_facility",),
    ("SyslogFacility",),
)
_SEVERITIES: _Names = (
    ("log", "syslog", "severity", "name"),
    ("syslog", "severity_label"),
    ("PRIORITY",),
    ("severity",),
    ("severity_label",),
    ("syslogseverity-text",),
    ("syslog_severity",),
    ("SyslogSeverity",),
)
_NUMBERS: _Names = (("log", "syslog", "priority"), ("pri",), ("syslog_priority",))
_FACILITY_NAMES = (
    "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp security console solaris-cron"
    " local0 local1 local2 local3 local4 local5 local6 local7"
).split()
_SEVERITY_NAMES = "emerg alert crit err warning notice info debug".split()
_SAME_SEVERITY = {
    "warn": "warning",
    "error": "err",
    "critical": "crit",
    "emergency": "emerg",
    "panic": "emerg",
    "information": "info",
    "informational": "info",
}
_USER_NOTICE = 13
_MICROSECONDS = 6
_PROGRAM = re.compile(r"[A-Za-z_(/][\w./@+()~-]{0,63}", re.ASCII)
_TAG = re.compile(r"([A-Za-z_(/][\w./@+()~-]{0,63})(?:\[(\d{1,10})\])?:?", re.ASCII)


class Rejoined(NamedTuple):
    """A line again, and what proves it."""

    text: str
    is_syslog: bool
    """A facility and a severity by their names prove that it was syslog."""
    told: bool
    """Somebody told the priority: it is not made up."""


def line(
    text: str, when: Any, host: Any, program: Any, process: Any, facility: Any, severity: Any, priority: int | None = None
) -> str:
    """The parts as one line of RFC 5424; what is missing is `-`, and a priority that nobody told that of a user's notice."""
    named = _priority(facility, severity)
    priority = priority if named is None else named
    head = " ".join(map(_word, (when, host, program, process)))
    return f"<{_USER_NOTICE if priority is None else priority}>1 {head} - - {text}"


def rejoined(value: Mapping[str, Any], text: str) -> Rejoined | None:
    """The line of a message; None where no program is named."""
    tag = _TAG.fullmatch(str(value.get("syslogtag", "")).strip())
    program = _first(value, _PROGRAMS) or (tag[1] if tag is not None else None)
    if program is None and "SyslogFacility" in value:
        program = value.get("SourceName")
    if program is None or _PROGRAM.fullmatch(str(program)) is None:
        return None
    process = _first(value, _PROCESSES) or (tag[2] if tag is not None else None)
    facility, severity = _first(value, _FACILITIES), _first(value, _SEVERITIES)
    is_syslog, number = _priority(facility, severity) is not None, _number(value, facility, severity)
    made = line(text.lstrip(" "), None, _first(value, _HOSTS), program, process, facility, severity, number)
    return Rejoined(made, is_syslog, is_syslog or number is not None)


def _number(value: Mapping[str, Any], facility: Any, severity: Any) -> int | None:
    """The priority where it is told as one number or as two: RFC 5424 6.2.1."""
    whole = _first(value, _NUMBERS)
    if whole is None and str(facility).isdecimal() and str(severity).isdecimal() and int(severity) < len(_SEVERITY_NAMES):
        whole = int(facility) * 8 + int(severity)
    return int(whole) if str(whole).isdecimal() and int(whole) < len(_FACILITY_NAMES) * 8 else None  # type: ignore[arg-type]  # digits


def audited(value: Mapping[str, Any], text: str) -> str | None:
    """The record of the kernel's audit that the journal took apart, as auditd writes it; None for any other entry of the journal.

    systemd.journal-fields: `_TRANSPORT=audit`, the name of the type in front of the message, `_AUDIT_ID`, times in microseconds.
    """
    kind = value.get("_AUDIT_TYPE_NAME")
    if value.get("_TRANSPORT") != "audit" or type(kind) is not str or not text.startswith(f"{kind} "):
        return None
    when = str(value.get("_SOURCE_REALTIME_TIMESTAMP") or value.get("__REALTIME_TIMESTAMP") or "")
    seconds = f"{when[:-6]}.{when[-6:-3]}" if when.isdecimal() and len(when) > _MICROSECONDS else "0.000"
    return f"type={kind} msg=audit({seconds}:{value.get('_AUDIT_ID', 0)}): {text[len(kind) + 1 :]}"


def _first(value: Mapping[str, Any], names: _Names) -> str | int | None:
    found = (dig(value, name) for name in names)
    return next((item for item in found if type(item) in (str, int) and item != ""), None)


def _priority(facility: Any, severity: Any) -> int | None:
    name, level = str(facility).lower(), str(severity).lower()
    level = _SAME_SEVERITY.get(level, level)
    if name not in _FACILITY_NAMES or level not in _SEVERITY_NAMES:
        return None
    return _FACILITY_NAMES.index(name) * 8 + _SEVERITY_NAMES.index(level)


def _word(value: Any) -> str:
    return "-" if value in (None, "") else str(value).replace(" ", "_")
