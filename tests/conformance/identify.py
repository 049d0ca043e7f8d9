"""Score identification: python -m tests.conformance.identify --pairs DIR [--seed N] [--details N].

Every raw side of the sample pairs (see tests.conformance.ecs), shuffled, each as its device sends it and behind headers that one
relay for all adds, must be taken by the normalizer of its source. Foreign lines, which no file is for, must not be taken by the
file of a product: a general one (negative priority: any syslog, JSON, CEF, ...) or none at all may have them.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from router.batch import Facts
from router.errors import Malformed
from router.normalize import Catalogue
from tests.conformance.ecs import pairs
from tests.conformance.foreign import LINES

GATES = {"sources": 0.97, "foreign": 0.98}
RECEIPT = 1_780_272_000.0

GENERAL = frozenset(("unknown", "syslog", "json", "kv", "cef", "leef"))
"""What is said of lines that no product's file takes."""

OWNERS: dict[str, str] = {
    "auditd_manager": "linux",
    "auditd": "linux.auditd",
    "aws/elb_logs": "aws.elb",
    "aws/route53_resolver_logs": "aws.route53",
    "aws/securityhub_findings": "aws.securityhub",
    "carbon_black_cloud": "carbon_black",
    "cisco_asa": "cisco.asa cisco.ftd",
    "cisco_ftd": "cisco.ftd cisco.asa",
    "cisco_ise": "cisco.ise",
    "cisco_nexus": "cisco.nexus cisco.ios",
    "cef": "cef fortinet checkpoint microsoft panw",
    "citrix_waf": "citrix",
    "cloudflare_logpush": "cloudflare",
    "crowdstrike": "crowdstrike",
    "cyberarkpas": "cyberark",
    "f5_bigip": "f5",
    "fortinet_fortigate": "fortinet",
    "infoblox_nios": "infoblox",
    "juniper_srx": "juniper",
    "m365_defender": "m365_defender microsoft",
    "microsoft_defender_endpoint": "microsoft",
    "microsoft_dhcp": "microsoft",
    "pfsense": "pfsense haproxy",
    "sentinel_one_cloud_funnel": "sentinel_one",
    "sonicwall_firewall": "sonicwall",
    "symantec_endpoint": "symantec",
    "sysmon_linux": "sysmon_linux",
    "system/auth": "linux.auth",
    "system/security": "windows",
    "system/syslog": "syslog linux macos postfix json",
    "zscaler_zia": "zscaler.zia",
    "zscaler_zpa": "zscaler.zpa",
}
"""Stream or package -> the datasets (or what they begin with) that are right; else the package's name up to the first word that fits."""


class Case(NamedTuple):
    """A payload and whose it is."""

    source: str
    variant: str
    body: bytes

    @property
    def peer(self) -> str:
        """Who sent it: a relay for all, or the device itself."""
        return "relay" if self.variant.startswith("relay") else self.source


@dataclass
class Outcome:
    """Counts by source and variant."""

    right: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    samples: dict[tuple[str, str], str] = field(default_factory=dict)

    def count(self, name: str, is_right: bool) -> None:
        self.total[name] += 1
        self.right[name] += is_right

    @property
    def share(self) -> float:
        return self.right.total() / (self.total.total() or 1)


def owners(source: str) -> tuple[str, ...]:
    """The datasets that are right for a stream, or what they begin with."""
    package, stream = source.split("/")
    known = OWNERS.get(source, OWNERS.get(package))
    if known is not None:
        return tuple(known.split())
    return (f"{package}.{stream}", package.replace("_", "."), package)


def owns(source: str, dataset: str) -> bool:
    return any(dataset == name or dataset.startswith(name + ".") for name in owners(source))


def variants(raw: Any) -> Iterator[tuple[str, bytes]]:
    """The payload as it is, and as relays and receivers hand it on. Objects are written as JSON, as their shippers do."""
    body = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else orjson.dumps(raw)
    yield "as it is", body
    yield "BOM", b"\xef\xbb\xbf" + body
    yield "relay, RFC 3164", b"<13>Mar  1 10:00:00 relay1 " + body
    yield "relay, RFC 5424", b"<14>1 2026-03-01T10:00:00.000Z relay1 - - - - " + body


def cases(folder: Path) -> Iterator[Case]:
    for source, pair in pairs(folder, None):
        for variant, body in variants(pair["raw"]):
            yield Case(source, variant, body)


def foreign() -> Iterator[Case]:
    for line in LINES:
        for variant, body in variants(line):
            yield Case("foreign", variant, body)


def dataset(catalogue: Catalogue, body: bytes, peer: str) -> str:
    """Whose a payload is taken for; empty when it is refused, `ignored` when it is noise of a product's protocol."""
    try:
        documents = catalogue.normalize(body, Facts("syslog", peer), RECEIPT)
    except Malformed:
        return ""
    return str(documents[0]["event"]["dataset"]) if documents else "ignored"


def judge(catalogue: Catalogue, found: list[Case]) -> tuple[Outcome, Outcome, Outcome]:
    """Outcomes by source, by variant, and of the foreign lines."""
    by_source, by_variant, strange = Outcome(), Outcome(), Outcome()
    for case in found:
        got = dataset(catalogue, case.body, case.peer)
        if case.source == "foreign":
            is_right = got in GENERAL
            strange.count(case.variant, is_right)
        else:
            is_right = owns(case.source, got)
            by_source.count(case.source, is_right)
            by_variant.count(case.variant, is_right)
        if not is_right:
            where = strange if case.source == "foreign" else by_source
            where.taken[case.source, got] += 1
            where.samples.setdefault((case.source, got), f"{case.variant}: {case.body[:150]!r}")
    return by_source, by_variant, strange


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--details", type=int, default=20, metavar="N", help="the N commonest mistakes")
    options = parser.parse_args()
    found = [*cases(options.pairs), *foreign()]
    if len(found) == len(LINES) * 4:
        print(f"no sample pairs (<package>/<stream>.jsonl.gz) in {options.pairs}: foreign lines alone")
    random.Random(options.seed).shuffle(found)
    by_source, by_variant, strange = judge(Catalogue.load(), found)
    for outcome in (by_source, strange):
        for (source, got), count in outcome.taken.most_common(options.details):
            print(f"{count:5} {source:32} taken for {got or 'nothing':26} {outcome.samples[source, got]}")
    for name, outcome in (("sources", by_variant), ("foreign", strange)):
        for variant in sorted(outcome.total):
            print(f"{name:8} {variant:18} {outcome.right[variant]}/{outcome.total[variant]}")
        print(f"{name}: {outcome.share:.4f} (gate {GATES[name]})")
    passes = (by_variant.share >= GATES["sources"] or not by_variant.total) and strange.share >= GATES["foreign"]
    return 0 if passes else 1


if __name__ == "__main__":
    sys.exit(main())
