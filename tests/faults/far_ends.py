"""The destinations of a run: stand-ins with the answers of the products, every arrival in the ledger."""

import asyncio
import re
import sys
from collections import Counter, deque
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import orjson
from aiohttp import web

from router.demo.standins import ElasticsearchStandIn, QRadarStandIn, SplunkHecStandIn
from tests.faults.ledger import Arrived
from tests.faults.ports import free_port

SPLUNK_TOKEN = "ledger-splunk-token"
_UID = re.compile(rb"\teventUid=([0-9a-f]{32})")
_INDEXING_SECONDS = 0.3


class Search(ElasticsearchStandIn):
    """Elasticsearch: what is created counts as arrived; what is there already is answered 409 and counted as suppressed."""

    def __init__(self, books: Arrived, **more: Any) -> None:
        super().__init__(**more)
        self._books = books
        self.suppressed = 0

    def _item(self, action: Mapping[str, str], line: bytes) -> dict[str, Any]:
        answer = super()._item(action, line)
        if answer["status"] == 201:
            self._books.note(line, action["_id"].encode(), is_alert="-alerts-" in action["_index"])
        self.suppressed += answer["status"] == 409
        return answer


class Splunk(SplunkHecStandIn):
    """Splunk without acknowledgement: an event counts as arrived with the 200."""

    def __init__(self, books: Arrived, **more: Any) -> None:
        super().__init__(SPLUNK_TOKEN, **more)
        self._books = books

    def _count(self, event: Mapping[str, Any]) -> None:
        super()._count(event)
        self._note(event)

    def _note(self, event: Mapping[str, Any]) -> None:
        is_alert = str(event.get("sourcetype", "")).startswith("logweir:logweir.")
        self._books.note(orjson.dumps(event["event"]), str(event["fields"]["_evt_id"]).encode(), is_alert=is_alert)


class SplunkWithAck(Splunk):
    """With acknowledgement: what a 200 promised is in memory until it is indexed, and gone when the process dies before."""

    def __init__(self, books: Arrived, **more: Any) -> None:
        super().__init__(books, ack=True, **more)
        self._pending: list[Mapping[str, Any]] = []
        self._indexed: set[tuple[str, int]] = set()
        self.forgotten = 0

    def _note(self, event: Mapping[str, Any]) -> None:
        self._pending.append(event)

    async def _event(self, request: web.Request) -> web.Response:
        answer = await super()._event(request)
        events, self._pending = self._pending, []
        if events:
            channel = request.headers.get("X-Splunk-Request-Channel", request.query.get("channel", ""))
            number = orjson.loads(answer.body)["ackId"]  # type: ignore[arg-type]  # passed through
            asyncio.get_running_loop().call_later(_INDEXING_SECONDS, self._index, channel, number, events, self._runner)
        return answer

    def _index(self, channel: str, number: int, events: list[Mapping[str, Any]], life: object) -> None:
        if life is not self._runner:
            self.forgotten += len(events)
            return
        for event in events:
            super()._note(event)
        self._indexed.add((channel, number))

    async def _acks(self, request: web.Request) -> web.Response:
        channel = request.query.get("channel", request.headers.get("X-Splunk-Request-Channel", ""))
        asked = (await request.json())["acks"]
        fresh = [a for a in asked if (channel, a) in self._indexed]
        self._indexed -= {(channel, a) for a in fresh}  # a number is reported once
        return web.json_response({"acks": {str(a): a in fresh for a in asked}})

    async def stop(self) -> None:
        await super().stop()
        self._channels.clear()
        self._indexed.clear()


class Receiver(QRadarStandIn):
    """QRadar behind a proxy: every line that was read whole has arrived. It shares its processor with the oracle and may lag."""

    def __init__(self, books: Arrived, **more: Any) -> None:
        super().__init__(**more)
        self._books = books

    def _take(self, line: bytes) -> None:
        super()._take(line)
        note_leef(self._books, line)


class Lines:
    """QRadar as a process that reads as soon as something comes; what it has written is noted with every look."""

    def __init__(self, path: Path, books: Arrived) -> None:
        self._path, self._books = path, books
        self.port, self.count, self._read = free_port(), 0, 0
        self.most_in_a_second = 0
        """Lines that surely came within one second, however late they were read."""
        self._reads: deque[tuple[float, float, int]] = deque()
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        self._path.touch()
        await self._start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kill()

    async def kill_and_start(self) -> None:
        """SIGKILL and a new one."""
        await self._kill()
        await self._start()

    async def _start(self) -> None:
        command = (sys.executable, "-m", "tests.faults.receiver", str(self.port), str(self._path))
        self._process = await asyncio.create_subprocess_exec(*command)

    async def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def look(self) -> None:
        """Note the lines that are new; `count` grows with each."""
        new, self._read = _whole_lines(self._path, self._read)
        self.count += len(new)
        reads = Counter[tuple[float, float]]()
        for line in new:
            connection, since, until, rest = line.split(b" ", 3)
            reads[float(since), float(until)] += 1
            note_leef(self._books, rest, connection)
        for (first, last), count in reads.items():
            self._came(first, last, count)

    def _came(self, since: float, until: float, count: int) -> None:
        self._reads.append((since, until, count))
        while self._reads[0][1] < until - 1:
            self._reads.popleft()
        within = sum(n for first, _, n in self._reads if first >= until - 1)
        self.most_in_a_second = max(self.most_in_a_second, within)


def _whole_lines(path: Path, start: int) -> tuple[list[bytes], int]:
    """Those from an offset on, and the offset behind them."""
    if not path.exists():
        return [], start
    with path.open("rb") as file:
        file.seek(start)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    return whole.split(b"\n")[:-1], start + len(whole)


def note_leef(books: Arrived, line: bytes, connection: bytes = b"") -> None:
    """One LEEF line came."""
    uid = _UID.search(line)
    uid_text = uid[1] if uid else b""
    if b"dataset=logweir.alert" in line:
        books.note_alert(uid_text)
    else:
        books.note(line, uid_text, connection=connection)


class Archive:
    """The files of the file sink, read as they grow."""

    def __init__(self, path: Path, books: Arrived) -> None:
        self._path, self._books = path, books
        self._read = 0

    def look(self) -> None:
        """Note the whole lines that are new."""
        new, self._read = _whole_lines(self._path, self._read)
        for line in new:
            self._note(line)

    def _note(self, line: bytes) -> None:
        try:
            document = orjson.loads(line)
        except ValueError:
            self._books.note(b"no JSON: " + line.replace(b"ledger", b"LEDGER"), b"")
            return
        line_id = blake2b(line, digest_size=16).digest()  # a file carries no ids: the same bytes are the same event
        self._books.note(line, line_id, is_alert=document.get("event", {}).get("kind") == "alert")
