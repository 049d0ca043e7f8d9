"""The durable log: one promise, kept by a SQLite file (`embedded`) or by Apache Kafka (`kafka`)."""

from collections.abc import Mapping

from router.batch import EVENTS, MATCHES, RAW, SIGNALS
from router.config import EmbeddedLog, KafkaLog
from router.protocols import Log, TopicSettings

_SMALL_TOPIC_PARTITIONS = 4


def open_log(settings: EmbeddedLog | KafkaLog) -> Log:
    """The log of a configuration, not yet started."""
    if isinstance(settings, EmbeddedLog):
        from router.log.embedded import SqliteLog

        return SqliteLog(settings)
    from router.log.kafka import BrokerLog  # aiokafka is imported only where it is used

    return BrokerLog(settings)


def standard_topics(settings: EmbeddedLog | KafkaLog) -> Mapping[str, TopicSettings]:
    """How the topics of every deployment are created. `events` has the partitions of `raw`, `signals` those of `matches`."""
    wide = TopicSettings(settings.partitions, settings.retention_hours * 3600, settings.retention_bytes)
    small = wide._replace(partitions=min(settings.partitions, _SMALL_TOPIC_PARTITIONS))
    return {RAW: wide, EVENTS: wide, MATCHES: small, SIGNALS: small}
