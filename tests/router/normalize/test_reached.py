"""The self test of a normalizer tells which of its cases no test reaches, and that no test has a malformed line."""

from collections.abc import Sequence
from pathlib import Path

from router.documents import load_text
from router.normalize import examine
from router.normalize.compiler import compile_document

_NORMALIZER = """\
id: acme.door
identify: [{contains: ['door=']}]
parse:
  - any:
      - json
      - kv
  - switch:
      on: kind
      cases: {long: {dissect: '%{a}-%{b}', of: more}}
accept: {door|exists: true}
map: {user.name: usr, source.ip: ip}
cases:
  - when: {act: [open, opened]}
    set: {event.type: [start]}
    cases:
      - when: {usr: null}
        set: {event.outcome: unknown}
switch:
  - on: act
    cases:
      'close,closed': {set: {event.type: [end]}}
      7: {set: {event.type: [info]}}
    default:
      switch: {on: usr, cases: {root: {set: {event.outcome: success}}}, default: {set: {event.outcome: failure}}}
rest: acme.door
tests:
"""


def _told(folder: Path, *tests: str) -> Sequence[str]:
    file = folder / "acme.door.yaml"
    file.write_text(_NORMALIZER + "".join(f"  - {test}\n" for test in tests))
    found = examine([file])
    assert [result.detail for result in found.results if not result.passed] == []
    return [str(problem).removeprefix(f"{file}:") for problem in found.untested]


def test_a_case_that_no_test_reaches_is_told_with_its_place_and_what_it_asks_for(tmp_path: Path) -> None:
    told = _told(tmp_path, "raw: door=1 usr=ann act=open")
    remedy = "; add a test with a line that does"
    assert told == [
        f"5:9: parse[0].any[0]: no test reaches the alternative `json`{remedy}",
        f"9:15: parse[1].switch.cases.long: no test reaches `long` of the switch on `kind`{remedy}",
        f"16:9: cases[0].cases[0]: no test reaches the case `{{usr: null}}`{remedy}",
        f"21:7: switch[0].cases.close,closed: no test reaches `close,closed` of the switch on `act`{remedy}",
        f"22:7: switch[0].cases[7]: no test reaches `7` of the switch on `act`{remedy}",
        f"24:33: switch[0].default.switch.cases.root: no test reaches `root` of the switch on `usr`{remedy}",
        "26:1: tests: no test has a malformed line, one that expects `unknown: true`, `error.message` or a tag _norm_type:*; "
        "add a line cut short, or one with a value that does not fit its field",
    ]


def test_nothing_is_told_where_tests_reach_everything(tmp_path: Path) -> None:
    tests = (
        "raw: door=1 usr=ann act=open kind=long more=a-b",
        "raw: door=1 act=opened",
        "raw: door=1 act=close",
        "raw: door=1 act=7",
        "raw: door=1 usr=root",
        'event: {door: "door=1", act: closed}',
        "{raw: door=1 ip=no, expect: {tags: ['_norm_type:source.ip', _norm_time_missing]}}",
    )
    assert _told(tmp_path, *tests) == []


def test_a_default_is_a_case_too(tmp_path: Path) -> None:
    told = _told(tmp_path, "raw: door=1 usr=root act=close")
    assert any("no test reaches the default of the switch on `act`" in line for line in told)


def test_lines_of_golden_documents_reach_cases_and_may_be_malformed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"raw": "door=1 act=7"}\n{"raw": "door", "unknown": true}\n')
    told = _told(tmp_path, "files: a.jsonl")
    assert not any("`7`" in line or "malformed" in line for line in told)


def test_an_absent_field_makes_no_malformed_line_and_the_doubts_of_the_engine_do(tmp_path: Path) -> None:
    assert any("malformed" in line for line in _told(tmp_path, "{raw: door=1, absent: [user.name]}"))
    assert any("malformed" in line for line in _told(tmp_path, "{raw: door=1, expect: {tags: [_norm_time_missing]}}"))
    assert not any("malformed" in line for line in _told(tmp_path, "{raw: x, unknown: true}"))


def test_a_normalizer_notes_nothing_unless_it_is_asked_to() -> None:
    (document,) = load_text(_NORMALIZER + "  - raw: door=1", "acme.door.yaml")
    normalizer, problems = compile_document(document, Path("."))
    assert normalizer is not None, problems
    assert ".add(" not in normalizer.source
