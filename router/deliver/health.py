"""How the far end does, and what it may therefore be asked: breaker, brake, concurrency, Retry-After."""

import time

from router.deliver.brake import Brake
from router.deliver.breaker import Breaker
from router.deliver.concurrency import Concurrency
from router.deliver.pace import Pace
from router.deliver.tally import Tally
from router.protocols import SinkLimits
from router.telemetry import logger


class Health:
    """One far end, as its answers show it. Says once, loudly, when it turns bad and when it is well again."""

    def __init__(self, name: str, limits: SinkLimits, pace: Pace, tally: Tally) -> None:
        self._breaker = Breaker(first_seconds=pace.probe_first_seconds, last_seconds=pace.probe_last_seconds)
        self._brake = Brake()
        self._concurrency = Concurrency(limits.max_concurrency, fixed=limits.ordered)
        self._tally, self._longest = tally, pace.retry_after_most_seconds
        self._not_before = 0.0
        self._logger = logger("deliver").bind(sink=name)

    @property
    def is_well(self) -> bool:
        """True while writes may start freely."""
        return self._breaker.closed

    @property
    def limit(self) -> int:
        """How many writes may be in flight."""
        return self._concurrency.limit

    def wait(self, now: float) -> float:
        """Seconds until a write may start; infinity while a probe is out."""
        return max(self._breaker.wait(now), self._not_before - now)

    def start(self) -> bool:
        """A write starts. True if it is a probe, on which everything hangs."""
        probe = self._breaker.start()
        if probe:
            self._brake.reopen()
        return probe

    def answered(self, started: float, *, refused: bool, flying: int) -> None:
        """A write that started then has its answer; `refused` if that is to go slower, `flying` what was in flight."""
        now = time.monotonic()
        self._tally.wrote(now - started)
        self._concurrency.observe(now - started, refused=refused, saturated=flying >= self.limit, now=now)

    def succeeded(self, probe: bool) -> bool:
        """The far end judged what it was sent. True if that ended a bad time."""
        self._breaker.succeed(probe)
        self._tally.status.why = ""
        if probe:
            self._logger.info("the sink takes records again")
        return probe

    def failed(self, probe: bool, reason: str) -> None:
        """It took nothing, for a reason that may pass."""
        was_well = self.is_well
        self._breaker.fail(probe, time.monotonic())
        self._tally.status.why = reason
        if was_well and not self.is_well:
            self._logger.warning("the sink does not take records; they wait in the log", reason=reason)

    def misconfigured(self, probe: bool, reason: str) -> None:
        """It took nothing, for a reason that only a person can remove."""
        is_news = self._tally.status.why != reason
        self._breaker.pause(probe, time.monotonic())
        self._tally.status.why = reason
        if is_news:
            self._logger.error("the sink is misconfigured; records wait in the log until that is mended", reason=reason)

    def allow(self, records: int, rejected: int, probe: bool) -> int:
        """How many of `rejected` may become dead letters; if not all of them, the breaker has opened."""
        now = time.monotonic()
        allowed = self._brake.allow(records, rejected, now)
        if allowed < rejected:
            self._breaker.trip(now, probe)
            self._tally.status.why = "too many records are rejected"
            self._logger.error(
                "too many records are rejected; holding the stream instead of filling the dead letters",
                rejected=rejected,
                of=records,
                remedy="look at `logweir dlq peek` for the reasons and mend the mapping or the sink; the log keeps the rest",
            )
        return allowed

    def retry_after(self, seconds: float) -> None:
        """It wants to be left alone for so long."""
        self._not_before = max(self._not_before, time.monotonic() + min(seconds, self._longest))

    def abandoned(self) -> None:
        """A write ended without an answer, because we stopped it."""
        self._breaker.release(time.monotonic())

    def tell(self) -> None:
        """Bring gauges and status up to date."""
        self._tally.state(self._breaker.state)
        self._tally.limit(self.limit)
