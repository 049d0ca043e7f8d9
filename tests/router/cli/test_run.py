"""`logweir run` takes new rules without a stop."""

import asyncio
import signal
from pathlib import Path

import orjson

from tests.journeys.deployment import Deployment

RULE = """
title: %s
id: 33333333-2222-4333-8444-55555555555%d
logsource: {product: logweir}
detection: {words: ['%s'], condition: words}
level: high
"""


async def said(router: Deployment, text: str) -> None:
    """Wait until the log says so."""
    async with asyncio.timeout(30):
        while text not in (router.folder / "out.log").read_text():
            await asyncio.sleep(0.05)


async def say(router: Deployment, text: str) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", router.syslog_port)
    writer.write(f"<38>Nov 24 10:00:00 host app[1]: {text}\n".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def titles(folder: Path, count: int) -> list[str]:
    """Titles of the first alerts, which have to come."""
    out = folder / "alerts.ndjson"
    async with asyncio.timeout(30):
        while not out.exists() or out.read_bytes().count(b"\n") < count:
            await asyncio.sleep(0.05)
    return [orjson.loads(line)["rule"]["name"] for line in out.read_bytes().splitlines()]


async def test_sighup_and_a_change_of_files_bring_new_rules_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "detect").mkdir()
    rule = tmp_path / "detect/one.yml"
    rule.write_text(RULE % ("One", 1, "alpha"))
    router = Deployment(
        tmp_path,
        {"kind": "embedded", "path": "log.db", "partitions": 1},
        {"alerts": {"kind": "file", "path": "alerts.ndjson", "read": ["signals"]}},
        rules={"builtin": False, "detect": ["detect"]},
    )
    await router.start()
    assert router.process is not None
    try:
        await say(router, "alpha")
        assert await titles(tmp_path, 1) == ["One"]
        rule.write_text("title: [")
        router.process.send_signal(signal.SIGHUP)
        await said(router, "refused; the rules and settings that were loaded before go on")
        await say(router, "alpha")
        assert await titles(tmp_path, 2) == ["One", "One"]
        rule.write_text(RULE % ("Two", 2, "beta"))
        router.process.send_signal(signal.SIGHUP)
        await said(router, '"event": "reloaded"')
        await say(router, "alpha beta")
        assert await titles(tmp_path, 3) == ["One", "One", "Two"]
        assert await router.stop() == 0, router.tail()
        await router.start("--watch")
        rule.write_text(RULE % ("Three", 3, "gamma"))
        async with asyncio.timeout(30):
            while (tmp_path / "out.log").read_text().count('"event": "reloaded"') < 2:
                await asyncio.sleep(0.05)
        await say(router, "gamma")
        assert (await titles(tmp_path, 4))[3] == "Three"
    finally:
        assert await router.stop() == 0, router.tail()
