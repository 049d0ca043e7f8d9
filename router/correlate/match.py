"""Rule matches on their way to a correlation: what the process stage writes to `matches`, and how it is read back.

One record per (match, correlation, group), keyed by correlation and group, so that a group lives on one partition.
Group values are canonical texts, compared exactly (as a terms aggregation does): 5 and "5" are one group, "A" and "a" two.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import blake2b
from itertools import product
from typing import Any, NamedTuple

import orjson

from router.batch import Event
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
    "host": ("name", "id", "ip"),
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
    """One event that satisfied one rule, as one group of one correlation sees it.

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


def matches_for(
    correlations: Sequence[Correlation], rule: Rule, event: Event, event_id: bytes, time: float
) -> Iterator[tuple[bytes, bytes, bytes]]:
    """(key, body, id) of each record that the match of `rule` on `event` makes; `decode` reads the body.

    A match whose group field is absent or null makes none for that correlation, and is counted.
    """
    values = None
    for correlation in correlations:
        if rule.id in correlation.rules:
            values = values or Values(event)
            for group in _groups(correlation, rule, values):
                try:
                    record = _record(correlation, rule, values, group, event_id, _bounded(time, event))
                except TypeError:  # text that is no Unicode, a number beyond 64 bits: the event itself cannot be written either
                    _not_counted(correlation.id, "unencodable").inc()
                    continue
                yield record


def _groups(correlation: Correlation, rule: Rule, values: Values) -> Sequence[tuple[str, ...]]:
    """One group per element of a field with several values; none if a field is not there."""
    fields = view(rule.logsource, rule.taxonomy)
    names = [correlation.aliases.get(name, {}).get(rule.id, name) for name in correlation.group_by]
    columns = [tuple(dict.fromkeys(values[fields.texts(name)])) for name in names]
    size = 1
    for column in columns:
        size *= len(column)
    if size == 0 or size > MAX_GROUPS_PER_MATCH:
        _not_counted(correlation.id, "group_field_missing" if size == 0 else "too_many_groups").inc()
        return ()
    return list(product(*columns))


def _record(
    correlation: Correlation, rule: Rule, values: Values, group: tuple[str, ...], event_id: bytes, time: float
) -> tuple[bytes, bytes, bytes]:
    key = group_key(correlation.id, group)
    fields = view(rule.logsource, rule.taxonomy)
    body = {
        "correlation": correlation.id,
        "rule": rule.id,
        "time": time,
        "group": group,
        "event": _small(values.event),
        "event_id": written(event_id),
        "values": [values[fields.texts(name)] for name in correlation.fields],
    }
    return key, orjson.dumps(body), blake2b(key + rule.id.encode() + b"\0" + event_id, digest_size=16).digest()


def group_key(correlation: str, group: Sequence[str]) -> bytes:
    """The key of a group: equal for equal groups, different for different ones (a JSON list, so no separator can lie)."""
    return orjson.dumps([correlation, *group])


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
        match = Match(match_id, read["rule"], float(read["time"]), group, read["event"], read["event_id"], values)
        return str(read["correlation"]), match
    except (ValueError, KeyError, TypeError) as error:
        raise Malformed("match_unreadable", str(error)) from error
