"""Detections from a compacted topic: the newest of each key, taken over while the router runs, kept for a start without brokers."""

import asyncio
import os
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from router.batch import Facts, Record
from router.config import EmbeddedLog, KafkaLog, load
from router.errors import ConfigError
from router.log.embedded import SqliteLog
from router.protocols import TopicSettings
from router.reload import configuration_state, rules_state
from router.rule_topic import Mirror, fetch_once, file_name, followed
from router.topology import Content

RULE = "title: {}\nid: 33333333-0000-4000-8000-00000000000{}\nlogsource: {{product: acme}}\ndetection: {{s: {{a: b}}, condition: s}}\n"


async def log_in(folder: Path) -> SqliteLog:
    log = SqliteLog(EmbeddedLog(path=folder / "log.db"))
    await log.start()
    await log.create({"rules": TopicSettings(2, 1e9)})
    return log


async def put(log: SqliteLog, partition: int, key: str, value: str) -> None:
    await log.append("rules", partition, [Record(os.urandom(16), value.encode(), 0.0, Facts("s"), key.encode())])


def held(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text().splitlines()[0] for p in sorted(folder.glob("*.yml"))}


async def test_the_newest_value_of_each_key_is_a_file_and_an_empty_one_takes_it_away(tmp_path: Path) -> None:
    log, folder = await log_in(tmp_path), tmp_path / "mirror"
    mirror = Mirror(log, "rules", folder)
    await put(log, 0, "one", RULE.format("Old", 1))
    await put(log, 0, "one", RULE.format("One", 1))
    await put(log, 1, "../two", RULE.format("Two", 2))
    assert await mirror.sync() == 2
    assert held(folder) == {file_name(b"one"): "title: One", file_name(b"../two"): "title: Two"}
    assert await mirror.sync() == 0
    await put(log, 0, "one", "")
    await put(log, 1, "three", RULE.format("Three", 3))
    assert await mirror.sync() == 2
    assert held(folder) == {file_name(b"../two"): "title: Two", file_name(b"three"): "title: Three"}
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]
    await put(log, 1, "two", "")
    again = Mirror(log, "rules", folder)
    (folder / "left-from-long-ago.yml").write_text("title: x")
    assert await again.sync() == 1
    assert held(folder) == {file_name(b"../two"): "title: Two", file_name(b"three"): "title: Three"}
    await log.close()


def test_names_of_files_are_safe_and_differ() -> None:
    names = [file_name(k) for k in (b"a/b", b"a b", b"../../etc/passwd", b"", b"\xff", "ü".encode())]
    assert len(set(names)) == len(names)
    assert all("/" not in n and not n.startswith(".") and n.endswith(".yml") for n in names)


def write(folder: Path, log: str) -> Path:
    (folder / "logweir.yaml").write_text(
        f"log: {log}\nrules: {{builtin: false, topic: TOPIC, topic_folder: mirror}}\nsinks: {{out: {{kind: file, path: out.ndjson}}}}\n"
    )
    return folder / "logweir.yaml"


async def test_without_kafka_it_is_refused_with_a_remedy(tmp_path: Path) -> None:
    path = write(tmp_path, "{kind: embedded, path: log.db}")
    with pytest.raises(ConfigError, match=r"rules\.topic"):
        await fetch_once(load(path))


async def test_without_brokers_the_rules_of_the_last_time_are_there(tmp_path: Path) -> None:
    config = load(write(tmp_path, "{kind: kafka, bootstrap: ['127.0.0.1:1']}"))
    config.rules.topic_folder.mkdir()
    (config.rules.topic_folder / "one-1.yml").write_text(RULE.format("One", 1))
    await fetch_once(config)
    assert [r.title for r in Content(config).ruleset.rules] == ["One"]


@pytest.mark.kafka
@pytest.mark.peer
async def test_rules_that_others_write_to_a_compacted_topic_are_taken_over(kafka, tmp_path: Path) -> None:
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    topic = f"rules-{os.urandom(4).hex()}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1, topic_configs={"cleanup.policy": "compact"})])
    await admin.close()
    path = write(tmp_path, f"{{kind: kafka, bootstrap: ['{kafka.bootstrap}']}}")
    path.write_text(path.read_text().replace("TOPIC", topic))
    config = load(path)
    assert isinstance(config.log, KafkaLog)
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait(topic, RULE.format("One", 1).encode(), key=b"one")
        await fetch_once(config)
        assert [r.title for r in Content(config).ruleset.rules] == ["One"]
        before = (configuration_state(path), rules_state(config))
        async with followed(config, 0.2):
            await producer.send_and_wait(topic, RULE.format("Two", 2).encode(), key=b"two")
            await producer.send_and_wait(topic, None, key=b"one")
            async with asyncio.timeout(60):
                while list(held(config.rules.topic_folder).values()) != ["title: Two"]:
                    await asyncio.sleep(0.1)
        assert [r.title for r in Content(config).ruleset.rules] == ["Two"]
        assert (configuration_state(path), rules_state(config)) != before  # what `--watch` looks at has changed
