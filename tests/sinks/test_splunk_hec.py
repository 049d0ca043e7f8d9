"""The Splunk HEC sink against its stand-in: contract, refusals, envelopes. Real receivers: test_splunk_hec_peers.py."""

import base64
import json
from collections.abc import AsyncIterator, Collection
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from router.batch import Facts, Record
from router.demo.standins import Answer, SplunkHecStandIn
from router.errors import Misconfigured, Retryable, TooLarge
from router.protocols import Outcome
from router.registry import Reference
from sinks._hec_settings import SplunkHecSettings
from sinks.splunk_hec import SplunkHec
from tests.contract.sink import CANARY, FACTS, HttpContract, opened, record, records, write_all
from tests.peers.wire import Wire

TOKEN = f"token-{CANARY}"
D, X, R = Outcome.DELIVERED, Outcome.REJECTED, Outcome.RETRY


def splunk_hec(url: str, **settings: Any) -> SplunkHec:
    block = {"kind": "splunk_hec", "urls": (url,), "token": Reference(TOKEN), "timeout_seconds": 10} | settings
    return SplunkHec("siem", SplunkHecSettings.model_validate(block))


class End(SplunkHecStandIn):
    """The stand-in as the far end of the contract."""

    def sink(self, **settings: Any) -> SplunkHec:
        extra = {"ack": True, "ack_poll_seconds": 0.01, "ack_timeout_seconds": 5} if self._ack else {}
        return splunk_hec(self.url, **extra | settings)

    def ids(self) -> Collection[str]:
        return set(self.arrivals)

    def id_of(self, record: Record) -> str:
        return base64.urlsafe_b64encode(record.id).decode().rstrip("=")

    def script(self, *answers: Answer) -> None:
        self.answers.extend(answers)


class TestSplunkHec(HttpContract):
    @pytest.fixture
    async def far_end(self) -> AsyncIterator[End]:
        async with End(TOKEN) as end:
            yield end


class TestSplunkHecWithAcknowledgement(HttpContract):
    @pytest.fixture
    async def far_end(self) -> AsyncIterator[End]:
        async with End(TOKEN, ack=True) as end:
            yield end


def refusal(code: int, number: Any = None) -> Answer:
    extra = {} if number is None else {"invalid-event-number": number}
    return Answer(400, orjson.dumps({"text": "No", "code": code} | extra))


@pytest.mark.parametrize(
    ("code", "number", "outcomes"),
    [
        (6, 2, [D, D, X, R, R]),
        (12, 2, [D, D, X, R, R]),
        (13, 2, [D, D, X, R, R]),
        (15, 2, [D, D, X, R, R]),
        (7, 3, [D, D, X, R, R]),
        (12, 0, [X, R, R, R, R]),
        (12, 4, [D, D, D, D, X]),
        (7, 1, [X, R, R, R, R]),
        (7, 5, [D, D, D, D, X]),
    ],
)
async def test_what_stands_before_the_event_at_fault_is_in(code: int, number: int, outcomes: list[Outcome]) -> None:
    async with End(TOKEN) as end, opened(end.sink()) as sink:
        end.script(refusal(code, number))
        result = await sink.write(records(5))
        assert list(result.outcomes) == outcomes
        assert set(result.reasons) == {i for i, o in enumerate(outcomes) if o in (X, R)}


@pytest.mark.parametrize("number", [None, -1, 5, "2", 2.0, True, [2]])
async def test_a_fault_without_a_usable_number_is_searched_for(number: Any) -> None:
    async with End(TOKEN) as end, opened(end.sink()) as sink:
        end.script(refusal(12, number), refusal(12, number))
        with pytest.raises(TooLarge):
            await sink.write(records(5))
        if number is not True:
            assert (await sink.write(records(1))).outcomes == [X]


@pytest.mark.parametrize("number", [None, 0, 6])
async def test_a_wrong_index_that_names_no_event_pauses(number: int | None) -> None:
    async with End(TOKEN) as end, opened(end.sink()) as sink:
        end.script(refusal(7, number))
        with pytest.raises(Misconfigured):
            await sink.write(records(5))


@pytest.mark.parametrize("code", [1, 5, 10, 11, 14, 16, 21, 22, 28, 99])
async def test_a_refusal_that_names_no_event_pauses(code: int) -> None:
    async with End(TOKEN) as end, opened(end.sink()) as sink:
        end.script(refusal(code))
        with pytest.raises(Misconfigured, match=str(code)):
            await sink.write(records(5))


