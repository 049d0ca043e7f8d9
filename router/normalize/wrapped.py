"""Messages that shippers have put into JSON: Filebeat, Fluent Bit, Vector, Docker, journald, GELF, Wazuh, clouds, topics."""

from typing import Any, NamedTuple, TypeAlias

import orjson

from router.normalize import log_analytics
from router.normalize.container import written
from router.normalize.formats.json import loads
from router.normalize.formats.syslog import outer
from router.normalize.line import Line
from router.normalize.normalizer import Ignored
from router.normalize.parted import audited, rejoined
from router.normalize.pushed import pushed
from router.normalize.relayed import GENERAL, LEAST, adopt, has_header
from router.normalize.runtime import dig
from router.normalize.times import Moment, bsd, epoch, iso

_Paths: TypeAlias = tuple[tuple[str, ...], ...]
_TEXTS: _Paths = (
    ("event", "original"),
    ("message",),
    ("log",),
    ("MESSAGE",),
    ("line",),
    ("_raw",),
    ("body",),
    ("body", "text"),
    ("full_message",),
    ("short_message",),
    ("msg",),
    ("event",),
    ("full_log",),
    ("syslog_message",),
    ("textPayload",),
    ("jsonPayload", "message"),
    ("jsonPayload", "MESSAGE"),
    ("properties", "msg"),
    ("raw",),
    ("raw_event",),
    ("raw_message",),
    ("raw_log",),
    ("log_message",),
    ("RawData",),
    ("text",),
    ("payload",),
)
"""Where shippers hand a message on; the first that holds text is the one. Elastic's leave the message as it came in
`event.original` when they have taken it apart (`decode_cef`, for one, puts the name of the event in its place)."""
_JOURNAL_TIMES = ("_SOURCE_REALTIME_TIMESTAMP", "__REALTIME_TIMESTAMP")
_TIMES = (*_JOURNAL_TIMES, "@timestamp", "time", "timestamp", "timereported", "ISODATE", "date", "DATE", "EventTime")
_HOLDERS = frozenset(("jsonPayload", "properties"))
"""Objects that hold the other parts of a header beside the message: Google Cloud's and Azure's own envelopes."""
_NXLOG = ("SourceModuleType", "Message")
_DAY_DIGITS = 8
_HOSTS: _Paths = (
    ("host", "name"),
    ("hostname",),
    ("_HOSTNAME",),
    ("resource", "host.name"),
    ("kubernetes", "host"),
    ("host",),
    ("HOST",),
    ("fromhost",),
    ("Hostname",),
    ("syslog_hostname",),
    ("properties", "hostname"),
    ("jsonPayload", "host"),
    ("jsonPayload", "hostname"),
    ("labels", "compute.googleapis.com/resource_name"),
)
_WAZUH_AGENT = ("agent", "name")
"""The host of what Wazuh archives: `full_log` is the line that its agent has read."""
_BESIDE = frozenset("time host source sourcetype index event fields".split())
WINLOG = "winlog"
"""Key of the objects of Winlogbeat, of which the message is no more than a rendering."""
KEPT = "shipper"
"""Where a document keeps what the shipper said beside the message."""


class Held(NamedTuple):
    """What an object holds."""

    line: Line
    """The message, as a line of its own."""
    beside: dict[str, Any]
    """What stood beside it."""
    least: int
    """The least priority of a file that may read it: any may where it has a syslog header, or had one."""
    keys: tuple[str, ...] = ()
    """Those of the object."""
    closed: bool = False
    """The object says nothing but who handed the message on: nobody is asked for all of it."""


def opened(x: Line) -> dict[str, Any] | None:
    """The object that a line is; None when it is none."""
    value = x.data if x.data is not None else loads(x.raw) if x.raw[:1] == "{" else None
    return value if type(value) is dict else None


def message(x: Line) -> Held | None:
    """The message inside of an object; None when it is no such object."""
    value = opened(x)
    return held_in(value, x) if value is not None else None


def held_in(value: dict[str, Any], x: Line) -> Held | None:
    """The message inside of this object, which is that of the line; None when there is none."""
    keys = tuple(value)
    row = log_analytics.message(value) if "TimeGenerated" in value else None
    if row is not None:
        line = _rebuilt(x, row[0], True) if value["Type"] == "Syslog" else _line(x, row[0])
        return Held(line, row[1], GENERAL, keys)
    if (topic := _of_topic(value, x)) is not None:
        return topic
    text, path = _first(value, _TEXTS, 2)
    if not path and all(type(value.get(key)) is str for key in _NXLOG):
        text, path = value["Message"], ("Message",)
    if not path:
        return _of_splunk(value, x)
    found = _line(x, text)
    if (held := written(found)) is not None:
        found, value = held[0], {**value, **held[1]}
    if "_TRANSPORT" in value and (record := audited(value, found.raw)) is not None:
        return Held(_told(_line(x, record), value, x), _without(value, path), GENERAL, keys)
    is_syslog = has_header(found)
    if not is_syslog and (parts := rejoined(_parts(value, path), found.raw)) is not None:
        found, is_syslog = _rebuilt(x, parts.text, parts.told), parts.is_syslog
    return Held(_told(found, value, x), _without(value, path), LEAST if is_syslog else GENERAL, keys)


