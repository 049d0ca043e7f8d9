"""What the match of a rule, or the firing of a correlation, is to the correlations over it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import orjson

from router.batch import Event


class Cause(NamedTuple):
    """What a match is made from."""

    rule: str
    id: bytes
    event_id: str
    time: float
    event: Event | orjson.Fragment
    """The few fields that an alert shows, with the rule's credit; of a rule's match as JSON."""
    texts: Callable[[str], Sequence[str]]
    """The texts of a field, none where it is absent or null."""
