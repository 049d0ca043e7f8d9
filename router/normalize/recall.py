"""What read the last lines of each sender: asked first, since the next one is mostly like them. Bounded."""

from router.normalize.deferred import Candidate, compiled
from router.normalize.products import Product

Sender = tuple[str, str]
"""Source and peer."""
_MAX_SENDERS, _MAX_REMEMBERED = 16_384, 6


class Recall:
    """Normalizers by sender, and by the product that a sender's line names."""

    def __init__(self) -> None:
        self._recent: dict[Sender, list[Candidate]] = {}
        self._general: dict[tuple[Sender, Product], Candidate] = {}

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
