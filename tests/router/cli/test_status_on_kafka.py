"""The figures of `logweir status` from a real broker."""

import os
import time

import pytest

from router.batch import EVENTS, Mark, Partition, Record
from router.cli.standing import readings
from router.config import Admin, Config, KafkaLog, Limits, Process, Rules
from router.log import standard_topics
from router.log.kafka import BrokerLog
from router.registry import SinkSettings
from tests.contract.log_process import QUICK
from tests.peers.kafka import Node

pytestmark = [pytest.mark.kafka, pytest.mark.peer]


def record(number: int, age_seconds: float) -> Record:
    received_ms = int((time.time() - age_seconds) * 1000)
    return Record(received_ms.to_bytes(6) + number.to_bytes(10), b"{}", 1_000.0)


async def test_lag_age_and_headroom_of_a_group_that_is_not_running(kafka: Node) -> None:
    prefix = f"t{os.urandom(5).hex()}."
    settings = KafkaLog(kind="kafka", bootstrap=(kafka.bootstrap,), prefix=prefix, partitions=2, retention_hours=10)
    config = Config(settings, Rules(), Process(), Admin(), Limits(), {}, {"soc": SinkSettings(kind="file", read=("events",))})
    log = BrokerLog(settings, timing=QUICK)
    await log.start()
    try:
        await log.create(standard_topics(settings))
        await log.append(EVENTS, 1, [record(i, 1800) for i in range(10)])
        async with log.follow((EVENTS,), group="sink.soc") as follower:
            while Partition(EVENTS, 1) not in follower.assigned:
                await follower.read(max_records=1, timeout_seconds=0.2)
            await follower.commit({Partition(EVENTS, 1): Mark(7)})
        found = {reading.name: reading for reading in await readings(config, log, time.time())}
    finally:
        await log.close()
    soc = found["soc"]
    assert (soc.lag_events, soc.lost_events, soc.dead_letters) == (3, 0, 0)
    assert 1800 <= soc.lag_seconds < 1900
    assert soc.unread_share == pytest.approx(0.3)
    assert 36_000 - 1900 < soc.headroom_seconds <= 36_000 - 1800
    assert found["process"].lag_events == 0