def _first(value: dict[str, Any], paths: _Paths, least: int) -> tuple[str, tuple[str, ...]]:
    """The first text of so many characters at one of the paths, and its path; both are empty where there is none."""
    for path in paths:
        if path[0] in value:
            text = value[path[0]] if len(path) == 1 else dig(value, path)
            if type(text) is str and len(text) >= least:
                return text, path
    return "", ()


def _parts(value: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """Where the other parts of the header stand: beside the message."""
    return {**value, **value[path[0]]} if path[0] in _HOLDERS else value


def _told(found: Line, value: dict[str, Any], x: Line) -> Line:
    """The line with the time and the host of the object."""
    found.hint_time = _time(value, x) or found.hint_time or x.hint_time
    hosts = (_WAZUH_AGENT, *_HOSTS) if "full_log" in value else _HOSTS
    found.hint_host = _first(value, hosts, 1)[0] or x.hint_host
    return found


def _of_topic(value: dict[str, Any], x: Line) -> Held | None:
    """A message that a topic hands on, of any kind, by itself or through a queue (`body`)."""
    body = value.get("body")
    queued = loads(body) if type(body) is str and '"TopicArn"' in body else None
    found = pushed(queued if type(queued) is dict else value)
    if found is None or not found.text.strip():
        return None
    beside = found.beside if queued is None else {**value, "body": found.beside}
    return Held(_told(_line(x, found.text), {"time": found.time}, x), beside, LEAST, tuple(value), closed=True)


def _of_splunk(value: dict[str, Any], x: Line) -> Held | None:
    """An event of Splunk's collector that is an object, with the names that Splunk gives what stands beside it and no others."""
    event = value.get("event")
    if type(event) is not dict or len(value) == 1 or not _BESIDE.issuperset(value):
        return None
    line = _told(_line(x, orjson.dumps(event).decode()), value, x)
    return Held(line, _without(value, ("event",)), GENERAL, tuple(value))


def _time(value: dict[str, Any], x: Line) -> str | None:
    """What the shipper says of the time, as ISO 8601; None where it says nothing that can be read."""
    for key in _TIMES:
        if key in value:
            moment = _moment(value[key], x)
            if moment is not None:
                return moment.iso
    return None


def _moment(value: Any, x: Line) -> Moment | None:
    if type(value) is not str or (value.isdecimal() and len(value) > _DAY_DIGITS):
        return epoch(value)
    return iso(value, x.site) or bsd(value, x.site, x.receipt)


def _without(value: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The object without what stands at `path`; what is empty then is left out too."""
    if len(path) > 1:
        left = _without(value[path[0]], path[1:])
        return {key: left if key == path[0] else item for key, item in value.items() if key != path[0] or left}
    return {key: item for key, item in value.items() if key != path[0]}


def events(x: Line) -> list[tuple[Line, dict[str, Any]]] | None:
    """The events of a CloudWatch Logs subscription, each with its group, stream and id; None when it is none.

    Amazon CloudWatch Logs User Guide, "Real-time processing of log data with subscriptions": a control message has no events.
    """
    if '"logEvents"' not in x.raw[:4096] or x.raw[:1] != "{":
        return None
    value = loads(x.raw)
    if type(value) is not dict or type(value.get("logEvents")) is not list or "logGroup" not in value:
        return None
    told = {key: value[key] for key in ("owner", "logGroup", "logStream") if type(value.get(key)) is str}
    made = [_event(x, item, told) for item in value["logEvents"] if type(item) is dict]
    return [event for event in made if event[0].raw]


def _event(x: Line, item: dict[str, Any], told: dict[str, Any]) -> tuple[Line, dict[str, Any]]:
    text = item.get("message")
    found = _line(x, text if type(text) is str else orjson.dumps(text).decode() if text else "")
    moment = epoch(item.get("timestamp"))
    found.hint_time = moment.iso if moment is not None else None
    found.hint_host = x.hint_host
    return found, {**told, "id": str(item.get("id", ""))}


def _line(x: Line, text: str) -> Line:
    return Line(text, x.receipt, x.site, x.source, x.peer, x.meta)


def _rebuilt(x: Line, text: str, told: bool) -> Line:
    """A line that was put together again: its header says no more than what its parts said. Its version is that of none."""
    found = _line(x, text)
    head, body, when = outer(found)
    head = head._replace(version="")
    found.usual = head if told else head._replace(priority=None, facility=None, severity=None), body, when
    return found


def keep(document: dict[str, Any], beside: dict[str, Any]) -> None:
    """What the shipper said, in the document."""
    if beside:
        document.setdefault(KEPT, beside)


def kept(
    made: list[dict[str, Any]] | Ignored | None, x: Line, found: Line, beside: dict[str, Any]
) -> list[dict[str, Any]] | Ignored | None:
    """The answer for what stands inside of `x`, with what the header and the shipper said."""
    if made is not None:
        adopt(x, found)
        for document in made if isinstance(made, list) else ():
            keep(document, beside)
    return made


def keep_group(document: dict[str, Any], told: dict[str, Any]) -> None:
    """Group, stream and id of an event of CloudWatch in the document; whose account it is, where it does not say itself."""
    held = document.setdefault("aws", {})
    if type(held) is dict:
        held.setdefault("cloudwatch", told)
    cloud = document.setdefault("cloud", {})
    cloud.setdefault("provider", "aws")
    if "owner" in told:
        cloud.setdefault("account", {"id": told["owner"]})
