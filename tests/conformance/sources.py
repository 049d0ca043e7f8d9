"""The sources that the specification names (section 5), each with the streams of sample pairs that are its own, pooled.

Section 5 lists sources, not streams: "Zeek" is one, of 24 streams; "Cisco ASA" and "FTD" are two. What it marks as one here is one,
and what it sets apart is apart. The pairs of a stream that carries several sources (an event collector) go each to its own.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.conformance import gates, oddities
from tests.conformance.compare import Tally


@dataclass(frozen=True)
class Source:
    """As section 5 names it: which streams are its own. `raw` narrows that to events of this pattern; the first source that fits wins."""

    name: str
    tier: int
    streams: tuple[str, ...]
    raw: str = ""

    def owns(self, stream: str, raw: str) -> bool:
        return any(fnmatchcase(stream, pattern) for pattern in self.streams) and bool(re.search(self.raw, raw))

    @property
    def gate(self) -> tuple[float, float]:
        """Least recall and precision."""
        return gates.GATES[min(self.tier, 2)]


def _source(name: str, tier: int, *streams: str, raw: str = "") -> Source:
    return Source(name, tier, streams, raw)


SOURCES = (
    _source("Sysmon", 1, "windows/sysmon_operational"),
    _source("Sysmon", 1, "windows/forwarded", raw="Microsoft-Windows-Sysmon"),
    _source("PowerShell", 1, "windows/powershell*"),
    _source("PowerShell", 1, "windows/forwarded", raw="PowerShell"),
    _source("Windows Security", 1, "system/security", "windows/forwarded"),
    _source("Linux auditd", 1, "auditd/*", "auditd_manager/*"),
    _source("sshd/sudo/auth", 1, "system/auth"),
    _source("generic syslog", 1, "system/syslog"),
    _source("Sysmon for Linux", 1, "sysmon_linux/*"),
    _source("PAN-OS", 1, "panw/*"),
    _source("Cisco ASA", 1, "cisco_asa/*"),
    _source("Cisco FTD", 1, "cisco_ftd/*"),
    _source("FortiGate", 1, "fortinet_fortigate/*"),
    _source("Check Point", 1, "checkpoint/*"),
    _source("AWS CloudTrail", 1, "aws/cloudtrail"),
    _source("AWS VPC Flow", 1, "aws/vpcflow"),
    _source("AWS GuardDuty", 1, "aws/guardduty"),
    _source("Entra sign-in, audit, Azure activity", 1, "azure/*"),
    _source("Microsoft 365 audit", 1, "o365/*"),
    _source("Defender XDR and for Endpoint", 1, "m365_defender/*", "microsoft_defender_endpoint/*"),
    _source("Okta", 1, "okta/*"),
    _source("CrowdStrike Falcon and FDR", 1, "crowdstrike/*"),
    _source("Zeek", 1, "zeek/*"),
    _source("Suricata", 1, "suricata/*"),
    _source("nginx", 1, "nginx/*"),
    _source("Apache", 1, "apache/*"),
    _source("IIS", 1, "iis/*"),
    _source("generic CEF", 1, "cef/*"),
    _source("Cisco IOS", 2, "cisco_ios/*"),
    _source("Cisco Nexus", 2, "cisco_nexus/*"),
    _source("Cisco Meraki", 2, "cisco_meraki/*"),
    _source("Cisco Umbrella", 2, "cisco_umbrella/*"),
    _source("Cisco ISE", 2, "cisco_ise/*"),
    _source("Juniper SRX", 2, "juniper_srx/*"),
    _source("F5", 2, "f5_bigip/*"),
    _source("pfSense", 2, "pfsense/*"),
    _source("Sophos XG", 2, "sophos/*"),
    _source("SonicWall", 2, "sonicwall_firewall/*"),
    _source("iptables", 2, "iptables/*"),
    _source("Zscaler ZIA and ZPA", 2, "zscaler_zia/*", "zscaler_zpa/*"),
    _source("Netskope", 2, "netskope/*"),
    _source("Cloudflare", 2, "cloudflare_logpush/*"),
    _source("Infoblox", 2, "infoblox_nios/*"),
    _source("Microsoft DHCP", 2, "microsoft_dhcp/*"),
    _source("CoreDNS", 2, "coredns/*"),
    _source("GCP audit, firewall, DNS", 2, "gcp/*"),
    _source("Google Workspace", 2, "google_workspace/*"),
    _source("GitHub", 2, "github/*"),
    _source("SentinelOne", 2, "sentinel_one/*", "sentinel_one_cloud_funnel/*"),
    _source("Carbon Black", 2, "carbon_black_cloud/*"),
    _source("Route 53, WAF, S3 access, ELB, Security Hub", 2, "aws/*"),
    _source("CyberArk", 3, "cyberarkpas/*"),
    _source("Symantec Endpoint", 3, "symantec_endpoint/*"),
    _source("HAProxy", 3, "haproxy/*"),
    _source("Snort", 3, "snort/*"),
    _source("Citrix WAF", 3, "citrix_waf/*"),
)


def of(stream: str, raw: str) -> Source:
    """The source that this pair is of. A stream that section 5 knows nothing of is a source of its own, of the tier that its package has."""
    found = next((source for source in SOURCES if source.owns(stream, raw)), None)
    return found or Source(stream, gates.tier(stream), (stream,))


def pooled(judged: Iterable[tuple[str, str, Tally]]) -> dict[Source, Tally]:
    """Tallies by source of (stream, raw, tally) of each pair, in the order of section 5; sources without pairs are left out."""
    found: dict[str, tuple[Source, Tally]] = {}
    for stream, raw, tally in judged:
        source = of(stream, raw)
        found.setdefault(source.name, (source, Tally()))[1].add(tally)
    places = {source.name: place for place, source in reversed([*enumerate(SOURCES)])}
    return dict(sorted(found.values(), key=lambda held: (held[0].tier, places.get(held[0].name, len(SOURCES)))))


def holds(source: Source, tally: Tally) -> bool:
    """Recall and precision reach the gate of its tier, and few enough of its fields are listed as oddities."""
    recall, precision = source.gate
    return tally.recall >= recall and tally.precision >= precision and tally.odd_share <= oddities.LIMIT
