"""Reloading: all or nothing, between two batches, and the old rules are let go."""

import asyncio
import gc
import os
import shutil
import signal
import subprocess
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest

from router.batch import EVENTS, MATCHES, RAW, SIGNALS, Facts, Record
from router.config import Config, load
from router.errors import ConfigError
from router.protocols import Log
from router.reload import Reload, configuration_state, needs_restart, rules_state
from router.serve import Service
from router.telemetry import REGISTRY
from router.topology import Content, assembled, opened, renew

CONFIG = """
log: {kind: embedded, path: log.db, partitions: 1}
rules: {builtin: false, detect: [detect], noise: [noise]}
process: {lateness_seconds: 0}
sinks:
  out: {kind: file, path: out.ndjson, read: [events]}
admin: {listen: ""}
"""
RULE = """
title: %s
id: 11111111-2222-4333-8444-55555555555%d
logsource: {product: logweir}
detection: {words: ['%s'], condition: words}
level: high
"""
CORRELATION = """
title: Many
id: 22222222-2222-4333-8444-555555555555
correlation:
  type: event_count
  rules: [11111111-2222-4333-8444-555555555551]
  group-by: [host.name]
  timespan: 1h
  condition: {gte: %d}
level: high
"""
NOISE = """
id: quiet
title: Quiet
kind: drop
keep_matched: false
datasets: ['*']
detection: {s: {message|contains: %s}, condition: s}
"""


def written(folder: Path) -> Path:
    for name in ("detect", "noise"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "logweir.yaml").write_text(CONFIG)
    (folder / "detect/one.yml").write_text(RULE % ("One", 1, "alpha"))
    return folder / "logweir.yaml"


class Running:
    """A router in this process, without sources: records are put into `raw` by hand."""

    def __init__(self, log: Log, reload: Reload) -> None:
        self.log, self.reload, self._sent = log, reload, 0

    async def send(self, *texts: str) -> None:
        """One raw record a text; all carry the same host."""
        bodies = [orjson.dumps({"message": t, "host": {"name": "h"}, "@timestamp": "2026-01-01T00:00:00Z"}) for t in texts]
        start = self._sent
        self._sent += len(bodies)
        wanted = [Record((start + i).to_bytes(16), b, 1_767_225_600.0, Facts("s")) for i, b in enumerate(bodies)]
        await self.log.append(RAW, 0, wanted)

    async def events(self, count: int) -> list[dict[str, object]]:
        return await self._documents(EVENTS, count)

    async def signals(self, count: int) -> list[str]:
        """Titles of the first `count` signals, which have to come."""
        return [str(d["rule"]["name"]) for d in await self._documents(SIGNALS, count)]  # type: ignore[index]  # documents are objects

    async def _documents(self, topic: str, count: int) -> list[dict[str, object]]:
        async with asyncio.timeout(20):
            while (await self.log.ends(topic))[0][1] < count:
                await asyncio.sleep(0.02)
        return [orjson.loads(r.body) for r in (await self.log.fetch(topic, 0, 0, 100_000)).items]


@asynccontextmanager
async def running(path: Path, *while_starting: Callable[[], object], watch: bool = False) -> AsyncIterator[Running]:
    before = configuration_state(path)
    config = load(path)
    watched = (*before, *rules_state(config)) if watch else None
    content = Content(config)
    for change in while_starting:
        change()
    Running.content = weakref.ref(content.catalogue)  # type: ignore[attr-defined]  # kept for this test alone
    async with opened(config) as log, assembled(config, log, content, ["process", "correlate", "deliver"], ["out"]) as parts:
        del content

        async def renewed(new: Config, fresh: Content) -> None:
            await renew(parts, new, fresh, log)

        service = Service(parts, 10)
        task = asyncio.create_task(service.run())
        reload = Reload(path, config, renewed, watched=watched, look_seconds=0.1)
        async with reload.listening():
            yield Running(log, reload)
        service.leave()
        await task


def metric(name: str) -> float:
    value = REGISTRY.get_sample_value(name)
    assert value is not None
    return value


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_new_rule_judges_what_comes_after_it_and_an_old_one_that_is_gone_does_not(tmp_path: Path) -> None:
    path = written(tmp_path)
    async with running(path) as router:
        await router.send("alpha", "beta")
        assert await router.signals(1) == ["One"]
        (tmp_path / "detect/one.yml").write_text(RULE % ("Two", 2, "beta"))
        assert await router.reload.reload()
        await router.send("alpha", "beta")
        assert await router.signals(2) == ["One", "Two"]
        assert len(await router.events(4)) == 4


async def test_a_bad_rule_leaves_everything_as_it_was_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path)
    async with running(path) as router:
        (tmp_path / "detect/two.yml").write_text(RULE % ("Two", 2, "beta"))
        (tmp_path / "detect/bad.yml").write_text(RULE.replace("condition: words", "condition: wrods") % ("Bad", 3, "x"))
        assert not await router.reload.reload()
        assert metric("logweir_config_reload_success") == 0
        await router.send("beta", "alpha")
        assert await router.signals(1) == ["One"]
        (tmp_path / "detect/bad.yml").unlink()
        assert await router.reload.reload()
        assert metric("logweir_config_reload_success") == 1


