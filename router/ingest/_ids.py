"""Ids of events: given once at receipt, or derived from what an event was made of. Always 16 bytes."""

import hashlib

ID_BYTES = 16
_LOW = [n.to_bytes(2, "big") for n in range(1 << 16)]
_EPOCH = 1 << 16  # stretches of 65,536 ids that share one stem


class Ids:
    """Ids of one running receiver: 48 bits of receipt time in ms, then 80 bits that are never given twice.

    The 80 bits are 48 of a keyed BLAKE2b over receiver and epoch, keyed with the boot nonce, and a 32-bit counter; when it
    is used up the next epoch begins. A clock that jumps back repeats no id. `nonce` must be fresh for every start.
    """

    def __init__(self, receiver: str, nonce: bytes) -> None:
        self._receiver, self._nonce = receiver.encode(), nonce[:64]
        self._stretch = self._low = 0
        self._stem = self._hashed(0)

    def take(self, count: int, now: float) -> list[bytes]:
        """The next `count` ids; `now` is the receipt in seconds since the epoch."""
        time = (int(now * 1000) & 0xFFFF_FFFF_FFFF).to_bytes(6, "big")
        ids: list[bytes] = []
        while len(ids) < count:
            head = time + self._stem + _LOW[self._stretch % _EPOCH]
            taken = min(count - len(ids), len(_LOW) - self._low)
            ids += [head + tail for tail in _LOW[self._low : self._low + taken]]
            self._advance(taken)
        return ids

    def _advance(self, taken: int) -> None:
        self._low += taken
        if self._low == len(_LOW):
            self._low = 0
            self._stretch += 1
            if self._stretch % _EPOCH == 0:
                self._stem = self._hashed(self._stretch // _EPOCH)

    def _hashed(self, epoch: int) -> bytes:
        seed = epoch.to_bytes(8, "big") + self._receiver
        return hashlib.blake2b(seed, digest_size=6, key=self._nonce, person=b"logweir-id").digest()


def derived(*parts: bytes) -> bytes:
    """The id of something made of `parts`: the same parts give the same id, whenever and wherever.

    Parts are hashed with their lengths, so that ("ab", "c") and ("a", "bc") differ.
    """
    digest = hashlib.blake2b(digest_size=ID_BYTES, person=b"logweir-derived")
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()
