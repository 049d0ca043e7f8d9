"""New rules over stored events: counts, times, who, cost; nothing that runs is touched."""

import json
import os
from pathlib import Path

import orjson
import pytest

from router.authoring.backtest import Trial, backtest, ends
from router.batch import EVENTS, RAW, Facts, Mark, Partition, Record
from router.config import EmbeddedLog, KafkaLog
from router.detect import Ruleset
from router.log import standard_topics
from router.log.embedded import SqliteLog
from router.normalize import Catalogue
from tests.router.cli.process import logweir
from tests.router.detect.rules import read, titled

NOON = 1_767_268_800.0  # 2026-01-01T12:00Z
RULE = titled(
    "Bad Login", "{product: acme, service: vpn}", "{outcome: bad}", "id: 11111111-0000-4000-8000-000000000001\nlevel: high"
)
OTHER = titled("Never", "{product: acme, service: vpn}", "{outcome: worse}", "id: 11111111-0000-4000-8000-000000000002")
UNSEEN = titled("Unseen", "{product: acme, service: wall}", "{a: b}", "id: 11111111-0000-4000-8000-000000000003")
BURST = """
title: Burst
id: 11111111-0000-4000-8000-000000000004
correlation:
  type: event_count
  rules: [11111111-0000-4000-8000-000000000001]
  group-by: [user.name]
  timespan: 3m
  condition: {gte: 3}
  generate: true
"""


def record(number: int) -> Record:
    """A minute apart: bad ones for ann at even numbers and for bob at 1, 5, 9, ...; good ones for bob else."""
    user = "ann" if number % 2 == 0 else "bob"
    bad = number % 4 != 3
    event = {
        "event": {"dataset": "acme.vpn"},
        "outcome": "bad" if bad else "good",
        "user": {"name": user},
        "host": {"name": "gw1"},
    }
    return Record(number.to_bytes(16), orjson.dumps(event), NOON + 60 * number, Facts("s", dataset="acme.vpn"))


async def fill(log, count: int = 20) -> None:
    for i in range(count):
        await log.append(EVENTS, i % 2, [record(i)])


@pytest.fixture
async def log(tmp_path):
    settings = EmbeddedLog(path=tmp_path / "log.db", partitions=2)
    log = SqliteLog(settings)
    await log.start()
    await log.create(standard_topics(settings))
    yield log
    await log.close()


def trial(*texts: str, folder: Path, catalogue=None) -> Trial:
    (folder / "rules.yml").write_text("---\n".join(texts))
    ruleset = Ruleset.load([folder / "rules.yml"], builtin=False)
    return Trial(ruleset, [*ruleset.rules, *ruleset.correlations], catalogue)


async def test_each_rule_says_how_often_when_and_on_whom(log, tmp_path):
    await fill(log)
    result = await backtest(log, trial(RULE, OTHER, UNSEEN, folder=tmp_path))
    bad, never, unseen = result.found
    assert (result.events, result.oldest, result.newest) == (20, NOON, NOON + 19 * 60)
    assert (bad.matches, bad.seen, bad.first, bad.last) == (15, 20, NOON, NOON + 18 * 60)
    assert bad.users == {"ann": 10, "bob": 5}
    assert bad.hosts == {"gw1": 15}
    assert len(bad.samples) == 5
    assert len({*bad.samples}) == 5
    assert (never.matches, never.seen, never.samples) == (0, 20, [])
    assert (unseen.matches, unseen.seen, unseen.micros_alone) == (0, 0, None)
    assert result.seconds > 0
    assert bad.micros_alone is not None
    assert bad.micros_alone > 0


async def test_time_and_limit_narrow_it(log, tmp_path):
    await fill(log)
    result = await backtest(log, trial(RULE, folder=tmp_path), since=NOON + 240, until=NOON + 480)
    assert result.events == 4
    assert not result.is_cut
    result = await backtest(log, trial(RULE, folder=tmp_path), limit=7)
    assert (result.events, result.is_cut) == (7, True)
    assert (await backtest(log, trial(RULE, folder=tmp_path), limit=20)).is_cut is False


async def test_correlations_get_their_matches_in_order_of_time_whatever_partition_they_lie_on(log, tmp_path):
    await fill(log)
    result = await backtest(log, trial(RULE, BURST, folder=tmp_path))
    burst = result.found[1]
    # ann every two minutes: two within three minutes at most. bob every four: never.
    assert (burst.matches, burst.seen) == (0, 15)
    wide = BURST.replace("timespan: 3m", "timespan: 7m")
    burst = (await backtest(log, trial(RULE, wide, folder=tmp_path))).found[1]
    assert (burst.matches, burst.users) == (1, {"ann": 1})
    assert burst.first == NOON + 240


async def test_a_rule_that_only_a_correlation_needs_is_not_reported(log, tmp_path):
    await fill(log)
    (tmp_path / "rules.yml").write_text(RULE + "---\n" + BURST.replace("3m", "7m"))
    ruleset = Ruleset.load([tmp_path / "rules.yml"], builtin=False)
    result = await backtest(log, Trial(ruleset, ruleset.correlations))
    assert [(f.rule.title, f.matches) for f in result.found] == [("Burst", 1)]


