"""Indexer acknowledgement: ackIds per channel. An id exists only once its events are durable, so its status is true at once."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from router.ingest import _hec_replies as replies
from router.ingest._hec_replies import Refusal
from router.share import mine

MAX_CHANNELS, MAX_IDS, IDLE_SECONDS, ANSWERED_SECONDS, _SWEEP_SECONDS = 10_000, 100_000, 600.0, 30.0, 30.0
_GUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


@dataclass(slots=True)
class _Channel:
    used: float
    next_id: int = 0
    unasked: set[int] | None = None
    """None instead of an empty one: senders that take a channel for each request leave thousands that nobody asks again."""


def channel_of(value: str | None, *, required: bool) -> str:
    """The channel that a request names, in lower case; empty where it needs none. Raises Refusal: missing or malformed."""
    if not value:
        if required:
            raise Refusal(replies.NO_CHANNEL)
        return ""
    if not _GUID.fullmatch(value):
        raise Refusal(replies.BAD_CHANNEL)
    return value.lower()


class Acks:
    """The channels of one source. One that nobody used for ten minutes is forgotten; so is an id once it was reported.

    Some senders take a channel for each request: one of which every id was reported is forgotten after half a minute, and at
    once where there is no room for another. Its ids begin anew if it comes back, and nobody waits for one of the old ones.
    Several workers share a channel, since each connection belongs to one of them: their ids differ, and are not remembered.
    Whoever asks for one has it from an answer that was given after its events were durable, so that it is true.
    """

    def __init__(self, clock: Callable[[], float], max_channels: int = MAX_CHANNELS, max_ids: int = MAX_IDS) -> None:
        self._clock, self._max_channels, self._max_ids = clock, max_channels, max_ids
        self._share = mine()
        self._channels: dict[str, _Channel] = {}
        self._swept = clock()

    def reserve(self, token: str, channel: str) -> None:
        """Make sure that an id can be issued later. Raises Refusal when the channel, or the number of channels, is full."""
        found = self._channels.get(key := _key(token, channel))
        if found is None:
            self._sweep()
            if len(self._channels) >= self._max_channels:
                raise Refusal(replies.ACKS_FULL)
            self._channels[key] = _Channel(self._clock())
        elif found.unasked is not None and len(found.unasked) >= self._max_ids:
            raise Refusal(replies.ACKS_FULL)

    def issue(self, token: str, channel: str) -> int:
        """The id for a request whose events are durable: 0, 1, 2... per channel."""
        found = self._channels.get(key := _key(token, channel))
        if found is None:
            found = self._channels[key] = _Channel(0)
        found.used = self._clock()
        number, found.next_id = found.next_id, found.next_id + 1
        if self._share.is_one_of_several:
            return number * self._share.of + self._share.number
        if found.unasked is None:
            found.unasked = set()
        found.unasked.add(number)
        return number

    def report(self, token: str, channel: str, numbers: Iterable[int]) -> dict[str, bool]:
        """Status by id, as asked; true once, then forgotten. Unknown ids and those of other channels are false."""
        if self._share.is_one_of_several:
            return {str(number): number >= 0 for number in numbers}
        found = self._channels.get(_key(token, channel))
        if found is None:
            return {str(number): False for number in numbers}
        found.used = self._clock()
        unasked = found.unasked or set()
        answer = {str(number): number in unasked for number in numbers}
        unasked.difference_update(map(int, answer))
        found.unasked = unasked or None
        return answer

    def __len__(self) -> int:
        """How many channels are known."""
        return len(self._channels)

    def _sweep(self) -> None:
        """Forget the idle ones: now and then, and whenever there is no room."""
        now = self._clock()
        if now - self._swept < _SWEEP_SECONDS and len(self._channels) < self._max_channels:
            return
        self._swept = now
        idle, answered = now - IDLE_SECONDS, now - self._answered_seconds()
        self._channels = {key: c for key, c in self._channels.items() if c.used >= (idle if c.unasked else answered)}

    def _answered_seconds(self) -> float:
        """How long a channel of which no id is known to be asked for is kept. Several workers never know of any."""
        is_full = len(self._channels) >= self._max_channels
        if self._share.is_one_of_several:
            return ANSWERED_SECONDS if is_full else IDLE_SECONDS
        return 0.0 if is_full else ANSWERED_SECONDS


def _key(token: str, channel: str) -> str:
    """One text instead of a tuple of two. A channel has no space in it."""
    return f"{channel} {token}"
