"""Moments as people write them."""

import re
from datetime import UTC, datetime

from router.errors import ConfigError, Problem

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def moment(text: str, option: str, now: float) -> float:
    """Seconds since the epoch of `2h` (ago) or `2026-11-24T10:00` (UTC unless it names a zone). Raises ConfigError."""
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return now - float(ago[1]) * _SECONDS[ago[2]]
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        remedy = "write 90s, 15m, 2h or 7d (ago), or 2026-11-24T10:00Z"
        raise ConfigError([Problem(option, 1, "", f"{text!r} is no moment", remedy)]) from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def span(since: str, until: str, now: float) -> tuple[float, float]:
    """Both ends of `--since` and `--until`, infinite where they are empty. Raises ConfigError, also for a span of nothing."""
    begin = moment(since, "--since", now) if since else float("-inf")
    end = moment(until, "--until", now) if until else float("inf")
    if begin >= end:
        text = f"{since!r} is not before {until!r}, so there is nothing between them"
        raise ConfigError([Problem("--since", 1, "", text, "exchange --since and --until")])
    return begin, end
