"""The oracle's books: what was sent, what was acknowledged, what arrived where; and the verdict."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from tests.faults.events import ALARM_EVERY, RULE_ID, Key, read


@dataclass(slots=True)
class Sent:
    """One sender's side."""

    sent: int = 0
    """Numbers below this have been sent at least once."""
    acknowledged: set[int] = field(default_factory=set)
    repeated: set[int] = field(default_factory=set)
    """Sent more than once, by the sender: a second copy with an id of its own is the sender's."""
    failures: int = 0
    longest_gap_seconds: float = 0.0
    """Between two acknowledgements."""
    acknowledged_at: dict[int, float] | None = None
    """Monotonic times, where a scenario asks for them."""


@dataclass(slots=True)
class Arrived:
    """One sink's side. Ids are the router's; the same id again is a repeat by the router."""

    is_ordered: bool = False
    first: dict[Key, bytes] = field(default_factory=dict)
    """The id under which each event came first."""
    copies: dict[Key, set[bytes]] = field(default_factory=dict)
    """Further ids of one event."""
    alerts: dict[Key, bytes] = field(default_factory=dict)
    named_alerts: set[bytes] = field(default_factory=set)
    """Alerts that do not quote their event, by their own id (hexadecimal)."""
    repeats: int = 0
    alert_repeats: int = 0
    alert_copies: int = 0
    foreign: int = 0
    """Documents that are no event of the ledger at all, or whose event was changed on the way."""
    foreign_samples: list[bytes] = field(default_factory=list)
    disorder: int = 0
    """Events that came, for the first time, after a later one of their sender. Repeats are no disorder."""
    disorder_samples: list[str] = field(default_factory=list)
    disorder_on_one_connection: int = 0
    """Those of them whose later one came on the same connection: no far end can be the reason."""
    arrived_at: dict[Key, float] | None = None
    """Monotonic times of first arrivals, where a scenario asks for them."""
    _last: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    _last_on: dict[tuple[bytes, str], int] = field(default_factory=dict)

    def note(self, data: bytes, record_id: bytes, *, is_alert: bool = False, connection: bytes = b"") -> None:
        """One document came; `connection` names the one it came on, where that is known."""
        key = read(data)
        if key is None:
            self.foreign += 1
            self.foreign_samples = [*self.foreign_samples, data[:400]][:5]
        elif is_alert:
            self._alert(key, record_id)
        elif key not in self.first:
            self._new(key, record_id, connection)
        elif record_id == self.first[key] or record_id in self.copies.get(key, ()):
            self.repeats += 1
        else:
            self.copies.setdefault(key, set()).add(record_id)

    def note_alert(self, alert_id: bytes) -> None:
        """An alert came that does not quote its event."""
        self.alert_repeats += alert_id in self.named_alerts
        self.named_alerts.add(alert_id)

    def has_alert(self, key: Key) -> bool:
        """The alert about an event is there."""
        if key in self.alerts or not self.named_alerts:
            return key in self.alerts
        ids = {self.first[key], *self.copies.get(key, ())} if key in self.first else set[bytes]()
        return any(alert_of(bytes.fromhex(i.decode())).hex().encode() in self.named_alerts for i in ids)

    def _new(self, key: Key, record_id: bytes, connection: bytes) -> None:
        self.first[key] = record_id
        if self.arrived_at is not None:
            self.arrived_at[key] = time.monotonic()
        last, on = self._last.get(key.sender, (-1, b""))
        if key.number < last:
            self.disorder += 1
            where = f" ({connection.decode()} after {on.decode()})" if connection else ""
            self.disorder_samples = [*self.disorder_samples, f"{key.sender} {key.number} after {last}{where}"][:5]
        else:
            self._last[key.sender] = key.number, connection
        if connection:
            place = connection, key.sender
            self.disorder_on_one_connection += key.number < self._last_on.get(place, -1)
            self._last_on[place] = max(key.number, self._last_on.get(place, -1))

    def _alert(self, key: Key, record_id: bytes) -> None:
        known = self.alerts.setdefault(key, record_id)
        if known is record_id:
            return
        self.alert_repeats += known == record_id
        self.alert_copies += known != record_id


def alert_of(event_id: bytes) -> bytes:
    """The id that the router derives for the alert of the harness's rule on an event."""
    return blake2b(RULE_ID.encode() + event_id, digest_size=16).digest()


