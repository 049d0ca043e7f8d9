"""YAML with positions: what is refused, and where things stand."""

import gc
from pathlib import Path

import pytest
import yaml

from router.documents import MAX_BYTES, MAX_DEPTH, dotted, load_file, load_text, yaml_files
from router.errors import ConfigError


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_text(text, "f.yaml")
    return str(caught.value)


def test_every_key_and_item_has_its_place() -> None:
    [document] = load_text("a:\n  b: 1\n  c:\n    - x\n    - y\n", "f.yaml")
    assert document.value == {"a": {"b": 1, "c": ["x", "y"]}}
    assert document.place(("a", "c", 1)) == (5, 7)
    assert document.place(("a", "b")) == (2, 3)


def test_the_place_of_something_missing_is_that_of_its_parent() -> None:
    [document] = load_text("a:\n  b: 1\n", "f.yaml")
    assert document.place(("a", "nothing")) == (1, 1)
    assert str(document.problem(("a", "x"), "is missing", "add it")) == "f.yaml:1:1: a.x: is missing; add it"


def test_several_documents_in_one_file() -> None:
    assert [d.value for d in load_text("a: 1\n---\nb: 2\n", "f.yaml")] == [{"a": 1}, {"b": 2}]


def test_an_alias_stands_for_what_it_names_and_has_its_places() -> None:
    [document] = load_text("a: &x\n  - one\n  - {b: two}\nc: *x\nd: [&y three, *y, *x]\n", "f.yaml")
    assert document.value == {
        "a": ["one", {"b": "two"}],
        "c": ["one", {"b": "two"}],
        "d": ["three", "three", ["one", {"b": "two"}]],
    }
    assert document.place(("c",)) == (4, 1)
    assert document.place(("c", 0)) == document.place(("a", 0)) == document.place(("d", 2, 0)) == (2, 5)
    assert document.place(("c", 1, "b")) == (3, 6)


def test_what_an_alias_repeats_is_nobody_elses_object() -> None:
    [document] = load_text("a: &x [1]\nb: *x\n", "f.yaml")
    document.value["b"].append(2)
    assert document.value == {"a": [1], "b": [1, 2]}


def test_a_merge_key_adds_what_a_mapping_has_not_got() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4, <<: {w: 5}}\nc:\n  <<: [*a, *b]\n  x: 0\nd: {<<: *b}\n"
    [document] = load_text(text, "f.yaml")
    assert document.value["c"] == {"x": 0, "y": 2, "z": 4, "w": 5} == yaml.safe_load(text)["c"]
    assert document.value["d"] == {"y": 3, "z": 4, "w": 5}
    assert document.place(("c", "x")) == (5, 3)
    assert document.place(("c", "y")) == (1, 14)


def test_a_merge_key_of_no_mapping_is_refused_in_one_line() -> None:
    assert refusal("a:\n  <<: 1\n") == "f.yaml:2:3: a: `<<` merges mappings only; name a mapping, or a list of them"


def test_an_alias_inside_of_what_it_names_is_refused() -> None:
    assert refusal("a: &x\n  - [*x]\n").startswith("f.yaml:1:4: a[0][0]: an alias stands inside")
    assert "inside" in refusal("a: &x\n  <<: *x\n")


@pytest.mark.parametrize("ending", ["", "<<: *a20"])
def test_a_bomb_of_nested_aliases_is_refused_at_once(ending: str) -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40)]
    assert "aliases repeat more than" in refusal("\n".join([*lines, ending]))


def test_a_long_text_may_not_be_repeated_without_end() -> None:
    long = "x" * 100_000
    assert "aliases repeat more than" in refusal(f"a: &a {long}\nb: [{', '.join(['*a'] * 11)}]\n")
    assert len(load_text(f"a: &a {long}\nb: [{', '.join(['*a'] * 9)}]\n", "f.yaml")[0].value["b"]) == 9


