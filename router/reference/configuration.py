"""The page of the configuration file, and one page for each kind of source and sink."""

from collections.abc import Iterator, Mapping
from typing import Any

from router.config import NAME, SINKS, SOURCES
from router.config_schema import json_schema
from router.reference.markdown import code
from router.reference.settings import Schema, settings_table, variants
from router.registry import Registry

_PLUGINS: tuple[tuple[str, Registry[Any]], ...] = (("sources", SOURCES), ("sinks", SINKS))


def configuration_page() -> str:
    """Every section of the file; what stands under `sources` and `sinks` is told on pages of their own."""
    schema = json_schema()
    definitions: Mapping[str, Schema] = schema["$defs"]
    parts = [_INTRODUCTION]
    for name, section in schema["properties"].items():
        about = [f"## {code(name)}", section.get("description", ""), _section(name, section, definitions)]
        parts.append("\n\n".join(filter(None, about)))
    return "\n".join(parts)


_INTRODUCTION = """# Configuration

One YAML file; `logweir init` writes a small one, `logweir check` finds every problem in it at once. Unknown keys are errors.
Relative paths are relative to the file. `${NAME}` is an environment variable and `${file:PATH}` the text of a file; a secret
may only be written so.
"""


def _section(name: str, section: Schema, definitions: Mapping[str, Schema]) -> str:
    if name in ("sources", "sinks"):
        links = [f"[{code(kind)}]({name}/{kind}.md)" for kind in dict(_PLUGINS)[name].kinds()]
        return f"A mapping from a name (like {code(NAME.pattern)}) to settings; `kind` is one of {', '.join(links)}.\n"
    choices = variants(section, definitions)
    if choices:
        return "\n".join(f"### `kind: {word}`\n\n{_table(block, definitions)}" for word, block in choices.items())
    if "$ref" in section:
        return _table(definitions[section["$ref"].rpartition("/")[2]], definitions)
    return settings_table({"properties": {name: section}}, definitions)


def _table(block: Schema, definitions: Mapping[str, Schema]) -> str:
    return "\n\n".join(filter(None, (block.get("description", ""), settings_table(block, definitions))))


def plugin_pages() -> Iterator[tuple[str, str]]:
    """(place, text) for each kind of source and sink: the docstring of its module, and its settings."""
    schema = json_schema()
    for section, registry in _PLUGINS:
        blocks = schema["properties"][section]["additionalProperties"]["oneOf"]
        for block in blocks:
            kind = block["properties"]["kind"]["const"]
            text = f"# {registry.noun.capitalize()} `{kind}`\n\n{registry.page(kind)}\n\n## Settings\n\n"
            yield f"{section}/{kind}.md", text + settings_table(block, schema["$defs"])
