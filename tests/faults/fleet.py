"""Logweir as processes that can be killed: one with everything in it, or one for each role."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from tests.faults.ports import free_port

_READY_SECONDS = 120.0


class Unit:
    """One `logweir run` with its options; ports and configuration survive kill and start."""

    def __init__(
        self, name: str, folder: Path, config: Mapping[str, Any], options: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        self.name, self._options = name, options
        self._environment = os.environ | environment
        self.port = free_port()
        self.config, self._out = folder / f"{name}.yaml", folder / f"{name}.log"
        self.config.write_text(yaml.safe_dump({**config, "admin": {"listen": f"127.0.0.1:{self.port}"}}))
        self.process: asyncio.subprocess.Process | None = None
        self.starts = 0
        self.exits: list[int] = []
        """Exit codes of ends that nobody asked for, and of drains."""
        self.drain_seconds: list[float] = []

    @property
    def is_running(self) -> bool:
        """Started, and not ended by anybody."""
        return self.process is not None and self.process.returncode is None

    async def launch(self) -> None:
        """Start without waiting."""
        self.starts += 1
        with self._out.open("ab") as out:
            command = (sys.executable, "-m", "router", "run", "-c", str(self.config), *self._options)
            self.process = await asyncio.create_subprocess_exec(
                *command, env=self._environment, stdout=out, stderr=out, start_new_session=True
            )

    async def start(self) -> None:
        """Start and wait until it says that it is ready."""
        await self.launch()
        await self.wait_ready()

    async def wait_ready(self) -> None:
        """Raises AssertionError with the end of its log when it does not come up."""
        end = time.monotonic() + _READY_SECONDS
        while not await self.is_ready():
            assert self.is_running, f"{self.name} ended: {self.tail()}"
            assert time.monotonic() < end, f"{self.name} is not ready: {self.tail()}"
            await asyncio.sleep(0.1)

    async def is_ready(self) -> bool:
        """What /readyz says."""
        return await self._get("/readyz") is not None

    async def _get(self, path: str) -> str | None:
        timeout = aiohttp.ClientTimeout(total=5)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.get(f"http://127.0.0.1:{self.port}{path}") as answer,
            ):
                return await answer.text() if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    async def metrics(self) -> dict[str, float]:
        """Every sample, by its text form."""
        lines = (await self._get("/metrics") or "").splitlines()
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] not in ("#", ""))}

    def signal(self, number: int) -> None:
        """To the process, if there is one."""
        if self.process is not None and self.is_running:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    async def kill(self) -> None:
        """SIGKILL: no drain, no goodbye."""
        self.signal(signal.SIGKILL)
        if self.process is not None:
            await self.process.wait()

    async def stop(self, seconds: float = 45) -> int:
        """SIGTERM; the exit code. After `seconds` it is killed and the answer is -9."""
        assert self.process is not None
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(seconds):
                code = await self.process.wait()
        except TimeoutError:
            await self.kill()
            code = -9
        self.drain_seconds.append(time.monotonic() - began)
        self.exits.append(code)
        return code

    def resident_bytes(self) -> int:
        """Memory in use now; 0 when it does not run."""
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text() if self.process else ""
        except OSError:
            return 0
        return sum(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def processor_seconds(self) -> float:
        """Processor time used so far, in user and kernel mode."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split() if self.process else []
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0

    def descriptors(self) -> int:
        """Open files."""
        try:
            return len(os.listdir(f"/proc/{self.process.pid}/fd")) if self.process else 0
        except OSError:
            return 0

    def tail(self, size: int = 3000) -> str:
        """The end of what it logged."""
        return self._out.read_text(errors="replace")[-size:] if self._out.exists() else ""


class Fleet:
    """All units of one deployment."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = list(units)

    def __getitem__(self, name: str) -> Unit:
        return next(unit for unit in self.units if unit.name == name)

    async def start(self) -> None:
        """Start all; return when all are ready."""
        for unit in self.units:
            await unit.launch()
        for unit in self.units:
            await unit.wait_ready()

    async def revive(self) -> list[str]:
        """Start what does not run, as a supervisor would; returns the names of units that had ended by themselves."""
        dead = [unit for unit in self.units if not unit.is_running]
        for unit in dead:
            await unit.start()
        return [unit.name for unit in dead]

    async def metrics(self) -> dict[str, float]:
        """The sum over all units."""
        total: dict[str, float] = {}
        for unit in self.units:
            for name, value in (await unit.metrics()).items():
                total[name] = total.get(name, 0.0) + value
        return total

    async def stop(self) -> list[int]:
        """SIGTERM to all, in the order of the stages; the exit codes."""
        return [await unit.stop() for unit in self.units if unit.is_running]

    async def kill(self) -> None:
        """End whatever still runs."""
        for unit in self.units:
            unit.signal(signal.SIGCONT)
            await unit.kill()
