"""Splunk HEC event objects: the payload inside, and what the envelope says about it (Splunk: Format events for HEC)."""

from typing import Any

import orjson

from router.batch import Event
from router.normalize.formats.json import loads
from router.normalize.line import Line
from router.normalize.times import epoch
from router.normalize.zones import Zone

_NAMES = ("host", "source", "sourcetype", "index")


def unwrap(
    text: str, receipt: float, site: Zone, source: str, peer: str, meta: dict[str, str]
) -> tuple[Line, dict[str, Any]] | None:
    """The line inside a HEC event object, and what is kept of the envelope; None when the text is no such object."""
    value = loads(text)
    if type(value) is not dict or "event" not in value:
        return None
    event = value["event"]
    told = {**meta, **{name: str(value[name]) for name in _NAMES if value.get(name) not in (None, "")}}
    if type(event) is str:
        line = Line(event, receipt, site, source, peer, told)
    elif type(event) in (dict, list):
        line = Line(orjson.dumps(event).decode(), receipt, site, source, peer, told, event)
    else:
        line = Line(orjson.dumps(event).decode(), receipt, site, source, peer, told)
    moment = epoch(value.get("time"))
    line.hint_time = moment.iso if moment is not None else None
    line.hint_host = told.get("host")
    return line, _kept(value)


def _kept(value: dict[str, Any]) -> dict[str, Any]:
    """What a document keeps of the envelope, for the way back to Splunk."""
    kept = {name: value[name] for name in _NAMES if type(value.get(name)) is str and value[name]}
    fields = value.get("fields")
    if type(fields) is dict and fields:
        kept["fields"] = fields
    return kept


def keep_envelope(document: Event, kept: dict[str, Any]) -> None:
    """What is kept of the envelope, in the document."""
    held = document.setdefault("splunk", {})
    if type(held) is dict:
        for key, value in kept.items():
            held.setdefault(key, value)
