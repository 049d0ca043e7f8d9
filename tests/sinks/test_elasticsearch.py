"""The Elasticsearch sink against its stand-in: contract, faults, names, bodies. Real nodes: test_elasticsearch_node.py."""

import base64
import gzip
import os
from collections.abc import AsyncIterator, Collection, Mapping
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from router.batch import Facts, Record
from router.demo.standins import Answer, ElasticsearchStandIn
from router.errors import Misconfigured, Retryable
from router.protocols import Outcome
from router.registry import Reference
from sinks._elasticsearch_reply import reason
from sinks._elasticsearch_settings import ElasticsearchSettings, dataset_part
from sinks.elasticsearch import Elasticsearch
from tests.contract.sink import CANARY, FACTS, HttpContract, opened, record, records

KEY = f"key-{CANARY}"


def elasticsearch(url: str, **settings: Any) -> Elasticsearch:
    block = {"kind": "elasticsearch", "urls": (url,), "timeout_seconds": 10} | settings
    return Elasticsearch("soc", ElasticsearchSettings.model_validate(block))


class End(ElasticsearchStandIn):
    """The stand-in as the far end of the contract."""

    def sink(self, **settings: Any) -> Elasticsearch:
        return elasticsearch(self.url, **{"api_key": Reference(KEY)} | settings)

    def ids(self) -> Collection[str]:
        return {key.rpartition("/")[2] for key in self.arrivals}

    def id_of(self, record: Record) -> str:
        return base64.urlsafe_b64encode(record.id).decode().rstrip("=")

    def script(self, *answers: Answer) -> None:
        self.answers.extend(answers)


class TestElasticsearch(HttpContract):
    @pytest.fixture
    async def far_end(self) -> AsyncIterator[End]:
        async with End(authorization=f"ApiKey {KEY}") as end:
            yield end


def answer(*items: Mapping[str, Any], status: int = 200) -> Answer:
    return Answer(status, orjson.dumps({"errors": True, "items": [{"create": item} for item in items]}))


def error(status: int, kind: str, text: str = "") -> dict[str, Any]:
    return {"status": status, "error": {"type": kind, "reason": text}}


async def outcomes(*items: Mapping[str, Any], **settings: Any) -> tuple[list[Outcome], Mapping[int, str]]:
    """What the sink makes of these items."""
    async with End() as end, opened(elasticsearch(end.url, **settings)) as sink:
        end.script(answer(*items))
        result = await sink.write(records(len(items)))
        return list(result.outcomes), result.reasons


GOOD = {"status": 201}


@pytest.mark.parametrize(
    ("item", "outcome"),
    [
        ({"status": 200}, Outcome.DELIVERED),
        ({"status": 201}, Outcome.DELIVERED),
        ({"status": 201, "failure_store": "used"}, Outcome.REDIRECTED),
        (error(409, "version_conflict_engine_exception"), Outcome.DUPLICATE),
        (error(409, "something_else_exception"), Outcome.RETRY),
        (error(429, "es_rejected_execution_exception"), Outcome.RETRY),
        (error(429, "circuit_breaking_exception"), Outcome.RETRY),
        (error(429, "cluster_block_exception"), Outcome.RETRY),
        (error(403, "cluster_block_exception"), Outcome.RETRY),
        (error(403, "security_exception"), Outcome.RETRY),
        (error(500, "null_pointer_exception"), Outcome.RETRY),
        (error(500, "fail_processor_exception"), Outcome.REJECTED),
        (error(502, "bad_gateway"), Outcome.RETRY),
        (error(503, "unavailable_shards_exception"), Outcome.RETRY),
        (error(503, "no_shard_available_action_exception"), Outcome.RETRY),
        (error(503, "process_cluster_event_timeout_exception"), Outcome.RETRY),
        (error(504, "gateway_timeout"), Outcome.RETRY),
        (error(400, "document_parsing_exception"), Outcome.REJECTED),
        (error(400, "mapper_parsing_exception"), Outcome.REJECTED),
        (error(400, "illegal_argument_exception"), Outcome.REJECTED),
        (error(400, "strict_dynamic_mapping_exception"), Outcome.REJECTED),
        (error(400, "document_parsing_exception") | {"failure_store": "failed"}, Outcome.REJECTED),
        (error(400, "document_parsing_exception") | {"failure_store": "not_enabled"}, Outcome.REJECTED),
        (error(404, "index_not_found_exception"), Outcome.REJECTED),
        ({"status": 400, "error": "a bare string"}, Outcome.REJECTED),
        ({"status": 100}, Outcome.RETRY),
        ({"status": 0}, Outcome.RETRY),
    ],
)
async def test_each_item_is_judged_by_itself(item: Mapping[str, Any], outcome: Outcome) -> None:
    found, reasons = await outcomes(GOOD, item, GOOD)
    assert found == [Outcome.DELIVERED, outcome, Outcome.DELIVERED]
    assert set(reasons) == ({1} if outcome in (Outcome.RETRY, Outcome.REJECTED) else set())


