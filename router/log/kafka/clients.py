"""The one place where Kafka clients are made: every setting that keeps a promise is fixed here."""

import ssl
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.helpers import create_ssl_context

from router.config import KafkaLog
from router.errors import ConfigError, Problem
from router.log.kafka.alone import Alone

BATCH_BYTES = 983_040
"""Of one batch before compression: even incompressible ones stay below what brokers take by default (1,048,588)."""
_CLIENT = "logweir"
_METADATA_AGE_MS = 60_000


class Timing(NamedTuple):
    """How long the clients wait. Only tests have reason to differ."""

    session_ms: int = 30_000
    heartbeat_ms: int = 3_000
    rebalance_ms: int = 60_000
    request_ms: int = 15_000
    handover_seconds: float = 20.0
    """How long a rebalance waits for the reader to come to a boundary between two batches."""
    commit_seconds: float = 10.0
    stop_seconds: float = 8.0
    stall_seconds: float = 60.0
    """Without progress for this long, though there are records, a consumer is replaced."""


class Clients:
    """Makes producers, consumers and admin clients for one cluster; connects none of them."""

    def __init__(self, settings: KafkaLog, timing: Timing) -> None:
        self.settings, self.timing = settings, timing
        self._context: ssl.SSLContext | None = None

    def producer(self) -> AIOKafkaProducer:
        """Idempotent, acknowledged by all in-sync replicas. zstd: four times cheaper than lz4 in this client."""
        return AIOKafkaProducer(
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_batch_size=BATCH_BYTES,
            max_request_size=1_000_000,
            linger_ms=10,
            **self.connection,
        )

    def member(self, group: str, instance: str = "", *, alone: bool = False) -> AIOKafkaConsumer:
        """A consumer in a group: never commits by itself, starts a new group at the oldest record. `instance`: its name there.
        `alone`: it has all partitions, or none while another one has them."""
        timing = self.timing
        return AIOKafkaConsumer(
            group_id=group,
            group_instance_id=instance or None,
            session_timeout_ms=timing.session_ms,
            heartbeat_interval_ms=timing.heartbeat_ms,
            rebalance_timeout_ms=timing.rebalance_ms,
            max_poll_interval_ms=600_000,
            partition_assignment_strategy=(Alone() if alone else RangePartitionAssignor,),
            **self._reading,
        )

    def reader(self) -> AIOKafkaConsumer:
        """A consumer without a group."""
        return AIOKafkaConsumer(group_id=None, **{**self._reading, "max_partition_fetch_bytes": 262_144})

    def admin(self) -> AIOKafkaAdminClient:
        """For topics and the offsets of groups."""
        return AIOKafkaAdminClient(**self.connection)

    @property
    def _reading(self) -> dict[str, Any]:
        return {
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "fetch_max_bytes": 16 << 20,
            "max_partition_fetch_bytes": 1 << 20,
            **self.connection,
        }

    @property
    def connection(self) -> dict[str, Any]:
        """What every client needs to reach a broker; password and certificates as they are now, for they may be renewed."""
        settings = self.settings
        options: dict[str, Any] = {
            "bootstrap_servers": list(settings.bootstrap),
            "client_id": _CLIENT,
            "request_timeout_ms": self.timing.request_ms,
            "metadata_max_age_ms": _METADATA_AGE_MS,
            "security_protocol": settings.security,
        }
        if "SSL" in settings.security:
            options["ssl_context"] = self._tls()
        if settings.security.startswith("SASL"):
            password = settings.password.get_secret_value() if settings.password else ""
            options |= {"sasl_mechanism": settings.sasl_mechanism, "sasl_plain_username": settings.username}
            options["sasl_plain_password"] = password
        return options

    def _tls(self) -> ssl.SSLContext:
        settings = self.settings
        paths = {"cafile": settings.ca_file, "certfile": settings.cert_file, "keyfile": settings.key_file}
        try:
            self._context = create_ssl_context(**{k: str(p) if p else None for k, p in paths.items()})
        except (OSError, ValueError) as error:
            if self._context is not None:
                return self._context  # they are being replaced, or badly: go on with those of before
            named = ", ".join(str(p) for p in paths.values() if p)
            problem = Problem(named, 0, "log", f"certificate files cannot be used: {error}", "they must be readable PEM files")
            raise ConfigError([problem]) from error
        context: ssl.SSLContext = self._context
        return context