@pytest.mark.parametrize("body", [b"", b"bad request", b"{}", b'{"code":"7"}', b"[7]", b'{"code":[7]}', b'{"code":{}}'])
async def test_a_400_that_is_not_of_a_collector_is_tried_again(body: bytes) -> None:
    async with End(TOKEN) as end, opened(end.sink()) as sink:
        end.script(Answer(400, body))
        with pytest.raises(Retryable):
            await sink.write(records(5))


@pytest.mark.parametrize(("status", "code"), [(500, 8), (503, 9), (503, 18), (503, 23), (429, 26), (429, 27)])
async def test_a_collector_that_cannot_now_is_waited_for(status: int, code: int) -> None:
    async with End(TOKEN) as end, opened(end.sink()) as sink:
        end.script(Answer(status, orjson.dumps({"text": "busy", "code": code})))
        with pytest.raises(Retryable):
            await sink.write(records(5))


@pytest.mark.parametrize("code", [0, 24, 25])
async def test_a_success_with_a_warning_is_a_success(code: int) -> None:
    async with End(TOKEN) as end, opened(end.sink()) as sink:
        end.script(Answer(200, orjson.dumps({"text": "Success", "code": code})))
        assert list((await sink.write(records(2))).outcomes) == [D, D]


@pytest.mark.parametrize("body", [b'{"text":"No","code":9}', b'{"code":true}', b'{"code":"0"}', b'{"text":"Success"}'])
async def test_a_200_that_does_not_say_success_is_none(body: bytes) -> None:
    async with End(TOKEN) as end, opened(end.sink()) as sink:
        end.script(Answer(200, body))
        with pytest.raises(Retryable):
            await sink.write(records(2))


async def test_a_cloud_that_blames_event_0_for_the_size_is_sent_less() -> None:
    async with End(TOKEN) as end, opened(end.sink()) as sink:
        end.script(refusal(6, 0))
        with pytest.raises(TooLarge):
            await sink.write(records(2, message="x" * (3 << 20)))


async def test_a_bad_event_in_the_middle_is_the_only_one_that_does_not_arrive() -> None:
    async with End(TOKEN) as end, opened(end.sink()) as sink:
        wanted = [record(), record(), record(b'{"not": json}'), record(), record()]
        assert await write_all(sink, wanted) == 1
        assert end.ids() == {end.id_of(wanted[i]) for i in (0, 1, 3, 4)}
        assert end.arrivals.repeats == 0


async def test_an_index_outside_the_tokens_list_stops_only_its_own_events() -> None:
    routes = ({"datasets": ("acme.*",), "index": "forbidden"}, {"index": "main"})
    async with End(TOKEN, indexes=frozenset(("main",))) as end, opened(end.sink(routes=routes)) as sink:
        fine = [record(facts=Facts(dataset="other")) for _ in range(3)]
        assert await write_all(sink, [fine[0], record(), fine[1], record(), fine[2]]) == 2
        assert end.by_index == {"main": 3}


