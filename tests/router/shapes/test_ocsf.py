"""ECS documents become OCSF events of the right class, valid by its schema, with nothing lost."""

import random
from typing import Any

import orjson
import pytest

from router.batch import Event
from router.shapes.ocsf import derive
from router.shapes.ocsf.classes import ALL
from tests.router.shapes import ocsf_schema

_HOST = {"name": "ws1", "os": {"type": "windows"}}
_PROCESS = {"pid": 40, "executable": "C:\\Windows\\a.exe", "name": "a.exe", "hash": {"md5": "00" * 16}}
_PARENT = {"parent": {"pid": 4, "executable": "C:\\Windows\\p.exe"}}


def _event(kind: str = "event", category: str = "", types: str = "", **fields: Any) -> Event:
    event = {"kind": kind, "module": "acme", "dataset": "acme.log", "category": category.split(), "type": types.split()}
    event |= fields.pop("event", {})
    return {"@timestamp": "2026-03-01T10:00:00.123456Z", "event": event, "ecs": {"version": "9.4.0"}, **fields}


EVENTS: dict[str, tuple[Event, int, int]] = {
    "logon": (_event(category="authentication", types="start", user={"name": "ann"}, service={"name": "vpn"}), 3002, 1),
    "logoff": (_event(category="authentication", types="end", user={"id": "S-1"}, host=_HOST), 3002, 2),
    "logon without user": (_event(category="authentication", types="start", host=_HOST), 0, 0),
    "launch": (_event(category="process", types="start", host=_HOST, process=_PROCESS | _PARENT), 1007, 1),
    "launch by nobody known": (_event(category="process", types="start", host=_HOST, process=_PROCESS), 0, 0),
    "end": (_event(category="process", types="end", host=_HOST, process=_PROCESS), 1007, 2),
    "file": (_event(category="file", types="deletion", host=_HOST, process=_PROCESS, file={"path": "/etc/a.conf"}), 1001, 4),
    "library": (_event(category="process", types="change", host=_HOST, process=_PROCESS, dll={"path": "C:\\b.dll"}), 1005, 1),
    "key": (_event(category="registry", types="creation", host=_HOST, process=_PROCESS, registry={"path": "HKLM\\A"}), 201001, 1),
    "value": (
        _event(
            category="registry",
            types="change",
            host=_HOST,
            process=_PROCESS,
            registry={"path": "HKLM\\A\\v", "value": "v", "data": {"type": "REG_DWORD", "strings": ["1"]}},
        ),
        201002,
        2,
    ),
    "denied": (
        _event(
            category="network",
            types="connection denied",
            source={"ip": "192.0.2.1", "port": 9},
            destination={"ip": "2001:db8::1", "bytes": 7},
            network={"direction": "inbound", "transport": "tcp"},
            rule={"name": "deny all"},
        ),
        4001,
        5,
    ),
    "http": (
        _event(
            category="web",
            types="access",
            source={"ip": "192.0.2.1"},
            url={"path": "/a", "domain": "x.example"},
            http={"request": {"method": "POST"}, "response": {"status_code": 403}},
        ),
        4002,
        6,
    ),
    "dns": (
        _event(
            category="network",
            source={"ip": "192.0.2.1"},
            dns={"question": {"name": "x.example", "type": "A"}, "response_code": "NXDOMAIN", "answers": [{"data": "192.0.2.9"}]},
        ),
        4003,
        2,
    ),
    "mail": (
        _event(category="email", email={"from": {"address": ["a@x.example"]}, "to": {"address": ["b@x.example"]}}),
        4009,
        99,
    ),
    "account": (_event(category="iam", types="user creation", user={"name": "adm", "target": {"name": "new"}}), 3001, 1),
    "member": (
        _event(
            category="iam",
            types="group change",
            event={"action": "added-member-to-group"},
            user={"name": "adm", "target": {"name": "x"}},
            group={"name": "wheel"},
        ),
        3006,
        3,
    ),
    "api": (
        _event(
            category="configuration",
            types="change",
            event={"action": "PutBucketPolicy"},
            user={"name": "dev"},
            source={"ip": "192.0.2.1"},
            cloud={"provider": "aws", "account": {"id": "1"}},
        ),
        6003,
        3,
    ),
    "alert": (
        _event(
            "alert",
            "intrusion_detection network",
            "denied",
            rule={"id": "7", "name": "scan"},
            source={"ip": "192.0.2.1"},
            threat={"technique": {"id": ["T1046"], "name": ["Network Service Discovery"]}},
        ),
        2004,
        1,
    ),
    "package": (_event(category="package", types="installation", package={"name": "bash"}, host=_HOST), 6002, 1),
    "anything": (_event(event={"action": "blink"}, acme={"lamp": 3}), 0, 99),
    "nothing": ({}, 0, 0),
}


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_becomes_a_valid_event_of_its_class(name: str) -> None:
    document, uid, activity = EVENTS[name]
    made = derive(document, 1.0)
    assert (made["class_uid"], made["activity_id"]) == (uid, activity)
    assert made["type_uid"] == uid * 100 + activity
    assert not ocsf_schema.faults(made)


