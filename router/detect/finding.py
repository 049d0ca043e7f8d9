"""An alert as an OCSF Detection Finding: class 2004 of the Open Cybersecurity Schema Framework 1.8.0, from its ECS document.

Rule, author and licence, tactics and techniques, the tests that held with the values they saw, and the ids of the events
behind it travel along. The document stays as it is.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

from router import __version__
from router.batch import Event
from router.detect.values import address

VERSION = "1.8.0"
_SEVERITIES = (
    (20, 1, "Informational"),
    (30, 2, "Low"),
    (50, 3, "Medium"),
    (70, 4, "High"),
    (90, 5, "Critical"),
)
_RULE, _HOSTNAME, _IP, _USER_NAME = 1, 1, 2, 4
_OBSERVED = (
    ("host.name", _HOSTNAME, "Hostname"),
    ("related.hosts", _HOSTNAME, "Hostname"),
    ("source.ip", _IP, "IP Address"),
    ("destination.ip", _IP, "IP Address"),
    ("client.ip", _IP, "IP Address"),
    ("related.ip", _IP, "IP Address"),
    ("user.name", _USER_NAME, "User Name"),
    ("related.user", _USER_NAME, "User Name"),
)
_EVIDENCE = ("host", "user", "source", "destination", "process", "file", "registry", "dns", "url", "http", "cloud")
_MAX_OBSERVED = 100


def finding(alert: Event, uid: str = "") -> Event:
    """The finding of an alert or signal as `alert_document` and `signal_document` make it.

    `uid` is the alert's own id; without one it is derived from rule, event and time, so that a repeat has the same. Valid by the
    JSON Schema of its class. Raises nothing for documents of that make.
    """
    level, name = _severity(_at(alert, "event.severity"))
    time = _millis(_at(alert, "@timestamp"))
    found: Event = {
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": 1,
        "activity_name": "Create",
        "type_uid": 200401,
        "type_name": "Detection Finding: Create",
        "severity_id": level,
        "severity": name,
        "status_id": 1,
        "status": "New",
        "is_alert": True,
        "time": time,
        "metadata": _metadata(alert),
        "finding_info": _info(alert, uid or _derived(alert), time),
    }
    found.update(_optional(alert))
    return found


def _optional(alert: Event) -> Iterator[tuple[str, Any]]:
    """The attributes that are there only where the alert says something of them."""
    if message := _at(alert, "message"):
        yield "message", str(message)
    if evidences := list(_evidences(alert)):
        yield "evidences", evidences
    if observables := _observables(alert):
        yield "observables", observables
    for name, path in (("start_time", "event.start"), ("end_time", "event.end")):
        if moment := _at(alert, path):
            yield name, _millis(moment)
    if isinstance(count := _at(alert, "logweir.correlation.count"), int):
        yield "count", count
    if (score := _at(alert, "logweir.risk.score")) is not None:
        yield "risk_score", round(score)
    if host := _at(alert, "host.name"):
        yield "device", {"type_id": 0, "type": "Unknown", "hostname": str(_one(host))}


def _info(alert: Event, uid: str, time: int) -> Event:
    rule = alert.get("rule", {})
    info: Event = {"uid": uid, "title": str(rule.get("name", "")), "created_time": time, "analytic": _analytic(alert)}
    if rule.get("description"):
        info["desc"] = str(rule["description"])
    if rule.get("reference"):
        info["src_url"] = str(rule["reference"])
    if attacks := list(_attacks(alert)):
        info["attacks"] = attacks
    if events := _event_ids(alert):
        info["related_events"] = [{"uid": event_id} for event_id in events]
        info["related_events_count"] = len(events)
    if tags := _tags(alert):
        info["tags"] = tags
    return info


def _analytic(alert: Event) -> Event:
    rule = alert.get("rule", {})
    analytic = {"type_id": _RULE, "type": "Rule", "uid": str(rule.get("id", "")), "name": str(rule.get("name", ""))}
    kind = _at(alert, "logweir.correlation.type")
    return {**analytic, "category": f"Sigma correlation {kind}" if kind else "Sigma"}


def _tags(alert: Event) -> list[dict[str, Any]]:
    """What of a rule has no place of its own: who wrote it, under which licence, its Sigma tags."""
    rule = alert.get("rule", {})
    said = {"author": rule.get("author"), "license": rule.get("license"), "tags": _at(alert, "logweir.rule.tags")}
    return [{"name": f"sigma.{key}", "values": [str(v) for v in _many(value)]} for key, value in said.items() if value]


def _attacks(alert: Event) -> Iterator[Event]:
    tactic = _at(alert, "threat.tactic") or {}
    for uid, name in zip(_many(tactic.get("id")), _many(tactic.get("name")), strict=False):
        yield {"tactic": {"uid": uid, "name": name}}
    below = [str(uid) for uid in _many(_at(alert, "threat.technique.subtechnique.id"))]
    for uid in _many(_at(alert, "threat.technique.id")):
        subs = [sub for sub in below if sub.startswith(f"{uid}.")]
        yield from ({"technique": {"uid": uid}, "sub_technique": {"uid": sub}} for sub in subs)
        if not subs:
            yield {"technique": {"uid": uid}}


def _event_ids(alert: Event) -> list[str]:
    """Of the events behind it: those of a correlation's window, else the one that the rule matched."""
    listed = _many(_at(alert, "logweir.correlation.events"))
    one = None if "correlation" in alert.get("logweir", {}) else _at(alert, "logweir.event.id")
    return list(dict.fromkeys(str(event_id) for event_id in (listed or _many(one))))


