"""Which of many networks an address is in: the boundaries in order, and what holds between two of them."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from socket import AF_INET, inet_pton

from router.detect import values

_DOTTED = re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}")

Network = tuple[int, int, int, int]
"""(atom, IP version, first address, last address)"""


class Networks:
    """Decides the atoms of networks."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._by_version = {version: _Line([n for n in networks if n[1] == version]) for version in (4, 6)}

    def of(self, text: str) -> Sequence[int]:
        """The atoms true for a text."""
        if _DOTTED.fullmatch(text):
            try:
                return self._by_version[4].at(int.from_bytes(inet_pton(AF_INET, text)))
            except OSError:
                return ()
        if ":" not in text or (address := values.address(text)) is None:  # what has no colon is no address of version 6
            return ()
        return self._by_version[address.version].at(int(address))


class _Line:
    """The addresses of one version, cut where a network begins or ends."""

    def __init__(self, networks: Iterable[Network]) -> None:
        spans = [(low, high, atom) for atom, _, low, high in networks]
        self._cuts = sorted({cut for low, high, _ in spans for cut in (low, high + 1)})
        self._atoms = [tuple(atom for low, high, atom in spans if low <= start <= high) for start, _ in pairwise(self._cuts)]

    def at(self, number: int) -> Sequence[int]:
        """The atoms of the networks that an address is in."""
        piece = bisect_right(self._cuts, number) - 1
        return self._atoms[piece] if 0 <= piece < len(self._atoms) else ()
