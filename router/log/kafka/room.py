"""How much goes into one batch of a topic, where a broker takes less than is usual: its limit may be lowered at any time."""

from collections.abc import Sequence
from operator import itemgetter

from router.batch import Record
from router.log.kafka.clients import BATCH_BYTES

_body = itemgetter(Record._fields.index("body"))
_GROWTH = 1.02


class Room:
    """Bytes of bodies, by topic; what was refused halves them, what fits lets them grow slowly, for a limit may be raised again.

    Each refusal costs a producer, so that it is not to be found out anew with every append.
    """

    def __init__(self) -> None:
        self._bytes: dict[str, int] = {}

    def stop(self, topic: str, records: Sequence[Record], start: int) -> int:
        """Where a batch that begins at `start` has to end; it holds at least one record."""
        left = self._bytes.get(topic)
        if left is None:
            return len(records)
        for place in range(start, len(records)):
            left -= len(records[place].body)
            if left < 0:
                return max(place, start + 1)
        return len(records)

    def refused(self, topic: str, records: Sequence[Record]) -> None:
        """A batch of several records was too large."""
        self._bytes[topic] = sum(map(len, map(_body, records))) // 2

    def fitted(self, topic: str) -> None:
        """A batch was taken."""
        known = self._bytes.pop(topic, BATCH_BYTES)
        if known < BATCH_BYTES:
            self._bytes[topic] = int(known * _GROWTH) + 1
