"""Faults of correlations: what they refer to, counts that no number fulfils or every one, aliases."""

import pytest

from tests.router.authoring.linted import GOOD, checks

CORRELATION = """
---
title: Many
id: 7f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11
description: d
author: Ann
level: high
correlation: {type: event_count, rules: [2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11], group-by: [User], timespan: 5m, condition: {gte: 5}}
tests: [{name: t, alerts: 0, events: []}]
"""
CORRELATIONS = [
    ("refused-correlation", "type: event_count", "type: event_number"),
    ("refused-correlation", "timespan: 5m", "timespan: 5 minutes"),
    ("refused-correlation", "timespan: 5m, ", ""),
    ("refused-correlation", "condition: {gte: 5}", "condition: {above: 5}"),
    ("refused-correlation", "condition: {gte: 5}", "condition: {gte: five}"),
    ("refused-correlation", ", condition: {gte: 5}", ""),
    ("refused-correlation", "type: event_count", "type: value_count"),
    ("refused-correlation", "timespan: 5m", "timespan: 5m, generate: 1"),
    ("refused-correlation", "rules: [2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11]", "rules: []"),
    ("refused-reference", "rules: [2f9bb2a4-3c5f-4a68-9d35-8a4f5e0c9a11]", "rules: [nothing]"),
    ("missing-group-by", "group-by: [User], ", ""),
    ("months", "timespan: 5m", "timespan: 5M"),
    ("missing-level", "level: high\n", ""),
]


@pytest.mark.parametrize(("check", "old", "new"), CORRELATIONS, ids=range(len(CORRELATIONS)))
def test_faults_of_correlations(tmp_path, check, old, new):
    assert checks(tmp_path, GOOD + CORRELATION) == {}
    assert check in checks(tmp_path, GOOD + CORRELATION.replace(old, new, 1))


COUNTED = """
title: A
name: ra
logsource: {{product: acme}}
detection: {{s: {{k: a}}, condition: s}}
---
title: B
name: rb
logsource: {{product: acme}}
detection: {{s: {{k: b}}, condition: s}}
---
title: C
correlation:
  type: {kind}
  rules: [ra, rb]
  group-by: [x]
  timespan: 5m
  {more}
"""


def counted(folder, kind, more):
    return checks(folder, COUNTED.format(kind=kind, more=more))


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ("event_count", "{lt: 0}"),
        ("event_count", "{lt: 1}"),
        ("event_count", "{eq: 0}"),
        ("event_count", "{eq: 2.5}"),
        ("event_count", "{gt: 5, lt: 3}"),
        ("event_count", "{gt: 5, lt: 6}"),
        ("event_count", "{eq: 5, neq: 5}"),
        ("value_count", "{lte: 0, field: f}"),
        ("value_sum", "{gt: 5, lt: 5, field: f}"),
        ("value_avg", "{gt: 5, lte: 5, field: f}"),
        ("temporal", "{gte: 3}"),
        ("temporal_ordered", "{eq: 3}"),
        ("temporal", "ra and rb and not ra"),
    ],
)
def test_a_count_that_no_number_fulfils_is_told(tmp_path, kind, condition):
    found = counted(tmp_path, kind, f"condition: {condition}")["never-true"]
    assert (found.severity, found.line) == ("warning", 18)


@pytest.mark.parametrize(
    ("kind", "condition"),
    [
        ("event_count", "{gte: 1}"),
        ("event_count", "{lt: 2}"),
        ("event_count", "{gt: 5, lt: 7}"),
        ("event_count", "{gt: 5, lt: 700}"),
        ("event_count", "{neq: 1}"),
        ("value_sum", "{lt: 0, field: f}"),
        ("value_sum", "{gt: 5, lt: 6, field: f}"),
        ("value_avg", "{eq: 2.5, field: f}"),
        ("value_sum", "{gte: 0, field: f}"),
        ("temporal", "{gte: 2}"),
        ("temporal", "{lt: 2}"),
        ("temporal", "(ra or rb) and not (ra and rb)"),
    ],
)
def test_a_count_that_some_numbers_fulfil_is_left_alone(tmp_path, kind, condition):
    assert counted(tmp_path, kind, f"condition: {condition}").keys().isdisjoint(("never-true", "always-true"))


@pytest.mark.parametrize("condition", ["{gte: 0}", "{gt: -1}", "{neq: -2}"])
def test_a_count_that_every_number_fulfils_is_told(tmp_path, condition):
    assert counted(tmp_path, "event_count", f"condition: {condition}")["always-true"].severity == "warning"


def test_an_alias_that_leaves_a_rule_out_or_that_nothing_uses_is_told(tmp_path):
    more = "condition: {gte: 2}\n  aliases:\n    x: {ra: f}\n    y: {ra: f, rb: g}"
    found = counted(tmp_path, "event_count", more)
    assert "'x' names no field of 'rb'" in found["alias-without-rule"].text
    assert "'y'" in found["unused-alias"].text
    assert (
        counted(tmp_path, "event_count", more.replace("x: {ra: f}", "x: {ra: f, rb: h}").partition("    y:")[0])
        .keys()
        .isdisjoint(("alias-without-rule", "unused-alias"))
    )


def test_an_alias_of_a_counted_field_is_used(tmp_path):
    more = "condition: {gte: 2, field: y}\n  aliases:\n    y: {ra: f, rb: g}"
    assert "unused-alias" not in counted(tmp_path, "value_count", more)
