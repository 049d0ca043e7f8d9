"""The rights that deploy/kafka/README.md tells are all that each role needs, on a broker that grants nothing else."""

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
import pytest
import yaml
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest

from router.batch import RAW, Facts, Record
from router.config import Config, load
from router.protocols import Log, TopicSettings
from router.serve import Service
from router.topology import ROLES, Content, Role, assembled, opened
from tests.peers.kafka import Secure

PAGE = Path(__file__).parents[2] / "deploy/kafka/README.md"
TOPIC, GROUP, LITERAL, ALLOW = 2, 3, 3, 3
READ, WRITE, DESCRIBE = 3, 4, 8
STREAMS = ("raw", "events", "matches", "signals")
RULES = """
title: Inner
id: 11111111-2222-4333-8444-555555555551
name: inner
logsource: {product: logweir}
detection: {words: [alpha], condition: words}
level: low
---
title: Once
id: 11111111-2222-4333-8444-555555555552
name: once
correlation: {type: event_count, rules: [inner], group-by: [host.name], timespan: 1s, condition: {eq: 1}}
level: low
---
title: Chain
id: 11111111-2222-4333-8444-555555555553
correlation: {type: event_count, rules: [once], group-by: [host.name], timespan: 1h, condition: {gte: 1}}
level: high
"""


def granted(prefix: str) -> Iterator[tuple[str, int, str, int]]:
    """(role, kind of resource, its name, operation), as the page's table and the sentence below it say."""
    rows = re.findall(r"^\| (ingest|process|correlate|deliver)[^|]*\|([^|]*)\|([^|]*)\|([^|]*)\|$", PAGE.read_text(), re.M)
    assert [row[0] for row in rows] == list(ROLES)
    for role, *cells in rows:
        yield from ((role, TOPIC, prefix + topic, DESCRIBE) for topic in STREAMS)
        for (kind, operation), cell in zip(((TOPIC, READ), (TOPIC, WRITE), (GROUP, READ)), cells, strict=True):
            for name in re.findall(r"`([^`]+)`", cell.replace("<sink>", "out")):
                yield role, kind, prefix + name.removeprefix("logweir."), operation
    yield "correlate", GROUP, f"{prefix}process", DESCRIBE


async def allow(secure: Secure, prefix: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=secure.node.bootstrap)
    await admin.start()
    try:
        for role, kind, name, operation in granted(prefix):
            await admin._send_to_controller(CreateAclsRequest(kind, name, LITERAL, f"User:{role}", "*", operation, ALLOW))
    finally:
        await admin.close()


def configured(secure: Secure, folder: Path, prefix: str, role: str) -> Config:
    cert, key = secure.authority.issue(role)
    log = {"kind": "kafka", "bootstrap": [f"127.0.0.1:{secure.ssl}"], "prefix": prefix, "partitions": 2, "replication": 1}
    tls = {"security": "SSL", "ca_file": str(secure.authority.ca_file), "cert_file": str(cert), "key_file": str(key)}
    sinks = {"out": {"kind": "file", "path": "out.ndjson"}}
    rest = {"rules": {"builtin": False, "detect": ["rules.yml"]}, "process": {"lateness_seconds": 0}, "sinks": sinks}
    path = folder / f"{role}.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "log": {**log, **tls}, **rest, "admin": {"listen": ""}}))
    return load(path)


async def arrived(folder: Path, title: str) -> None:
    """Returns when an alert of this title is in the file."""
    out = folder / "out.ndjson"
    while title not in [orjson.loads(line).get("rule", {}).get("name") for line in _lines(out)]:
        await asyncio.sleep(0.2)


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []


@pytest.mark.kafka
@pytest.mark.peer
@pytest.mark.timeout(400)
async def test_every_role_works_with_the_rights_of_the_page_and_no_others(kafka_secure: Secure, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    prefix = f"r{os.urandom(4).hex()}."
    configs = {role: configured(kafka_secure, tmp_path, prefix, role) for role in (*ROLES, "admin")}
    async with opened(configs["admin"]) as owner:
        await owner.create({f"dlq.{name}": TopicSettings(1, 3600) for name in ("process", "out")})
    await allow(kafka_secure, prefix)
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        services = []
        for role in ROLES:
            log = await stack.enter_async_context(opened(configs[role]))
            if role == "ingest":
                body = b'{"message": "alpha", "host": {"name": "h"}}'
                await log.append(RAW, 0, [Record(os.urandom(16), body, 1_767_225_600.0, Facts("s"))])
                continue
            services.append(await _served(stack, configs[role], log, role))
            tasks.create_task(services[-1].run())
        async with asyncio.timeout(300):
            await arrived(tmp_path, "Chain")
        for service in services:
            service.leave()


async def _served(stack: AsyncExitStack, config: Config, log: Log, role: Role) -> Service:
    parts = await stack.enter_async_context(assembled(config, log, Content(config), [role], ["out"]))
    return Service(parts, 10)
