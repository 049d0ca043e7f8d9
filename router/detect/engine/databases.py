"""Hyperscan databases of literals, compiled once and kept on disk.

Only literals go in, as bytes of UTF-8 and without flags for case: a hit is then the truth, whatever Hyperscan thinks of Unicode.
(Caseless matching folds by other tables than ours, `$` and `\\s` differ from RE2's, and a large database with regular expressions
was seen to miss one.)
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from router.detect.engine.literals import Finder, Pattern, plain
from router.telemetry import logger

hyperscan: Any
fcntl: Any
try:
    import hyperscan
except ImportError:  # pragma: no cover (no wheel for the platform)
    hyperscan = None  # told once, by `available`

try:
    import fcntl
except ImportError:  # pragma: no cover (not POSIX)
    fcntl = None  # without it two processes may compile the same

_FORMAT = b"logweir literals 1\n"
_FEW = 10
"""Up to so many patterns `str` is faster than a call of Hyperscan."""
_LONGEST = 3900
"""Bytes of a literal. Hyperscan takes expressions of 16,000 characters, and four of them are a byte."""
_QUICK = 500
"""So many are compiled sooner than another process may be done with its own."""
_MANY = 100
"""From so many literals on, Hyperscan takes another way through bytes, which is nearly twice as fast."""
_PADDING = [bytes((1 + n // 30, 1 + n % 30)) * 4 for n in range(_MANY)]
"""Control characters, which JSON does not have. Where a payload has them, they are one more reason to look closely."""
_SUM = 32
_UNUSED_SECONDS = 30 * 86_400.0
_log = logger("detect")


@cache
def available() -> bool:
    """Whether Hyperscan is here. That it is not is told once."""
    if hyperscan is None:
        _log.warning("Hyperscan is not installed: detection is as exact, but slower; install the package `hyperscan`")
    return hyperscan is not None


class Databases:
    """Finders for lists of patterns; equal lists share a database, in this process and over its restarts."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._loaded: dict[bytes, Any] = {}
        self.compiled = self.restored = 0
        self._told = False

    def finder(self, patterns: Sequence[Pattern]) -> Finder:
        """Compile, or take from memory or disk. Takes seconds for thousands of new patterns; the GIL is free meanwhile."""
        if len(patterns) <= _FEW or not available():
            return plain(patterns)
        if aside := [n for n, pattern in enumerate(patterns) if len(pattern.text.encode()) > _LONGEST]:
            return self._split(patterns, aside)
        key = _key(patterns)
        try:
            if key not in self._loaded:
                self._loaded[key] = self._fetch(key, patterns)
        except hyperscan.error as error:
            _log.warning(
                "Hyperscan refuses literals of rules; they are looked for slowly", patterns=len(patterns), error=str(error)
            )
            return plain(patterns)
        return _scanner(self._loaded[key], patterns)

    def _split(self, patterns: Sequence[Pattern], aside: Sequence[int]) -> Finder:
        """A few are looked for aside, so that Hyperscan takes the rest."""
        left = sorted(set(range(len(patterns))).difference(aside))
        find, look = self.finder([patterns[n] for n in left]), plain([patterns[n] for n in aside])
        return lambda text: [*(left[hit] for hit in find(text)), *(aside[hit] for hit in look(text))]

    def _fetch(self, key: bytes, patterns: Sequence[Pattern]) -> Any:
        if self._folder is None:
            return self._compile(patterns)
        with _alone(self._folder, wait=len(patterns) > _QUICK):
            database = _load(_file(self._folder, key))
            if database is not None:
                self.restored += 1
                return database
            database = self._compile(patterns)
            self._store(_file(self._folder, key), hyperscan.dumpb(database))
            return database

    def _store(self, path: Path, body: bytes) -> None:
        """What cannot be stored costs the next start some seconds, and is told once."""
        try:
            _write(path, body)
        except OSError as error:
            if not self._told:
                _log.warning("compiled rules cannot be stored; set rules.engine.cache", folder=str(path.parent), error=str(error))
            self._told = True

    def _compile(self, patterns: Sequence[Pattern]) -> Any:
        self.compiled += 1
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        expressions = [_expression(p) for p in patterns]
        count = len(patterns)
        database.compile(
            expressions=expressions, ids=list(range(count)), elements=count, flags=[hyperscan.HS_FLAG_SINGLEMATCH] * count
        )
        return database


