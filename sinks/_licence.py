"""A licence by the second, kept to at the moment at which lines leave, for far ends that drop what is too much and do not tell.

The loop around a sink chooses what is sent within a budget of its own (`SinkLimits.records_per_second`). Between its choice and
the wire lie encoding, a queue, a connection to be made and a processor that is busy, so two parcels that were chosen a second
apart may leave together. Here every part is counted once the far end's kernel has it: what was late moves what follows.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from math import floor

_PARTS = 4


class Licence:
    """Never more than `lines_per_second` (below one: a line in the period that it stands for) in any second.

    Times are monotonic seconds given by the caller.
    """

    def __init__(self, lines_per_second: float) -> None:
        self._capacity = max(1, floor(lines_per_second))
        self._period = self._capacity / lines_per_second
        self._spent: deque[tuple[float, int]] = deque()
        self._count = 0

    def parts(self, lines: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """Lines in parts of a quarter of the licence, so that one that is late holds up little."""
        size = -(-self._capacity // _PARTS)
        return (lines[start : start + size] for start in range(0, len(lines), size))

    def wait(self, count: int, now: float) -> float:
        """Seconds until `count` lines, at most a part, may leave; 0 if they may now."""
        while self._spent and self._spent[0][0] + self._period <= now:
            self._count -= self._spent.popleft()[1]
        excess, wait = self._count + count - self._capacity, 0.0
        for when, lines in self._spent:
            if excess <= 0:
                break
            excess -= lines
            wait = when + self._period - now
        return wait

    def spend(self, count: int, now: float) -> None:
        """They left, and were there now at the latest."""
        self._spent.append((now, count))
        self._count += count
