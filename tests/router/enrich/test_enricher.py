"""What is added to documents, and that nothing is overwritten, lost or kept from running."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from router.batch import Event, Facts
from router.config import Enrich, inspect
from router.enrich import Enricher
from router.enrich.domains import parts_of
from router.errors import ConfigError
from router.topology import Content
from tests.router.enrich.databases import ASN, CITY, written

_CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.6099.1 Safari/537.36"


def _enriched(document: Event, **settings: Any) -> Event:
    Enricher(Enrich(**settings))([document])
    return document


def test_nothing_is_done_unless_it_is_configured() -> None:
    assert not Enricher(Enrich())
    document = {"source": {"ip": "192.0.2.1"}, "user_agent": {"original": _CHROME}}
    assert _enriched(orjson.loads(orjson.dumps(document))) == document


def test_places_and_networks_come_from_all_files_together(tmp_path: Path) -> None:
    city = written(tmp_path / "city.mmdb", {"192.0.2.0/24": CITY, "2001:db8::/32": {"country": {"iso_code": "FR"}}})
    asn = written(tmp_path / "asn.mmdb", {"192.0.2.0/25": ASN}, "GeoLite2-ASN")
    document: Event = {"source": {"ip": "192.0.2.7"}, "destination": {"ip": "2001:db8::1"}, "server": {"ip": "10.0.0.1"}}
    found = _enriched(document, geoip=(city, asn))
    assert found["source"]["geo"] == {
        "continent_code": "EU",
        "continent_name": "Europe",
        "country_iso_code": "GB",
        "country_name": "United Kingdom",
        "region_iso_code": "GB-ENG",
        "region_name": "England",
        "city_name": "Sampleton",
        "postal_code": "OX1",
        "timezone": "Europe/London",
        "location": {"lat": 51.5, "lon": -0.25},
    }
    assert found["source"]["as"] == {"number": 64_500, "organization": {"name": "Example Net"}}
    assert found["destination"]["geo"] == {"country_iso_code": "FR"}
    assert found["server"] == {"ip": "10.0.0.1"}


def test_what_a_source_said_stands_and_documents_share_nothing(tmp_path: Path) -> None:
    city = written(tmp_path / "city.mmdb", {"192.0.2.0/24": CITY})
    one, other = {"source": {"ip": "192.0.2.7", "geo": {"name": "hq"}}}, {"source": {"ip": "192.0.2.7"}}
    third: Event = {"source": {"ip": "192.0.2.7"}}
    Enricher(Enrich(geoip=(city,)))([one, other, third])
    assert one["source"]["geo"] == {"name": "hq"}
    other["source"]["geo"]["location"]["lat"] = 0  # type: ignore[index]  # it is there
    assert third["source"]["geo"]["location"]["lat"] == 51.5


def test_a_file_that_changes_is_taken_up_and_a_broken_one_is_not(tmp_path: Path) -> None:
    now = [0.0]
    path = written(tmp_path / "city.mmdb", {"192.0.2.0/24": CITY})
    enrich = Enricher(Enrich(geoip=(path,), look_seconds=30), clock=lambda: now[0])

    def country() -> str:
        document: Event = {"source": {"ip": "192.0.2.7"}}
        enrich([document])
        return str(document["source"]["geo"]["country_iso_code"])

    assert country() == "GB"
    written(path, {"192.0.2.0/24": {"country": {"iso_code": "FR"}}})
    assert country() == "GB"
    now[0] = 31
    assert country() == "FR"
    path.write_bytes(b"broken")
    now[0] = 62
    assert country() == "FR"
    path.unlink()
    now[0] = 93
    assert country() == "FR"


def test_a_file_that_is_missing_or_none_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "text.mmdb").write_bytes(b"no database")
    with pytest.raises(ConfigError) as caught:
        Enricher(Enrich(geoip=(tmp_path / "text.mmdb", tmp_path / "gone.mmdb")))
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("www.shop.example.co.uk", ("example.co.uk", "co.uk", "www.shop")),
        ("Example.COM.", ("example.com", "com", "")),
        ("co.uk", None),
        ("localhost", None),
        ("192.0.2.1", None),
        ("::1", None),
        ("", None),
        ("a" * 300 + ".com", None),
    ],
)
def test_names_are_divided_by_the_public_suffix_list(name: str, parts: tuple[str, str, str] | None) -> None:
    assert parts_of(name) == parts


def test_names_get_their_parts_beside_them() -> None:
    document: Event = {"url": {"domain": "a.example.com", "subdomain": "own"}, "dns": {"question": {"name": "b.example.org"}}}
    found = _enriched(document, domains=True)
    assert found["url"] == {
        "domain": "a.example.com",
        "subdomain": "own",
        "registered_domain": "example.com",
        "top_level_domain": "com",
    }
    assert found["dns"]["question"]["registered_domain"] == "example.org"


def test_user_agents_are_read() -> None:
    found = _enriched({"user_agent": {"original": _CHROME}}, user_agent=True)["user_agent"]
    assert (found["name"], found["version"]) == ("Chrome", "120.0.6099.1")
    assert found["os"] == {"name": "Windows", "version": "10", "full": "Windows 10"}
    nothing = {"user_agent": {"original": "x" * 5000}}
    assert _enriched(nothing, user_agent=True) == {"user_agent": {"original": "x" * 5000}}


def test_flows_get_a_community_id_as_its_specification_has_it() -> None:
    flow: Event = {
        "source": {"ip": "128.232.110.120", "port": 34855},
        "destination": {"ip": "66.35.250.204", "port": 80},
        "network": {"transport": "tcp"},
    }
    assert _enriched(flow, community_id=True)["network"]["community_id"] == "1:LQU9qZlK+B5F3KDmev6m5PMibrg="


@pytest.mark.parametrize(
    "odd", [None, "x", 1, [], {"ip": 3}, {"ip": "x", "port": "y"}, {"domain": 4}, {"original": []}, {"question": 1}]
)
def test_whatever_stands_in_a_document_nothing_is_raised(odd: object, tmp_path: Path) -> None:
    city = written(tmp_path / "city.mmdb", {"192.0.2.0/24": CITY})
    keys = ("source", "destination", "network", "url", "dns", "user_agent", "client", "server")
    _enriched(dict.fromkeys(keys, odd), geoip=(city,), domains=True, user_agent=True, community_id=True)


def test_a_configuration_enriches_what_its_normalizers_make(tmp_path: Path) -> None:
    written(tmp_path / "city.mmdb", {"192.0.2.0/24": CITY})
    config = tmp_path / "logweir.yaml"
    config.write_text(
        yaml.safe_dump({"log": {"kind": "embedded", "path": "log"}, "process": {"enrich": {"geoip": ["city.mmdb"]}}})
    )
    settings, problems = inspect(config)
    assert not problems
    assert settings is not None
    line = b"<38>Nov 24 10:00:00 jump-01 sshd[42]: Accepted publickey for root from 192.0.2.10 port 50022 ssh2"
    (document,) = Content(settings).catalogue.normalize(line, Facts("s"), 1_772_400_000.0)
    assert document["source"]["geo"]["country_iso_code"] == "GB"
