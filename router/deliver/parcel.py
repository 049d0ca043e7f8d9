"""What one write carries: records of one or more lanes, in the order in which they go out."""

from collections.abc import Collection, Iterator, Sequence

from router.batch import Record
from router.deliver.lane import Lane


class Segment:
    """Consecutive records of one lane, their offsets, and the bytes of their bodies."""

    __slots__ = ("lane", "offsets", "records", "size")

    def __init__(self, lane: Lane, offsets: Sequence[int], records: Sequence[Record], size: int | None = None) -> None:
        self.lane, self.offsets, self.records = lane, offsets, records
        self.size = sum([len(r.body) for r in records]) if size is None else size

    def __len__(self) -> int:
        return len(self.records)

    def pick(self, indices: Sequence[int]) -> "Segment":
        """The records at these indices."""
        return Segment(self.lane, [self.offsets[i] for i in indices], [self.records[i] for i in indices])

    def cut(self, count: int) -> tuple["Segment", "Segment"]:
        """The first `count` records, and the rest."""
        first = Segment(self.lane, self.offsets[:count], self.records[:count])
        return first, Segment(self.lane, self.offsets[count:], self.records[count:], self.size - first.size)


class Parcel:
    """Records that are sent together, again and again if need be. `order` sorts parcels in log order."""

    def __init__(self, segments: Sequence[Segment], order: tuple[int, ...], *, is_alert: bool, attempts: int = 0) -> None:
        self.segments, self.order, self.is_alert, self.attempts = segments, order, is_alert, attempts
        self.due = 0.0
        """Monotonic time before which it should not be sent again."""
        self.records: Sequence[Record] = [r for s in segments for r in s.records] if len(segments) > 1 else segments[0].records
        self.size = sum([s.size for s in segments])

    def __len__(self) -> int:
        return len(self.records)

    def halves(self) -> tuple["Parcel", "Parcel"]:
        """Two parcels that sort in its place."""
        middle = len(self) // 2
        return self._part(range(middle), 0), self._part(range(middle, len(self)), 1)

    def pick(self, indices: Collection[int]) -> "Parcel":
        """The records at ascending `indices`, as a parcel that sorts in its place."""
        return self if len(indices) == len(self) else self._part(indices)

    def without_leaving(self) -> "Parcel | None":
        """What is left when the records of lanes that are leaving are given back; None if nothing is."""
        segments = [s for s in self.segments if not s.lane.is_leaving]
        if len(segments) == len(self.segments):
            return self
        return self._made(segments, self.order) if segments else None

    def places(self) -> Iterator[tuple[Lane, int]]:
        """Lane and offset of each record."""
        return ((s.lane, offset) for s in self.segments for offset in s.offsets)

    def _part(self, indices: Collection[int], *order: int) -> "Parcel":
        return self._made(list(_chosen(self.segments, indices)), (*self.order, *order))

    def _made(self, segments: Sequence[Segment], order: tuple[int, ...]) -> "Parcel":
        return Parcel(segments, order, is_alert=self.is_alert, attempts=self.attempts)


def _chosen(segments: Sequence[Segment], indices: Collection[int]) -> Iterator[Segment]:
    """The records at ascending `indices` of all segments together, by segment."""
    start, rest = 0, list(indices)
    for segment in segments:
        stop = start + len(segment)
        count = next((i for i, index in enumerate(rest) if index >= stop), len(rest))
        own, rest = rest[:count], rest[count:]
        if own:
            yield segment.pick([i - start for i in own])
        start = stop
