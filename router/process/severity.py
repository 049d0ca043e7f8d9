"""The scale of `Facts.severity`, read from what an event says of itself."""

from router.batch import Event

BY_LEVEL = {
    **dict.fromkeys(("trace", "debug", "7"), 10),
    **dict.fromkeys(("informational", "information", "info", "verbose", "6"), 20),
    **dict.fromkeys(("notice", "low", "5"), 30),
    **dict.fromkeys(("warning", "warn", "medium", "4"), 50),
    **dict.fromkeys(("error", "err", "high", "3"), 70),
    **dict.fromkeys(("critical", "crit", "alert", "emergency", "emerg", "fatal", "severe", "2", "1", "0"), 90),
}
"""Names of levels as vendors and Sigma write them, and syslog's numbers, lower case."""


def severity(event: Event) -> int:
    """From log.level, else from the syslog severity; 0 where neither is known."""
    log = event.get("log")
    if not log:
        return 0
    level = log.get("level")
    if level is None:
        level = log.get("syslog", {}).get("severity", {}).get("code")
    known = BY_LEVEL.get(level) if level.__class__ is str else None
    return BY_LEVEL.get(str(level).lower(), 0) if known is None else known
