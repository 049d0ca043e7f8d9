"""Faults that other engines had, each by name, asked of the engine that the product uses."""

import base64

import pytest

from router.correlate import Correlator
from tests.router.correlate.correlations import event_count, match, of, run
from tests.router.detect.rules import ruleset, titled


def fires(selection: str, event: dict) -> bool:
    rules = ruleset(titled("t", "{product: acme}", selection, "taxonomy: ecs"))
    return bool(rules.match({**event, "logweir": {"logsource": {"product": "acme"}}}))


def test_keywords_that_must_all_be_there_are_not_compared_with_whole_values():
    assert fires("{'|all': [failed, root]}", {"message": "login failed for root"})
    assert not fires("{'|all': [failed, root]}", {"message": "login failed"})


@pytest.mark.parametrize(("modifier", "value"), [("startswith", "abxc and more"), ("endswith", "more and abxc")])
def test_the_side_of_a_value_with_a_wildcard_is_not_changed_over(modifier, value):
    assert fires(f"{{f|{modifier}: 'ab?c'}}", {"f": value})
    assert not fires(f"{{f|{modifier}: 'ab?c'}}", {"f": " ".join(reversed(value.split()))})


def test_a_slash_in_a_windash_value_stands_for_a_dash():
    assert fires("{f|windash|contains: ' /all'}", {"f": "whoami -all"})


@pytest.mark.parametrize("before", [b"", b"x", b"xx"])
@pytest.mark.parametrize("behind", [b"", b"\x00", b"\xff", b"yz"])
def test_base64_at_an_offset_holds_no_character_that_its_neighbours_decide(before, behind):
    assert fires("{f|base64offset|contains: 'http://'}", {"f": base64.b64encode(before + b"http://" + behind).decode()})


def test_a_number_as_a_keyword_is_found_inside_a_text():
    assert fires("[4625]", {"message": "event 4625 of today"})


def test_a_star_does_not_stop_at_the_end_of_a_line():
    assert fires("{f: 'a*b'}", {"f": "a\r\nx\nb"})
    assert fires("['a*b']", {"message": "a\nb"})


def test_a_field_that_is_null_exists():
    assert fires("{f|exists: true}", {"f": None})
    assert not fires("{f|exists: false}", {"f": None})


@pytest.mark.parametrize("value", [2**53 + 1, str(2**53 + 1)])
def test_integers_above_2_to_the_53_are_exact(value):
    assert fires(f"{{f: {2**53 + 1}}}", {"f": value})
    assert not fires(f"{{f: {2**53}}}", {"f": value})
    assert fires(f"{{f|gt: {2**53}}}", {"f": value})


def test_a_correlation_does_not_fire_on_every_event_of_a_plateau():
    assert of(run(Correlator([event_count("{gte: 3}")], 5), [match(t) for t in range(9)])) == [2]


def test_an_event_exactly_as_old_as_the_window_is_out():
    assert of(run(Correlator([event_count("{gte: 2}")], 5), [match(0), match(10)])) == []


def test_what_routes_an_event_is_no_field_of_it():
    rules = ruleset(titled("t", "{product: acme}", "[acme]", "taxonomy: ecs"))
    assert not rules.match({"logweir": {"logsource": {"product": "acme"}}, "message": "x"})


def test_an_expand_without_a_value_refuses_the_rule():
    with pytest.raises(AssertionError, match="has no value"):
        ruleset(titled("t", "{product: acme}", "{f|expand: '%nobody%'}"))
