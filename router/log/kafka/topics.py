"""Topics and group offsets, through the admin client."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, for_code

from router.batch import Mark
from router.errors import Misconfigured, Retryable
from router.log.kafka.clients import Clients
from router.log.kafka.connecting import Connecting
from router.log.kafka.failures import explain, explain_bootstrap
from router.protocols import TopicSettings

_EXISTS, _BAD_CONFIG, _UNKNOWN = 36, 40, 3
_MAX_MESSAGE_BYTES = 1_048_588
_SECONDS = 30.0
_LEADER_LOOKS = 60
_SMALLEST_SEGMENT, _LARGEST_SEGMENT = 16 << 20, 1 << 30
_NEWER = "message.timestamp.after.max.ms"  # brokers before 3.6 do not know it, and have no such limit either


class Topics:
    """One admin client, connected when it is first needed and again after any error."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._admin = Connecting(clients.admin, lambda admin: admin.close())

    async def connect(self) -> None:
        """Raises ConfigError, Misconfigured or Retryable, naming brokers and likely causes."""
        try:
            await self._admin.get()
        except KafkaConnectionError as error:
            raise await explain_bootstrap(self._clients.connection) from error

    async def _ask(self, doing: str, question: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> Any:
        """Run one exchange. An error of any kind replaces the client: it never looks for brokers again by itself."""
        try:
            async with asyncio.timeout(_SECONDS):
                await self.connect()
                return await question(await self._admin.get())
        except (KafkaError, TimeoutError, OSError) as error:
            await self._admin.drop(1)
            raise explain(doing, error) from error

    async def close(self) -> None:
        """Let go of the client."""
        await self._admin.drop(1)

    async def names(self) -> list[str]:
        """Of all topics that we may see."""
        return [str(name) for name in await self._ask("list topics", lambda admin: admin.list_topics())]

    async def count(self, topic: str) -> int | None:
        """Partitions of a topic; None when it does not exist."""
        found = await self._described([topic])
        return found.get(topic)

    async def _described(self, topics: list[str]) -> dict[str, int]:
        """Partitions of those topics that exist and whose partitions all have a leader."""
        rows = await self._ask("list topics", lambda admin: admin.describe_topics(topics))
        for row in rows:
            if row["error_code"] not in (0, _UNKNOWN, 5):
                raise explain(f"topic {row['topic']}", for_code(row["error_code"])())
        return {r["topic"]: len(r["partitions"]) for r in rows if r["error_code"] == 0 and r["partitions"]}

    async def create(self, topics: Mapping[str, TopicSettings]) -> None:
        """Create what is missing and wait until it can be used."""
        present = await self._described(list(topics))
        missing = {name: settings for name, settings in topics.items() if name not in present}
        if not missing:
            return
        brokers = len((await self._ask("describe the cluster", lambda admin: admin.describe_cluster()))["brokers"])
        refused = await self._create(missing, brokers, newer=True)
        if refused:
            await self._create({name: missing[name] for name in refused}, brokers, newer=False)
        await self._wait_for(missing)

    async def _create(self, topics: Mapping[str, TopicSettings], brokers: int, *, newer: bool) -> list[str]:
        """Returns topics that the broker refused for their settings, if that may be due to its age."""
        replication = min(self._clients.settings.replication, brokers)
        new = [NewTopic(n, t.partitions, replication, topic_configs=_configs(t, replication, newer)) for n, t in topics.items()]
        response = await self._ask("create topics", lambda admin: admin.create_topics(new))
        again = []
        for name, code, *text in response.topic_errors:
            if code == _BAD_CONFIG and newer:
                again.append(name)
            elif code not in (0, _EXISTS):
                reason = for_code(code)(*text)
                raise Misconfigured(f"{explain(f'create topic {name}', reason)}; create it by hand or correct the settings")
        return again

    async def _wait_for(self, topics: Iterable[str]) -> None:
        wanted = list(topics)
        for _ in range(_LEADER_LOOKS):
            if len(await self._described(wanted)) == len(wanted):
                return
            await asyncio.sleep(0.25)
        raise Retryable(f"kafka: topics {', '.join(wanted)} were created, but not all partitions have a leader")

    async def marks(self, group: str, places: Collection[TopicPartition]) -> dict[TopicPartition, Mark]:
        """What a group has committed of these partitions. Raises Retryable where its coordinator does not say.

        The library passes over an error that concerns the whole answer, such as that of a coordinator that is still loading.
        So every partition is asked for by name, and one that is not in the answer is not taken for one without a commit.
        """
        if not places:
            return {}
        wanted, doing = list(places), f"offsets of group {group}"
        found = await self._ask(doing, lambda admin: admin.list_consumer_group_offsets(group, partitions=wanted))
        if silent := set(wanted) - set(found):
            raise Retryable(f"kafka: {doing}: no answer about {len(silent)} of {len(wanted)} partitions")
        return {place: Mark(o.offset, o.metadata or "") for place, o in found.items() if o.offset >= 0}


def _configs(settings: TopicSettings, replication: int, newer: bool) -> dict[str, str]:
    """Retention counts whole segments, so these are kept small enough for it to bite."""
    retention_ms = int(settings.retention_seconds * 1000)
    configs = {
        "min.insync.replicas": str(max(1, replication - 1)),
        "message.timestamp.type": "CreateTime",
        "max.message.bytes": str(_MAX_MESSAGE_BYTES),
        "retention.ms": str(retention_ms),
        "segment.ms": str(min(max(retention_ms // 4, 1000), 7 * 86_400_000)),
    }
    if settings.retention_bytes >= 0:
        share = max(settings.retention_bytes // settings.partitions, 1)
        configs["retention.bytes"] = str(share)
        configs["segment.bytes"] = str(min(max(share // 4, _SMALLEST_SEGMENT), _LARGEST_SEGMENT))
    return {**configs, _NEWER: str(2**63 - 1)} if newer else configs
