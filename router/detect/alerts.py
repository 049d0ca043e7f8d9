"""Alerts: the ECS document that says which rule an event satisfied, by whom the rule is, and who and where it was about."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from router.batch import Event
from router.detect.attack import threat
from router.detect.probes import Values
from router.detect.rules import Metadata, Rule
from router.detect.why import Reason, matched

DATASET = "logweir.alert"
SEVERITY = {"informational": 20, "low": 30, "medium": 50, "high": 70, "critical": 90}
COPIED = (
    *("host", "user", "source", "destination", "client", "server", "process", "file", "dll", "registry", "service", "group"),
    *("url", "http", "user_agent", "dns", "network", "tls", "email", "cloud", "container", "orchestrator", "observer"),
    *("related", "organization", "error"),
)
"""Top-level ECS objects that an alert takes over from its event, whole."""
_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS, _SHIFTS = [one + other for one in _DIGITS for other in _DIGITS], range(120, -1, -10)
_MAX_REASONS, _MAX_RULES = 50, 4096


def alert_document(rule: Rule, event: Event, *, event_id: bytes, time: float, raw: bytes = b"") -> Event:
    """The alert of one rule on one event. `event_id` is the event's; `time` its time in seconds since the epoch.

    `raw` is what was given to `match`.
    """
    scene = _Scene(event, event_id, time, Values(event, raw))
    return {**_copied(event), **scene.told(rule, _about(rule))}


class Alerts:
    """The alerts of one event as JSON: the bytes of `alert_document`, of which what they share is written once."""

    def __init__(self, event: Event, *, event_id: bytes, time: float, values: Values) -> None:
        """`values` are those of the event and of the payload that was given to `match`."""
        self._scene = _Scene(event, event_id, time, values)
        self._copied = orjson.dumps(_copied(event))[1:-1]

    def of(self, rule: Rule) -> bytes:
        """The alert of one rule."""
        told = orjson.dumps(self._scene.told(rule, _encoded(rule)))
        return b"{" + self._copied + b"," + told[1:] if self._copied else told


def _copied(event: Event) -> Event:
    return {name: event[name] for name in COPIED if name in event}


class _Scene:
    """What the alerts of one event say about it."""

    def __init__(self, event: Event, event_id: bytes, time: float, values: Values) -> None:
        facts = event.get("event")
        facts = facts if isinstance(facts, dict) else {}
        self._time, self._values = timestamp(time), values
        self._event = {"id": written(event_id), "dataset": str(facts.get("dataset", ""))}
        self._facts = {name: facts[name] for name in ("action", "code", "outcome") if name in facts}
        self._who = " ".join(_who(event))

    def told(self, rule: Rule, fixed: Event) -> Event:
        """The alert without what is copied. `fixed`: what is the same in all alerts of the rule, not to be changed."""
        reasons = matched(rule, self._values)[:_MAX_REASONS]
        why = {"why": [_sentence(reason) for reason in reasons], "conditions": [_condition(reason) for reason in reasons]}
        return {
            "@timestamp": self._time,
            **fixed,
            "event": {**fixed["event"], **self._facts},
            "logweir": {**fixed["logweir"], "event": self._event, **why},
            "message": f"{rule.title}: {self._who}" if self._who else rule.title,
        }


def written(event_id: bytes) -> str:
    """The text of a 16-byte id: base32 (RFC 4648, section 6), lower case, without padding."""
    number = int.from_bytes(event_id) << 2
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def about(rule: Metadata, time: float) -> Event:
    """What every signal says about the rule behind it, author and licence included."""
    fixed = _about(rule)
    return {"@timestamp": timestamp(time), **fixed, "event": {**fixed["event"]}, "logweir": {**fixed["logweir"]}}


@lru_cache(_MAX_RULES)
def _about(rule: Metadata) -> Event:
    """All of it but the time; what is shared by signals is not to be changed."""
    described = {
        "id": rule.id,
        "name": rule.title,
        "description": rule.description,
        "author": [a.strip() for a in rule.author.split(",") if a.strip()],
        "license": rule.license,
        "reference": rule.references[0] if rule.references else "",
        "ruleset": "sigma",
    }
    kinds = {"kind": "alert", "category": ["intrusion_detection"], "type": ["info"]}
    document: Event = {
        "event": {**kinds, "dataset": DATASET, "module": "logweir", "severity": SEVERITY.get(rule.level, 0)},
        "log": {"level": rule.level},
        "rule": {key: value for key, value in described.items() if value},
        "logweir": {"rule": _details(rule)},
    }
    techniques = threat(rule.tags)
    return {**document, "threat": techniques} if techniques else document


@lru_cache(_MAX_RULES)
def _encoded(rule: Metadata) -> Event:
    """The same, in which what no alert changes is JSON already."""
    fixed = _about(rule)
    parts = {name: orjson.Fragment(orjson.dumps(value)) for name, value in fixed.items() if name not in ("event", "logweir")}
    details = {name: orjson.Fragment(orjson.dumps(value)) for name, value in fixed["logweir"].items()}
    return {**fixed, **parts, "logweir": details}


def _details(rule: Metadata) -> dict[str, Any]:
    details = {"level": rule.level, "tags": rule.tags, "falsepositives": rule.falsepositives, "references": rule.references}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in details.items() if value}


def timestamp(time: float) -> str:
    """ISO 8601 in UTC with milliseconds, as ECS documents carry it; the nearest there is, beyond the years 1 to 9999."""
    try:
        moment = datetime.fromtimestamp(time, UTC)
    except (ValueError, OverflowError):
        moment = datetime.max if time > 0 else datetime.min
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _who(event: Event) -> Iterable[str]:
    for label, path in _WHO:
        value: Any = event
        for step in path.split("."):
            value = value.get(step) if isinstance(value, dict) else None
        if isinstance(value, (str, int)) and value != "":
            yield f"{label} {value}"


_WHO = (
    ("user", "user.name"),
    ("on", "host.name"),
    ("from", "source.ip"),
    ("to", "destination.ip"),
    ("by", "process.executable"),
)


def _sentence(reason: Reason) -> str:
    return f"{reason.field or 'message'} {reason.modifier}" + (f" saw {reason.seen!r}" if reason.field else "")


def _condition(reason: Reason) -> dict[str, str]:
    """One test that held, for programs: its field (`message` for keywords), what it asked, the value that it saw."""
    if not reason.field:
        return {"field": "message", "test": reason.modifier}
    return {"field": reason.field, "test": reason.modifier, "value": reason.seen}
