"""What is wrong with a setting is said in the words of whoever wrote it, with the remedy."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from router.config import inspect
from router.wording import known_keys


def problems(folder: Path, text: str, **environment: str) -> list[str]:
    path = folder / "logweir.yaml"
    path.write_text(text + "\n")
    return [p.text + (f"; {p.remedy}" if p.remedy else "") for p in inspect(path, environment)[1]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("workers: abc", "must be a whole number; write digits only, without a unit"),
        ("workers: 1.5", "must be a whole number; write digits only, without a unit"),
        ("workers: 0", "must be at least 1; correct the number"),
        ("log: {retention_hours: 3d}", "must be a number; write digits only, without a unit: the key's name says which it is"),
        ("limits: {drain_seconds: .inf}", "must be a number; write digits only, without a unit: the key's name says which it is"),
        ("rules: {builtin: perhaps}", "must be true or false; write one of these, without quotes"),
        ("rules: {detect: rules}", "must be a list; write [VALUE], or a line with a dash for each"),
        ("log:", "must be a mapping; write its keys below it, indented, or leave it out"),
        ("sinks:", "must be a mapping; write its keys below it, indented, or leave it out"),
        ("log: {kind: kafkaa}", "unknown kind 'kafkaa'; did you mean 'kafka'?"),
        ("version: 2", "must be 1; write 1"),
        ("process: {original: often}", "must be 'always', 'doubtful' or 'never'; choose one of them"),
        ("sinks: {a: {kind: elasticsearch, urls: []}}", "must not be empty; name one or more"),
        ("sinks: {a: {kind: qradar}}", "is missing; it has no default: add the key with its value"),
        ("sinks: {a: {kind: file, path: 5}}", 'must be a path; put it in quotes: "..."'),
        ("sinks: {1: {kind: file, path: x}}", 'name 1 must be text; put it in quotes: "1"'),
        ("admin: {listen: abc}", "'abc' is no address; write host:port, such as 127.0.0.1:9600, or \"\" to turn it off"),
        ("admin: {listen: '127.0.0.1:99999'}", "'127.0.0.1:99999' is no address; write host:port, such as"),
    ],
)
def test_a_value_of_the_wrong_sort_is_told_with_its_remedy(tmp_path: Path, text: str, told: str) -> None:
    [problem] = problems(tmp_path, text)
    assert problem.startswith(told)


def test_an_unknown_key_of_an_item_of_a_list_has_a_suggestion(tmp_path: Path) -> None:
    hec = "sources: {h: {kind: splunk_hec, listen: '127.0.0.1:8088', tokens: [{nam: a, name: b, secret: '${TOKEN}'}]}}"
    assert problems(tmp_path, hec, TOKEN="x") == ["unknown key; did you mean 'name'?"]


def test_a_list_whose_items_are_wrong_is_not_told_to_be_empty_as_well(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, "sinks: {a: {kind: elasticsearch, urls: ['localhost:9200']}}")
    assert "https://host:port" in problem


def test_a_reference_that_leads_nowhere_is_one_problem(tmp_path: Path) -> None:
    assert problems(tmp_path, "workers: ${LOGWEIR_WORKERS}") == [
        "environment variable LOGWEIR_WORKERS is not set; set LOGWEIR_WORKERS"
    ]


def test_a_log_without_a_kind_is_embedded(tmp_path: Path) -> None:
    assert problems(tmp_path, "log: {path: here.db}") == []


def test_an_empty_secret_is_refused_and_its_name_is_told(tmp_path: Path) -> None:
    hec = "sources: {h: {kind: splunk_hec, listen: '127.0.0.1:8088', tokens: [{name: a, secret: '${TOKEN}'}]}}"
    [problem] = problems(tmp_path, hec, TOKEN="")
    assert problem == "the secret is empty; give the variable or file that it refers to a value"


def test_two_tokens_with_one_secret_are_refused_without_showing_it(tmp_path: Path) -> None:
    tokens = "[{name: a, secret: '${TOKEN}'}, {name: b, secret: '${TOKEN}'}]"
    [problem] = problems(
        tmp_path, f"sources: {{h: {{kind: splunk_hec, listen: '127.0.0.1:8088', tokens: {tokens}}}}}", TOKEN="hush"
    )
    assert "share a secret" in problem
    assert "hush" not in problem


class _Plain(BaseModel):
    a: int = 0


class _Other(BaseModel):
    b: int = 0


class _Holder(BaseModel):
    part: _Plain | _Other = _Plain()


def test_no_key_is_known_below_a_union_that_names_no_kind() -> None:
    assert known_keys(_Holder, ("part",)) == ["a", "b"]
    assert known_keys(_Holder, ("part", "_Plain")) == []
