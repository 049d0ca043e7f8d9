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


def reshaper(shape: Shape) -> Callable[[bytes, float], bytes] | None:
    """(document, its time in epoch seconds) -> document; None for `ecs`: it stays as it is.

    What is not a JSON object comes back unchanged, for the sink to refuse with its reason.
    """
    derive = SHAPES.get(shape)
    if derive is None:
        return None

    def reshape(body: bytes, time: float) -> bytes:
        try:
            event = orjson.loads(body)
        except orjson.JSONDecodeError:
            return body
        return orjson.dumps(derive(event, time)) if type(event) is dict else body

    return reshape
