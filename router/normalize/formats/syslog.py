"""Syslog headers: RFC 3164 as it is really sent, and RFC 5424. What is odd stays in the body."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

from router.normalize.formats.syslog_5424 import LAST_PRIORITY, PRIORITIES, Read, at_iso, header_of, numbered, rfc5424
from router.normalize.formats.syslog_host import BARE_LEVELS, NO_HOST, NO_TAG, TAG, host_of
from router.normalize.line import NO_HEADER, Header, Line
from router.normalize.remembered import Remembered
from router.normalize.times import (
    AFTER_BSD,
    BSD,
    Moment,
    Zone,
    bsd_match,
    dated_stamp,
    infer_year,
    iso,
    placed,
    plain_stamp,
)

FACILITIES = (
    "kernel user-level mail system security/authorization syslogd line-printer network-news uucp clock "
    "security/authorization ftp ntp log-audit log-alert clock local0 local1 local2 local3 local4 local5 local6 local7"
).split()
SEVERITIES = "Emergency Alert Critical Error Warning Notice Informational Debug".split()

_PRI = re.compile(r"<(\d{1,3})>:?\s*")  # Cisco EMBLEM has a colon there
_ISO_TOKEN = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:[Zz]|\s?[+-]\d\d:?\d\d|\s(?:UTC|GMT))?(?=[\s:]|\Z)"
)
_DAY_FIRST = re.compile(r"(\d{1,2}) ([A-Z][a-z]{2}) (?:((?:19|20)\d\d) )?(\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?= |\Z)", re.ASCII)
_SOLARIS = re.compile(r"\[ID (\d{1,10}) [a-z0-9]{1,16}\.[a-z]{1,8}\] ?", re.ASCII)
"""log(3C) of Solaris: the message's id, its facility and level in front of it (`msgid=1` of log.conf(4))."""
_UNRANKED = re.compile(r"1 \d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d\S* [^ ]+ [^ ]+ [^ ]+ [^ ]+ (?=\[|-(?: |\Z))")
"""A whole header of RFC 5424 whose priority a daemon took off before it wrote or relayed the line."""
_SENTENCE = re.compile(r"[A-Za-z_]+ +[A-Za-z]+(?: |\Z)")
"""Behind a bare date and time, as applications write it into their own logs, words are no host, but the message."""
_SEQUENCE = re.compile(r"\d{1,12}:\s+")
_NAMED_SEQUENCE = re.compile(r"(?:\d{1,12}:\s+)?([A-Za-z0-9_.-]{1,255}):\s+(?=[*.]?(?:[A-Z][a-z]{2}\s|\d{4}\s[A-Z]))")
_COUNT = re.compile(r"[1-9]\d{0,6} (?=<\d{1,3}>)", re.ASCII)
"""An octet count, left in front by who took a stream apart by lines; what is cut off behind it makes it wrong."""
_LEVELS_IN_FRONT = frozenset("emerg alert crit err error warning notice info debug".split())
_TIME_STARTS = frozenset("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun".split())
_SPACED_TAG_LIMIT = 48
_NAME_LIMIT, _PROCESS_LIMIT = 64, 129
_NO_TAGS = frozenset(text[:-1] for text in NO_TAG)
_USUAL = re.compile(
    r"(?:<(\d{1,3})>)?"
    r"(?:((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-3]\d (?:((?:19|20)\d\d) )?\d\d:\d\d:\d\d)"
    r"|(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)))"
    # a host, a tag with or without a process, and text that is no other header; or what Cisco sends
    r"(?: ([A-Za-z0-9][\w.-]{0,59}) ([A-Za-z_][\w-]{0,63})(?:\[(\d{1,20})\])?: (?![\s*.<\ufeff]|[A-Z][a-z]{2}\s|\d{4}\s[A-Z])"
    r"|(?: ([A-Za-z0-9][\w.-]{0,59}))?(?: ?: | )(?=%)"
    # or the firewalls of Palo Alto Networks, or who writes CEF or LEEF
    r"|(?: ([A-Za-z0-9][\w.-]{0,59}))? (?=\d{0,12},\d{4}[/-]\d\d[/-]\d\d[ T]|CEF:|LEEF:))",
    re.ASCII,
)
"""Headers in which nothing is odd."""
_KEYED = re.compile(r"(?:<(\d{1,3})>)?(?=[A-Za-z_]\w*=|\d{0,12},\d{4}/\d\d/\d\d )", re.ASCII)
_RELAYS = 3


