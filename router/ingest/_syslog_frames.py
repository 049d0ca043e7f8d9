"""Syslog framing on streams (RFC 6587, RFC 5425), recognised anew at every frame. Sans-io: `feed(bytes)` gives frames.

A frame that starts with a count, a space and a complete PRI is octet-counted. Any other ends at LF, or at NUL where the
sender uses NUL as its trailer. What comes out does not depend on how the stream was cut.
"""

import re
from operator import itemgetter

from router.ingest._runs import Runs, add_run

MAX_COUNT_DIGITS, MAX_COUNT = 7, 10 << 20
"""A count above either is an attack or a lost place in the stream: `broken` is set."""
_COUNTED = re.compile(rb"([1-9][0-9]{0,8}) <([0-9]{1,3})>")
_MAYBE_COUNTED = re.compile(rb"[1-9][0-9]{0,8}(?: (?:<[0-9]{0,3})?)?")
_START_BYTES = 15  # nine digits, a space, a PRI of five
_NUL_THEN_PRI = re.compile(rb"\0<[0-9]{1,3}>")
_PRI_BYTES = 5
_first_byte = itemgetter(0)
_DIGITS = frozenset(b"123456789")


class SyslogFrames:
    """One stream. `broken` says why nothing more will be read from it; the connection is to be closed then."""

    def __init__(self, max_frame_bytes: int) -> None:
        self._cap = max_frame_bytes
        self._parts: list[bytes] = []
        self._held = 0
        self._wanted = 0  # below this many bytes, looking again is useless unless a delimiter arrives
        self._delimited = True
        self._skip = 0  # bytes left of an octet-counted frame whose head is out already
        self._dropping = False  # to the next delimiter: the tail of a frame whose head is out already
        self._ends_at_nul = False
        self._after_nul = _PRI_BYTES  # bytes since the last NUL of what is held, where that is near
        self.broken = ""

    @property
    def open(self) -> bool:
        """True in the middle of a frame."""
        return bool(self._held or self._skip or self._dropping)

    @property
    def wasting(self) -> bool:
        """True while what comes is thrown away: the rest of a frame whose head is out already."""
        return bool(self._skip or self._dropping)

    @property
    def held_bytes(self) -> int:
        """Received, and not yet part of a frame."""
        return self._held

    def feed(self, data: bytes) -> Runs:
        """The frames that end within `data`."""
        if self.broken or not data:
            return []
        self._parts.append(data)
        self._held += len(data)
        if self._held < self._wanted and not (self._delimited and self._may_end(data)):
            return []
        data = b"".join(self._parts) if len(self._parts) > 1 else data
        runs: Runs = []
        self._keep(data, self._lines(data, runs) if self._plain(data) else self._frames(data, 0, runs))
        return runs

    def _may_end(self, data: bytes) -> bool:
        """Whether the frame that is held may end in or before `data`: a NUL ends it once a PRI follows, in pieces perhaps."""
        nul, was_near = data.rfind(b"\0"), self._after_nul < _PRI_BYTES
        self._after_nul = len(data) - nul - 1 if nul >= 0 else self._after_nul + len(data)
        return nul >= 0 or was_near or b"\n" in data

    def waste(self, buffer: bytearray, size: int) -> bool:
        """Whether the first `size` bytes of a buffer are nothing but the rest of a frame whose head is out: if so, they are
        dealt with."""
        if self._skip:
            if self._skip < size:
                return False
            self._skip -= size
            return True
        ends = (b"\n", b"\0") if self._ends_at_nul else (b"\n",)
        return self._dropping and all(buffer.find(end, 0, size) < 0 for end in ends)

    def finish(self) -> Runs:
        """What the stream held when it ended: a frame that lacks its delimiter only, or a piece of a counted one."""
        data, whole = b"".join(self._parts), self._delimited and not self._dropping
        skipping = self._skip or self._dropping or self.broken
        self._keep(b"", 0)
        if not whole and (head := _COUNTED.match(data)):
            data = data[head.end(1) + 1 :]
        frame = _trimmed(data)
        if skipping or not frame:
            return []
        if not whole:
            return [("incomplete", [frame])]
        return [("truncated", [frame[: self._cap]])] if len(frame) > self._cap else [("", [frame])]

    def _keep(self, data: bytes, used: int) -> None:
        self._parts = [data[used:]] if used < len(data) else []
        self._held = len(data) - used
        nul = data.rfind(b"\0", max(used, len(data) - _PRI_BYTES))
        self._after_nul = len(data) - nul - 1 if nul >= 0 else _PRI_BYTES
        if not self._held:
            self._wanted, self._delimited = 0, True

    def _plain(self, data: bytes) -> bool:
        """True where lines can be taken without a closer look: no other delimiters, nothing half done."""
        return not (self._skip or self._dropping or b"\r" in data or b"\0" in data)

    def _lines(self, data: bytes, runs: Runs) -> int:
        """The fast path: whole lines that start with neither a digit nor a line feed and are within the cap."""
        lines = data.split(b"\n")
        rest = lines.pop()
        try:
            starts = set(map(_first_byte, lines))
        except IndexError:  # an empty line
            return self._frames(data, 0, runs)
        if lines and (starts & _DIGITS or max(map(len, lines)) > self._cap):
            return self._frames(data, 0, runs)
        if lines:
            runs.append(("", lines))
        return self._frames(data, len(data) - len(rest), runs) if rest else len(data)

    def _frames(self, data: bytes, at: int, runs: Runs) -> int:
        """Frame by frame from `at`; returns where the first frame starts that is not complete."""
        while at < len(data) and not self.broken:
            self._wanted, self._delimited = 0, True
            before = at
            at = self._next(data, at, runs)
            if at == before:
                break
        return len(data) if self.broken else at

    def _next(self, data: bytes, at: int, runs: Runs) -> int:
        """Past one frame, or past what lies between two; `at` itself where more bytes are needed."""
        if self._skip:
            skipped = min(self._skip, len(data) - at)
            self._skip -= skipped
            return at + skipped
        if self._dropping:
            return self._drop(data, at)
        if data[at] in b"\n\0":
            return at + 1
        if data[at] in _DIGITS:
            counted = _COUNTED.match(data, at)
            if counted and int(counted[2]) <= 191:
                return self._counted(data, at, counted, runs)
            if not counted and len(data) - at < _START_BYTES and _MAYBE_COUNTED.fullmatch(data, at):
                return at
        return self._line(data, at, runs)

    def _counted(self, data: bytes, at: int, head: "re.Match[bytes]", runs: Runs) -> int:
        count, start = int(head[1]), head.end(1) + 1
        if len(head[1]) > MAX_COUNT_DIGITS or count > MAX_COUNT:
            self.broken = "octet_count"
            return at
        wanted = min(count, self._cap)
        if len(data) - start < wanted:
            self._wanted, self._delimited = start - at + wanted, False
            return at
        self._skip = count - wanted
        frame = data[start : start + wanted]
        if self._skip:
            add_run(runs, "truncated", [frame])
        elif frame := frame.removesuffix(b"\n").removesuffix(b"\r") if frame.endswith(b"\n") else frame:
            add_run(runs, "", [frame])
        return start + wanted

    def _line(self, data: bytes, at: int, runs: Runs) -> int:
        limit = at + self._cap + 2  # a CR may stand before the delimiter
        end = self._end(data, at, limit)
        if end is None:
            self._wanted = self._cap + 2 + _PRI_BYTES
            if len(data) - at < self._wanted:
                return at
            self._dropping = True
            add_run(runs, "truncated", [data[at : at + self._cap]])
            return at + self._cap
        frame = _trimmed(data[at:end])
        if len(frame) > self._cap:
            add_run(runs, "truncated", [frame[: self._cap]])
        elif frame:
            add_run(runs, "", [frame])
        return end + 1

    def _end(self, data: bytes, at: int, limit: int) -> int | None:
        """Where the delimiter of the frame at `at` stands, if it stands before `limit`."""
        lf = data.find(b"\n", at, limit)
        nul = data.find(b"\0", at, limit if lf < 0 else lf)
        while nul >= 0:
            if self._ends_at_nul or _NUL_THEN_PRI.match(data, nul):
                self._ends_at_nul = True
                return nul
            nul = data.find(b"\0", nul + 1, limit if lf < 0 else lf)
        return lf if lf >= 0 else None

    def _drop(self, data: bytes, at: int) -> int:
        ends = [end for end in (data.find(b"\n", at), data.find(b"\0", at) if self._ends_at_nul else -1) if end >= 0]
        self._dropping = not ends
        return min(ends) + 1 if ends else len(data)


def _trimmed(frame: bytes) -> bytes:
    """Without the trailer that stands before the delimiter: one CR, and NULs on either side of it."""
    return frame.rstrip(b"\0").removesuffix(b"\r").rstrip(b"\0")
