"""Fixtures for everybody: real peers, and the repository's root on the import path."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.peers import kafka as kafka_peer

# How long an example takes says how busy the machine is: no property is about that.
settings.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any-machine")


@pytest.fixture(scope="session", autouse=True)
def quiet_kafka_client() -> None:
    """aiokafka writes up to 10,000 lines a second while brokers are away."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@pytest.fixture(scope="session")
def kafka_jars() -> Path:
    """Apache Kafka, fetched."""
    return kafka_peer.jars()


@pytest.fixture(scope="session")
def kafka(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka_peer.Node]:
    """One broker for all tests that leave it running. Use topics, groups and prefixes of your own."""
    with kafka_peer.running_broker(kafka_jars, tmp_path_factory.mktemp("kafka")) as node:
        yield node


@pytest.fixture
def kafka_restartable(kafka_jars: Path, tmp_path: Path) -> Iterator[kafka_peer.Node]:
    """One broker that the test may stop, kill, freeze and start again (in a thread: `asyncio.to_thread(node.start)`)."""
    with kafka_peer.running_broker(kafka_jars, tmp_path / "kafka") as node:
        yield node


@pytest.fixture(scope="module")
def kafka_cluster(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka_peer.Cluster]:
    """One controller and three brokers, for tests of replication; leave all of them running."""
    with kafka_peer.running_cluster(kafka_jars, tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def kafka_secure(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka_peer.Secure]:
    """One broker that asks for certificates or passwords."""
    with kafka_peer.running_secure(kafka_jars, tmp_path_factory.mktemp("secure")) as secure:
        yield secure
