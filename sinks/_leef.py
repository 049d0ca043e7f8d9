"""ECS documents as LEEF 2.0 lines (IBM's Log Event Extended Format) behind a syslog header. Pure: a record in, a line out.

LEEF knows no escapes, so what could forge a field or a second event is replaced: control characters and line breaks by one
space, `|` in the LEEF header by `/`. The delimiter is TAB, which can then stand in no value.
"""

import re
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any, NamedTuple

import orjson

from router.batch import Event, Record
from router.errors import Malformed

_PRIORITY = "<13>1"  # user.notice: QRadar takes severity from `sev`
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]+")
_NO_HOST = re.compile(r"[^A-Za-z0-9._:-]+")
_MAX_VALUE_BYTES, _MAX_EVENT_ID, _SHORTEST_CUT = 1024, 255, 32
_ALERT_KINDS = frozenset(("alert", "signal"))
_HOSTS = ("host.name", "host.hostname", "observer.name", "observer.hostname", "log.syslog.hostname", "observer.ip", "host.ip")
_DEEPEST = 4
_TRUNCATED = b"truncated=1"


class _Attribute(NamedTuple):
    """A LEEF key, the ECS fields it is taken from (the first that has a value), and how."""

    key: str
    fields: tuple[str, ...]
    shape: Callable[[Any], str]
    cut: bool = False
    """Its value may be shortened where it does not fit."""


def _text(value: Any) -> str:
    """One line of text; lists are joined, objects have no form in LEEF."""
    if isinstance(value, str):
        return _CONTROL.sub(" ", value).strip()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return ",".join(filter(None, map(_text, value))) if isinstance(value, list) else ""


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _address(value: Any) -> str:
    value = _first(value)
    try:
        return str(ip_address(value)) if isinstance(value, str) else ""
    except ValueError:
        return ""


def _port(value: Any) -> str:
    value = _first(value)
    return str(value) if type(value) is int and 0 <= value <= 65_535 else ""


def _count(value: Any) -> str:
    return str(value) if type(value) is int and value >= 0 else ""


def _mac(value: Any) -> str:
    """ECS writes 00-11-22-33-44-55, LEEF colons."""
    return _text(_first(value)).replace("-", ":")


# The most important first: what does not fit is left out from the end. The first 24 keys are predefined by LEEF.
_ATTRIBUTES = (
    _Attribute("src", ("source.ip", "client.ip", "source.address"), _address),
    _Attribute("dst", ("destination.ip", "server.ip", "destination.address"), _address),
    _Attribute("srcPort", ("source.port", "client.port"), _port),
    _Attribute("dstPort", ("destination.port", "server.port"), _port),
    _Attribute("usrName", ("user.name", "user.email", "source.user.name", "user.id"), _text),
    _Attribute("proto", ("network.transport", "network.iana_number"), _text),
    _Attribute("policy", ("rule.name", "rule.ruleset"), _text),
    _Attribute("resource", ("host.name", "host.hostname", "destination.domain", "cloud.instance.id"), _text),
    _Attribute("url", ("url.full", "url.original", "url.domain"), _text, True),
    _Attribute("domain", ("user.domain", "source.domain"), _text),
    _Attribute("identSrc", ("host.ip",), _address),
    _Attribute("identHostName", ("host.hostname", "host.name"), _text),
    _Attribute("srcMAC", ("source.mac", "client.mac"), _mac),
    _Attribute("dstMAC", ("destination.mac", "server.mac"), _mac),
    _Attribute("srcPostNAT", ("source.nat.ip",), _address),
    _Attribute("dstPostNAT", ("destination.nat.ip",), _address),
    _Attribute("srcPostNATPort", ("source.nat.port",), _port),
    _Attribute("dstPostNATPort", ("destination.nat.port",), _port),
    _Attribute("srcBytes", ("source.bytes", "client.bytes"), _count),
    _Attribute("dstBytes", ("destination.bytes", "server.bytes"), _count),
    _Attribute("srcPackets", ("source.packets",), _count),
    _Attribute("dstPackets", ("destination.packets",), _count),
    _Attribute("role", ("user.roles",), _text),
    _Attribute("groupID", ("group.id", "user.group.id"), _text),
    _Attribute("action", ("event.action",), _text),
    _Attribute("outcome", ("event.outcome",), _text),
    _Attribute("category", ("event.category",), _text),
    _Attribute("dataset", ("event.dataset",), _text),
    _Attribute("ruleId", ("rule.id", "rule.uuid"), _text),
    _Attribute("riskScore", ("event.risk_score",), _text),
    _Attribute("tactic", ("threat.tactic.id", "threat.tactic.name"), _text),
    _Attribute("technique", ("threat.technique.id", "threat.technique.name"), _text),
    _Attribute("targetUser", ("user.target.name", "destination.user.name"), _text),
    _Attribute("process", ("process.executable", "process.name"), _text),
    _Attribute("parentProcess", ("process.parent.executable", "process.parent.name"), _text),
    _Attribute("commandLine", ("process.command_line",), _text, True),
    _Attribute("file", ("file.path", "file.name"), _text),
    _Attribute("fileHash", ("file.hash.sha256", "process.hash.sha256", "file.hash.md5"), _text),
    _Attribute("registryKey", ("registry.path", "registry.key"), _text),
    _Attribute("dnsQuery", ("dns.question.name",), _text),
    _Attribute("httpMethod", ("http.request.method",), _text),
    _Attribute("httpStatus", ("http.response.status_code",), _text),
    _Attribute("userAgent", ("user_agent.original",), _text, True),
    _Attribute("application", ("network.application", "network.protocol"), _text),
    _Attribute("direction", ("network.direction",), _text),
    _Attribute("reason", ("event.reason",), _text, True),
    _Attribute("reference", ("event.url", "event.reference", "rule.reference"), _text),
    _Attribute("vendor", ("observer.vendor", "event.module"), _text),
    _Attribute("msg", ("message", "event.original"), _text, True),
)


