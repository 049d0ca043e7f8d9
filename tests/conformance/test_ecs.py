"""The comparison is as strict as it says, and no source falls below what it reached."""

from pathlib import Path

import pytest

from tests.conformance import ecs, gates, oddities, page, sources
from tests.conformance.compare import Tally, canonical, compare, scored

PAIRS = Path(__file__).parents[2].parent / "shared/data/ecs"
needs_pairs = pytest.mark.skipif(not PAIRS.exists(), reason=f"no sample pairs in {PAIRS}")


@pytest.fixture(scope="module")
def judged() -> list[tuple[str, str, Tally]]:
    return ecs.judged(PAIRS)


@pytest.fixture(scope="module")
def tallies(judged) -> dict[str, Tally]:
    return ecs.by_stream(judged)


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


def test_an_event_of_a_collector_belongs_to_the_source_that_made_it():
    assert sources.of("windows/forwarded", "<Provider Name='Microsoft-Windows-Sysmon'/>").name == "Sysmon"
    assert sources.of("windows/forwarded", "<Provider Name='PowerShell'/>").name == "PowerShell"
    assert sources.of("windows/forwarded", "<Provider Name='Microsoft-Windows-Security-Auditing'/>").name == "Windows Security"
    assert sources.of("aws/cloudtrail", "{}").name == "AWS CloudTrail"
    assert sources.of("acme/log", "").name == "acme/log"


def test_the_streams_of_a_source_are_pooled_leaf_by_leaf():
    right, wrong = compare({"event.code": "1"}, {"event.code": "1"}), compare({"event.code": "1"}, {"event.code": "2"})
    pooled = sources.pooled([("zeek/ssh", "", wrong)] + [("zeek/ssl", "", right)] * 99)
    assert {(source.name, tally.pairs, tally.recall) for source, tally in pooled.items()} == {("Zeek", 100, 0.99)}
    assert all(sources.holds(source, tally) for source, tally in pooled.items())


def test_a_source_with_too_many_oddities_does_not_hold():
    odd = (oddities.Oddity("okta/system", "user.name", "a reason"),)
    tally = compare({"event.code": "1", "user.name": "a"}, {"event.code": "1", "user.name": "b"}, odd=odd)
    assert (tally.recall, tally.precision) == (1, 1)
    assert not sources.holds(sources.of("okta/system", ""), tally)


@needs_pairs
def test_every_stream_belongs_to_a_source_that_the_specification_names(judged):
    assert {stream for stream, raw, _ in judged if sources.of(stream, raw) not in sources.SOURCES} == set()


@needs_pairs
def test_a_source_that_is_published_as_holding_still_holds(judged):
    rows = [line.split(" | ") for line in page.PAGE.read_text().splitlines() if line.endswith(" | holds |")]
    published = {row[0].removeprefix("| ") for row in rows}
    held = {source.name for source, tally in sources.pooled(judged).items() if sources.holds(source, tally)}
    assert published - {stream for stream, _, _ in judged} - held == set()
    assert published & held
