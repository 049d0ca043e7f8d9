"""What is remembered of a sender makes choosing quicker; it changes no document."""

from collections.abc import Callable, Iterator
from copy import copy
from typing import Any

import orjson
import pytest

from router.batch import Event, Facts
from router.errors import Malformed
from router.normalize import Catalogue
from tests.conformance.samples import Sample, of_rules

RECEIPT = 1_780_272_000.0
SSH = "Mar  1 09:59:00 web1 sshd[7]: Accepted password for bob from 192.0.2.1 port 22 ssh2"
BOX = "CEF:0|Acme|Box|1|7|n|1|act=x src=192.0.2.7"
PLAIN = "<13>Mar  1 10:00:00 web1 app: all is well"

Wrap = Callable[[str], dict[str, Any]]


def filebeat(text: str) -> dict[str, Any]:
    return {
        "@timestamp": "2026-03-01T10:00:00Z",
        "message": text,
        "log": {"file": {"path": "/var/log/x"}},
        "host": {"name": "c1"},
    }


def fluent_bit(text: str) -> dict[str, Any]:
    return {"date": 1_772_359_200.5, "log": text}


def vector(text: str) -> dict[str, Any]:
    return {"host": "c1", "message": text, "source_type": "file", "timestamp": "2026-03-01T10:00:00Z"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load()


@pytest.fixture(scope="module")
def forgetful(catalogue: Catalogue) -> Catalogue:
    return copy(catalogue)


def documents(catalogue: Catalogue, body: bytes, facts: Facts) -> list[Event] | str:
    try:
        return catalogue.normalize(body, facts, RECEIPT)
    except Malformed as error:
        return str(error)


def without_memory(catalogue: Catalogue, body: bytes, facts: Facts) -> list[Event] | str:
    catalogue._chooser = catalogue._chooser.fresh()
    return documents(catalogue, body, facts)


def told_apart(catalogue: Catalogue, forgetful: Catalogue) -> Iterator[Sample]:
    """Test lines of which two files do not fight when they come alone."""
    for sample in of_rules():
        if documents(catalogue, sample.body, sample.facts) == without_memory(forgetful, sample.body, sample.facts):
            yield sample


@pytest.mark.parametrize("wrap", [filebeat, fluent_bit, vector])
def test_messages_in_objects_become_the_same_whatever_came_before(catalogue: Catalogue, forgetful: Catalogue, wrap: Wrap) -> None:
    """Sources share one sender, so that whatever could be mistaken for the last one is."""
    compared = 0
    for sample in list(told_apart(catalogue, forgetful))[::3]:
        body = orjson.dumps(wrap(sample.body.decode("utf-8", "replace")))
        facts = sample.facts._replace(peer="192.0.2.9")
        assert documents(catalogue, body, facts) == without_memory(forgetful, body, facts), body
        compared += 1
    assert compared > 500


LONG = {"aaa_padding": "x" * 1500}
WINLOG = {"channel": "Security", "event_id": "4624", "provider_name": "Microsoft-Windows-Security-Auditing"}
OBJECTS = [
    *[wrap(text) for wrap in (filebeat, fluent_bit, vector) for text in (SSH, BOX, PLAIN)],
    {"message": "An account was logged on. " * 60, "winlog": WINLOG},
    {
        "eventVersion": "1.08",
        **LONG,
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "awsRegion": "x",
        "userIdentity": {},
    },
]


BODIES = [orjson.dumps(value) for value in OBJECTS]
BODIES += [
    b'<13>Mar  1 10:00:00 dc1 {"EventID":4624,"Channel":"Security","SourceName":"Microsoft-Windows-Security-Auditing","Hostname":"dc1"}'
]


@pytest.mark.parametrize("body", BODIES)
def test_what_is_like_the_last_is_not_searched_for_who_might_read_it(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for a message that no product's file reads: another one may stand in the next object."""
    catalogue, facts = Catalogue.load(), Facts("s", "192.0.2.1")
    first = catalogue.normalize(body, facts, RECEIPT)
    assert first[0]["event"]["dataset"] not in ("unknown", "json")
    searched: list[str] = []
    candidates = catalogue._chooser.candidates

    def spy(head: str, meta: dict[str, str]) -> Any:
        searched.append(head)
        return candidates(head, meta)

    monkeypatch.setattr(catalogue._chooser, "candidates", spy)
    assert catalogue.normalize(body, facts, RECEIPT) == first
    assert searched in ([], [PLAIN])


def test_lines_and_objects_of_one_sender_in_turns_become_what_they_become_alone(
    catalogue: Catalogue, forgetful: Catalogue
) -> None:
    facts = Facts("s", "192.0.2.8")
    bodies = [*BODIES, SSH.encode(), BOX.encode(), PLAIN.encode()]
    for body in [*bodies, *reversed(bodies), *bodies[::3], *bodies]:
        assert documents(catalogue, body, facts) == without_memory(forgetful, body, facts), body


def test_what_takes_an_object_whole_does_so_however_far_its_keys_stand(catalogue: Catalogue) -> None:
    record = {
        "CreationTime": "2026-03-01T10:00:00",
        "Id": "i",
        "Operation": "FileAccessed",
        "RecordType": 4,
        "Workload": "OneDrive",
    }
    pad = {"padding": "x" * 1200}
    for told in ({}, pad, {}):
        event = {"event": {"original": orjson.dumps({**told, **record}).decode()}, "o365audit": record}
        made = catalogue.normalize(orjson.dumps(event), Facts("s", "192.0.2.7"), RECEIPT)[0]
        assert made["event"]["dataset"] == "o365.audit"
        assert "shipper" not in made
