"""Streaming gzip with a lid: never more output in memory than a piece, never more in all than allowed."""

from collections.abc import Iterator

from isal import isal_zlib

from router.errors import Malformed

_GZIP = 16 + 15  # wbits: gzip header, largest window
RATIO, RATIO_FROM_BYTES = 100, 1 << 20


class Gunzip:
    """One gzip stream, of one or more members. Raises Malformed: `gzip`, `inflated_too_large` or `inflated_ratio`.

    Without `max_bytes` there is no lid: for files of our own machine.
    """

    def __init__(self, max_bytes: int | None = None, *, piece_bytes: int = 256 << 10) -> None:
        self._max, self._piece, self._in, self._out = max_bytes, piece_bytes, 0, 0
        self._inflate = isal_zlib.decompressobj(_GZIP)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Inflated pieces of at most `piece_bytes`."""
        self._in += len(data)
        while data:
            if self._inflate.eof:
                if not data.strip(b"\0"):  # padding to whole blocks
                    return
                self._inflate = isal_zlib.decompressobj(_GZIP)
            yield from self._member(data)
            data = self._inflate.unused_data

    @property
    def complete(self) -> bool:
        """True between two members, and before the first."""
        return self._inflate.eof or not self._in

    def finish(self) -> None:
        """Say that all was fed. Raises Malformed when the stream stops in the middle."""
        if not self.complete:
            raise Malformed("gzip", "ends before its end")

    def _member(self, data: bytes) -> Iterator[bytes]:
        while True:
            try:
                piece = self._inflate.decompress(data, self._piece)
            except isal_zlib.error as error:  # type: ignore[misc]  # the stub declares the class as an instance
                raise Malformed("gzip", str(error)) from error
            self._count(len(piece))
            if piece:
                yield piece
            data = self._inflate.unconsumed_tail
            if self._inflate.eof or (len(piece) < self._piece and not data):
                return

    def _count(self, size: int) -> None:
        self._out += size
        if self._max is None:
            return
        if self._out > self._max:
            raise Malformed("inflated_too_large", f"more than {self._max} bytes")
        if self._out > RATIO_FROM_BYTES and self._out > RATIO * self._read:
            raise Malformed("inflated_ratio", f"more than {RATIO}:1")

    @property
    def _read(self) -> int:
        """Bytes that what came out so far was made of."""
        return self._in - len(self._inflate.unconsumed_tail) - len(self._inflate.unused_data)
