"""One partition on its way to one sink: what was taken and is not settled, and where a commit may go."""

from collections.abc import Sequence

from router.batch import Mark, Partition
from router.deliver.tracker import Tracker


class Lane:
    """Lives as long as the partition is held; a partition that comes back gets a new one."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.in_flight = 0
        """Writes under way that carry records of this lane."""
        self.bytes = self.unsettled = 0
        """Of the records taken and not settled."""
        self.is_paused = False
        self.is_leaving = False
        """True once the partition is going: nothing of it may be started any more."""
        self.is_open = True
        self._tracker = Tracker()
        self._committed: int | None = None

    def take(self, offsets: Sequence[int], size: int, stop: int) -> None:
        """Records (of `size` bytes) that are to be sent, and the end of the span that they were read in."""
        self._tracker.take(offsets, stop)
        self.unsettled += len(offsets)
        self.bytes += size

    def settle(self, offsets: Sequence[int], size: int) -> bool:
        """`size` bytes of records are answered for. False, and nothing happens, once the lane is closed."""
        if self.is_open:
            self._tracker.settle(offsets)
            self.unsettled -= len(offsets)
            self.bytes -= size
        return self.is_open

    @property
    def held(self) -> int:
        """Records between the commit position and the newest one taken."""
        return len(self._tracker)

    def mark(self) -> Mark | None:
        """What to commit, if that has moved since `committed` was last told."""
        position = self._tracker.position
        return Mark(position) if position is not None and position != self._committed else None

    def committed(self, mark: Mark) -> None:
        """A commit of `mark` is durable."""
        self._committed = mark.offset

    def close(self) -> int:
        """The partition is gone. Returns how many records go back unsettled, to be read again by whoever holds it."""
        self.is_open = False
        return self.unsettled
