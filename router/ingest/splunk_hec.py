"""Splunk HTTP Event Collector: everything that can send to Splunk over HTTP can send here.

    sources:
      splunk:
        kind: splunk_hec
        listen: 0.0.0.0:8088
        tls: {cert_file: server.pem, key_file: server.key}
        tokens:
          - {name: forwarders, secret: "${HEC_TOKEN}", index: main}
          - {name: firehose, secret: "${FIREHOSE_TOKEN}", ack: true}

Routes: `/services/collector[/event[/1.0]]`, `/raw[/1.0]`, `/ack`, `/health[/1.0]` below `/services/collector`; gzip bodies.
An answer 200, and an ackId, say that the events are in the log, durably: more than Splunk itself promises. A batch with a
bad object is kept up to that object and answered 400 with its number, as Splunk does; a client that sends the whole batch
again makes duplicates. While memory is short the answer is 503 with `Retry-After`.

Event objects are kept as they came, whole; `process` unwraps them. Raw bodies are cut into lines; what the query string or
the token says about them travels beside. Refused requests are counted as `hec_<code>`, with Splunk's codes.
"""

import asyncio
from collections.abc import Sequence
from socket import SOCK_STREAM
from typing import Self

from pydantic import Field, model_validator

from router.ingest._addresses import HostPort
from router.ingest._hec_requests import HecLimits, HecRequests
from router.ingest._hec_tokens import Token, Tokens
from router.ingest._http_server import HttpServer
from router.ingest._listener import Admission, ConnectionLimits, StreamListener, bind
from router.ingest._tls import Certificates, TlsFiles
from router.protocols import Emit, Source
from router.registry import PeerSettings, Spec

_DRAIN_SECONDS = 10.0


class HecSettings(PeerSettings):
    """Splunk HTTP Event Collector."""

    listen: HostPort
    """Address, such as `0.0.0.0:8088`."""
    tls: TlsFiles | None = None
    """Certificate; plain HTTP without."""
    tokens: tuple[Token, ...] = Field(min_length=1)
    """Who may send."""
    max_body_bytes: int = Field(10 << 20, ge=1024, le=64 << 20)
    """Largest body on the wire; more is answered 413."""
    max_inflated_bytes: int = Field(20 << 20, ge=1024, le=64 << 20)
    """Largest body after decompression."""
    max_events: int = Field(50_000, ge=1)
    """Most events in one request."""
    bodies_mb: int = Field(64, ge=1)
    """MiB of all bodies being read at once; above, requests are answered 503."""
    connections: ConnectionLimits = Field(default_factory=ConnectionLimits)
    """Limits of connections."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [token.name for token in self.tokens]
        if len(set(names)) < len(names):
            raise ValueError("two tokens share a name; give each its own")
        if len({token.secret.get_secret_value() for token in self.tokens}) < len(names):
            raise ValueError("two tokens share a secret, so that only the first would ever be used; give each its own")
        return self

    def limits(self) -> HecLimits:
        """What a request may carry."""
        bodies = self.bodies_mb << 20
        stalled = self.connections.stalled_seconds
        return HecLimits(self.max_body_bytes, self.max_inflated_bytes, self.max_events, bodies, stalled)


class HecSource:
    """The HTTP server of one HEC source."""

    def __init__(self, name: str, settings: HecSettings) -> None:
        self._name, self._settings = name, settings
        self._tokens = Tokens(settings.tokens)
        self._certificates = Certificates(name, settings.tls) if settings.tls else None
        self.ready = asyncio.Event()
        self.addresses: Sequence[tuple[str, int]] = ()

    async def run(self, emit: Emit, stop: asyncio.Event) -> None:
        """Serve until `stop`; then refuse what is new and answer what was begun."""
        settings = self._settings
        requests = HecRequests(self._name, emit, self._tokens, settings.limits(), asyncio.get_running_loop().time)
        server = HttpServer(self._name, requests, settings.connections)
        with bind(self._name, settings.listen, SOCK_STREAM) as sock:
            listener = StreamListener(sock, Admission(settings.connections), emit, server.connect, self._certificates)
            self.addresses = [sock.getsockname()[:2]]
            async with asyncio.TaskGroup() as tasks:
                sweep = tasks.create_task(server.sweep())
                listener.open(tasks)
                self.ready.set()
                await stop.wait()
                requests.closing = True
                listener.close()
                sweep.cancel()
                listener.abandon()
                await server.close(_DRAIN_SECONDS)


def _build(name: str, settings: HecSettings) -> HecSource:
    return HecSource(name, settings)


SPEC: Spec[Source] = Spec(settings=HecSettings, build=_build)
