"""What every sink promises. A sink's test class inherits the suite that fits its far end and says how to reach that."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

import orjson
import pytest

from router.batch import Facts, Record
from router.demo.standins import Answer
from router.errors import LogweirError, Misconfigured, Retryable, TooLarge
from router.protocols import Outcome, Sink, WriteResult
from tests.peers.wire import Wire

CANARY = "c4n4ry-s3cret"
"""Every secret that a test gives to a sink contains it."""
TAKEN = (Outcome.DELIVERED, Outcome.DUPLICATE)
FACTS = Facts(dataset="acme.wall", kind="event", severity=30)


class FarEnd(Protocol):
    """The other side of a sink under test, stand-in or real."""

    def sink(self, **settings: Any) -> Sink:
        """A sink that sends here; with `urls` or `port` elsewhere."""

    def ids(self) -> Collection[str]:
        """In the form in which the product shows them, the ids of all that arrived."""

    def id_of(self, record: Record) -> str:
        """The form in which the product shows this record's id."""


class RemoteEnd(FarEnd, Protocol):
    """A far end behind a socket."""

    async def stop(self) -> None: ...

    async def start(self) -> None: ...


def record(body: bytes | None = None, facts: Facts = FACTS, **fields: Any) -> Record:
    document = {"@timestamp": "2026-01-02T03:04:05.678Z", "event": {"dataset": facts.dataset}} | fields
    return Record(os.urandom(16), orjson.dumps(document) if body is None else body, 1767323045.678, facts)


def records(count: int, **fields: Any) -> list[Record]:
    return [record(number=i, **fields) for i in range(count)]


@asynccontextmanager
async def opened(sink: Sink) -> AsyncIterator[Sink]:
    await sink.open()
    try:
        yield sink
    finally:
        await sink.close()


async def write_all(sink: Sink, wanted: Sequence[Record], tries: int = 50) -> int:
    """Write as the delivery loop does, until nothing is left to send again; returns how many were rejected."""
    left, rejected = list(wanted), 0
    for _ in range(tries):
        try:
            result = await sink.write(left)
        except Retryable:
            await asyncio.sleep(0.05)
            continue
        rejected += result.outcomes.count(Outcome.REJECTED)
        left = [r for r, outcome in zip(left, result.outcomes, strict=True) if outcome is Outcome.RETRY]
        if not left:
            return rejected
    raise AssertionError(f"{len(left)} records are still to be sent")


@contextmanager
def no_secret_in_errors() -> Iterator[None]:
    """Whatever is raised inside goes on, unless it or what caused it shows a secret."""
    try:
        yield
    except LogweirError as error:
        shown: BaseException | None = error
        while shown is not None:
            assert CANARY not in f"{shown} {shown!r}"
            shown = shown.__cause__ or shown.__context__
        raise


def assert_complete(result: WriteResult, count: int) -> None:
    assert len(result.outcomes) == count
    told = {i for i, o in enumerate(result.outcomes) if o in (Outcome.RETRY, Outcome.REJECTED)}
    assert set(result.reasons) == told