def _evidences(alert: Event) -> Iterator[Event]:
    """The tests that held, and what the event said of who and where."""
    conditions = _many(_at(alert, "logweir.conditions"))
    if conditions:
        yield {"name": "conditions", "data": {"conditions": conditions}}
    shown = {name: alert[name] for name in _EVIDENCE if alert.get(name)}
    if correlation := _at(alert, "logweir.correlation"):
        shown["correlation"] = {key: value for key, value in correlation.items() if key != "events"}
    if shown:
        yield {"name": "event" if not correlation else "correlation", "data": shown}


def _observables(alert: Event) -> list[Event]:
    found: dict[tuple[int, str], Event] = {}
    for path, type_id, kind in _OBSERVED:
        for value in _many(_at(alert, path)):
            if isinstance(value, str) and value and (type_id != _IP or address(value) is not None):
                found.setdefault((type_id, value), {"name": path, "type_id": type_id, "type": kind, "value": value})
    return list(found.values())[:_MAX_OBSERVED]


def _metadata(alert: Event) -> Event:
    product = {"name": "Logweir", "vendor_name": "Logweir", "version": __version__, "feature": {"name": "detect"}}
    dataset = _at(alert, "logweir.event.dataset")
    return {"version": VERSION, "product": product, **({"log_name": str(dataset)} if dataset else {})}


def _severity(number: Any) -> tuple[int, str]:
    known = number if isinstance(number, (int, float)) else 0
    return next(((level, name) for least, level, name in reversed(_SEVERITIES) if known >= least), (0, "Unknown"))


def _derived(alert: Event) -> str:
    group = _at(alert, "logweir.correlation.group")
    parts = (_at(alert, "rule.id"), _at(alert, "logweir.event.id"), _at(alert, "@timestamp"), group)
    return blake2b(repr(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()


def _millis(when: Any) -> int:
    try:
        return int(datetime.fromisoformat(str(when)).timestamp() * 1000)
    except ValueError:
        return 0


def _many(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, Iterable) and not isinstance(value, (str, Mapping)) else [value]


def _one(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _at(document: Event, path: str) -> Any:
    value: Any = document
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value
