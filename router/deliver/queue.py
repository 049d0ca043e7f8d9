"""Records that wait to be sent for the first time, and the parcels that are cut from them."""

from collections import deque
from math import inf
from typing import NamedTuple

from router.deliver.lane import Lane
from router.deliver.parcel import Segment
from router.protocols import SinkLimits


class _Waiting(NamedTuple):
    segment: Segment
    since: float


class Queue:
    """Segments in the order of their arrival. A parcel is due when it is full, or when its oldest record has waited enough."""

    def __init__(self, limits: SinkLimits, wait_seconds: float) -> None:
        self._max_records, self._max_bytes, self._wait_seconds = limits.max_records, limits.max_bytes, wait_seconds
        self._line: deque[_Waiting] = deque()
        self.records = self.bytes = 0

    def add(self, segment: Segment, now: float) -> None:
        """At the end of the line."""
        self._line.append(_Waiting(segment, now))
        self.records += len(segment)
        self.bytes += segment.size

    def due_in(self, now: float) -> float:
        """Seconds until a parcel should be cut: 0 or less means now, infinity that nothing waits."""
        if not self._line:
            return inf
        if self.records >= self._max_records or self.bytes >= self._max_bytes:
            return 0.0
        return self._line[0].since + self._wait_seconds - now

    def cut(self, max_records: int) -> list[Segment]:
        """The oldest records: at least one, at most `max_records` and what the sink's limits allow."""
        records, size = min(max_records, self._max_records), self._max_bytes
        segments: list[Segment] = []
        while self._line and records > 0:
            head = self._take(records, size, alone=not segments)
            if head is None:
                break
            segments.append(head)
            records -= len(head)
            size -= head.size
        return segments

    def drop(self, lane: Lane) -> None:
        """Forget the records of a lane."""
        kept = [w for w in self._line if w.segment.lane is not lane]
        self._line = deque(kept)
        self.records = sum(len(w.segment) for w in kept)
        self.bytes = sum(w.segment.size for w in kept)

    def _take(self, max_records: int, max_bytes: int, *, alone: bool) -> Segment | None:
        """The head, or as much of it as fits; `alone`: one record in any case, since the sink may still take it."""
        segment, since = self._line.popleft()
        if len(segment) > max_records or segment.size > max_bytes:
            fits = max(_fitting(segment, max_records, max_bytes), 1 if alone else 0)
            segment, rest = segment.cut(fits)
            if len(rest):
                self._line.appendleft(_Waiting(rest, since))
            if not fits:
                return None
        self.records -= len(segment)
        self.bytes -= segment.size
        return segment


def _fitting(segment: Segment, max_records: int, max_bytes: int) -> int:
    """How many of the first records are within both bounds."""
    for i, record in enumerate(segment.records[:max_records]):
        max_bytes -= len(record.body)
        if max_bytes < 0:
            return i
    return min(max_records, len(segment))
