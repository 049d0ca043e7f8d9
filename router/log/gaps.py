"""Counts records that were gone before a group had read them: the one way a log can lose what it acknowledged. Retention removed
them, or, in the embedded log, a person let readers pass what was damaged.

A log that ends before the place to read on at (a topic made anew, a partition cut by an unclean election) is read from its
beginning: that repeats, and is told.
"""

from router.telemetry import LOG_EXPIRED, bound, logger

_log = logger("log")
_child = bound(LOG_EXPIRED.labels)


def count_expired(group: str, topic: str, partition: int, records: int) -> None:
    """Nothing happens where none are missing; less than none means that reading goes on so many before."""
    if records < 0:
        _log.error(
            "the partition ended before the place to read on at; it is read from its beginning, and some of it again",
            group=group,
            topic=topic,
            partition=partition,
            records=-records,
        )
    if records <= 0:
        return
    _child(group, topic).inc(records)
    _log.error(
        "records were gone before they were read: removed by retention (raise it, or speed up the reader), or damaged",
        group=group,
        topic=topic,
        partition=partition,
        records=records,
    )
