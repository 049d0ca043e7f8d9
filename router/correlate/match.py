"""Rule matches on their way to a correlation: what the process stage writes to `matches`, and how it is read back.

One record per (match, correlation, group), keyed by correlation and group, so that a group lives on one partition. What a
correlation makes for another one over it is such a record too.
Group values are canonical texts, compared exactly (as a terms aggregation does): 5 and "5" are one group, "A" and "a" two.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from hashlib import blake2b
from itertools import product
from sys import intern
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, TypeVar

import orjson

from router.batch import Event
from router.correlate.cause import Cause
from router.correlate.risk import objects, risks
from router.detect import Correlation, Rule
from router.detect.alerts import written
from router.detect.probes import Values
from router.detect.risk import Risk
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
_MAX_KEPT = 4096
_MATCH_BYTES, _TEXT_BYTES = 600, 60
_MAX_SHARED_BYTES = 8 << 10
_not_counted = bound(LATE.labels)


_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_Kept = TypeVar("_Kept", bytes, str, tuple[str, ...], tuple[tuple[str, ...], ...])


class _Once:
    """Equal texts as one object, as far as the last ones go: one event makes several matches, and the matches of one machine show
    the same."""

    def __init__(self) -> None:
        self._seen: dict[Any, Any] = {}

    def __call__(self, text: _Kept) -> _Kept:
        """The first of its equals; itself where that was too long ago."""
        if len(self._seen) > _MAX_KEPT:
            self._seen.clear()
        kept: _Kept = self._seen.setdefault(text, text)
        return kept


_once = _Once()


def _itself(text: _Kept) -> _Kept:
    """Instead of `_once` for matches that are large: what is seen once is not to be kept."""
    return text


class Match(NamedTuple):
    """One event that satisfied one rule (or one edge of a correlation), as one group of one correlation sees it.

    time: of the event, seconds since the epoch. shown: the few fields that an alert shows, ECS as JSON. Windows hold matches by
    the ten thousand for a day, and alerts show forty of them: as text they take a fifth of the memory.
    """

    id: bytes
    rule: str
    time: float
    group: tuple[str, ...]
    shown: bytes
    event_id: str = ""
    values: tuple[tuple[str, ...], ...] = ()
    """For the value types: the texts of each field that the correlation's condition names."""
    carried: Mapping[str, tuple[str, ...]] = _NOTHING
    """Texts of fields that correlations over this one need."""
    version: str = ""
    """Of the correlation for which it was made; empty if unknown."""

    @property
    def event(self) -> Event:
        """The fields that an alert shows, read anew."""
        read: Event = orjson.loads(self.shown)
        return read


def size_of(match: Match) -> int:
    """Bytes that it takes in memory, about: its own objects and how a window and a checkpoint point to it come first."""
    size = _MATCH_BYTES + len(match.shown)
    if match.values or match.carried:
        size += sum(len(text) + _TEXT_BYTES for column in (*match.values, *match.carried.values()) for text in column)
    return size


Made: TypeAlias = tuple[bytes, bytes, bytes]
"""(key, body, id) of a record."""


def matches_for(correlations: Sequence[Correlation], rule: Rule, event: Event, event_id: bytes, time: float) -> Iterator[Made]:
    """(key, body, id) of each record that the match of `rule` on `event` makes; `decode` reads the body.

    A match whose group field is absent or null makes none for that correlation, and is counted.
    """
    return Sighting(event, event_id, time, Values(event)).matches(correlations, rule)


