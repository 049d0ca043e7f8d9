"""Notices consumers that have silently stopped fetching, which the library is known to do after broker restarts."""

import time
from collections import deque
from collections.abc import Iterable, Mapping

from aiokafka import TopicPartition

from router.errors import LogweirError

_REPLACEMENTS, _WINDOW_SECONDS = 3, 900.0


class Watchdog:
    """Told of positions after each read; asked now and then which partitions look stuck."""

    def __init__(self, stall_seconds: float) -> None:
        self._stall = stall_seconds
        self._moved: dict[TopicPartition, tuple[int, float]] = {}
        self._asked = time.monotonic()
        self._replaced: deque[float] = deque(maxlen=_REPLACEMENTS)

    def still(self, positions: Mapping[TopicPartition, int], paused: Iterable[TopicPartition]) -> list[TopicPartition]:
        """Partitions without progress for too long; whether they have anything to read is for the caller to find out.

        Answers at most four times in that period, so that an idle log is not asked for its ends all the time.
        """
        now, halted = time.monotonic(), set(paused)
        self._moved = {p: self._since(p, at, now) for p, at in positions.items() if p not in halted}
        if now - self._asked < self._stall / 4:
            return []
        self._asked = now
        return [p for p, (_, since) in self._moved.items() if now - since >= self._stall]

    def _since(self, place: TopicPartition, position: int, now: float) -> tuple[int, float]:
        known = self._moved.get(place)
        return known if known is not None and known[0] == position else (position, now)

    def replaced(self) -> None:
        """A consumer was replaced for standing still. Raises LogweirError when that does not help: let the process start anew."""
        now = time.monotonic()
        self._moved.clear()
        self._replaced.append(now)
        if len(self._replaced) == _REPLACEMENTS and now - self._replaced[0] < _WINDOW_SECONDS:
            raise LogweirError(f"kafka: a consumer stood still {_REPLACEMENTS} times within {_WINDOW_SECONDS:g} s; giving up")
