"""Which records a sink wants."""

import pytest

from router.batch import Facts
from router.registry import Choice
from router.route import CHOICE, Route, Verdict
from tests.router.reduce.noise import noise

RULES = """
id: live
title: t
kind: drop
sinks: [splunk_hec]
datasets: [d]
---
id: elsewhere
title: t
kind: drop
sinks: [qradar]
datasets: [d]
---
id: shadowed
title: t
kind: drop
shadow: true
datasets: [d]
---
id: trimmed
title: t
kind: trim
fields: [message]
sinks: [splunk_hec]
datasets: [d]
"""


def route(**choice: object) -> Route:
    """The route of a sink `soc` of kind splunk_hec."""
    return Route(Choice.model_validate(choice), noise(RULES).scope("soc", "splunk_hec"))


@pytest.mark.parametrize(
    ("choice", "facts", "wanted"),
    [
        ({}, Facts(), True),
        ({"datasets": ["windows.*"]}, Facts(dataset="windows.sysmon"), True),
        ({"datasets": ["windows.*"]}, Facts(dataset="windows"), False),
        ({"datasets": ["zeek.conn"]}, Facts(dataset="zeek.conn_long"), False),
        ({"datasets": ["*"], "exclude_datasets": ["zeek.*"]}, Facts(dataset="zeek.dns"), False),
        ({"exclude_datasets": ["zeek.dns"]}, Facts(dataset="zeek.conn"), True),
        ({"kinds": ["alert", "signal"]}, Facts(kind="event"), False),
        ({"kinds": ["alert", "signal"]}, Facts(kind="alert"), True),
        ({"min_severity": "medium"}, Facts(severity=50), True),
        ({"min_severity": "medium"}, Facts(severity=30), False),
        ({"min_severity": "low"}, Facts(severity=0), False),
        ({"min_severity": "unknown"}, Facts(severity=0), True),
        ({"min_severity": "critical"}, Facts(severity=90), True),
    ],
)
def test_a_choice_is_told_by_facts(choice: dict[str, object], facts: Facts, wanted: bool) -> None:
    assert route(**choice)[facts].left_out == ("" if wanted else CHOICE)


def test_a_noise_rule_leaves_out_only_at_sinks_in_its_scope() -> None:
    assert route()[Facts(noise=("elsewhere", "live"))].left_out == "live"
    assert route()[Facts(noise=("elsewhere",))].left_out == ""


def test_a_rule_in_shadow_and_one_that_is_not_known_leave_nothing_out() -> None:
    verdict = route()[Facts(noise=("shadowed", "from-a-newer-process"))]
    assert verdict == Verdict(shadow=("shadowed",))


def test_a_trim_is_passed_on_where_the_record_is_sent() -> None:
    assert route()[Facts(trim=("trimmed", "unknown"))] == Verdict(trim=("trimmed",))
    assert route()[Facts(noise=("live",), trim=("trimmed",))] == Verdict("live")


def test_a_sink_without_noise_rules_gets_everything_whole() -> None:
    assert route(noise=False)[Facts(noise=("live", "shadowed"), trim=("trimmed",))] == Verdict()


def test_the_choice_of_a_sink_comes_before_noise() -> None:
    assert route(kinds=["alert"])[Facts(kind="event", noise=("live",))].left_out == CHOICE


@pytest.mark.parametrize(("kind", "is_alert"), [("alert", True), ("signal", True), ("event", False), ("", False)])
def test_alerts_are_told_by_their_kind(kind: str, is_alert: bool) -> None:
    assert route()[Facts(kind=kind)].is_alert is is_alert


def test_it_remembers_a_bounded_number_of_facts() -> None:
    one = route()
    for i in range(45_000):
        one[Facts(source=str(i))]
    assert len(one) <= 20_000
