"""R8, R9, R10: what destinations do to a router."""

import asyncio
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from router.demo.standins import Answer
from tests.faults import conservation
from tests.faults.arena import Arena, Plan, arena
from tests.faults.outcome import Outcome
from tests.faults.proxy import Toxic
from tests.faults.scenarios import scenario
from tests.journeys.deployment import total

EVERY_SINK = ("search", "splunk", "splunk-ack", "lines", "archive")


@scenario("R8", 0.5, 48)
async def chaos_at_the_far_ends(outcome: Outcome) -> None:
    """429 for items and for all, 503, 413, 500, resets, half answers, black holes, refusals, restarts; then all is well again."""
    async with arena(Plan(trusted_syslog=True, sinks=EVERY_SINK, proxied=True), outcome) as one:
        one.search._refuse = _busy_now_and_then(one)
        one.send()
        await _chaos(one, outcome.minutes * 60)
        one.search._refuse = lambda _: None
        for far_end in (one.search, one.splunk, one.splunk_ack):
            far_end.answers.clear()
        await one.quiet()
        await caught_up(one)
        await conservation.judge(one)
        for sink in ("search", "splunk", "splunk-ack"):
            if buried := await dead(one, sink):  # a 413 for a single record: it can only be a dead letter
                one.faults["lone records called too large"] = buried
                await redrive(one, sink)
        await one.end()
        hits: dict[str, int] = {
            toxic: sum(p.hits.get(toxic, 0) for p in one.proxies.values()) for toxic in Toxic if toxic != "none"
        }
        one.faults |= hits
        one.judge(repeats=lambda _: sum(one.faults.values()) * 1000)
        outcome.check("several kinds of faults really hit", sum(map(bool, hits.values())) >= 3, hits)
        outcome.check("repeats were suppressed by Elasticsearch", one.search.suppressed > 0)
        there = len(one.ledger.sinks["search"].first)
        ratio = (there + one.search.suppressed + one.faults["item 429"]) / there
        outcome.figures["sent_per_document"] = round(ratio, 3)
        outcome.check("at most a fifth was sent again", ratio <= 1.2, f"{ratio:.3f}")


def _busy_now_and_then(one: Arena) -> Callable[[Mapping[str, Any]], tuple[int, str] | None]:
    def refuse(_: Mapping[str, Any]) -> tuple[int, str] | None:
        if one.random.random() > 0.02:
            return None
        one.hit("item 429")
        return 429, "es_rejected_execution_exception"

    return refuse


async def _chaos(one: Arena, seconds: float) -> None:
    loop, turn = asyncio.get_running_loop(), 0
    end = loop.time() + seconds
    turns = [(name, toxic) for name in one.proxies for toxic in Toxic if toxic is not Toxic.NONE]
    one.random.shuffle(turns)
    turns.insert(0, ("search", Toxic.HALF_REPLY))
    while loop.time() < end:
        name, toxic = turns[turn % len(turns)]
        turn += 1
        await one.proxies[name].become(toxic)
        _script(one)
        await asyncio.sleep(one.random.uniform(1, 4))
        await one.proxies[name].become(Toxic.NONE)
        if turn % 4 == 0:
            await asyncio.sleep(1)  # what a black hole held back has passed
            await _restart(one)
        await asyncio.sleep(one.random.uniform(0.5, 1.5))


def _script(one: Arena) -> None:
    """Some whole answers that are no success."""
    far_end = one.random.choice((one.search, one.splunk, one.splunk_ack))
    status = one.random.choice((429, 503, 500, 413, 502, 0))
    far_end.answers.append(Answer(status, b"<html>busy</html>", {"Retry-After": "1"} if status in (429, 503) else {}))
    one.hit(f"answer {status}")


async def _restart(one: Arena) -> None:
    """A far end goes and comes back; Splunk forgets what was not indexed."""
    far_end = one.random.choice((one.search, one.splunk, one.splunk_ack, one.lines))
    one.hit(f"restart of {type(far_end).__name__}")
    await far_end.stop()
    await asyncio.sleep(1)
    await far_end.start()


