"""The kinds of events that came so far: the next engine compiles their buckets before the first event asks.

In this process they are known to the engine that follows after a reload; a file beside the compiled databases carries them over
restarts. They hold names of datasets and channels, and how many are kept is bounded.

Some of the last events are kept as well, in this process only: an engine that judges them before it takes over knows what is
frequent.
"""

import os
import tempfile
from collections import deque
from pathlib import Path
from typing import Any

import orjson

from router.detect.routing import RouteKey
from router.detect.views import Logsource

_MAX_KEYS = 512
_FILE = "routes.json"
_MAX_EVENTS, _MAX_EVENT_BYTES = 1024, 8192
_keys: dict[RouteKey, None] = {}
_events: deque[bytes] = deque(maxlen=_MAX_EVENTS)


def remember(key: RouteKey, folder: Path | None) -> None:
    """Note a kind of event. Of many, the first ones are kept."""
    if key in _keys or len(_keys) >= _MAX_KEYS:
        return
    _keys[key] = None
    if folder is not None:
        _write(folder)


def recall(folder: Path | None) -> list[RouteKey]:
    """What this process noted, and what was noted in the folder. A file that cannot be read is as good as none."""
    for key in _read(folder) if folder is not None else ():
        if len(_keys) < _MAX_KEYS:
            _keys.setdefault(key)
    return list(_keys)


def keep(encoded: bytes) -> None:
    """Note an event, as JSON. Of many, the last ones are kept; long ones are not."""
    if len(encoded) <= _MAX_EVENT_BYTES:
        _events.append(encoded)


def kept() -> list[bytes]:
    """The events that were noted."""
    return list(_events)


def _write(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
            file.write(orjson.dumps([[tuple(part) if isinstance(part, Logsource) else part for part in key] for key in _keys]))
        os.replace(file.name, folder / _FILE)
    except OSError:
        return


def _read(folder: Path) -> list[RouteKey]:
    try:
        stored = orjson.loads((folder / _FILE).read_bytes())
        return [_key(*fields) for fields in stored]
    except (OSError, ValueError, TypeError):
        return []


def _key(dataset: str, kinds: list[str], own: list[Any] | None, windows: list[str] | None, values: list[str]) -> RouteKey:
    if not isinstance(dataset, str) or not all(isinstance(v, str) for v in (*kinds, *(windows or ()), *values)):
        raise TypeError("not a route key")
    channel = None if windows is None else (windows[0], windows[1], windows[2])
    return RouteKey(dataset, tuple(kinds), Logsource(*own) if own is not None else None, channel, tuple(values))