class SinkContract:
    """For every sink. The class has an async fixture `far_end`."""

    async def test_every_record_gets_an_outcome_and_arrives(self, far_end: FarEnd) -> None:
        wanted = records(20)
        async with opened(far_end.sink()) as sink:
            result = await sink.write(wanted)
        assert_complete(result, 20)
        assert all(outcome in TAKEN for outcome in result.outcomes)
        assert {far_end.id_of(r) for r in wanted} == set(far_end.ids())

    async def test_an_empty_batch_is_answered_with_nothing(self, far_end: FarEnd) -> None:
        async with opened(far_end.sink()) as sink:
            assert list((await sink.write([])).outcomes) == []

    @pytest.mark.parametrize("odd", [b"", b"[]", b'"text"', b"null", b"17", b"plain text", b'}{"a":1', b"\xff\xfe"])
    async def test_what_is_no_document_is_rejected_and_the_rest_arrives(self, far_end: FarEnd, odd: bytes) -> None:
        wanted = [record(), record(odd), record(), record(odd)]
        async with opened(far_end.sink()) as sink:
            result = await sink.write(wanted)
        assert_complete(result, 4)
        assert [o in TAKEN for o in result.outcomes] == [True, False, True, False]
        assert result.outcomes[1] is result.outcomes[3] is Outcome.REJECTED
        assert {far_end.id_of(wanted[0]), far_end.id_of(wanted[2])} == set(far_end.ids())

    async def test_a_batch_of_nothing_but_misfits_is_answered(self, far_end: FarEnd) -> None:
        async with opened(far_end.sink()) as sink:
            result = await sink.write([record(b"nonsense"), record(b"")])
        assert list(result.outcomes) == [Outcome.REJECTED] * 2

    @pytest.mark.parametrize(
        "text",
        [
            "über 漢字 🦉",
            "line\r\nbreak\tand\x00zero",
            'quote " backslash \\ brace } {',
            "x" * 100_000,
            "\u2028\u2029\x85",
            "a|b=c^d",
        ],
    )
    async def test_any_text_arrives(self, far_end: FarEnd, text: str) -> None:
        wanted = [record(message=text, host={"name": text[:200]}), record()]
        async with opened(far_end.sink()) as sink:
            result = await sink.write(wanted)
        assert all(outcome in TAKEN for outcome in result.outcomes), result
        assert {far_end.id_of(r) for r in wanted} == set(far_end.ids())

    async def test_a_document_written_over_several_lines_stays_one(self, far_end: FarEnd) -> None:
        pretty = orjson.dumps({"@timestamp": "2026-01-02T03:04:05Z", "a": {"b": [1, 2]}}, option=orjson.OPT_INDENT_2)
        wanted = [record(pretty), record()]
        async with opened(far_end.sink()) as sink:
            result = await sink.write(wanted)
        assert all(outcome in TAKEN for outcome in result.outcomes), result
        assert {far_end.id_of(r) for r in wanted} == set(far_end.ids())

    async def test_names_of_datasets_cannot_break_anything(self, far_end: FarEnd) -> None:
        names = ['a"b', "../../etc/passwd", "x\ny", "A B", "", "-", "_all", "." * 300, "ümlaut", '"}}\n{"delete":{}}']
        wanted = [record(facts=FACTS._replace(dataset=name, kind=kind)) for name in names for kind in ("event", "alert")]
        async with opened(far_end.sink()) as sink:
            assert await write_all(sink, wanted) == 0
        assert {far_end.id_of(r) for r in wanted} == set(far_end.ids())

    @pytest.mark.parametrize("when", [0.0, -5.0, 4e9, 1e18, float("inf"), float("nan")])
    async def test_any_time_arrives(self, far_end: FarEnd, when: float) -> None:
        wanted = [record()._replace(time=when)]
        async with opened(far_end.sink()) as sink:
            result = await sink.write(wanted)
        assert result.outcomes[0] in TAKEN

    async def test_writes_at_once_do_not_mix(self, far_end: FarEnd) -> None:
        async with opened(far_end.sink()) as sink:
            batches = [[*records(7), record(b"no")] for _ in range(sink.limits.max_concurrency)]
            results = await asyncio.gather(*map(sink.write, batches))
        for result in results:
            assert [o in TAKEN for o in result.outcomes] == [True] * 7 + [False]
        assert {far_end.id_of(r) for batch in batches for r in batch[:7]} == set(far_end.ids())

    async def test_closing_ends_what_is_being_written(self, far_end: FarEnd) -> None:
        sink = far_end.sink()
        await sink.open()
        writing = [asyncio.create_task(sink.write(records(50))) for _ in range(sink.limits.max_concurrency)]
        await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await sink.close()
            ended = await asyncio.gather(*writing, return_exceptions=True)
        for one in ended:
            assert isinstance(one, WriteResult | Retryable), repr(one)

    async def test_a_cancelled_write_leaves_the_sink_usable(self, far_end: FarEnd) -> None:
        async with opened(far_end.sink()) as sink:
            writing = asyncio.create_task(sink.write(records(50)))
            await asyncio.sleep(0.001)
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)
            assert await write_all(sink, records(5)) == 0

    async def test_it_can_be_opened_again(self, far_end: FarEnd) -> None:
        sink = far_end.sink()
        for _ in range(2):
            async with opened(sink):
                assert await write_all(sink, records(3)) == 0

    async def test_limits_make_sense(self, far_end: FarEnd) -> None:
        limits = far_end.sink().limits
        assert limits.max_records > 0
        assert limits.max_bytes > 0
        assert limits.max_concurrency > 0
        assert 0 <= limits.alert_share <= 1

    async def test_a_secret_is_not_shown_by_the_sink(self, far_end: FarEnd) -> None:
        sink = far_end.sink()
        settings = [value for value in vars(sink).values() if hasattr(value, "kind")]
        assert CANARY not in f"{sink} {sink!r} {settings!r}"


class RemoteContract(SinkContract):
    """For sinks whose far end can be away."""

    async def test_opening_does_not_need_the_far_end(self, far_end: RemoteEnd) -> None:
        sink = far_end.sink()
        await far_end.stop()
        async with opened(sink):
            pass

    async def test_a_far_end_that_is_down_is_waited_for(self, far_end: RemoteEnd) -> None:
        wanted = records(5)
        async with opened(far_end.sink()) as sink:
            await far_end.stop()
            for _ in range(3):
                with pytest.raises(Retryable), no_secret_in_errors():
                    await sink.write(wanted)
            await far_end.start()
            assert await write_all(sink, wanted) == 0
        assert {far_end.id_of(r) for r in wanted} <= set(far_end.ids())

    async def test_a_far_end_that_restarts_loses_nothing(self, far_end: RemoteEnd) -> None:
        first, second = records(5), records(5)
        async with opened(far_end.sink()) as sink:
            assert await write_all(sink, first) == 0
            await far_end.stop()
            await far_end.start()
            assert await write_all(sink, second) == 0
        assert {far_end.id_of(r) for r in first + second} <= set(far_end.ids())


