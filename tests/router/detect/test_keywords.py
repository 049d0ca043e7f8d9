"""Keywords search the full log message: each decoded value, then the message as received."""

import pytest

from tests.router.detect.rules import holds, whole

EVENT = {
    "message": "Failed password for root",
    "source": {"ip": "192.0.2.1", "port": 4711},
    "x": ["in", 'a list with quote" and \\back'],
}
KEYWORDS = [
    ("[failed]", True),
    ("[FAILED]", True),
    ("[fail*root]", True),
    ("[fail?d]", True),
    ("[absent, root]", True),
    ("[absent]", False),
    ("['192.0.2.1']", True),
    ("[4711]", True),
    ("{'|all': [failed, root]}", True),
    ("{'|all': [failed, absent]}", False),
    ("{'|all': ['fail*for', '4711']}", True),
    ("{'|re': 'for \\w+'}", True),
    ("{'|re': '^nothing'}", False),
    ("{'|re': 'and \\\\back$'}", True),
    ("{'|re': '\\n$'}", False),
    ("{'|contains': oot}", True),
    ("failed", True),
    ("['quote\" and \\back']", True),
    ("['[\"in\"']", False),
    ("[list]", True),
    ("[source.ip]", False),
    ("['\"ip\"']", False),
]


@pytest.mark.parametrize(("keywords", "expected"), KEYWORDS)
def test_a_keyword(keywords, expected):
    assert holds(keywords, EVENT) is expected


def test_a_star_crosses_lines_and_values():
    assert holds("['one*two']", {"message": "one\nand\ntwo"})
    assert holds("['one*two']", {"a": "one", "b": "two"})


def test_key_order_does_not_matter():
    assert holds("['one*two']", {"b": "two", "a": "one"})


def test_the_message_as_received_is_searched():
    assert holds("[raw]", {"event": {"original": "the RAW line"}})


@pytest.mark.parametrize(
    "event",
    [
        {"event": {"dataset": "linux.auth", "kind": "event", "category": ["authentication"]}},
        {"logweir": {"logsource": {"product": "linux.auth"}}},
        {"tags": ["linux.auth"]},
        {"related": {"user": ["linux.auth"]}},
    ],
)
def test_facts_that_routing_added_are_not_the_message(event):
    assert not holds("['linux.auth']", event)


def test_keywords_and_fields_mix_in_a_list():
    block = "sel: [word, {f: x}]\ncondition: sel"
    assert whole(block, {"message": "a word"})
    assert whole(block, {"f": "X"})
    assert not whole(block, {"f": "y"})
