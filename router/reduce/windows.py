"""How often each group of events was seen within a window: the state behind dedupe and throttle, bounded."""

from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import NamedTuple, TypeAlias

_SAMPLES = 20

Key: TypeAlias = tuple[Hashable, ...]


class Group:
    """One open window."""

    __slots__ = ("dataset", "first", "first_id", "ids", "kept", "last", "left_out", "start")

    def __init__(self, time: float, event_id: bytes, dataset: str) -> None:
        self.start = self.first = self.last = time
        self.first_id, self.dataset = event_id, dataset
        self.kept = self.left_out = 0
        self.ids: list[bytes] = []

    def saw(self, time: float) -> None:
        """Widen the span that the summary tells."""
        if time > self.last:
            self.last = time
        elif time < self.first:
            self.first = time


class Closed(NamedTuple):
    """A window that ended."""

    key: Key
    group: Group


class Windows:
    """At most `limit` events per group are kept in `seconds` from the first one; at most `max_groups` are open.

    Beyond that the group that was seen least recently is closed early: more is kept, nothing is lost. Time comes with the
    events, and an event from before the window of its group is not held against it.
    """

    def __init__(self, limit: int, seconds: float, max_groups: int) -> None:
        self._limit, self._seconds, self._max_groups = limit, seconds, max_groups
        self._groups: OrderedDict[Key, Group] = OrderedDict()
        self._closed: list[Closed] = []
        self._swept = float("-inf")
        self.evicted = 0
        """Groups closed early since the start."""

    def __len__(self) -> int:
        return len(self._groups)

    def is_full(self, key: Key, time: float) -> bool:
        """Whether the group has had all that its window allows, so that an event at `time` may be left out."""
        group = self._groups.get(key)
        return group is not None and group.kept >= self._limit and abs(time - group.start) < self._seconds

    def keep(self, key: Key, time: float, event_id: bytes, dataset: str) -> None:
        """An event of the group is kept."""
        group = self._groups.get(key)
        if group is not None and time - group.start >= self._seconds:
            self._close(key)
            group = None
        if group is None:
            group = self._groups[key] = Group(time, event_id, dataset)
            self._make_room()
        elif time <= group.start - self._seconds:
            return
        group.kept += 1
        group.saw(time)
        self._groups.move_to_end(key)

    def leave_out(self, key: Key, time: float, event_id: bytes) -> None:
        """An event of a full group is left out."""
        group = self._groups[key]
        group.left_out += 1
        group.saw(time)
        if len(group.ids) < _SAMPLES:
            group.ids.append(event_id)
        self._groups.move_to_end(key)

    def close_before(self, time: float) -> None:
        """End windows that are over at `time`, or soon after: a sweep costs, so it comes four times per window."""
        if abs(time - self._swept) * 4 < self._seconds:
            return
        self._swept = time
        for key in [k for k, g in self._groups.items() if g.start + self._seconds <= time]:
            self._close(key)

    def close_all(self) -> None:
        """End every window."""
        for key in list(self._groups):
            self._close(key)

    def ended(self) -> Iterable[Closed]:
        """Windows that ended since the last call and left something out."""
        closed, self._closed = self._closed, []
        return closed

    def _make_room(self) -> None:
        if len(self._groups) > self._max_groups:
            self.evicted += 1
            self._close(next(iter(self._groups)))

    def _close(self, key: Key) -> None:
        group = self._groups.pop(key)
        if group.left_out:
            self._closed.append(Closed(key, group))
