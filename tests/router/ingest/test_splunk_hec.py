"""Splunk HEC: answers to the letter, durable before 200, limits, and real clients."""

import asyncio
import base64
import contextlib
import gzip
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from router.errors import Retryable
from router.protocols import Source
from tests.contract.memory_log import MemoryLog
from tests.contract.source import AcknowledgingSourceContract, Running, build, counted, doubted, running
from tests.peers.certificates import Authority

CHANNEL = "11111111-2222-3333-4444-555555555555"
TOKENS: list[dict[str, Any]] = [
    {"name": "plain", "secret": SecretStr("s-plain"), "index": "main", "query_string": True},
    {"name": "ack", "secret": SecretStr("s-ack"), "ack": True},
    {"name": "off", "secret": SecretStr("s-off"), "enabled": False},
    {"name": "narrow", "secret": SecretStr("s-narrow"), "indexes": ["main", "net"]},
]


def hec(name: str = "hec", **settings: Any) -> Source:
    return build("splunk_hec", name, **{"listen": "127.0.0.1:0", "tokens": TOKENS, **settings})


Answer = tuple[int, dict[str, Any]]


class Client:
    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self._session, self._base = session, base

    async def post(self, path: str, body: Any = b"", token: str = "s-plain", **headers: str) -> Answer:
        return await self.ask("POST", path, body, {"Authorization": f"Splunk {token}"} if token else {}, **headers)

    async def ask(self, verb: str, path: str, body: Any = b"", base: dict[str, str] | None = None, **headers: str) -> Answer:
        named = {**(base or {}), **{k.replace("_", "-"): v for k, v in headers.items()}}
        async with self._session.request(verb, self._base + path, data=body, headers=named) as answer:
            self.headers = answer.headers
            text = await answer.text()
            return answer.status, json.loads(text) if text else {}


@asynccontextmanager
async def serving(
    log: MemoryLog | None = None, source: Source | None = None, **intake: Any
) -> AsyncIterator[tuple[Client, Running]]:
    async with running(source or hec(), log, **intake) as one, aiohttp.ClientSession(auto_decompress=False) as session:
        yield Client(session, f"http://127.0.0.1:{one.addresses[0][1]}/services/collector"), one


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


