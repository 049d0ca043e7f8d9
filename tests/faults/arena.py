"""One run: far ends, senders and Logweir in their places; the fault-free end; the verdict. Faults come from scenarios."""

import asyncio
import copy
import random
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.events import RULE
from tests.faults.far_ends import SPLUNK_TOKEN, Archive, Lines, Receiver, Search, Splunk, SplunkWithAck
from tests.faults.fleet import Fleet, Unit
from tests.faults.ledger import Ledger
from tests.faults.outcome import Outcome
from tests.faults.ports import free_port
from tests.faults.proxy import Proxy
from tests.faults.senders import ACK_TOKEN, TOKEN, Hec, HecWithAck, Sender, SyslogTcp
from tests.faults.watch import Watch

ROLES = ("ingest", "process", "correlate", "deliver")
_PROBE_EVENTS, _PROBE_SECONDS = 50, 60.0
_RATE_OF_FOUR = 800
"""Events per second of four senders; a run with more has more senders."""
_DRAIN_SECONDS, _FLAT_SECONDS = 900.0, 100.0
_GOES_ON_SECONDS = 60.0
"""What has stopped goes on by then even on a busy machine, or not at all."""


@dataclass(slots=True)
class Plan:
    """What a run consists of."""

    rate: float = 800
    """Events per second of all senders together."""
    log: dict[str, Any] = field(default_factory=lambda: {"kind": "embedded", "path": "log.db"})
    units: Sequence[tuple[str, Sequence[str]]] = (("all", ()),)
    """Name and options of each process."""
    pause_seconds: float = 0.05
    """Between two batches of a sender."""
    sinks: Collection[str] = ("search", "splunk", "lines", "archive")
    trusted_syslog: bool = False
    """What syslog sent counts as acknowledged: for runs in which the receiver is never ended."""
    settings: dict[str, Any] = field(default_factory=dict)
    """More of the configuration, by section."""
    sink_settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    source_settings: dict[str, Any] = field(default_factory=dict)
    """More for both sources."""
    more_sources: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    static_members: bool = False
    """On Kafka, each unit has a name of its own in its groups and comes back to its partitions, as a pod of a StatefulSet does."""
    proxied: bool = False
    """Far ends stand behind proxies, for runs that break what is between; the line receiver is in the oracle's process then."""


def a_unit_for_each_role(*more: str) -> list[tuple[str, Sequence[str]]]:
    """Every role in a process of its own, and second processes of the roles in `more`."""
    units: list[tuple[str, Sequence[str]]] = [(role, ("--role", role)) for role in ROLES]
    return units + [(f"{role}-2", ("--role", role)) for role in more]


