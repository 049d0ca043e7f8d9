"""Correlations over correlations: what the inner ones make, on which partition it is counted, and how often."""

from pathlib import Path

import pytest

from router.batch import MATCHES, Batch, Facts, Origin, Record, Span
from router.correlate import Correlator, decode, matches_for
from router.correlate.lane import MATCH, TICK, Lane, Output
from router.correlate.match import home
from router.correlate.plan import places
from router.detect import Ruleset
from router.errors import ConfigError
from router.telemetry import LATE

RULE = """
title: {0}
name: {0}
logsource: {{product: p, service: {0}}}
detection: {{sel: {{kind: {0}}}, condition: sel}}
"""
INNER = """
title: Burst
name: burst
{more}
correlation: {{type: event_count, rules: [failed], group-by: [source.ip], timespan: 10s, condition: {{gte: 3}}}}
"""
OUTER = """
title: Outer
name: outer
correlation:
  type: {kind}
  rules: {rules}
  group-by: {group_by}
  timespan: 1m
  generate: {generate}
  {condition}
  {more}
"""


def loaded(tmp_path: Path, *documents: str) -> Ruleset:
    path = tmp_path / "rules.yml"
    path.write_text("---".join([RULE.format("failed"), RULE.format("good"), *documents]))
    return Ruleset.load([path], builtin=False)


def outer(kind="value_count", rules="[burst]", group_by="[user]", condition="condition: {gte: 2, field: source.ip}", **more):
    return OUTER.format(kind=kind, rules=rules, group_by=group_by, condition=condition, generate="false", **{"more": "", **more})


class World:
    """Some partitions of `matches` without a log: what lanes make is appended to where it belongs."""

    def __init__(self, ruleset: Ruleset, partitions: int = 4, lateness: float = 5) -> None:
        self._ruleset, self.partitions = ruleset, partitions
        self.log: list[list[Record]] = [[] for _ in range(partitions)]
        self._done = [0] * partitions
        self.lanes = [Lane(p, Correlator(ruleset.correlations, lateness), partitions) for p in range(partitions)]
        self.signals: list[Record] = []
        self._events = 0

    def event(self, time: float, kind: str, **fields) -> None:
        self._events += 1
        event = {"kind": kind, "event": {"dataset": f"p.{kind}"}, **fields}
        for rule in self._ruleset.rules:
            if rule.name == kind:
                for key, body, number in matches_for(self._ruleset.correlations, rule, event, self._events.to_bytes(16), time):
                    self.append(home(key, self.partitions), Record(number, body, time, Facts(kind=MATCH), key))

    def append(self, partition: int, record: Record) -> None:
        self.log[partition].append(record)

    def work(self) -> None:
        """Until nothing is left to read."""
        while any(done < len(log) for done, log in zip(self._done, self.log, strict=True)):
            for p, lane in enumerate(self.lanes):
                self._take(lane.run(self.unread(p), 0.0))

    def unread(self, p: int) -> Batch[Record]:
        start, self._done[p] = self._done[p], len(self.log[p])
        return Batch(self.log[p][start:], Span(MATCHES, p, start, self._done[p]))

    def _take(self, out: Output) -> None:
        self.signals += out.signals
        for p, records in out.matches.items():
            self.log[p] += records

    def tick(self, time: float) -> None:
        for p in range(self.partitions):
            self.append(p, Record(b"t" * 16, b"{}", time, Facts(kind=TICK)))
        self.work()

    def titles(self) -> list[str]:
        return [name for r in self.signals for name in ("Burst", "Outer", "Top") if f'"name":"{name}"'.encode() in r.body]

    def burst(self, ip: str, user: str, at: float = 0) -> None:
        for second in range(3):
            self.event(at + second, "failed", source={"ip": ip}, user=user)


def test_an_outer_one_groups_by_its_own_field_of_the_match_that_raised_the_edge(tmp_path):
    world = World(loaded(tmp_path, INNER.format(more=""), outer()))
    world.burst("192.0.2.1", "bob")
    world.burst("192.0.2.2", "eve", 3)
    world.work()
    assert world.titles() == []
    world.burst("192.0.2.3", "bob", 6)
    world.work()
    assert world.titles() == ["Outer"]


def test_what_the_inner_one_makes_lies_where_the_outer_group_lives(tmp_path):
    ruleset = loaded(tmp_path, INNER.format(more=""), outer(group_by="[source.ip]"))
    world = World(ruleset, partitions=16)
    world.burst("192.0.2.1", "bob")
    world.work()
    [outer_one] = [c for c in ruleset.correlations if c.name == "outer"]
    made = [(p, r) for p, log in enumerate(world.log) for r in log if decode(r.id, r.body)[0] == outer_one.id]
    assert [(p, r.time) for p, r in made] == [(home(made[0][1].key, 16), 2.0)]
    _, match = decode(made[0][1].id, made[0][1].body)
    shown = match.event
    assert shown.pop("rule")["name"] == "failed"
    assert (match.group, match.values, shown) == (
        ("192.0.2.1",),
        (("192.0.2.1",),),
        {"source": {"ip": "192.0.2.1"}, "event": {"dataset": "p.failed"}},
    )


def test_a_field_that_the_inner_match_lacks_leaves_it_out_of_the_outer_one(tmp_path):
    ruleset = loaded(tmp_path, INNER.format(more=""), outer(group_by="[account]"))
    world = World(ruleset)
    [outer_one] = [c for c in ruleset.correlations if c.name == "outer"]
    before = LATE.labels(outer_one.id, "group_field_missing")._value.get()
    world.burst("192.0.2.1", "bob")
    world.work()
    assert LATE.labels(outer_one.id, "group_field_missing")._value.get() == before + 1


