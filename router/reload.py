"""New rules and settings while the router runs, on SIGHUP or when files change. What is wrong is told, and the old ones go on."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path

from router import hangups
from router.config import Config, inspect
from router.documents import load_file
from router.errors import ConfigError
from router.normalize.definition import named_tables
from router.registry import Settings
from router.telemetry import CONFIG_LOADED, RELOAD_SUCCESS, logger
from router.topology import Content
from router.tuning import freeze

_LOOK_SECONDS = 3.0
_FRESH = {"sources": frozenset({"normalizer", "tz", "host", "senders"}), "sinks": frozenset({"choose"})}
"""Keys of sources and sinks that take effect at once."""
_log = logger("reload")
Renew = Callable[[Config, Content], Awaitable[None]]
State = tuple[tuple[str, int, int, int], ...]


class Reload:
    """Waits for SIGHUP and, with `watch`, for files to change, as long as `listening` lasts."""

    def __init__(
        self, path: Path, running: Config, renew: Renew, *, watched: State | None, look_seconds: float = _LOOK_SECONDS
    ) -> None:
        """`watched`: how the files stood before they were read (`configuration_state`, `rules_state`); None: unwatched."""
        self._path, self._running, self._renew = path, running, renew
        self._watched, self._look = running, look_seconds if watched is not None else None
        self._asked = asyncio.Event()
        self._seen: State = watched or ()
        RELOAD_SUCCESS.set(1)
        CONFIG_LOADED.set(time.time())

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """A reload that is under way when this ends is given up, for the process ends."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._asked.set)
        if hangups.remembered():
            self._asked.set()
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the next one must not kill what still closes
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        while True:
            await self._changed(self._seen)
            self._asked.clear()
            try:
                await self.reload()
            except Exception as error:  # a router that works must not end because something new does not
                RELOAD_SUCCESS.set(0)
                _log.error("failed; it is tried again with the next change", error=repr(error), exc_info=error)

    async def _changed(self, seen: State) -> None:
        """Wait until somebody asks, or until files differ from `seen` and have come to rest."""
        latest = seen
        while not self._asked.is_set():
            try:
                await asyncio.wait_for(self._asked.wait(), self._look)
            except TimeoutError:
                before, latest = latest, await self._state()
                if latest != seen and latest == before:
                    return

    async def _state(self) -> State:
        return await asyncio.to_thread(lambda: (*configuration_state(self._path), *rules_state(self._watched)))

    async def reload(self) -> bool:
        """Read everything again, and change over if all of it is good. False if it was refused."""
        try:
            config, content = await asyncio.to_thread(self._load)
            await self._renew(config, content)
        except ConfigError as error:
            RELOAD_SUCCESS.set(0)
            problems = [str(problem) for problem in error.problems]
            _log.error("refused; the rules and settings that were loaded before go on", problems=problems)
            return False
        rules = len(content.ruleset.rules) + len(content.ruleset.correlations)
        _log.info("reloaded", normalizers=len(content.catalogue.ids()), detections=rules, noise=len(content.noise.rules))
        self._tell_of_restart(config)
        del content
        freeze()
        RELOAD_SUCCESS.set(1)
        CONFIG_LOADED.set(time.time())
        return True

    def _load(self) -> tuple[Config, Content]:
        """Raises ConfigError with every problem. Remembers which files to watch even then, and how they stood before they were
        read: one of them will be mended."""
        own = configuration_state(self._path)
        config, problems = inspect(self._path)
        if config is None:
            self._remember(own)
            raise ConfigError(problems)
        self._watched = config
        self._remember(own)
        try:
            content = Content(config)
        except ConfigError as error:
            raise ConfigError([*problems, *error.problems]) from error
        if problems:
            raise ConfigError(problems)
        return config, content

    def _remember(self, own: State) -> None:
        """`own`: how the configuration itself stood before it was read."""
        if self._look is not None:
            self._seen = (*own, *rules_state(self._watched))

    def _tell_of_restart(self, config: Config) -> None:
        changed = list(needs_restart(self._running, config))
        if changed:
            _log.warning("rules were reloaded; these settings differ from those that run and need a restart", settings=changed)


def needs_restart(running: Config, new: Config) -> Iterator[str]:
    """What differs and cannot be changed while running."""
    for section in ("log", "admin", "limits", "workers", "canary"):
        if getattr(running, section) != getattr(new, section):
            yield section
    for section, fresh in _FRESH.items():
        before, after = getattr(running, section), getattr(new, section)
        yield from (
            f"{section}.{n}" for n in sorted({*before, *after}) if _lasting(before, n, fresh) != _lasting(after, n, fresh)
        )


def _lasting(section: Mapping[str, Settings], name: str, fresh: frozenset[str]) -> object:
    """The settings of one source or sink, those aside that take effect at once; None if it is not there."""
    settings = section.get(name)
    if settings is None:
        return None
    return type(settings), {key: value for key, value in settings if key not in fresh}


def configuration_state(path: Path) -> State:
    """How the configuration file stands: its name, time of change, size and inode."""
    return tuple(_stamps([path]))


def rules_state(config: Config) -> State:
    """The same of every rule file of a configuration, and of their folders."""
    return tuple(_stamps(_rule_files(config)))


def _rule_files(config: Config) -> Iterator[Path]:
    rules = config.rules
    for root in (*rules.normalize, *rules.detections(), *rules.noise, *rules.pipelines):
        yield from _visible(root) if root.is_dir() else [root]
    for file in rules.normalize:
        yield from () if file.is_dir() else _beside(file)


def _beside(file: Path) -> Sequence[Path]:
    """The CSV tables that a normalizer names, there or not; in a folder they are watched anyway."""
    try:
        status = file.stat()
    except OSError:
        return ()
    return _tables(file, status.st_mtime_ns, status.st_size)


@lru_cache(64)
def _tables(file: Path, changed: int, size: int) -> tuple[Path, ...]:
    """The same as of this version of the file: it is read once, not at each look."""
    try:
        return tuple(file.parent / name for document in load_file(file) for name in named_tables(document.value))
    except ConfigError:
        return ()


def _stamps(files: Iterable[Path]) -> Iterator[tuple[str, int, int, int]]:
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue
        yield str(file), status.st_mtime_ns, status.st_size, status.st_ino


def _visible(root: Path) -> Iterator[Path]:
    """What is in a folder and below; what is hidden is passed over, such as the insides of a git checkout."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(folder) / name for name in sorted([*folders, *files]) if not name.startswith("."))
