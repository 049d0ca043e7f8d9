"""A correlation that became true for a group, and the match that this is to a correlation over it."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

from router.batch import Event
from router.correlate.cause import Cause
from router.correlate.match import Made, Match, group_key, records
from router.correlate.risk import objects, risks
from router.correlate.tally import Number
from router.correlate.window import Edge
from router.detect import Correlation
from router.detect.alerts import written

MAX_SHOWN = 20


class Firing(NamedTuple):
    """A correlation that became true for a group. `id` is derived, so a repeat of it has the same."""

    id: bytes
    correlation: Correlation
    group: tuple[str, ...]
    time: float
    size: int
    """Matches in the window."""
    value: Number
    """What the condition was compared with."""
    match: Match
    """The match that raised the edge."""
    window: tuple[Match, ...]
    """The first and the last matches in the window, at most 2 x 20, in order of time."""
    started: float
    """Time of the oldest match in the window."""
    degraded: bool


def firing(correlation: Correlation, group: tuple[str, ...], edge: Edge, degraded: bool) -> Firing:
    """What an edge of a group is to the world."""
    left = b"" if edge.time == edge.match.time else b"\0left"  # one match may raise an edge as it enters and as it leaves
    digest = blake2b(group_key(correlation.id, group) + b"\0" + edge.match.id + left, digest_size=16).digest()
    size = len(edge.window)
    shown = edge.window if size <= 2 * MAX_SHOWN else edge.window[:MAX_SHOWN] + edge.window[-MAX_SHOWN:]
    started = edge.window[0].time
    return Firing(digest, correlation, group, edge.time, size, edge.value, edge.match, tuple(shown), started, degraded)


def chained(correlations: Sequence[Correlation], fired: Firing) -> Iterator[Made]:
    """(key, body, id) of the records for the correlations that refer to the one that fired.

    Its matches have the time of the edge, the values of the group under their own names, and the fields of the match that
    raised the edge. The id is derived from the firing's: a repeat of the firing makes the same records.
    """
    inner = fired.correlation
    group = dict(zip(inner.group_by, fired.group, strict=True))

    def texts(name: str) -> Sequence[str]:
        return (group[name],) if name in group else fired.match.carried.get(name, ())

    cause = Cause(inner.id, fired.id, written(fired.id), fired.time, fired.match.event, texts)
    for outer in correlations:
        if not outer.refers_to(inner.id):
            continue
        for one in [cause] if outer.risk is None else risks(outer, inner, objects(outer.risk, about(fired)), cause):
            yield from records(outer, one)


def about(fired: Firing) -> Event:
    """The fields of the match that raised the edge, with those that the group says over them."""
    shown = {name: dict(below) if isinstance(below, dict) else below for name, below in fired.match.event.items()}
    for path, value in zip(fired.correlation.group_by, fired.group, strict=True):
        first, _, rest = path.partition(".")
        if rest and "." not in rest and isinstance(shown.setdefault(first, {}), dict):
            shown[first][rest] = value
    return shown
