"""The command `normalize`: documents from raw input, a report, an explanation, or a first normalizer for an unknown source."""

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import orjson
import typer

from router.cli.data import Reader, Source, Zone, payloads
from router.errors import ConfigError, Problem
from router.shapes import SHAPES, Shape


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(normalize)


def normalize(
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Raw lines, .ndjson, .json, .gz or .evtx; standard input if absent or -. Or a line, in quotes."),
    ] = None,
    source: Source = "",
    tz: Zone = "UTC",
    rules: Annotated[list[Path] | None, typer.Option(help="More normalizers: files or folders.")] = None,
    shape: Annotated[
        Shape, typer.Option("--as", help="What comes out: ECS, OCSF 1.8 events, or fields of the Splunk CIM.")
    ] = "ecs",
    original: Annotated[bool, typer.Option("--original", help="Keep the input in event.original, always.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print why each line was read as it was, instead of documents.")
    ] = False,
    report: Annotated[
        bool, typer.Option("--report", help="Print what became of the input, source by source, instead of documents.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The report as NDJSON, an object a source.")] = False,
    init: Annotated[
        bool, typer.Option("--init", help="Print a first normalizer (YAML) for the source that the input is a sample of.")
    ] = False,
    name: Annotated[str, typer.Option(help="Id of the normalizer that --init proposes; acme.app if absent.")] = "",
) -> None:
    """Raw lines, NDJSON or .evtx in, NDJSON out: ECS, or what is derived from it."""
    output = _output(explain=explain, report=report, init=init)
    given = {"--as": shape != "ecs", "--json": json, "--name": bool(name), "--original": original}
    given |= {"--source": bool(source), "--tz": tz != "UTC", "--rules": bool(rules)}
    _refuse_ignored(output, [option for option, is_given in given.items() if is_given])
    records = _records(files or ["-"])
    if init:
        _propose(records, name or "acme.app")
        return
    reader = Reader(source, tz, rules or (), "always" if original else "doubtful")
    if report:
        _report(reader, records, as_json=json)
    elif explain:
        for payload in records:
            sys.stdout.buffer.write(orjson.dumps(reader.explain(payload), default=str) + b"\n")
    else:
        _documents(reader, records, shape)
    sys.stdout.buffer.flush()
    reader.report()


_IGNORED = {
    "": {"--json": "--report", "--name": "--init"},
    "--explain": {"--as": "", "--json": "--report", "--name": "--init", "--original": ""},
    "--report": {"--as": "", "--name": "--init", "--original": ""},
    "--init": dict.fromkeys(("--as", "--json", "--original", "--source", "--tz", "--rules"), ""),
}
"""What each kind of output makes no use of, and the one that does, where only one does."""


def _output(*, explain: bool, report: bool, init: bool) -> str:
    """The option that says what is printed; empty for documents."""
    chosen = [n for n, is_given in (("--explain", explain), ("--report", report), ("--init", init)) if is_given]
    if len(chosen) > 1:
        raise ConfigError([Problem(chosen[1], 1, "", "--explain, --report and --init exclude each other", "choose one")])
    return chosen[0] if chosen else ""


def _refuse_ignored(output: str, given: list[str]) -> None:
    """Raises ConfigError for options that would do nothing: whoever gives one expects something of it."""
    ignored = _IGNORED[output]
    problems = [
        Problem(option, 1, "", f"does nothing {f'with {output}' if output else 'by itself'}", _instead(ignored[option]))
        for option in given
        if option in ignored
    ]
    if problems:
        raise ConfigError(problems)


def _instead(user: str) -> str:
    return f"give it with {user}, or leave it out" if user else "leave it out"


_WORDS_OF_A_LINE = 4


def _records(given: Sequence[str]) -> Iterator[bytes]:
    """Every record of the files; what no file is called and looks like a line is one."""
    for text in given:
        is_line = len(text.split(maxsplit=_WORDS_OF_A_LINE)) >= _WORDS_OF_A_LINE or text[:1] in ("<", "{")
        if is_line and not os.path.exists(text):  # a Path of a line is another text, and may be too long to ask for
            yield os.fsencode(text)
        else:
            yield from payloads([Path(text)])


def _documents(reader: Reader, records: Iterable[bytes], shape: Shape) -> None:
    derive = SHAPES.get(shape)
    for payload in records:
        for event in reader.read(payload):
            sys.stdout.buffer.write(orjson.dumps(derive(event, time.time()) if derive else event) + b"\n")


def _report(reader: Reader, records: Iterable[bytes], *, as_json: bool) -> None:
    from router.normalize.report import Report

    found = Report()
    for payload in records:
        found.start()
        found.add(reader.read(payload))
    if as_json:
        sys.stdout.buffer.writelines(orjson.dumps(row) + b"\n" for row in found.rows())
    else:
        for line in found.lines():
            typer.echo(line)


def _propose(records: Iterable[bytes], name: str) -> None:
    from router.normalize.propose import propose

    typer.echo(propose(records, name), nl=False)
