"""What read the last lines of each sender: asked first, since the next one is mostly like them. Bounded."""

from typing import Literal, TypeAlias

from router.normalize.deferred import Candidate, compiled
from router.normalize.products import Product

Sender: TypeAlias = tuple[str, str]
"""Source and peer."""
Shape: TypeAlias = tuple[str, ...]
"""The keys of an object, in their order."""
Part: TypeAlias = Literal["whole", "message"]
_MAX_SENDERS, _MAX_REMEMBERED = 16_384, 6
_MAX_OBJECTS, _LONG_SHAPE = 8192, 1024


class Recall:
    """Normalizers by sender, and by the product that a sender's line names."""

    def __init__(self) -> None:
        self._recent: dict[Sender, list[Candidate]] = {}
        self._general: dict[tuple[Sender, Product], Candidate] = {}
        self._objects = set[tuple[Sender, Shape, str, Part]]()
        self._by_keys: dict[Sender, bool] = {}

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

    def last_by_keys(self, sender: Sender) -> bool | None:
        """Was its last line read for being an object with known keys? None: no object of it is remembered."""
        return self._by_keys.get(sender)

    def turn(self, sender: Sender) -> None:
        """Its last line was not read like the one before."""
        self._by_keys[sender] = not self._by_keys.get(sender)

    def read(self, sender: Sender, keys: Shape, normalizer: str, part: Part) -> bool:
        """Did this one read an object with these keys, or the message in it?"""
        return (sender, keys, normalizer, part) in self._objects

    def remember_object(self, sender: Sender, keys: Shape, normalizer: str, part: Part) -> None:
        """It has read an object with these keys, or the message in it, though nothing in the object's first kilobyte told so."""
        if len(self._objects) >= _MAX_OBJECTS:
            self._objects.clear()
            self._by_keys.clear()
        if sum(map(len, keys)) <= _LONG_SHAPE:
            self._objects.add((sender, keys, normalizer, part))
            self._by_keys[sender] = True
