"""Turns of what is large: bodies and frames of many connections are taken in piece by piece, so that small ones need not wait."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

SMALL_BYTES = 64 << 10
"""What is as large as this does not wait for a turn."""


class Turns:
    """Lets one piece of one large thing through in each round of the event loop: of the one that began first among those that
    have a piece. Small ones do not wait until all that is large has been dealt with, and large ones do not all grow at once."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count()
        self._waiting: list[tuple[int, Callable[[], object]]] = []
        self._is_under_way = False

    def number(self) -> int:
        """Of something that begins."""
        return next(self._numbers)

    async def wait(self, number: int) -> None:
        """Until it is the turn of this number."""
        turn = self._loop.create_future()
        self.ask(number, lambda: turn.done() or turn.set_result(None))  # done where nobody waits any more
        await turn

    def ask(self, number: int, then: Callable[[], object]) -> None:
        """Call `then` when it is the turn of this number. One question at a time for each."""
        heapq.heappush(self._waiting, (number, then))
        if not self._is_under_way:
            self._is_under_way = True
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        if not self._waiting:
            self._is_under_way = False
            return
        heapq.heappop(self._waiting)[1]()
        self._loop.call_soon(self._next)
