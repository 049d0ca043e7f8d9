"""Turns of what is large: bodies and frames of many connections are taken in piece by piece, so that small ones need not wait."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from functools import partial


class Turns:
    """Lets one piece of one large thing through in each round of the event loop: of the one that began first among those that
    have a piece. Small ones do not wait until all that is large has been dealt with, and large ones do not all grow at once."""

    def __init__(self, rest_seconds: float = 0.0, rests: Callable[[], bool] = lambda: True) -> None:
        """`rest_seconds`: from one turn to the next at least while `rests`, so that others have most of the processor."""
        self._loop, self._rest, self._rests = asyncio.get_running_loop(), rest_seconds, rests
        self._numbers = itertools.count()
        self._waiting: list[tuple[int, Callable[[], object]]] = []
        self._is_under_way = False

    def number(self) -> int:
        """Of something that begins."""
        return next(self._numbers)

    async def wait(self, number: int) -> None:
        """Until it is the turn of this number."""
        turn = self._loop.create_future()
        self.ask(number, partial(_give, turn))
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
        if self._rest and self._rests():
            self._loop.call_later(self._rest, self._next)
        else:
            self._loop.call_soon(self._next)


def _give(turn: "asyncio.Future[None]") -> None:
    if not turn.done():  # else nobody waits any more
        turn.set_result(None)
