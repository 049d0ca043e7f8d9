"""Stand-ins for Elasticsearch, Splunk HEC and QRadar: what a sink can tell of them, on a loopback port, and nothing more.

They keep no events, only count them and remember ids. They are for the demo and for tests of faults; they are no proof
that a sink works with the product.
"""

import asyncio
import hmac
import json
import re
import ssl
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import orjson
from aiohttp import web

_REMEMBERED = 1_000_000
_MAX_BODY_BYTES = 64 << 20
_UID = re.compile(rb"\teventUid=([0-9a-f]{32})")


class Answer(NamedTuple):
    """One scripted answer. Status 0 closes the connection without an answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    delay_seconds: float = 0.0


class Arrivals:
    """Which ids arrived and how often; forgets the oldest past a million."""

    def __init__(self) -> None:
        self.received = self.repeats = 0
        self._seen: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._seen

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)

    def add(self, key: str) -> None:
        self.received += 1
        if key in self._seen:
            self.repeats += 1
        self._seen[key] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


class HttpStandIn:
    """An HTTP server on a free port of the loopback address. Scripted `answers` are given first, in their order."""

    def __init__(self, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.answers: deque[Answer] = deque()
        self.arrivals, self.requests, self.in_flight, self.most_in_flight = Arrivals(), 0, 0, 0
        self._port, self._tls = port, tls
        self._runner: web.AppRunner | None = None
        self.url = ""

    @property
    def received(self) -> int:
        """Events taken, repeats that were taken again included."""
        return self.arrivals.received

    def routes(self) -> list[web.RouteDef]:
        raise NotImplementedError

    async def start(self) -> None:
        """Listen; a second start uses the port of the first."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[self._scripted])
        app.add_routes(self.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, ssl_context=self._tls).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        """Close everything at once, as a product that dies does."""
        runner, self._runner = self._runner, None
        if runner:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    @web.middleware
    async def _scripted(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            scripted = self.answers and request.method == "POST"
            response: web.StreamResponse = await (self._script(request) if scripted else handler(request))
            return response
        finally:
            self.in_flight -= 1

    async def _script(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        answer = self.answers.popleft()
        await asyncio.sleep(answer.delay_seconds)
        if answer.status == 0 and request.transport:
            request.transport.abort()
        return web.Response(status=answer.status or 500, body=answer.body, headers=answer.headers)


class ElasticsearchStandIn(HttpStandIn):
    """Stand-in for Elasticsearch: `_bulk` with an answer per item, repeats of an id in one stream answered with 409.

    `refuse` may turn a document down: it returns (status, error type) or None. `authorization` is the header it wants.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        refuse: Callable[[Mapping[str, Any]], tuple[int, str] | None] = lambda _: None,
        failure_store: bool = False,
        authorization: str = "",
    ) -> None:
        super().__init__(port=port, tls=tls)
        self.by_stream: dict[str, int] = {}
        self._refuse, self._failure_store, self._authorization = refuse, failure_store, authorization

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/", self._root), web.post("/_bulk", self._bulk), web.put("/_bulk", self._bulk)]

    async def _root(self, _: web.Request) -> web.Response:
        return _json({"version": {"number": "9.0.0"}, "tagline": "stand-in"}, 200, {"X-Elastic-Product": "Elasticsearch"})

    async def _bulk(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "")
        if self._authorization and not hmac.compare_digest(given.encode(), self._authorization.encode()):
            return _json({"error": {"type": "security_exception", "reason": "unable to authenticate"}, "status": 401}, 401)
        lines = (await request.read()).split(b"\n")
        if lines.pop() or len(lines) % 2 or not lines:
            return _json(
                {"error": {"type": "illegal_argument_exception", "reason": "malformed bulk request"}, "status": 400}, 400
            )
        items = [self._item(orjson.loads(lines[i])["create"], lines[i + 1]) for i in range(0, len(lines), 2)]
        errors = any("error" in item for item in items)
        return _json({"took": 1, "errors": errors, "items": [{"create": item} for item in items]}, 200)

    def _item(self, action: Mapping[str, str], line: bytes) -> dict[str, Any]:
        stream, name = action["_index"], action.get("_id", "")
        if name and f"{stream}/{name}" in self.arrivals:
            self.arrivals.repeats += 1
            return _error(409, "version_conflict_engine_exception")
        refused = self._refused(line)
        if refused and not (refused[0] == 400 and self._failure_store):
            return _error(*refused)
        self.arrivals.add(f"{stream}/{name or self.arrivals.received}")
        self.by_stream[stream] = self.by_stream.get(stream, 0) + 1
        return {"status": 201, "failure_store": "used"} if refused else {"status": 201}

    def _refused(self, line: bytes) -> tuple[int, str] | None:
        try:
            document = orjson.loads(line)
        except ValueError:
            return 400, "document_parsing_exception"
        if not isinstance(document, dict) or "@timestamp" not in document:
            return 400, "document_parsing_exception"
        return self._refuse(document)


class SplunkHecStandIn(HttpStandIn):
    """Stand-in for the Splunk HTTP Event Collector: event endpoint, acknowledgement, health, and the codes of refusals.

    `indexes`: those in the token's list; empty means all. `ack`: the token wants channels; `acknowledge` false holds back.
    """

    def __init__(
        self,
        token: str,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        indexes: frozenset[str] = frozenset(),
        ack: bool = False,
    ) -> None:
        super().__init__(port=port, tls=tls)
        self.acknowledge = True
        self.by_index: dict[str, int] = {}
        self._token, self._indexes, self._ack = token, indexes, ack
        self._channels: dict[str, list[bool]] = {}

    def routes(self) -> list[web.RouteDef]:
        base = "/services/collector"
        events = [web.post(base + path, self._event) for path in ("", "/event", "/event/1.0")]
        health = [web.get(base + path, self._health) for path in ("/health", "/health/1.0")]
        return [*events, *health, web.post(f"{base}/ack", self._acks)]

    async def _health(self, _: web.Request) -> web.Response:
        return _code(17, 200)

    def _unauthorized(self, request: web.Request) -> web.Response | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return _code(2, 401)
        if scheme.lower() != "splunk":
            return _code(3, 401)
        return None if hmac.compare_digest(token.encode(), self._token.encode()) else _code(4, 403)

    async def _event(self, request: web.Request) -> web.Response:
        if (refusal := self._unauthorized(request)) is not None:
            return refusal
        channel = request.headers.get("X-Splunk-Request-Channel", request.query.get("channel", ""))
        if self._ack and not channel:
            return _code(10, 400)
        text = (await request.read()).decode("utf-8", "replace")
        if not text.strip():
            return _code(5, 400)
        count, code = self._take(text)
        extra = {"ackId": self._acknowledgement(channel)} if self._ack else {}
        if code:
            return _code(code, 400, {"invalid-event-number": count + (code == 7)} | extra)
        return _code(0, 200, extra)

    def _take(self, text: str) -> tuple[int, int]:
        """How many events were taken, and the code of the one that was not (0: all were)."""
        count = 0
        for event in _objects(text):
            if code := self._fault(event):
                return count, code
            self._count(event)
            count += 1
        return count, 0

    def _fault(self, event: Any) -> int:
        if not isinstance(event, dict):
            return 6
        if "event" not in event:
            return 12
        if event["event"] in ("", None, {}, []):
            return 13
        if not _is_number(event.get("time", 0)) or any(isinstance(v, dict) for v in event.get("fields", {}).values()):
            return 15
        return 7 if self._indexes and event.get("index", "") not in self._indexes | {""} else 0

    def _count(self, event: Mapping[str, Any]) -> None:
        self.arrivals.add(str(event.get("fields", {}).get("_evt_id", self.arrivals.received)))
        index = str(event.get("index", ""))
        self.by_index[index] = self.by_index.get(index, 0) + 1

    def _acknowledgement(self, channel: str) -> int:
        done = self._channels.setdefault(channel, [])
        done.append(False)
        return len(done) - 1

    async def _acks(self, request: web.Request) -> web.Response:
        if (refusal := self._unauthorized(request)) is not None:
            return refusal
        if not self._ack:
            return _code(14, 400)
        asked = (await request.json())["acks"]
        known = self._channels.get(request.query.get("channel", ""), [])
        fresh = [a for a in asked if self.acknowledge and 0 <= a < len(known) and not known[a]]
        for number in fresh:
            known[number] = True  # a number is reported once
        return _json({"acks": {str(a): a in fresh for a in asked}}, 200)


class QRadarStandIn:
    """Stand-in for QRadar: counts lines on a TCP or TLS port and answers nothing, as syslog receivers do."""

    def __init__(self, *, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self.arrivals, self.longest = Arrivals(), 0
        self.lines: deque[bytes] = deque(maxlen=1000)
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self.address: tuple[str, int] = ("127.0.0.1", port)

    @property
    def received(self) -> int:
        """Lines read, repeats included."""
        return self.arrivals.received

    async def start(self) -> None:
        """Listen; a second start uses the port of the first."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.address[1], ssl=self._tls, limit=1 << 20)
        self.address = self._server.sockets[0].getsockname()[:2]

    async def stop(self) -> None:
        """Reset every connection."""
        server, self._server = self._server, None
        if server:
            server.close()
            for writer in list(self._open):
                writer.transport.abort()
            await server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while line := await reader.readuntil(b"\n"):
                self._take(line)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # what is not a whole line never arrived
        finally:
            self._open.discard(writer)
            writer.close()

    def _take(self, line: bytes) -> None:
        uid = _UID.search(line)
        self.arrivals.add(uid[1].decode() if uid else f"line {self.arrivals.received}")
        self.lines.append(line)
        self.longest = max(self.longest, len(line) - 1)


def _json(body: Any, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json", headers=headers)


def _error(status: int, kind: str) -> dict[str, Any]:
    return {"status": status, "error": {"type": kind, "reason": "said by a stand-in"}}


_TEXTS = {
    0: "Success",
    2: "Token is required",
    3: "Invalid authorization",
    4: "Invalid token",
    5: "No data",
    6: "Invalid data format",
    7: "Incorrect index",
    10: "Data channel is missing",
    12: "Event field is required",
    13: "Event field cannot be blank",
    14: "ACK is disabled",
    15: "Error in handling indexed fields",
    17: "HEC is healthy",
}


def _code(code: int, status: int, extra: Mapping[str, Any] | None = None) -> web.Response:
    return _json({"text": _TEXTS[code], "code": code} | dict(extra or {}), status)


def _is_number(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"\d{1,12}(\.\d{1,9})?", value) is not None
    return type(value) in (int, float)


def _objects(text: str) -> Iterator[Any]:
    """JSON values back to back; what cannot be read comes as None and ends it."""
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        try:
            value, at = decoder.raw_decode(text, at)
        except ValueError:
            yield None
            return
        yield value