@scenario("R9", 0.4, 60)
async def poison(outcome: Outcome) -> None:
    """One document in 700 is refused for good: a dead letter, nothing else is lost. Then 30 %: the brake holds the rest."""
    async with arena(Plan(trusted_syslog=True, sinks=("search", "archive")), outcome) as one:
        poisoned = set[bytes]()
        rate = [0.0015]

        def refuse(document: Mapping[str, Any]) -> tuple[int, str] | None:
            text = str(document.get("message", "")).encode()
            if document.get("event", {}).get("kind") == "alert" or share_of(text) >= rate[0]:
                return None
            poisoned.add(text)
            return 400, "document_parsing_exception"

        one.search._refuse = refuse
        one.send()
        await asyncio.sleep(outcome.minutes * 60)
        buried = await dead(one)
        outcome.check("a few bad documents become dead letters and do not stop the stream", buried > 0, buried)
        rate[0] = 0.3
        asked = one.ledger.acknowledged
        trips = await _trips(one, 10)
        outcome.check("the brake trips within 10 s at 30 %", trips, f"{one.ledger.acknowledged - asked} events later")
        await asyncio.sleep(6)
        held, few = await dead(one), len(poisoned)
        await asyncio.sleep(5)
        outcome.figures["dead_letters_while_braked"] = await dead(one) - held
        outcome.check(
            "while it holds, dead letters hardly grow", await dead(one) - held <= 150, f"{await dead(one) - held} of {few}"
        )
        one.search._refuse = lambda _: None
        one.faults["poisoned documents"] = len(poisoned)
        await _end_with_dead_letters(one)


def share_of(text: bytes) -> float:
    """A number from 0 to 1 that depends on the text alone."""
    return zlib.crc32(text) / 2**32


async def dead(one: Arena, sink: str = "search") -> int:
    """Dead letters of a sink so far."""
    return int(total(await one.fleet.metrics(), "sink_dead_lettered_events_total", f'sink="{sink}"'))


async def _trips(one: Arena, seconds: float) -> bool:
    """Seconds are those of the events: as many as are sent in so long when nothing is late. On a busy machine they last longer."""
    most, end = one.ledger.acknowledged + one.plan.rate * seconds, asyncio.get_running_loop().time() + 6 * seconds
    while True:
        is_over = one.ledger.acknowledged > most or asyncio.get_running_loop().time() > end
        if (await one.fleet.metrics()).get('logweir_sink_breaker_state{sink="search"}', 0) == 2:
            return True
        if is_over:
            return False
        await asyncio.sleep(0.25)


async def _end_with_dead_letters(one: Arena) -> None:
    """Balance the books with what was buried; redrive it, now that it is taken; then everything is there."""
    await one.quiet()
    await caught_up(one)
    one.outcome.figures["dead_letters"] = await dead(one)
    await conservation.judge(one)
    await redrive(one)
    await one.end()
    one.judge(repeats=lambda _: 0)


async def caught_up(one: Arena, seconds: float = 120) -> None:
    """Every event that was appended has been processed, and every sink is done with it."""
    loop = asyncio.get_running_loop()
    end, ledger = loop.time() + seconds, one.ledger
    while conservation.under_way(await one.fleet.metrics(), ledger.acknowledged, ledger.sinks) and loop.time() < end:
        await asyncio.sleep(0.5)


async def redrive(one: Arena, sink: str = "search") -> None:
    """Send the dead letters of a sink again."""
    unit = one.fleet.units[0]
    command = (sys.executable, "-m", "router", "dlq", "redrive", sink, "--apply", "-c", str(unit.config))
    process = await asyncio.create_subprocess_exec(
        *command, env=unit._environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    one.outcome.check("`logweir dlq redrive` succeeds", process.returncode == 0, out.decode()[-500:])


@scenario("R10", 0.5, 45)
async def receiver_killed(outcome: Outcome) -> None:
    """QRadar's receiver is a process that is killed every 5-8 s; `settle` of 1 s keeps everything, within the licensed rate."""
    limit, settle_seconds = 900, 1
    plan = Plan(
        rate=450,
        trusted_syslog=True,
        sinks=("lines", "archive"),
        sink_settings={"lines": {"licensed_eps": limit / 0.9, "settle_seconds": settle_seconds}},
    )
    async with arena(plan, outcome) as one:
        one.send()
        loop = asyncio.get_running_loop()
        end = loop.time() + outcome.minutes * 60
        while loop.time() < end:
            await asyncio.sleep(one.random.uniform(5, 8))
            await one.receiver.kill_and_start()
            one.hit("receiver SIGKILL")
        await one.end()
        kills = one.faults["receiver SIGKILL"]
        one.judge(repeats=lambda name: limit * (settle_seconds + 1) * kills if name == "lines" else 0)
        await conservation.judge(one)
        most = one.receiver.most_in_a_second
        outcome.check("the limit was really come near", most > limit / 2, most)
        outcome.check("never more in a second than the limit and 2 %", most <= limit * 1.02, f"{most} in one second")
        outcome.figures["most_lines_in_a_second"] = most
