"""Fields whose CIM values are prescribed: action, status, severity, direction, reply codes, hives."""

from typing import Any

from router.shapes import words
from router.shapes.reading import Reading, integer, text, texts

_SEVERITIES = {
    **dict.fromkeys(("critical", "crit", "alert", "emergency", "emerg", "fatal", "severe"), "critical"),
    **dict.fromkeys(("high", "error", "err"), "high"),
    **dict.fromkeys(("medium", "warning", "warn", "moderate"), "medium"),
    **dict.fromkeys(("low", "notice"), "low"),
    **dict.fromkeys(("informational", "information", "info", "debug", "trace", "verbose"), "informational"),
}


def severity(r: Reading) -> str | None:
    """critical, high, medium, low, informational: from log.level."""
    level = r.get("log.level")
    return _SEVERITIES.get(level.lower()) if type(level) is str else None


def authentication_action(r: Reading) -> str:
    """success, failure; pending where no outcome is known."""
    outcome = r.get("event.outcome")
    if outcome in ("success", "failure"):
        r.used("event.outcome")
        return str(outcome)
    types = words.names(r, "event.type")
    return "failure" if "denied" in types else "success" if "allowed" in types else "pending"


def traffic_action(r: Reading) -> str:
    """allowed, blocked; teardown of a connection, flow where only its existence is known."""
    types = words.names(r, "event.type")
    if "denied" in types:
        return "blocked"
    if "end" in types and "allowed" not in types:
        return "teardown"
    return "allowed" if types & {"allowed", "start"} else "flow"


def verdict(r: Reading) -> str:
    """allowed or blocked, for malware and intrusions."""
    types, said = words.names(r, "event.type"), words.action(r)
    stopped = words.told(said, (("block drop deni prevent quarantin clean delet reject reset", 1),), 0)
    return "blocked" if "denied" in types or stopped else "allowed"


_CHANGES = (("creation", "created"), ("deletion", "deleted"), ("access", "read"), ("change", "modified"))


def change_action(r: Reading, otherwise: str = "modified") -> str:
    """created, deleted, modified, read."""
    types = words.names(r, "event.type")
    return next((action for name, action in _CHANGES if name in types), otherwise)


_ACCOUNT = (("lock", "lockout"), ("unlock", "unlocked"), ("enabl", "enabled"), ("disabl", "disabled"))


def change(r: Reading) -> dict[str, Any]:
    """Data model Change: what was done to what kind of thing, and whether it worked."""
    categories, said = words.names(r, "event.category"), words.action(r)
    found: dict[str, Any] = {"change_type": "AAA" if "iam" in categories else "endpoint", "action": change_action(r)}
    found["action"] = next((name for stem, name in _ACCOUNT if any(w.startswith(stem) for w in said)), found["action"])
    found["status"] = "failure" if r.get("event.outcome") == "failure" else "success"
    kinds = (("user.target", "user"), ("group", "group"), ("file", "file"), ("registry", "registry"), ("service", "service"))
    kind = next((name for path, name in kinds if r.node(path) is not None), "user" if "iam" in categories else None)
    return found | ({"object_category": kind} if kind else {})


_DIRECTIONS = {"inbound": "inbound", "ingress": "inbound", "outbound": "outbound", "egress": "outbound"}


def direction(r: Reading) -> str | None:
    """inbound or outbound, as seen by the device."""
    found = r.get("network.direction")
    if type(found) is not str or found not in _DIRECTIONS:
        return None
    r.used("network.direction")
    return _DIRECTIONS[found]


_REPLIES = {
    "noerror": (0, "No Error"),
    "formerr": (1, "Format Error"),
    "servfail": (2, "Server Failure"),
    "nxdomain": (3, "Non-Existent Domain"),
    "notimp": (4, "NotImp"),
    "refused": (5, "Refused"),
    "yxdomain": (6, "YXDomain"),
    "yxrrset": (7, "YXRRSet"),
    "nxrrset": (8, "NXRRSet"),
    "notauth": (9, "NotAuth"),
    "notzone": (10, "NotZone"),
}
_QUERY_TYPES = {"query": "Query", "iquery": "IQuery", "status": "Status", "notify": "Notify", "update": "Update"}


def resolution(r: Reading) -> dict[str, Any]:
    """Data model Network Resolution: counts, message type, reply code in its words."""
    listed = r.get("dns.answers")
    answers = [a for a in (listed if type(listed) is list else ()) if type(a) is dict]
    found: dict[str, Any] = {"query_count": 1}
    addresses = texts(r.get("dns.resolved_ip")) or []
    found["answer_count"] = len(answers) or len(addresses)
    if values := [value for a in answers if (value := text(a.get("data")))]:
        found["answer"] = values[0] if len(values) == 1 else values
    code = r.get("dns.response_code")
    if type(code) is str and code.lower() in _REPLIES:
        found["reply_code_id"], found["reply_code"] = _REPLIES[code.lower()]
        r.used("dns.response_code")
    is_answer = r.get("dns.type") == "answer" or code is not None or found["answer_count"]
    found["message_type"] = "Response" if is_answer else "Query"
    operation = r.get("dns.op_code")
    found["query_type"] = _QUERY_TYPES.get(operation.lower(), "Query") if type(operation) is str else "Query"
    return found


HIVES = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKU": "HKEY_USERS",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCC": "HKEY_CURRENT_CONFIG",
    "HKCR": "HKEY_CLASSES_ROOT",
}


def hashes(r: Reading, prefix: str) -> str | list[str] | None:
    """`ALGORITHM=value` of each hash, as Splunk's own add-ons write them."""
    held = r.node(f"{prefix}.hash")
    names = [name for name, value in (held or {}).items() if type(value) is str]
    if held is None or not names:
        return None
    r.used(*[f"{prefix}.hash.{name}" for name in names])
    found = [f"{name.upper()}={held[name]}" for name in names]
    return found[0] if len(found) == 1 else found


def length(value: Any) -> int | None:
    """Characters of a text."""
    return len(value) if type(value) is str else None


def total(found: dict[str, Any]) -> None:
    """`bytes` is the sum of both directions where it is not given."""
    out, into = integer(found.get("bytes_out")), integer(found.get("bytes_in"))
    if "bytes" not in found and out is not None and into is not None:
        found["bytes"] = out + into
