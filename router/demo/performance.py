"""Runs the demonstration from start to balance."""

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import orjson

from router.config import Config, load
from router.demo.figures import Figures, as_json, balance, figures, snapshot
from router.demo.scene import TOKEN, Backlog, Outage, Senders, configuration, write_configuration
from router.demo.standins import ElasticsearchStandIn, QRadarStandIn, SplunkHecStandIn
from router.demo.view import View
from router.protocols import Log
from router.serve import Service, on_signals
from router.topology import ROLES, Content, Receive, assembled, opened

_DRAIN_SECONDS = 60.0
_OUTAGE_BEGINS_SECONDS, _OUTAGE_SECONDS = 15.0, 8.0


class Demonstration:
    """One run. `seconds` 0: until somebody stops it."""

    def __init__(self, *, seconds: float, rate: float, seed: int) -> None:
        self._seconds, self._rate, self._seed = seconds, rate, seed
        self._since = snapshot()
        self._started = time.monotonic()
        self._note = "starting"
        self._leaving = asyncio.Event()
        self._senders: Senders | None = None
        self._outage: Outage | None = None
        self._backlog: Backlog | None = None

    def clock(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    async def run(self, view_of: Any) -> dict[str, Any]:
        """Everything; the summary, whose `balanced` says whether every event is accounted for."""
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="logweir-demo-")))
            elastic = await stack.enter_async_context(ElasticsearchStandIn())
            splunk = await stack.enter_async_context(SplunkHecStandIn(TOKEN))
            qradar = await stack.enter_async_context(QRadarStandIn())
            path = write_configuration(folder, configuration(folder, elastic.url, splunk.url, qradar.address))
            config = load(path, {**os.environ, "DEMO_TOKEN": TOKEN})
            content = Content(config, ROLES)
            titles = {rule.id: rule.title for rule in (*content.ruleset.rules, *content.ruleset.correlations)}
            titles |= {rule.id: rule.settings.title for rule in content.noise.rules}
            view = stack.enter_context(view_of(titles))
            log = await stack.enter_async_context(opened(config))
            parts = await stack.enter_async_context(assembled(config, log, content, ROLES, config.sinks))
            service = Service(parts, config.limits.drain_seconds)
            on_signals(self._leaving.set)
            running = asyncio.create_task(service.run())
            drained_in_time = await self._play(config, service, running, log, view, splunk)
            arrivals = {"elastic": elastic.arrivals, "splunk": splunk.arrivals, "qradar": qradar.arrivals}
            service.leave()
            await running
            arrived = {name: {"events": len(set(a)), "repeats": a.repeats} for name, a in arrivals.items()}
            arrived["file"] = {"events": _lines(folder), "repeats": 0}
            final = figures(self._since)
            for sink in final.sinks.values():
                sink.lag = 0 if drained_in_time else sink.lag  # the gauge is a few seconds old
            view.show(self.clock(), final, "drained")
            return self._summary(final, titles, arrived, drained_in_time)

    async def _play(
        self, config: Config, service: Service, running: "asyncio.Task[None]", log: Log, view: View, splunk: SplunkHecStandIn
    ) -> bool:
        """Send, show, break and mend one stand-in; then stop sending and wait until everything has arrived."""
        await self._until_ready(service, running)
        places = {p.name: p.source.addresses for p in service.parts if isinstance(p, Receive)}
        self._senders = Senders(self._seed, self._rate, places["source syslog"][1], places["source hec"][0])
        self._started = time.monotonic()
        length, begin = self._outage_times()
        self._outage = Outage("splunk", splunk, begin, length)
        self._backlog = Backlog(log, {n: s.read for n, s in config.sinks.items()})
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(self._senders.run(stop))
            breaking = group.create_task(self._outage.run(self.clock))
            while not self._over() and not running.done():
                await self._show(view)
            stop.set()
            await sending
            await self._mend(breaking, splunk)
            self._note = "stopped sending; waiting until every sink has everything"
            waiting = group.create_task(self._backlog.drained(_DRAIN_SECONDS))
            while not waiting.done() and not running.done():
                await self._show(view)
            if running.done():
                waiting.cancel()
                await running
        return waiting.result()

    def _outage_times(self) -> tuple[float, float]:
        """Length and beginning; shorter and earlier in a short run."""
        if not self._seconds:
            return _OUTAGE_SECONDS, _OUTAGE_BEGINS_SECONDS
        return min(_OUTAGE_SECONDS, self._seconds / 4), min(_OUTAGE_BEGINS_SECONDS, self._seconds / 3)

    async def _mend(self, breaking: "asyncio.Task[None]", splunk: SplunkHecStandIn) -> None:
        """Whatever happens, the stand-in runs again before the drain."""
        if self._outage is None or breaking.done():
            return
        breaking.cancel()
        await asyncio.wait({breaking})
        if self._outage.stopped_at is not None and self._outage.started_at is None:
            await splunk.start()
            self._outage.started_at = self.clock()

    async def _until_ready(self, service: Service, running: "asyncio.Task[None]") -> None:
        while service.waiting_for():
            if running.done():
                await running
            await asyncio.sleep(0.05)

    def _over(self) -> bool:
        return self._leaving.is_set() or bool(self._seconds and self.clock() >= self._seconds)

    async def _show(self, view: View) -> None:
        """Draw, and wait for the next look."""
        assert self._backlog is not None
        now, outage = figures(self._since), self._outage
        for group, lag in (await self._backlog.now()).items():
            if group.startswith("sink.") and (name := group.removeprefix("sink.")) in now.sinks:
                now.sinks[name].lag = lag
        if outage is not None:
            sink = now.sinks.get(outage.sink)
            outage.watch(self.clock(), sink.lag if sink else 0)
            self._note = self._told(outage)
        view.show(self.clock(), now, self._note)
        await asyncio.sleep(0.25 if view.is_live else 1.0)

    def _told(self, outage: Outage) -> str:
        if self._note.startswith("stopped sending"):
            return self._note
        if outage.stopped_at is None:
            return "everything runs"
        if outage.started_at is None:
            return f"the stand-in for {outage.sink} is stopped: its lag grows, the others go on"
        if outage.caught_up_after is None:
            return f"the stand-in for {outage.sink} is back: it catches up"
        return f"{outage.sink} caught up in {outage.caught_up_after:.1f} s; nothing was lost"

    def _summary(
        self, final: Figures, titles: dict[str, str], arrived: Mapping[str, Mapping[str, int]], drained_in_time: bool
    ) -> dict[str, Any]:
        assert self._senders is not None
        summary = {"seconds": round(self.clock(), 1), "seed": self._seed, "sent": self._senders.sent, **as_json(final, titles)}
        for name, row in summary["sinks"].items():
            row["arrived"] = arrived[name]["events"]
            row["balanced"] = row["balanced"] and row["arrived"] == row["written"]
        received, refused = sum(final.received.values()), sum(final.rejected.values())
        summary["outage"] = self._outage.as_json() if self._outage else None
        summary["drained"] = drained_in_time
        summary["balanced"] = (
            drained_in_time
            and self._senders.sent == received - refused
            and received - refused <= final.documents + final.dead_lettered + final.ignored
            and all(balance(sink) for sink in final.sinks.values())
            and all(row["balanced"] for row in summary["sinks"].values())
        )
        return summary


def _lines(folder: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in folder.glob("events*.ndjson"))


def write_summary(summary: Mapping[str, Any], path: Path) -> None:
    """The balance as JSON."""
    path.write_bytes(orjson.dumps(dict(summary), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
