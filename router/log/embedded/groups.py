"""Consumer groups in the file: who is alive, who holds which partition, and who must let go of what.

A member lives as long as it renews its lease. A partition is held by a claim, and only its holder's commits count, so a
member that was stopped for longer than its lease comes back to find that nothing it says is heard. Nobody takes a claim
from a living member: who has more than its share gives up the surplus by itself, after it finished with it.

Leases are in seconds of the machine's monotonic clock, which all processes share. A restart of the machine sets it back:
an expiry further ahead than any lease reaches is therefore as dead as one that has passed. A member whose process has
certainly ended (its name says which that was) is dead at once, whatever its lease says.
"""

import json
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from sqlite3 import Connection
from typing import NamedTuple

from router.batch import Mark
from router.log.embedded import owner
from router.log.embedded.store import cursors, set_cursor

Place = tuple[int, int]
"""Topic id and partition number."""


class Member(NamedTuple):
    """One follower of a group."""

    team: str
    name: str
    """Unique; what stands behind `@` is its process."""
    topics: tuple[int, ...]
    lease_seconds: float
    alone: bool = False
    """It has all partitions of its topics, or none while another member has some."""


class Standing(NamedTuple):
    """What a member finds when it looks."""

    alive: bool
    """False: the lease has ended, and others may take the claims."""
    held: frozenset[Place]
    surplus: frozenset[Place]
    """Held, and to be given up."""
    wanted: frozenset[Place]
    """Free, and this member's to claim."""


def fresh_name() -> str:
    """A name for a member that lives in this process."""
    return f"{uuid.uuid4().hex}@{owner.mine()}"


def join(connection: Connection, member: Member, now: float) -> None:
    """Become a member, or one again."""
    row = (member.name, member.team, json.dumps(member.topics), now + member.lease_seconds)
    query = (
        "INSERT INTO members(name, team, topics, expires, joined) VALUES(?,?,?,?, (SELECT ifnull(max(joined),0)+1 FROM members))"
    )
    connection.execute(f"{query} ON CONFLICT DO NOTHING", row)


def renew(connection: Connection, member: Member, now: float) -> bool:
    """Extend the lease. False: others took this member for dead, and it is one no longer."""
    query = "UPDATE members SET expires=? WHERE name=?"
    return connection.execute(query, (now + member.lease_seconds, member.name)).rowcount == 1


def leave(connection: Connection, member: Member) -> None:
    """Give up everything at once."""
    connection.execute("DELETE FROM claims WHERE member=?", (member.name,))
    connection.execute("DELETE FROM members WHERE name=?", (member.name,))


def look(connection: Connection, member: Member, now: float) -> Standing:
    """What the member holds and what it should, judged by who is alive."""
    alive = _alive(connection, member, now)
    claims = _claims(connection, member.team)
    held = frozenset(place for place, name in claims.items() if name == member.name)
    if member.name not in alive:
        return Standing(False, held, frozenset(), frozenset())
    if member.alone:
        others = any(name in alive and name != member.name for name in claims.values())
        return Standing(True, held, frozenset(), frozenset() if others else _all(connection, member) - held)
    surplus, wanted = set[Place](), set[Place]()
    for topic in member.topics:
        count = _count(connection, topic)
        team = [name for name, topics in alive.items() if topic in topics]
        quota = _share(count, len(team), (team.index(member.name) + topic) % len(team))
        mine = sorted(p for p in held if p[0] == topic)
        free = [(topic, n) for n in range(count) if claims.get((topic, n)) not in alive]
        surplus.update(mine[quota:])
        wanted.update(free[: max(0, quota - len(mine))])
    return Standing(True, held, frozenset(surplus), frozenset(wanted))


def _count(connection: Connection, topic: int) -> int:
    count: int = connection.execute("SELECT partitions FROM topics WHERE id=?", (topic,)).fetchone()[0]
    return count


def _all(connection: Connection, member: Member) -> frozenset[Place]:
    return frozenset((topic, number) for topic in member.topics for number in range(_count(connection, topic)))


def _share(partitions: int, members: int, rank: int) -> int:
    """An even split; what is left over goes to the first ranks."""
    return partitions // members + (rank < partitions % members)


def _alive(connection: Connection, member: Member, now: float) -> Mapping[str, Collection[int]]:
    """Living members in the order they joined, with the topics of each."""
    query = "SELECT name, topics FROM members WHERE team=? AND expires BETWEEN ? AND ? ORDER BY joined, name"
    rows = connection.execute(query, (member.team, now, now + 2 * member.lease_seconds))
    return {name: json.loads(topics) for name, topics in rows if not _is_gone(name)}


def _is_gone(name: str) -> bool:
    return owner.is_gone(name.partition("@")[2])


def _claims(connection: Connection, team: str) -> dict[Place, str]:
    query = "SELECT topic, partition, member FROM claims WHERE team=?"
    return {(topic, number): name for topic, number, name in connection.execute(query, (team,))}


def claim(connection: Connection, member: Member, now: float) -> Mapping[Place, Mark | None]:
    """Take what is free and due, dead members' claims included. Returns the places taken and their marks."""
    _bury(connection, member, now)
    taken = look(connection, member, now).wanted
    connection.executemany(
        "INSERT OR REPLACE INTO claims(team, topic, partition, member) VALUES(?,?,?,?)",
        [(member.team, topic, number, member.name) for topic, number in taken],
    )
    marks = {topic: cursors(connection, member.team, topic) for topic in {topic for topic, _ in taken}}
    return {(topic, number): marks[topic].get(number) for topic, number in sorted(taken)}


def _bury(connection: Connection, member: Member, now: float) -> None:
    query = "DELETE FROM members WHERE team=? AND name<>? AND expires NOT BETWEEN ? AND ?"
    connection.execute(query, (member.team, member.name, now, now + 2 * member.lease_seconds))
    names = connection.execute("SELECT name FROM members WHERE team=?", (member.team,)).fetchall()
    connection.executemany("DELETE FROM members WHERE name=?", [row for row in names if _is_gone(*row)])
    connection.execute("DELETE FROM claims WHERE team=? AND member NOT IN (SELECT name FROM members)", (member.team,))


def release(connection: Connection, member: Member, places: Iterable[Place]) -> None:
    """Give up places, held or not."""
    query = "DELETE FROM claims WHERE team=? AND topic=? AND partition=? AND member=?"
    connection.executemany(query, [(member.team, topic, number, member.name) for topic, number in places])


def commit(connection: Connection, member: Member, marks: Sequence[tuple[Place, Mark]]) -> None:
    """Make marks durable; those of places that somebody else holds, or nobody, are dropped."""
    held = {place for place, name in _claims(connection, member.team).items() if name == member.name}
    for (topic, number), mark in marks:
        if (topic, number) in held:
            set_cursor(connection, member.team, topic, number, mark)
