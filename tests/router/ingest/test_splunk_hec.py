"""Splunk HEC: answers to the letter, durable before 200, limits, and real clients."""

import asyncio
import base64
import gzip
import json
import socket
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from router.errors import Retryable
from router.protocols import Source
from tests.contract.memory_log import MemoryLog
from tests.contract.source import AcknowledgingSourceContract, counted, doubted, running
from tests.peers.certificates import Authority
from tests.router.ingest.hec_scene import CHANNEL, TOKENS, hec, serving


class TestContract(AcknowledgingSourceContract):
    name = "contract-hec"
    bad_reason = "hec_13"

    def make(self, folder: Path) -> Source:
        return hec(self.name)

    def payload(self, number: int) -> bytes:
        return b'{"event": {"n":%d}, "time": 1767323045}' % number

    async def send(self, source: Source, folder: Path, payloads: Sequence[bytes]) -> None:
        await self.post(source, b"\n".join(payloads), 200)

    async def send_bad(self, source: Source, folder: Path) -> None:
        await self.post(source, b'{"event":" "}', 400)

    async def post(self, source: Source, body: bytes, status: int) -> None:
        """As a client must: again while the answer is 503."""
        async with aiohttp.ClientSession(headers={"Authorization": "Splunk s-plain"}) as session:
            for _ in range(20):
                async with session.post(f"http://127.0.0.1:{source.addresses[0][1]}/services/collector", data=body) as answer:
                    if answer.status != 503:
                        assert answer.status == status
                        return
                await asyncio.sleep(0.1)
        pytest.fail("503 for ever")


AS = {name: {"Authorization": f"Splunk s-{name}"} for name in ("plain", "ack", "off", "narrow")}
GZIP, DEFLATE = AS["plain"] | {"Content-Encoding": "gzip"}, AS["plain"] | {"Content-Encoding": "deflate"}
NOWHERE = '{"text":"The requested URL was not found on this server.","code":404}'
NUMBERED = '{"text":"%s","code":%d,"invalid-event-number":%d}'
NO_DATA = '{"text":"No data","code":5}'
CASES: list[tuple[str, str, str, dict[str, str], bytes, int, str]] = [
    ("no token", "POST", "", {}, b"x", 401, '{"text":"Token is required","code":2}'),
    ("no scheme", "POST", "", {"Authorization": "s-plain"}, b"x", 401, '{"text":"Invalid authorization","code":3}'),
    ("bad base64", "POST", "", {"Authorization": "Basic ???"}, b"x", 401, '{"text":"Invalid authorization","code":3}'),
    ("unknown", "POST", "", {"Authorization": "Splunk nope"}, b"x", 403, '{"text":"Invalid token","code":4}'),
    ("not ASCII", "POST", "", {"Authorization": "Splunk é"}, b"x", 403, '{"text":"Invalid token","code":4}'),
    ("disabled", "POST", "", AS["off"], b"x", 403, '{"text":"Token disabled","code":1}'),
    ("empty", "POST", "", AS["plain"], b"", 400, NO_DATA),
    ("empty raw", "POST", "/raw", AS["plain"], b"\r\n\n", 400, NO_DATA),
    ("empty gzip", "POST", "", GZIP, b"", 400, NO_DATA),
    ("no gzip", "POST", "", GZIP, b"{", 400, '{"text":"Invalid data format","code":6}'),
    ("deflate", "POST", "", DEFLATE, b"{", 415, '{"text":"Unsupported content encoding","code":415}'),
    ("no JSON", "POST", "", AS["plain"], b"{", 400, NUMBERED % ("Invalid data format", 6, 0)),
    ("no event", "POST", "", AS["plain"], b'{"event":1}{"host":"h"}', 400, NUMBERED % ("Event field is required", 12, 1)),
    ("blank", "POST", "", AS["plain"], b'{"event":""}', 400, NUMBERED % ("Event field cannot be blank", 13, 0)),
    ("time", "POST", "", AS["plain"], b'{"event":1,"time":"x"}', 400, NUMBERED % ("Error in handling indexed fields", 15, 0)),
    ("index", "POST", "", AS["narrow"], b'{"event":1,"index":"x"}', 400, NUMBERED % ("Incorrect index", 7, 1)),
    ("raw index", "POST", "/raw?index=x", AS["narrow"], b"x", 400, '{"text":"Incorrect index","code":7}'),
    ("no channel", "POST", "", AS["ack"], b'{"event":1}', 400, '{"text":"Data channel is missing","code":10}'),
    ("channel", "POST", "?channel=x", AS["ack"], b'{"event":1}', 400, '{"text":"Invalid data channel","code":11}'),
    ("no acks", "POST", f"/ack?channel={CHANNEL}", AS["plain"], b'{"acks":[0]}', 400, '{"text":"ACK is disabled","code":14}'),
    ("query", "POST", "?token=s-ack", {}, b"x", 400, '{"text":"Query string authorization is not enabled","code":16}'),
    ("healthy", "GET", "/health", {}, b"", 200, '{"text":"HEC is healthy","code":17}'),
    ("healthy 1.0", "GET", "/health/1.0?ack=true", AS["plain"], b"", 200, '{"text":"HEC is healthy","code":17}'),
    ("probe", "GET", "/health", {"Authorization": "Splunk nope"}, b"", 400, '{"text":"Invalid token","code":21}'),
    ("probe off", "GET", "/health?token=s-off", {}, b"", 400, '{"text":"Token disabled","code":22}'),
    ("not found", "POST", "/s2s", {}, b"", 404, NOWHERE),
    ("mint", "POST", "/mint", {}, b"", 404, NOWHERE),
    ("wrong verb", "GET", "/event", {}, b"", 405, NOWHERE),
]


