"""How many bytes are held at once, and how many may be: the brake of every receiver."""

from collections.abc import Callable

from router.errors import Overloaded

HIGH_WATER = 0.8


class Ledger:
    """Bytes taken in and not yet given back. `observe` is told the sum after every change."""

    def __init__(self, limit_bytes: int, observe: Callable[[float], None] = lambda _: None) -> None:
        self._limit, self._high, self._observe = limit_bytes, int(limit_bytes * HIGH_WATER), observe
        self.held = 0

    @property
    def busy(self) -> bool:
        """True from 80 % of the limit on."""
        return self.held >= self._high

    def take(self, size: int) -> None:
        """Hold `size` bytes more. Raises Overloaded above the limit, except for the only holder: else it could never pass."""
        if self.held and self.held + size > self._limit:
            raise Overloaded(f"memory: {self.held} of {self._limit} bytes are held, {size} more do not fit; wait")
        self.held += size
        self._observe(self.held)

    def give(self, size: int) -> None:
        """Hold `size` bytes less."""
        self.held -= size
        self._observe(self.held)