@pytest.mark.parametrize("text", ["sinks: [", "nonsense: 1", "sinks: {out: {kind: fil, path: x}}", ""])
async def test_a_bad_configuration_is_refused(tmp_path: Path, text: str) -> None:
    path = written(tmp_path)
    async with running(path) as router:
        path.write_text(text)
        assert not await router.reload.reload()
        path.unlink()
        assert not await router.reload.reload()
        await router.send("alpha")
        assert await router.signals(1) == ["One"]


async def test_nothing_is_lost_or_repeated_however_often_rules_change_under_load(tmp_path: Path) -> None:
    path = written(tmp_path)
    async with running(path) as router:

        async def pour() -> None:
            for i in range(60):
                await router.send(*[f"alpha {i * 50 + n}" for n in range(50)])
                await asyncio.sleep(0.01)

        pouring = asyncio.create_task(pour())
        reloads = 0
        while not pouring.done() or reloads < 3:
            (tmp_path / "detect/two.yml").write_text(RULE % (f"Two {reloads}", 2, "no such text"))
            assert await router.reload.reload()
            reloads += 1
        await pouring
        assert [d["message"] for d in await router.events(3000)] == [f"alpha {i}" for i in range(3000)]
        assert await router.signals(3000) == ["One"] * 3000
        await until(lambda: (tmp_path / "out.ndjson").read_bytes().count(b"\n") >= 3000)
    lines = (tmp_path / "out.ndjson").read_bytes().splitlines()
    assert sorted(orjson.loads(line)["message"] for line in lines) == sorted(f"alpha {i}" for i in range(3000))


async def test_what_a_sink_is_sent_follows_new_noise_rules_and_its_new_choice(tmp_path: Path) -> None:
    path, out = written(tmp_path), tmp_path / "out.ndjson"

    def messages() -> list[str]:
        return [orjson.loads(line)["message"] for line in out.read_bytes().splitlines()] if out.exists() else []

    async with running(path) as router:
        await router.send("noisy 1")
        await until(lambda: messages() == ["noisy 1"])
        (tmp_path / "noise/quiet.yaml").write_text(NOISE % "noisy")
        assert await router.reload.reload()
        await router.send("noisy 2", "plain 3")
        await until(lambda: messages() == ["noisy 1", "plain 3"])
        path.write_text(CONFIG.replace("read: [events]", "read: [events], choose: {noise: false}"))
        assert await router.reload.reload()
        await router.send("noisy 4")
        await until(lambda: messages() == ["noisy 1", "plain 3", "noisy 4"])


async def test_windows_of_a_correlation_go_on_through_a_reload(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "detect/many.yml").write_text(CORRELATION % 4)
    (tmp_path / "detect/one.yml").write_text(RULE % ("One", 1, "alpha"))
    async with running(path) as router:
        await router.send("alpha", "alpha")
        await until_matches(router.log, 2)
        assert await router.reload.reload()
        await router.send("alpha")
        await until_matches(router.log, 3)
        assert await router.reload.reload()
        await router.send("alpha")
        assert await router.signals(1) == ["Many"]


async def test_windows_of_noise_rules_end_with_their_summary_and_no_group_stays_counted(tmp_path: Path) -> None:
    path = written(tmp_path)
    dedupe = NOISE.replace("kind: drop", "kind: dedupe\nby: [message]\nwindow_seconds: 3600") % "noisy"
    (tmp_path / "noise/quiet.yaml").write_text(dedupe)
    async with running(path) as router:
        await router.send("noisy", "noisy", "noisy")
        await router.events(3)
        assert REGISTRY.get_sample_value("logweir_noise_groups", {"rule": "quiet"}) == 1
        (tmp_path / "noise/quiet.yaml").unlink()
        assert await router.reload.reload()
        [summary] = await router._documents(SIGNALS, 1)
        assert summary["event"]["kind"] == "metric"  # type: ignore[index]  # documents are objects
        assert REGISTRY.get_sample_value("logweir_noise_groups", {"rule": "quiet"}) == 0


async def until_matches(log: Log, count: int) -> None:
    async with asyncio.timeout(20):
        while (await log.ends(MATCHES))[0][1] < count:
            await asyncio.sleep(0.02)


async def test_old_rules_are_let_go(tmp_path: Path) -> None:
    path = written(tmp_path)
    async with running(path) as router:
        old = Running.content  # type: ignore[attr-defined]  # kept for this test alone
        assert old() is not None
        await router.reload.reload()
        await router.send("alpha")
        await router.signals(1)
        await until(lambda: gc.collect() >= 0 and old() is None)


async def test_sighup_reloads_and_the_process_lives(tmp_path: Path) -> None:
    path = written(tmp_path)
    async with running(path):
        before = metric("logweir_config_loaded_timestamp_seconds")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: metric("logweir_config_loaded_timestamp_seconds") > before)


