"""SIGHUPs that arrive while nobody can carry them out yet: they are kept, for a reload that was asked for must happen."""

import signal

_seen: list[int] = []


def remember() -> None:
    """From now on SIGHUP does not end the process. Imports nothing, so that it can be the first thing a process does."""
    signal.signal(signal.SIGHUP, lambda number, _: _seen.append(number))


def remembered() -> bool:
    """Whether one came since it was asked last."""
    came = bool(_seen)
    _seen.clear()
    return came
