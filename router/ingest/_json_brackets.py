"""Where a JSON object ends, and whether it is nested too deep, told from its brackets alone. Sans-io.

What comes from strangers may be all brackets or all quotes, in pieces of any size. Every byte is looked at once, by loops in C:
a piece of an object costs the event loop no more than its share.
"""

from itertools import accumulate

from router.errors import Malformed

MAX_DEPTH = 64
_FIRST_STEP, _LAST_STEP = 1 << 10, 16 << 10
_UP_OR_DOWN = bytes.maketrans(b"{[}]", b"\x01\x01\xff\xff")  # 1 and -1, as signed bytes
_NO_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))


class Brackets:
    """Looks for the end of one object. Take a new one for the next."""

    def __init__(self) -> None:
        self._seen = self._depth = self._in_string = 0
        self._rest = b""
        """A backslash at the end of what came; what it escapes has not come."""

    def feed(self, data: bytes, at: int = 0) -> int:
        """Take what lies from `at` on: the object's next bytes. Returns how long the object is; 0 while its end is not there.

        Raises Malformed: `too_deep`.
        """
        data, at = (self._rest + data[at:], 0) if self._rest else (data, at)
        start, size, is_near = at, _FIRST_STEP, False
        while (stop := _stop(data, at, size)) > at:
            if self._closes_within(data[at:stop]):
                if size == 1:
                    return self._seen + stop - start
                size, is_near = max(1, min(size, stop - at) // 2), True
                continue
            at = stop
            size = size if is_near else min(2 * size, _LAST_STEP)
        self._seen += at - start
        self._rest = data[at:]
        return 0

    def _closes_within(self, piece: bytes) -> bool:
        """Whether the last bracket closes in a piece. If not, the piece is dealt with."""
        if b"\\" in piece:
            piece = piece.replace(b"\\\\", b"").replace(b'\\"', b"")
        if piece.translate(None, _NO_BRACKETS) and self._closes(b"".join(piece.split(b'"')[self._in_string :: 2])):
            return True
        self._in_string = (self._in_string + piece.count(b'"')) % 2
        return False

    def _closes(self, bare: bytes) -> bool:
        """The same of what lies outside of strings."""
        steps = memoryview(bare.translate(_UP_OR_DOWN, _NO_BRACKETS)).cast("b")
        depths = list(accumulate(steps, initial=self._depth))
        if min(depths[1:], default=1) < 1:
            return True
        if max(depths) > MAX_DEPTH:
            raise Malformed("too_deep", f"nested deeper than {MAX_DEPTH}")
        self._depth = depths[-1]
        return False


def _stop(data: bytes, at: int, size: int) -> int:
    """The end of a piece that begins at `at`: never between a backslash and what it escapes."""
    stop = min(at + size, len(data))
    piece = data[at:stop]
    if (len(piece) - len(piece.rstrip(b"\\"))) % 2:
        stop += 1 if stop < len(data) else -1
    return stop
