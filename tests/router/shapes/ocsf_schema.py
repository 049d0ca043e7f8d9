"""Whether an event is valid OCSF 1.8.0, by the JSON Schema of its class and profiles that an independent package makes."""

from functools import lru_cache
from typing import Any

import jsonschema_rs
import orjson
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

VERSION = "1.8.0"


@lru_cache(1)
def _schema() -> tuple[OcsfJsonSchemaEmbedded, dict[int, str], dict[int, dict[int, str]]]:
    raw = get_ocsf_schema(version=VERSION)
    names = {c["uid"]: name for name, c in raw["classes"].items()}
    activities = {
        c["uid"]: {int(n): a["caption"] for n, a in c["attributes"]["activity_id"]["enum"].items()}
        for c in raw["classes"].values()
    }
    return OcsfJsonSchemaEmbedded(raw), names, activities


def activities(uid: int) -> dict[int, str]:
    """Number -> name of the activities of a class."""
    return _schema()[2][uid]


def class_name(uid: int) -> str:
    """The caption of a class."""
    embedded, names, _ = _schema()
    return str(embedded.get_class_schema(names[uid])["title"])


@lru_cache(256)
def _validator(uid: int, profiles: tuple[str, ...]) -> Any:
    embedded, names, _ = _schema()
    return jsonschema_rs.validator_for(embedded.get_class_schema(names[uid], list(profiles)))


def faults(event: dict[str, Any]) -> list[str]:
    """What is wrong with an event, as it would be sent; empty when it is valid."""
    sent = orjson.loads(orjson.dumps(event))
    validator = _validator(sent["class_uid"], tuple(sent["metadata"].get("profiles", ())))
    return [f"{'.'.join(map(str, e.instance_path))}: {e.message[:200]}" for e in validator.iter_errors(sent)]
