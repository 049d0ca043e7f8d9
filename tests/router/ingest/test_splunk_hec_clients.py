"""Splunk HEC: clients and forwarders that others wrote deliver to it."""

import asyncio
import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.contract.source import running
from tests.peers import loggers, tenzir
from tests.peers.presence import missing
from tests.router.ingest.hec_scene import hec


def installed(module: str) -> None:
    """Skip, or fail where peers are required, without a client."""
    if importlib.util.find_spec(module) is None:
        missing(module, "install the `dev` extra")


@pytest.mark.peer
class TestPeers:
    async def test_splunk_handler_delivers(self) -> None:
        installed("splunk_handler")
        code = (
            "import logging, sys; from splunk_handler import SplunkHandler\n"
            "where = {'host': '127.0.0.1', 'port': sys.argv[1], 'protocol': 'http'}\n"
            "h = SplunkHandler(**where, token='s-plain', index='main', flush_interval=0.2)\n"
            "log = logging.getLogger('x'); log.addHandler(h); log.setLevel('INFO')\n"
            "[log.info('line %d é', i) for i in range(500)]\n"
            "logging.shutdown()\n"
        )
        events = await self.run(code, 500)
        assert [e["event"] for e in events] == [f"line {i} é" for i in range(500)]
        assert all(e["index"] == "main" and e["time"] for e in events)

    async def test_splunk_hec_handler_delivers(self) -> None:
        installed("splunk_hec_handler")
        code = (
            "import logging, sys; from splunk_hec_handler import SplunkHecHandler\n"
            "h = SplunkHecHandler('127.0.0.1', 's-plain', port=int(sys.argv[1]), proto='http', source='unit', endpoint='event')\n"
            "log = logging.getLogger('x'); log.addHandler(h); log.setLevel('INFO')\n"
            "[log.info(f'line {i}') for i in range(20)]\n"
        )
        events = await self.run(code, 20)
        assert sorted(int(e["event"]["message"].split()[1]) for e in events) == list(range(20))

    async def test_fluent_bit_delivers_compressed(self, tmp_path: Path) -> None:
        options = 'splunk_token: "s-plain", compress: "gzip", host: "127.0.0.1"'
        async with running(hec()) as one:
            lines = 'from {n: 1, msg: "hé"}, {n: 2, msg: "}{"}, {n: 3, msg: "x"}'
            await self.tenzir(
                f'{lines}\nto_fluent_bit "splunk", options={{{options}, port: {one.addresses[0][1]}}}, tls=false', tmp_path
            )
            events = [json.loads(body) for body in await one.arrived(3, seconds=30)]
            assert [(e["event"]["n"], e["event"]["msg"]) for e in events] == [(1, "hé"), (2, "}{"), (3, "x")]

    async def test_tenzir_delivers(self, tmp_path: Path) -> None:
        async with running(hec()) as one:
            url = f"http://127.0.0.1:{one.addresses[0][1]}"
            await self.tenzir(f'from {{n: 1}}, {{n: 2}}\nto_splunk "{url}", hec_token="s-plain"', tmp_path)
            events = [json.loads(body)["event"] for body in await one.arrived(2, seconds=30)]
            assert [e["n"] for e in events] == [1, 2]

    async def tenzir(self, pipeline: str, work: Path) -> None:
        program = await asyncio.to_thread(tenzir.program)
        environment = os.environ | {"TENZIR_STATE_DIRECTORY": str(work / "s"), "TENZIR_CACHE_DIRECTORY": str(work / "c")}
        await loggers.run(str(program), pipeline, environment=environment)

    async def run(self, code: str, count: int) -> list[dict[str, Any]]:
        async with running(hec()) as one:
            port = str(one.addresses[0][1])
            pipe = asyncio.subprocess.PIPE
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-W", "ignore", "-c", code, port, stdout=pipe, stderr=pipe
            )
            async with asyncio.timeout(60):
                _, errors = await process.communicate()
            assert process.returncode == 0, errors.decode()
            return [json.loads(body) for body in await one.arrived(count)]
