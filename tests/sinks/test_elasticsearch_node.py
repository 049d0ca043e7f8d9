"""The Elasticsearch sink and its setup against a real node."""

import asyncio
import os
from collections.abc import Collection, Iterator
from typing import Any

import pytest

from router.batch import Facts, Record
from router.errors import Misconfigured, Retryable, TooLarge
from router.protocols import Outcome, Sink
from sinks._elasticsearch_settings import ElasticsearchSettings
from sinks._elasticsearch_setup import setup
from sinks.elasticsearch import Elasticsearch
from tests.contract.sink import SinkContract, opened, record, records, write_all
from tests.peers.elasticsearch import Node, running
from tests.sinks.test_elasticsearch import End as StandIn

pytestmark = pytest.mark.peer
D, DUP, X, R = Outcome.DELIVERED, Outcome.DUPLICATE, Outcome.REJECTED, Outcome.RETRY
STREAM = "logs-acme.wall-logweir"


@pytest.fixture(scope="module")
def running_node() -> Iterator[Node]:
    with running(
        **{"http.max_content_length": "2mb", "thread_pool.write.size": "1", "thread_pool.write.queue_size": "1"}
    ) as node:
        yield node


@pytest.fixture
def node(running_node: Node) -> Node:
    running_node.clear()
    return running_node


def settings(node: Node, **options: Any) -> ElasticsearchSettings:
    block = {"kind": "elasticsearch", "urls": (node.url,), "replicas": 0, "timeout_seconds": 60} | options
    return ElasticsearchSettings.model_validate(block)


def sink(node: Node, **options: Any) -> Elasticsearch:
    return Elasticsearch("soc", settings(node, **options))


async def prepared(node: Node, **options: Any) -> Elasticsearch:
    steps = await setup("soc", settings(node, **options), True)
    assert not [step for step in steps if step.state == "failed"]
    return sink(node, **options)


