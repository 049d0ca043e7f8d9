"""Rule matches on their way to a correlation: what the process stage writes to `matches`, and how it is read back.

One record per (match, correlation, group), keyed by correlation and group, so that a group lives on one partition. What a
correlation makes for another one over it is such a record too.
Group values are canonical texts, compared exactly (as a terms aggregation does): 5 and "5" are one group, "A" and "a" two.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from itertools import product
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

import orjson

from router.batch import Event
from router.correlate.cause import Cause
from router.correlate.risk import risks
from router.detect import Correlation, Rule
from router.detect.alerts import written
from router.detect.probes import Values
from router.detect.views import view
from router.errors import Malformed
from router.telemetry import LATE, bound

MAX_GROUPS_PER_MATCH = 100
MAX_SKEW_SECONDS = 300.0
"""An event that claims to be later than its receipt by more than this is taken to have happened when it was received."""
_KEPT = {
    "host": ("name", "hostname", "id", "ip"),
    "user": ("name", "domain", "id"),
    "source": ("ip", "port", "address", "geo"),
    "destination": ("ip", "port", "address"),
    "process": ("name", "executable", "command_line"),
    "cloud": ("account", "region", "provider"),
    "observer": ("name", "vendor", "product"),
    "url": ("domain", "path"),
    "event": ("dataset", "action", "code", "outcome"),
}
_not_counted = bound(LATE.labels)


class Match(NamedTuple):
    """One event that satisfied one rule (or one edge of a correlation), as one group of one correlation sees it.

    time: of the event, seconds since the epoch. event: the few fields that an alert shows, ECS.
    """

    id: bytes
    rule: str
    time: float
    group: tuple[str, ...]
    event: Event
    event_id: str = ""
    values: tuple[tuple[str, ...], ...] = ()
    """For the value types: the texts of each field that the correlation's condition names."""
    carried: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """Texts of fields that correlations over this one need."""
    version: str = ""
    """Of the correlation for which it was made; empty if unknown."""


Made: TypeAlias = tuple[bytes, bytes, bytes]
"""(key, body, id) of a record."""


def matches_for(correlations: Sequence[Correlation], rule: Rule, event: Event, event_id: bytes, time: float) -> Iterator[Made]:
    """(key, body, id) of each record that the match of `rule` on `event` makes; `decode` reads the body.

    A match whose group field is absent or null makes none for that correlation, and is counted.
    """
    cause = None
    for correlation in correlations:
        if not correlation.refers_to(rule.id):
            continue
        cause = cause or _cause(rule, event, event_id, time)
        for one in [cause] if correlation.risk is None else risks(correlation, rule, event, cause):
            yield from records(correlation, one)


def _cause(rule: Rule, event: Event, event_id: bytes, time: float) -> Cause:
    values, fields = Values(event), view(rule.logsource, rule.taxonomy)

    def texts(name: str) -> Sequence[str]:
        found: Sequence[str] = values[fields.texts(name)]
        return found

    shown = {**_small(event), "rule": _credit(rule)}
    return Cause(rule.id, event_id, written(event_id), _bounded(time, event), shown, texts)


def _credit(rule: Rule) -> Event:
    """Whose rule it is: the licence of public rules asks for it wherever a match is shown."""
    said = {"id": rule.id, "name": rule.title, "author": rule.author, "license": rule.license}
    return {key: value for key, value in said.items() if value}


def records(correlation: Correlation, cause: Cause) -> Iterator[Made]:
    """The records of one cause for one correlation that refers to it, a group each."""
    for group in _groups(correlation, cause):
        try:
            record = _record(correlation, cause, group)
        except TypeError:  # text that is no Unicode, a number beyond 64 bits: the event itself cannot be written either
            _not_counted(correlation.id, "unencodable").inc()
            continue
        yield record


def _groups(correlation: Correlation, cause: Cause) -> Sequence[tuple[str, ...]]:
    """One group per element of a field with several values; none if a field is not there."""
    columns = [tuple(dict.fromkeys(cause.texts(_alias(correlation, cause, name)))) for name in correlation.group_by]
    size = 1
    for column in columns:
        size *= len(column)
    if size == 0 or size > MAX_GROUPS_PER_MATCH:
        _not_counted(correlation.id, "group_field_missing" if size == 0 else "too_many_groups").inc()
        return ()
    return list(product(*columns))


def _alias(correlation: Correlation, cause: Cause, name: str) -> str:
    """What a name of the correlation is called in the matches of one of its rules."""
    return correlation.aliases.get(name, {}).get(cause.rule, name)


def _record(correlation: Correlation, cause: Cause, group: tuple[str, ...]) -> Made:
    key = group_key(correlation.id, group)
    body = {
        "correlation": correlation.id,
        "version": correlation.version(),
        "rule": cause.rule,
        "time": cause.time,
        "group": group,
        "event": cause.event,
        "event_id": cause.event_id,
        "values": [cause.texts(_alias(correlation, cause, name)) for name in _counted(correlation)],
        "carried": {name: cause.texts(_alias(correlation, cause, name)) for name in correlation.carries},
    }
    return key, orjson.dumps(body), blake2b(key + cause.rule.encode() + b"\0" + cause.id, digest_size=16).digest()


def _counted(correlation: Correlation) -> Sequence[str]:
    """The fields whose values a correlation looks at."""
    return (*correlation.fields, correlation.also.field) if correlation.also else correlation.fields


def group_key(correlation: str, group: Sequence[str]) -> bytes:
    """The key of a group: equal for equal groups, different for different ones (a JSON list, so no separator can lie)."""
    return orjson.dumps([correlation, *group])


def home(key: bytes, partitions: int) -> int:
    """The partition of `matches` on which a key lives."""
    return int.from_bytes(blake2b(key, digest_size=8).digest()) % partitions


def _small(event: Event) -> Event:
    small: Event = {}
    for name, below in _KEPT.items():
        whole = event.get(name)
        kept = {key: whole[key] for key in below if key in whole} if isinstance(whole, dict) else {}
        if kept:
            small[name] = kept
    return small


def _bounded(time: float, event: Event) -> float:
    """A clock that is years ahead must not make everything else late: where receipt is known, it bounds the time."""
    facts = event.get("event")
    created: Any = facts.get("created", facts.get("ingested")) if isinstance(facts, dict) else None
    if not isinstance(created, str):
        return time
    try:
        receipt = datetime.fromisoformat(created).timestamp()
    except ValueError:
        return time
    return receipt if time > receipt + MAX_SKEW_SECONDS else time


def decode(match_id: bytes, body: bytes) -> tuple[str, Match]:
    """(correlation id, match) of one record of `matches`. Raises Malformed."""
    try:
        read = orjson.loads(body)
        group = tuple(map(str, read["group"]))
        values = tuple(tuple(map(str, column)) for column in read.get("values", ()))
        carried = {str(name): tuple(map(str, column)) for name, column in read.get("carried", {}).items()}
        time, event, version = float(read["time"]), dict(read["event"]), str(read.get("version", ""))
        event_id = str(read["event_id"])
        return str(read["correlation"]), Match(
            match_id, str(read["rule"]), time, group, event, event_id, values, carried, version
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed("match_unreadable", str(error)) from error
