"""When time may be moved on where no match moves it: once everything that was received is through."""

from collections.abc import Mapping
from hashlib import blake2b

from router.batch import MATCHES, RAW, Facts, Partition, Record
from router.correlate.lane import TICK
from router.errors import Misconfigured, Retryable
from router.protocols import Log

GROUP = "correlate"
_PROCESS = "process"
_Ends = Mapping[int, tuple[int, int]]


class Barrier:
    """Whether what lay in `raw` has become matches, and whether those, and what lay in `matches` with them, were worked off.

    A tick that is written behind it therefore overtakes nothing, however far some process is behind.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._raw: _Ends | None = None
        self._matches: _Ends | None = None

    async def passed(self) -> bool:
        """Ask again until it is true; from then on it is about what has come since."""
        try:
            return await self._passed()
        except (Retryable, Misconfigured):
            return False

    async def _passed(self) -> bool:
        if self._raw is None:
            self._raw = await self._log.ends(RAW)
        if self._matches is None:
            if not await self._through(_PROCESS, RAW, self._raw):
                return False
            self._matches = await self._log.ends(MATCHES)
        if not await self._through(GROUP, MATCHES, self._matches):
            return False
        self._raw = self._matches = None
        return True

    async def _through(self, group: str, topic: str, ends: _Ends) -> bool:
        marks = await self._log.committed(group, [topic])
        reached = {number: marks.get(Partition(topic, number)) for number in ends}
        return all(
            end <= (mark.offset if mark else start) for (start, end), mark in zip(ends.values(), reached.values(), strict=True)
        )


def tick(partition: int, time: float) -> Record:
    """The record that moves the time of a partition of `matches` on."""
    digest = blake2b(f"{partition} {time!r}".encode(), digest_size=16).digest()
    return Record(digest, b"{}", time, Facts(kind=TICK))
