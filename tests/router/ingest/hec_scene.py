"""A HEC source on a log in memory, and a client of it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from pydantic import SecretStr

from router.protocols import Source
from tests.contract.memory_log import MemoryLog
from tests.contract.source import Running, build, running

CHANNEL = "11111111-2222-3333-4444-555555555555"
TOKENS: list[dict[str, Any]] = [
    {"name": "plain", "secret": SecretStr("s-plain"), "index": "main", "query_string": True},
    {"name": "ack", "secret": SecretStr("s-ack"), "ack": True},
    {"name": "off", "secret": SecretStr("s-off"), "enabled": False},
    {"name": "narrow", "secret": SecretStr("s-narrow"), "indexes": ["main", "net"]},
]


def hec(name: str = "hec", **settings: Any) -> Source:
    return build("splunk_hec", name, **{"listen": "127.0.0.1:0", "tokens": TOKENS, **settings})


Answer = tuple[int, dict[str, Any]]


class Client:
    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session, self._base = session, base

    async def post(self, path: str, body: Any = b"", token: str = "s-plain", **headers: str) -> Answer:
        return await self.ask("POST", path, body, {"Authorization": f"Splunk {token}"} if token else {}, **headers)

    async def ask(self, verb: str, path: str, body: Any = b"", base: dict[str, str] | None = None, **headers: str) -> Answer:
        named = {**(base or {}), **{k.replace("_", "-"): v for k, v in headers.items()}}
        async with self._session.request(verb, self._base + path, data=body, headers=named) as answer:
            self.headers = answer.headers
            text = await answer.text()
            return answer.status, json.loads(text) if text else {}


@asynccontextmanager
async def serving(
    log: MemoryLog | None = None, source: Source | None = None, **intake: Any
) -> AsyncIterator[tuple[Client, Running]]:
    async with running(source or hec(), log, **intake) as one, aiohttp.ClientSession(auto_decompress=False) as session:
        yield Client(session, f"http://127.0.0.1:{one.addresses[0][1]}/services/collector"), one
