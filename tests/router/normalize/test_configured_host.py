"""A source's `host` names the host of events that name none."""

from typing import Any

from router.batch import Facts
from router.normalize import Catalogue, Hints

CATALOGUE = Catalogue.load(sources={"cloud": Hints(host="tenant.example.com")})


def _host(source: str, body: bytes, **facts: Any) -> str | None:
    return CATALOGUE.normalize(body, Facts(source, **facts), 1_772_359_200.0)[0].get("host", {}).get("name")


def test_an_event_without_a_host_gets_the_configured_one():
    assert _host("cloud", b'{"message":"m","time":"2026-03-01T10:00:00Z"}') == "tenant.example.com"


def test_what_the_event_says_outranks_it():
    assert _host("cloud", b'{"message":"m","hostname":"web1"}') == "web1"


def test_what_the_sender_says_outranks_it():
    assert _host("cloud", b'{"message":"m"}', meta=(("host", "forwarder1"),)) == "forwarder1"


def test_an_expression_reads_it() -> None:
    record = b'{"CreationTime":"2026-03-01T10:00:00","Id":"a1","Operation":"FileAccessed","OrganizationId":"t1","RecordType":6}'
    (made,) = CATALOGUE.normalize(record, Facts("cloud"), 1_772_359_200.0)
    assert made["organization"] == {"id": "t1", "name": "tenant.example.com"}


def test_other_sources_are_left_alone():
    assert _host("other", b'{"message":"m"}') is None
