"""Browser, operating system and device that a User-Agent names, by the patterns of the uap-core project."""

from functools import lru_cache
from typing import Any

import ua_parser

from router.batch import Event

_LONGEST = 1_000
"""Longer texts are no browser's: they are left alone, since hundreds of patterns look at each."""


@lru_cache(16_384)
def detail(text: str) -> dict[str, Any]:
    """ECS `user_agent` fields of a text; empty where nothing is recognised."""
    if not text or len(text) > _LONGEST:
        return {}
    found = ua_parser.parse(text)  # its patterns are loaded by the first call
    made: dict[str, Any] = {}
    if (agent := found.user_agent) is not None:
        made["name"] = agent.family
        if version := _version(agent.major, agent.minor, agent.patch, agent.patch_minor):
            made["version"] = version
    if (system := found.os) is not None:
        version = _version(system.major, system.minor, system.patch, system.patch_minor)
        made["os"] = {"name": system.family, "full": f"{system.family} {version}".strip()}
        if version:
            made["os"]["version"] = version
    if (device := found.device) is not None:
        made["device"] = {"name": device.family}
    return made


def _version(*parts: str | None) -> str:
    known = []
    for part in parts:
        if part is None:
            break
        known.append(part)
    return ".".join(known)


def add_user_agent(document: Event) -> None:
    """What user_agent.original says, beside it."""
    agent = document.get("user_agent")
    if type(agent) is dict and type(text := agent.get("original")) is str:
        for key, value in detail(text).items():
            if key not in agent:
                agent[key] = dict(value) if type(value) is dict else value
