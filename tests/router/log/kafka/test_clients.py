"""The settings that promises rest on: no configuration can change them."""

import pytest
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from router.config import KafkaLog
from router.log.kafka.clients import BATCH_BYTES, Clients, Timing


@pytest.fixture
def clients() -> Clients:
    return Clients(KafkaLog(kind="kafka", bootstrap=("127.0.0.1:9",)), Timing())


async def test_producers_wait_for_all_replicas_and_number_their_batches(clients: Clients) -> None:
    producer = clients.producer()
    try:
        assert producer._sender._acks == -1
        assert producer._txn_manager is not None
        assert producer._max_request_size == 1_000_000
        assert producer._message_accumulator._batch_size == BATCH_BYTES < 1_048_588
    finally:
        producer._closed = True  # never started: nothing to stop


async def test_members_commit_nothing_by_themselves_and_start_at_the_oldest(clients: Clients) -> None:
    member = clients.member("g", "pod-3")
    assert member._enable_auto_commit is False
    assert member._auto_offset_reset == "earliest"
    assert member._group_instance_id == "pod-3"
    assert member._partition_assignment_strategy == (RangePartitionAssignor,)
    member._closed = True


async def test_members_outlive_a_slow_batch_and_hold_bounded_memory(clients: Clients) -> None:
    member = clients.member("g")
    assert member._session_timeout_ms == 30_000
    assert member._rebalance_timeout_ms == 60_000 > clients.timing.handover_seconds * 1000
    assert member._max_poll_interval_ms == 600_000
    assert (member._fetch_max_bytes, member._max_partition_fetch_bytes) == (16 << 20, 1 << 20)
    member._closed = True
