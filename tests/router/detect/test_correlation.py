"""Correlation documents: all eight types are read; mistakes are refused with their place."""

from decimal import Decimal

import pytest

from router.detect.correlation import Correlation, correlation
from router.detect.selections import Reading
from router.documents import load_text


def read(body: str) -> tuple[Correlation | None, list[str]]:
    text = f"title: c\ncorrelation:\n  rules: [r1, r2]\n  timespan: 5m\n{body}"
    reading = Reading(load_text(text, "c.yml")[0], {})
    return correlation(reading), [str(p) for p in reading.problems]


@pytest.mark.parametrize(
    "body",
    [
        "  type: event_count\n  condition: {gte: 5}",
        "  type: event_count\n  condition: {gt: 5, lte: 9}",
        "  type: value_count\n  condition: {gte: 5, field: user}",
        "  type: value_count\n  condition: {gte: 5, field: [user, host]}",
        "  type: temporal",
        "  type: temporal\n  condition: {gte: 1}",
        "  type: temporal\n  condition: r1 and not r2",
        "  type: temporal_ordered",
        "  type: value_sum\n  condition: {gt: 1.5, field: bytes}",
        "  type: value_avg\n  condition: {lt: 3, field: bytes}",
        "  type: value_percentile\n  condition: {gt: 3, field: bytes, percentile: 95}",
        "  type: value_median\n  condition: {eq: 3, field: bytes}",
    ],
)
def test_every_type_is_read(body):
    found, problems = read(body)
    assert problems == []
    assert found is not None
    assert found.rules == ("r1", "r2")


@pytest.mark.parametrize(
    ("span", "seconds"), [("10s", 10), ("5m", 300), ("2h", 7200), ("1d", 86400), ("1w", 604800), ("1M", 2629746)]
)
def test_timespans(span, seconds):
    found, _ = read(f"  type: event_count\n  condition: {{gte: 1}}\n  generate: true\n  group-by: [{span}]")
    assert found is not None
    text = f"title: c\ncorrelation: {{rules: [r], type: event_count, condition: {{gte: 1}}, timespan: {span}}}"
    again = correlation(Reading(load_text(text, "c.yml")[0], {}))
    assert again is not None
    assert again.timespan_seconds == seconds


def test_aliases_group_and_generate_are_read():
    found, _ = read(
        "  type: event_count\n  condition: {gte: 1}\n  generate: true\n  group-by: [who, host]\n"
        "  aliases: {who: {r1: user, r2: account}}"
    )
    assert found is not None
    assert (found.group_by, found.aliases, found.generate) == (
        ("who", "host"),
        {"who": {"r1": "user", "r2": "account"}},
        True,
    )


def test_a_range_holds_when_both_ends_hold():
    found, _ = read("  type: event_count\n  condition: {gt: 5, lte: 9}")
    assert found is not None
    assert [n for n in range(12) if found.holds(n)] == [6, 7, 8, 9]
    assert found.condition == (("gt", Decimal(5)), ("lte", Decimal(9)))


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("  type: event_cuont\n  condition: {gte: 5}", "did you mean 'event_count'"),
        ("  type: event_count", "needs a condition"),
        ("  type: event_count\n  condition: {}", "compares with nothing"),
        ("  type: event_count\n  condition: {gte: '5'}", "no number"),
        ("  type: event_count\n  condition: {gte: true}", "no number"),
        ("  type: event_count\n  condition: {gte: 5, field: x}", "has no `field`"),
        ("  type: event_count\n  condition: {gte: 5, foo: x}", "unknown key 'foo'"),
        ("  type: event_count\n  condition: {gte: 5}\n  foo: 1", "unknown key 'foo'"),
        ("  type: event_count\n  condition: {gte: 5}\n  generate: 1", "true or false"),
        ("  type: event_count\n  condition: {gte: 5}\n  aliases: [a]", "aliases map"),
        ("  type: event_count\n  condition: {gte: 5}\n  group-by: [{a: b}]", "list of names"),
        ("  type: value_count\n  condition: {gte: 5}", "needs `field`"),
        ("  type: value_sum\n  condition: {gte: 5, field: [a, b]}", "only value_count"),
        ("  type: value_percentile\n  condition: {gte: 5, field: a}", "needs `percentile`"),
        ("  type: value_percentile\n  condition: {gte: 5, field: a, percentile: 101}", "needs `percentile`"),
        ("  type: temporal\n  condition: r1 and", "ends where a selection should stand"),
    ],
)
def test_a_mistake_is_refused(body, reason):
    found, problems = read(body)
    assert found is None
    assert reason in "\n".join(problems)


@pytest.mark.parametrize("span", ["5", "0m", "5 m", "m", "-1m", "5x"])
def test_a_bad_timespan_is_refused(span):
    text = f"title: c\ncorrelation: {{rules: [r], type: event_count, condition: {{gte: 1}}, timespan: {span!r}}}"
    reading = Reading(load_text(text, "c.yml")[0], {})
    assert correlation(reading) is None
    assert "bad timespan" in str(reading.problems[0])


def test_suppress_is_a_key_of_ours():
    text = "title: c\ncorrelation: {rules: [r], type: event_count, condition: {gte: 1}, timespan: 5m}\nlogweir: {suppress: 1h}"
    found = correlation(Reading(load_text(text, "c.yml")[0], {}))
    assert found is not None
    assert found.suppress_seconds == 3600


@pytest.mark.parametrize(
    ("ours", "reason"), [("{supress: 1h}", "unknown key 'supress'"), ("{suppress: 1}", "bad suppress"), ("[1h]", "a mapping")]
)
def test_a_mistake_in_our_own_key_is_refused(ours, reason):
    text = f"title: c\ncorrelation: {{rules: [r], type: event_count, condition: {{gte: 1}}, timespan: 5m}}\nlogweir: {ours}"
    reading = Reading(load_text(text, "c.yml")[0], {})
    assert correlation(reading) is None
    assert reason in str(reading.problems[0])


def test_the_version_tells_what_counts_and_not_what_is_said_about_it():
    one, other, longer = (
        read(f"  type: event_count\n  condition: {{gte: {least}}}\n{more}")[0]
        for least, more in ((5, ""), (5, "description: x"), (6, ""))
    )
    assert one is not None
    assert other is not None
    assert longer is not None
    assert one.version() == other.version() != longer.version()
