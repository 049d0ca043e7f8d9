"""What every document gets: times, header, peer, original, tags. And the documents of lines that nobody reads."""

from typing import Any, Literal

from router.batch import Event
from router.normalize import schema
from router.normalize.formats.syslog import as_document, read
from router.normalize.line import NO_HEADER, Line
from router.normalize.runtime import child

Original = Literal["always", "doubtful", "never"]
UNKNOWN = "unknown"
FAILED = "pipeline_error"
"""event.kind of what its normalizer could not read."""
_NOTHING: dict[str, Any] = {}
_EVERY_HOST = frozenset(("localhost", "localhost.localdomain", "localhost4", "localhost6"))
"""Names that tell no machine from another: kept in log.syslog, but no host.name to search by."""


def unknown(x: Line) -> Event:
    """A line of no known source: what its syslog header said, and the message."""
    if not x.syslog_read:
        read(x)
    out: Event = {
        "ecs": {"version": schema.VERSION},
        "event": {"kind": "event", "module": UNKNOWN, "dataset": UNKNOWN},
        "message": x.body if x.body.strip() else x.raw,
        "tags": ["_norm_unknown"],
    }
    if x.head.appname:
        out["process"] = {"name": x.head.appname}
        if x.head.procid and x.head.procid.isdecimal() and len(x.head.procid) < 19:
            out["process"]["pid"] = int(x.head.procid)
    return out


def failed(x: Line, dataset: str, reason: str) -> Event:
    """A line that its normalizer could not read."""
    out = unknown(x)
    out["event"] = {"kind": FAILED, "module": dataset.partition(".")[0], "dataset": dataset}
    out["error"] = {"message": reason}
    out["tags"] = ["_norm_failed"]
    return out


def seal(out: Event, x: Line, original: Original) -> None:
    """Add what belongs into every document; nothing that a normalizer has written is overwritten."""
    event = out["event"]
    event["created"] = x.received
    if "@timestamp" not in out:
        _timestamp(out, x)
    if x.head is not NO_HEADER:
        _header(out, x)
    if x.peer:
        out.setdefault("log", {}).setdefault("source", {})["address"] = x.peer
    if x.hint_host and "name" not in out.setdefault("host", {}):
        out["host"]["name"] = x.hint_host
    if original == "always" or (original == "doubtful" and "tags" in out and _doubtful(out)):
        event["original"] = x.raw


def _timestamp(out: Event, x: Line) -> None:
    moment = x.syslog_time(x.site)
    if moment is not None:
        out["@timestamp"] = moment.iso
        if not moment.known:
            _tag(out, "_norm_tz_assumed")
    elif x.hint_time is not None:
        out["@timestamp"] = x.hint_time
    else:
        out["@timestamp"] = x.received
        _tag(out, "_norm_time_missing")


def _tag(out: Event, tag: str) -> None:
    tags: list[Any] = out.setdefault("tags", [])
    if tag not in tags:
        tags.append(tag)


def _header(out: Event, x: Line) -> None:
    """log.syslog without what stands elsewhere already; the sender is the observer where there is one, else the host."""
    hostname, appname, procid = x.head[4:7]
    if hostname:
        bare = hostname.strip("[]") if hostname[0] == "[" else hostname
        hostname = _told(out, bare, appname) if bare else hostname
    if appname is not None or procid is not None:
        process = out.get("process", _NOTHING)
        if appname is not None and process.get("name") == appname:
            appname = None
        if procid is not None and str(process.get("pid")) == procid:
            procid = None
    found = as_document(x.head, (hostname, appname, procid))
    if found:
        log = child(out, "log")
        held = log.get("syslog")  # where a file keeps the host of the header
        log["syslog"] = {**held, **found} if held else found


def _told(out: Event, hostname: str, appname: str | None) -> str | None:
    """The host of the header, in its place; what is left of it for log.syslog."""
    host, observer = out.get("host", _NOTHING), out.get("observer", _NOTHING)
    if hostname in (observer.get("ip") or ()):
        return None
    if appname != "last":
        if observer:
            if observer.get("hostname") is None and observer.get("name") is None:
                observer["hostname"] = hostname
                return None
        elif not (host.get("name") or host.get("hostname") or hostname in _EVERY_HOST or _kept_by_file(out)):
            child(out, "host")["name"] = hostname
            return None
        if hostname in (host.get("name"), host.get("hostname"), observer.get("hostname"), observer.get("name")):
            return None
    return hostname


def _kept_by_file(out: Event) -> bool:
    """Did the file say that the name in the header is no more than that?"""
    return "hostname" in out.get("log", _NOTHING).get("syslog", _NOTHING)


def _doubtful(out: Event) -> bool:
    """Does any tag say that something may be wrong?"""
    for tag in out.get("tags", ()):
        if type(tag) is str and tag.startswith("_norm_") and not tag.startswith(("_norm_tz", "_norm_time")):
            return True
    return False
