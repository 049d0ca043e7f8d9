"""How far redriving has come in one partition of dead letters: in all of it, and for single reasons beyond that.

It is the committed mark of the group `redrive.<stage>`: its offset for all letters, its metadata `HASH:OFFSET ...` by reason.
"""

from hashlib import blake2b

from router.batch import Mark
from router.deliver.handover import reason_word
from router.errors import LogweirError

_MOST = 4096
GROUP = "redrive."


class Cursor:
    """What was redriven stays so, whatever is chosen next time."""

    def __init__(self, mark: Mark | None) -> None:
        self._offset = mark.offset if mark else 0
        pairs = (pair.partition(":") for pair in (mark.metadata if mark else "").split())
        self._reasons = {name: int(offset) for name, _, offset in pairs}

    def is_done(self, offset: int, reason: str) -> bool:
        """Whether the letter at `offset`, with this reason, has been redriven."""
        return offset < self._offset or offset < self._reasons.get(_name(reason), 0)

    def settle(self, stop: int, reason: str = "") -> None:
        """All letters before `stop` are done, or all with this reason."""
        if reason:
            name = _name(reason)
            self._reasons[name] = max(stop, self._reasons.get(name, 0))
        else:
            self._offset = max(stop, self._offset)

    def mark(self) -> Mark:
        """What to commit. Raises LogweirError where more reasons are under way than a mark can remember."""
        pairs = sorted((name, stop) for name, stop in self._reasons.items() if stop > self._offset)
        text = " ".join(f"{name}:{stop}" for name, stop in pairs)
        if len(text) > _MOST:
            raise LogweirError(f"{len(pairs)} reasons are redriven in part; redrive without --reason first")
        return Mark(self._offset, text)

    @property
    def first(self) -> int:
        """The first offset that may have to be looked at."""
        return self._offset


def _name(reason: str) -> str:
    return blake2b(reason_word(reason).encode("utf-8", "replace"), digest_size=5).hexdigest()