async def test_a_conflict_without_an_id_of_ours_is_no_success() -> None:
    found, _ = await outcomes(GOOD, error(409, "version_conflict_engine_exception"), document_id=False)
    assert found == [Outcome.DELIVERED, Outcome.RETRY]


@pytest.mark.parametrize("items", [[], [GOOD], [GOOD] * 2, [GOOD] * 4])
async def test_an_answer_with_another_number_of_items_says_nothing(items: list[dict[str, Any]]) -> None:
    async with End() as end, opened(elasticsearch(end.url)) as sink:
        end.script(answer(*items))
        with pytest.raises(Retryable, match="unreadable_answer"):
            await sink.write(records(3))


@pytest.mark.parametrize("item", [{}, {"status": "201"}, {"status": None}, {"status": True}, "text", None, [], 201])
async def test_an_item_that_cannot_be_read_makes_the_answer_say_nothing(item: Any) -> None:
    async with End() as end, opened(elasticsearch(end.url)) as sink:
        end.script(Answer(200, orjson.dumps({"items": [{"create": GOOD}, {"create": item}]})))
        with pytest.raises(Retryable, match="unreadable_answer"):
            await sink.write(records(2))


@pytest.mark.parametrize(
    ("status", "kind"), [(403, "security_exception"), (401, "security_exception"), (404, "index_not_found_exception")]
)
async def test_the_same_refusal_for_everything_pauses(status: int, kind: str) -> None:
    with pytest.raises(Misconfigured, match=kind):
        await outcomes(error(status, kind), error(status, kind))


async def test_a_block_on_everything_is_waited_for() -> None:
    found, _ = await outcomes(error(403, "cluster_block_exception"), error(403, "cluster_block_exception"))
    assert found == [Outcome.RETRY] * 2


async def test_a_parameter_that_the_server_does_not_know_is_named() -> None:
    text = "request [/_bulk] contains unrecognized parameter: [require_data_stream]"
    async with End() as end, opened(elasticsearch(end.url)) as sink:
        end.script(Answer(400, orjson.dumps({"error": {"type": "illegal_argument_exception", "reason": text}})))
        with pytest.raises(Misconfigured, match="require_data_stream: false"):
            await sink.write(records(1))


def test_a_reason_names_the_field_and_not_what_was_in_it() -> None:
    text = f"[1:25] failed to parse field [source.ip] of type [ip] in document with id 'x'. Preview of field's value: '{CANARY}'"
    assert reason(error(400, "document_parsing_exception", text)) == "document_parsing_exception: field [source.ip] of type [ip]"


@pytest.mark.parametrize("kind", [CANARY + " <b>", "A" * 500, 7, None, ["x"]])
def test_an_error_type_that_is_no_word_is_not_repeated(kind: Any) -> None:
    assert reason({"status": 400, "error": {"type": kind, "reason": CANARY}}) == "unknown_error"


async def test_a_repeat_is_recognised() -> None:
    async with End() as end, opened(elasticsearch(end.url)) as sink:
        wanted = records(3)
        await sink.write(wanted)
        result = await sink.write([*wanted, record()])
        assert list(result.outcomes) == [Outcome.DUPLICATE] * 3 + [Outcome.DELIVERED]
        assert end.received == 4


async def test_a_server_that_dies_of_a_broken_document_is_sent_the_others() -> None:
    """Elasticsearch 9.0 with a failure store never answers a request with a document that is no JSON."""
    async with End() as end, opened(elasticsearch(end.url)) as sink:
        end.script(Answer(0))
        result = await sink.write([record(), record(b'{"a":}'), record()])
    assert list(result.outcomes) == [Outcome.RETRY, Outcome.REJECTED, Outcome.RETRY]
    assert result.reasons[1] == "not_json"


