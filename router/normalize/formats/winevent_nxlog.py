"""Windows events as NXLog writes them into syslog and GELF: the names of its JSON, in structured data or behind underscores."""

from typing import Any

from router.normalize.formats.structured_data import structured_data
from router.normalize.formats.winevent_flat import from_flat

Record = dict[str, Any]
_HEADER_FIELDS = 6
_GELF = {"host": "Hostname", "short_message": "Message", "timestamp": "EventTime", "level": "SeverityValue"}


def from_structured_data(text: str) -> Record | None:
    """RFC 5424 by `to_syslog_ietf()`: `<13>1 TIME HOST SOURCE PID - [NXLOG@14506 EventID="4625" ...] TEXT`; else None."""
    parts = text.split(" ", _HEADER_FIELDS)
    if len(parts) <= _HEADER_FIELDS or "[NXLOG@" not in parts[-1]:
        return None
    data, message = structured_data(parts[-1])
    for name, params in (data or {}).items():
        if name.startswith("NXLOG@") and str(params.get("EventID")).isdecimal():
            told = {"EventTime": parts[1], "Hostname": parts[2], "SourceName": parts[3], "Message": message.lstrip("\ufeff")}
            return from_flat({key: value for key, value in told.items() if value not in ("-", "")} | params)
    return None


def bare_names(value: Record) -> Record:
    """GELF 1.1 puts an underscore before names of one's own; the full message outranks its first line."""
    out = {key[1:] if key[:1] == "_" else _GELF.get(key, key): item for key, item in value.items()}
    out.pop("version", None)
    if "full_message" in out:
        out["Message"] = out.pop("full_message")
    return out