class TestLimits:
    @pytest.mark.parametrize(("size", "status"), [(10_000, 200), (10_001, 413)])
    @pytest.mark.parametrize("chunked", [False, True])
    async def test_wire_bytes(self, size: int, status: int, chunked: bool) -> None:
        body = b'{"event":"' + b"x" * (size - 12) + b'"}'

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(body), 1000):
                yield body[at : at + 1000]

        async with serving(source=hec(max_body_bytes=10_000)) as (client, one):
            assert (await client.post("", pieces() if chunked else body))[0] == status
            assert len(one.log.bodies) == (status == 200)

    @pytest.mark.parametrize(("size", "status"), [(20_000, 200), (20_001, 413)])
    async def test_inflated_bytes(self, size: int, status: int) -> None:
        body = gzip.compress(b'{"event":"' + b"x" * (size - 12) + b'"}')
        async with serving(source=hec(max_inflated_bytes=20_000)) as (client, _):
            assert (await client.post("", body, Content_Encoding="gzip"))[0] == status

    async def test_a_bomb(self) -> None:
        bomb = gzip.compress(b'{"event":"' + b"x" * (18 << 20) + b'"}', 9)
        async with serving() as (client, one):
            assert (await client.post("", bomb, Content_Encoding="gzip"))[0] == 413
            assert (await client.post("", b'{"event":1}'))[0] == 200
            assert len(one.log.bodies) == 1

    @pytest.mark.parametrize(("count", "status"), [(50_000, 200), (50_001, 413)])
    async def test_events_in_a_request(self, count: int, status: int) -> None:
        async with serving() as (client, one):
            assert (await client.post("", b'{"event":1}' * count))[0] == status
            assert len(one.log.bodies) == (count if status == 200 else 0)

    @pytest.mark.parametrize(("depth", "status"), [(63, 200), (64, 400)])
    async def test_depth(self, depth: int, status: int) -> None:
        async with serving() as (client, _):
            assert (await client.post("", b'{"event":' + b"[" * depth + b"1" + b"]" * depth + b"}"))[0] == status

    @pytest.mark.parametrize(("size", "code"), [(900_000, 0), (900_001, 6)])
    async def test_bytes_of_one_event(self, size: int, code: int) -> None:
        async with serving() as (client, one):
            large = b'{"event":"' + b"x" * (size - 12) + b'"}'
            answer = (await client.post("", b'{"event":1}' + large))[1]
            assert answer["code"] == code
            assert len(one.log.bodies) == (1 if code else 2)
            assert answer.get("invalid-event-number", 1) == 1

    async def test_a_body_that_stops_coming_is_given_up(self) -> None:
        async with serving(source=hec(connections={"stalled_seconds": 0.3})) as (_, one):
            reader, writer = await asyncio.open_connection(*one.addresses[0])
            writer.write(
                b"POST /services/collector HTTP/1.1\r\nHost: x\r\nAuthorization: Splunk s-plain\r\nContent-Length: 100\r\n\r\n{"
            )
            async with asyncio.timeout(10):
                assert b" 408 " in await reader.read()
            writer.close()

    async def test_a_head_that_does_not_end_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("router.ingest._http_server.HEAD_SECONDS", 0.1)
        async with serving() as (_, one):
            reader, writer = await asyncio.open_connection(*one.addresses[0])
            writer.write(b"POST /services/coll")
            async with asyncio.timeout(10):
                assert await reader.read() == b""
            writer.close()

    @pytest.mark.parametrize(("kilobytes", "status"), [(60, b"HTTP/1.1 200"), (70, b"")])
    async def test_a_head_above_64_kib_is_closed_before_it_is_parsed(self, kilobytes: int, status: bytes) -> None:
        async with serving() as (client, one):
            reader, writer = await asyncio.open_connection(*one.addresses[0])
            fields = b"".join(b"X-%d: %s\r\n" % (i, b"a" * 1016) for i in range(kilobytes))
            writer.write(b"GET /services/collector/health HTTP/1.1\r\nHost: x\r\n" + fields)
            await writer.drain()
            await asyncio.sleep(0.1)
            writer.write(b"\r\n")
            async with asyncio.timeout(10):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read(12) == status
            writer.close()
            assert (await client.post("", b'{"event":1}'))[0] == 200

    async def test_a_long_body_that_comes_with_its_head_is_no_long_head(self) -> None:
        async with serving() as (client, _):
            for _ in range(3):
                assert (await client.post("", b'{"event":"' + b"x" * 500_000 + b'"}'))[0] == 200

    async def test_bodies_together(self) -> None:
        """While one body of the most that all may hold is being read, another is told to wait."""
        async with serving(source=hec(bodies_mb=1)) as (client, one):
            _, writer = await asyncio.open_connection(*one.addresses[0])
            head = b"POST /services/collector HTTP/1.1\r\nHost: x\r\n"
            head += b"Authorization: Splunk s-plain\r\nContent-Length: 2000000\r\n\r\n"
            event = b'{"event":"' + b"x" * 100_000 + b'"}'
            writer.write(head + event * 10)
            await writer.drain()
            await asyncio.sleep(0.2)
            assert (await client.post("", event))[1]["code"] == 9
            writer.close()
            await asyncio.sleep(0.1)
            assert (await client.post("", event))[0] == 200

    async def test_guessing_is_slowed_down_and_right_tokens_are_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("router.ingest._hec_requests.TARPIT_DELAY_SECONDS", 0.5)
        loop = asyncio.get_running_loop()

        async def seconds(token: str) -> float:
            began = loop.time()
            await client.post("", b'{"event":1}', token)
            return loop.time() - began

        async with serving() as (client, _):
            for _ in range(10):
                assert await seconds("guess") < 0.5
            assert await seconds("guess") >= 0.5
            assert await seconds("s-plain") < 0.5


async def test_while_memory_is_short_the_answer_is_busy_and_health_says_so() -> None:
    log = MemoryLog()
    async with serving(log, memory_bytes=10_000) as (client, one):
        log.gate.clear()
        held = asyncio.create_task(client.post("", b'{"event":"' + b"x" * 9_000 + b'"}'))
        await one.until(lambda: one.emit.busy)
        async with aiohttp.ClientSession() as session:
            other = Client(session, f"http://127.0.0.1:{one.addresses[0][1]}/services/collector")
            assert await other.post("", b'{"event":1}') == (503, {"text": "Server is busy", "code": 9})
            assert other.headers["Retry-After"] == "1"
            assert (await other.ask("GET", "/health"))[1]["code"] == 18
        log.gate.set()
        assert (await held)[0] == 200


async def test_when_the_log_does_not_answer_the_client_is_told_to_try_again() -> None:
    log = MemoryLog()
    async with serving(log, deadline_seconds=0.1) as (client, _):
        log.failures = 10_000
        assert (await client.post("", b'{"event":1}'))[1]["code"] == 9
        log.failures = 0
        assert (await client.post("", b'{"event":1}'))[0] == 200
        assert len(log.bodies) == 1


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
