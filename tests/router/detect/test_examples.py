"""Tests inside rule files: run, and refused where they are no tests."""

import pytest

from router.detect import run_tests
from router.errors import ConfigError, Malformed

RULE = """title: t
id: 6f1c2a52-0000-4000-8000-000000000002
logsource: {product: acme}
detection:
  sel: {a.b: x}
  condition: sel
tests:
"""
EVENT = "logweir.logsource.product: acme"


def run(tmp_path, tests, **settings):
    file = tmp_path / "r.yml"
    file.write_text(RULE + tests)
    return [(r.name, r.line, r.passed, r.detail) for r in run_tests([file], **settings)]


def test_a_test_that_holds_passes(tmp_path):
    tests = f"  - {{name: one, event: {{{EVENT}, a.b: X}}, match: true}}\n  - {{name: two, event: {{{EVENT}}}, match: false}}"
    assert run(tmp_path, tests) == [("t: one", 8, True, ""), ("t: two", 9, True, "")]


def test_a_test_that_does_not_hold_fails_and_says_why(tmp_path):
    [(_, _, passed, detail)] = run(tmp_path, f"  - {{event: {{{EVENT}, a: {{b: y}}}}, match: true}}")
    assert not passed
    assert "a.b eq 'x', saw 'y'" in detail


def test_an_event_of_another_log_source_is_pointed_out(tmp_path):
    [(_, _, passed, detail)] = run(tmp_path, "  - {event: {a.b: x}, match: true}")
    assert not passed
    assert "no event is of log source acme/*/*; give it what says so" in detail
    assert detail.endswith("logweir.logsource.product: acme")


def test_a_match_that_should_not_be_fails(tmp_path):
    [(_, _, passed, detail)] = run(tmp_path, f"  - {{event: {{{EVENT}, a.b: x}}, match: false}}")
    assert (passed, detail) == (False, "matches, and should not")


@pytest.mark.parametrize("event", ["a: x, a.b: x", "a.b: x, a: x", "a.b: y, a: {b: x}"])
def test_an_event_whose_fields_contradict_each_other_fails(tmp_path, event):
    [(_, _, passed, detail)] = run(tmp_path, f"  - {{event: {{{EVENT}, {event}}}, match: false}}")
    assert (passed, "conflict: '" in detail) == (False, True)


def test_dotted_and_nested_names_make_one_object(tmp_path):
    assert run(tmp_path, f"  - {{event: {{{EVENT}, a.c.d: 1, a: {{b: x, c: {{e: 2}}}}}}, match: true}}")[0][2]


def test_a_payload_goes_through_the_normalizer(tmp_path):
    def normalize(payload):
        return [{"logweir": {"logsource": {"product": "acme"}}, "a": {"b": payload.decode()}}]

    assert run(tmp_path, "  - {raw: x, match: true}", normalize=normalize)[0][2]


def test_a_payload_that_cannot_be_read_fails(tmp_path):
    def normalize(payload):
        raise Malformed("too_large")

    assert "cannot be read: too_large" in run(tmp_path, "  - {raw: x, match: true}", normalize=normalize)[0][3]


@pytest.mark.parametrize(
    "test", ["{event: {a: b}}", "{match: true}", "{event: x, match: true}", "{event: {a: b}, match: 1}", "5"]
)
def test_what_is_no_test_is_refused_with_its_place(tmp_path, test):
    with pytest.raises(ConfigError, match=r"r\.yml:8"):
        run(tmp_path, f"  - {test}")


def test_a_rule_may_refer_to_those_that_ship(tmp_path):
    file = tmp_path / "c.yml"
    file.write_text("title: c\ncorrelation: {type: event_count, rules: [nobody], timespan: 1m, condition: {gte: 2}}\n")
    with pytest.raises(ConfigError, match="no rule 'nobody'"):
        run_tests([file])