async def test_raw_payloads_are_normalized_anew_and_have_the_ids_that_events_have(log, tmp_path):
    line = b"<38>Nov 24 10:00:00 jump-01 sshd[42]: Accepted password for root from 192.0.2.10 port 50022 ssh2"
    await log.append(RAW, 0, [Record(bytes(16), line, NOON, Facts("s"))])
    sshd = titled("Keyword", "{product: linux, service: sshd}", "['port 50022 ssh2']", "id: 11111111-0000-4000-8000-000000000009")
    result = await backtest(log, trial(sshd, folder=tmp_path, catalogue=Catalogue.load(())), raw=True)
    assert result.found[0].matches == 1
    assert result.found[0].samples == ["a" * 26]
    assert result.found[0].users == {"root": 1}


async def test_what_cannot_be_read_is_counted(log, tmp_path):
    await log.append(EVENTS, 0, [Record(bytes(16), b"{", NOON, Facts("s"))])
    assert (await backtest(log, trial(RULE, folder=tmp_path))).unreadable == 1


async def test_groups_that_read_are_left_where_they_are(log, tmp_path):
    await fill(log)
    async with log.follow((EVENTS,), group="sink.soc") as follower:
        while not await follower.read(max_records=1, timeout_seconds=0.1):
            pass
        await follower.commit({p: Mark(3) for p in follower.assigned})
        before = await log.committed("sink.soc", [EVENTS])
        assigned = follower.assigned
        await backtest(log, trial(RULE, folder=tmp_path))
        assert follower.assigned == assigned
    assert await log.committed("sink.soc", [EVENTS]) == before
    assert await log.committed("backtest", [EVENTS]) == {}


@pytest.mark.kafka
@pytest.mark.peer
async def test_on_kafka_it_is_the_same(kafka, tmp_path):
    from router.log.kafka import BrokerLog
    from tests.contract.log_process import QUICK

    settings = KafkaLog(kind="kafka", bootstrap=(kafka.bootstrap,), prefix=f"t{os.urandom(5).hex()}.", partitions=2)
    log = BrokerLog(settings, timing=QUICK)
    await log.start()
    try:
        await log.create(standard_topics(settings))
        await fill(log)
        assert set(await ends(log)) == {Partition(EVENTS, 0), Partition(EVENTS, 1)}
        result = await backtest(log, trial(RULE, BURST.replace("3m", "7m"), folder=tmp_path))
        assert [f.matches for f in result.found] == [15, 1]
    finally:
        await log.close()


async def test_the_command_prints_it_and_refuses_bad_rules(tmp_path):
    (tmp_path / "logweir.yaml").write_text(
        "log: {kind: embedded, path: log.db, partitions: 2}\nsinks: {all: {kind: file, path: all.ndjson}}\n"
    )
    settings = EmbeddedLog(path=tmp_path / "log.db", partitions=2)
    log = SqliteLog(settings)
    await log.start()
    await log.create(standard_topics(settings))
    await fill(log)
    await log.close()
    (tmp_path / "new.yml").write_text(RULE + "---\n" + OTHER)
    done = logweir("backtest", "--rules", "new.yml", "--since", "2026-01-01", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert "20 events, 2026-01-01T12:00:00Z to 2026-01-01T12:19:00Z" in text
    assert "15 Bad Login (high), of 20 it saw" in text
    assert "users: ann 10, bob 5" in text
    assert "0 Never (medium), of 20 it saw" in text
    assert done.stderr == b""  # no bar where nobody looks
    answer = json.loads(
        logweir("backtest", "--rules", "new.yml", "--since", "2026-01-01", "--limit", 4, "--json", folder=tmp_path).stdout
    )
    assert (answer["events"], answer["cut"], answer["rules"][0]["matches"]) == (4, True, 4)
    before = ("--since", "2024-01-01", "--until", "2025-01-01")
    assert "in this time" in logweir("backtest", "--rules", "new.yml", *before, folder=tmp_path).stdout.decode()
    exchanged = logweir("backtest", "--rules", "new.yml", "--until", "2025-01-01", folder=tmp_path)
    assert exchanged.returncode == 2
    assert b"is not before '2025-01-01'" in exchanged.stderr
    bad = RULE.replace("condition: sel", "condition: self")
    (tmp_path / "new.yml").write_text(bad)
    assert logweir("backtest", "--rules", "new.yml", folder=tmp_path).returncode == 2
    many = [OTHER.replace("Never", f"Never {n}").replace("0002", f"1{n:03}") for n in range(21)]
    (tmp_path / "new.yml").write_text("---\n".join([bad.replace("0001", "0009"), RULE, *many, UNSEEN]))
    mixed = logweir("backtest", "--rules", "new.yml", "--since", "2026-01-01", folder=tmp_path)
    assert mixed.returncode == 0
    assert b"no selection is named 'self'" in mixed.stderr
    assert b"1 problem: the rules that have them are left out, the other 23 judge" in mixed.stderr
    assert b"15 Bad Login" in mixed.stdout
    assert b"22 rules matched nothing; 1 of them saw no event of their log source" in mixed.stdout
    assert b"Never 3" not in mixed.stdout
    assert read(RULE)