def test_an_alias_of_the_outer_one_names_a_field_of_the_inner_matches(tmp_path):
    aliased = outer("temporal", "[burst, good]", "[who]", "aliases: {who: {burst: user, good: account}}")
    world = World(loaded(tmp_path, INNER.format(more=""), aliased))
    world.burst("192.0.2.1", "bob")
    world.event(5, "good", account="bob")
    world.work()
    assert world.titles() == ["Outer"]


@pytest.mark.parametrize(("generate", "expected"), [("false", ["Outer"]), ("true", ["Burst", "Outer"])])
def test_an_inner_one_is_silent_unless_the_outer_one_generates(tmp_path, generate, expected):
    text = outer("event_count", condition="condition: {gte: 1}").replace("generate: false", f"generate: {generate}")
    world = World(loaded(tmp_path, INNER.format(more=""), text))
    world.burst("192.0.2.1", "bob")
    world.work()
    assert sorted(world.titles()) == expected


def test_a_firing_that_is_repeated_counts_once(tmp_path):
    """As after a crash between the append of what an inner one made and the commit."""
    world = World(loaded(tmp_path, INNER.format(more=""), outer("event_count", condition="condition: {gte: 2}")))
    world.burst("192.0.2.1", "bob")
    world.work()
    copies = [(p, r) for p, log in enumerate(world.log) for r in log if r.time == 2.0]
    for p, record in copies:
        world.append(p, record)
    world.work()
    assert world.titles() == []


def test_a_chain_of_three_counts_from_level_to_level(tmp_path):
    middle = outer(group_by="[user]")
    top = (
        outer("event_count", "[outer]", "[]", "condition: {gte: 2}")
        .replace("title: Outer", "title: Top")
        .replace("name: outer", "name: top")
    )
    ruleset = loaded(tmp_path, INNER.format(more=""), middle, top)
    assert sorted(place.level for place in places(ruleset.correlations, 5).values()) == [0, 1, 2]
    world = World(ruleset)
    for user, at in (("bob", 0), ("eve", 5)):
        for n in (1, 2):
            world.burst(f"192.0.2.{n}{at}", user, at + n)
    world.work()
    assert world.titles() == ["Top"]


def test_an_outer_one_that_waits_is_decided_after_its_inner_ones_although_their_partition_is_ahead(tmp_path):
    ordered = outer("temporal_ordered", "[burst, good]", "[source.ip]", "")
    world = World(loaded(tmp_path, INNER.format(more=""), ordered))
    world.burst("192.0.2.1", "bob")
    world.event(10, "good", source={"ip": "192.0.2.1"})
    for n in range(50):
        world.event(100 + n, "good", source={"ip": f"198.51.100.{n}"})
    world.work()
    assert world.titles() == []
    for _ in range(3):
        world.tick(200)
    assert world.titles() == ["Outer"]


def test_inner_and_outer_ones_that_both_wait_are_decided_by_ticks_alone(tmp_path):
    inner = INNER.format(more="").replace("{gte: 3}", "{gte: 3, lte: 5}")
    ordered = outer("temporal_ordered", "[burst, good]", "[source.ip]", "")
    world = World(loaded(tmp_path, inner, ordered))
    world.burst("192.0.2.1", "bob")
    world.event(10, "good", source={"ip": "192.0.2.1"})
    world.work()
    for _ in range(4):
        world.tick(60)
    assert world.titles() == ["Outer"]


def test_a_circle_and_a_chain_that_is_too_long_are_refused_at_load(tmp_path):
    def link(name, below):
        text = outer("event_count", f"[{below}]", "[]", "condition: {gte: 1}")
        return text.replace("title: Outer", f"title: {name}").replace("name: outer", f"name: {name}")

    loaded(tmp_path, link("c0", "failed"), *(link(f"c{i}", f"c{i - 1}") for i in range(1, 10)))
    with pytest.raises(ConfigError, match="chain of more than 10"):
        loaded(tmp_path, link("c0", "failed"), *(link(f"c{i}", f"c{i - 1}") for i in range(1, 11)))
    with pytest.raises(ConfigError, match="refers to itself"):
        loaded(tmp_path, link("x", "y"), link("y", "x"))


def test_many_correlations_over_many_load_in_no_time(tmp_path):
    """Every one of a level refers to all of the level below: as many ways through them as 10 to the power of 9."""
    documents, below = [], ["failed"]
    for level in range(9):
        names = [f"l{level}n{n}" for n in range(10)]
        for name in names:
            text = outer("event_count", f"[{', '.join(below)}]", "[]", "condition: {gte: 1}")
            documents.append(text.replace("title: Outer", f"title: {name}").replace("name: outer", f"name: {name}"))
        below = names
    assert len(loaded(tmp_path, *documents).correlations) == 90


def test_a_restart_of_every_lane_in_the_middle_raises_nothing_twice_and_loses_nothing(tmp_path):
    ruleset = loaded(tmp_path, INNER.format(more=""), outer())
    whole, first = World(ruleset), World(ruleset)
    for world in (whole, first):
        world.burst("192.0.2.1", "bob")
        world.work()
    for p, lane in enumerate(first.lanes):
        stop = len(first.log[p])
        mark = lane.correlator.checkpoint(stop)
        again = Correlator(ruleset.correlations, 5, resume=mark, committed=stop)
        first.lanes[p] = Lane(p, again, 4, committed=stop, written=Origin(p, stop - 1))
        first._done[p] = mark.needed_from
    for world in (whole, first):
        world.burst("192.0.2.2", "bob", 5)
        world.work()
    assert [r.id for r in first.signals] == [r.id for r in whole.signals]
    assert len(whole.signals) == 1
