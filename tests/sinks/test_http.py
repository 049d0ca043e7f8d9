"""HTTP of the sinks: TLS, turns between urls, Retry-After, certificates that change."""

import os
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from router.demo.standins import ElasticsearchStandIn
from router.errors import Misconfigured, Retryable
from router.protocols import Outcome
from sinks._http import Reply, Urls
from sinks._tls import Tls, TlsContext
from tests.contract.sink import opened, records
from tests.peers.certificates import Authority
from tests.sinks.test_elasticsearch import elasticsearch


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


async def test_a_known_authority_is_trusted(authority: Authority) -> None:
    tls = {"ca_file": authority.ca_file}
    async with ElasticsearchStandIn(tls=authority.server()) as end, opened(elasticsearch(end.url, tls=tls)) as sink:
        assert list((await sink.write(records(2))).outcomes) == [Outcome.DELIVERED] * 2


async def test_an_unknown_authority_pauses(authority: Authority, tmp_path: Path) -> None:
    async with ElasticsearchStandIn(tls=authority.server()) as end:
        for tls in ({"ca_file": Authority(tmp_path).ca_file}, {}):
            async with opened(elasticsearch(end.url, tls=tls)) as sink:
                with pytest.raises(Misconfigured, match="certificate"):
                    await sink.write(records(2))
        assert end.received == 0


async def test_another_name_pauses_unless_it_is_the_one_expected(authority: Authority) -> None:
    async with ElasticsearchStandIn(tls=authority.server("splunk.default", address="127.0.0.9")) as end:
        async with opened(elasticsearch(end.url, tls={"ca_file": authority.ca_file})) as sink:
            with pytest.raises(Misconfigured, match="certificate"):
                await sink.write(records(2))
        async with opened(elasticsearch(end.url, tls={"ca_file": authority.ca_file, "server_name": "splunk.default"})) as sink:
            assert list((await sink.write(records(2))).outcomes) == [Outcome.DELIVERED] * 2


async def test_a_client_certificate_is_shown(authority: Authority) -> None:
    certificate, key = authority.issue("client.lab")
    tls = {"ca_file": authority.ca_file, "cert_file": certificate, "key_file": key}
    async with ElasticsearchStandIn(tls=authority.server(clients=True)) as end:
        async with opened(elasticsearch(end.url, tls=tls)) as sink:
            assert list((await sink.write(records(2))).outcomes) == [Outcome.DELIVERED] * 2
        async with opened(elasticsearch(end.url, tls={"ca_file": authority.ca_file})) as sink:
            with pytest.raises((Misconfigured, Retryable)):
                await sink.write(records(2))


async def test_files_that_are_missing_pause_until_they_are_there(authority: Authority, tmp_path: Path) -> None:
    late = tmp_path / "late.pem"
    tls = {"ca_file": late}
    async with ElasticsearchStandIn(tls=authority.server()) as end, opened(elasticsearch(end.url, tls=tls)) as sink:
        with pytest.raises(Misconfigured, match=r"late\.pem"):
            await sink.write(records(2))
        late.write_bytes(authority.ca_file.read_bytes())
        assert list((await sink.write(records(2))).outcomes) == [Outcome.DELIVERED] * 2


def test_a_context_is_made_again_when_its_file_changes_and_kept_when_it_cannot_be(authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.ca_file.read_bytes())
    context = TlsContext(Tls(ca_file=file))
    first = context.get()
    assert context.get() is first
    os.utime(file, ns=(1, 1))
    second = context.get()
    assert second is not first
    file.write_bytes(b"half writ")
    assert context.get() is second
    file.unlink()
    assert context.get() is second


def test_urls_take_turns_and_those_that_failed_come_last() -> None:
    now = [0.0]
    urls = Urls(["a", "b", "c"], lambda: now[0])
    assert {next(iter(urls)) for _ in range(3)} == {"a", "b", "c"}
    urls.failed("b")
    assert [list(urls)[-1] for _ in range(3)] == ["b"] * 3
    now[0] = 31.0
    assert "b" in {next(iter(urls)) for _ in range(3)}
    urls.failed("b")
    urls.worked("b")
    assert "b" in {next(iter(urls)) for _ in range(3)}


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7), ("0", 0), ("99999", 3600), ("", None), ("soon", None), ("-1", None), ("1" * 50, None)]
)
def test_retry_after_in_seconds(text: str, seconds: float | None) -> None:
    assert Reply("u", 503, {"Retry-After": text}, b"").retry_after_seconds == seconds


def test_retry_after_as_a_date() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    seconds = Reply("u", 503, {"Retry-After": later}, b"").retry_after_seconds
    assert seconds is not None
    assert 90 < seconds <= 100
    assert Reply("u", 503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, b"").retry_after_seconds == 0
