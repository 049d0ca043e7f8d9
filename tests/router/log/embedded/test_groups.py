"""The assignment of partitions, without files or clocks: every partition has one owner, and shares are even."""

import sqlite3
from collections import Counter

from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from router.batch import Mark
from router.log.embedded import groups, store
from router.log.embedded.groups import Member
from router.log.embedded.schema import prepare
from router.protocols import TopicSettings
from tests.contract.examples import examples

_LEASE = 10.0
_names = st.sampled_from("abcd")


class Team(RuleBasedStateMachine):
    """Members join, fall asleep past their lease, wake up, leave and look, in any order."""

    @initialize(partitions=st.integers(1, 7), topics=st.integers(1, 3))
    def make(self, partitions: int, topics: int) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        prepare(self.connection)
        store.create_topics(self.connection, {f"t{n}": TopicSettings(partitions, 1.0) for n in range(topics)})
        self.topics = tuple(range(1, topics + 1))
        self.places = {(topic, number) for topic in self.topics for number in range(partitions)}
        self.now = 100.0
        self.awake: set[str] = set()
        self.asleep: set[str] = set()

    def member(self, name: str) -> Member:
        topics = self.topics if name < "c" else tuple(reversed(self.topics))
        return Member("team", name, topics, _LEASE)

    @rule(name=_names)
    def join(self, name: str) -> None:
        if name not in self.awake | self.asleep:
            groups.join(self.connection, self.member(name), self.now)
            self.awake.add(name)

    @rule(name=_names)
    def leave(self, name: str) -> None:
        if name in self.awake:
            groups.leave(self.connection, self.member(name))
            self.awake.discard(name)

    @rule(name=_names)
    def sleep_past_the_lease(self, name: str) -> None:
        if name in self.awake:
            self.awake.discard(name)
            self.asleep.add(name)
            self.now += _LEASE + 1
            for other in self.awake:
                assert groups.renew(self.connection, self.member(other), self.now) or True

    @rule(name=_names)
    def wake_up(self, name: str) -> None:
        if name in self.asleep:
            self.asleep.discard(name)
            self.awake.add(name)
            self.look(name)

    @rule()
    def restart_the_machine(self) -> None:
        """The monotonic clock starts anew, and everybody is gone."""
        self.now = 5.0
        self.awake.clear()
        self.asleep.clear()
        self.connection.execute("UPDATE members SET expires = 1e9")

    @rule(name=_names)
    def look(self, name: str) -> None:
        if name not in self.awake:
            return
        member = self.member(name)
        standing = groups.look(self.connection, member, self.now)
        groups.release(self.connection, member, standing.surplus)
        if standing.wanted or not standing.alive:
            groups.join(self.connection, member, self.now)
            groups.renew(self.connection, member, self.now)
            groups.claim(self.connection, member, self.now)

    @rule(name=_names)
    def commit_everything(self, name: str) -> None:
        """Only what is held is heard, from the dead as from the living."""
        member, held = self.member(name), groups.look(self.connection, self.member(name), self.now).held
        if name not in self.awake:
            return
        before = {t: store.cursors(self.connection, "team", t) for t in self.topics}
        groups.commit(self.connection, member, [(place, Mark(1, name)) for place in self.places])
        for topic, number in self.places - held:
            assert store.cursors(self.connection, "team", topic).get(number) == before[topic].get(number)
        assert all(store.cursors(self.connection, "team", t)[n] == Mark(1, name) for t, n in held)

    @rule()
    def settle(self) -> None:
        """A few rounds in which everybody looks end in an even split of everything."""
        for _ in range(4):
            for name in sorted(self.awake):
                self.look(name)
        if not self.awake:
            return
        held = {name: groups.look(self.connection, self.member(name), self.now).held for name in self.awake}
        owners = Counter(place for places in held.values() for place in places)
        assert owners == Counter(self.places)
        for topic in self.topics:
            shares = [sum(t == topic for t, _ in places) for places in held.values()]
            assert max(shares) - min(shares) <= 1

    @invariant()
    def nobody_shares(self) -> None:
        if hasattr(self, "connection"):
            rows = self.connection.execute("SELECT topic, partition, count(*) FROM claims GROUP BY 1, 2").fetchall()
            assert all(count == 1 for _, _, count in rows)

    def teardown(self) -> None:
        if hasattr(self, "connection"):
            self.connection.close()


Team.TestCase.settings = profile(max_examples=examples(60), stateful_step_count=30, deadline=None)
TestTeam = Team.TestCase