def read(x: Line) -> None:
    """Read the header once; afterwards `x.head` and `x.body` are set."""
    x.syslog_read = True
    usual = x.usual or _usual(x.raw)
    if usual is not None:
        relayed = usual[0].version is not None and _may_hold_another(usual)
        x.head, x.body, x.header_time = _behind(usual) if relayed else usual
    else:
        head, body, when = _message(_bare(x.raw), _RELAYS)
        if head is not NO_HEADER:
            x.head, x.body, x.header_time = head, body, when
    if x.body[:4] == "[ID " and (found := _SOLARIS.match(x.body)) is not None:
        x.head, x.body = x.head._replace(msgid=found[1]), x.body[found.end() :]


def _usual(text: str) -> Read | None:
    """What the rest of this file makes of nearly all headers, by one search; None where it has to look closer."""
    first = text[:1]
    if first in ("{", "["):
        return NO_HEADER, text, None
    end = text.find(">1 ", 2, 7) if first == "<" else 0
    if end > 0 and (new := numbered(text)) is not None:
        return new
    if end > 0 and text[1:end].isdecimal():
        return rfc5424(head, text[end + 1 :]) if (head := PRIORITIES[text[1:end]]) is not None else None
    found = _USUAL.match(text)
    if found is None:
        return _without_time(text)
    pri, bsd, year, zoned, host, tag, process, sender, plain_sender = found.groups()
    head = PRIORITIES[pri] if pri is not None else NO_HEADER
    if tag in _NO_TAGS or head is None:
        return None
    when: Callable[[Zone, float], Moment | None]
    if bsd is None:
        if host in BARE_LEVELS:
            return None
        when = partial(at_iso, zoned)
    elif not _ends(text, found.end(2)):
        return None
    elif year is None:
        plain = plain_stamp(bsd)
        if plain is None:
            return None
        when = partial(_at_day, plain)
    else:
        local = dated_stamp(bsd)
        if local is None:
            return None
        when = partial(_at_second, local)
    stated = header_of((*head[:3], None, host or sender or plain_sender, tag, process, None, None))
    return stated, text[found.end() :], when


def _without_time(text: str) -> tuple[Header, str, None] | None:
    """A priority and pairs, or what Palo Alto Networks send; or one of these without any header."""
    found = _KEYED.match(text)
    if found is None:
        return None
    head = PRIORITIES[found[1]] if found[1] is not None else NO_HEADER
    return (head, text[found.end() :], None) if head is not None else None


_DAYS = Remembered[tuple[tuple[int, int, int], Zone], list[tuple[float, float, Moment]]](lambda _: [], 8192)
"""Day and second of a year, and a zone -> the moment that was last meant, and when what arrives means it."""
_MONTH = 30 * 86_400


def _at_day(plain: tuple[int, int, int], zone: Zone, receipt: float) -> Moment | None:
    """The newest such day that is not later than a day after receipt; so it is the same one for the next ten months."""
    held = _DAYS[plain, zone]
    if held and held[0][0] <= receipt < held[0][1]:
        return held[0][2]
    moment = placed(infer_year(*plain, zone, receipt), "", zone)
    if moment is not None:
        held[:] = [(moment.seconds - 86_400, moment.seconds + 10 * _MONTH, moment)]
    return moment


def _at_second(local: int, zone: Zone, _: float) -> Moment | None:
    return placed(local, "", zone)


def outer(x: Line) -> Read:
    """The first header alone, what stands behind it (another header, or a message that is none of syslog's), and its time."""
    x.usual = x.usual or _usual(x.raw)
    if x.usual is not None:
        return x.usual
    found = _message(_bare(x.raw), 0)
    if found[0] is NO_HEADER:
        x.syslog_read = True  # and who looks for headers behind it comes to the same
    return found


def _bare(text: str) -> str:
    """What stands in front of a message and says nothing is left out."""
    text = text.lstrip(" \t\r\n\x00\ufeff")
    return text[found.end() :] if (found := _COUNT.match(text)) is not None else text


def _message(text: str, relays: int) -> Read:
    found = _PRI.match(text) if text[:1] == "<" else None
    if found is not None and int(found[1]) <= LAST_PRIORITY:
        priority, rest = int(found[1]), text[found.end() :]
        head = Header(priority, priority >> 3, priority & 7)
    else:
        head, rest = NO_HEADER, text
    if rest[:2] == "1 " and (head is not NO_HEADER or _UNRANKED.match(rest)):
        new = rfc5424(head, rest)
        if new is not None:
            return new
    return _rfc3164(head, rest, relays)


