"""Tests inside correlation files: run as the stream would, and refused where they are no tests."""

import pytest

from router.correlate.examples import run_tests
from router.errors import ConfigError

RULES = """title: r
name: r
id: 6f1c2a52-0000-4000-8000-000000000011
logsource: {product: logweir}
detection: {sel: ['wanted'], condition: sel}
---
title: c
id: 6f1c2a52-0000-4000-8000-000000000012
correlation: {type: event_count, rules: [r], group-by: [u], timespan: 10s, condition: {gte: 3}}
tests:
"""


def run(tmp_path, tests, **settings):
    file = tmp_path / "c.yml"
    file.write_text(RULES + f"  - {tests}\n")
    [result] = run_tests([file], **settings)
    return result.passed, result.detail


def test_keywords_search_the_payload_as_it_came(tmp_path):
    def normalize(payload):
        return [{"u": "x"}]

    assert run(tmp_path, "{alerts: 1, events: [{raw: is wanted, repeat: 3}]}", normalize=normalize) == (True, "")


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("{u: x, a: wanted}", "expected 1 alerts, got 0; its rules matched 2 times in 2 events"),
        ("{u: x, a: other}", "expected 1 alerts, got 0; its rules matched 0 times in 2 events"),
        ("{a: wanted}", "its rules matched 2 times in 2 events, 2 of these without a field to group by"),
    ],
)
def test_a_test_that_does_not_hold_says_what_counted(tmp_path, event, told):
    passed, detail = run(tmp_path, f"{{alerts: 1, events: [{{event: {event}, repeat: 2}}]}}")
    assert not passed
    assert told in detail


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("x", "an item of `events` needs an `event` or a `raw` payload"),
        ("{repeat: 3}", "an item of `events` needs an `event` or a `raw` payload"),
        ("{event: x}", "an item of `events` needs an `event` or a `raw` payload"),
        ("{raw: x, repeat: many}", "`repeat` is 'many'; write a whole number from 1 to 100000"),
        ("{raw: x, repeat: 100000000}", "`repeat` is 100000000"),
        ("{raw: x, repeat: true}", "`repeat` is True"),
        ("{raw: x, every: 2s}", "`every` is '2s'; write a number of seconds"),
        ("{raw: x, every: .nan}", "`every` is nan"),
    ],
)
def test_what_is_no_event_is_refused_with_its_place(tmp_path, item, reason):
    with pytest.raises(ConfigError) as refused:
        run(tmp_path, f"{{alerts: 1, events: [{item}]}}")
    assert f"c.yml:11: tests: {reason}" in str(refused.value)
