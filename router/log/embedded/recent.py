"""Blocks that were appended or decoded a moment ago: most are read within a second, by several groups of one process."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from router.batch import Record

Place = tuple[int, int, int]
"""Topic id, partition and first offset of a block. What is stored there never changes."""

MAX_BYTES = 16 << 20
_BYTES_PER_RECORD = 300
"""What a record takes besides its body, roughly."""


class Recent:
    """A bounded cache, safe to use from several threads. Its lists belong to everybody: do not change them."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes, self._bytes = max_bytes, 0
        self._blocks: OrderedDict[Place, tuple[list[Record], int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, place: Place, load: Callable[[], list[Record]]) -> list[Record]:
        """The records of a block, kept or loaded."""
        with self._lock:
            kept = self._blocks.get(place)
            if kept is not None:
                self._blocks.move_to_end(place)
                return kept[0]
        records = load()
        self.put(place, records, sum(len(r.body) for r in records))
        return records

    def put(self, place: Place, records: list[Record], body_bytes: int) -> None:
        """Keep a block until newer ones need its room; one that is larger than all the room is not kept."""
        size = body_bytes + len(records) * _BYTES_PER_RECORD
        with self._lock:
            if size > self._max_bytes or place in self._blocks:
                return
            self._blocks[place] = (records, size)
            self._bytes += size
            while self._bytes > self._max_bytes:
                self._bytes -= self._blocks.popitem(last=False)[1][1]
