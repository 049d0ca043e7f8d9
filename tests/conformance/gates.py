"""What a source must reach: thresholds by tier, the fields that matter most, and the floor that it must not fall below."""

import json
from pathlib import Path

from tests.conformance.compare import Tally

_TIER_1 = (
    "apache auditd auditd_manager aws/cloudtrail aws/guardduty aws/vpcflow azure cef checkpoint cisco_asa cisco_ftd crowdstrike"
    " fortinet_fortigate iis m365_defender microsoft_defender_endpoint nginx o365 okta panw suricata sysmon_linux system windows zeek"
)
TIER_1 = frozenset(_TIER_1.split())
"""Packages, and streams of packages of which only some are."""

GATES = {1: (0.92, 0.97), 2: (0.88, 0.96)}
"""Least recall and precision by tier; 2 stands for 2 and 3."""

CORE_GATE = 0.97
"""Least recall and precision of the groups below, for tier 1 in the whole."""

GROUPS = {
    # the forty fields that Sigma rules ask for most often, by their ECS names
    "detection": frozenset(
        (
            "process.executable process.command_line process.parent.executable process.parent.command_line process.args process.name"
            " process.pe.original_file_name process.pe.description process.pe.product process.hash.md5 process.hash.sha1"
            " process.hash.sha256 process.pid dll.path dll.name file.path file.name file.hash.sha256 registry.path registry.key"
            " registry.value registry.data.strings event.code event.action event.provider service.name user.name dns.question.name"
            " destination.domain destination.ip destination.port network.direction url.path url.query url.original url.domain"
            " http.request.method http.response.status_code user_agent.original"
        ).split()
    ),
    "5-tuple": frozenset("source.ip source.port destination.ip destination.port network.transport network.iana_number".split()),
    "user": frozenset("user.name user.id user.domain user.email source.user.name destination.user.name".split()),
    "host": frozenset("host.name host.hostname host.id host.ip host.mac".split()),
    "event": frozenset(
        "event.action event.category event.code event.kind event.outcome event.provider event.severity event.type event.reason"
        " event.id event.start event.end event.duration event.sequence event.timezone event.url".split()
    ),
}

FLOORS = Path(__file__).with_name("floors.json")
"""{source: [recall, precision]} as last committed."""

SLACK = 0.0005
"""Floors are written with three digits."""


def tier(source: str) -> int:
    return 1 if source in TIER_1 or source.partition("/")[0] in TIER_1 else 2


def passes(source: str, tally: Tally) -> bool:
    recall, precision = GATES[tier(source)]
    return tally.recall >= recall and tally.precision >= precision


def groups(tally: Tally) -> dict[str, tuple[float, float, int]]:
    """Recall, precision and number of expected fields by group; a group that neither side has is left out."""
    found = {name: tally.counts(fields) for name, fields in GROUPS.items()}
    return {
        name: (right / (expected or 1), right / (predicted or 1), expected)
        for name, (right, expected, predicted) in found.items()
        if expected and predicted
    }


def floors() -> dict[str, list[float]]:
    return json.loads(FLOORS.read_text()) if FLOORS.exists() else {}


def below_floor(tallies: dict[str, Tally]) -> list[str]:
    """What fell, one line each. Sources without a floor pass."""
    held = floors()
    return [
        f"{source}: {name} {value:.3f} is below its floor {floor:.3f}"
        for source, tally in tallies.items()
        for name, value, floor in zip(
            ("recall", "precision"), (tally.recall, tally.precision), held.get(source, ()), strict=False
        )
        if value < floor - SLACK
    ]


def write_floors(tallies: dict[str, Tally]) -> None:
    """Take these as the floors, for those sources only."""
    held = floors() | {source: [round(t.recall, 3), round(t.precision, 3)] for source, t in tallies.items()}
    lines = (f"  {json.dumps(source)}: {json.dumps(values)}" for source, values in sorted(held.items()))
    FLOORS.write_text("{\n" + ",\n".join(lines) + "\n}\n")