async def test_events_go_to_the_stream_of_their_dataset_and_alerts_to_their_own() -> None:
    async with End() as end, opened(elasticsearch(end.url)) as sink:
        alert, signal = FACTS._replace(kind="alert"), FACTS._replace(kind="signal", dataset="x")
        await sink.write([record(), record(facts=Facts(dataset="Win dows/System")), record(facts=alert), record(facts=signal)])
        assert end.by_stream == {
            "logs-acme.wall-logweir": 1,
            "logs-win_dows_system-logweir": 1,
            "logs-alerts-logweir": 2,
        }


async def test_past_500_datasets_the_rest_shares_one_stream() -> None:
    async with End() as end, opened(elasticsearch(end.url)) as sink:
        await sink.write([record(facts=Facts(dataset=f"made.up{i}")) for i in range(600)])
        assert len(end.by_stream) == 501
        assert end.by_stream["logs-generic-logweir"] == 100


@pytest.mark.parametrize(
    ("dataset", "part"),
    [
        ("cisco.asa", "cisco.asa"),
        ("A-B", "a_b"),
        ("", "generic"),
        ("...", "generic"),
        ("_x", "x"),
        ("é", "generic"),
        ("a" * 200, "a" * 100),
    ],
)
def test_a_dataset_becomes_an_allowed_part_of_a_name(dataset: str, part: str) -> None:
    assert dataset_part(dataset) == part


def test_ids_are_unpadded_base64url_of_all_16_bytes() -> None:
    wanted = [Record(os.urandom(16), b"{}", 0.0) for _ in range(100)] + [
        Record(b"\xff" * 16, b"{}", 0.0),
        Record(b"\0" * 16, b"{}", 0.0),
    ]
    lines = elasticsearch("http://x").body(wanted).split(b"\n")[:-1:2]
    assert [orjson.loads(line)["create"]["_id"] for line in lines] == [End.id_of(End(), r) for r in wanted]


def test_stored_bytes_are_not_written_anew() -> None:
    odd = b'{"b": 1,\t"a":1.50, "u":"\\u00e9","big":123456789012345678901234567890}'
    body = elasticsearch("http://x", document_id=False).body([record(odd)])
    assert body == b'{"create":{"_index":"logs-acme.wall-logweir"}}\n' + odd + b"\n"


async def test_requests_are_packed_or_plain() -> None:
    seen: list[tuple[str, bytes]] = []

    class Listening(End):
        async def _bulk(self, request: Any) -> Any:
            seen.append((request.headers.get("Content-Encoding", ""), await request.read()))
            return await super()._bulk(request)

    async with Listening() as end:
        for wanted in (True, False):
            async with opened(elasticsearch(end.url, gzip=wanted)) as sink:
                assert (await sink.write(records(2))).outcomes == [Outcome.DELIVERED] * 2
    assert [encoding for encoding, _ in seen] == ["gzip", ""]


@pytest.mark.parametrize(
    "settings",
    [
        {"urls": ()},
        {"urls": ("ftp://x",)},
        {"urls": ("https://user:pass@x",)},
        {"urls": ("https://x/?a=b",)},
        {"urls": ("https://x:99999",)},
        {"data_stream": "Logs"},
        {"data_stream": "logs-{other}"},
        {"data_stream": "_logs"},
        {"namespace": "UPPER"},
        {"username": "only"},
        {"api_key": Reference("k"), "username": "u", "password": Reference("p")},
        {"password": "in the open", "username": "u"},
        {"pipeline": "a&refresh=true"},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as raised:
        elasticsearch("http://x", **settings)
    assert "in the open" not in str(raised.value.errors(include_input=False))


async def test_a_user_and_a_password_are_sent_as_basic_authentication() -> None:
    wanted = "Basic " + base64.b64encode(b"elastic:p:w\xc3\xb6").decode()
    user = {"username": "elastic", "password": Reference("p:w\u00f6")}
    async with End(authorization=wanted) as end, opened(elasticsearch(end.url, **user)) as sink:
        assert list((await sink.write(records(1))).outcomes) == [Outcome.DELIVERED]


def test_gzip_is_readable_by_others() -> None:
    from sinks._http import packed

    body, headers = packed(b"abc" * 1000, True)
    assert gzip.decompress(body) == b"abc" * 1000
    assert headers == {"Content-Encoding": "gzip"}
