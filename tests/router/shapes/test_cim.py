"""ECS documents get the fields and tags of the Splunk CIM data models."""

from typing import Any

import pytest

from router.batch import Event
from router.shapes.cim import derive
from tests.router.shapes.test_ocsf import EVENTS

_FACTS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "logon": (["authentication"], {"action": "pending", "user": "ann", "app": "vpn"}),
    "launch": (
        ["process", "report"],
        {"process_name": "a.exe", "process_id": 40, "parent_process_id": 4, "process_hash": "MD5=" + "00" * 16, "dest": "ws1"},
    ),
    "file": (["endpoint", "filesystem"], {"action": "deleted", "process_id": 40}),
    "value": (["endpoint", "registry"], {"action": "modified", "registry_value_name": "v", "registry_value_data": "1"}),
    "denied": (
        ["network", "communicate"],
        {"action": "blocked", "src": "192.0.2.1", "src_port": 9, "dest": "2001:db8::1", "bytes_in": 7, "rule": "deny all"},
    ),
    "http": (["web"], {"action": "blocked", "status": 403, "http_method": "POST", "uri_path": "/a", "url_domain": "x.example"}),
    "dns": (
        ["network", "resolution", "dns"],
        {
            "query": "x.example",
            "reply_code": "Non-Existent Domain",
            "reply_code_id": 3,
            "message_type": "Response",
            "answer_count": 1,
        },
    ),
    "account": (["change", "account"], {"action": "created", "user": "new", "src_user": "adm", "object_category": "user"}),
    "alert": (["ids", "attack", "alert"], {"signature": "scan", "action": "blocked", "mitre_technique_id": "T1046"}),
    "mail": (["email"], {"src_user": "a@x.example", "recipient": "b@x.example"}),
}


@pytest.mark.parametrize("name", _FACTS)
def test_an_event_has_the_tags_and_fields_of_its_data_model(name: str) -> None:
    tags, fields = _FACTS[name]
    made = derive(EVENTS[name][0], 1.0)
    assert set(tags) <= set(made["tag"])
    assert fields.items() <= made.items()


@pytest.mark.parametrize("name", EVENTS)
def test_fields_are_flat(name: str) -> None:
    made = derive(EVENTS[name][0], 1.0)
    assert not [key for key, value in made.items() if isinstance(value, dict) and key != "unmapped"]


@pytest.mark.parametrize("name", EVENTS)
def test_every_value_is_somewhere(name: str) -> None:
    document = EVENTS[name][0]
    there = {str(value) for value in _leaves(derive(document, 1.0))}
    kept = {str(value) for value in _leaves(document)} - {"9.4.0", "NXDOMAIN"}
    assert not {value for value in kept if not any(value in text for text in there)}


def _leaves(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [leaf for value in node.values() for leaf in _leaves(value)]
    return [leaf for value in node for leaf in _leaves(value)] if isinstance(node, list) else [node]


def test_a_product_is_named_by_vendor_and_product() -> None:
    event: Event = {"observer": {"vendor": "ACME", "product": "Wall"}, "event": {"module": "acme", "duration": 1_500_000_000}}
    assert derive(event, 1.0)["vendor_product"] == "ACME Wall"
