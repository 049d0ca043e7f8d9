"""Golden documents are renewed from what a normalizer makes of them now."""

from pathlib import Path

import orjson
import pytest

from router.documents import load_text
from router.errors import ConfigError
from router.normalize import run_tests
from router.normalize.compiler import compile_document
from router.normalize.golden import renew
from router.normalize.selftest import problems_of

_NORMALIZER = """\
id: acme.door
identify: [{contains: ['door=']}]
parse: [kv]
accept: {door|exists: true}
map: {user.name: usr}
rest: acme.door
tests:
  - files: golden/*.jsonl
"""


def _written(folder: Path, *lines: dict[str, object]) -> Path:
    (folder / "golden").mkdir()
    file = folder / "acme.door.yaml"
    file.write_text(_NORMALIZER)
    (folder / "golden/a.jsonl").write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    return file


def test_a_line_that_is_no_test_is_named(tmp_path: Path) -> None:
    file = _written(tmp_path, {"raw": "door=1 usr=ann", "expect": {"user.name": "ann"}})
    golden = tmp_path / "golden/a.jsonl"
    for broken, told in ((b'{"raw": "door', "not JSON"), (b"[]", "no test"), (b'{"expect": {}}', "no test")):
        golden.write_bytes(b'{"raw": "door=1"}\n' + broken + b"\n")
        assert [(r.line, r.passed, r.detail[: len(told)]) for r in run_tests([file])] == [(1, True, ""), (2, False, told)]
        with pytest.raises(ConfigError, match=f"a.jsonl:2: {told}"):
            renew([file])
        assert golden.read_bytes().startswith(b'{"raw": "door=1"}\n')


def test_named_fields_get_their_new_values_and_a_line_without_any_its_whole_document(tmp_path: Path) -> None:
    file = _written(tmp_path, {"raw": "door=1 usr=ann", "expect": {"user.name": "bob"}}, {"raw": "door=2 usr=eve"}, {"raw": "no"})
    assert [r.passed for r in run_tests([file])] == [False, True, False]
    (renewed,) = renew([file])
    assert (renewed.changed, renewed.lines) == (3, 3)
    named, whole, other = map(orjson.loads, (tmp_path / "golden/a.jsonl").read_bytes().splitlines())
    assert named["expect"] == {"user.name": "ann"}
    assert whole["expect"]["acme.door.door"] == "2"
    assert other["unknown"] is True
    assert all(r.passed for r in run_tests([file]))


def test_what_is_true_already_is_not_touched(tmp_path: Path) -> None:
    file = _written(tmp_path, {"raw": "door=1 usr=ann", "expect": {"user.name": "ann"}})
    before = (tmp_path / "golden/a.jsonl").read_bytes()
    assert renew([file])[0].changed == 0
    assert (tmp_path / "golden/a.jsonl").read_bytes() == before


def test_a_test_may_say_what_the_derived_ocsf_event_is() -> None:
    (document,) = load_text(_NORMALIZER.replace("  - files: golden/*.jsonl", "  - raw: door=1"), "acme.door.yaml")
    normalizer, problems = compile_document(document, Path("."))
    assert normalizer is not None, problems
    raw = {"raw": "door=1 usr=ann"}
    for good in ("base_event", 0, {"class": "base_event", "activity": 0, "actor.user.name": "ann"}):
        assert problems_of({**raw, "ocsf": good}, normalizer) == ""
    said = problems_of({**raw, "ocsf": {"class": "authentication", "activity": 1}}, normalizer)
    assert said == "ocsf class: want 'authentication', got 'base_event'; ocsf activity: want 1, got 0"
