"""Alternatives of a parse step: one that fails leaves the line as it was."""

from pathlib import Path

from router.batch import Facts
from router.documents import load_text
from router.normalize import Catalogue
from router.normalize.compiler import compile_document

TEXT = """
id: acme.x
identify: [{contains: ['acme']}]
parse:
  - any:
      - [syslog, json]
      - [syslog, kv]
map: {source.ip: src}
rest: acme.x
tests: [{raw: acme}]
"""


def test_a_second_alternative_reads_the_header_anew() -> None:
    normalizer, problems = compile_document(load_text(TEXT, "x.yaml")[0], Path("."))
    assert problems == []
    assert normalizer is not None
    line = b"<13>Nov 29 10:00:00 wall acme: src=192.0.2.1"
    (document,) = Catalogue([normalizer]).normalize(line, Facts("s"), 1_780_272_000.0)
    assert document["source"]["ip"] == "192.0.2.1"
    assert document["log"]["syslog"]["priority"] == 13
