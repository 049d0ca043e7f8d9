"""Syslog over UDP (RFC 5426): one datagram, one message; read in bursts, with a large kernel buffer, losses counted."""

import asyncio
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from router import telemetry
from router.batch import Facts
from router.ingest._append import EVENT_OVERHEAD_BYTES
from router.ingest._patience import until_durable, until_idle
from router.protocols import Emit, Memory

BUFFER_BYTES = 32 << 20
"""What the kernel may hold for us; this, not the way of reading, decides what is lost in a burst."""
PENDING_BYTES = 8 << 20
"""Bytes that wait for the log before datagrams are left to the kernel's buffer."""
SHED_SECONDS = 0.05
"""How often datagrams are shed while memory is full."""
_BURST = 256
_MAX_DATAGRAM = 65_535
_MAX_SENDERS = 10_000
_EVERYTHING, _INFORMATIONAL, _NOTICE, _NOTHING = 7, 6, 5, -1
_LITTLE = 0.025  # of memory
_PRI = re.compile(rb"<([0-9]{1,3})>")
_SO_RCVBUFFORCE = 33  # Linux; needs CAP_NET_ADMIN


class Datagrams:
    """One bound UDP socket. Messages of one sender reach the log in the order they were read."""

    def __init__(self, name: str, sock: socket.socket, emit: Emit, tasks: asyncio.TaskGroup, max_bytes: int) -> None:
        self._name, self._socket, self._emit, self._tasks, self._cap = name, sock, emit, tasks, max_bytes
        self._loop = asyncio.get_running_loop()
        self._pending: dict[Facts, list[bytes]] = {}
        self._pending_bytes = 0
        self._facts: dict[str, Facts] = {}
        self._draining = self._reading = self._reopening = False
        self._drops = telemetry.UDP_DROPS.labels(name)
        self._doubts = telemetry.bound(telemetry.DOUBTS.labels, name)
        self._closed = False
        self.last_data = 0.0
        _enlarge(sock)

    def open(self) -> None:
        """Start, or go on, to read."""
        if not self._reading:
            self._reading = True
            self._loop.add_reader(self._socket, self._readable)

    async def watch(self) -> None:
        """Export, once a second, how many datagrams the kernel dropped."""
        while True:
            self._drops.set(kernel_drops(self._socket))
            await asyncio.sleep(1)

    async def relieve(self) -> None:
        """While memory is full, shed what matters least, so that the kernel has room for what matters more.

        From 95 % on debug messages go, from 97.5 % on informational ones too, and at the limit all: nobody can be asked to wait.
        """
        while True:
            await asyncio.sleep(SHED_SECONDS)
            if self._emit.memory.full and not self._reading:
                self._read(_floor(self._emit.memory))

    def close(self) -> None:
        """Read no more. What was read goes on to the log."""
        self._drops.set(kernel_drops(self._socket))
        self._leave_to_kernel()
        self._closed = True
        self._socket.close()

    def _leave_to_kernel(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._socket)

    def _readable(self) -> None:
        self._read(_EVERYTHING)
        if self._pending_bytes >= PENDING_BYTES or self._emit.busy:
            self._leave_to_kernel()

    def _read(self, floor: int) -> None:
        """A burst. Messages whose severity (RFC 5424, section 6.2.1: 7 is debug) is above `floor` are shed."""
        receive = self._socket.recvfrom
        for _ in range(_BURST):
            try:
                data, address = receive(_MAX_DATAGRAM)
            except (BlockingIOError, ConnectionError):
                break
            if floor < _EVERYTHING and _severity(data) > floor:
                self._emit.reject("shed")
            else:
                self._take(data, address[0])
        self.last_data = self._loop.time()
        if self._pending and not self._draining:
            self._draining = True
            self._tasks.create_task(self._drain())

    def _take(self, data: bytes, peer: str) -> None:
        message = data.rstrip(b"\r\n\0")
        if not message:
            self._emit.reject("empty")
            return
        facts = self._facts.get(peer) or self._facts_of(peer)
        if len(message) > self._cap:
            facts, message = facts._replace(meta=(("flaw", "truncated"),)), message[: self._cap]
            self._doubts("truncated").inc()
        size = len(message) + EVENT_OVERHEAD_BYTES
        self._pending_bytes += size
        self._emit.memory.hold(size)
        messages = self._pending.get(facts)
        if messages is None:
            messages = self._pending[facts] = []
        messages.append(message)

    def _facts_of(self, peer: str) -> Facts:
        if len(self._facts) >= _MAX_SENDERS:  # forged senders must not fill memory
            self._facts.clear()
        facts = self._facts[peer] = Facts(self._name, peer.removeprefix("::ffff:"))
        return facts

    async def _drain(self) -> None:
        while self._pending:
            batch, size, self._pending, self._pending_bytes = self._pending, self._pending_bytes, {}, 0
            try:
                await asyncio.gather(*(until_durable(self._emit, m, facts, held=True) for facts, m in batch.items()))
            finally:
                self._emit.memory.give(size)
        self._draining = False
        if not self._reading and not self._reopening:
            self._reopening = True
            await until_idle(self._emit)
            self._reopening = False
            if not self._closed:
                self.open()


def _floor(memory: Memory) -> int:
    """The least severe that is still taken while memory is full."""
    room = 1 - memory.held_share
    return _INFORMATIONAL if room > _LITTLE else _NOTICE if room > 0 else _NOTHING


def _severity(datagram: bytes) -> int:
    """Of a syslog message; informational where it does not say."""
    found = _PRI.match(datagram)
    return int(found[1]) & 7 if found else _INFORMATIONAL


def _enlarge(sock: socket.socket) -> None:
    """The largest buffer up to BUFFER_BYTES that the kernel grants; beyond net.core.rmem_max it takes a privilege."""
    for option in (_SO_RCVBUFFORCE, socket.SO_RCVBUF):
        try:
            sock.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
        except OSError:
            continue
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= BUFFER_BYTES:
            return
    granted = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
    telemetry.logger("ingest").warning("small UDP buffer: bursts may be lost; raise net.core.rmem_max", bytes=granted)


def kernel_drops(sock: socket.socket) -> int:
    """Datagrams dropped since the socket was opened; 0 where the kernel does not tell (it is not Linux)."""
    inode = str(os.fstat(sock.fileno()).st_ino)
    return next((int(row[-1]) for row in _sockets() if len(row) > 9 and row[9] == inode), 0)


def _sockets() -> Iterator[list[str]]:
    for table in ("/proc/net/udp", "/proc/net/udp6"):
        try:
            yield from (line.split() for line in Path(table).read_text("ascii").splitlines())
        except OSError:
            continue