def test_the_schema_is_able_to_refuse() -> None:
    made = derive(EVENTS["denied"][0], 1.0)
    made["src_endpoint"]["port"] = 65_536
    del made["metadata"]["product"]
    assert len(ocsf_schema.faults(made)) == 2


@pytest.mark.parametrize("of", ALL, ids=lambda c: c.caption)
def test_numbers_and_names_of_classes_are_those_of_the_schema(of: Any) -> None:
    known = ocsf_schema.activities(of.uid)
    assert of.activities.items() <= known.items()
    assert of.caption == ocsf_schema.class_name(of.uid)


def test_a_document_is_not_changed() -> None:
    document = EVENTS["denied"][0]
    before = orjson.dumps(document)
    derive(document, 1.0)
    assert orjson.dumps(document) == before


def test_what_has_no_place_is_kept_unmapped() -> None:
    made = derive(EVENTS["anything"][0], 1.0)
    assert made["unmapped"]["acme"] == {"lamp": 3}
    assert made["activity_name"] == "blink"


def test_a_list_of_which_one_item_fits_is_kept_whole() -> None:
    host = {"name": "ws1", "ip": ["192.0.2.1", "192.0.2.2"]}
    made = derive(_event(host=host), 1.0)
    assert made["device"]["ip"] == "192.0.2.1"
    assert made["unmapped"]["host"] == {"ip": ["192.0.2.1", "192.0.2.2"]}


def test_what_is_inside_an_alert_becomes_its_evidence() -> None:
    made = derive(EVENTS["alert"][0], 1.0)
    assert made["evidences"][0]["src_endpoint"]["ip"] == "192.0.2.1"
    assert made["finding_info"]["attacks"] == [{"technique": {"uid": "T1046", "name": "Network Service Discovery"}}]
    assert (made["action_id"], made["disposition_id"]) == (2, 2)


def test_time_is_in_milliseconds_and_the_record_speaks_where_the_document_does_not() -> None:
    assert derive(_event(), 1.0)["time"] == 1_772_359_200_123
    assert derive({"@timestamp": "yesterday"}, 1.5)["time"] == 1500


_ODD = [None, "", [], {}, "x", 0, -1, 1.5, True, ["a", "b"], [1, {}], {"a": 1}, "::1", "1.2.3.4%eth0", "9" * 20, "²", "a" * 99]


def _spoil(node: dict[str, Any], dice: random.Random) -> None:
    for key, value in node.items():
        if isinstance(value, dict) and dice.random() < 0.9:
            _spoil(value, dice)
        elif dice.random() < 0.2:
            node[key] = dice.choice(_ODD)


def test_whatever_a_document_holds_the_event_is_valid() -> None:
    dice = random.Random(8)
    documents = [orjson.dumps(document) for document, _, _ in EVENTS.values()]
    for _ in range(1500):
        document = orjson.loads(dice.choice(documents))
        _spoil(document, dice)
        assert not ocsf_schema.faults(derive(document, 1.0)), document
