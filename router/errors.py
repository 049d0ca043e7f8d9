"""The error tree, grouped by what the caller does next.

LogweirError
├── ConfigError      stop before start, exit 2: every problem at once
├── Malformed        dead-letter the event, keep the batch
├── Retryable        wait, send the same again
│   └── Overloaded   refuse now in the protocol's own way; the sender waits
├── Misconfigured    pause and alarm; never dead-letter (credentials, missing index, TLS)
├── TooLarge         split the batch; a lone record is rejected
└── Rejected         dead-letter with the sink's reason
"""

from collections.abc import Iterable
from dataclasses import dataclass


class LogweirError(Exception):
    """Root of everything that Logweir raises on purpose."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong in a file that a person wrote, and what to do about it. Line 0: of all of the file."""

    file: str
    line: int
    path: str
    text: str
    remedy: str = ""
    column: int = 0

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        path = f" {self.path}:" if self.path else ""
        return f"{place}:{path} {self.text}" + (f"; {self.remedy}" if self.remedy else "")


class ConfigError(LogweirError):
    """Files that a person wrote are wrong. Carries every problem found, not the first one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Malformed(LogweirError):
    """One event cannot be read. `reason` is a short constant word for the counter; the message may say more."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        super().__init__(f"{reason}: {detail}" if detail else reason)


class Retryable(LogweirError):
    """Nothing is known to have arrived; the same may be sent again after a wait."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)


class Overloaded(Retryable):
    """The process holds as much as it may; the sender has to wait."""


class Misconfigured(LogweirError):
    """The far end refuses us for a reason that only a person can remove; the data waits in the log."""


class TooLarge(LogweirError):
    """The far end refuses a request for its size alone."""


class Rejected(LogweirError):
    """The far end refuses these events for what they are; sending them again is useless.

    `place`: of an append, the index of the record that was refused, where all before it are durable; else None.
    """

    def __init__(self, message: str, place: int | None = None) -> None:
        self.place = place
        super().__init__(message)