async def test_an_unhealthy_collector_is_not_sent_to() -> None:
    body = b'{"text":"HEC is unhealthy, queues are full","code":18}'
    unhealthy = Wire(b"HTTP/1.1 503 No\r\nRetry-After: 3\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    async with unhealthy.listening() as url, opened(splunk_hec(url)) as sink:
        with pytest.raises(Retryable, match="unhealthy") as raised:
            await sink.write(records(2))
    assert raised.value.retry_after_seconds == 3


async def test_of_two_collectors_the_healthy_one_is_used() -> None:
    unhealthy = Wire(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n")
    async with unhealthy.listening() as url, End(TOKEN) as end, opened(end.sink(urls=(url, end.url))) as sink:
        for _ in range(4):
            assert list((await sink.write(records(2))).outcomes) == [D, D]


async def test_a_collector_without_a_health_page_is_used() -> None:
    class Bare(End):
        async def _health(self, request: Any) -> Any:
            response = await super()._health(request)
            response.set_status(404)
            return response

    async with Bare(TOKEN) as end, opened(end.sink()) as sink:
        assert list((await sink.write(records(2))).outcomes) == [D, D]


def envelopes(sink: SplunkHec, wanted: list[Record]) -> list[dict[str, Any]]:
    text, at, found = sink.body(wanted).decode(), 0, []
    while at < len(text):
        event, at = json.JSONDecoder(parse_float=str, parse_int=str).raw_decode(text, at)
        found.append(event)
    return found


def test_an_envelope_holds_the_document_and_where_it_belongs() -> None:
    route = {"datasets": ("acme.*",), "index": "fw", "sourcetype": "acme:{dataset}", "source": "s"}
    wanted = record(host={"name": "fw1"})
    (found,) = envelopes(splunk_hec("http://x", routes=(route,)), [wanted])
    assert found == {
        "time": "1767323045.678000",
        "host": "fw1",
        "source": "s",
        "sourcetype": "acme:acme.wall",
        "index": "fw",
        "event": json.loads(wanted.body),
        "fields": {"_evt_id": End(TOKEN).id_of(wanted)},
    }


@pytest.mark.parametrize(
    ("when", "text"), [(1.79e9, "1790000000.000000"), (0.000001, "0.000001"), (9.9e10, "99000000000.000000"), (0, "0.000000")]
)
def test_time_is_plain_decimal(when: float, text: str) -> None:
    (found,) = envelopes(splunk_hec("http://x"), [record()._replace(time=when)])
    assert found["time"] == text


@pytest.mark.parametrize("when", [float("nan"), float("inf"), -1.0, 1e300])
def test_what_is_no_time_is_left_to_splunk(when: float) -> None:
    (found,) = envelopes(splunk_hec("http://x"), [record()._replace(time=when)])
    assert "time" not in found


@pytest.mark.parametrize(
    ("document", "host"),
    [
        ({"host": {"name": "a"}}, "a"),
        ({"host": {"os": {"name": "linux", "x": {"name": "y"}}, "name": "a"}}, "a"),
        ({"host": {"hostname": "web-01"}, "observer": {"name": "fw"}}, "web-01"),
        ({"observer": {"name": "fw"}}, "fw"),
        ({"host": {"ip": ["1.2.3.4"]}, "observer": {"name": "fw"}}, "fw"),
        ({"vendor": {"host": {"name": "inner"}}, "host": {"name": "outer"}}, "outer"),
        ({"vendor": {"host": {"name": "inner"}}}, "default"),
        ({"host": {"ip": "1.2.3.4"}, "user": {"name": "bob"}}, "default"),
        ({"host": {"name": 'quo"te'}}, "default"),
        ({"host": {"name": ""}}, "default"),
        ({"host": {"name": "é漢"}}, "é漢"),
        ({"message": '"host":{"name":"forged"}'}, "default"),
        ({"host": "text"}, "default"),
        ({"host": {"name": ["a", "b"]}}, "default"),
    ],
)
def test_the_host_is_the_documents_own(document: dict[str, Any], host: str) -> None:
    (found,) = envelopes(splunk_hec("http://x", host="default"), [record(orjson.dumps(document))])
    assert found["host"] == host


def test_the_first_route_that_fits_is_taken() -> None:
    routes = ({"datasets": ("windows.security",), "index": "a"}, {"datasets": ("windows.*", "x"), "index": "b"})
    sink = splunk_hec("http://x", routes=routes)
    wanted = [record(facts=Facts(dataset=d)) for d in ("windows.security", "windows.powershell", "x", "xy")]
    assert [e.get("index") for e in envelopes(sink, wanted)] == ["a", "b", "b", None]


def test_past_500_datasets_sourcetypes_are_shared() -> None:
    found = envelopes(splunk_hec("http://x"), [record(facts=Facts(dataset=f"made.up{i}")) for i in range(600)])
    assert len({e["sourcetype"] for e in found}) == 501


async def test_a_repeat_cannot_be_recognised_but_is_marked() -> None:
    async with End(TOKEN) as end, opened(end.sink()) as sink:
        wanted = records(2)
        for _ in range(2):
            assert list((await sink.write(wanted)).outcomes) == [D, D]
        assert end.arrivals.repeats == 2


def test_stored_bytes_are_not_written_anew() -> None:
    odd = b'{"b": 1,\n"a":1.50, "big":123456789012345678901234567890}'
    assert b',"event":' + odd + b',"fields":' in splunk_hec("http://x").body([record(odd, FACTS)])


@pytest.mark.parametrize(
    "settings",
    [
        {"urls": ()},
        {"token": "in the open"},
        {"routes": ({"index": "Upper"},)},
        {"max_bytes": 3 << 20},
        {"management": {"url": "https://x"}},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        splunk_hec("http://x", **settings)
