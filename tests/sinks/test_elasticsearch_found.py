"""Asking Elasticsearch what it holds: a real node, and answers that make no sense."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from router.batch import Facts, Record
from router.errors import Misconfigured, Retryable
from sinks._elasticsearch_reply import hits
from sinks._elasticsearch_settings import ElasticsearchSettings
from sinks._elasticsearch_setup import setup
from sinks._http import Reply
from sinks.elasticsearch import CANARIES, Elasticsearch
from tests.contract.sink import opened
from tests.peers.elasticsearch import Node, running


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    with running() as one:
        yield one


def canary(number: int) -> tuple[Record, str]:
    id = number.to_bytes(16)
    text = f"canary-{id.hex()}"
    body = b'{"@timestamp":"2026-01-01T00:00:00Z","event":{"id":"%s","dataset":"logweir.canary"}}' % text.encode()
    return Record(id, body, 1.0, Facts(dataset=CANARIES, kind="metric")), text


@pytest.mark.peer
@pytest.mark.parametrize("by_id", [True, False])
async def test_what_was_written_is_found_and_nothing_else(node: Node, by_id: bool) -> None:
    settings = ElasticsearchSettings.model_validate(
        {"kind": "elasticsearch", "urls": (node.url,), "replicas": 0, "document_id": by_id, "namespace": f"found{by_id}".lower()}
    )
    steps = await setup(f"found-{by_id}".lower(), settings, True)
    assert not [step for step in steps if step.state == "failed"]
    made = [canary(n) for n in range(1, 600)]
    wanted = {record.id: text for record, text in made}
    async with opened(Elasticsearch("soc", settings)) as sink:
        assert await sink.found(wanted) == set(), "there is no such stream yet"  # type: ignore[attr-defined]  # this sink is Searchable
        written = [record for record, _ in made[::2]]
        await sink.write(written)
        async with asyncio.timeout(30):
            while len(found := await sink.found(wanted)) < len(written):  # type: ignore[attr-defined]  # this sink is Searchable
                await asyncio.sleep(0.2)
        assert found == {record.id for record in written}


def reply(status: int, body: bytes) -> Reply:
    return Reply("http://es:9200", status, {}, body)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"hits":{"hits":[{}]}}', b'{"hits":3}', b"<html>"])
def test_an_answer_that_is_none_is_no_answer(body: bytes) -> None:
    with pytest.raises(Retryable):
        hits(reply(200, body), by_id=True)


@pytest.mark.parametrize(("status", "error"), [(429, Retryable), (503, Retryable), (401, Misconfigured), (403, Misconfigured)])
def test_a_refusal_is_no_answer(status: int, error: Any) -> None:
    with pytest.raises(error):
        hits(reply(status, b"{}"), by_id=True)


def test_an_answer_without_hits_is_an_answer() -> None:
    assert hits(reply(200, b"{}"), by_id=True) == []
