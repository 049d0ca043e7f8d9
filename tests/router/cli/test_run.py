"""`logweir run` takes new rules without a stop."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson

from tests.journeys.deployment import Deployment
from tests.router.cli.process import ROOT, logweir

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


def test_a_folder_of_rules_beside_the_configuration_hides_no_part_of_the_program(tmp_path: Path) -> None:
    """Workers are started as `python -m router` where the user stands, beside what `init` made."""
    logweir("init", tmp_path)
    command = [sys.executable, "-m", "router", "check"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    assert b"logweir.yaml: good" in done.stdout


def test_a_wish_to_reload_ends_no_router_that_still_loads_its_code(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; sys.argv = ['logweir', 'run', '--log-level', 'loud']\n"
        "sys.modules['router.cli'] = type(sys)('router.cli'); sys.modules['router.cli'].main = None\n"
        "import router.__main__; os.kill(os.getpid(), signal.SIGHUP); print('goes on')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"goes on\n"), done.stderr


async def test_a_sighup_that_arrives_while_the_configuration_is_read_is_carried_out_afterwards(tmp_path: Path) -> None:
    config = tmp_path / "logweir.yaml"
    text = 'log: {path: log.db, partitions: 1}\nrules: {builtin: false}\nadmin: {listen: ""}\n'
    os.mkfifo(config)  # reading it waits until this test writes it
    with (tmp_path / "out.log").open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "router", "run", "-c", str(config)), stdout=out, stderr=out, start_new_session=True
        )
    try:
        async with asyncio.timeout(100):
            await asyncio.to_thread(_handed_over, config, text, process.pid)
            await _said(tmp_path / "out.log", "running")  # it has closed the file, else it would read it twice
            await asyncio.to_thread(_handed_over, config, text, 0)  # nobody would read it without a reload
            await _said(tmp_path / "out.log", "reloaded")
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _said(log: Path, event: str) -> None:
    while f'"event": "{event}"' not in log.read_text():
        await asyncio.sleep(0.05)


async def test_ctrl_c_while_it_starts_ends_it_without_a_traceback(tmp_path: Path) -> None:
    slow = tmp_path / "slow/typer"  # found before the one that is installed
    slow.mkdir(parents=True)
    (slow / "__init__.py").write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(100)\n")
    loading = await _interrupted(tmp_path, path=slow.parent)
    assert loading == (-signal.SIGINT, b"")
    os.mkfifo(tmp_path / "logweir.yaml")
    reading = await _interrupted(tmp_path, at=tmp_path / "logweir.yaml")
    assert reading[0] == 130
    assert b"Traceback" not in reading[1]


async def _interrupted(folder: Path, path: Path | None = None, at: Path | None = None) -> tuple[int | None, bytes]:
    """Exit code and standard error of `run` that gets SIGINT: by itself, or when it opens the fifo `at`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _AS_IN_A_TERMINAL, *(sys.executable, "-m", "router", "run", "-c", str(folder / "logweir.yaml"))),
        env=os.environ | {"PYTHONPATH": f"{path or ROOT}:{ROOT}"},
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(100):
            if at:
                await asyncio.to_thread(_interrupt, at, process.pid)
            _, told = await process.communicate()
            return process.returncode, told
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


_AS_IN_A_TERMINAL = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
"""What runs tests in the background has SIGINT ignored, and so would what it starts."""


def _interrupt(fifo: Path, process: int) -> None:
    with fifo.open("w"):
        os.kill(process, signal.SIGINT)


def _handed_over(fifo: Path, text: str, hang_up: int) -> None:
    """Opening waits for the reader; it is asked to reload before it has read a word."""
    with fifo.open("w") as file:
        if hang_up:
            os.kill(hang_up, signal.SIGHUP)
        file.write(text)
