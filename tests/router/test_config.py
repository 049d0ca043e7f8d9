"""The configuration file: every problem at once, with its place; secrets only by reference."""

from pathlib import Path
from typing import Any

import pytest

from router.config import EmbeddedLog, inspect, load
from router.config_schema import json_schema
from router.errors import ConfigError

GOOD = """\
version: 1
log: {kind: embedded, path: data/log.db}
sources:
  in: {kind: syslog, tcp: 127.0.0.1:0}
sinks:
  out: {kind: file, path: out.ndjson}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "logweir.yaml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str, **environment: str) -> list[str]:
    _, found = inspect(written(folder, text), environment)
    return [str(p).partition("logweir.yaml:")[2] for p in sorted(found)]


def test_a_good_file_loads_and_paths_are_relative_to_it(tmp_path: Path) -> None:
    config = load(written(tmp_path, GOOD), {})
    assert isinstance(config.log, EmbeddedLog)
    assert config.log.path == tmp_path / "data/log.db"
    assert config.sources["in"].kind == "syslog"


def test_every_problem_is_told_at_once_with_line_and_remedy(tmp_path: Path) -> None:
    text = GOOD.replace("version: 1", "version: 2\nlgo: {}").replace("kind: file", "kind: flie").replace("tcp:", "tpc:")
    found = problems(tmp_path, text)
    assert any(p.startswith("2:") and "lgo" in p and "did you mean 'log'?" in p for p in found)
    assert any("sinks.out.kind" in p and "did you mean 'file'?" in p for p in found)
    assert any("sources.in.tpc" in p and "unknown key" in p for p in found)
    assert any(p.startswith("1:") and "version" in p for p in found)


def test_senders_are_named_by_address_or_network(tmp_path: Path) -> None:
    own = GOOD.replace("tcp: 127.0.0.1:0}", "tcp: 127.0.0.1:0, senders: {192.0.2.0/24: {tz: Asia/Tokyo}}}")
    assert problems(tmp_path, own) == []
    (refused,) = problems(tmp_path, own.replace("192.0.2.0/24", "fw.example.com"))
    assert "'fw.example.com' is no address and no network; write 192.0.2.7 or 192.0.2.0/24" in refused


def test_an_unknown_key_inside_the_log_block_has_a_suggestion(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, GOOD.replace("path: data/log.db", "pth: data/log.db"))
    assert "log.pth" in problem
    assert "'path'" in problem


def test_a_name_that_cannot_be_a_topic_is_refused(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, GOOD.replace("  out:", "  Out_1:"))
    assert "lower-case" in problem


def test_a_sink_without_a_kind_names_the_kinds(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, GOOD.replace("kind: file, ", ""))
    assert "elasticsearch" in problem


SECRET = GOOD + "  hec: {kind: splunk_hec, urls: ['http://127.0.0.1:8088'], token: TOKEN}\n"


def test_a_secret_in_plain_text_is_refused_and_not_shown(tmp_path: Path) -> None:
    found = problems(tmp_path, SECRET.replace("TOKEN", "hunter2-secret"))
    assert any("token" in p and "must not stand" in p for p in found)
    assert not any("hunter2" in p for p in found)


def test_a_secret_comes_from_the_environment_and_stays_hidden(tmp_path: Path) -> None:
    config = load(written(tmp_path, SECRET.replace("TOKEN", '"${HEC_TOKEN}"')), {"HEC_TOKEN": "hunter2"})
    settings: Any = config.sinks["hec"]
    assert settings.token.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(config)


def test_a_secret_comes_from_a_file_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2\n")
    config = load(written(tmp_path, SECRET.replace("TOKEN", '"${file:token}"')), {})
    settings: Any = config.sinks["hec"]
    assert settings.token.get_secret_value() == "hunter2"


def test_a_variable_that_is_not_set_is_a_problem(tmp_path: Path) -> None:
    assert any("HEC_TOKEN is not set" in p for p in problems(tmp_path, SECRET.replace("TOKEN", '"${HEC_TOKEN}"')))


HEC = GOOD.replace(
    "sinks:",
    "  hec: {kind: splunk_hec, listen: 127.0.0.1:0, tokens: [{name: a, secret: '${A}'}, {name: b, secret: '${B}'}]}\nsinks:",
)


def test_who_uses_neither_sources_nor_sinks_needs_none_of_their_secrets(tmp_path: Path) -> None:
    path = written(tmp_path, HEC + SECRET.removeprefix(GOOD).replace("TOKEN", '"${HEC_TOKEN}"'))
    with pytest.raises(ConfigError, match="A is not set"):
        load(path, {})
    config = load(path, {}, reaches_out=False)
    assert set(config.sinks) == {"out", "hec"}
    assert config.sinks["hec"].kind == "splunk_hec"


def test_where_something_else_depends_on_it_what_is_missing_is_told_all_the_same(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="URL is not set"):
        load(written(tmp_path, SECRET.replace("'http://127.0.0.1:8088'", "'${URL}'")), {}, reaches_out=False)
    with pytest.raises(ConfigError, match="LOG is not set"):
        load(written(tmp_path, GOOD.replace("data/log.db", "'${LOG}'")), {}, reaches_out=False)


@pytest.mark.parametrize("value", ["${OUT", "x/${}", "${A}/${B"])
def test_a_reference_without_an_end_or_a_name_is_a_problem(tmp_path: Path, value: str) -> None:
    [problem] = problems(tmp_path, GOOD.replace("out.ndjson", f'"{value}"'), A="a")
    assert problem.startswith("6:")
    assert "write ${NAME} or ${file:PATH}" in problem


@pytest.mark.parametrize("key", ["2026-01-01", "7", "true", "null"])
def test_a_key_that_is_no_text_is_told_at_its_line(tmp_path: Path, key: str) -> None:
    [problem] = problems(tmp_path, GOOD + f"{key}: 1\n")
    assert problem.startswith("7:1:")
    assert "; put it in quotes" in problem


@pytest.mark.parametrize("name", ["on", "2026-01-01", "7", "1.5"])
def test_a_name_that_yaml_does_not_read_as_text_is_told_once_at_its_place(tmp_path: Path, name: str) -> None:
    [problem] = problems(tmp_path, f"sinks:\n  {name}: {{kind: file, path: x}}\n")
    assert problem.startswith("2:3: sinks: ")
    assert "put it in quotes" in problem
    assert ("true or false" if name == "on" else f'"{name}"') in problem


def test_the_line_break_at_the_end_of_a_variable_is_no_part_of_it_and_one_inside_of_a_secret_is_refused(tmp_path: Path) -> None:
    text = "sinks: {a: {kind: splunk_hec, urls: ['http://h:1'], token: '${TOKEN}'}}\n"
    sink: Any = load(written(tmp_path, text), {"TOKEN": "abc\r\n"}).sinks["a"]
    assert sink.token.get_secret_value() == "abc"
    [problem] = problems(tmp_path, text, TOKEN="a\nb")
    assert "sinks.a.token: the secret holds a line break or another control character; keep" in problem


@pytest.mark.parametrize("path", ["l.db", "l.db-wal", "./l.db"])
def test_a_sink_never_writes_into_the_file_of_the_log(tmp_path: Path, path: str) -> None:
    text = "log: {path: l.db}\nsinks: {a: {kind: file, path: PATH}}\n"
    [problem] = problems(tmp_path, text.replace("PATH", path))
    assert "sinks.a.path: is the file of the log; choose another file" in problem
    assert not problems(tmp_path, text.replace("PATH", "l.db.ndjson"))


@pytest.mark.parametrize("path", ["''", ".", "a/..", '"a\\0b"'])
@pytest.mark.parametrize("text", ["log: {path: PATH}\n", "sinks: {a: {kind: file, path: PATH}}\n"])
def test_a_path_that_names_no_file_is_refused(tmp_path: Path, text: str, path: str) -> None:
    [problem] = problems(tmp_path, text.replace("PATH", path))
    assert "names no file; write the path of the file itself" in problem


@pytest.mark.parametrize(
    ("broker", "remedy"),
    [
        ("bootstrap: [h]", "'h' is no broker; write host:port"),
        ("bootstrap: ['http://h:9092']", "is no broker; write host:port"),
        ("bootstrap: ['h:99999']", "is no broker; write host:port"),
        ("bootstrap: ['h:1'], security: SASL_SSL", "give `username` and `password`"),
        ("bootstrap: ['h:1'], username: u, password: '${P}'", "choose SASL_SSL, or leave out"),
        ("bootstrap: ['h:1'], security: SSL, key_file: k", "give `cert_file`, too"),
    ],
)
@pytest.mark.parametrize("place", ["log: {kind: kafka, %s}\n", "sources: {k: {kind: kafka, topics: [t], %s}}\n"])
def test_brokers_that_cannot_be_reached_so_are_refused(tmp_path: Path, place: str, broker: str, remedy: str) -> None:
    [problem] = problems(tmp_path, place % broker, P="p")
    assert remedy in problem


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sinks: {a: {kind: file, path: x, choose: {datasets: ['*.auth']}}}", "'*.auth' fits no dataset; write its name"),
        ("sinks: {a: {kind: file, path: x, choose: {exclude_datasets: ['']}}}", "'' fits no dataset; write its name"),
        ("sinks: {a: {kind: file, path: x, choose: {kinds: [alerts]}}}", "must be 'alert', "),
        ("sinks: {a: {kind: file, path: x, read: []}}", "must not be empty; name one or more"),
        ("sinks: {a: {kind: file, path: x, read: [events, events]}}", "names one twice; leave out the repeat"),
        ("rules: {topic: soc.rules}", "rules.topic: is read from the cluster of the log, which is not Kafka; name a folder"),
    ],
)
def test_what_would_choose_nothing_or_twice_is_refused(tmp_path: Path, text: str, told: str) -> None:
    [problem] = problems(tmp_path, text)
    assert told in problem


def test_an_ipv6_broker_is_one(tmp_path: Path) -> None:
    assert not problems(tmp_path, "log: {kind: kafka, bootstrap: ['[::1]:9092']}\n")


def test_a_key_of_the_other_log_is_held_against_the_keys_of_this_one(tmp_path: Path) -> None:
    [problem] = problems(tmp_path, GOOD.replace("embedded", "kafka, bootstrap: ['h:1']"))
    assert "log.path: unknown key; known: bootstrap, security, " in problem


@pytest.mark.parametrize("name", ["process", "correlate"])
def test_a_sink_cannot_have_the_name_of_a_stage(tmp_path: Path, name: str) -> None:
    [problem] = problems(tmp_path, GOOD.replace("  out:", f"  {name}:"))
    assert problem.startswith("6:3:")
    assert "choose another name" in problem
    assert not problems(tmp_path, GOOD.replace("  in:", f"  {name}:"))


def test_a_file_that_is_no_mapping_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="one mapping"):
        load(written(tmp_path, "- a\n"))


def test_the_schema_names_every_kind_and_describes_every_key() -> None:
    schema = json_schema()
    kinds = {b["properties"]["kind"]["const"] for b in schema["properties"]["sinks"]["additionalProperties"]["oneOf"]}
    assert {"elasticsearch", "splunk_hec", "qradar", "file"} <= kinds
    for section in ("sources", "sinks"):
        for block in schema["properties"][section]["additionalProperties"]["oneOf"]:
            undescribed = [k for k, v in block["properties"].items() if k != "kind" and "description" not in v]
            assert not undescribed, f"{block['properties']['kind']}: {undescribed}"
