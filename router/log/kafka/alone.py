"""Gives all partitions of a group to one member, and leaves them there until it goes.

Every member tells which one had everything when it last looked, and who names itself goes on. An id belongs to one life of a
member: who was taken for dead comes back under another one, and so claims nothing of what somebody else has by now.
"""

from collections.abc import Iterable, Mapping

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata


class Alone(AbstractPartitionAssignor):  # type: ignore[misc]  # aiokafka carries no types
    """The memory of one consumer; all members of the group must have one. Not for members with a name: theirs outlives them."""

    name = "logweir.alone"
    version = 0

    def __init__(self) -> None:
        self._holder = b""

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """What this member says when it joins."""
        return ConsumerProtocolMemberMetadata(self.version, list(topics), self._holder)

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """What became of it."""
        self._holder = assignment.user_data

    def assign(
        self, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Decide for all members, where this one is the leader."""
        keeps = [member for member, said in members.items() if said.user_data == member.encode()]
        holder = min(keeps or members)
        topics = sorted(members[holder].subscription)
        everything = [(topic, sorted(cluster.partitions_for_topic(topic) or ())) for topic in topics]
        return {
            member: ConsumerProtocolMemberAssignment(self.version, everything if member == holder else [], holder.encode())
            for member in members
        }
