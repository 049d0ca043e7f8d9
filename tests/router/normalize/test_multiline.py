"""A normalizer says how the lines of its source are joined; a file source that names it does so."""

from pathlib import Path

import pytest

from router.config import inspect
from router.documents import load_text
from router.normalize import Catalogue
from router.normalize.compiler import compile_document
from router.topology import _joining

_FILE = """\
id: acme.trace
identify: [{sourcetype: acme.trace}]
parse: [{regex: '^(?P<level>[A-Z]+) (?P<text>[^\\n]*)(?s:(?P<more>.*))'}]
multiline: {first: '^[A-Z]+ '}
map: {log.level: level, message: text}
rest: acme.trace
tests: [{raw: "ERROR boom\\n\\tat a.b", meta: {sourcetype: acme.trace}, expect: {message: boom}}]
"""


def test_a_file_source_that_names_the_normalizer_joins_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "acme.trace.yaml").write_text(_FILE)
    config = tmp_path / "logweir.yaml"
    config.write_text(
        "log: {kind: embedded, path: log}\n"
        "sources:\n"
        "  traces: {kind: file, paths: [a.log], normalizer: acme.trace}\n"
        "  own: {kind: file, paths: [a.log], normalizer: acme.trace, multiline: {continuation: '^ '}}\n"
        "  lines: {kind: file, paths: [a.log]}\n"
        "  syslog: {kind: syslog, tcp: '127.0.0.1:5514', normalizer: acme.trace}\n"
    )
    settings, problems = inspect(config)
    assert not problems
    assert settings is not None
    catalogue = Catalogue.load([tmp_path / "acme.trace.yaml"])
    made = {name: getattr(_joining(s, catalogue), "multiline", None) for name, s in settings.sources.items()}
    assert made["traces"].first == "^[A-Z]+ "
    assert made["own"].continuation == "^ "
    assert (made["lines"], made["syslog"]) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("{first: '('}", "multiline.first: '(' is no RE2 pattern"),
        ("{begin: x}", "multiline.begin: unknown key; known: first, continuation, "),
        ("{first: a, max_lines: many}", "multiline.max_lines: must be a whole number; write digits only"),
        ("yes", "multiline: must be a mapping; write its keys below it"),
        ("{first: a, continuation: b}", "multiline: multiline needs either `first` or `continuation`; write one of them"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(wrong: str, told: str) -> None:
    document = load_text(_FILE.replace("{first: '^[A-Z]+ '}", wrong), "acme.trace.yaml")[0]
    normalizer, problems = compile_document(document, Path("."))
    assert normalizer is None
    assert problems[0].line == 4
    assert told in str(problems[0])


def test_catalogue_knows_nothing_of_others() -> None:
    catalogue = Catalogue.load()
    assert catalogue.multiline("nobody") is None
    assert catalogue.multiline("cisco.asa") is None