class Sighting:
    """One event as the matches of its rules show it: what they have in common is worked out once."""

    def __init__(self, event: Event, event_id: bytes, time: float, values: Values) -> None:
        self._event, self._id, self._time, self._values = event, event_id, time, values
        self._objects: list[tuple[Risk, list[tuple[str, str]]]] = []

    def matches(self, correlations: Sequence[Correlation], rule: Rule) -> Iterator[Made]:
        """As `matches_for`."""
        cause = None
        for correlation in correlations:
            if not correlation.refers_to(rule.id):
                continue
            cause = cause or self._cause(rule)
            if correlation.risk is None:
                yield from records(correlation, cause)
                continue
            for one in risks(correlation, rule, self._objects_of(correlation.risk), cause):
                yield from records(correlation, one)

    def _cause(self, rule: Rule) -> Cause:
        values, fields = self._values, view(rule.logsource, rule.taxonomy)

        def texts(name: str) -> Sequence[str]:
            found: Sequence[str] = values[fields.texts(name)]
            return found

        return Cause(rule.id, self._id, self._written, self._bounded, self._shown(rule), texts)

    @cached_property
    def _written(self) -> str:
        return written(self._id)

    @cached_property
    def _bounded(self) -> float:
        return _bounded(self._time, self._event)

    @cached_property
    def _small(self) -> bytes | None:
        """The fields that are shown, as JSON that is not closed yet; None if they are more than JSON can hold."""
        try:
            return orjson.dumps(_small(self._event))[:-1]
        except TypeError:
            return None

    def _shown(self, rule: Rule) -> Event | orjson.Fragment:
        if self._small is None:
            return {**_small(self._event), "rule": _credit(rule)}
        comma = b"," if len(self._small) > 1 else b""
        return orjson.Fragment(b'%b%b"rule":%b}' % (self._small, comma, _written_credit(rule)))

    def _objects_of(self, risk: Risk) -> list[tuple[str, str]]:
        for other, found in self._objects:
            if other.objects == risk.objects and other.ignore == risk.ignore:
                return found
        found = objects(risk, self._event)
        self._objects.append((risk, found))
        return found


def _credit(rule: Rule) -> Event:
    """Whose rule it is: the licence of public rules asks for it wherever a match is shown."""
    said = {"id": rule.id, "name": rule.title, "author": rule.author, "license": rule.license}
    return {key: value for key, value in said.items() if value}


@lru_cache(_MAX_KEPT)
def _written_credit(rule: Rule) -> bytes:
    return orjson.dumps(_credit(rule))


def records(correlation: Correlation, cause: Cause) -> Iterator[Made]:
    """The records of one cause for one correlation that refers to it, a group each."""
    names = _names(correlation, cause.rule)
    for group in _groups(correlation, names, cause):
        try:
            record = _record(correlation, names, cause, group)
        except TypeError:  # text that is no Unicode, a number beyond 64 bits: the event itself cannot be written either
            _not_counted(correlation.id, "unencodable").inc()
            continue
        yield record


class _Names(NamedTuple):
    """What the fields that a correlation looks at are called in the matches of one of its rules."""

    group: tuple[str, ...]
    counted: tuple[str, ...]
    carried: tuple[tuple[str, str], ...]
    """(name, what it is called)"""


@lru_cache(_MAX_KEPT)
def _names(correlation: Correlation, rule: str) -> _Names:
    def alias(name: str) -> str:
        return correlation.aliases.get(name, {}).get(rule, name)

    return _Names(
        tuple(map(alias, correlation.group_by)),
        tuple(map(alias, _counted(correlation))),
        tuple((name, alias(name)) for name in correlation.carries),
    )


def _groups(correlation: Correlation, names: _Names, cause: Cause) -> Sequence[tuple[str, ...]]:
    """One group per element of a field with several values; none if a field is not there."""
    columns = [tuple(dict.fromkeys(cause.texts(name))) for name in names.group]
    size = 1
    for column in columns:
        size *= len(column)
    if size == 0 or size > MAX_GROUPS_PER_MATCH:
        _not_counted(correlation.id, "group_field_missing" if size == 0 else "too_many_groups").inc()
        return ()
    return list(product(*columns))


def _record(correlation: Correlation, names: _Names, cause: Cause, group: tuple[str, ...]) -> Made:
    key, texts = group_key(correlation.id, group), cause.texts
    body = {
        "correlation": correlation.id,
        "version": correlation.version(),
        "rule": cause.rule,
        "time": cause.time,
        "group": group,
        "event": cause.event,
        "event_id": cause.event_id,
        "values": [texts(name) for name in names.counted],
        "carried": {name: texts(called) for name, called in names.carried},
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
        once = _once if len(body) <= _MAX_SHARED_BYTES else _itself
        group = once(tuple(intern(str(text)) for text in read["group"]))
        values = once(tuple(once(tuple(map(str, column))) for column in read.get("values", ())))
        carried = {
            intern(str(name)): once(tuple(map(str, column))) for name, column in read.get("carried", {}).items()
        } or _NOTHING
        time, event_id = float(read["time"]), once(str(read["event_id"]))
        shown = once(bytes(memoryview(orjson.dumps(dict(read["event"])))))  # orjson's own bytes keep the whole buffer
        rule, version = intern(str(read["rule"])), intern(str(read.get("version", "")))
        return str(read["correlation"]), Match(match_id, rule, time, group, shown, event_id, values, carried, version)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed("match_unreadable", str(error)) from error
