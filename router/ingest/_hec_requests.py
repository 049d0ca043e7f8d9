"""What a HEC source answers: routes, tokens, channels, events to the log, and only then success."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import cast

import orjson
from aiohttp import web

from router import telemetry
from router.batch import Facts
from router.errors import Malformed, Overloaded, Retryable
from router.ingest import _hec_replies as replies
from router.ingest._append import cost
from router.ingest._hec_acks import MAX_IDS, Acks, channel_of
from router.ingest._hec_events import EventBatch, RawBatch, metadata
from router.ingest._hec_replies import Refusal, as_json, reply
from router.ingest._hec_tokens import Tarpit, Token, Tokens
from router.ingest._http_server import Body, HttpConnection
from router.ingest._ledger import Ledger
from router.ingest._reads import SMALL_BYTES
from router.ingest._runs import Flaw
from router.ingest._turns import Turns
from router.protocols import Emit

MAX_ACK_BYTES = 1 << 20
TARPIT_DELAY_SECONDS = 5.0
_MAX_FACTS = 10_000
_REST_SECONDS = 0.001
"""Between two pieces of large bodies while a small request waits for its answer."""
_CODES = {"body_too_large": replies.TOO_LARGE, "inflated_too_large": replies.TOO_LARGE, "inflated_ratio": replies.TOO_LARGE}
_CODES |= {"body_too_slow": replies.TIMEOUT, "encoding": replies.NO_ENCODING, "gzip": replies.BAD_DATA}
_CLOSES = frozenset({replies.TOO_LARGE, replies.TIMEOUT, replies.CLOSING})
_AUTHORIZATION = frozenset(range(1, 5)) | {replies.NO_QUERY_TOKEN}
_NO_EVENTS = frozenset({replies.NO_DATA, replies.NOT_FOUND, replies.WRONG_VERB, 18, 21, 22})


@dataclass(frozen=True, slots=True)
class HecLimits:
    """How much one request may carry, and all of them together."""

    max_body_bytes: int
    max_inflated_bytes: int
    max_events: int
    bodies_bytes: int
    stalled_seconds: float


class HecRequests:
    """The request handler of one source. Set `closing` to refuse what is new."""

    def __init__(self, name: str, emit: Emit, tokens: Tokens, limits: HecLimits, clock: Callable[[], float]) -> None:
        self._name, self._emit, self._tokens, self._limits = name, emit, tokens, limits
        self._tarpit, self._acks = Tarpit(clock), Acks(clock)
        self._ledger = Ledger(limits.bodies_bytes, within=emit.memory)
        self._small = 0  # requests that are being answered
        self._turns = Turns(_REST_SECONDS, lambda: self._small > 0)
        self._facts: dict[tuple[object, ...], Facts] = {}
        self._doubts = telemetry.bound(telemetry.DOUBTS.labels, name)
        self.closing = False
        base = "/services/collector"
        events, raw, acks, health = self._events, self._raw, self._report, self._health
        self._routes: dict[str, tuple[str, Callable[[web.BaseRequest], Awaitable[web.Response]]]] = {
            **dict.fromkeys((base, f"{base}/event", f"{base}/event/1.0"), ("POST", events)),
            **dict.fromkeys((f"{base}/raw", f"{base}/raw/1.0"), ("POST", raw)),
            **dict.fromkeys((f"{base}/ack", f"{base}/ack/1.0"), ("POST", acks)),
            **dict.fromkeys((f"{base}/health", f"{base}/health/1.0"), ("GET", health)),
        }

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Answer one request. A bug costs that request, not the process."""
        is_small = request.content_length is not None and request.content_length <= SMALL_BYTES
        self._small += is_small
        try:
            return await self._route(request)
        except Refusal as refusal:
            return await self._refuse(request, refusal.code, is_counted=refusal.is_counted)
        except (ConnectionError, web.RequestPayloadError):
            raise ConnectionResetError from None  # the sender is gone: nobody waits for an answer
        except Exception:
            telemetry.logger("ingest").exception("a request failed", source=self._name)
            return await self._refuse(request, replies.INTERNAL)
        finally:
            self._small -= is_small

    async def _route(self, request: web.BaseRequest) -> web.Response:
        if request.method == "OPTIONS":
            return web.Response(headers={"Allow": "POST,OPTIONS"})
        verb, handler = self._routes.get(request.path.rstrip("/"), ("", None))
        if handler is None:
            raise Refusal(replies.NOT_FOUND)
        if request.method != verb:
            raise Refusal(replies.WRONG_VERB)
        if self.closing:
            raise Refusal(replies.CLOSING)
        return await handler(request)

    async def _refuse(self, request: web.BaseRequest, code: int, *, is_counted: bool = False) -> web.Response:
        if code not in _NO_EVENTS and not is_counted:
            self._emit.reject(f"hec_{code}")
        if code in _AUTHORIZATION and self._tarpit.failed(_peer(request)):
            await asyncio.sleep(TARPIT_DELAY_SECONDS)
        answer = reply(code)
        if code in _CLOSES:
            answer.force_close()
        return answer

    async def _events(self, request: web.BaseRequest) -> web.Response:
        token, channel = self._admit(request)
        batch = EventBatch(token.indexes, self._limits.max_events)
        return await self._keep(request, token, channel, batch, "splunk_hec", metadata(token.defaults(), {}))

    async def _raw(self, request: web.BaseRequest) -> web.Response:
        token, channel = self._admit(request)
        if token.indexes and request.query.get("index", token.index) not in ("", *token.indexes):
            raise Refusal(7)
        batch = RawBatch(self._limits.max_events)
        return await self._keep(request, token, channel, batch, "", metadata(token.defaults(), request.query))

    def _admit(self, request: web.BaseRequest) -> tuple[Token, str]:
        """The token and channel of a request for which there is room. Raises Refusal."""
        token = self._tokens.of(request.headers.get("Authorization"), request.query)
        channel = _channel(request, required=token.ack)
        if self._emit.busy:
            raise Refusal(replies.BUSY)
        if token.ack:
            self._acks.reserve(token.name, channel)
        return token, channel

    async def _keep(
        self,
        request: web.BaseRequest,
        token: Token,
        channel: str,
        batch: EventBatch | RawBatch,
        envelope: str,
        meta: tuple[tuple[str, str], ...],
    ) -> web.Response:
        """Read the body, make its good events durable, then answer."""
        body = self._body(request)
        try:
            await _fill(batch, body)
            if batch.code == replies.TOO_LARGE or not (batch.runs or batch.code):
                raise Refusal(batch.code or replies.NO_DATA)
            body.becomes(sum(cost(payloads) for _, payloads in batch.runs))
            for flaw, payloads in batch.runs:
                await self._append(payloads, self._facts_of(_peer(request), envelope, meta, flaw))
                if flaw:
                    self._doubts(flaw).inc(len(payloads))
        except Malformed as error:
            raise Refusal(_CODES[error.reason]) from error
        except Retryable as error:
            raise Refusal(replies.BUSY) from error
        finally:
            body.release()
        if batch.code:
            self._emit.reject(f"hec_{batch.code}")
        ack_id = self._acks.issue(token.name, channel) if token.ack else None
        return reply(batch.code, bad_event=batch.bad_event, ack_id=ack_id)

    async def _append(self, payloads: Sequence[bytes], facts: Facts) -> None:
        try:
            await self._emit(payloads, facts, held=True)
        except Retryable as error:
            raise Refusal(replies.BUSY, is_counted=True) from error

    def _body(self, request: web.BaseRequest, max_bytes: int = 0) -> Body:
        limits = self._limits
        try:
            return Body(
                request,
                self._ledger,
                self._turns,
                max_bytes=max_bytes or limits.max_body_bytes,
                max_inflated_bytes=max_bytes or limits.max_inflated_bytes,
                stalled_seconds=limits.stalled_seconds,
            )
        except Malformed as error:
            raise Refusal(_CODES[error.reason]) from error

    def _facts_of(self, peer: str, envelope: str, meta: tuple[tuple[str, str], ...], flaw: Flaw) -> Facts:
        """The one object for records that agree in their facts."""
        key = (peer, envelope, meta, flaw)
        if key not in self._facts:
            if len(self._facts) >= _MAX_FACTS:
                self._facts.clear()
            self._facts[key] = Facts(self._name, peer, envelope, tuple(sorted((*meta, ("flaw", flaw)))) if flaw else meta)
        return self._facts[key]

    async def _report(self, request: web.BaseRequest) -> web.Response:
        token = self._tokens.of(request.headers.get("Authorization"), request.query)
        if not token.ack:
            raise Refusal(replies.ACK_DISABLED)
        channel = _channel(request, required=True)
        body = self._body(request, MAX_ACK_BYTES)
        try:
            text = b"".join([piece async for piece in body.pieces()])
        except (Malformed, Overloaded) as error:
            raise Refusal(_CODES[error.reason] if isinstance(error, Malformed) else replies.BUSY) from error
        finally:
            body.release()
        return as_json({"acks": self._acks.report(token.name, channel, _asked(text))})

    async def _health(self, request: web.BaseRequest) -> web.Response:
        authorization = request.headers.get("Authorization")
        if authorization or "token" in request.query:
            try:
                self._tokens.of(authorization, request.query)
            except Refusal as refusal:
                code = replies.PROBE_DISABLED if refusal.code == replies.TOKEN_DISABLED else replies.PROBE_BAD_TOKEN
                raise Refusal(code) from None
        return reply(replies.UNHEALTHY if self._emit.busy or self._ledger.busy else replies.HEALTHY)


async def _fill(batch: EventBatch | RawBatch, body: Body) -> None:
    async for piece in body.pieces():
        batch.feed(piece)
        body.is_dropped = bool(batch.code)
    batch.finish()


def _peer(request: web.BaseRequest) -> str:
    return cast(HttpConnection, request.protocol).peer


def _channel(request: web.BaseRequest, *, required: bool) -> str:
    value = request.headers.get("X-Splunk-Request-Channel") or request.query.get("channel")
    return channel_of(value, required=required)


def _asked(text: bytes) -> list[int]:
    """The ids in `{"acks": [0, 1]}`. Raises Refusal."""
    try:
        numbers = orjson.loads(text)["acks"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        raise Refusal(replies.BAD_DATA) from None
    if not isinstance(numbers, list) or len(numbers) > MAX_IDS or not all(type(n) is int for n in numbers):
        raise Refusal(replies.BAD_DATA)
    return numbers
