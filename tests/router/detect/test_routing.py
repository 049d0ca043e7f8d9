"""Which log sources an event belongs to, and what Sigma's field names mean there."""

import pytest

from router.detect.probes import Values
from router.detect.routing import Router
from router.detect.values import MISSING
from router.detect.views import Logsource, view
from tests.router.detect.rules import ruleset, titled


def sources(event):
    router = Router()
    return {str(s) for s in router.sources(router.key(event)) if s.product != "logweir"}


def windows(channel, event_id, **data):
    return {"winlog": {"channel": channel, "event_id": event_id, "event_data": data}}


SYSMON = "Microsoft-Windows-Sysmon/Operational"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (windows(SYSMON, "1"), {"windows/*/sysmon", "windows/process_creation/sysmon"}),
        (windows(SYSMON.upper(), 1), {"windows/*/sysmon", "windows/process_creation/sysmon"}),
        (windows("Security", 4688), {"windows/*/security", "windows/process_creation/security"}),
        (windows("Security", 4624), {"windows/*/security"}),
        (windows(SYSMON, 13), {"windows/*/sysmon", "windows/registry_event/sysmon", "windows/registry_set/sysmon"}),
        (
            windows(SYSMON, 12, EventType="DeleteValue"),
            {"windows/*/sysmon", "windows/registry_event/sysmon", "windows/registry_delete/sysmon"},
        ),
        (windows(SYSMON, 12, EventType="new kind"), {"windows/*/sysmon", "windows/registry_event/sysmon"}),
        (windows("Nobody/Knows", 1), {"windows/*/*"}),
        ({"Channel": "System", "EventID": 7045}, {"windows/*/system"}),
        (windows("Linux-Sysmon/Operational", 1), {"linux/*/sysmon", "linux/process_creation/sysmon"}),
        ({"event": {"dataset": "linux.auth"}}, {"linux/*/auth", "linux/*/syslog"}),
        (
            {"event": {"dataset": "linux.auth"}, "process": {"name": "sshd"}},
            {"linux/*/auth", "linux/*/syslog", "linux/*/sshd"},
        ),
        ({"event": {"dataset": "linux.auditd"}}, {"linux/*/auditd"}),
        (
            {"event": {"dataset": "linux.auditd", "category": ["process"], "type": ["start"]}},
            {"linux/*/auditd", "linux/process_creation/auditd"},
        ),
        ({"event": {"dataset": "ftp.server"}}, {"linux/*/syslog", "linux/*/vsftpd"}),
        ({"event": {"dataset": "clamav.log"}}, {"linux/*/syslog", "linux/*/clamav", "*/antivirus/*"}),
        ({"event": {"dataset": "bind.named"}}, {"bind/dns/bind", "linux/*/syslog"}),
        ({"event": {"dataset": "postfix.log"}}, {"linux/*/syslog"}),
        ({"event": {"dataset": "huawei.vrp"}}, {"huawei/firewall/*", "huawei/*/bgp"}),
        ({"event": {"dataset": "onelogin.events"}}, {"onelogin/*/onelogin.events"}),
        ({"event": {"dataset": "nginx.access"}}, {"nginx/webserver/nginx"}),
        ({"event": {"dataset": "apache.access"}}, {"apache/webserver/apache"}),
        ({"event": {"dataset": "aws.cloudtrail"}}, {"aws/*/cloudtrail"}),
        ({"event": {"dataset": "cisco.asa"}}, {"cisco/firewall/asa"}),
        ({"event": {"dataset": "panw.panos"}}, {"paloalto/firewall/panos"}),
        ({"event": {"dataset": "zeek.dns"}}, {"zeek/dns/dns"}),
        ({"event": {"dataset": "zeek.rdp"}}, {"zeek/*/rdp"}),
        ({"event": {"dataset": "acme.vpn"}}, {"acme/*/vpn"}),
        ({"event": {"dataset": "generic"}}, {"generic/*/*"}),
        ({}, set()),
        ({"logweir": {"logsource": {"product": "p", "category": "c", "service": "s"}}}, {"p/c/s"}),
        ({"event": "text", "winlog": [], "logweir": 1}, set()),
        ({"event": {"dataset": ["a"], "category": 5}}, set()),
    ],
)
def test_log_sources(event, expected):
    assert sources(event) == expected


def test_every_event_belongs_to_product_logweir_with_its_dataset():
    rules = ruleset(
        titled("all", "{product: logweir}", "{source.ip: 192.0.2.1}"),
        titled("one", "{product: logweir, service: acme.vpn}", "{source.ip: 192.0.2.1}"),
        titled("kind", "{product: logweir, category: authentication}", "{source.ip: 192.0.2.1}"),
    )
    event = {"event": {"dataset": "acme.vpn", "category": ["authentication"]}, "source": {"ip": "192.0.2.1"}}
    assert [r.title for r in rules.match(event)] == ["all", "one", "kind"]
    assert [r.title for r in rules.match({**event, "event": {"dataset": "other"}})] == ["all"]


def test_a_service_without_a_product_is_any_products():
    rules = ruleset(titled("r", "{service: nginx}", "{message|contains: x}"))
    assert rules.match({"event": {"dataset": "nginx.error"}, "message": "x"})


def test_a_rule_of_taxonomy_ecs_reads_ecs_names():
    rules = ruleset(titled("r", "{category: firewall}", "{source.ip: 192.0.2.1}", "taxonomy: ecs"))
    assert rules.match({"event": {"dataset": "cisco.asa"}, "source": {"ip": "192.0.2.1"}})


def seen(logsource, field, event):
    return Values(event)[view(Logsource(*logsource)).raw(field)]


PROCESS = ("windows", "process_creation", None)