def _rfc3164(head: Header, rest: str, relays: int) -> Read:
    if rest[:1] == ":":  # Cisco's EMBLEM format
        rest = rest[1:].lstrip(" ")
    name, start = _before_time(rest)
    when, end = _time(rest, start)
    if when is None:
        if head is NO_HEADER:
            return head, rest, None
        return *_tagged(head, rest.removeprefix(": ").lstrip()), None
    colon = rest[end : end + 1] == ":" or (rest[end : end + 2] == " :" and rest[end + 2 : end + 3] != ":")
    after = rest[end:].lstrip(" :" if colon else " ")
    host, text = host_of(after) if name is None else (name, after)
    if relays > 0 and text and (text[0] == "<" or text[0] in "*." or text[:1].isalnum()):
        inner = _relayed(text, relays)
        if inner is not None:
            merged, body, inner_when = inner
            return _outranked(head, host, merged), body, inner_when or when
    if host is not None and head is NO_HEADER and rest[start].isdigit() and rest[start + 10] == " " and _SENTENCE.match(after):
        return _stated(head, None), after, when
    return *_tagged(_stated(head, host), text), when


def _stated(head: Header, host: str | None) -> Header:
    return Header(head.priority, head.facility, head.severity, None, host)


def _outranked(outer: Header, host: str | None, inner: Header) -> Header:
    """A relay's header gives only what the original message does not say itself."""
    if inner.priority is None:
        inner = inner._replace(priority=outer.priority, facility=outer.facility, severity=outer.severity)
    return inner._replace(hostname=host) if inner.hostname is None else inner


def _may_hold_another(read_first: Read) -> bool:
    """RFC 5424: a text that begins with a priority; or with a time, where the header names no program that would write one."""
    head, body, _ = read_first
    return body[:1] == "<" or (head.appname is None and body[:3] in _TIME_STARTS)


def _behind(relay: Read) -> Read:
    """A whole message of RFC 3164 or 5424 behind a header of RFC 5424; the header itself where there is none."""
    head, body, when = relay
    found = _relayed(body, _RELAYS)
    if found is None or found[0] is NO_HEADER:
        return relay
    inner, text, inner_when = found
    merged = _outranked(head, head.hostname, inner)
    return merged._replace(msgid=inner.msgid or head.msgid, sd=inner.sd or head.sd), text, inner_when or when


def _relayed(text: str, relays: int) -> Read | None:
    """A whole message inside a message: only where it begins with a priority or with a time of its own in syslog's style."""
    if text[0].isdecimal() and (count := _COUNT.match(text)) is not None:
        text = text[count.end() :]
    if text[0] == "<":
        found = _PRI.match(text)
        return _message(text, relays - 1) if found is not None and int(found[1]) <= LAST_PRIORITY else None
    if text[:2] == "1 " and _UNRANKED.match(text):
        return _message(text, relays - 1)
    _, start = _before_time(text)
    return _message(text, relays - 1) if BSD.match(text, start) else None


def _before_time(text: str) -> tuple[str | None, int]:
    """Cisco: sequence number and host name, each with a colon, before the time; (host or None, where the time would start)."""
    if text[:1] in "*." or text[:3] in _TIME_STARTS or ": " not in text[:300]:
        return None, 0
    found = _NAMED_SEQUENCE.match(text)
    if found is not None and not found[1].isdecimal():
        return found[1], found.end()
    found = _SEQUENCE.match(text)
    return None, found.end() if found is not None else 0


def _time(text: str, start: int) -> tuple[Callable[[Zone, float], Moment | None] | None, int]:
    first = text[start : start + 3]
    if not first[:1].isdigit() and first[:1] not in ("*", ".") and first.title() not in _TIME_STARTS:
        return None, start
    plain = plain_stamp(text[start : start + 15])
    if plain is not None and _ends(text, start + 15):
        month, day, clock = plain
        return lambda zone, receipt: placed(infer_year(month, day, clock, zone, receipt), "", zone), start + 15
    found = BSD.match(text, start)
    if found is not None:
        bsd = found
        return lambda zone, receipt: bsd_match(bsd, zone, receipt), found.end()
    found = _DAY_FIRST.match(text, start)
    if found is not None and (turned := BSD.match(f"{found[2]} {found[1]} {found[3] or ''} {found[4]}")) is not None:
        bsd = turned
        return lambda zone, receipt: bsd_match(bsd, zone, receipt), found.end()
    found = _ISO_TOKEN.match(text, start)
    if found is None:
        return None, start
    stamp = found[0]
    return lambda zone, receipt: iso(stamp, zone), found.end()


