"""XML text to a plain dict: attributes and children by name, text of a leaf as its value. No entities of its own, no DTD."""

from collections.abc import Callable
from typing import Any
from xml.parsers import expat

_MAX_DEPTH = 64
_MAX_TEXT = 4 << 20
TEXT = "_text"
"""Key of text that stands beside children or attributes."""


class _TooDeep(Exception):
    pass


class _Builder:
    """Builds nested dicts from expat's callbacks."""

    def __init__(self) -> None:
        self.root: Any = None
        self.name = ""
        self._stack: list[tuple[str, dict[str, Any], list[str]]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._stack) >= _MAX_DEPTH:
            raise _TooDeep
        kept = {key.rpartition(":")[2]: value for key, value in attributes.items() if not key.startswith("xmlns")}
        self._stack.append((name.rpartition(":")[2], kept, []))

    def text(self, data: str) -> None:
        if self._stack:
            self._stack[-1][2].append(data)

    def end(self, name: str) -> None:
        tag, node, texts = self._stack.pop()
        text = "".join(texts)
        value: Any = node
        if not node:
            value = text if text.strip() or not text.isspace() else ""
        elif text.strip():
            node[TEXT] = text.strip()
        if not self._stack:
            self.root, self.name = value, tag
            return
        _put(self._stack[-1][1], tag, value)


def _put(node: dict[str, Any], key: str, value: Any) -> None:
    if key not in node:
        node[key] = value
    elif type(node[key]) is list:
        node[key].append(value)
    else:
        node[key] = [node[key], value]


def parse_xml(text: str) -> tuple[str, Any] | None:
    """(name of the root, its value), or None for what is not well-formed, is too deep, or brings a DTD."""
    if len(text) > _MAX_TEXT or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return None
    builder = _Builder()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = builder.start, builder.end, builder.text
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except (expat.ExpatError, _TooDeep, ValueError):
        return None
    return builder.name, builder.root


def compile_xml() -> Callable[[Any], dict[str, Any] | None]:
    """A parser; the root element itself is left out. Attributes of a leaf with text: the text is under `_text`."""

    def parse(text: Any) -> dict[str, Any] | None:
        if type(text) is not str:
            return None
        start = text.find("<")
        found = parse_xml(text[start:].rstrip()) if start >= 0 else None
        return found[1] if found is not None and type(found[1]) is dict else None

    return parse
