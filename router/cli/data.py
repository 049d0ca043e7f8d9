"""Reading events from files or standard input, for commands that need no log."""

import gzip
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, Any, BinaryIO, cast

import orjson
import typer

from router.batch import Event, Facts
from router.errors import ConfigError, Malformed, Problem
from router.shapes import document_of

Files = Annotated[
    list[Path] | None, typer.Argument(help="Raw lines, .ndjson, .json, .gz or .evtx; standard input if absent or -.")
]
Source = Annotated[str, typer.Option(help="Id of the normalizer to use; found by itself if absent.")]
Zone = Annotated[str, typer.Option(help="Zone of timestamps that name none.")]


class Reader:
    """Payloads to ECS documents, with a count of what could not be read."""

    def __init__(self, source: str, tz: str, rules: Sequence[Path], original: str) -> None:
        from router.normalize import Catalogue, Hints

        hints = {"cli": Hints(source, tz)}
        try:
            self._catalogue = Catalogue.load(rules, tz=tz, original=original, sources=hints)  # type: ignore[arg-type]  # a Literal
        except ConfigError as error:
            raise ConfigError({_option(problem) for problem in error.problems}) from error
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


def _option(problem: Problem) -> Problem:
    """A problem of what a configuration would say, at the option that says it here."""
    option = {"normalize.tz": "--tz", "sources.cli.tz": "--tz", "sources.cli.normalizer": "--source"}.get(problem.path)
    if problem.file != "configuration" or option is None:
        return problem
    return Problem(option, 1, "", problem.text.removeprefix("source cli: "), problem.remedy)


def size_of(files: Sequence[Path] | None) -> int | None:
    """Bytes of all files as they lie on the disk; None where standard input is among them."""
    paths = files or [Path("-")]
    return None if any(str(p) == "-" for p in paths) else sum(p.stat().st_size for p in paths if p.is_file())


def payloads(files: Sequence[Path] | None, moved: Callable[[int], object] = lambda count: None) -> Iterator[bytes]:
    """Every record of the files, or of standard input: a line each, or the whole of a .json file that is one document.

    `moved` is told, now and then, how many more bytes of the files were read.
    """
    for path in files or [Path("-")]:
        if str(path) == "-":
            yield from _lines(sys.stdin.buffer)
            continue
        try:
            with path.open("rb") as raw, _unpacked(path, raw) as file:
                yield from _told(_document_or_lines(path, file), raw, moved)
        except (OSError, EOFError, zlib.error, Malformed) as error:
            raise ConfigError([_unreadable(path, error)]) from error


def _unreadable(path: Path, error: Exception) -> Problem:
    """What the system refuses has a number and is a matter of the path; all else lies in the file."""
    if isinstance(error, OSError) and error.strerror is not None:
        return Problem(str(path), 1, "", f"cannot be read: {error.strerror}", "check the path")
    return Problem(
        str(path), 1, "", f"cannot be read: {error}", "the file is damaged or no such file; get it anew, or name another"
    )


_TELL_EVERY = 500


def _told(records: Iterator[bytes], raw: BinaryIO, moved: Callable[[int], object]) -> Iterator[bytes]:
    at = 0
    for count, record in enumerate(records):
        yield record
        if count % _TELL_EVERY == 0:
            here = raw.tell()
            moved(here - at)
            at = here
    moved(raw.tell() - at)


def _unpacked(path: Path, raw: BinaryIO) -> AbstractContextManager[BinaryIO]:
    return cast(AbstractContextManager[BinaryIO], gzip.open(raw)) if path.suffix == ".gz" else nullcontext(raw)


def _document_or_lines(path: Path, file: BinaryIO) -> Iterator[bytes]:
    if path.suffix.lower() == ".evtx":
        yield from _windows_events(path)
        return
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


def _windows_events(path: Path) -> Iterator[bytes]:
    """The records of a Windows event log file; how many are damaged is told."""
    from router.ingest._evtx import records

    damaged = 0
    for record in records(path):
        if record is not None:
            yield record
        damaged += record is None
    if damaged:
        typer.echo(f"{path}: {damaged} damaged records left out", err=True)


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
    is_text = text.lstrip().startswith(("{", "<", "[")) or (text != "-" and not (text and Path(text).exists()))
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
    value = document_of(payload)
    if value is None or surely or ("@timestamp" in value and isinstance(value.get("event"), dict)):
        return value
    return None
