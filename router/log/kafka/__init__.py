"""The durable log on Apache Kafka 3.x or 4.x, through aiokafka."""

from router.log.kafka.log import BrokerLog

__all__ = ["BrokerLog"]
