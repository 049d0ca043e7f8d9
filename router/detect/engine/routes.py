"""Which bucket an event goes to, by the cheapest key that tells."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from router.batch import Event
from router.detect.engine.places import Known, Place, Shape
from router.detect.routing import RouteKey, Router

HEADER = ("winlog", "event_id", "EventID", "channel", "Channel")
"""Keys of a document that tell where its event id and channel stand."""
_MAX_ROUTES = 4096
_TYPE_DECIDES, _MAX_TYPE = "12", 200


def told_places(known: Known) -> Iterator[Place]:
    """Where what `Routes.of` reads as event id, channel and dataset stands, as far as what is known of a document tells."""
    if "dataset" in _names(known, ("event",)):
        yield ("event", "dataset")
    header: Place = ("winlog",) if "winlog" in _names(known, ()) else ()
    if known.get(header) is Shape.LIST or known.get(header) is Shape.OTHER:
        header = ()
    names = _names(known, header)
    for both in (("event_id", "EventID"), ("channel", "Channel")):
        yield from [(*header, name) for name in both if name in names][:1]


def _names(known: Known, place: Place) -> frozenset[str]:
    keys = known.get(place, Shape.OTHER)
    return frozenset() if isinstance(keys, Shape) else keys


def _is_exact(channel: Any, event_id: Any, dataset: Any = None) -> bool:
    """Is whatever equals these the same to every rule? `True` is `1` to a dict."""
    return event_id.__class__ is not bool and all(text is None or text.__class__ is str for text in (channel, dataset))


class Routes:
    """Event -> what `open_` gave for its route key. Most events are told by a few values; the rest by the whole key."""

    def __init__(self, open_: Callable[[RouteKey], Any]) -> None:
        self._router, self._open = Router(), open_
        self.by_key: dict[RouteKey, Any] = {}
        self._quick: dict[Any, Any] = {}

    def of(self, event: Event) -> Any:
        """The bucket."""
        winlog, facts = event.get("winlog"), event.get("event")
        header = winlog if winlog.__class__ is dict else event
        event_id: Any = header["event_id"] if "event_id" in header else header.get("EventID", "")
        key: Any = (header["channel"] if "channel" in header else header.get("Channel"), event_id)
        if facts.__class__ is dict:
            category, kind = facts.get("category"), facts.get("type")
            key += (
                facts.get("dataset"),
                tuple(category) if category.__class__ is list else category,
                tuple(kind) if kind.__class__ is list else kind,
            )
        try:
            bucket = self._quick.get(key)
        except TypeError:  # a value that is no key of a dict
            return self._whole(event)
        if bucket is None or "logweir" in event or event_id.__class__ is bool:
            return self._learn(key, event)
        return self._by_type(bucket, event, header) if bucket.__class__ is ByType else bucket

    def _by_type(self, buckets: "ByType", event: Event, header: Mapping[str, Any]) -> Any:
        """Sysmon's event 12 is of one category or another by its EventType."""
        data = header.get("event_data")
        kind = (data if data.__class__ is dict else event).get("EventType", "")
        if kind.__class__ is not str:
            return self._whole(event)
        bucket = buckets.get(kind)
        if bucket is None:
            if len(buckets) >= _MAX_ROUTES:
                buckets.clear()
            bucket = buckets[kind[:_MAX_TYPE]] = self._whole(event).told()
        return bucket

    def _whole(self, event: Event) -> Any:
        return self.open(self._router.key(event))

    def open(self, key: RouteKey) -> Any:
        """The bucket of a key."""
        bucket = self.by_key.get(key)
        if bucket is None:
            if len(self.by_key) >= _MAX_ROUTES:
                self.by_key.clear()
            bucket = self.by_key[key] = self._open(key)
        return bucket

    def _learn(self, quick: Any, event: Event) -> Any:
        """Remember the quick key, if it tells all that the whole key does."""
        key = self._router.key(event)
        bucket = self.open(key)
        told = "logweir" not in event and not key.values and _is_exact(*quick[:3])
        if told:
            if len(self._quick) >= _MAX_ROUTES:
                self._quick.clear()
            self._quick[quick] = ByType() if key.windows and key.windows[1] == _TYPE_DECIDES else bucket.told()
        return bucket

    def key(self, event: Event) -> RouteKey:
        """The whole route key of an event."""
        return self._router.key(event)

    def sources(self, key: RouteKey) -> Any:
        """The log sources of a key."""
        return self._router.sources(key)

    def replace(self, old: Any, new: Any) -> None:
        """Send what went to one bucket to another."""
        self._quick.clear()
        for key in [key for key, bucket in self.by_key.items() if bucket is old]:
            self.by_key[key] = new


class ByType(dict[str, Any]):
    """EventType as written -> bucket."""