@pytest.mark.parametrize(("verb", "path", "headers", "body", "status", "text"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
async def test_answers_are_those_of_splunk_to_the_letter(
    verb: str, path: str, headers: dict[str, str], body: bytes, status: int, text: str
) -> None:
    async with running(hec()) as one, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{one.addresses[0][1]}/services/collector{path}"
        async with session.request(verb, url, data=body, headers=headers) as answer:
            assert (answer.status, await answer.text()) == (status, text)


BASIC = "Basic " + base64.b64encode(b"anybody:s-plain").decode()


@pytest.mark.parametrize("authorization", ["Splunk s-plain", "splunk s-plain", "SPLUNK  s-plain ", BASIC, ""])
@pytest.mark.parametrize("path", ["", "/", "/event", "/event/1.0"])
async def test_every_way_to_present_a_token_and_every_route_works(authorization: str, path: str) -> None:
    async with serving() as (client, one):
        base = {"Authorization": authorization} if authorization else {}
        path = path if authorization else f"{path}?token=s-plain"
        assert await client.ask("POST", path, b'{"event":1}', base) == (200, {"text": "Success", "code": 0})
        assert one.log.bodies == [b'{"event":1}']
        assert one.log.all[0].facts == ("hec", "127.0.0.1", "splunk_hec", (("index", "main"),), "", "", 0, (), ())


async def test_options_names_the_verbs() -> None:
    async with serving() as (client, _):
        assert (await client.ask("OPTIONS", "/anything"))[0] == 200
        assert client.headers["Allow"] == "POST,OPTIONS"


async def test_a_batch_is_kept_up_to_its_bad_object_and_that_before_the_answer() -> None:
    before = counted("hec").get("hec_13", 0)
    async with serving() as (client, one):
        status, answer = await client.post("", b'{"event":"a"} {"event":"b"}\n{"event":{}}{"event":"d"}')
        assert (status, answer["code"], answer["invalid-event-number"]) == (400, 13, 2)
        assert one.log.bodies == [b'{"event":"a"}', b'{"event":"b"}']
    assert counted("hec")["hec_13"] - before == 1


async def test_what_clients_really_send_is_understood() -> None:
    """Bodies of splunk-handler, splunk-logging (a form content type, a string as time) and Fluent Bit (gzip), as recorded."""
    bodies = [
        b'{"event": "one", "host": "vm", "index": "main", "source": "<stdin>", "sourcetype": "text", "time": 1795422744.5616043}',
        b'{"time":"1795422744.787","event":{"message":{"a":1},"severity":"info"}}',
        b'{"time":1795422749.704417,"event":{"a":1,"msg":"hi"}}',
    ]
    async with serving() as (client, one):
        assert (await client.post("", bodies[0] * 2))[0] == 200
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        assert (await client.post("/event/1.0", bodies[1] * 2, **form))[0] == 200
        assert (await client.post("", gzip.compress(bodies[2] * 2), Content_Encoding="gzip"))[0] == 200
        assert one.log.bodies == [b for b in bodies for _ in range(2)]


async def test_raw_lines_carry_what_the_query_says() -> None:
    async with serving() as (client, one):
        path = "/raw/1.0?host=h&sourcetype=st&source=s&index=i&evil=x"
        assert (await client.post(path, b"one\r\n\ntwo\x00\xff\n"))[0] == 200
        assert one.log.bodies == [b"one", b"two\x00\xff"]
        assert one.log.all[0].facts.meta == (("host", "h"), ("index", "i"), ("source", "s"), ("sourcetype", "st"))
        assert one.log.all[0].facts.envelope == ""
        assert "s-plain" not in repr(one.log.all)


async def test_a_raw_line_above_the_cap_is_cut_and_marked() -> None:
    before = doubted("hec", "truncated")
    async with serving() as (client, one):
        assert (await client.post("/raw", b"a\n" + b"x" * 900_001 + b"\nb"))[0] == 200
        assert [len(b) for b in one.log.bodies] == [1, 900_000, 1]
        assert one.log.all[1].facts.meta == (("flaw", "truncated"), ("index", "main"))
    assert doubted("hec", "truncated") - before == 1


class TestAcknowledgement:
    async def test_ids_count_per_channel_and_are_true_once(self) -> None:
        other = CHANNEL.replace("1", "9")
        async with serving() as (client, _):
            for number in range(3):
                status, answer = await client.post("", b'{"event":1}', "s-ack", X_Splunk_Request_Channel=CHANNEL)
                assert (status, answer) == (200, {"text": "Success", "code": 0, "ackId": number})
            assert (await client.post(f"?channel={other}", b'{"event":1}', "s-ack"))[1]["ackId"] == 0
            asked = {"acks": [0, 1, 7]}
            first = await client.post(f"/ack?channel={CHANNEL.upper()}", json.dumps(asked), "s-ack")
            again = await client.post(f"/ack?channel={CHANNEL}", json.dumps(asked), "s-ack")
            assert first == (200, {"acks": {"0": True, "1": True, "7": False}})
            assert again == (200, {"acks": {"0": False, "1": False, "7": False}})

    async def test_a_batch_with_a_bad_object_has_an_id_too(self) -> None:
        async with serving() as (client, _):
            answer = (await client.post(f"?channel={CHANNEL}", b'{"event":1}{}', "s-ack"))[1]
            assert answer == {"text": "Event field is required", "code": 12, "invalid-event-number": 1, "ackId": 0}

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"acks":1}', b'{"acks":["0"]}', b'{"acks":[true]}', b"\xff"])
    async def test_a_question_that_makes_no_sense_is_refused(self, body: bytes) -> None:
        async with serving() as (client, _):
            assert (await client.post(f"/ack?channel={CHANNEL}", body, "s-ack"))[1]["code"] == 6

    def test_ids_and_channels_at_the_limit_are_given_and_one_more_is_refused(self) -> None:
        from router.ingest._hec_acks import Acks
        from router.ingest._hec_replies import Refusal

        now = 0.0
        acks = Acks(lambda: now, max_channels=2, max_ids=3)
        for _ in range(3):
            acks.reserve("t", "a")
            acks.issue("t", "a")
        with pytest.raises(Refusal, match="ACK channel at capacity"):
            acks.reserve("t", "a")
        acks.report("t", "a", [0])
        acks.reserve("t", "a")
        acks.reserve("t", "b")
        with pytest.raises(Refusal):
            acks.reserve("t", "c")
        now = 601.0
        acks.reserve("t", "c")

    def test_channels_that_nobody_uses_are_forgotten_before_there_is_no_room(self) -> None:
        from router.ingest._hec_acks import Acks

        now = 0.0
        acks = Acks(lambda: now)
        for number in range(100):
            acks.reserve("t", f"c{number}")
            acks.issue("t", f"c{number}")
        now = 599.0
        assert acks.report("t", "c0", [0]) == {"0": True}
        now = 601.0
        acks.reserve("t", "new")
        assert acks.report("t", "c1", [0]) == {"0": False}
        assert (acks.issue("t", "c0"), len(acks)) == (1, 2)

    def test_a_sender_that_takes_a_channel_for_each_request_and_asks_is_never_refused(self) -> None:
        from router.ingest._hec_acks import Acks

        now = 0.0
        acks = Acks(lambda: now, max_channels=50)
        acks.reserve("t", "waits")
        assert acks.issue("t", "waits") == 0
        for number in range(500):
            now += 0.001
            acks.reserve("t", f"c{number}")
            assert acks.report("t", f"c{number}", [acks.issue("t", f"c{number}")]) == {"0": True}
            assert len(acks) <= 50
        assert acks.report("t", "waits", [0]) == {"0": True}, "an id that nobody has asked for is kept"
        now += 31
        acks.reserve("t", "later")
        assert len(acks) == 1, "what was answered goes after half a minute"


async def test_stop_answers_what_was_begun_and_closes_the_rest() -> None:
    log = MemoryLog()
    async with serving(log) as (client, one):
        idle = socket.create_connection(one.addresses[0])
        log.gate.clear()
        begun = asyncio.create_task(client.post("", b'{"event":1}'))
        await one.until(lambda: bool(log.outstanding))
        one.stop.set()
        await asyncio.sleep(0.1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(one.addresses[0])
        log.gate.set()
        assert (await begun)[0] == 200
        assert await one.finish() == [b'{"event":1}']
        idle.close()


async def test_a_bug_costs_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as (client, _):
        with monkeypatch.context() as patch:
            patch.setattr("router.ingest._hec_events.fault", lambda _: 1 / 0)
            assert await client.post("", b'{"event":1}') == (500, {"text": "Internal server error", "code": 8})
        assert (await client.post("", b'{"event":1}'))[0] == 200


@pytest.mark.parametrize(
    "junk", [b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\0" * 100, b"POST / HTTP/9.9\r\n\r\n", b"x" * 20_000]
)
async def test_what_is_no_http_harms_nobody(junk: bytes) -> None:
    async with serving() as (client, one):
        reader, writer = await asyncio.open_connection(*one.addresses[0])
        writer.write(junk)
        writer.write_eof()
        async with asyncio.timeout(10):
            await reader.read()
        writer.close()
        assert (await client.post("", b'{"event":1}'))[0] == 200


async def test_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue("localhost")
    async with running(hec(tls={"cert_file": cert, "key_file": key})) as one:
        import ssl

        context = ssl.create_default_context(cafile=str(authority.ca_file))
        async with aiohttp.ClientSession(headers={"Authorization": "Splunk s-plain"}) as session:
            url = f"https://localhost:{one.addresses[0][1]}/services/collector"
            async with session.post(url, data=b'{"event":1}', ssl=context) as answer:
                assert answer.status == 200


def test_secrets_must_not_stand_in_the_configuration() -> None:
    with pytest.raises(ValueError, match="a secret must not stand in the configuration"):
        hec(tokens=[{"name": "a", "secret": "plain text"}])


def test_two_tokens_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two tokens share a name"):
        hec(tokens=[TOKENS[0], TOKENS[0]])


def test_retryable_is_what_overloaded_is() -> None:
    """The handler answers both with 503 by catching the one."""
    from router.errors import Overloaded

    assert issubclass(Overloaded, Retryable)