async def test_a_change_of_files_is_noticed_also_in_what_was_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    async with running(path, watch=True) as router:
        more = tmp_path / "more"
        more.mkdir()
        (more / "two.yml").write_text("title: [")
        path.write_text(CONFIG.replace("detect: [detect]", "detect: [detect, more]"))
        await until(lambda: metric("logweir_config_reload_success") == 0)
        (more / "two.yml").write_text(RULE % ("Two", 2, "beta"))
        await until(lambda: metric("logweir_config_reload_success") == 1)
        await router.send("beta")
        assert await router.signals(1) == ["Two"]


async def test_a_change_after_files_were_read_and_before_the_router_works_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path)

    def edit() -> None:
        (tmp_path / "detect/two.yml").write_text(RULE % ("Two", 2, "beta"))

    loaded = metric("logweir_config_loaded_timestamp_seconds")
    async with running(path, edit, watch=True) as router:
        started = max(loaded, metric("logweir_config_loaded_timestamp_seconds"))
        await until(lambda: metric("logweir_config_loaded_timestamp_seconds") > started)
        await router.send("beta")
        assert await router.signals(1) == ["Two"]


async def test_a_bad_rule_in_a_folder_that_is_new_is_noticed_when_it_goes(tmp_path: Path) -> None:
    path = written(tmp_path)
    async with running(path, watch=True):
        (tmp_path / "more").mkdir()
        (tmp_path / "more/bad.yml").write_text("title: bad")
        path.write_text(CONFIG.replace("[detect]", "[detect, more]"))
        await until(lambda: metric("logweir_config_reload_success") == 0)
        (tmp_path / "more/bad.yml").unlink()
        await until(lambda: metric("logweir_config_reload_success") == 1)


def test_what_needs_a_restart_is_named(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = load(path)
    text = CONFIG.replace("choose", "").replace("out.ndjson, read: [events]", "other.ndjson, choose: {kinds: [alert]}")
    path.write_text(text.replace("partitions: 1", "partitions: 2") + "sources: {net: {kind: syslog, udp: '127.0.0.1:0'}}\n")
    assert list(needs_restart(before, load(path))) == ["log", "sources.net", "sinks.out"]
    path.write_text(CONFIG.replace("read: [events]", "read: [events], choose: {kinds: [alert]}"))
    assert list(needs_restart(before, load(path))) == []


def git(folder: Path, *words: str) -> None:
    settings = (
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t.example",
        "-c",
        "init.defaultBranch=main",
        "-c",
        "protocol.file.allow=always",
    )
    subprocess.run(["git", *settings, "-C", str(folder), *words], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
async def test_a_git_checkout_of_rules_is_followed_and_its_insides_are_not(tmp_path: Path) -> None:
    path, origin = written(tmp_path), tmp_path / "origin"
    origin.mkdir()
    git(origin, "init")
    (origin / "two.yml").write_text(RULE % ("Two", 2, "beta"))
    git(origin, "add", ".")
    git(origin, "commit", "-m", "one rule")
    git(tmp_path, "clone", str(origin), str(tmp_path / "checkout"))
    path.write_text(CONFIG.replace("detect: [detect]", "detect: [detect, checkout]"))
    (tmp_path / "checkout/.git/x.yml").write_text("title: [")
    async with running(path, watch=True) as router:
        await router.send("beta")
        assert await router.signals(1) == ["Two"]
        await asyncio.sleep(0.3)
        loaded = metric("logweir_config_loaded_timestamp_seconds")
        (tmp_path / "checkout/.git/y").write_text("fetched, not checked out")
        await asyncio.sleep(0.5)
        assert metric("logweir_config_loaded_timestamp_seconds") == loaded
        (origin / "three.yml").write_text(RULE % ("Three", 3, "gamma"))
        git(origin, "add", ".")
        git(origin, "commit", "-m", "another")
        git(tmp_path / "checkout", "pull")
        await until(lambda: metric("logweir_config_loaded_timestamp_seconds") > loaded)
        await router.send("gamma")
        assert await router.signals(2) == ["Two", "Three"]


async def test_rules_that_are_refused_are_left_out_and_counted_where_the_configuration_says_so(tmp_path: Path) -> None:
    path = written(tmp_path)
    (tmp_path / "detect/bad.yml").write_text((RULE % ("Bad", 9, "x")).replace("condition: words", "condition: worts"))
    with pytest.raises(ConfigError):
        Content(load(path))
    path.write_text(CONFIG.replace("detect: [detect]", "detect: [detect], refused: leave_out"))
    async with running(path) as router:
        await router.send("alpha")
        assert await router.signals(1) == ["One"]
        assert REGISTRY.get_sample_value("logweir_detect_refused_rules", {"reason": "condition"}) == 1
        (tmp_path / "detect/bad.yml").unlink()
        assert await router.reload.reload()
        await until(lambda: REGISTRY.get_sample_value("logweir_detect_refused_rules", {"reason": "condition"}) == 0)
