"""Lines of a stream: ended by LF, a CR before it dropped, empty ones skipped, long ones cut. Sans-io."""

from router.ingest._runs import Runs, add_run


class Lines:
    """One stream of lines. What comes out does not depend on how the stream was cut."""

    def __init__(self, max_line_bytes: int) -> None:
        self._cap = max_line_bytes
        self._parts: list[bytes] = []
        self._held = 0
        self._dropping = False  # the tail of a line whose head is out already
        self.unfinished_bytes = 0
        """Bytes since the start of the line that has not ended yet."""

    def feed(self, data: bytes) -> Runs:
        """The lines that end within `data`."""
        runs: Runs = []
        if self._dropping:
            end = data.find(b"\n") + 1
            self.unfinished_bytes += 0 if end else len(data)
            if not end:
                return runs
            self._dropping, data = False, data[end:]
        self._hold(data)
        if b"\n" in data:
            *lines, rest = b"".join(self._parts).split(b"\n")
            self._parts, self._held = [], 0
            self._hold(rest)
            self._emit(lines, b"\r" in data or b"\r" in lines[0], runs)
        self.unfinished_bytes = self._held
        self._cut(runs)
        return runs

    def flush(self) -> Runs:
        """Nothing: a line without its end is waited for."""
        return []

    def finish(self) -> Runs:
        """The last line, when it lacks its end."""
        runs: Runs = []
        if not self._dropping:
            self._emit([b"".join(self._parts)], True, runs)
        self._parts, self._held, self._dropping, self.unfinished_bytes = [], 0, False, 0
        return runs

    def _hold(self, data: bytes) -> None:
        if data:
            self._parts.append(data)
            self._held += len(data)

    def _cut(self, runs: Runs) -> None:
        """Hand out the head of a line that is too long already; one byte more may be a CR."""
        if self._held > self._cap + 1:
            add_run(runs, "truncated", [b"".join(self._parts)[: self._cap]])
            self._parts, self._held, self._dropping = [], 0, True

    def _emit(self, lines: list[bytes], may_have_cr: bool, runs: Runs) -> None:
        if may_have_cr:
            lines = [line.removesuffix(b"\r") for line in lines]
        if min(map(len, lines)) == 0:
            lines = [line for line in lines if line]
        if lines and max(map(len, lines)) <= self._cap:
            add_run(runs, "", lines)
            return
        for line in lines:
            add_run(runs, "truncated" if len(line) > self._cap else "", [line[: self._cap]])
