"""Correlations and matches for tests, without files."""

from typing import Any

from router.correlate import Correlator, Firing, Match
from router.detect import Correlation
from router.detect.correlation import correlation as read
from router.detect.selections import Reading
from router.documents import load_text


def correlation(
    kind: str,
    condition: str = "",
    *,
    rules: str = "[r]",
    timespan: str = "10s",
    group_by: str = "[user]",
    name: str = "c",
    more: str = "",
    own: str = "",
) -> Correlation:
    """A correlation from text, its references taken for ids. `more`: a line below `correlation`; `own`: one at the top."""
    text = f"""
title: Many
id: {name}
level: high
correlation:
  type: {kind}
  rules: {rules}
  group-by: {group_by}
  timespan: {timespan}
{f"  condition: {condition}" if condition else ""}
  {more}
{own}
"""
    reading = Reading(load_text(text, "c.yml")[0], {})
    found = read(reading)
    assert found is not None, reading.problems
    return found


def event_count(condition: str = "{gte: 3}", timespan: str = "10s", group_by: str = "[user]", name: str = "c") -> Correlation:
    """An event_count correlation over the rule `r`."""
    return correlation("event_count", condition, timespan=timespan, group_by=group_by, name=name)


def match(
    time: float,
    number: int | None = None,
    group: tuple[str, ...] = ("a",),
    *,
    rule: str = "r",
    values: tuple[tuple[str, ...], ...] = (),
) -> Match:
    """A match at a time; its id is its number, else told by its time and rule."""
    which = int(time * 1000) if number is None else number
    own = which.to_bytes(8, signed=True) + rule.encode()[:8].rjust(8)
    return Match(own, rule, time, group, b'{"source": {"ip": "192.0.2.1"}}', f"e{which}", values)


def run(correlator: Correlator, matches: list[Match], start: int = 0, name: str = "c") -> list[Firing]:
    """Feed matches one by one from an offset on."""
    return [f for i, m in enumerate(matches, start) for f in correlator.feed([(i, name, m)])]


def times(firings: list[Firing]) -> list[float]:
    """When each fired."""
    return [f.time for f in firings]


def end(time: float = 1e6, group: tuple[str, ...] = ("end",), **more: Any) -> Match:
    """A match so late that everything before it is decided."""
    return match(time, -1, group, **more)


def of(firings: list[Firing], group: tuple[str, ...] = ("a",)) -> list[float]:
    """When one group fired."""
    return [f.time for f in firings if f.group == group]
