"""From the name of a shape to the function that gives it."""

from collections.abc import Callable
from typing import Literal, TypeAlias

import orjson

from router.batch import Event
from router.shapes.cim import derive as cim
from router.shapes.ocsf import derive as ocsf

Shape: TypeAlias = Literal["ecs", "ocsf", "cim"]
"""How documents are written: as they are stored, by the Open Cybersecurity Schema Framework, or by Splunk's CIM."""

SHAPES: dict[Shape, Callable[[Event, float], Event]] = {"ocsf": ocsf, "cim": cim}


def document_of(body: bytes) -> Event | None:
    """The document that is written there; None for what is no JSON object."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document if type(document) is dict else None


def reshaper(shape: Shape) -> Callable[[bytes, float], bytes] | None:
    """(document, its time in epoch seconds) -> document; None for `ecs`: it stays as it is.

    What is not a JSON object comes back unchanged, for the sink to refuse with its reason.
    """
    derive = SHAPES.get(shape)
    if derive is None:
        return None

    def reshape(body: bytes, time: float) -> bytes:
        event = document_of(body)
        return body if event is None else orjson.dumps(derive(event, time))

    return reshape
