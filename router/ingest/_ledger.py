"""How many bytes are held at once, and how many may be: the brake of every receiver."""

from collections.abc import Callable

from router.errors import Overloaded
from router.protocols import Memory

HIGH_WATER, FULL = 0.8, 0.95


class Ledger:
    """Bytes taken in and not yet given back. `observe` is told the sum after every change.

    With `within`, a share of a larger ledger: what is held here is held there as well, and both limits count.
    """

    def __init__(self, limit_bytes: int, observe: Callable[[float], None] = lambda _: None, within: Memory | None = None) -> None:
        self.limit_bytes = limit_bytes
        self._high, self._full = int(limit_bytes * HIGH_WATER), int(limit_bytes * FULL)
        self._observe, self._within = observe, within
        self.held = 0

    @property
    def busy(self) -> bool:
        """True from 80 % of the limit on: receivers push back."""
        return self.held >= self._high

    @property
    def held_share(self) -> float:
        """What is held, as a part of the limit."""
        return self.held / self.limit_bytes

    @property
    def full(self) -> bool:
        """True from 95 % of the limit on: what matters least is shed."""
        return self.held >= self._full

    def take(self, size: int, own: int = 0) -> None:
        """Hold `size` bytes more, for one that holds `own` already. Raises Overloaded above the limit.

        Except for the only holder: else it could never pass.
        """
        if self.held > own and self.held + size > self.limit_bytes:
            raise Overloaded(f"memory: {self.held} of {self.limit_bytes} bytes are held, {size} more do not fit; wait")
        if self._within is not None:
            self._within.take(size, own)
        self._add(size)

    def hold(self, size: int) -> None:
        """Hold `size` bytes more whatever the limit: they are in memory, and cannot be refused any more."""
        if self._within is not None:
            self._within.hold(size)
        self._add(size)

    def give(self, size: int) -> None:
        """Hold `size` bytes less."""
        if self._within is not None:
            self._within.give(size)
        self._add(-size)

    def _add(self, size: int) -> None:
        self.held += size
        self._observe(self.held)
