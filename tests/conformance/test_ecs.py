"""The comparison is as strict as it says, and no source falls below what it reached."""

from pathlib import Path

import pytest

from tests.conformance import ecs, gates, oddities
from tests.conformance.compare import Tally, canonical, compare, scored

PAIRS = Path(__file__).parents[2].parent / "shared/data/ecs"
needs_pairs = pytest.mark.skipif(not PAIRS.exists(), reason=f"no sample pairs in {PAIRS}")


@pytest.fixture(scope="module")
def tallies() -> dict[str, Tally]:
    return ecs.score(PAIRS)


def test_equal_values_are_equal_in_any_spelling():
    assert canonical(["80"]) == canonical(80.0)
    assert canonical(["a", "b"]) == canonical(["b", "a"]) != canonical(["a"])
    assert canonical("2024-05-01T10:00:00.1239Z") == canonical("2024-05-01T12:00:00.123+02:00")


def test_vendor_lookup_and_shipper_fields_do_not_count():
    assert scored({"acme": {"x": 1}, "source": {"geo": {"name": "x"}, "ip": "::1"}, "tags": ["x"]}) == {"source.ip": "::1"}


def test_every_leaf_is_judged_once():
    tally = compare(
        {"event.code": "1", "user.name": "a", "host.name": "h"}, {"event.code": "1", "user.name": "b", "user.id": "7"}
    )
    assert (tally.right, tally.wrong, tally.missing, tally.extra) == (
        {"event.code": 1},
        {"user.name": 1},
        {"host.name": 1},
        {"user.id": 1},
    )
    assert tally.counts() == (1, 3, 3)


def test_what_documents_carry_by_design_counts_in_the_strict_figure_only():
    tally = compare(
        {"event.code": "1"}, {"event.code": "1", "event.dataset": "a.b", "event.module": "a", "log.syslog.priority": "13"}
    )
    assert (tally.precision, tally.strict) == (1.0, 0.25)
    assert compare({"event.module": "a"}, {"event.module": "b"}).precision == 0


def test_a_dynamic_time_may_differ_but_must_be_a_time():
    dynamic = frozenset(("@timestamp",))
    want = {"@timestamp": "2023-05-05T17:51:17.000+00:00"}
    assert compare(want, {"@timestamp": "2024-05-05T17:51:17.000+00:00"}, dynamic).recall == 1
    assert compare(want, {"@timestamp": "May  5 17:51:17"}, dynamic).recall == 0


def test_an_oddity_takes_a_wrong_field_out_of_both_counts_but_not_a_right_one():
    odd = (oddities.Oddity("a/b", "user.name", "a reason", want="root*"),)
    wrong = compare({"user.name": "root (0)", "event.code": "1"}, {"user.name": "root", "event.code": "1"}, odd=odd)
    assert (wrong.recall, wrong.precision, wrong.odd) == (1, 1, 1)
    assert compare({"user.name": "root"}, {"user.name": "root"}, odd=odd).odd == 0
    assert compare({"user.name": "eve"}, {"user.name": "mallory"}, odd=odd).recall == 0


def test_every_oddity_has_its_reason():
    assert all(len(oddity.reason) > 20 for oddity in oddities.load())


@needs_pairs
def test_oddities_are_few(tallies):
    assert {name: tally.odd_share for name, tally in tallies.items() if tally.odd_share > oddities.LIMIT} == {}


@needs_pairs
def test_every_oddity_is_met(tallies):
    assert {oddity.source for oddity in oddities.load()} <= {name for name, tally in tallies.items() if tally.odd}


@needs_pairs
def test_no_source_falls_below_its_floor(tallies):
    assert gates.below_floor(tallies) == []


@needs_pairs
def test_every_source_has_a_floor(tallies):
    assert tallies.keys() - gates.floors().keys() == set()


@needs_pairs
def test_every_pair_gives_a_document(tallies):
    assert {name for name, tally in tallies.items() if tally.failed} == set()
