"""The broker that all Kafka tests lean on."""

import asyncio

import pytest

from tests.peers.kafka import Node

pytestmark = [pytest.mark.kafka, pytest.mark.peer]


def test_a_broker_serves_clients(kafka: Node) -> None:
    assert kafka.running
    kafka.wait_ready()


async def test_a_killed_broker_comes_back_on_its_port(kafka_restartable: Node) -> None:
    kafka_restartable.kill()
    assert not kafka_restartable.running
    await asyncio.to_thread(kafka_restartable.start)
    assert kafka_restartable.running
