"""One syslog connection over TCP or TLS: bytes in, frames to the log, back-pressure through the window of TCP."""

import asyncio
from collections.abc import Callable
from typing import cast

from router import telemetry
from router.batch import Facts
from router.ingest._append import cost
from router.ingest._listener import ConnectionLimits
from router.ingest._patience import until_durable, until_idle
from router.ingest._reads import LARGE_BYTES, SMALL_BYTES, ReadBuffer
from router.ingest._runs import Flaw, Runs, add_run
from router.ingest._syslog_frames import SyslogFrames
from router.ingest._turns import Turns
from router.protocols import Emit

PENDING_BYTES = 1 << 20
"""Bytes of frames that wait for the log before a connection is no longer read."""
ALL_PENDING_BYTES = 32 << 20
"""The same, of all connections of a source together."""
OPEN_SHARE = 0.25
"""The part of memory that frames which have begun may take, of all connections of a source together."""
MIN_BYTES_PER_SECOND = 128
"""A frame that has been coming for longer than `stalled_seconds` must have come at least as fast as this."""
_CLOSE_SECONDS = 1.0
_REST_SECONDS, _WASTE_REST_SECONDS = 0.001, 0.002
"""Between two pieces of large frames, of all connections of a source; the same of what is read to be thrown away."""


class Streams:
    """What the connections of one source share, and the set of them."""

    def __init__(self, name: str, emit: Emit, tasks: asyncio.TaskGroup, max_frame_bytes: int, limits: ConnectionLimits) -> None:
        self.name, self.emit, self.tasks = name, emit, tasks
        self.max_frame_bytes, self.limits = max_frame_bytes, limits
        self.open: set[SyslogStream] = set()
        self.gauge = telemetry.CONNECTIONS.labels(name)
        self.doubts = telemetry.bound(telemetry.DOUBTS.labels, name)
        self.buffer = ReadBuffer(LARGE_BYTES, SMALL_BYTES)
        self.turns, self.turns_of_waste = Turns(_REST_SECONDS), Turns(_WASTE_REST_SECONDS)
        self.last_data = 0.0
        self.pending_bytes = self.open_bytes = 0
        self._waiting: set[SyslogStream] = set()
        self._letting_go = False
        self._empty = asyncio.Event()
        self._empty.set()
        self._closing = False

    def connect(self, peer: str, left: Callable[[], None]) -> "SyslogStream":
        """The receiver of a new connection."""
        return SyslogStream(self, peer, left)

    async def sweep(self) -> None:
        """Close, once a second, what has been silent for too long."""
        while True:
            await asyncio.sleep(1)
            now = asyncio.get_running_loop().time()
            for stream in list(self.open):
                stream.check(now)

    @property
    def busy(self) -> bool:
        """True while no connection is to be read: memory is short, or too much waits for the log."""
        return self.emit.busy or self.pending_bytes >= ALL_PENDING_BYTES

    def hold_back(self, stream: "SyslogStream") -> None:
        """Read no more from this one until there is room again; from none, if that is why and was not so before."""
        for one in list(self.open) if self.busy and not self._letting_go else [stream]:
            one.pause()
            self._waiting.add(one)
        if not self._letting_go:
            self._letting_go = True
            self.tasks.create_task(self._let_go())

    async def _let_go(self) -> None:
        """One task for all that wait."""
        await until_idle(self)
        self._letting_go = False
        waiting, self._waiting = self._waiting, set()
        for stream in waiting:
            stream.resume()

    @property
    def unread(self) -> bool:
        """True while a connection is held back or waits for its turn, so that its bytes wait in the kernel."""
        return any(stream.paused or stream.resting for stream in self.open)

    def add(self, stream: "SyslogStream") -> None:
        """A connection was made."""
        self.open.add(stream)
        self._empty.clear()
        self.gauge.inc()
        if self._closing:  # its handshake ended too late
            stream.close()

    def discard(self, stream: "SyslogStream") -> None:
        """A connection was lost."""
        self.open.discard(stream)
        self._waiting.discard(stream)
        self.gauge.dec()
        if not self.open:
            self._empty.set()

    async def close(self) -> None:
        """Close every connection; what it held goes to the log."""
        self._closing = True
        for stream in list(self.open):
            stream.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._empty.wait()
        except TimeoutError:  # a TLS peer that does not say goodbye
            for stream in list(self.open):
                stream.abort()
            await self._empty.wait()


