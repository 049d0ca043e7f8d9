"""Counts records that retention removed before a group had read them: the one way a log can lose what it acknowledged."""

from router.telemetry import LOG_EXPIRED, bound, logger

_log = logger("log")
_child = bound(LOG_EXPIRED.labels)


def count_expired(group: str, topic: str, partition: int, records: int) -> None:
    """Nothing happens where none are missing."""
    if records <= 0:
        return
    _child(group, topic).inc(records)
    _log.error(
        "retention removed records that were not read yet; raise it or speed up the reader",
        group=group,
        topic=topic,
        partition=partition,
        records=records,
    )
