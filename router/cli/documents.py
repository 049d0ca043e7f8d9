"""Documents that no normalizer has to read: ECS, or flat with the names of Sigma's own taxonomy."""

from collections.abc import Mapping
from typing import Any

import orjson
import typer

from router.batch import Event
from router.errors import ConfigError, Problem

_PARTS = ("product", "category", "service")


class Documents:
    """As `router.cli.data.Reader`, for objects of JSON that are judged as they are."""

    def __init__(self, logsource: str) -> None:
        """`logsource` is that of every document that does not name its own; empty if they tell it by what is in them."""
        self._source = parts_of(logsource) if logsource else None
        self._read = self._malformed = 0

    def read(self, payload: bytes) -> list[Event]:
        """The document, or what a list of them holds. Nothing, and a line on standard error, where it is none."""
        self._read += 1
        try:
            value = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            return self._refused(str(error))
        found = value if isinstance(value, list) else [value]
        if not all(isinstance(document, dict) for document in found):
            return self._refused("no object of JSON")
        return [self._of_source(document) for document in found]

    def _refused(self, why: str) -> list[Event]:
        self._malformed += 1
        typer.echo(f"record {self._read}: {why}", err=True)
        return []

    def _of_source(self, document: Event) -> Event:
        """With the log source that was given, unless it has its own."""
        ours: Any = document.get("logweir", {})
        if self._source is None or not isinstance(ours, dict) or "logsource" in ours:
            return document
        return {**document, "logweir": {**ours, "logsource": self._source}}

    def received(self) -> bytes:
        """Nothing: keywords search the values of the document."""
        return b""

    def report(self) -> None:
        """Say how many could not be read."""
        if self._malformed:
            typer.echo(f"{self._read} records read; {self._malformed} of them are no documents", err=True)


def parts_of(written: str) -> Mapping[str, str]:
    """`windows/process_creation/*` -> product and category. Raises ConfigError where it names nothing, or too much."""
    parts = [part.strip().lower() for part in written.split("/")]
    named = {name: part for name, part in zip(_PARTS, parts, strict=False) if part not in ("", "*")}
    if len(parts) > len(_PARTS) or not named:
        remedy = "write product/category/service, * for what it has none of, such as windows/process_creation/*"
        raise ConfigError([Problem("--logsource", 1, "", f"{written!r} is no log source", remedy)])
    return named
