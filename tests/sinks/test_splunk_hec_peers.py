"""The Splunk HEC sink against collectors that are not ours: Tenzir's and Fluent Bit's."""

import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pytest

from router.batch import Record
from router.errors import Misconfigured, Retryable
from router.protocols import Outcome
from router.registry import Reference
from sinks.splunk_hec import SplunkHec
from tests.contract.sink import opened, record, records, write_all
from tests.peers.tenzir import Output, free_port, receiving
from tests.sinks.test_splunk_hec import TOKEN, splunk_hec
from tests.sinks.test_splunk_hec import End as StandIn

pytestmark = pytest.mark.peer

_PIPELINES = {
    "tenzir": 'accept_splunk "127.0.0.1:{port}", hec_token="{token}"',
    "fluent bit": 'from_fluent_bit "splunk", options={{listen: "127.0.0.1", port: {port}, splunk_token: "{token}"}}',
}


class Collector:
    """A running collector and what came out of it."""

    def __init__(self, port: int, output: Output) -> None:
        self.url, self.output = f"http://127.0.0.1:{port}", output

    def sink(self, **settings: Any) -> SplunkHec:
        return splunk_hec(self.url, **settings)

    def envelopes(self, count: int) -> list[dict[str, Any]]:
        return [found.get("message", found) for found in self.output.wait_for(count)]

    def ids(self, count: int) -> Collection[str]:
        return {found["fields"]["_evt_id"] for found in self.envelopes(count)}


@pytest.fixture(scope="module", params=list(_PIPELINES))
def collector(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    port = free_port()
    pipeline = _PIPELINES[request.param].format(port=port, token=TOKEN)
    with receiving(pipeline, port, tmp_path_factory.mktemp("collector")) as output:
        yield Collector(port, output)


def id_of(one: Record) -> str:
    return StandIn.id_of(StandIn(TOKEN), one)


@pytest.mark.parametrize("gzip", [True, False])
async def test_everything_arrives_with_its_id(collector: Collector, gzip: bool) -> None:
    before = len(collector.output.events())
    wanted = [*records(200), record(message='über 漢字 🦉 " \\ \n', host={"name": "fw1"})]
    async with opened(collector.sink(gzip=gzip)) as sink:
        assert await write_all(sink, wanted) == 0
    assert {id_of(one) for one in wanted} <= set(collector.ids(before + 201))


async def test_an_envelope_is_understood(collector: Collector) -> None:
    before = len(collector.output.events())
    async with opened(collector.sink(routes=({"index": "main", "sourcetype": "st"},))) as sink:
        result = await sink.write([one := record(host={"name": "fw1"}, number=7)])
    assert list(result.outcomes) == [Outcome.DELIVERED]
    found = next(f for f in collector.envelopes(before + 1) if f["fields"]["_evt_id"] == id_of(one))
    assert (found["host"], found["index"], found["sourcetype"], found["source"]) == ("fw1", "main", "st", "logweir")
    assert found["event"]["number"] == 7
    assert str(found["time"]).startswith(("1767323045.678", "2026-01-02T03:04:05.677999"))


async def test_a_wrong_token_pauses(collector: Collector) -> None:
    async with opened(collector.sink(token=Reference("wrong"))) as sink:
        with pytest.raises(Misconfigured):
            await sink.write(records(2))


def test_nothing_is_written_twice(collector: Collector) -> None:
    time.sleep(0.2)
    found = [f["fields"]["_evt_id"] for f in collector.envelopes(1)]
    assert len(found) == len(set(found))


async def test_a_collector_that_never_acknowledges_delivers_nothing(tmp_path: Path) -> None:
    """Tenzir gives numbers and, in a pipeline without checkpoints, never says that they are indexed."""
    port = free_port()
    with receiving(f'accept_splunk "127.0.0.1:{port}", hec_token="{TOKEN}", ack=true', port, tmp_path) as output:
        ack = {"ack": True, "ack_poll_seconds": 0.1, "ack_timeout_seconds": 2}
        async with opened(splunk_hec(f"http://127.0.0.1:{port}", **ack)) as sink:
            with pytest.raises(Retryable, match="not_acknowledged"):
                await sink.write(records(2))
        assert len(output.wait_for(2)) == 2
