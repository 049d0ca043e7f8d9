"""The Kafka log keeps the contract on a real broker."""

import os

import pytest

from router.config import KafkaLog
from tests.contract.log import LogContract
from tests.peers.kafka import Node

pytestmark = [pytest.mark.kafka, pytest.mark.peer]


class TestBrokerLog(LogContract):
    @pytest.fixture
    def settings(self, kafka: Node) -> KafkaLog:
        return KafkaLog(kind="kafka", bootstrap=(kafka.bootstrap,), prefix=f"t{os.urandom(5).hex()}.")
