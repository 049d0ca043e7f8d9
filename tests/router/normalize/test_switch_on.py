"""`on` of a switch is one expression: of a list only the first would be read."""

from pathlib import Path

from router.documents import load_text
from router.normalize.compiler import compile_document

HEAD = "id: acme.x\nidentify: [{contains: ['acme']}]\nparse: [kv]\nrest: acme.x\ntests: [{raw: acme}]\n"


def _problems(on: str) -> list[str]:
    text = f"{HEAD}switch: {{on: {on}, cases: {{1: {{set: {{event.action: one}}}}}}}}\n"
    return [str(problem) for problem in compile_document(load_text(text, "x.yaml")[0], Path("."))[1]]


def test_a_list_is_refused_with_its_place():
    assert any("switch.on" in problem and "takes one expression" in problem for problem in _problems("[a, b]"))


def test_alternatives_in_one_expression_are_fine():
    assert not any("on" in problem and "expression" in problem for problem in _problems("a // b | lower"))