class SyslogStream(asyncio.BufferedProtocol):
    """One connection. Its frames reach the log in the order they came: one emit at a time, by a task that ends when idle."""

    def __init__(self, streams: Streams, peer: str, left: Callable[[], None]) -> None:
        self._streams, self._left, self._emit = streams, left, streams.emit
        self._frames = SyslogFrames(streams.max_frame_bytes)
        self._facts: dict[Flaw, Facts] = {"": Facts(streams.name, peer)}
        self._pending: Runs = []
        self._pending_bytes = self._held_bytes = 0
        self._draining = self.paused = self.resting = False
        self._number = streams.turns.number()
        self._loop = asyncio.get_running_loop()
        self._touched = self._open_since = self._loop.time()
        self._open_bytes = SMALL_BYTES  # the first read is a small one: many may connect at once

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._streams.add(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Little at a time of a large frame, so that others need not wait; much of what is thrown away without a copy."""
        return self._streams.buffer.room(is_small=self._open_bytes >= SMALL_BYTES and not self._frames.wasting)

    def buffer_updated(self, nbytes: int) -> None:
        self._touched = self._streams.last_data = self._loop.time()
        was_open, buffer = self._frames.open, self._streams.buffer
        if self._frames.waste(buffer.memory, nbytes):
            self._open_bytes += nbytes
            self._rest()
            return
        try:
            runs = self._frames.feed(buffer.taken(nbytes))
        except Exception:  # a codec's bug must cost one connection, not the process
            self._emit.reject("codec")
            telemetry.logger("ingest").exception("syslog framing failed", source=self._streams.name)
            self._transport.abort()
            return
        if runs or not was_open:  # another frame than before
            self._open_since, self._open_bytes = self._touched, self._frames.held_bytes
        else:
            self._open_bytes += nbytes
        self._take(runs)
        self._note()
        if self._frames.broken:
            self._emit.reject(self._frames.broken)
            self._transport.close()
        elif not self.paused:
            if self._streams.busy:
                self._streams.hold_back(self)
            elif self._pending_bytes >= PENDING_BYTES:
                self.pause()
            elif self._open_bytes >= SMALL_BYTES and self._frames.open:
                self._rest()

    def _note(self) -> None:
        """Keep the ledger's note of frames that have begun up to date. Together they may take a part of memory, and no more:
        the rest goes to whoever ends his frames."""
        grown, memory = self._frames.held_bytes - self._held_bytes, self._emit.memory
        if not grown:
            return
        memory.hold(grown)
        self._held_bytes += grown
        self._streams.open_bytes += grown
        if grown > 0 and self._streams.open_bytes > memory.limit_bytes * OPEN_SHARE and not self._transport.is_closing():
            self._emit.reject("memory")
            self._transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        self._take(self._frames.finish())
        self._note()
        self._streams.discard(self)
        self._left()

    def check(self, now: float) -> None:
        """Close when silent for too long, or too slow within a frame; not while it is us who do not read."""
        limits = self._streams.limits
        quiet = now - self._touched
        is_quiet = quiet >= (limits.stalled_seconds if self._frames.open else limits.idle_seconds)
        if self.paused or not (is_quiet or self._is_dripping(now)):
            return
        if self._frames.open:
            self._streams.doubts("stalled").inc()
        self._transport.close()

    def _is_dripping(self, now: float) -> bool:
        """One frame has been coming for long, a few bytes at a time."""
        age = now - self._open_since
        return self._frames.open and age > self._streams.limits.stalled_seconds and self._open_bytes < MIN_BYTES_PER_SECOND * age

    def close(self) -> None:
        """Stop receiving. `connection_lost` follows and hands over the rest."""
        self._transport.close()

    def abort(self) -> None:
        """The same at once, whatever the peer does."""
        self._transport.abort()

    def _take(self, runs: Runs) -> None:
        if not runs:
            return
        size = sum(cost(frames) for _, frames in runs)
        self._pending_bytes += size
        self._streams.pending_bytes += size
        self._emit.memory.hold(size)
        for flaw, frames in runs:
            add_run(self._pending, flaw, frames)
        if not self._draining:
            self._draining = True
            self._streams.tasks.create_task(self._drain())

    async def _drain(self) -> None:
        while self._pending:
            runs, self._pending = self._pending, []
            size, self._pending_bytes = self._pending_bytes, 0
            try:
                for flaw, frames in runs:
                    if flaw:
                        self._streams.doubts(flaw).inc(len(frames))
                    await until_durable(self._emit, frames, self._facts_of(flaw), held=True)
            finally:
                self._streams.pending_bytes -= size
                self._emit.memory.give(size)
            if self.paused and not self._streams.busy:
                self.resume()
        self._draining = False
        if self.paused:
            self._streams.hold_back(self)

    def pause(self) -> None:
        """Leave what comes to the kernel, and the sender to the window of TCP."""
        if not self.paused:
            self.paused = True
            self._transport.pause_reading()  # no harm where it rests

    def _rest(self) -> None:
        """Read the next piece of a large frame when it is its turn among those of others."""
        if self.resting:
            return
        self.resting = True
        self._transport.pause_reading()
        turns = self._streams.turns_of_waste if self._frames.wasting else self._streams.turns
        turns.ask(self._number, self._go_on)

    def _go_on(self) -> None:
        self.resting = False
        if not self.paused and not self._transport.is_closing():
            self._transport.resume_reading()

    def resume(self) -> None:
        """Read on, unless what was read already still waits for the log: then when that is through."""
        if not self.paused or self._pending_bytes >= PENDING_BYTES:
            return
        self.paused = False
        self._touched = self._open_since = self._loop.time()
        self._open_bytes = 0
        if not self.resting and not self._transport.is_closing():
            self._transport.resume_reading()

    def _facts_of(self, flaw: Flaw) -> Facts:
        if flaw not in self._facts:
            self._facts[flaw] = self._facts[""]._replace(meta=(("flaw", flaw),))
        return self._facts[flaw]
