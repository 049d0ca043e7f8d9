"""A dead sink is its own trouble: the others get everything, and it catches up when it is back."""

import asyncio
from pathlib import Path

from tests.journeys.deployment import Deployment, Search, Sender, numbers_in, total, until


async def test_a_stopped_sink_leaves_the_others_alone_and_catches_up(tmp_path: Path) -> None:
    async with Search() as search:
        sinks = {
            "archive": {"kind": "file", "path": str(tmp_path / "archive.ndjson")},
            "search": {"kind": "elasticsearch", "urls": [search.url]},
        }
        async with Deployment(tmp_path, {"kind": "embedded", "path": str(tmp_path / "log.db")}, sinks) as deployment:
            sender, stop = Sender(deployment), asyncio.Event()
            sending = asyncio.create_task(sender.run(stop))
            await until(lambda: len(search.numbers) > 200)
            await search.stop()
            held = len(search.numbers)
            await until(lambda: len(numbers_in(tmp_path / "archive.ndjson")) > held + 2000)
            assert len(search.numbers) == held
            await search.start()
            stop.set()
            await sending
            await until(lambda: sender.acknowledged <= numbers_in(tmp_path / "archive.ndjson"))
            await until(lambda: sender.acknowledged <= search.numbers)
            metrics = await _settled(deployment)
            assert await deployment.stop() == 0, deployment.tail()
    for sink in ("archive", "search"):
        labels = (f'sink="{sink}"', 'topic="events"')
        read, back = total(metrics, "sink_read_events_total", *labels), total(metrics, "sink_returned_events_total", *labels)
        assert read - back == total(metrics, "sink_done_events_total", *labels) >= len(sender.acknowledged)


async def _settled(deployment: Deployment) -> dict[str, float]:
    """The metrics, once nothing changes any more."""
    before: dict[str, float] = {}
    while (now := {k: v for k, v in (await deployment.metrics()).items() if "events_total" in k}) != before:
        before = now
        await asyncio.sleep(1.5)
    return before


async def test_the_stages_balance_to_the_event(tmp_path: Path) -> None:
    sinks = {"archive": {"kind": "file", "path": str(tmp_path / "archive.ndjson")}}
    async with Deployment(tmp_path, {"kind": "embedded", "path": str(tmp_path / "log.db")}, sinks) as deployment:
        sender, stop = Sender(deployment), asyncio.Event()
        sending = asyncio.create_task(sender.run(stop))
        _, writer = await asyncio.open_connection("127.0.0.1", deployment.syslog_port)
        writer.write(
            b"<13>1 2026-01-01T00:00:00Z host app - - - hello\n" * 500
            + b"\xff\xfe\x00 not text at all\n"
            + b"<13>"
            + b"x" * 400_000
            + b"\n"
        )
        await writer.drain()
        writer.close()
        await until(lambda: len(sender.acknowledged) >= 1000)
        stop.set()
        await sending
        metrics = await _settled(deployment)
        assert await deployment.stop() == 0, deployment.tail()

    for source in ("hec", "syslog"):
        label = f'source="{source}"'
        received = total(metrics, "ingest_received_events_total", label)
        assert received >= 500
        assert received == total(metrics, "ingest_appended_events_total", label) + total(
            metrics, "ingest_rejected_events_total", label
        )
    appended = total(metrics, "ingest_appended_events_total")
    assert total(metrics, "process_read_events_total") == appended
    outcomes = ("written", "dead_lettered", "ignored", "repeated")
    assert appended + total(metrics, "process_split_events_total") == sum(
        total(metrics, f"process_{o}_events_total") for o in outcomes
    )
    assert total(metrics, "sink_read_events_total", 'topic="events"') == total(metrics, "process_written_events_total")
