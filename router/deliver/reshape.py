"""Records in the shape that a sink is set to, just before they go to it."""

from collections.abc import Callable

import orjson

from router.batch import Record
from router.detect.finding import finding
from router.shapes import Shape, reshaper

_OURS, _ALERTS = "logweir.", frozenset(("alert", "signal"))


def reshaping(shape: Shape) -> Callable[[Record], Record] | None:
    """Record -> record with another body; None where bodies stay as they are. Our own alerts become whole findings."""
    reshape = reshaper(shape)
    if reshape is None:
        return None

    def reshaped(record: Record) -> Record:
        return record._replace(body=reshape(record.body, record.time))

    def reshaped_or_found(record: Record) -> Record:
        facts = record.facts
        if facts.kind in _ALERTS and facts.dataset.startswith(_OURS):
            return record._replace(body=_finding(record))
        return record._replace(body=reshape(record.body, record.time))

    return reshaped_or_found if shape == "ocsf" else reshaped


def _finding(record: Record) -> bytes:
    try:
        alert = orjson.loads(record.body)
    except orjson.JSONDecodeError:
        return record.body
    return orjson.dumps(finding(alert, record.id.hex())) if type(alert) is dict else record.body
