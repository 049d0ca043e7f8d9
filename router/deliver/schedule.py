"""What is sent next: retries first, then alerts, then the rest, each as its budget and the sink's order allow."""

from collections.abc import Iterable
from math import ceil, inf

from router.deliver.budget import Budget
from router.deliver.health import Health
from router.deliver.lane import Lane
from router.deliver.pace import Pace
from router.deliver.parcel import Parcel, Segment
from router.deliver.queue import Queue
from router.deliver.retries import Retries
from router.protocols import SinkLimits


class Schedule:
    """Everything that waits to be sent to one sink."""

    def __init__(self, limits: SinkLimits, pace: Pace, health: Health) -> None:
        self._health, self._is_ordered, self._max_records = health, limits.ordered, limits.max_records
        self._alerts, self._others = Queue(limits, pace.alert_seconds), Queue(limits, pace.batch_seconds)
        self._retries = Retries(ordered=limits.ordered)
        self._budget = Budget(limits.records_per_second, limits.alert_share)
        self._cut_so_far = 0

    def __len__(self) -> int:
        """Records in queues, and parcels to be sent again."""
        return self._alerts.records + self._others.records + len(self._retries)

    def add(self, segment: Segment, now: float, *, is_alert: bool) -> None:
        """Records to send, in log order within their lane."""
        (self._alerts if is_alert else self._others).add(segment, now)

    def again(self, parcel: Parcel) -> None:
        """To be sent once more when it is due."""
        self._retries.add(parcel)

    def hurry(self, now: float) -> None:
        """The far end is back: no retry waits any longer."""
        self._retries.hurry(now)

    def give_back(self, lanes: Iterable[Lane]) -> None:
        """Forget what waits of lanes that are leaving."""
        for lane in lanes:
            self._alerts.drop(lane)
            self._others.drop(lane)
        self._retries.give_back()

    def next(self, now: float, flying: int) -> tuple[Parcel | None, float]:
        """The parcel to start now, its budget spent; or None and the seconds for which nothing can be started."""
        if flying >= self._health.limit:
            return None, inf
        wait = self._health.wait(now)
        if wait > 0:
            return None, wait
        parcel, wait = self._choose(now, flying)
        if parcel is not None:
            self._budget.take(len(parcel), parcel.is_alert, now)
        return parcel, wait

    def _choose(self, now: float, flying: int) -> tuple[Parcel | None, float]:
        head = self._retries.head()
        if head is None:
            return self._fresh(now, inf, alerts_only=False)
        if self._is_ordered and flying:
            return None, inf  # what is in the air lands first, then what failed goes in its order
        due = head.due - now if self._health.is_well else 0.0  # a probe does not wait for its own turn
        wait = max(due, self._budget.wait(len(head), head.is_alert, now))
        if wait <= 0:
            self._retries.remove(head)
            return head, 0.0
        if self._is_ordered:
            return None, wait
        # A retry that only waits for its budget must not be starved by smaller parcels.
        return self._fresh(now, wait, alerts_only=due <= 0)

    def _fresh(self, now: float, wait: float, *, alerts_only: bool) -> tuple[Parcel | None, float]:
        for queue, is_alert in ((self._alerts, True), (self._others, False)):
            if is_alert or not alerts_only:
                due = self._due_in(queue, is_alert, now)
                if due <= 0:
                    return self._cut(queue, is_alert, now), 0.0
                wait = min(wait, due)
        return None, wait

    def _due_in(self, queue: Queue, is_alert: bool, now: float) -> float:
        """Under a budget a parcel has at least a quarter of it: many small ones would only wait for each other's answers."""
        due = queue.due_in(now)
        if due > 0 or self._budget.unlimited:
            return due
        least = min(queue.records, self._max_records, ceil(self._budget.most(is_alert) / 4))
        return self._budget.wait(least, is_alert, now)

    def _cut(self, queue: Queue, is_alert: bool, now: float) -> Parcel:
        most = self._max_records if self._budget.unlimited else self._budget.available(is_alert, now)
        self._cut_so_far += 1
        return Parcel(queue.cut(most), (self._cut_so_far,), is_alert=is_alert)
