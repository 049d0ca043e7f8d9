"""What read the last lines of each sender: asked first, since the next one is mostly like them. Bounded."""

from typing import TypeAlias

from router.normalize.deferred import Candidate, compiled
from router.normalize.products import Product

Sender: TypeAlias = tuple[str, str]
"""Source and peer."""
Shape: TypeAlias = tuple[str, ...]
"""The keys of an object, in their order."""
_MAX_SENDERS, _MAX_REMEMBERED = 16_384, 6
_MAX_SHAPES, _LONG_SHAPE = 8192, 1024


class Recall:
    """Normalizers by sender, and by the product that a sender's line names."""

    def __init__(self) -> None:
        self._recent: dict[Sender, list[Candidate]] = {}
        self._general: dict[tuple[Sender, Product], Candidate] = {}
        self._shapes = set[tuple[Sender, Shape, str]]()
        self._wrapping = set[Sender]()

    def recent(self, sender: Sender) -> list[Candidate]:
        """The last ones, the newest first; to be read only, and no longer than until the next is remembered."""
        return self._recent.get(sender) or []

    def remember(self, sender: Sender, normalizer: Candidate) -> None:
        """It has just read a line of this sender."""
        held = self._recent.get(sender)
        if held is None:
            if len(self._recent) >= _MAX_SENDERS:
                self._recent.clear()
            held = self._recent[sender] = []
        made = compiled(normalizer)
        held[:] = [made, *(other for other in held if other is not made)][:_MAX_REMEMBERED]

    def general(self, sender: Sender, named: Product) -> Candidate | None:
        """What read a line of this sender's product when no file of a product did."""
        return self._general.get((sender, named))

    def remember_general(self, sender: Sender, named: Product, normalizer: Candidate) -> None:
        """No file of a product has read it, and this one has."""
        if len(self._general) >= _MAX_SENDERS:
            self._general.clear()
        self._general[sender, named] = compiled(normalizer)

    def wraps(self, sender: Sender) -> bool:
        """Does it send objects of which the message is what counts?"""
        return sender in self._wrapping

    def wrapped(self, sender: Sender, keys: Shape, normalizer: str) -> bool:
        """Did this one read the message in an object with these keys?"""
        return (sender, keys, normalizer) in self._shapes

    def remember_wrapped(self, sender: Sender, keys: Shape, normalizer: str) -> None:
        """It has read the message in an object with these keys, which nobody had taken whole."""
        if len(self._shapes) >= _MAX_SHAPES:
            self._shapes.clear()
            self._wrapping.clear()
        if sum(map(len, keys)) <= _LONG_SHAPE:
            self._shapes.add((sender, keys, normalizer))
            self._wrapping.add(sender)