class Leef:
    """The form of every line of one sink."""

    def __init__(self, max_payload: int, alerts_host: str) -> None:
        self._max, self._alerts_host = max_payload, alerts_host
        self._product = f"LEEF:2.0|Logweir|Logweir|{_header(version('logweir'))}"

    def line(self, record: Record) -> bytes:
        """At most `max_payload` bytes and the LF. Raises Malformed for what is no document, or fits in no way."""
        event, alert = _document(record.body), record.facts.kind in _ALERT_KINDS
        host = self._alerts_host if alert else _host(event) or self._alerts_host
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(_seconds(record)))
        millis = int(_seconds(record) * 1000) % 1000
        head = f"{_PRIORITY} {stamp}.{millis:03d}Z {host} {self._product}|{_event_id(event, alert)}|x09|".encode()
        fixed = [a.encode("utf-8", "replace") for a in _fixed(record, event, alert)]
        return self._fitted(head + b"\t".join(fixed), event) + b"\n"

    def _fitted(self, line: bytes, event: Event) -> bytes:
        room = self._max - len(line)
        if room < len(_TRUNCATED) + 1:
            raise Malformed("too_long_for_leef")
        wanted = list(_attributes(event))
        taken, cut = _taken(wanted, room)
        if cut:
            taken, _ = _taken(wanted, room - len(_TRUNCATED) - 1)
            taken.append(_TRUNCATED)
        return b"\t".join([line, *taken])


def _taken(wanted: list[tuple[bytes, bytes, bool]], room: int) -> tuple[list[bytes], bool]:
    """What fits, in order of importance, and whether anything was left out or shortened."""
    taken, cut = [], False
    for key, value, may_cut in wanted:
        whole = key + b"=" + value
        limit = min(room - 1, len(key) + 1 + _MAX_VALUE_BYTES) if key != b"msg" else room - 1
        if len(whole) > limit:
            cut = True
            if not may_cut or limit < len(key) + 1 + _SHORTEST_CUT:
                continue
            whole = _shortened(whole, limit)
        taken.append(whole)
        room -= len(whole) + 1
    return taken, cut


def _shortened(text: bytes, limit: int) -> bytes:
    """At most `limit` bytes, cut between characters."""
    return text[:limit].decode("utf-8", "ignore").encode().rstrip()


def _attributes(event: Event) -> Iterator[tuple[bytes, bytes, bool]]:
    for key, fields, shape, cut in _ATTRIBUTES:
        for field in fields:
            value = event.get(field)
            if value is not None and (text := shape(value)):
                yield key.encode(), text.encode("utf-8", "replace"), cut
                break


def _fixed(record: Record, event: Event, alert: bool) -> Iterator[str]:
    """What every line carries. `cat` with the event id selects the QID, so both are words of a fixed set."""
    yield f"cat={'alert' if alert else _text(record.facts.dataset or event.get('event.dataset'))[:100] or 'event'}"
    yield f"devTime={int(_seconds(record) * 1000)}"
    yield f"sev={_severity(record.facts.severity)}"
    yield f"eventUid={record.id.hex()}"


def _severity(facts_severity: int) -> int:
    """LEEF 1 to 10, from the scale of facts (0 unknown, 10 to 90)."""
    return min(10, max(1, round(facts_severity / 10))) if facts_severity else 2


def _event_id(event: Event, alert: bool) -> str:
    names = ("rule.id", "rule.name") if alert else ("event.code", "event.action", "event.dataset")
    found = (_text(_first(event.get(name))) for name in names)
    return _header(next(filter(None, found), "event"))[:_MAX_EVENT_ID]


def _header(text: str) -> str:
    return _CONTROL.sub(" ", text).replace("|", "/").strip()


def _host(event: Event) -> str:
    """The original device, as a host in a syslog header; an IPv6 address only where there is nothing else."""
    for name in _HOSTS:
        if host := _NO_HOST.sub("_", _text(_first(event.get(name))))[:255]:
            return host
    return ""


def _seconds(record: Record) -> float:
    """The event's time, kept within what a calendar and a 13-digit devTime can hold."""
    return record.time if 0 <= record.time < 253_402_300_800 else 0.0


def _document(body: bytes) -> Event:
    """The document's fields by dotted name."""
    try:
        event = orjson.loads(body)
    except ValueError as error:
        raise Malformed("not_json") from error
    if not isinstance(event, dict):
        raise Malformed("not_a_json_object")
    return _flat(event)


def _flat(fields: Event, prefix: str = "", depth: int = 0) -> Event:
    """Every field by its dotted name, nested or written flat; deeper than any name that is asked for is left out."""
    flat: Event = {}
    for key, value in fields.items():
        if not isinstance(value, dict):
            flat.setdefault(prefix + key, value)
        elif depth < _DEEPEST:
            flat.update(_flat(value, f"{prefix}{key}.", depth + 1))
    return flat