def _expression(pattern: Pattern) -> bytes:
    quoted = "".join(f"\\x{byte:02x}" for byte in pattern.text.encode())
    start, end = r"\A" if pattern.side == "startswith" else "", r"\z" if pattern.side == "endswith" else ""
    return f"{start}{quoted}{end}".encode()


def _scanner(database: Any, patterns: Sequence[Pattern]) -> Finder:
    """Scratch space of its own, so that nobody else's scan can be under way in it."""
    scan, scratch, hits = database.scan, hyperscan.Scratch(database), list[int]()
    add = hits.append

    def on_hit(index: int, _start: int, _end: int, _flags: int, _context: object) -> None:
        add(index)

    def find(text: str) -> list[int]:
        hits.clear()
        try:
            data = text.encode()
        except UnicodeEncodeError:  # half of a surrogate pair: no text that Hyperscan could be given
            return _slow()(text)
        scan(data, on_hit, 0, None, scratch)
        return hits

    @cache
    def _slow() -> Finder:
        return plain(patterns)

    return find


def byte_finder(pieces: Sequence[bytes]) -> Callable[[bytes], list[int]]:
    """Where pieces (lower case) end in bytes, in any order; the case of ASCII letters does not matter."""
    if not available():
        return lambda data: list(_ends(data.lower(), pieces))
    database, ends = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK), list[int]()
    padded = [*pieces, *_PADDING[: max(0, _MANY - len(pieces))]]
    expressions = ["".join(f"\\x{byte:02x}" for byte in piece).encode() for piece in padded]
    count = len(padded)
    database.compile(expressions=expressions, ids=list(range(count)), elements=count, flags=hyperscan.HS_FLAG_CASELESS)
    scan, scratch, add = database.scan, hyperscan.Scratch(database), ends.append

    def on_hit(_index: int, _start: int, end: int, _flags: int, _context: object) -> None:
        add(end)

    def find(data: bytes) -> list[int]:
        ends.clear()
        scan(data, on_hit, 0, None, scratch)
        return ends

    return find


def _ends(data: bytes, pieces: Sequence[bytes]) -> Iterator[int]:
    for piece in pieces:
        at = data.find(piece)
        while at >= 0:
            yield at + len(piece)
            at = data.find(piece, at + 1)


@cache
def _identity() -> bytes:
    """What a stored database depends on besides its patterns: the library, and what it found the processor to be."""
    probe = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    probe.compile(expressions=[b"a"], ids=[0], elements=1, flags=0)
    info = probe.info()
    return repr((info, version("hyperscan"), sys.byteorder)).encode()


def _key(patterns: Sequence[Pattern]) -> bytes:
    digest = hashlib.blake2b(_FORMAT + _identity(), digest_size=_SUM)
    for side, text in patterns:
        digest.update(f"{side} {len(text)} {text}\n".encode("utf-8", "surrogatepass"))
    return digest.digest()


def _file(folder: Path, key: bytes) -> Path:
    return folder / f"{key.hex()}.hs"


def _load(path: Path) -> Any:
    """A stored database; None if there is none or it is not what was stored."""
    try:
        stored = path.read_bytes()
        os.utime(path)
    except OSError:
        return None
    start = len(_FORMAT) + _SUM
    body = stored[start:]
    if stored[:start] != _FORMAT + hashlib.blake2b(body, digest_size=_SUM).digest():
        _log.warning("a stored database is damaged; it is compiled anew", file=str(path))
        return None
    try:
        return hyperscan.loadb(body, hyperscan.HS_MODE_BLOCK)
    except hyperscan.error as error:
        _log.warning("a stored database cannot be loaded; it is compiled anew", file=str(path), error=repr(error))
        return None


def _write(path: Path, body: bytes) -> None:
    """Whole or not at all. Raises OSError."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(_FORMAT + hashlib.blake2b(body, digest_size=_SUM).digest() + body)
    os.replace(file.name, path)


@contextmanager
def _alone(folder: Path, *, wait: bool) -> Iterator[None]:
    """One process at a time compiles into a folder: the others find its work, if they wait. Nobody else may write there."""
    if fcntl is None:  # pragma: no cover (not POSIX)
        yield
        return
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / ".lock").open("w")
    except OSError:
        yield
        return
    with lock:
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield


def prune(folder: Path, now: float) -> None:
    """Remove databases that nobody loaded for a month (they were of rules that changed)."""
    for path in folder.glob("*.hs"):
        try:
            if now - path.stat().st_mtime > _UNUSED_SECONDS:
                path.unlink()
        except OSError:
            continue