@pytest.mark.parametrize(
    ("logsource", "field", "event", "expected"),
    [
        (PROCESS, "Image", windows(SYSMON, 1, Image="a.exe"), "a.exe"),
        (PROCESS, "Image", windows("Security", 4688, NewProcessName="a.exe"), "a.exe"),
        (PROCESS, "Image", {"process": {"executable": "a.exe"}}, "a.exe"),
        (PROCESS, "Image", {"Channel": SYSMON, "EventID": 1, "Image": "a.exe"}, "a.exe"),
        (PROCESS, "ParentImage", windows("Security", 4688, ParentProcessName="p.exe"), "p.exe"),
        (PROCESS, "ProcessId", windows("Security", 4688, NewProcessId="0x2", ProcessId="0x1"), "0x2"),
        (PROCESS, "ProcessId", windows(SYSMON, 1, ProcessId="7", ParentProcessId="3"), "7"),
        (PROCESS, "ParentProcessId", windows("Security", 4688, NewProcessId="0x2", ProcessId="0x1"), "0x1"),
        (PROCESS, "User", windows("Security", 4688, SubjectDomainName="D", SubjectUserName="u"), "D\\u"),
        (PROCESS, "User", windows(SYSMON, 1, User="D\\u"), "D\\u"),
        (PROCESS, "IntegrityLevel", windows("Security", 4688, MandatoryLabel="S-1-16-12288"), "High"),
        (PROCESS, "IntegrityLevel", windows(SYSMON, 1, IntegrityLevel="System"), "System"),
        (PROCESS, "CommandLine", windows(SYSMON, 1), MISSING),
        (PROCESS, "CommandLine", windows(SYSMON, 1, CommandLine=None), None),
        (("windows", None, "security"), "EventID", windows("Security", 4625), 4625),
        (("windows", None, "security"), "Channel", windows("Security", 4625), "Security"),
        (("windows", None, "security"), "Image", windows("Security", 4688, NewProcessName="a"), MISSING),
        (("windows", None, "system"), "Provider_Name", {"winlog": {"provider_name": "SCM"}}, "SCM"),
        (("windows", None, "system"), "Computer", {"winlog": {"computer_name": "ws1"}}, "ws1"),
        (("windows", None, "windefend"), "ThreatName", windows("x", 1116, **{"Threat Name": "T"}), "T"),
        (("windows", None, "application"), "Data", windows("Application", 1, param1="a", param3="b"), ["a", "b"]),
        (("windows", None, "application"), "Data", windows("Application", 1, Data="a", param3="b"), "a"),
        (("windows", None, "application"), "Data", windows("Application", 1), MISSING),
        (("windows", "ps_classic_start", None), "Data", {"message": "HostApplication=a"}, "HostApplication=a"),
        (("windows", None, "system"), "param1", {"winlog": {"user_data": {"param1": "x"}}}, "x"),
        (("windows", "network_connection", None), "DestinationIp", {"destination": {"ip": "192.0.2.1"}}, "192.0.2.1"),
        (("linux", "process_creation", None), "Image", {"process": {"executable": "/bin/sh"}}, "/bin/sh"),
        (("linux", "process_creation", None), "CommandLine", {"process": {"args": ["a", "-b"]}}, "a -b"),
        (("linux", "process_creation", None), "Image", windows("Linux-Sysmon/Operational", 1, Image="/bin/sh"), "/bin/sh"),
        ((None, "webserver", None), "cs-uri-query", {"url": {"original": "/a?b", "query": "b"}}, "/a?b"),
        ((None, "webserver", None), "cs-uri-stem", {"url": {"path": "/a"}}, "/a"),
        ((None, "webserver", None), "cs-method", {"http": {"request": {"method": "GET"}}}, "GET"),
        ((None, "webserver", None), "sc-status", {"http": {"response": {"status_code": 404}}}, 404),
        ((None, "webserver", None), "c-ip", {"source": {"ip": "192.0.2.1"}}, "192.0.2.1"),
        ((None, "proxy", None), "c-useragent", {"user_agent": {"original": "x"}}, "x"),
        ((None, "proxy", None), "cs-host", {"url": {"domain": "x.example"}}, "x.example"),
        ((None, "dns", None), "query", {"dns": {"question": {"name": "x"}}}, "x"),
        ((None, "firewall", None), "dst_port", {"destination": {"port": 445}}, 445),
        ((None, "firewall", None), "action", {"fortinet": {"firewall": {"action": "deny"}}}, "deny"),
        (("zeek", None, "dns"), "id.orig_h", {"zeek": {"dns": {"id.orig_h": "192.0.2.1"}}}, "192.0.2.1"),
        (("zeek", None, "dns"), "id.orig_h", {"zeek": {"dns": {"id": {"orig_h": "192.0.2.1"}}}}, "192.0.2.1"),
        (("zeek", None, "dns"), "id.orig_h", {"source": {"ip": "192.0.2.1"}}, "192.0.2.1"),
        (("aws", None, "cloudtrail"), "eventName", {"aws": {"cloudtrail": {"eventName": "X"}}}, "X"),
        (("aws", None, "cloudtrail"), "eventName", {"event": {"action": "X"}}, "X"),
        (
            ("aws", None, "cloudtrail"),
            "userIdentity.type",
            {"aws": {"cloudtrail": {"userIdentity": {"type": "Root"}}}},
            "Root",
        ),
        (("acme", None, None), "a.b", {"a": {"b": 1}}, 1),
    ],
)
def test_fields(logsource, field, event, expected):
    assert seen(logsource, field, event) == expected


def test_a_vendors_own_field_goes_before_ecs():
    event = {**windows(SYSMON, 1, Image="vendor"), "process": {"executable": "ecs"}}
    assert seen(PROCESS, "Image", event) == "vendor"
