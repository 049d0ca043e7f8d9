"""Lists that stand beside each other become one list of objects, with the types that ECS gives to what lies in them."""

from pathlib import Path
from typing import Any

import pytest

from router.batch import Event
from router.documents import load_text
from router.normalize.compiler import compile_document
from router.normalize.formats.zipped import compile_zip
from tests.router.normalize.test_compiler import document

TEXT = """
parse: [json, {zip: {data: answers, ttl: TTLs}, into: section, optional: true}]
accept: {name: acme}
map: {dns.answers: section}
"""


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ((["a", "b"], [1, 2]), [{"x": "a", "y": 1}, {"x": "b", "y": 2}]),
        ((["a", "b"], [1]), [{"x": "a", "y": 1}, {"x": "b"}]),
        ((["a"], [1, 2]), [{"x": "a", "y": 1}]),
        ((["a", "b"], None), [{"x": "a"}, {"x": "b"}]),
        (("a", 1), [{"x": "a", "y": 1}]),
        (([], [1]), None),
        ((None, [1]), None),
    ],
)
def test_the_first_list_counts(lists: tuple[Any, ...], expected: Any) -> None:
    assert compile_zip(("x", "y"))(*lists) == expected


def _made(**said: Any) -> Event:
    return document(TEXT, {"name": "acme", **said})


def test_members_have_their_types() -> None:
    assert _made(answers=["x", "y"], TTLs=["60", 5.0])["dns"]["answers"] == [{"data": "x", "ttl": 60}, {"data": "y", "ttl": 5}]


def test_a_member_of_the_wrong_type_is_a_doubt() -> None:
    made = _made(answers=["x", "y"], TTLs=["soon", 5])
    assert made["dns"]["answers"] == [{"data": "y", "ttl": 5}]
    assert "_norm_type:dns.answers" in made["tags"]
    assert made["acme"]["x"]["TTLs"] == ["soon", 5]


def test_without_the_first_list_there_is_none() -> None:
    assert "dns" not in _made(TTLs=[1])


def test_a_zip_without_a_name_is_refused() -> None:
    text = "id: acme.x\nidentify: [{contains: [acme]}]\nparse: [{zip: {data: a}}]\nrest: acme.x\ntests: [{raw: a}]\n"
    _, problems = compile_document(load_text(text, "x.yaml")[0], Path("."))
    assert ["zip needs" in str(problem) for problem in problems] == [True]
