"""What the match of a rule, or the firing of a correlation, is to the correlations over it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from router.batch import Event


class Cause(NamedTuple):
    """What a match is made from."""

    rule: str
    id: bytes
    event_id: str
    time: float
    event: Event
    texts: Callable[[str], Sequence[str]]
    """The texts of a field, none where it is absent or null."""
