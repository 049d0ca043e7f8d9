"""A running `logweir run` as a person would start it: a process of its own, a configuration file, real ports."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import yaml

from router.demo.standins import ElasticsearchStandIn

TOKEN = "journey-token"


def free_port() -> int:
    """A port that was free a moment ago: a configuration file has to name one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Deployment:
    """One configuration and the process that runs it; may be killed and started again."""

    def __init__(self, folder: Path, log: dict[str, Any], sinks: dict[str, Any], **more: Any) -> None:
        self.folder, self.sinks = folder, sinks
        self.hec_port, self.syslog_port, self.admin_port = free_port(), free_port(), free_port()
        self.config = folder / "logweir.yaml"
        sources = {
            "hec": {
                "kind": "splunk_hec",
                "listen": f"127.0.0.1:{self.hec_port}",
                "tokens": [{"name": "t", "secret": "${HEC_TOKEN}"}],
            },
            "syslog": {"kind": "syslog", "tcp": f"127.0.0.1:{self.syslog_port}"},
        }
        admin = {"listen": f"127.0.0.1:{self.admin_port}"}
        self.config.write_text(
            yaml.safe_dump({"version": 1, "log": log, "sources": sources, "sinks": sinks, "admin": admin, **more})
        )
        self.process: asyncio.subprocess.Process | None = None

    async def start(self, *options: str) -> None:
        """Start, and wait until it says that it is ready."""
        with (self.folder / "out.log").open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "router", "run", "-c", str(self.config), *options),
                env=os.environ | {"HEC_TOKEN": TOKEN},
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        async with asyncio.timeout(200), aiohttp.ClientSession() as session:
            while not await self._ready(session):
                assert self.process.returncode is None, self.tail()
                await asyncio.sleep(0.1)

    async def _ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"http://127.0.0.1:{self.admin_port}/readyz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def kill(self) -> None:
        """SIGKILL: no drain, no goodbye."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            with suppress(
                ProcessLookupError
            ):  # `terminate` would look first, and take the exit code of what has ended from asyncio
                os.kill(self.process.pid, signal.SIGTERM)
        async with asyncio.timeout(80):
            return await self.process.wait()

    async def metrics(self) -> dict[str, float]:
        """Every sample of /metrics, by its text form."""
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.admin_port}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))}

    def tail(self) -> str:
        """The end of what it logged."""
        return (self.folder / "out.log").read_text(errors="replace")[-3000:]

    async def __aenter__(self) -> "Deployment":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.process is not None and self.process.returncode is None:
            await self.kill()


class Sender:
    """Sends numbered events over HEC until told to stop, repeats what was not acknowledged, and remembers what was."""

    def __init__(self, deployment: Deployment, batch: int = 20) -> None:
        self._url = f"http://127.0.0.1:{deployment.hec_port}/services/collector/event"
        self._batch = batch
        self.acknowledged: set[int] = set()
        self.failures = 0

    async def run(self, stop: asyncio.Event) -> None:
        """One batch after another; a batch is repeated until its answer is 200."""
        headers = {"Authorization": f"Splunk {TOKEN}"}
        timeout = aiohttp.ClientTimeout(total=10)
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            first = 0
            while not stop.is_set():
                if await self._post(session, range(first, first + self._batch)):
                    self.acknowledged.update(range(first, first + self._batch))
                    first += self._batch
                else:
                    self.failures += 1
                    await asyncio.sleep(0.1)

    async def _post(self, session: aiohttp.ClientSession, numbers: range) -> bool:
        body = b"".join(orjson.dumps({"event": {"message": f"journey {n}", "number": n}}) for n in numbers)
        try:
            async with session.post(self._url, data=body) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


_NUMBER = re.compile(rb"journey (\d+)")


def numbers_in(path: Path) -> set[int]:
    """The numbers of the events in a file that the file sink wrote."""
    return {int(n) for part in path.parent.glob(f"{path.stem}*") for n in _NUMBER.findall(part.read_bytes())}


class Search(ElasticsearchStandIn):
    """Stand-in for Elasticsearch that remembers the numbers of the events it took."""

    def __init__(self) -> None:
        super().__init__(refuse=self._note)
        self.numbers: set[int] = set()

    def _note(self, document: Mapping[str, Any]) -> None:
        self.numbers |= {int(n) for n in _NUMBER.findall(orjson.dumps(document))}


async def until(condition: Any, seconds: float = 120) -> None:
    """Wait for a condition (a plain function) to hold."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.1)


def total(metrics: Mapping[str, float], name: str, *labels: str) -> float:
    """The sum of all samples of a metric that carry these labels (`source="hec"`)."""
    return sum(v for k, v in metrics.items() if k.startswith(f"logweir_{name}") and all(text in k for text in labels))
