"""The JSON Schema of the configuration file, by which editors complete it and the reference is written."""

from typing import Any

from router.config import NAME, SINKS, SOURCES, STAGES, Frame
from router.registry import Registry


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the configuration file, every source and sink kind included."""
    schema = Frame.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Logweir configuration"
    for section, registry in (("sources", SOURCES), ("sinks", SINKS)):
        schema["properties"][section]["additionalProperties"] = {"oneOf": [_block(registry, k, schema) for k in registry.kinds()]}
        schema["properties"][section]["propertyNames"] = {"pattern": f"^{NAME.pattern}$"}
    schema["properties"]["sinks"]["propertyNames"]["not"] = {"enum": sorted(STAGES)}
    return schema


def _block(registry: Registry[Any], kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    model = registry.spec(kind).settings
    block: dict[str, Any] = model.model_json_schema(ref_template=f"#/$defs/{registry.noun}.{kind}.{{model}}")
    for name, definition in block.pop("$defs", {}).items():
        schema.setdefault("$defs", {})[f"{registry.noun}.{kind}.{name}"] = definition
    block["properties"]["kind"] = {"const": kind}
    return block
