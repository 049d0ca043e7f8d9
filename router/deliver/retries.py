"""Parcels that have to be sent once more, and when."""

from router.deliver.parcel import Parcel


class Retries:
    """Few at any time: no more than were in flight, or the halves of those."""

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._parcels: list[Parcel] = []

    def __len__(self) -> int:
        return len(self._parcels)

    def add(self, parcel: Parcel) -> None:
        """`parcel.due` says when. Records of lanes that are leaving go back to the log instead."""
        left = parcel.without_leaving()
        if left is not None:
            left.due = parcel.due
            self._parcels.append(left)

    def head(self) -> Parcel | None:
        """The one to send next: the oldest of an ordered sink, else the one that is due first."""
        if not self._parcels:
            return None
        return min(self._parcels, key=(lambda p: (0.0, p.order)) if self._ordered else (lambda p: (p.due, p.order)))

    def remove(self, parcel: Parcel) -> None:
        """It is being sent."""
        self._parcels.remove(parcel)

    def hurry(self, now: float) -> None:
        """The far end is back: nothing has to wait any longer."""
        for parcel in self._parcels:
            parcel.due = min(parcel.due, now)

    def give_back(self) -> None:
        """Drop the records of lanes that are leaving."""
        parcels, self._parcels = self._parcels, []
        for parcel in parcels:
            self.add(parcel)
