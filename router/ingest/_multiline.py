"""Events of several lines: a stack trace, an XML document. Joined at the edge, before anything else sees them. Sans-io."""

from collections.abc import Callable
from typing import Self

import re2
from pydantic import Field, field_validator, model_validator

from router.ingest._runs import Runs, add_run
from router.registry import Settings

Begins = Callable[[bytes], bool]
"""Is this the first line of an event?"""
_MAX_PATTERN = 1_000


class Multiline(Settings):
    """How lines become events. No line is ever left out: what belongs to nothing is an event of its own."""

    first: str = ""
    r"""Pattern (RE2) of an event's first line, such as `^\d{4}-\d\d-\d\d`; all lines up to the next one belong to it."""
    continuation: str = ""
    r"""Instead: pattern of lines that belong to the one before, such as `^\s|^Caused by:`."""
    timeout_seconds: float = Field(2.0, gt=0, le=3_600)
    """An event whose file has been quiet for so long is handed over without waiting for the next first line."""
    max_lines: int = Field(500, ge=2, le=100_000)
    """More lines begin another event; so does what would be longer than `max_line_bytes`."""

    @field_validator("first", "continuation")
    @classmethod
    def _is_a_pattern(cls, value: str) -> str:
        if len(value) > _MAX_PATTERN:
            raise ValueError(f"is longer than {_MAX_PATTERN} characters; name only how the line begins")
        try:
            _compiled(value)
        except re2.error as error:
            raise ValueError(f"{value!r} is no RE2 pattern: {error}; mend it") from error
        return value

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if bool(self.first) == bool(self.continuation):
            raise ValueError("multiline needs either `first` or `continuation`; write one of them")
        return self

    @property
    def begins(self) -> Begins:
        """The test for first lines."""
        if self.first:
            first = _compiled(self.first)
            return lambda line: first.search(line) is not None
        more = _compiled(self.continuation)
        return lambda line: more.search(line) is None


def _compiled(pattern: str) -> re2._Regexp:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    return re2.compile(pattern.encode("utf-8"), options)


class Joined:
    """Lines of a stream, joined to events with LF between them. What comes out does not depend on how the stream was cut."""

    def __init__(self, begins: Begins, max_lines: int, max_event_bytes: int) -> None:
        self._begins, self._most, self._cap = begins, max_lines, max_event_bytes
        self._held: list[bytes] = []
        self._size = 0
        self._partial: list[bytes] = []
        self._partial_bytes = 0
        self._dropping = 0  # bytes so far of a line whose head is out already

    @property
    def unfinished_bytes(self) -> int:
        """Bytes since the start of the event that has not ended yet."""
        return self._dropping or self._size + self._partial_bytes

    def feed(self, data: bytes) -> Runs:
        """The events that are known to have ended."""
        runs: Runs = []
        if self._dropping:
            end = data.find(b"\n") + 1
            self._dropping = 0 if end else self._dropping + len(data)
            if not end:
                return runs
            data = data[end:]
        if b"\n" in data:
            *lines, data = b"".join((*self._partial, data)).split(b"\n")
            self._partial, self._partial_bytes = [], 0
            for line in lines:
                self._add(line, runs)
        if data:
            self._partial.append(data)
            self._partial_bytes += len(data)
        if self._partial_bytes > self._cap + 1:
            self._cut(runs)
        return runs

    def flush(self) -> Runs:
        """The event in hand, though nobody knows yet whether it has ended; a line without its end is kept."""
        runs: Runs = []
        self._emit(runs)
        return runs

    def finish(self) -> Runs:
        """All that is left, when no more will come."""
        runs: Runs = []
        if self._partial:
            self._add(b"".join(self._partial), runs)
        self._partial, self._partial_bytes, self._dropping = [], 0, 0
        self._emit(runs)
        return runs

    def _add(self, line: bytes, runs: Runs) -> None:
        size = len(line) + 1
        if self._held and (len(self._held) >= self._most or self._size + size > self._cap + 1 or self._begins(line)):
            self._emit(runs)
        self._held.append(line)
        self._size += size

    def _emit(self, runs: Runs) -> None:
        """Blank lines around an event are no part of it."""
        held, self._held, self._size = self._held, [], 0
        event = b"\n".join([line.removesuffix(b"\r") for line in held]).strip(b"\n")
        if event:
            add_run(runs, "truncated" if len(event) > self._cap else "", [event[: self._cap]])

    def _cut(self, runs: Runs) -> None:
        """Hand out the head of a line that is too long already."""
        self._emit(runs)
        add_run(runs, "truncated", [b"".join(self._partial)[: self._cap]])
        self._dropping = self._partial_bytes
        self._partial, self._partial_bytes = [], 0