def _ends(text: str, end: int) -> bool:
    """Is the time over here, without a fraction, half of the day, year or zone behind it?"""
    follows = text[end : end + 2]
    if follows in ("", ": "):
        return True
    stop = text.find(" ", end + 1, end + 66) + 1
    return follows[0] == " " and stop > 0 and _is_no_time(text[end:stop])


@lru_cache(4096)
def _is_no_time(text: str) -> bool:
    found = AFTER_BSD.match(text)  # every part of it is optional
    return found is not None and not found[0]


def _tagged(head: Header, text: str) -> tuple[Header, str]:
    """Split the tag, `name[pid]:`, and a mark of byte order off a message."""
    head, text = _untagged(head, text.removeprefix("\ufeff"))
    return head, text.removeprefix("\ufeff")


def _untagged(head: Header, text: str) -> tuple[Header, str]:
    if text[:1] in NO_HOST or text.startswith(NO_TAG):
        return head, text
    colon = text.find(":", 0, 220)
    if colon < 1 or text.find("=", 0, colon) >= 0:
        return head, text
    name, bracket, process = text[:colon].partition("[")
    if name.replace("-", "_").isidentifier() and name.isascii() and name[0] != "-" and len(name) <= _NAME_LIMIT:
        if not bracket:
            if text[colon + 1 : colon + 2] in ("", " "):
                return _named(head, name, None), text[colon + 2 :].lstrip(" ")
        elif process[-1:] == "]" and process[:-1].isdecimal() and len(process) <= _PROCESS_LIMIT:
            start = colon + 1 + text[colon + 1 : colon + 2].isspace()
            return _named(head, name, process[:-1]), text[start:].lstrip(" ")
    if (after := _behind_level(text)) is not None:
        text = after
    found = TAG.match(text)
    if found is None or (" " in found[1] and (found[2] is None or len(found[1]) > _SPACED_TAG_LIMIT)):
        return head, text
    if found[2] is None and text[found.end(1) + 1 : found.end(1) + 2] not in ("", " ") and found[1].lower() != "filterlog":
        return head, text
    return _named(head, found[1], found[2]), text[found.end() :].lstrip(" ")


def _behind_level(text: str) -> str | None:
    """What BIG-IP and others write between host and program, `notice sshd[77]:`, says again what the priority says."""
    level, _, after = text.partition(" ")
    if level not in _LEVELS_IN_FRONT:
        return None
    found = TAG.match(after)
    return after if found is not None and found[2] is not None and " " not in found[1] else None


def _named(head: Header, name: str, process: str | None) -> Header:
    return Header(head.priority, head.facility, head.severity, None, head.hostname, name, process)


def compile_syslog(pri: str, header: str) -> Callable[[Line], str | None]:
    """A reader that gives the body, or None when a part that is required is missing."""
    need_pri, need_header = pri == "required", header == "required"

    def step(x: Line) -> str | None:
        if not x.syslog_read:
            read(x)
        if need_pri and x.head.priority is None:
            return None
        if need_header and x.header_time is None and x.head.version is None:
            return None
        return x.body

    return step


def as_document(head: Header, names: Sequence[str | None] | None = None) -> dict[str, Any]:
    """The header as the ECS object log.syslog; empty when it says nothing. `names`: host, app and process instead of its own."""
    priority, facility, severity, version, hostname, appname, procid, msgid, data = head
    if names is not None:
        hostname, appname, procid = names
    found: dict[str, Any] = {}
    if priority is not None:
        facility, severity = facility or 0, severity or 0
        found = {
            "priority": priority,
            "facility": {"code": facility, "name": FACILITIES[facility]},
            "severity": {"code": severity, "name": SEVERITIES[severity]},
        }
    if version:
        found["version"] = version
    if hostname is not None:
        found["hostname"] = hostname
    if appname is not None:
        found["appname"] = appname
    if procid is not None:
        found["procid"] = procid
    if msgid is not None:
        found["msgid"] = msgid
    if data is not None:
        found["structured_data"] = data
    return found
