"""Reading events from files or standard input, and the command that judges them: detect. No log is needed."""

import gzip
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, BinaryIO, cast

import orjson
import typer

from router.batch import Event, Facts
from router.errors import ConfigError, Malformed, Problem

Files = Annotated[list[Path] | None, typer.Argument(help="Raw lines, .ndjson, .json or .gz; standard input if absent or -.")]
Source = Annotated[str, typer.Option(help="Id of the normalizer to use; found by itself if absent.")]
Zone = Annotated[str, typer.Option(help="Zone of timestamps that name none.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(detect)


def detect(
    rules: Annotated[list[Path], typer.Option(help="Sigma rules: a file or folder; repeatable.")],
    files: Files = None,
    source: Source = "",
    tz: Zone = "UTC",
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 2 if a rule is refused.")] = False,
) -> None:
    """Judge events by Sigma rules; one NDJSON line a match: event (0-based number), rule (id), title, level."""
    from router.detect import Ruleset

    ruleset = Ruleset.load(rules, builtin=False, strict=False)
    if strict and ruleset.refused:
        raise ConfigError(ruleset.refused)
    for problem in ruleset.refused:
        typer.echo(str(problem), err=True)
    reader = Reader(source, tz, (), "never")
    number = 0
    for payload in payloads(files):
        events = reader.read(payload)
        for i, event in enumerate(events):
            for rule in ruleset.match(event, reader.received()):
                line = {"event": number + i, "rule": rule.id, "title": rule.title, "level": rule.level}
                sys.stdout.buffer.write(orjson.dumps(line) + b"\n")
        number += max(1, len(events))
    sys.stdout.buffer.flush()
    reader.report()


class Reader:
    """Payloads to ECS documents, with a count of what could not be read."""

    def __init__(self, source: str, tz: str, rules: Sequence[Path], original: str) -> None:
        from router.normalize import Catalogue, Hints

        hints = {"cli": Hints(source, tz)}
        self._catalogue = Catalogue.load(rules, tz=tz, original=original, sources=hints)  # type: ignore[arg-type]  # a Literal
        self._facts, self._now = Facts("cli"), time.time()
        self._read = 0
        self._malformed: Counter[str] = Counter()

    def read(self, payload: bytes) -> list[Event]:
        self._read += 1
        try:
            return self._catalogue.normalize(payload, self._facts, self._now)
        except Malformed as error:
            self._malformed[error.reason] += 1
            typer.echo(f"record {self._read}: {error}", err=True)
            return []

    def received(self) -> bytes:
        return self._catalogue.received()

    def explain(self, payload: bytes) -> object:
        return self._catalogue.explain(payload, self._facts, self._now)

    def report(self) -> None:
        ignored = {f"ignored by {k}": n for k, n in self._catalogue.ignored.items()}
        doubts = ", ".join(f"{n} {reason}" for reason, n in {**self._malformed, **ignored}.items())
        if doubts:
            typer.echo(f"{self._read} records read; not turned into documents: {doubts}", err=True)


def payloads(files: Sequence[Path] | None) -> Iterator[bytes]:
    """Every record of the files, or of standard input: a line each, or the whole of a .json file that is one document."""
    for path in files or [Path("-")]:
        if str(path) == "-":
            yield from _lines(sys.stdin.buffer)
            continue
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                yield from _document_or_lines(path, cast(BinaryIO, file))
        except (OSError, EOFError) as error:
            raise ConfigError([Problem(str(path), 1, "", f"cannot be read: {error}", "check the path")]) from error


def _document_or_lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    if Path(path.name.removesuffix(".gz")).suffix != ".json":
        yield from _lines(file)
        return
    text = file.read()
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        yield from _split(text)
        return
    yield from [orjson.dumps(v) for v in value] if isinstance(value, list) else [text]


def _split(text: bytes) -> Iterator[bytes]:
    return (line.rstrip(b"\r") for line in text.split(b"\n") if line.strip())


def _lines(file: BinaryIO) -> Iterator[bytes]:
    return (line.rstrip(b"\r\n") for line in file if line.strip())


def documents(text: str, read_as: str, catalogue: Any) -> Iterator[tuple[Event, bytes]]:
    """The events of a file, of standard input (`-`) or of the text itself, each with its payload as keywords search it.

    read_as: `raw` goes through the normalizers, `ecs` is taken as it is, `auto` tells by ECS's own keys.
    """
    if read_as not in ("auto", "raw", "ecs"):
        raise ConfigError([Problem("--as", 1, "", f"no way to read {read_as!r}", "one of raw, ecs, auto")])
    is_text = text.lstrip().startswith(("{", "<", "[")) or (text != "-" and not Path(text).exists())
    for payload in [text.encode()] if is_text else payloads([Path(text)]):
        found = _ecs(payload, surely=read_as == "ecs") if read_as != "raw" else None
        if found is not None or read_as == "ecs":
            yield from [(found, b"")] if found is not None else []
            continue
        try:
            made = catalogue.normalize(payload, Facts("cli"), time.time())
        except Malformed as error:
            typer.echo(f"a record cannot be read: {error}", err=True)
            continue
        received = catalogue.received() if len(made) == 1 else b""
        yield from ((event, received) for event in made)


def _ecs(payload: bytes, *, surely: bool) -> Event | None:
    """A document that is ECS already: it has a time and ECS's `event`; or any object, where that is said."""
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    return value if surely or ("@timestamp" in value and isinstance(value.get("event"), dict)) else None
