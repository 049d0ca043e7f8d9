"""Stream listeners: who may connect, the handshake, and what the kernel has accepted when it is time to stop."""

import asyncio
import gc
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import Field

from router import telemetry
from router.errors import Misconfigured
from router.ingest._addresses import Address
from router.ingest._tls import Certificates
from router.protocols import Emit, Memory
from router.registry import Settings
from router.share import mine

HANDSHAKE_SECONDS = 10.0
_BACKLOG = 1024
_AT_ONCE = 32
"""Accepted in one round of the event loop: who is connected already has his turn in between."""
_YOUNG_CONNECTIONS = 200
"""After so many new ones the collector looks at young objects. Connections last, so it would do so at some time anyway: among
100,000 objects, which holds everybody up for 40 ms, while a tenth of them takes 3."""
_NO_DESCRIPTORS_SECONDS = 1.0


class ConnectionLimits(Settings):
    """How many senders may be connected, and how long they may say nothing."""

    total: int = Field(10_000, ge=1)
    """Connections of this source at once."""
    per_address: int = Field(100, ge=1)
    """Connections from one address at once."""
    accepted_per_second: int = Field(200, ge=1)
    """New connections from one address within a second."""
    idle_seconds: float = Field(300, gt=0)
    """A connection that has been quiet for this long is closed."""
    stalled_seconds: float = Field(30, gt=0)
    """The same in the middle of a frame or a request body."""


@dataclass(slots=True)
class Admission:
    """Counts the connections of one source against its limits."""

    limits: ConnectionLimits
    clock: Callable[[], float] = time.monotonic
    memory: Memory | None = None
    """Refuse while it is full, where the protocol has no way to say so later."""
    open: int = 0
    _by_address: Counter[str] = field(default_factory=Counter)
    _recent: Counter[str] = field(default_factory=Counter)
    _second: int = 0

    def refusal(self, address: str) -> str:
        """Why a connection from `address` is refused now; empty when it may come: it is counted from here on."""
        if int(self.clock()) != self._second:
            self._second = int(self.clock())
            self._recent.clear()
        self._recent[address] += 1
        if self._recent[address] > self.limits.accepted_per_second:
            return "connection_rate"
        if self._by_address[address] >= self.limits.per_address:
            return "connections_per_address"
        if self.open >= self.limits.total:
            return "connections"
        if self.memory is not None and self.memory.full:
            return "memory"
        self._by_address[address] += 1
        self.open += 1
        return ""

    def left(self, address: str) -> None:
        """A connection that had been admitted is gone."""
        self.open -= 1
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]


def bind(name: str, address: Address, kind: socket.SocketKind) -> socket.socket:
    """A bound socket that does not block. Raises Misconfigured with the address when it cannot be had."""
    if mine().is_one_of_several and address[1] == 0:
        raise Misconfigured(f"source {name}: every worker would get a port of its own for {address}; give a fixed one")
    try:
        family, _, _, _, where = socket.getaddrinfo(*address, type=kind, flags=socket.AI_PASSIVE)[0]
        sock = socket.socket(family, kind)
    except OSError as error:
        raise Misconfigured(_cannot(name, address, error)) from error
    try:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address.host != "::")
        if mine().is_one_of_several:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)  # the kernel gives each sender to one of the workers
        sock.bind(where)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise Misconfigured(_cannot(name, address, error)) from error
    return sock


def _cannot(name: str, address: Address, error: OSError) -> str:
    return f"source {name}: cannot listen on {address}: {error.strerror}; free the port or choose another address"


class StreamListener:
    """One listening socket. `protocol(peer, left)` makes the receiver of a connection; it calls `left` once when it is lost."""

    def __init__(
        self,
        sock: socket.socket,
        admission: Admission,
        emit: Emit,
        protocol: Callable[[str, Callable[[], None]], asyncio.BufferedProtocol],
        certificates: Certificates | None = None,
    ) -> None:
        sock.listen(_BACKLOG)
        self._socket, self._admission, self._emit = sock, admission, emit
        self._protocol, self._certificates = protocol, certificates
        self._connecting: set[asyncio.Task[None]] = set()
        self._young = 0
        self._loop, self._closed = asyncio.get_running_loop(), False
        self._tasks: asyncio.TaskGroup
        self._log = telemetry.logger("ingest")

    def open(self, tasks: asyncio.TaskGroup) -> None:
        """Start to accept. The library's own `sock_accept` may lose a connection when it is cancelled."""
        self._tasks = tasks
        self._loop.add_reader(self._socket, self._accept)

    def close(self) -> None:
        """Take what already waits in the kernel, then refuse what is new."""
        self._accept(_BACKLOG)
        self._closed = True
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _accept(self, most: int = _AT_ONCE) -> None:
        if self._closed:
            return
        for _ in range(most):
            try:
                sock, address = self._socket.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError as error:
                self._wait_for_descriptors(error)
                return
            self._admit(sock, address[0])

    def _wait_for_descriptors(self, error: OSError) -> None:
        """Out of descriptors: what waits would wake us without end."""
        self._log.warning("cannot accept", error=error.strerror)
        self._loop.remove_reader(self._socket)
        self._loop.call_later(_NO_DESCRIPTORS_SECONDS, self._go_on)

    def _go_on(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._socket, self._accept)

    def abandon(self) -> None:
        """Give up handshakes that are still under way."""
        for task in self._connecting:
            task.cancel()

    def _admit(self, sock: socket.socket, address: str) -> None:
        peer = address.removeprefix("::ffff:")
        reason = self._admission.refusal(peer)
        if reason:
            self._emit.reject(reason)
            sock.close()
            return
        self._count_young()
        sock.setblocking(False)
        task = self._tasks.create_task(self._connect(sock, peer))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def _count_young(self) -> None:
        self._young += 1
        if self._young == _YOUNG_CONNECTIONS:
            self._young = 0
            gc.collect(0)

    async def _connect(self, sock: socket.socket, peer: str) -> None:
        context = self._certificates.context() if self._certificates else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: self._protocol(peer, lambda: self._admission.left(peer)),
                sock,
                ssl=context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if context else None,
            )
        except (OSError, ssl.SSLError, TimeoutError):
            self._emit.reject("tls_handshake" if context else "connection_lost")
            self._give_up(sock, peer)
        except asyncio.CancelledError:
            self._give_up(sock, peer)
            raise

    def _give_up(self, sock: socket.socket, peer: str) -> None:
        self._admission.left(peer)
        sock.close()
