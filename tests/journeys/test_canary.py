"""Canaries of a running router: seen in a file when all is well, missing when somebody takes them away."""

import asyncio
from pathlib import Path

import pytest

from tests.journeys.deployment import Deployment, total


@pytest.mark.timeout(400)
async def test_canaries_are_seen_in_a_file_and_missed_where_they_are_left_out(tmp_path: Path) -> None:
    """`archive` is well. `broken` has a noise rule that drops them although it did not say so in its choice: a loss."""
    (tmp_path / "noise").mkdir()
    rule = "id: thief\ntitle: T\ndescription: D\nkind: drop\nsinks: [broken]\ndatasets: [logweir.canary]\n"
    (tmp_path / "noise/thief.yaml").write_text(rule)
    sinks = {
        "archive": {"kind": "file", "path": str(tmp_path / "archive.ndjson")},
        "broken": {"kind": "file", "path": str(tmp_path / "broken.ndjson")},
        "other": {"kind": "file", "path": str(tmp_path / "other.ndjson"), "choose": {"exclude_datasets": ["logweir.*"]}},
    }
    log = {"kind": "embedded", "path": str(tmp_path / "log.db")}
    more = {"canary": {"enabled": True, "every_seconds": 0.2, "deadline_seconds": 15}, "rules": {"noise": ["noise"]}}
    async with Deployment(tmp_path, log, sinks, **more) as deployment:
        async with asyncio.timeout(200):
            while not (
                total(metrics := await deployment.metrics(), "canary_missing_total", 'sink="broken"') >= 2
                and total(metrics, "canary_seen_total", 'sink="archive"') >= 20
            ):
                await asyncio.sleep(0.5)
        for receiver in ("hec", "syslog"):
            assert total(metrics, "canary_sent_total", f'receiver="{receiver}"') > 0
        assert total(metrics, "canary_missing_total", 'sink="archive"') == 0
        assert total(metrics, "canary_seen_total", 'sink="broken"') == 0
        assert not [name for name in metrics if "canary" in name and 'sink="other"' in name]
        assert total(metrics, "ingest_received_events_total", 'source="hec"') == 0, "a silent sender must stay visible"
        assert await deployment.stop() == 0, deployment.tail()
