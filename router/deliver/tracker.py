"""Which offsets of one partition are settled: the position up to which a commit is safe."""

from collections import deque
from collections.abc import Iterable, Sequence


class Tracker:
    """Offsets in log order, settled in any order; `position` never passes one that is still open."""

    def __init__(self) -> None:
        self._open: deque[int] = deque()
        self._settled: set[int] = set()
        self._stop: int | None = None

    def take(self, offsets: Sequence[int], stop: int) -> None:
        """Open `offsets` (ascending, all new); everything else below `stop` needs no answer."""
        self._open.extend(offsets)
        self._stop = stop

    def settle(self, offsets: Iterable[int]) -> None:
        """These have been answered for, each once. The contiguous prefix moves on as far as it can."""
        self._settled.update(offsets)
        waiting, settled = self._open, self._settled
        while waiting and waiting[0] in settled:
            settled.remove(waiting.popleft())

    @property
    def position(self) -> int | None:
        """The offset to commit: everything below it is settled. None before anything was taken."""
        return self._open[0] if self._open else self._stop

    def __len__(self) -> int:
        """Taken offsets that the prefix has not passed, settled ones behind an open one included."""
        return len(self._open)
