"""Redriving: every letter once, to nobody else, and nothing lost whatever the far end does."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from router.batch import EVENTS, RAW, Record
from router.config import EmbeddedLog
from router.deliver.dead_letters import dead_letter, read_dead_letter
from router.deliver.handover import Handover
from router.deliver.redrive import Redrive, ToRaw, ToSink, survey
from router.deliver.reshape import shape_of
from router.errors import LogweirError, Retryable
from router.log.embedded import SqliteLog
from router.protocols import Log, Outcome, SinkLimits, TopicSettings, WriteResult
from tests.router.deliver.scene import FAST, ScriptedSink, all_delivered, number, open_log, record, records


async def bury(log: Log, stage: str, wanted: Sequence[Record], reason: str = "mapping: field a", **about: Any) -> None:
    await log.partitions(f"dlq.{stage}")
    place: dict[str, Any] = {"topic": EVENTS, "partition": 0, "attempts": 1, "keep_body": True} | about
    letters = [dead_letter(r, stage=stage, reason=reason, offset=number(r), **place) for r in wanted]
    await log.append(f"dlq.{stage}", 0, letters)


async def redrive(log: Log, sink: ScriptedSink, *, patience_seconds: float = 0.2, **rest: Any) -> Redrive:
    run = Redrive(log, "soc", ToSink(Handover("soc", sink, log, pace=FAST, patience_seconds=patience_seconds)), **rest)
    await run.run()
    return run


async def test_letters_of_a_sink_go_to_it_once_whatever_the_number_of_runs(tmp_path: Path) -> None:
    sink = ScriptedSink()
    async with open_log(tmp_path) as log:
        await bury(log, "soc", records(1200))
        await redrive(log, sink)
        await redrive(log, sink)
        await bury(log, "soc", records(3, 5000))
        await redrive(log, sink)
        assert (await survey(log, "soc")).done == 1203
    assert sink.taken == [*range(1200), 5000, 5001, 5002]


async def test_a_survey_changes_nothing(tmp_path: Path) -> None:
    async with open_log(tmp_path) as log:
        await bury(log, "soc", records(4))
        await bury(log, "soc", records(2, 10), reason="too old")
        for _ in range(2):
            found = await survey(log, "soc")
            assert found.done == 0
            assert found.waiting == {"mapping": 4, "too old": 2}
        assert (await survey(log, "soc", "too old")).waiting == {"too old": 2}
        assert await log.committed("redrive.soc", ("dlq.soc",)) == {}


async def test_one_reason_goes_first_and_the_others_later_each_once(tmp_path: Path) -> None:
    sink = ScriptedSink()
    async with open_log(tmp_path) as log:
        for i in range(6):
            await bury(log, "soc", [record(i)], reason=["mapping: field a", "too old", "mapping: field b"][i % 3])
        await redrive(log, sink, reason="mapping")
        assert sink.taken == [0, 2, 3, 5]
        await redrive(log, sink, reason="mapping: field b")
        await redrive(log, sink)
    assert sink.taken == [0, 2, 3, 5, 1, 4]


async def test_a_limit_is_kept_to_the_letter_and_the_next_run_goes_on_behind_it(tmp_path: Path) -> None:
    sink = ScriptedSink()
    async with open_log(tmp_path) as log:
        await bury(log, "soc", records(1001))
        await redrive(log, sink, limit=1)
        assert sink.taken == [0]
        await redrive(log, sink, limit=600)
        await redrive(log, sink)
    assert sink.taken == list(range(1001))


async def test_what_is_refused_again_is_a_letter_again_and_the_next_to_be_redriven(tmp_path: Path) -> None:
    async def script(batch: Sequence[Record]) -> WriteResult:
        odd = [number(r) % 2 == 1 and not is_mended for r in batch]
        outcomes = [Outcome.REJECTED if o else Outcome.DELIVERED for o in odd]
        return WriteResult(outcomes, {i: "still: bad" for i, o in enumerate(odd) if o})

    sink, is_mended = ScriptedSink(script), False
    async with open_log(tmp_path) as log:
        await bury(log, "soc", records(10))
        await redrive(log, sink)
        assert (await survey(log, "soc")).waiting == {"still": 5}
        letters = [read_dead_letter(r) for r in (await log.fetch("dlq.soc", 0, 10, 99)).items]
        assert [(letter.offset, letter.attempts) for letter in letters] == [(n, 2) for n in (1, 3, 5, 7, 9)]
        is_mended = True
        await redrive(log, sink)
    assert sink.taken == [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]


async def test_a_sink_that_is_away_leaves_every_letter_where_it_is(tmp_path: Path) -> None:
    async def away(batch: Sequence[Record]) -> WriteResult:
        raise Retryable("connection refused")

    sink = ScriptedSink(away)
    async with open_log(tmp_path) as log:
        await bury(log, "soc", records(10))
        assert (await redrive(log, sink)).is_stuck
        assert (await survey(log, "soc")).waiting.total() == 10
        assert (await log.ends("dlq.soc"))[0] == (0, 10)
        sink.script = None
        assert not (await redrive(log, sink)).is_stuck
    assert sink.taken == list(range(10))


async def test_a_sink_that_goes_away_in_the_middle_gets_nothing_twice_and_the_rest_later(tmp_path: Path) -> None:
    async def dies(batch: Sequence[Record]) -> WriteResult:
        if number(batch[0]) >= 60:
            raise Retryable("connection reset")
        return all_delivered(len(batch))

    sink = ScriptedSink(dies, SinkLimits(max_records=20))
    async with open_log(tmp_path) as log:
        await bury(log, "soc", records(100))
        assert (await redrive(log, sink)).is_stuck
        assert (await survey(log, "soc")).waiting == {"mapping": 40}
        sink.script = None
        await redrive(log, sink)
    assert sorted(sink.taken) == list(range(100))


async def test_letters_of_process_go_back_to_their_partition_with_id_facts_and_time(tmp_path: Path) -> None:
    wanted = [record(i)._replace(body=bytes([i, 0xFF])) for i in range(5)]
    async with open_log(tmp_path) as log:
        await log.create({RAW: TopicSettings(2, 3600)})
        for r in wanted:
            await bury(log, "process", [r], reason="too_deep", topic=RAW, partition=number(r) % 2)
        target = ToRaw(log)
        await Redrive(log, "process", target).run()
        await Redrive(log, "process", ToRaw(log)).run()
        for number_ in (0, 1):
            assert list((await log.fetch(RAW, number_, 0, 99)).items) == [r for r in wanted if number(r) % 2 == number_]
        assert target.counts == {"sent to raw": 5}


async def test_a_body_that_was_too_large_to_keep_is_fetched_by_its_place_if_it_is_still_there(tmp_path: Path) -> None:
    sink = ScriptedSink()
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(3))
        await bury(log, "soc", [record(1)], keep_body=False)
        await bury(log, "soc", [record(2)], keep_body=False, partition=1)  # nothing is there
        run = await redrive(log, sink)
    assert sink.bodies == {1: record(1).body}
    assert run.unreadable == 1


async def test_what_is_no_letter_is_counted_and_passed(tmp_path: Path) -> None:
    sink = ScriptedSink()
    async with open_log(tmp_path) as log:
        await log.partitions("dlq.soc")
        await log.append("dlq.soc", 0, [record(1, body=b"nonsense")])
        await bury(log, "soc", [record(2)])
        run = await redrive(log, sink)
    assert sink.taken == [2]
    assert run.unreadable == 1


async def test_two_runs_at_once_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.deliver.redrive._JOIN_SECONDS", 1.0)
    gate, entered = asyncio.Event(), asyncio.Event()

    async def slow(batch: Sequence[Record]) -> WriteResult:
        entered.set()
        await gate.wait()
        return all_delivered(len(batch))

    sink = ScriptedSink(slow)
    async with open_log(tmp_path) as log:
        await bury(log, "soc", records(3))
        first = asyncio.create_task(redrive(log, sink, patience_seconds=30))
        await entered.wait()
        with pytest.raises(LogweirError, match="another redrive of soc"):
            await redrive(log, ScriptedSink())
        gate.set()
        await first
    assert sink.taken == [0, 1, 2]


async def test_a_commit_that_is_not_heard_is_said_again(tmp_path: Path) -> None:
    """As by Kafka, while a member comes or goes."""

    async def unheard(batch: Sequence[Record]) -> WriteResult:
        await log._database.write(lambda c: c.execute("DELETE FROM claims"))
        return all_delivered(len(batch))

    sink = ScriptedSink(unheard)
    async with open_log(tmp_path) as log:
        await bury(log, "soc", records(700))
        await redrive(log, sink)
        await redrive(log, sink)
    assert sink.taken == list(range(700))


async def test_a_run_that_was_taken_for_dead_says_so_and_sets_nothing_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.deliver.redrive._STAY_SECONDS", 30.0)

    async def frozen(batch: Sequence[Record]) -> WriteResult:
        if not other.taken:
            await log._database.write(lambda c: c.execute("DELETE FROM claims") and c.execute("DELETE FROM members"))
            await redrive(log, other)
        return all_delivered(len(batch))

    other, sink = ScriptedSink(), ScriptedSink(frozen)
    async with open_log(tmp_path) as log:
        await bury(log, "soc", records(700))
        with pytest.raises(LogweirError, match="another redrive of soc took over; letters of the last page may be sent twice"):
            await redrive(log, sink)
        await redrive(log, other)
    assert (sink.taken, other.taken) == (list(range(500)), list(range(700)))


async def test_letters_that_retention_removed_before_they_were_redriven_are_told_of(tmp_path: Path) -> None:
    now = [1e9]
    log = SqliteLog(EmbeddedLog(path=tmp_path / "log.db", retention_hours=1), retention_every_seconds=0.05, clock=lambda: now[0])
    await log.start()
    try:
        await bury(log, "soc", records(3))
        await redrive(log, ScriptedSink())
        await bury(log, "soc", records(2, 100))
        assert (await survey(log, "soc")).expired == 0
        now[0] += 7_200
        async with asyncio.timeout(60):
            while (await log.ends("dlq.soc"))[0] != (5, 5):
                await asyncio.sleep(0.02)
        assert await survey(log, "soc") == (0, {}, 2)
    finally:
        await log.close()


async def test_letters_of_a_sink_with_another_shape_are_made_anew_from_what_is_stored(tmp_path: Path) -> None:
    """What is not stored any more cannot be: it is counted, and not sent in a shape that nobody wants."""
    taken: list[Record] = []

    class Keeping(ScriptedSink):
        async def write(self, records: Sequence[Record]) -> WriteResult:
            taken.extend(records)
            return await super().write(records)

    stored = [record(n)._replace(body=b'{"@timestamp":"2026-01-02T03:04:05Z","event":{"kind":"event"}}') for n in range(2)]
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, stored)
        await bury(log, "ocsf", [r._replace(body=b'{"class_uid":0}') for r in [*stored, record(7)]])
        target = ToSink(Handover("soc", Keeping(), log, pace=FAST), "cim", of_another=True)
        run = Redrive(log, "ocsf", target)
        await run.run()
    assert [r.id for r in taken] == [r.id for r in stored]
    assert all(shape_of(r.body) == "cim" for r in taken)
    assert run.unreadable == 1
