"""What makes one HEC event object bad (Splunk's codes 12, 13, 15), and what a request says beside its events."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from router.ingest._append import MAX_EVENT_BYTES
from router.ingest._hec_objects import Envelope, HecObjects
from router.ingest._hec_replies import BAD_DATA, TOO_LARGE
from router.ingest._lines import Lines
from router.ingest._runs import Runs, add_run

EVENT_REQUIRED, EVENT_BLANK, BAD_FIELDS, BAD_INDEX = 12, 13, 15, 7
_NUMBER = re.compile(r"\s*[+-]?([0-9]{1,32}\.?[0-9]{0,32}|\.[0-9]{1,32})([eE][+-]?[0-9]{1,3})?\s*")
_SCALAR = (str, int, float, bool, type(None))
METADATA = ("host", "index", "source", "sourcetype")


def fault(envelope: Mapping[str, Any]) -> int:
    """The code of what is wrong with an event object; 0 when nothing is."""
    if "event" not in envelope:
        if not envelope.get("fields"):
            return EVENT_REQUIRED
    else:
        event = envelope["event"]
        if event is None or event in ("", {}, []) or (isinstance(event, str) and not event.strip()):
            return EVENT_BLANK
    if "time" in envelope and not _is_time(envelope["time"]):
        return BAD_FIELDS
    return 0 if "fields" not in envelope or _are_fields(envelope["fields"]) else BAD_FIELDS


def _is_time(value: Any) -> bool:
    if isinstance(value, str):
        return _NUMBER.fullmatch(value) is not None
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _are_fields(fields: Any) -> bool:
    """Flat: scalars, and arrays of scalars."""
    if fields is None:
        return True
    return isinstance(fields, dict) and all(
        isinstance(v, _SCALAR) or (isinstance(v, list) and all(isinstance(i, _SCALAR) for i in v)) for v in fields.values()
    )


def metadata(defaults: Mapping[str, str], query: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """What the query string says about the events of a request, and the token where it says nothing; sorted."""
    said = {name: query.get(name) or defaults.get(name, "") for name in METADATA}
    return tuple((name, value) for name, value in said.items() if value)


class EventBatch:
    """The events of one /event request: kept up to the first bad object, as Splunk does. Sans-io."""

    def __init__(self, indexes: Collection[str], max_events: int) -> None:
        self._objects = HecObjects(MAX_EVENT_BYTES)
        self._indexes, self._max = indexes, max_events
        self._payloads: list[bytes] = []
        self.code = 0
        """Splunk's code for what is wrong; 0 while nothing is."""
        self.bad_event: int | None = None
        """The number of the object that `code` is about."""

    def feed(self, data: bytes) -> None:
        """Take a piece of the body."""
        if not self.code:
            self._judge(self._objects.feed(data))

    def finish(self) -> None:
        """The body is complete."""
        if not self.code:
            self._judge(self._objects.finish())

    @property
    def runs(self) -> Runs:
        """The events to keep."""
        return [("", self._payloads)] if self._payloads else []

    def _judge(self, envelopes: list[Envelope]) -> None:
        for payload, envelope in envelopes:
            code = fault(envelope) or self._index_fault(envelope)
            if code:
                self._fail(code, len(self._payloads) + (code == BAD_INDEX))
                return
            self._payloads.append(payload)
        if len(self._payloads) > self._max:
            self.code, self._payloads = TOO_LARGE, []
        elif self._objects.problem:
            self._fail(BAD_DATA, len(self._payloads))

    def _fail(self, code: int, number: int) -> None:
        self.code, self.bad_event = code, number

    def _index_fault(self, envelope: Mapping[str, Any]) -> int:
        return BAD_INDEX if self._indexes and envelope.get("index") not in (None, "", *self._indexes) else 0


class RawBatch:
    """The lines of one /raw request. Sans-io."""

    def __init__(self, max_events: int) -> None:
        self._lines, self._max = Lines(MAX_EVENT_BYTES), max_events
        self.runs: Runs = []
        """Lines to keep; what is longer than an event may be is cut and marked."""
        self.code = 0
        self.bad_event: int | None = None

    def feed(self, data: bytes) -> None:
        """Take a piece of the body."""
        if not self.code:
            self._add(self._lines.feed(data))

    def finish(self) -> None:
        """The body is complete."""
        if not self.code:
            self._add(self._lines.finish())

    def _add(self, runs: Runs) -> None:
        for flaw, lines in runs:
            add_run(self.runs, flaw, lines)
        if sum(len(lines) for _, lines in self.runs) > self._max:
            self.code, self.runs = TOO_LARGE, []