def test_a_bomb_of_merge_keys_is_refused_at_once() -> None:
    lines = ["a0: &a0 {x0: 1, y0: 1}"]
    lines += [f"a{i}: &a{i} {{<<: [*a{i - 1}, *a{i - 1}], x{i}: 1}}" for i in range(1, 40)]
    assert "aliases repeat more than" in refusal("\n".join(lines))


def test_a_key_that_stands_twice_is_refused_with_its_line() -> None:
    assert refusal("a: 1\nb: 2\na: 3\n").startswith("f.yaml:3:1:")


def test_depth_is_bounded() -> None:
    load_text("[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1), "f.yaml")
    assert "deeper" in refusal("[" * (MAX_DEPTH + 3) + "]" * (MAX_DEPTH + 3))


def test_a_file_at_the_limit_is_read_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"a: 1\n#" + b"x" * (MAX_BYTES - 6))
    assert load_file(path)[0].value == {"a": 1}
    path.write_bytes(b"a: 1\n#" + b"x" * (MAX_BYTES - 5))
    with pytest.raises(ConfigError, match="larger than"):
        load_file(path)


def test_broken_syntax_says_where() -> None:
    assert refusal("a: 1\n b: 2\n").startswith("f.yaml:2:")


def test_a_value_that_its_type_does_not_allow_says_where() -> None:
    assert "bad value" in refusal("a: 2026-99-99\n")


def test_a_tab_at_the_start_of_a_line_is_called_by_its_name() -> None:
    assert refusal("a:\n\tb: 1\n").startswith("f.yaml:2:1:")
    assert refusal("a:\n\tb: 1\n").endswith("indent with blanks, not tabs")
    assert refusal("a: 1\n b:\t2\n").endswith("mend the syntax")


def test_a_character_that_yaml_forbids_is_one_line_with_its_place() -> None:
    assert refusal("a: 1\nbc: \x00\n") == "f.yaml:2:5: character '\\x00' is not allowed; remove it"


def test_numbers_that_look_otherwise_are_kept_as_they_are_written() -> None:
    [document] = load_text("a: [0x10, 16, '0x10']\nb: no\nc: true\nd: 12:30\ne: &e 010\nf: *e\n", "f.yaml")
    assert document.value == {"a": [16, 16, "0x10"], "b": False, "c": True, "d": 750, "e": 8, "f": 8}
    assert document.written == {("a", 0): "0x10", ("b",): "no", ("d",): "12:30", ("e",): "010", ("f",): "010"}


def test_a_tag_that_nobody_knows_is_one_line() -> None:
    assert "\n" not in refusal("a: !secret b\n")


def test_a_mapping_as_a_key_is_refused() -> None:
    assert "a key must be text" in refusal("? {a: 1}\n: 2\n")
    assert "tag !include means nothing here; leave it out" in refusal("a: !include {b: 1}\n")


def test_a_missing_file_is_a_problem_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="check the path"):
        load_file(tmp_path / "nothing.yaml")


def test_bytes_that_are_no_text_are_a_problem(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not UTF-8 text; save it as UTF-8"):
        load_file(tmp_path / "f.yaml")


def test_paths_read_as_people_write_them() -> None:
    assert dotted(("sinks", "soc", "urls", 0)) == "sinks.soc.urls[0]"


def test_rule_files_are_found_below_a_folder_and_hidden_ones_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "..2026").mkdir()
    for name in ("a.yaml", "deep/b.yml", "notes.txt", ".hidden.yaml", "..2026/a.yaml"):
        (tmp_path / name).write_text("a: 1\n")
    assert yaml_files(tmp_path) == [tmp_path / "a.yaml", tmp_path / "deep/b.yml"]
    assert yaml_files(tmp_path / "a.yaml") == [tmp_path / "a.yaml"]


def nodes() -> set[int]:
    gc.collect()
    return {id(found) for found in gc.get_objects() if isinstance(found, yaml.Node)}


def test_nothing_of_what_the_parser_made_stays_in_memory() -> None:
    before = nodes()
    load_text("a: 1\nb: [2, x]\n", "f.yaml")
    assert nodes() <= before
