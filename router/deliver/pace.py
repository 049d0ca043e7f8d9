"""The times and sizes of a delivery, in one place; the defaults are the delivery design's."""

from typing import NamedTuple


class Pace(NamedTuple):
    """Seconds, records and bytes; tests make the seconds small."""

    batch_seconds: float = 1.0
    """How long a record may wait for company before it is sent."""
    alert_seconds: float = 0.05
    """The same for alerts."""
    commit_seconds: float = 0.5
    commit_records: int = 1
    commit_pause_seconds: float = 0.1
    """A commit comes after this many settled records, or after `commit_seconds`, but never sooner than the pause. What is settled
    and not committed is what a crash repeats at sinks that do not tell repeats; under load the pause alone decides."""
    window_records: int = 10_000
    window_bytes: int = 16 << 20
    """What one partition may hold unsettled before it is paused."""
    sink_records: int = 200_000
    sink_bytes: int = 256 << 20
    """The same for all partitions of a sink together. Each has its part of it, for a sink that hangs fills them all."""
    read_records: int = 2_000
    read_seconds: float = 0.25
    """How long a read waits; a stop is seen within it."""
    log_seconds: float = 1.0
    """The pause after the log did not answer."""
    retry_first_seconds: float = 0.5
    retry_last_seconds: float = 60.0
    """Full jitter: a retry waits between 0 and a bound that doubles from the first to the last."""
    retry_after_most_seconds: float = 300.0
    """A Retry-After beyond this is taken for this."""
    probe_first_seconds: float = 1.0
    probe_last_seconds: float = 60.0
    revoke_seconds: float = 8.0
    drain_seconds: float = 8.0
    """How long writes in flight may take to end when partitions go, and when the process stops."""
    lag_seconds: float = 5.0
    """How often lag is looked up."""