class End:
    """The node as the far end of the contract."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def sink(self, **options: Any) -> Elasticsearch:
        return sink(self._node, max_concurrency=1, **options)

    def ids(self) -> Collection[str]:
        return {hit["_id"] for hit in self._node.documents("logs-*")}

    def id_of(self, record: Record) -> str:
        return StandIn.id_of(StandIn(), record)


class TestElasticsearchNode(SinkContract):
    @pytest.fixture
    async def far_end(self, node: Node) -> End:
        await prepared(node)
        return End(node)


def states(steps: Any) -> set[str]:
    return {step.state for step in steps}


@pytest.mark.parametrize("by", ["lifecycle", "ilm", "none"])
async def test_setup_says_then_does_then_finds_it_done(node: Node, by: str) -> None:
    wanted = settings(node, retention={"by": by, "days": 7}, namespace=f"by{by}")
    first = await setup(f"s{by}", wanted, False)
    assert states(first) == {"ok", "would"}
    assert await setup(f"s{by}", wanted, False) == first
    assert states(await setup(f"s{by}", wanted, True)) == {"ok", "done"}
    assert states(await setup(f"s{by}", wanted, True)) == {"ok"}
    changed = wanted.model_copy(update={"replicas": 2})
    assert [s.state for s in await setup(f"s{by}", changed, True)].count("done") == 1


async def test_setup_makes_what_the_streams_need(node: Node) -> None:
    async with opened(await prepared(node, retention={"by": "lifecycle", "days": 7})) as ready:
        wanted = record(source={"ip": "10.0.0.1", "port": 7}, message="a b", acme={"odd": "x" * 2000, "n": 1}, tags=["t"])
        assert (await ready.write([wanted])).outcomes == [D]
    (stream,) = node.call("GET", f"/_data_stream/{STREAM}")["data_streams"]
    assert stream["template"] == "logweir-soc"
    assert stream["failure_store"]["enabled"] is True
    (mapping,) = node.call("GET", f"/{STREAM}/_mapping").values()
    fields = mapping["mappings"]["properties"]
    assert fields["source"]["properties"]["ip"]["type"] == "ip"
    assert fields["source"]["properties"]["port"]["type"] == "long"
    assert fields["acme"]["properties"]["odd"] == {"type": "keyword", "ignore_above": 1024}
    template = node.call("POST", f"/_index_template/_simulate_index/{STREAM}")["template"]
    assert template["settings"]["index"]["mapping"]["total_fields"]["limit"] == "2000"
    assert template["lifecycle"]["data_retention"] == "7d"


async def test_setup_without_a_server_says_so() -> None:
    wanted = ElasticsearchSettings.model_validate({"kind": "elasticsearch", "urls": ("http://127.0.0.1:9",)})
    (step,) = await setup("soc", wanted, True)
    assert step.state == "failed"
    assert "check `urls`" in step.remedy


async def test_without_a_template_nothing_is_made_and_the_sink_pauses(node: Node) -> None:
    async with opened(sink(node)) as bare:
        with pytest.raises(Misconfigured, match="logweir setup"):
            await bare.write(records(3))


async def test_a_repeat_is_recognised_after_a_kill_too() -> None:
    with running() as node:
        async with opened(await prepared(node)) as ready:
            wanted = records(5)
            assert list((await ready.write(wanted)).outcomes) == [D] * 5
            assert list((await ready.write([*wanted, record()])).outcomes) == [DUP] * 5 + [D]
        await asyncio.to_thread(node.stop, kill=True)
        await asyncio.to_thread(node.start)
        node.call("GET", f"/_cluster/health/{STREAM}?wait_for_status=green&timeout=60s")
        async with opened(sink(node)) as again:
            assert list((await again.write(wanted)).outcomes) == [DUP] * 5
        assert len(node.documents(STREAM)) == 6


async def test_what_fits_no_mapping_is_redirected_or_rejected(node: Node) -> None:
    odd = [record(), record(source={"ip": {"an": "object"}}), record()]
    async with opened(await prepared(node)) as ready:
        assert list((await ready.write(odd)).outcomes) == [D, Outcome.REDIRECTED, D]
    node.call("POST", f"/{STREAM}::failures/_refresh")
    assert node.call("GET", f"/{STREAM}::failures/_search")["hits"]["total"]["value"] == 1
    node.clear()
    async with opened(await prepared(node, failure_store=False)) as ready:
        result = await ready.write(odd)
    assert list(result.outcomes) == [D, X, D]
    assert result.reasons == {1: "document_parsing_exception: field [source.ip] of type [ip]"}


async def test_a_document_without_a_time_is_rejected_alone(node: Node) -> None:
    async with opened(await prepared(node, failure_store=False)) as ready:
        result = await ready.write([record(), record(b'{"a":1}'), record(b'{"a":}')])
    assert list(result.outcomes) == [D, X, X]


@pytest.mark.parametrize("block", ["write", "read_only", "read_only_allow_delete"])
async def test_a_block_is_waited_for(node: Node, block: str) -> None:
    """Without a failure store: this version moves there what a block keeps out."""
    async with opened(await prepared(node, failure_store=False)) as ready:
        await ready.write(records(1))
        node.call("PUT", f"/{STREAM}/_settings", {f"index.blocks.{block}": True})
        held = records(3)
        result = await ready.write(held)
        assert list(result.outcomes) == [R] * 3
        assert result.reasons[0] == "cluster_block_exception"
        node.call("PUT", f"/{STREAM}/_settings", {f"index.blocks.{block}": None})
        assert list((await ready.write(held)).outcomes) == [D] * 3


async def test_a_request_that_is_too_large_is_to_be_split(node: Node) -> None:
    noise = os.urandom(1 << 20).hex()
    async with opened(await prepared(node)) as ready:
        with pytest.raises(TooLarge):
            await ready.write([record(message=noise), record(message=noise)])


async def test_a_full_queue_loses_and_doubles_nothing(node: Node) -> None:
    seen: set[Outcome | type] = set()

    async def patiently(ready: Sink, wanted: list[Record]) -> None:
        while wanted:
            try:
                result = await ready.write(wanted)
            except Retryable:
                seen.add(Retryable)
                continue
            seen.update(result.outcomes)
            wanted = [r for r, outcome in zip(wanted, result.outcomes, strict=True) if outcome is R]

    async with opened(await prepared(node, max_concurrency=16)) as ready:
        wanted = [records(50) for _ in range(100)]
        lanes = [wanted[i::16] for i in range(16)]

        async def pour(lane: list[list[Record]]) -> None:
            for batch in lane:
                await patiently(ready, batch)

        await asyncio.gather(*map(pour, lanes))
    assert seen & {R, Retryable}
    node.call("POST", f"/{STREAM}/_refresh")
    assert node.call("GET", f"/{STREAM}/_count")["count"] == 5000


async def test_a_pipeline_is_used(node: Node) -> None:
    node.call("PUT", "/_ingest/pipeline/mark", {"processors": [{"set": {"field": "via", "value": "p"}}]})
    async with opened(await prepared(node, pipeline="mark")) as ready:
        assert (await ready.write(records(1))).outcomes == [D]
    assert node.documents(STREAM)[0]["_source"]["via"] == "p"


async def test_a_broken_document_does_not_hang_the_rest(node: Node) -> None:
    """With a failure store this version never answers a request that holds one."""
    async with opened(await prepared(node, timeout_seconds=3)) as ready:
        wanted = [record(), record(b'{"@timestamp":"2026-01-01T00:00:00Z",bad}'), record()]
        assert await write_all(ready, wanted) == 1
    assert {hit["_id"] for hit in node.documents(STREAM)} == {End(node).id_of(wanted[i]) for i in (0, 2)}


async def test_alerts_arrive_in_their_own_stream(node: Node) -> None:
    async with opened(await prepared(node)) as ready:
        assert (await ready.write([record(facts=Facts(dataset="a.b", kind="alert"))])).outcomes == [D]
    assert len(node.documents("logs-alerts-logweir")) == 1
