"""Replaying: what is chosen, whole, to one sink, without disturbing a group."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from router.batch import EVENTS, SIGNALS, Facts, Record
from router.deliver.handover import Handover
from router.deliver.replay import Selection, count, ends, replay
from router.errors import Retryable
from router.protocols import Log, SinkLimits, WriteResult
from router.registry import Choice
from tests.router.deliver.scene import ALERT, FAST, ScriptedSink, all_delivered, open_log, record, records

BOTH = (EVENTS, SIGNALS)


def ignore(count: int) -> None:
    pass


async def run(log: Log, sink: ScriptedSink, selection: Selection, **rest: Any) -> tuple[bool, Handover]:
    handover = Handover("soc", sink, log, pace=FAST, **rest)
    return await replay(log, await ends(log, BOTH), selection, handover, sink.limits.max_concurrency, ignore), handover


async def test_everything_stored_is_sent_from_all_partitions_of_both_topics_and_no_cursor_moves(tmp_path: Path) -> None:
    sink, told = ScriptedSink(), []
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(2500))
        await log.append(EVENTS, 1, records(10, 5000))
        await log.append(SIGNALS, 1, records(3, 9000, ALERT))
        places = await ends(log, BOTH)
        handover = Handover("soc", sink, log, pace=FAST)
        assert await replay(log, places, Selection(), handover, 4, told.append)
        counts, size = await count(log, places, Selection(), ignore)
        assert await log.committed("sink.soc", BOTH) == {}
    assert sorted(sink.taken) == [*range(2500), *range(5000, 5010), *range(9000, 9003)]
    assert sum(told) == 2513
    assert counts == {"windows.security": 2510, "logweir.alert": 3}
    assert size == sum(map(len, sink.bodies.values()))
    assert handover.counts == {"delivered": 2513}


async def test_what_comes_after_the_start_is_left_to_the_stream(tmp_path: Path) -> None:
    sink = ScriptedSink()
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(5))
        places = await ends(log, BOTH)
        await log.append(EVENTS, 0, records(5, 100))
        await replay(log, places, Selection(), Handover("soc", sink, log, pace=FAST), 1, ignore)
    assert sink.taken == [0, 1, 2, 3, 4]


async def test_an_ordered_sink_gets_each_partition_in_order(tmp_path: Path) -> None:
    sink = ScriptedSink(limits=SinkLimits(max_records=7, max_concurrency=1, ordered=True))
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(300))
        await run(log, sink, Selection())
    assert sink.taken == list(range(300))


async def test_a_sink_that_is_set_to_a_shape_gets_that_shape(tmp_path: Path) -> None:
    sink = ScriptedSink()
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, [record(1, body=b'{"event":{"kind":"event","outcome":"failure"},"message":"m"}')])
        await run(log, sink, Selection(values=(("event.outcome", "failure"),), shape="ocsf"))
    assert orjson.loads(sink.bodies[1])["class_uid"] == 0


async def test_a_sink_that_goes_away_ends_it_with_the_reason(tmp_path: Path) -> None:
    async def dies(batch: Sequence[Record]) -> WriteResult:
        if len(sink.taken) >= 100:
            raise Retryable("connection refused")
        return all_delivered(len(batch))

    sink = ScriptedSink(dies, SinkLimits(max_records=50, max_concurrency=1))
    async with open_log(tmp_path) as log:
        await log.append(EVENTS, 0, records(500))
        is_whole, handover = await run(log, sink, Selection(), patience_seconds=0.1)
    assert not is_whole
    assert handover.trouble == "connection refused"
    assert handover.counts == {"delivered": 100}


DOCUMENT = orjson.dumps(
    {
        "event": {"outcome": "failure", "code": 4625},
        "tags": ["a", "b"],
        "user.name": "root",
        "nat": [{"ip": "192.0.2.1"}],
        "ok": True,
    }
)


@pytest.mark.parametrize(
    ("selection", "is_wanted"),
    [
        (Selection(), True),
        (Selection(since=1_700_000_000.0), True),
        (Selection(since=1_700_000_000.5), False),
        (Selection(until=1_700_000_000.0), False),
        (Selection(until=1_700_000_000.5), True),
        (Selection(datasets=("windows.*",)), True),
        (Selection(datasets=("linux.auth", "windows.security")), True),
        (Selection(datasets=("windows",)), False),
        (Selection(Choice(exclude_datasets=("windows.*",))), False),
        (Selection(Choice(min_severity="high")), False),
        (Selection(values=(("event.outcome", "failure"),)), True),
        (Selection(values=(("event.outcome", "fail*"), ("event.code", "4625"))), True),
        (Selection(values=(("event.outcome", "failure"), ("event.code", "4624"))), False),
        (Selection(values=(("tags", "b"),)), True),
        (Selection(values=(("tags", "c"),)), False),
        (Selection(values=(("user.name", "root"),)), True),
        (Selection(values=(("nat.ip", "192.0.2.*"),)), True),
        (Selection(values=(("ok", "true"),)), True),
        (Selection(values=(("nothing.there", "*"),)), False),
        (Selection(values=(("event.outcome.deeper", "*"),)), False),
    ],
)
def test_all_conditions_must_hold(selection: Selection, is_wanted: bool) -> None:
    assert selection.compiled()(record(1, body=DOCUMENT)) is is_wanted


def test_what_is_no_document_has_no_fields() -> None:
    assert not Selection(values=(("a", "*"),)).compiled()(record(1, body=b"\xff", facts=Facts()))
