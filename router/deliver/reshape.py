"""Records in the shape that a sink is set to, just before they go to it."""

from collections.abc import Callable

import orjson

from router.batch import Record
from router.detect.finding import finding
from router.shapes import Shape, document_of, reshaper

_OURS, _ALERTS = "logweir.", frozenset(("alert", "signal"))
_TOLD_BY: dict[str, Shape] = {"class_uid": "ocsf", "vendor_product": "cim", "@timestamp": "ecs"}
"""Names that every document of a shape has, and none of those after it; the CIM keeps `@timestamp`."""
_END_OF_TIME = 253_402_300_800.0


def reshaping(shape: Shape) -> Callable[[Record], Record] | None:
    """Record -> record with another body; None where bodies stay as they are. Our own alerts become whole findings.

    Never raises: whoever else writes into the log must not end a delivery. What says that it is an alert of ours and is not made
    like one is taken for any other document, and a time that no calendar has for the beginning of time.
    """
    reshape = reshaper(shape)
    if reshape is None:
        return None

    def reshaped(record: Record) -> Record:
        return record._replace(body=reshape(record.body, record.time if 0 <= record.time < _END_OF_TIME else 0.0))

    def reshaped_or_found(record: Record) -> Record:
        facts = record.facts
        if facts.kind in _ALERTS and facts.dataset.startswith(_OURS):
            try:
                return record._replace(body=_finding(record))
            except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
                pass
        return reshaped(record)

    return reshaped_or_found if shape == "ocsf" else reshaped


def _finding(record: Record) -> bytes:
    alert = document_of(record.body)
    return record.body if alert is None else orjson.dumps(finding(alert, record.id.hex()))


def shape_of(body: bytes) -> Shape | None:
    """The shape that a document has been written in; None for what is no document."""
    document = document_of(body) or {}
    return next((shape for name, shape in _TOLD_BY.items() if name in document), None)
