"""Correlations and matches for tests, without files."""

from router.correlate import Correlator, Firing, Match
from router.detect import Correlation
from router.detect.correlation import correlation
from router.detect.selections import Reading
from router.documents import load_text


def event_count(condition: str = "{gte: 3}", timespan: str = "10s", group_by: str = "[user]", name: str = "c") -> Correlation:
    """An event_count correlation over the rule `r`."""
    text = f"""
title: Many
id: {name}
level: high
correlation:
  type: event_count
  rules: [r]
  group-by: {group_by}
  timespan: {timespan}
  condition: {condition}
"""
    reading = Reading(load_text(text, "c.yml")[0], {})
    found = correlation(reading)
    assert found is not None, reading.problems
    return found


def match(time: float, number: int | None = None, group: tuple[str, ...] = ("a",)) -> Match:
    """A match at a time; its id is its number, else told by its time."""
    which = int(time * 1000) if number is None else number
    return Match(which.to_bytes(16, signed=True), "r", time, group, {"source": {"ip": "192.0.2.1"}}, f"e{which}")


def run(correlator: Correlator, matches: list[Match], start: int = 0, name: str = "c") -> list[Firing]:
    """Feed matches one by one from an offset on."""
    return [f for i, m in enumerate(matches, start) for f in correlator.feed([(i, name, m)])]


def times(firings: list[Firing]) -> list[float]:
    """When each fired."""
    return [f.time for f in firings]
