"""Topics that take less than they did: a result that does not fit is a dead letter of `correlate`, and the loop goes on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from router.batch import MATCHES, SIGNALS, Facts, Record
from router.correlate.loop import Correlate
from router.correlate.match import matches_for
from router.deliver.dead_letters import alert_too_large, read_dead_letter
from router.detect import Correlation
from router.telemetry import ALERTS, CORRELATE_DEAD
from tests.contract.log_scene import Narrow, narrow
from tests.router.correlate.correlations import correlation, event_count
from tests.router.detect.rules import read, titled

_DEAD = "dlq.correlate"
_RULE = read(titled("r", "{product: p}", "{a: b}", "id: r"))


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[Narrow]:
    async with narrow(tmp_path / "log.db") as opened:
        yield opened


async def _correlated(log: Narrow, *correlations: Correlation) -> None:
    """Run the loop until it has come to the end of `matches`."""
    stop, part = asyncio.Event(), Correlate(log, correlations, 5, letter=alert_too_large)
    running = asyncio.create_task(part.run(stop))
    async with asyncio.timeout(60):
        while not running.done():
            _, end = (await log.ends(MATCHES))[0]
            if any(mark.offset == end for mark in (await log.committed("correlate", (MATCHES,))).values()):
                break
            await asyncio.sleep(0.02)
    stop.set()
    await running


def _alert(number: int, size: int = 5) -> Record:
    body = orjson.dumps({"rule": {"id": "x"}, "n": number, "message": "x" * size})
    return Record(number.to_bytes(16), body, 1.0, Facts(dataset="logweir.alert", kind="alert", severity=70), b"k")


def _match(of: Correlation, number: int, user: str = "a") -> Record:
    [(key, body, match_id)] = matches_for([of], _RULE, {"user": user}, number.to_bytes(16), float(number))
    return Record(match_id, body, float(number), Facts(kind="match"), key)


def _value(metric: object) -> float:
    return metric._value.get()  # type: ignore[attr-defined,no-any-return]  # of the client library


async def test_an_alert_that_the_topic_takes_no_more_is_a_dead_letter_and_the_others_arrive(log: Narrow) -> None:
    alerts, dead = ALERTS.labels("x", "high"), CORRELATE_DEAD.labels("alert_too_large")
    before = _value(alerts), _value(dead)
    large = (0, 4, 5, 9)
    await log.append(MATCHES, 0, [_alert(n, 900 if n in large else 5) for n in range(10)])
    log.most = {SIGNALS: 500}
    await _correlated(log)
    signals = (await log.fetch(SIGNALS, 0, 0, 100)).items
    letters = [read_dead_letter(r) for r in (await log.fetch(_DEAD, 0, 0, 100)).items]
    assert [int.from_bytes(r.id) for r in signals] == [1, 2, 3, 6, 7, 8]
    assert [(w.stage, w.reason, w.topic, w.partition, w.offset) for w in letters] == [
        ("correlate", "alert_too_large", MATCHES, 0, n) for n in large
    ]
    assert [orjson.loads(w.record.body)["n"] for w in letters] == [*large]
    assert (_value(alerts), _value(dead)) == (before[0] + 6, before[1] + 4)


async def test_an_alert_of_a_window_that_the_topic_takes_no_more_is_a_dead_letter(log: Narrow) -> None:
    counted = event_count("{gte: 3}", timespan="10s")
    await log.append(MATCHES, 0, [*(_match(counted, n) for n in range(3)), _alert(7)])
    log.most = {SIGNALS: 150}
    await _correlated(log, counted)
    [letter] = [read_dead_letter(r) for r in (await log.fetch(_DEAD, 0, 0, 100)).items]
    assert orjson.loads(letter.record.body)["logweir"]["correlation"]["count"] == 3
    assert (letter.topic, letter.offset) == (MATCHES, 3)
    assert [int.from_bytes(r.id) for r in (await log.fetch(SIGNALS, 0, 0, 100)).items] == [7]


async def test_a_dead_letter_that_the_topic_takes_no_more_keeps_its_coordinates(log: Narrow) -> None:
    await log.append(MATCHES, 0, [_alert(0, 900), _alert(1)])
    log.most = {SIGNALS: 500, _DEAD: 700}
    await _correlated(log)
    [letter] = [read_dead_letter(r) for r in (await log.fetch(_DEAD, 0, 0, 100)).items]
    assert (letter.complete, letter.reason, letter.topic, letter.partition, letter.offset) == (
        False,
        "alert_too_large",
        MATCHES,
        0,
        0,
    )
    assert [int.from_bytes(r.id) for r in (await log.fetch(SIGNALS, 0, 0, 100)).items] == [1]


async def test_what_one_correlation_means_to_another_is_a_dead_letter_where_it_does_not_fit(log: Narrow) -> None:
    inner = event_count("{gte: 2}", timespan="10s")
    outer = correlation("event_count", "{gte: 2}", rules="[c]", name="outer")
    await log.append(MATCHES, 0, [_match(inner, n) for n in range(2)])
    log.most = {MATCHES: 10}
    await _correlated(log, inner, outer)
    [letter] = [read_dead_letter(r) for r in (await log.fetch(_DEAD, 0, 0, 100)).items]
    assert (letter.record.facts.kind, letter.topic, letter.offset) == ("match", MATCHES, 0)
    assert len((await log.fetch(SIGNALS, 0, 0, 100)).items) == 1
