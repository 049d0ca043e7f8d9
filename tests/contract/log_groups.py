"""What every log promises to those who follow it: groups and their members, and the controls of a reader."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack

from router.batch import Mark, Partition
from router.config import EmbeddedLog, KafkaLog
from router.protocols import Log
from tests.contract.log_scene import Diary, after, away, collect, numbers, record, settle

Open = Callable[[], Awaitable[Log]]
"""Opens one more log object on the same log."""


class GroupContract:
    """Part of `LogContract`, which has the fixtures."""

    # groups

    async def test_a_new_group_starts_at_the_oldest_and_groups_do_not_disturb_each_other(self, log: Log) -> None:
        await log.append("one", 0, [record(n) for n in range(5)])
        async with log.follow(["one"], group="a") as a, log.follow(["one"], group="b") as b:
            assert numbers(await collect(a, 5)) == numbers(await collect(b, 5)) == [0, 1, 2, 3, 4]

    async def test_a_group_goes_on_where_it_committed(self, log: Log, open_one: Open) -> None:
        await log.append("one", 0, [record(n) for n in range(10)])
        mark = Mark(6, "höchster: " + "x" * 4000)
        async with log.follow(["one"], group="g") as follower:
            await collect(follower, 10)
            await follower.commit({Partition("one", 0): mark})
        other, diary = await open_one(), Diary()
        assert await other.committed("g", ["one"]) == {Partition("one", 0): mark}
        async with other.follow(["one"], group="g", listener=diary) as follower:
            assert numbers(await collect(follower, 4)) == [6, 7, 8, 9]
        assert diary.entries[0] == ("assigned", {Partition("one", 0): mark})

    async def test_a_group_that_never_committed_has_no_marks(self, log: Log) -> None:
        assert await log.committed("nobody", ["one", "raw"]) == {}

    async def test_one_member_may_follow_several_topics(self, log: Log) -> None:
        await log.append("one", 0, [record(1)])
        await log.append("raw", 3, [record(2)])
        async with log.follow(["one", "raw"], group="g") as follower:
            batches = await collect(follower, 2)
            await follower.commit({Partition(b.span.topic, b.span.partition): Mark(b.span.stop) for b in batches})
        assert {(b.span.topic, b.span.partition) for b in batches} == {("one", 0), ("raw", 3)}
        assert (await log.committed("g", ["one", "raw"]))[Partition("raw", 3)] == Mark(1)

    async def test_two_members_share_the_partitions_and_one_takes_over_when_the_other_leaves(
        self, log: Log, open_one: Open
    ) -> None:
        everything = {Partition("raw", n) for n in range(4)}
        one, two = Diary(), Diary()
        async with log.follow(["raw"], group="g", listener=one) as first:
            await settle(first, until=lambda: first.assigned == everything)
            async with (await open_one()).follow(["raw"], group="g", listener=two) as second:
                await settle(first, second, until=lambda: len(first.assigned) == len(second.assigned) == 2)
                assert first.assigned | second.assigned == everything
                assert (one.held(), two.held()) == (first.assigned, second.assigned)
            await settle(first, until=lambda: first.assigned == everything)
        assert one.held() == everything

    async def test_what_is_committed_while_letting_go_counts(self, log: Log, open_one: Open) -> None:
        for partition in range(4):
            await log.append("raw", partition, [record(partition), record(partition + 10)])
        diary = Diary()
        async with log.follow(["raw"], group="g", listener=diary) as first:
            await collect(first, 8)

            async def commit(partitions: Collection[Partition]) -> None:
                await first.commit({p: Mark(1, "leaving") for p in partitions})

            diary.before_leaving = commit
            async with (await open_one()).follow(["raw"], group="g") as second:
                batches = await settle(first, second, until=lambda: len(second.assigned) == 2)
                batches += await settle(second, until=lambda: True)
                marks = await log.committed("g", ["raw"])
        assert {marks[p] for p in second.assigned or set(marks)} == {Mark(1, "leaving")}

    async def test_commits_of_partitions_that_were_lost_are_dropped(self, log: Log, open_one: Open) -> None:
        for partition in range(4):
            await log.append("raw", partition, [record(partition)])
        async with log.follow(["raw"], group="g") as first:
            await collect(first, 4)
            async with (await open_one()).follow(["raw"], group="g") as second:
                await settle(first, second, until=lambda: len(first.assigned) == len(second.assigned) == 2)
                lost = next(iter(second.assigned))
                await first.commit({lost: Mark(1)})
                assert lost not in await log.committed("g", ["raw"])

    async def test_a_killed_process_is_replaced_and_nothing_is_skipped(self, log: Log, settings: EmbeddedLog | KafkaLog) -> None:
        for partition in range(4):
            await log.append("raw", partition, [record(partition * 1000 + n) for n in range(300)])
        async with away("tell", settings, "raw") as other:
            await other.read_lines(2)
            await other.kill()
            async with log.follow(["raw"], group="shared") as follower:
                batches = await settle(follower, until=lambda: len(follower.assigned) == 4)
                seen = {partition * 1000 + n for partition, start, stop in other.lines for n in range(start, stop)}
                async with asyncio.timeout(40):
                    # What the other one had read and not committed comes again, so counting records would not do.
                    while len(seen | set(numbers(batches))) < 1200:
                        batches += await follower.read(max_records=1000, timeout_seconds=1)
        assert seen | set(numbers(batches)) == {partition * 1000 + n for partition in range(4) for n in range(300)}

    async def test_two_processes_share_the_partitions(self, log: Log, settings: EmbeddedLog | KafkaLog) -> None:
        async with away("follow", settings, "raw") as other, log.follow(["raw"], group="shared") as follower:
            await log.append("raw", 0, [record(0)])
            await settle(follower, until=lambda: len(follower.assigned) == 4 or bool(follower.assigned))
            await settle(follower, until=lambda: len(follower.assigned) == 2)
            theirs = next(n for n in range(4) if Partition("raw", n) not in follower.assigned)
            await log.append("raw", theirs, [record(5)])
            async with asyncio.timeout(30):
                while not any(line[0] == theirs for line in other.lines):
                    await asyncio.gather(other.read_lines(1), settle(follower, until=lambda: True))

    async def test_who_follows_alone_keeps_everything_until_it_leaves(self, log: Log, open_one: Open) -> None:
        everything = {Partition("raw", n) for n in range(4)}
        async with AsyncExitStack() as stack, (await open_one()).follow(["raw"], group="g", alone=True) as later:
            first = await stack.enter_async_context(log.follow(["raw"], group="g", alone=True))
            await settle(first, until=lambda: first.assigned == everything)
            for _ in range(3):  # names come in any order
                async with (await open_one()).follow(["raw"], group="g", alone=True) as other:
                    await settle(first, later, other, until=after(1))
                    await settle(first, later, other, until=lambda: bool(first.assigned))
                    assert first.assigned == everything
                    assert not later.assigned | other.assigned
            await first.commit({partition: Mark(7, "held") for partition in everything})
            assert set((await log.committed("g", ["raw"])).values()) == {Mark(7, "held")}
            await stack.aclose()
            await settle(later, until=lambda: later.assigned == everything)

    # the reader's controls

    async def test_seek_goes_back_and_forth(self, log: Log) -> None:
        await log.append("one", 0, [record(n) for n in range(10)])
        async with log.follow(["one"], group="g") as follower:
            await collect(follower, 10)
            follower.seek(Partition("one", 0), 7)
            assert numbers(await collect(follower, 3)) == [7, 8, 9]
            follower.seek(Partition("one", 0), 2)
            assert numbers(await collect(follower, 8)) == [2, 3, 4, 5, 6, 7, 8, 9]

    async def test_a_paused_partition_is_silent_until_it_is_resumed(self, log: Log) -> None:
        async with log.follow(["raw"], group="g") as follower:
            await settle(follower, until=lambda: len(follower.assigned) == 4)
            follower.pause([Partition("raw", 0)])
            await log.append("raw", 0, [record(0)])
            await log.append("raw", 1, [record(1)])
            batches = await collect(follower, 1)
            batches += await follower.read(max_records=10, timeout_seconds=0.5)
            assert numbers(batches) == [1]
            follower.resume([Partition("raw", 0)])
            assert numbers(await collect(follower, 1)) == [0]

    async def test_a_pause_holds_when_another_member_comes_and_goes(self, log: Log, open_one: Open) -> None:
        async with log.follow(["raw"], group="g") as follower:
            await settle(follower, until=lambda: len(follower.assigned) == 4)
            follower.pause([Partition("raw", n) for n in range(4)])
            async with (await open_one()).follow(["raw"], group="g") as second:
                await settle(follower, second, until=lambda: len(follower.assigned) == len(second.assigned) == 2)
                kept = follower.assigned
                for partition in kept:
                    await log.append("raw", partition.number, [record(partition.number)])
                assert await follower.read(max_records=10, timeout_seconds=1) == []
                follower.resume(kept)
                assert len(await collect(follower, 2)) == 2

    async def test_lag_is_counted_against_what_is_committed(self, log: Log) -> None:
        one = Partition("one", 0)
        async with log.follow(["one"], group="g") as follower:
            await settle(follower, until=lambda: bool(follower.assigned))
            assert (await follower.lag())[one] == (0, 0.0)
            before = time.time()
            await log.append("one", 0, [record(n) for n in range(10)])
            await collect(follower, 10)
            await asyncio.sleep(0.5)
            lag = (await follower.lag())[one]
            assert lag.events == 10
            assert 0.4 < lag.seconds <= time.time() - before + 0.1
            await follower.commit({one: Mark(4)})
            assert (await follower.lag())[one].events == 6
            await follower.commit({one: Mark(10)})
            assert (await follower.lag())[one] == (0, 0.0)

    async def test_a_waiting_read_notices_what_others_append(self, log: Log, open_one: Open) -> None:
        other = await open_one()
        async with log.follow(["one"], group="g") as follower:
            await settle(follower, until=lambda: bool(follower.assigned))
            waiting = asyncio.create_task(follower.read(max_records=10, timeout_seconds=60))
            await asyncio.sleep(0.5)
            await other.append("one", 0, [record(1)])
            assert numbers(await asyncio.wait_for(waiting, 30)) == [1]

    async def test_a_read_without_records_is_empty_after_its_time(self, log: Log) -> None:
        async with log.follow(["one"], group="g") as follower:
            assert list(await follower.read(max_records=10, timeout_seconds=0.1)) == []