_GARBAGE = [
    pytest.param(Wire(b""), id="closed without an answer"),
    pytest.param(Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), id="cut off"),
    pytest.param(Wire(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"), id="cut off chunk"),
    pytest.param(Wire(b"\x16\x03\x01\x00\x05hello"), id="no HTTP"),
    pytest.param(Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), id="no JSON"),
    pytest.param(Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnull"), id="null"),
    pytest.param(Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]"), id="a list"),
    pytest.param(Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"), id="an empty object"),
    pytest.param(Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xff\xfe"), id="no text"),
    pytest.param(Wire(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b"), id="packed"),
    pytest.param(Wire(b"HTTP/1.1 204 No Content\r\n\r\n"), id="204"),
    pytest.param(Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b" " * 9_000_000), id="too long"),
    pytest.param(Wire(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000), id="endless head"),
    pytest.param(Wire(hang=True), id="never"),
    pytest.param(Wire(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", hang=True), id="half and then never"),
]


class HttpEnd(RemoteEnd, Protocol):
    """A far end that speaks HTTP."""

    url: str

    def script(self, *answers: Answer) -> None:
        """Give these answers first, in their order."""


class HttpContract(RemoteContract):
    """For sinks that read an answer."""

    @pytest.mark.parametrize("wire", _GARBAGE)
    async def test_an_answer_that_says_nothing_is_no_success(self, far_end: HttpEnd, wire: Wire) -> None:
        async with wire.listening() as url, opened(far_end.sink(urls=(url,), timeout_seconds=0.5)) as sink:
            with pytest.raises(Retryable), no_secret_in_errors():
                await sink.write(records(3))

    @pytest.mark.parametrize("status", [401, 403])
    async def test_a_refusal_of_our_credentials_pauses_and_rejects_nothing(self, far_end: HttpEnd, status: int) -> None:
        async with opened(far_end.sink()) as sink:
            far_end.script(Answer(status, b'{"text":"Invalid token","code":4,"error":{"type":"security_exception"}}'))
            with pytest.raises(Misconfigured), no_secret_in_errors():
                await sink.write(records(3))
            assert await write_all(sink, records(3)) == 0

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    async def test_a_busy_far_end_is_waited_for_as_long_as_it_says(self, far_end: HttpEnd, status: int) -> None:
        async with opened(far_end.sink()) as sink:
            far_end.script(Answer(status, b"busy", {"Retry-After": "7"}))
            with pytest.raises(Retryable) as raised, no_secret_in_errors():
                await sink.write(records(3))
        assert raised.value.retry_after_seconds == 7

    async def test_a_request_that_is_too_large_is_to_be_split(self, far_end: HttpEnd) -> None:
        async with opened(far_end.sink()) as sink:
            far_end.script(Answer(413))
            with pytest.raises(TooLarge), no_secret_in_errors():
                await sink.write(records(3))

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    async def test_a_redirect_is_not_followed(self, far_end: HttpEnd, status: int) -> None:
        """It would take the credentials along."""
        async with Wire(hang=True).listening() as elsewhere, opened(far_end.sink()) as sink:
            far_end.script(Answer(status, b"", {"Location": elsewhere}))
            with pytest.raises(Misconfigured), no_secret_in_errors():
                await sink.write(records(3))

    @pytest.mark.parametrize("status", [404, 405, 406, 415])
    async def test_an_address_that_is_something_else_pauses(self, far_end: HttpEnd, status: int) -> None:
        async with opened(far_end.sink()) as sink:
            far_end.script(Answer(status, b"<html>not here</html>"))
            with pytest.raises(Misconfigured), no_secret_in_errors():
                await sink.write(records(3))

    async def test_a_url_that_is_down_is_passed_over(self, far_end: HttpEnd) -> None:
        async with Wire(b"").listening() as gone:
            pass
        async with opened(far_end.sink(urls=(gone, far_end.url))) as sink:
            for _ in range(4):
                result = await sink.write(records(3))
                assert all(outcome in TAKEN for outcome in result.outcomes)

    async def test_plain_http_where_tls_is_spoken_pauses(self, far_end: HttpEnd) -> None:
        async with opened(far_end.sink(urls=(far_end.url.replace("http:", "https:"),))) as sink:
            with pytest.raises(Misconfigured), no_secret_in_errors():
                await sink.write(records(3))

    async def test_an_answer_that_comes_too_late_is_none(self, far_end: HttpEnd) -> None:
        async with opened(far_end.sink(timeout_seconds=0.3)) as sink:
            far_end.script(Answer(200, b"{}", delay_seconds=2))
            with pytest.raises(Retryable, match="no_answer"):
                await sink.write(records(3))