class Ledger:
    """Both sides, and their comparison."""

    def __init__(self) -> None:
        self.senders: dict[str, Sent] = {}
        self.sinks: dict[str, Arrived] = {}
        self._state: object = None
        self._search: Iterator[bool] = iter(())

    def sender(self, name: str) -> Sent:
        """The books of a sender."""
        return self.senders.setdefault(name, Sent())

    def sink(self, name: str, *, is_ordered: bool = False) -> Arrived:
        """The books of a sink."""
        return self.sinks.setdefault(name, Arrived(is_ordered))

    @property
    def acknowledged(self) -> int:
        """Events that the router has promised to deliver."""
        return sum(len(sent.acknowledged) for sent in self.senders.values())

    def missing(self, sink: str) -> list[Key]:
        """Acknowledged and not there."""
        first = self.sinks[sink].first
        return [Key(n, i) for n, sent in self.senders.items() for i in sorted(sent.acknowledged) if (n, i) not in first]

    def missing_alerts(self, sink: str) -> list[Key]:
        """Acknowledged, and the alert about it is not there."""
        has_alert = self.sinks[sink].has_alert
        wanted = ((n, i) for n, sent in self.senders.items() for i in sent.acknowledged if i % ALARM_EVERY == 0)
        return [Key(*key) for key in wanted if not has_alert(Key(*key))]

    def is_complete(self) -> bool:
        """Nothing is missing anywhere. However often it is asked, everything is looked at once: what has come does not go again."""
        state = (self.acknowledged, tuple(self.sinks))
        if state != self._state:
            self._state, self._search = state, self._looking()
        return next(self._search, True)

    def _looking(self) -> Iterator[bool]:
        """False for as long as the next thing is missing; ends where nothing is."""
        for name, arrived in self.sinks.items():
            for sender, sent in self.senders.items():
                for number in sorted(sent.acknowledged):
                    key = Key(sender, number)
                    while key not in arrived.first:
                        yield False
            for key in self.missing_alerts(name):
                while not arrived.has_alert(key):
                    yield False

    def spurious(self, sink: str) -> int:
        """Arrived and never sent."""
        return sum(self._never_sent(key) for key in self.sinks[sink].first)

    def _never_sent(self, key: Key) -> bool:
        sent = self.senders.get(key.sender)
        return sent is None or key.number >= sent.sent

    def twice(self, sink: str) -> list[Key]:
        """There under two ids although the sender sent it once: the router took one event for two."""
        return [k for k in self.sinks[sink].copies if k.number not in self.senders[k.sender].repeated]

    def unconfirmed(self) -> int:
        """Sent over a protocol without acknowledgement, or not acknowledged."""
        return sum(sent.sent - len(sent.acknowledged) for sent in self.senders.values())

    def lost_unconfirmed(self, sink: str) -> Mapping[str, int]:
        """Per sender: sent, not acknowledged, and not there. No promise covers them."""
        first, lost = self.sinks[sink].first, Counter[str]()
        for name, sent in self.senders.items():
            lost[name] = sum((name, i) not in first for i in range(sent.sent) if i not in sent.acknowledged)
        return {name: count for name, count in lost.items() if count}

    def row(self, sink: str) -> dict[str, object]:
        """A sink's line in the summary."""
        arrived = self.sinks[sink]
        missing, alerts, twice = self.missing(sink), self.missing_alerts(sink), self.twice(sink)
        return {
            "arrived": len(arrived.first),
            "missing": len(missing),
            "missing_samples": [f"{k.sender} {k.number}" for k in missing[:5]],
            "repeats": arrived.repeats,
            "sent_twice_by_the_sender": len(arrived.copies) - len(twice),
            "twice": len(twice),
            "spurious": self.spurious(sink),
            "foreign_or_corrupted": arrived.foreign,
            "foreign_samples": [s.decode("utf-8", "backslashreplace") for s in arrived.foreign_samples],
            "disorder": arrived.disorder,
            "disorder_samples": arrived.disorder_samples,
            "disorder_on_one_connection": arrived.disorder_on_one_connection,
            "alerts": len(arrived.alerts) + len(arrived.named_alerts),
            "missing_alerts": len(alerts),
            "alert_repeats": arrived.alert_repeats,
            "lost_unconfirmed": dict(self.lost_unconfirmed(sink)),
        }
