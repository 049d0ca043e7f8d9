"""ATT&CK tags of Sigma rules (`attack.execution`, `attack.t1059.001`) -> ECS `threat` fields."""

import re
from collections.abc import Iterable
from typing import Any

TACTICS = {  # of ATT&CK 19, which parted defense evasion in two; rules written before have its old name
    "reconnaissance": "TA0043",
    "resource-development": "TA0042",
    "initial-access": "TA0001",
    "execution": "TA0002",
    "persistence": "TA0003",
    "privilege-escalation": "TA0004",
    "stealth": "TA0005",
    "defense-impairment": "TA0112",
    "defense-evasion": "TA0005",
    "credential-access": "TA0006",
    "discovery": "TA0007",
    "lateral-movement": "TA0008",
    "collection": "TA0009",
    "command-and-control": "TA0011",
    "exfiltration": "TA0010",
    "impact": "TA0040",
}
_SMALL_WORDS = frozenset({"and"})
_TECHNIQUE = re.compile(r"attack\.t(\d{4})(?:\.(\d{3}))?")


def tactics(tags: Iterable[str]) -> tuple[str, ...]:
    """The names of the tactics among a rule's tags, each once, as ATT&CK writes them (`credential-access`)."""
    names = (t.lower().removeprefix("attack.").replace("_", "-") for t in tags if t.lower().startswith("attack."))
    return tuple(name for name in dict.fromkeys(names) if name in TACTICS)


def threat(tags: Iterable[str]) -> dict[str, Any]:
    """The `threat` object of a rule's tags; empty if none is of ATT&CK."""
    lowered = [tag.lower() for tag in tags]
    named = tactics(lowered)
    found = [match for match in map(_TECHNIQUE.fullmatch, lowered) if match]
    result: dict[str, Any] = {}
    if named:
        result["tactic"] = {"id": [TACTICS[t] for t in named], "name": [_title(t) for t in named]}
    if found:
        result["technique"] = _techniques(found)
    return {"framework": "MITRE ATT&CK", **result} if result else {}


def _techniques(found: Iterable[re.Match[str]]) -> dict[str, Any]:
    listed = list(found)
    technique: dict[str, Any] = {"id": list(dict.fromkeys(f"T{match.group(1)}" for match in listed))}
    below = list(dict.fromkeys(f"T{match.group(1)}.{match.group(2)}" for match in listed if match.group(2)))
    return {**technique, "subtechnique": {"id": below}} if below else technique


def _title(tactic: str) -> str:
    return " ".join(word if word in _SMALL_WORDS else word.capitalize() for word in tactic.split("-"))