class Arena:
    """Everything of one run, while it lasts."""

    def __init__(self, plan: Plan, outcome: Outcome, folder: Path) -> None:
        self.plan, self.outcome, self.folder = plan, outcome, folder
        self.random = random.Random(outcome.seed)
        self.ledger = Ledger()
        self.search, self.splunk = Search(self.ledger.sink("search")), Splunk(self.ledger.sink("splunk"))
        self.splunk_ack = SplunkWithAck(self.ledger.sink("splunk-ack"))
        self.lines = Receiver(self.ledger.sink("lines", is_ordered=True))
        self.receiver = Lines(folder / "received.log", self.ledger.sink("lines"))
        self.archive = Archive(folder / "archive.ndjson", self.ledger.sink("archive", is_ordered=True))
        for name in set(self.ledger.sinks) - set(plan.sinks):
            del self.ledger.sinks[name]
        self.proxies: dict[str, Proxy] = {}
        self.senders: list[Sender] = []
        self.fleet = Fleet([])
        self.hec_port, self.syslog_port = free_port(), free_port()
        self.faults: dict[str, int] = {}
        self._stop, self._sending = asyncio.Event(), list[asyncio.Task[None]]()
        self.watch = Watch(self)

    def hit(self, fault: str) -> None:
        """A fault was applied."""
        self.faults[fault] = self.faults.get(fault, 0) + 1
        self.watch.struck()

    async def assemble(self, stack: AsyncExitStack) -> None:
        """Start far ends and Logweir; nothing is sent yet."""
        for far_end in (self.search, self.splunk, self.splunk_ack, self.lines if self.plan.proxied else self.receiver):
            await stack.enter_async_context(far_end)  # type: ignore[arg-type]  # passed through
        for name, port in self._far_ports().items():
            if self.plan.proxied and name in self.plan.sinks:
                self.proxies[name] = await stack.enter_async_context(Proxy(port, keeps=name == "lines"))
        config = self._config()
        self.fleet = Fleet([self._unit(name, config, options) for name, options in self.plan.units])
        stack.push_async_callback(self.fleet.kill)
        await self.fleet.start()
        self._make_senders()
        watching = asyncio.create_task(self.watch.run())
        stack.callback(watching.cancel)
        stack.push_async_callback(self.quiet)

    def _far_ports(self) -> dict[str, int]:
        ports = {"search": _port(self.search.url), "splunk": _port(self.splunk.url), "splunk-ack": _port(self.splunk_ack.url)}
        return ports | {"lines": self.lines.address[1] if self.plan.proxied else self.receiver.port}

    def look(self) -> None:
        """Note what has come in files."""
        self.archive.look()
        if not self.plan.proxied:
            self.receiver.look()

    def _unit(self, name: str, config: dict[str, Any], options: Sequence[str]) -> Unit:
        environment = {"T1": TOKEN, "T2": ACK_TOKEN, "T3": SPLUNK_TOKEN} | self.plan.environment
        if self.plan.static_members:
            config = config | {"log": config["log"] | {"instance": name}}
        return Unit(name, self.folder, config, options, environment)

    def spare(self, name: str, *options: str) -> Unit:
        """One more unit of this deployment. It is nobody's duty to keep it running, and the scenario's to end it."""
        return self._unit(name, self._config(), options)

    def _config(self) -> dict[str, Any]:
        (self.folder / "ledger.yml").write_text(RULE)
        tokens = [{"name": "plain", "secret": "${T1}"}, {"name": "ack", "secret": "${T2}", "ack": True}]
        sources: dict[str, dict[str, Any]] = {
            "hec": {"kind": "splunk_hec", "listen": f"127.0.0.1:{self.hec_port}", "tokens": tokens},
            "syslog": {"kind": "syslog", "tcp": f"127.0.0.1:{self.syslog_port}"},
        }
        sources = {
            name: block | copy.deepcopy(self.plan.source_settings) for name, block in sources.items()
        } | self.plan.more_sources
        config = {
            "version": 1,
            "log": self.plan.log,
            "sources": sources,
            "sinks": self._sinks(),
            "rules": {"detect": ["ledger.yml"]},
        }
        return config | self.plan.settings

    def _sinks(self) -> dict[str, Any]:
        port = self._far_ports() | {name: proxy.port for name, proxy in self.proxies.items()}
        every = {
            "search": lambda: {"kind": "elasticsearch", "urls": [f"http://127.0.0.1:{port['search']}"], "timeout_seconds": 10},
            "splunk": lambda: {
                "kind": "splunk_hec",
                "urls": [f"http://127.0.0.1:{port['splunk']}"],
                "token": "${T3}",
                "timeout_seconds": 10,
            },
            "splunk-ack": lambda: {
                **{"kind": "splunk_hec", "urls": [f"http://127.0.0.1:{port['splunk-ack']}"], "token": "${T3}", "ack": True},
                **{"ack_timeout_seconds": 5, "timeout_seconds": 10},
            },
            "lines": lambda: {"kind": "qradar", "host": "127.0.0.1", "port": port["lines"], "timeout_seconds": 10},
            "archive": lambda: {"kind": "file", "path": str(self.folder / "archive.ndjson"), "rotate_bytes": 1 << 40},
        }
        return {name: make() | self.plan.sink_settings.get(name, {}) for name, make in every.items() if name in self.plan.sinks}

    def _make_senders(self) -> None:
        copies = max(1, round(self.plan.rate / _RATE_OF_FOUR))
        for number in range(copies):
            self.senders += self._four(
                "" if number == 0 else chr(ord("q") + number), 11 + 4 * number, self.plan.rate / copies / 4
            )
        for sender in self.senders:
            sender.pause_seconds = self.plan.pause_seconds

    def _four(self, suffix: str, host: int, rate: float) -> list[Sender]:
        """One sender of each habit, `rate` events a second each."""
        books, hec, names = self.ledger.sender, self.hec_port, [f"{n}{suffix}" for n in ("plain", "plainb", "acked", "syslog")]
        trusted = self.plan.trusted_syslog
        return [
            Hec(names[0], f"127.0.0.{host}", rate, books(names[0]), hec),
            Hec(names[1], f"127.0.0.{host + 1}", rate, books(names[1]), hec),
            HecWithAck(names[2], f"127.0.0.{host + 2}", rate, books(names[2]), hec),
            SyslogTcp(names[3], f"127.0.0.{host + 3}", rate, books(names[3]), self.syslog_port, is_trusted=trusted),
        ]

    def send(self) -> None:
        """Begin to send."""
        self._stop.clear()
        self._sending = [asyncio.create_task(sender.run(self._stop), name=sender.name) for sender in self.senders]

    async def goes_on(self, count: int) -> bool:
        """Whether so many events more are acknowledged; returns as soon as they are."""
        wanted, end = self.ledger.acknowledged + count, time.monotonic() + _GOES_ON_SECONDS
        while self.ledger.acknowledged < wanted and time.monotonic() < end:
            await asyncio.sleep(0.1)
        return self.ledger.acknowledged >= wanted

    async def quiet(self) -> None:
        """Stop sending; what is being sent gets its answer."""
        self._stop.set()
        _, late = await asyncio.wait(self._sending, timeout=90) if self._sending else (set(), set())
        for task in late:
            self.outcome.check(f"sender {task.get_name()} gets its answer", False, "none in 90 s")
            task.cancel()
        self._sending = []
        for sender in self.senders:
            await sender.close()

    async def end(self) -> None:
        """The fault-free end: heal everything, stop sending, wait for the rest, send a probe, compare the books."""
        for proxy in self.proxies.values():
            if proxy.toxic != "none":
                await proxy.become(type(proxy.toxic).NONE)
        died = await self.fleet.revive()
        self.outcome.check("no process ended by itself", not died, died, is_promise=True)
        await self.quiet()
        began = time.monotonic()
        await self._until_complete()
        self.outcome.figures["drain_seconds"] = round(time.monotonic() - began, 1)
        await self._probe()

    def _progress(self) -> int:
        return sum(len(a.first) + len(a.alerts) for a in self.ledger.sinks.values())

    def _is_complete(self) -> bool:
        self.look()
        return self.ledger.is_complete()

    async def _until_complete(self, seconds: float = _DRAIN_SECONDS) -> bool:
        """Until nothing is missing, or nothing has come for long."""
        end, seen, since = time.monotonic() + seconds, -1, time.monotonic()
        while not self._is_complete() and time.monotonic() < end:
            if (now := self._progress()) != seen:
                seen, since = now, time.monotonic()
            if time.monotonic() - since > _FLAT_SECONDS:
                return False
            await asyncio.sleep(0.5)
        return self._is_complete()

    async def _probe(self) -> None:
        """Fresh events from every sender reach every sink."""
        began = time.monotonic()
        gaps = {sender: sender.books.longest_gap_seconds for sender in self.senders}
        first = {sender.name: sender.books.sent for sender in self.senders}
        try:
            async with asyncio.timeout(_PROBE_SECONDS):
                await asyncio.gather(*[sender.burst(_PROBE_EVENTS) for sender in self.senders])
                while not all(self._has(sink, name, number) for sink in self.ledger.sinks for name, number in first.items()):
                    self.look()
                    await asyncio.sleep(0.2)
            holds = True
        except TimeoutError:
            holds = False
        self.outcome.figures["probe_seconds"] = round(time.monotonic() - began, 1)
        for sender, gap in gaps.items():
            sender.books.longest_gap_seconds = gap  # the pause before the probe was nobody's outage
        await self._until_complete(30)
        await asyncio.sleep(1.5)  # repeats that are still under way
        self.look()
        self.outcome.check("a fresh event from every sender reaches every sink", holds)

    def _has(self, sink: str, sender: str, first: int) -> bool:
        known = self.ledger.sinks[sink].first
        return all((sender, number) in known for number in range(first, first + _PROBE_EVENTS))

    def judge(
        self, *, repeats: Callable[[str], float] = lambda _: float("inf"), least: int = 1000, unordered: Collection[str] = ()
    ) -> None:
        """The verdict: nothing acknowledged is missing, nothing is invented, changed or out of order, repeats are bounded.

        `unordered`: sinks whose receiver had to read two connections at once, between which there is no order.
        """
        ledger, check = self.ledger, self.outcome.check
        promise = partial(check, is_promise=True)
        rows = {name: ledger.row(name) for name in ledger.sinks}
        for name, row in rows.items():
            promise(
                f"{name}: nothing acknowledged is missing", row["missing"] == 0, f"{row['missing']}: {row['missing_samples']}"
            )
            promise(f"{name}: no alert is missing", row["missing_alerts"] == 0, row["missing_alerts"])
            promise(f"{name}: nothing was invented", row["spurious"] == 0, row["spurious"])
            promise(f"{name}: nothing was changed", row["foreign_or_corrupted"] == 0, row["foreign_samples"])
            promise(f"{name}: no event became two", row["twice"] == 0, row["twice"])
            bound, told = (0, promise) if name == "search" else (repeats(name), check)
            told(f"{name}: repeats are bounded", ledger.sinks[name].repeats <= bound, f"{row['repeats']} of at most {bound:g}")
            if ledger.sinks[name].is_ordered and name not in unordered:
                check(f"{name}: in each sender's order", row["disorder"] == 0, f"{row['disorder']}: {row['disorder_samples']}")
                mixed = row["disorder_on_one_connection"]
                promise(f"{name}: in each sender's order on every connection", mixed == 0, mixed)
        check("enough was acknowledged to mean something", ledger.acknowledged >= least, ledger.acknowledged)
        self._figures(rows)

    def _figures(self, rows: dict[str, dict[str, object]]) -> None:
        senders = self.ledger.senders
        self.outcome.figures |= {
            "acknowledged": self.ledger.acknowledged,
            "missing": sum(int(str(row["missing"])) for row in rows.values()),
            "repeats": " ".join(f"{name}={row['repeats']}" for name, row in rows.items()),
            "suppressed": self.search.suppressed,
            "faults": " ".join(f"{name}={count}" for name, count in sorted(self.faults.items())),
            "sender_failures": sum(sent.failures for sent in senders.values()),
            "longest_gap_seconds": round(max((s.longest_gap_seconds for s in senders.values()), default=0.0), 1),
            **self.watch.figures(),
            "sinks": rows,
            "proxies": {name: proxy.hits for name, proxy in self.proxies.items()},
        }


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


@asynccontextmanager
async def arena(plan: Plan, outcome: Outcome, *, prepare: Callable[[Path], None] = lambda _: None) -> AsyncIterator[Arena]:
    """A run in a folder of its own, which is kept when a check does not hold. `prepare` is given the folder first."""
    folder = Path(tempfile.mkdtemp(prefix=f"logweir-{outcome.scenario.lower()}-"))
    prepare(folder)
    if plan.log.get("path"):
        plan.log = plan.log | {"path": str(folder / plan.log["path"])}
    try:
        async with AsyncExitStack() as stack:
            one = Arena(plan, outcome, folder)
            await one.assemble(stack)
            yield one
    except BaseException:
        print(f"kept: {folder}")
        raise
    if outcome.holds:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"kept: {folder}")
