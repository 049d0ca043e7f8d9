"""event.start and event.end that follow from a duration."""

from typing import Any

from router.normalize.derive import derivations


def derived(name: str, document: dict[str, Any]) -> dict[str, Any]:
    derivations([name], [])[name](document)
    return document["event"]


def test_what_was_reported_at_its_end_started_a_duration_before() -> None:
    event = derived("event.start", {"@timestamp": "2026-03-01T10:00:00Z", "event": {"duration": 1_500_000_000}})
    assert (event["start"], event["end"]) == ("2026-03-01T09:59:58.5Z", "2026-03-01T10:00:00Z")


def test_a_known_start_stays() -> None:
    event = derived("event.start", {"@timestamp": "2026-03-01T10:00:00Z", "event": {"duration": 5, "start": "x"}})
    assert event == {"duration": 5, "start": "x"}


def test_an_end_is_start_plus_duration() -> None:
    event = derived("event.end", {"event": {"start": "2026-03-01T10:00:00Z", "duration": 60_000_000_000}})
    assert event["end"] == "2026-03-01T10:01:00Z"


def test_without_a_duration_nothing_follows() -> None:
    assert derived("event.end", {"event": {"start": "2026-03-01T10:00:00Z"}}) == {"start": "2026-03-01T10:00:00Z"}


def test_a_start_before_the_calendar_is_not_written_wrong() -> None:
    event = derived("event.start", {"@timestamp": "0001-01-01T00:00:01Z", "event": {"duration": 10_000_000_000}})
    assert event["start"] == "0001-01-01T00:00:01Z"
