"""What every log promises; a log's own test file inherits `LogContract` and says where its log is."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from router.batch import NO_FACTS, Facts, Mark, Origin, Partition, Record
from router.config import EmbeddedLog, KafkaLog
from router.errors import Misconfigured, Rejected
from router.log.codec import MAX_BODY_BYTES
from router.protocols import Log, TopicSettings
from router.telemetry import LOG_EXPIRED
from tests.contract.log_groups import GroupContract, Open
from tests.contract.log_process import quick
from tests.contract.log_scene import away, collect, numbers, record, settle

_FULL = Facts("edge", "10.1.2.3", "splunk_hec", (("host", "wéb"), ("odd", "\udcff")), "f5.ltm", "alert", 70, ("n1", "n2"), ("t",))


class LogContract(GroupContract):
    """Inherit and give a fixture `settings`: a log of its own, whose files or prefix no other test uses."""

    @pytest.fixture
    def settings(self) -> EmbeddedLog | KafkaLog:
        raise NotImplementedError

    @pytest.fixture
    async def open_one(self, settings: EmbeddedLog | KafkaLog) -> AsyncIterator[Open]:
        """Opens one more log object on the same log; all are closed in the end."""
        opened: list[Log] = []

        async def make() -> Log:
            log = quick(settings)
            opened.append(log)
            await log.start()
            return log

        yield make
        for log in opened:
            await log.close()

    @pytest.fixture
    async def log(self, open_one: Open) -> Log:
        """A log with a topic `raw` of four partitions and `one` of one."""
        log = await open_one()
        await log.create({"raw": TopicSettings(4, 3600), "one": TopicSettings(1, 3600)})
        return log

    # what goes in comes out

    async def test_every_field_of_a_record_survives(self, log: Log, open_one: Open) -> None:
        written = [
            record(1),
            record(2, facts=_FULL, key=b"\x00key\xff", origin=Origin(3, 2**40, 7)),
            record(3, b"\x00\xff\n{}", facts=Facts("edge"), origin=Origin(0, 0)),
            Record(b"\xff" * 16, b"", 1.0000001, NO_FACTS._replace(meta=(("a", ""),))),
            Record(b"\x00" * 16, b"x", 4102444800.25),
        ]
        await log.append("one", 0, written)
        batch = await (await open_one()).fetch("one", 0, 0, 10)
        assert list(batch.items) == written

    async def test_records_that_agree_in_facts_share_them(self, log: Log, open_one: Open) -> None:
        await log.append("one", 0, [record(n, facts=Facts("edge", f"10.0.0.{n % 2}")) for n in range(10)])
        items = (await (await open_one()).fetch("one", 0, 0, 10)).items
        assert len({id(r.facts) for r in items}) == 2

    async def test_append_returns_the_first_offset(self, log: Log) -> None:
        assert await log.append("one", 0, [record(n) for n in range(3)]) == 0
        assert await log.append("one", 0, [record(3)]) == 3
        assert await log.append("raw", 2, [record(4)]) == 0
        assert await log.ends("one") == {0: (0, 4)}
        assert (await log.ends("raw"))[2] == (0, 1)

    async def test_appending_nothing_changes_nothing(self, log: Log) -> None:
        await log.append("one", 0, [record(0)])
        assert await log.append("one", 0, []) == 1
        assert await log.ends("one") == {0: (0, 1)}

    async def test_order_survives_many_appends(self, log: Log) -> None:
        for start in range(0, 500, 50):
            await log.append("one", 0, [record(n) for n in range(start, start + 50)])
        async with log.follow(["one"], group="g") as follower:
            batches = await collect(follower, 500, max_records=70)
        assert numbers(batches) == list(range(500))
        assert [b.offset(i) for b in batches for i in range(len(b.items))] == list(range(500))
        assert all(b.span.stop - b.span.start == len(b.items) <= 70 for b in batches)

    async def test_appends_to_many_partitions_at_once_do_not_mix(self, log: Log) -> None:
        async def fill(partition: int) -> None:
            for n in range(10):
                await log.append("raw", partition, [record(partition * 1000 + n)])

        await asyncio.gather(*map(fill, range(4)))
        for partition in range(4):
            assert numbers([await log.fetch("raw", partition, 0, 100)]) == [partition * 1000 + n for n in range(10)]

    async def test_the_largest_record_is_taken_and_a_larger_one_refused(self, log: Log) -> None:
        largest = os.urandom(MAX_BODY_BYTES)
        await log.append("one", 0, [record(0, largest)])
        with pytest.raises(Rejected, match="900,001"):
            await log.append("one", 0, [record(1), record(2, largest + b"x")])
        await log.append("one", 0, [record(3)])
        first, second = (await log.fetch("one", 0, 0, 1)).items[0], (await log.fetch("one", 0, 1, 1)).items[0]
        assert first.body == largest
        assert second == record(3)

    async def test_an_append_of_many_megabytes_stays_whole(self, log: Log) -> None:
        written = [record(n, os.urandom(400_000)) for n in range(20)]
        await log.append("one", 0, written)
        async with log.follow(["one"], group="g") as follower:
            batches = await collect(follower, 20)
        assert [r for b in batches for r in b.items] == written

    # topics

    async def test_an_unknown_topic_is_refused_by_name(self, log: Log) -> None:
        with pytest.raises(Misconfigured, match="nowhere"):
            await log.append("nowhere", 0, [record(1)])
        with pytest.raises(Misconfigured, match="nowhere"):
            await log.partitions("nowhere")
        with pytest.raises(Misconfigured, match="nowhere"):
            async with log.follow(["nowhere"], group="g"):
                pass

    async def test_a_partition_that_does_not_exist_is_refused(self, log: Log) -> None:
        with pytest.raises(ValueError, match="no partition 4"):
            await log.append("raw", 4, [record(1)])

    async def test_a_topic_for_dead_letters_comes_into_being_when_asked_for(self, log: Log) -> None:
        assert await log.partitions("dlq.soc") == 1
        assert await log.append("dlq.soc", 0, [record(1)]) == 0

    async def test_the_first_dead_letter_makes_its_topic(self, log: Log) -> None:
        assert await log.append("dlq.process", 0, [record(1)]) == 0
        assert numbers([await log.fetch("dlq.process", 0, 0, 10)]) == [1]
        assert list(await log.topics("dlq.")) == ["dlq.process"]

    async def test_create_leaves_what_exists(self, log: Log, open_one: Open) -> None:
        await log.append("one", 0, [record(1)])
        other = await open_one()
        await other.create({"one": TopicSettings(3, 3600), "two": TopicSettings(2, 3600)})
        assert (await other.partitions("one"), await other.partitions("two")) == (1, 2)
        assert numbers([await other.fetch("one", 0, 0, 10)]) == [1]

    async def test_fetch_stops_at_max_records_and_is_empty_at_the_end(self, log: Log) -> None:
        await log.append("one", 0, [record(n) for n in range(10)])
        middle, end = await log.fetch("one", 0, 4, 3), await log.fetch("one", 0, 10, 3)
        assert (numbers([middle]), middle.span.start, middle.span.stop) == ([4, 5, 6], 4, 7)
        assert (list(end.items), end.span.start, end.span.stop) == ([], 10, 10)

    async def test_old_records_go(self, open_one: Open) -> None:
        log = await open_one()
        await log.create({"brief": TopicSettings(1, 1.0)})
        await log.append("brief", 0, [record(n) for n in range(5)])
        number = 5
        async with asyncio.timeout(40):
            while (await log.ends("brief"))[0][0] < 5:
                await asyncio.sleep(0.4)
                await log.append("brief", 0, [record(number)])
                number += 1
        oldest, end = (await log.ends("brief"))[0]
        assert end == number
        assert (await log.fetch("brief", 0, 0, 1)).span.start >= oldest

    async def test_a_reader_that_was_too_slow_goes_on_with_the_oldest_and_the_gap_is_counted(self, open_one: Open) -> None:
        log = await open_one()
        await log.create({"brief": TopicSettings(1, 1.0)})
        await log.append("brief", 0, [record(0), record(1)])
        group = f"slow-{os.urandom(4).hex()}"
        async with log.follow(["brief"], group=group) as follower:
            await collect(follower, 2, max_records=1)
            await follower.commit({Partition("brief", 0): Mark(1)})
        number = 2
        async with asyncio.timeout(40):
            while (await log.ends("brief"))[0][0] < 2:
                await asyncio.sleep(0.4)
                await log.append("brief", 0, [record(number)])
                number += 1
        async with log.follow(["brief"], group=group) as follower:
            first = (await collect(follower, 1))[0]
        missing = LOG_EXPIRED.labels(group, "brief")._value.get()
        assert first.span.start >= 2
        assert missing == first.span.start - 1

    # accidents

    async def test_a_cancelled_read_loses_nothing(self, log: Log) -> None:
        seen: list[int] = []
        async with log.follow(["one"], group="g") as follower:
            await settle(follower, until=lambda: bool(follower.assigned))
            for number in range(0, 300, 10):
                await log.append("one", 0, [record(n) for n in range(number, number + 10)])
                try:
                    async with asyncio.timeout(0.0005 * (number % 7)):
                        seen += numbers(await follower.read(max_records=10, timeout_seconds=5))
                except TimeoutError:
                    pass
            if missing := 300 - len(seen):
                seen += numbers(await collect(follower, missing))
        assert seen == list(range(300))

    async def test_a_cancelled_append_leaves_whole_records_and_a_usable_log(self, log: Log) -> None:
        for number in range(20):
            try:
                async with asyncio.timeout(0.0005 * (number % 5)):
                    await log.append("one", 0, [record(number), record(number + 100)])
            except TimeoutError:
                pass
        first = await log.append("one", 0, [record(999)])
        found = numbers([await log.fetch("one", 0, n, 1) for n in range(first + 1)])
        assert found[-1] == 999
        assert all(n + 100 == m for n, m in zip(found[:-1:2], found[1:-1:2], strict=True))

    async def test_a_killed_writer_leaves_every_acknowledged_record(
        self, log: Log, settings: EmbeddedLog | KafkaLog, open_one: Open
    ) -> None:
        async with away("write", settings, "one") as writer:
            await writer.read_lines(20)
            await writer.kill()
        acknowledged = [first + n for first, count in writer.lines for n in range(count)]
        assert acknowledged == list(range(len(acknowledged)))
        other = await open_one()
        _, end = (await other.ends("one"))[0]
        assert end >= len(acknowledged)
        async with other.follow(["one"], group="g") as follower:
            batches = await collect(follower, end)
        found = numbers(batches)
        assert found[: len(acknowledged)] == acknowledged
        assert [b.offset(i) for b in batches for i in range(len(b.items))] == list(range(end))
        assert await other.append("one", 0, [record(1)]) >= end
