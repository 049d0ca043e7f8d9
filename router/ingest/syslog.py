"""Syslog over UDP, TCP and TLS (RFC 3164, 5424, 5425, 5426, 6587).

    sources:
      network:
        kind: syslog
        udp: 0.0.0.0:5514
        tcp: 0.0.0.0:5514
        tls: {listen: "0.0.0.0:6514", cert_file: server.pem, key_file: server.key, client_ca_file: clients.pem}

Every message is kept as it came, without its framing; headers are read later, by `process`. On TCP and TLS each frame may
be octet-counted or end with a line feed (CR and NUL before it are dropped). A frame above `max_frame_bytes` is cut and
marked, never split into two events. A count above 10 MiB closes the connection.

Syslog has no acknowledgement: what is in the kernels of both machines is lost when either dies. Over TCP the sender is held
back while the log does not take events, and on shutdown what has arrived is read first. Over UDP nothing can be held back:
the kernel buffers 32 MiB where it may, and what it drops after that is counted in `ingest_udp_kernel_drops`.
"""

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from typing import Self

from pydantic import Field, model_validator

from router.ingest._addresses import HostPort
from router.ingest._datagrams import Datagrams
from router.ingest._listener import Admission, ConnectionLimits, StreamListener, bind
from router.ingest._syslog_stream import Streams
from router.ingest._tls import Certificates, TlsFiles
from router.protocols import Emit, Source
from router.registry import PeerSettings, Spec

QUIET_SECONDS, DRAIN_SECONDS = 0.25, 5.0
_LOOK_SECONDS = 0.05


class TlsListen(TlsFiles):
    """A TLS listener."""

    listen: HostPort
    """Address, such as `0.0.0.0:6514`."""


class SyslogSettings(PeerSettings):
    """Syslog over UDP, TCP and TLS."""

    udp: HostPort | None = None
    """Address for UDP."""
    tcp: HostPort | None = None
    """Address for plain TCP."""
    tls: TlsListen | None = None
    """Address and certificate for TLS."""
    max_datagram_bytes: int = Field(64 << 10, ge=480, le=64 << 10)
    """Longer datagrams are cut and marked."""
    max_frame_bytes: int = Field(256 << 10, ge=480, le=900_000)
    """Longer frames on TCP and TLS are cut and marked."""
    connections: ConnectionLimits = Field(default_factory=ConnectionLimits)
    """Limits of TCP and TLS together."""

    @model_validator(mode="after")
    def _listens_somewhere(self) -> Self:
        if not (self.udp or self.tcp or self.tls):
            raise ValueError("a syslog source needs a listener; give udp, tcp or tls")
        return self


class SyslogSource:
    """The listeners of one syslog source. `addresses`: UDP, TCP, TLS, as far as configured, in this order."""

    def __init__(self, name: str, settings: SyslogSettings) -> None:
        self._name, self._settings = name, settings
        self._certificates = Certificates(name, settings.tls) if settings.tls else None
        self.ready = asyncio.Event()
        self.addresses: Sequence[tuple[str, int]] = ()

    async def run(self, emit: Emit, stop: asyncio.Event) -> None:
        """Receive until `stop`; then refuse connections, read what has arrived until it is quiet, and hand it over."""
        with contextlib.ExitStack() as undo:
            sockets = self._bind(undo)
            async with asyncio.TaskGroup() as tasks:
                await self._serve(sockets, emit, stop, tasks)

    def _bind(self, undo: contextlib.ExitStack) -> dict[str, socket.socket]:
        settings, sockets = self._settings, {}
        wanted = {"udp": settings.udp, "tcp": settings.tcp, "tls": settings.tls.listen if settings.tls else None}
        for transport, address in wanted.items():
            if address is not None:
                kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
                sockets[transport] = undo.enter_context(bind(self._name, address, kind))
        self.addresses = [sock.getsockname()[:2] for sock in sockets.values()]
        return sockets

    async def _serve(self, sockets: dict[str, socket.socket], emit: Emit, stop: asyncio.Event, tasks: asyncio.TaskGroup) -> None:
        settings, name = self._settings, self._name
        streams = Streams(name, emit, tasks, settings.max_frame_bytes, settings.connections)
        admission = Admission(settings.connections, memory=emit.memory)
        datagrams = [Datagrams(name, s, emit, tasks, settings.max_datagram_bytes) for t, s in sockets.items() if t == "udp"]
        listeners = [
            StreamListener(s, admission, emit, streams.connect, self._certificates if t == "tls" else None)
            for t, s in sockets.items()
            if t != "udp"
        ]
        chores = [
            tasks.create_task(streams.sweep()),
            *(tasks.create_task(c) for d in datagrams for c in (d.watch(), d.relieve())),
        ]
        for listener in listeners:
            listener.open(tasks)
        for one in datagrams:
            one.open()
        self.ready.set()
        await stop.wait()
        for listener in listeners:
            listener.close()
        await _until_quiet(streams, datagrams)
        for task in chores:
            task.cancel()
        for listener in listeners:
            listener.abandon()
        await streams.close()
        for one in datagrams:
            one.close()


async def _until_quiet(streams: Streams, datagrams: Sequence[Datagrams]) -> None:
    """Wait until nothing has been read for a moment and nothing is held back, at most DRAIN_SECONDS."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < DRAIN_SECONDS:
        await asyncio.sleep(_LOOK_SECONDS)
        last = max(began, streams.last_data, *(d.last_data for d in datagrams))
        if loop.time() - last >= QUIET_SECONDS and not streams.unread:
            return


def _build(name: str, settings: SyslogSettings) -> SyslogSource:
    return SyslogSource(name, settings)


SPEC: Spec[Source] = Spec(settings=SyslogSettings, build=_build)
