"""Hand over until it is durable: for senders that cannot be asked to send again."""

import asyncio
import random
from collections.abc import Sequence
from typing import Protocol

from router import telemetry
from router.batch import Facts
from router.errors import Retryable
from router.protocols import Emit

_FIRST_SECONDS, _LAST_SECONDS = 0.05, 2.0
_BUSY_SECONDS = 0.02


async def until_durable(
    emit: Emit,
    payloads: Sequence[bytes],
    facts: Facts,
    ids: Sequence[bytes] = (),
    *,
    give_up: asyncio.Event | None = None,
    held: bool = False,
) -> bool:
    """Emit, and again after a wait while the log or memory refuses. False only once `give_up` is set. `held`: see Emit."""
    pause = _FIRST_SECONDS
    while True:
        try:
            await emit(payloads, facts, ids, held=held)
            return True
        except Retryable as error:
            if give_up is not None and give_up.is_set():
                return False
            if pause >= _LAST_SECONDS:
                telemetry.logger("ingest").warning("the log does not take events; waiting", source=facts.source, error=str(error))
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(pause * 2, _LAST_SECONDS)


class Busy(Protocol):
    """What may have no room for now: an Emit, or what stands before one."""

    @property
    def busy(self) -> bool: ...


async def until_idle(place: Busy) -> None:
    """Wait while there is no room."""
    while place.busy:  # noqa: ASYNC110  # many wait, seldom and briefly: not worth an event that every append must set
        await asyncio.sleep(_BUSY_SECONDS)
