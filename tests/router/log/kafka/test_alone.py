"""Who gets all partitions of a group, as its leader decides."""

from collections.abc import Mapping

from aiokafka.cluster import ClusterMetadata
from aiokafka.protocol.metadata import MetadataResponse_v0

from router.log.kafka.alone import Alone


def cluster() -> ClusterMetadata:
    one = ClusterMetadata()
    one.update_metadata(MetadataResponse_v0([(0, "localhost", 9092)], [(0, "t", [(0, n, 0, [0], [0]) for n in range(2)])]))
    return one


def decide(members: Mapping[str, Alone]) -> dict[str, list[tuple[str, list[int]]]]:
    """A rebalance: what each says, what the leader makes of it, and each is told."""
    leader = next(iter(members.values()))
    told = leader.assign(cluster(), {name: member.metadata(["t"]) for name, member in members.items()})
    for name, member in members.items():
        member.on_assignment(told[name])
    return {name: assignment.assignment for name, assignment in told.items()}


_ALL = [("t", [0, 1])]


def test_who_has_everything_keeps_it_whatever_names_come() -> None:
    first = Alone()
    assert decide({"m": first}) == {"m": _ALL}
    assert decide({"a": Alone(), "m": first, "z": Alone()}) == {"a": [], "m": _ALL, "z": []}
    assert decide({"m": first, "b": Alone()}) == {"m": _ALL, "b": []}


def test_of_two_that_begin_at_once_one_has_everything() -> None:
    one, two = Alone(), Alone()
    assert decide({"b": two, "a": one}) == {"a": _ALL, "b": []}
    assert decide({"b": two, "a": one}) == {"a": _ALL, "b": []}
    assert decide({"b": two}) == {"b": _ALL}


def test_who_was_taken_for_dead_comes_back_and_claims_nothing() -> None:
    dead, other = Alone(), Alone()
    decide({"a": dead})
    decide({"b": other})
    assert decide({"a-again": dead, "b": other}) == {"a-again": [], "b": _ALL}
