"""Messages that collectors send as JSON: Windows events (Winlogbeat's shape), Zeek, Suricata, AWS CloudTrail."""

from datetime import UTC, datetime
from typing import Any, TypeAlias

from router.generate.world import World

Json: TypeAlias = dict[str, Any]
_SYSTEM = "C:\\Windows\\System32\\"
_PROGRAMS = (
    (_SYSTEM + "svchost.exe", _SYSTEM + "svchost.exe -k netsvcs -p", _SYSTEM + "services.exe"),
    ("C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe", '"chrome.exe" --type=renderer', "C:\\Windows\\explorer.exe"),
    (_SYSTEM + "cmd.exe", "cmd.exe /c dir C:\\ops", "C:\\Windows\\explorer.exe"),
    ("C:\\Program Files\\Backup\\agent.exe", "agent.exe --run nightly", _SYSTEM + "services.exe"),
)


def _iso(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def windows(world: World, when: float, channel: str, provider: str, event_id: int, data: Json, host: str = "") -> Json:
    """One Windows event as Winlogbeat ships it."""
    name = host or world.workstation().fqdn
    return {
        "@timestamp": _iso(when),
        "host": {"name": name},
        "event": {"code": str(event_id), "kind": "event", "provider": provider},
        "log": {"level": "information"},
        "winlog": {
            "channel": channel,
            "provider_name": provider,
            "event_id": str(event_id),
            "record_id": world.dice.randrange(10**6, 10**8),
            "computer_name": name,
            "process": {"pid": 2804, "thread": {"id": 3716}},
            "event_data": data,
        },
        "agent": {"type": "winlogbeat", "version": "8.17.0"},
    }


def sysmon_process(world: World, when: float, image: str, command: str, parent: str) -> Json:
    """Sysmon event 1, process creation."""
    dice = world.dice
    data = {
        "UtcTime": _iso(when)[:-1].replace("T", " "),
        "ProcessGuid": f"{{{dice.getrandbits(32):08x}-4c3a-6650-0000-0010{dice.getrandbits(32):08x}}}",
        "ProcessId": str(dice.randrange(1000, 30000)),
        "Image": image,
        "FileVersion": "10.0.19041.1",
        "OriginalFileName": image.rsplit("\\", 1)[-1],
        "CommandLine": command,
        "CurrentDirectory": _SYSTEM,
        "User": f"CORP\\{world.user()}",
        "LogonId": hex(dice.getrandbits(24)),
        "IntegrityLevel": "Medium",
        "Hashes": f"SHA256={dice.getrandbits(256):064X}",
        "ParentProcessId": str(dice.randrange(500, 3000)),
        "ParentImage": parent,
        "ParentCommandLine": parent,
    }
    return windows(world, when, "Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", 1, data)


def sysmon(world: World, when: float) -> Json:
    """Everyday Sysmon: processes, and the process accesses that make up most of its volume."""
    if world.dice.random() < 0.5:
        return sysmon_process(world, when, *world.dice.choice(_PROGRAMS))
    data = {
        "UtcTime": _iso(when)[:-1].replace("T", " "),
        "SourceProcessId": str(world.dice.randrange(500, 30000)),
        "SourceImage": _SYSTEM + "svchost.exe",
        "TargetProcessId": str(world.dice.randrange(500, 30000)),
        "TargetImage": world.dice.choice(_PROGRAMS)[0],
        "GrantedAccess": "0x1000",
        "CallTrace": "C:\\Windows\\SYSTEM32\\ntdll.dll+9d1e4|C:\\Windows\\System32\\KERNELBASE.dll+2c13e",
        "SourceUser": "NT AUTHORITY\\SYSTEM",
        "TargetUser": f"CORP\\{world.user()}",
    }
    return windows(world, when, "Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", 10, data)


def security(world: World, when: float, event_id: int = 0, data: Json | None = None) -> Json:
    """Windows Security: logons, mostly successful."""
    event_id = event_id or (4625 if world.dice.random() < 0.03 else 4624)
    logon = {
        "SubjectUserSid": "S-1-5-18",
        "SubjectUserName": "DC-01$",
        "SubjectDomainName": "CORP",
        "SubjectLogonId": "0x3e7",
        "TargetUserSid": "S-1-5-21-1004336348-1177238915-682003330-1104",
        "TargetUserName": world.user(),
        "TargetDomainName": "CORP",
        "TargetLogonId": hex(world.dice.getrandbits(24)),
        "LogonType": world.dice.choice(("2", "3", "3", "3", "10")),
        "LogonProcessName": "Kerberos",
        "AuthenticationPackageName": "Kerberos",
        "WorkstationName": "-",
        "ProcessName": "-",
        "IpAddress": world.workstation().ip,
        "IpPort": str(world.port()),
    }
    if event_id == 4625:
        logon |= {"Status": "0xc000006d", "SubStatus": "0xc000006a", "FailureReason": "%%2313"}
    host = world.server("dc").fqdn
    return windows(
        world, when, "Security", "Microsoft-Windows-Security-Auditing", event_id, logon if data is None else data, host
    )


def zeek_conn(world: World, when: float) -> Json:
    """A Zeek conn.log entry."""
    dice = world.dice
    sent, received = dice.randrange(100, 9000), dice.randrange(100, 90000)
    return {
        "_path": "conn",
        "ts": round(when, 6),
        "uid": f"C{dice.getrandbits(80):x}",
        "id.orig_h": world.workstation().ip,
        "id.orig_p": world.port(),
        "id.resp_h": world.external(),
        "id.resp_p": 443,
        "proto": "tcp",
        "service": "ssl",
        "duration": round(dice.random() * 30, 6),
        "orig_bytes": sent,
        "resp_bytes": received,
        "conn_state": "SF",
        "local_orig": True,
        "local_resp": False,
        "missed_bytes": 0,
        "history": "ShADadFf",
        "orig_pkts": sent // 100,
        "orig_ip_bytes": sent + 400,
        "resp_pkts": received // 1000,
        "resp_ip_bytes": received + 400,
    }


def suricata(world: World, when: float) -> Json:
    """Suricata EVE: DNS queries, now and then an alert."""
    dice = world.dice
    base: Json = {
        "timestamp": _iso(when)[:-1] + "000+0000",
        "flow_id": dice.getrandbits(50),
        "in_iface": "eth1",
        "src_ip": world.workstation().ip,
        "src_port": world.port(),
        "dest_ip": world.server("dc").ip,
        "dest_port": 53,
        "proto": "UDP",
    }
    if dice.random() < 0.97:
        name = dice.choice(("www.example.com", "updates.example.net", "mail.example.org"))
        return base | {"event_type": "dns", "dns": {"type": "query", "id": dice.getrandbits(16), "rrname": name, "rrtype": "A"}}
    alert = {
        "action": "allowed",
        "gid": 1,
        "signature_id": 2024897,
        "rev": 4,
        "signature": "ET USER_AGENTS Go HTTP Client User-Agent",
        "category": "Misc activity",
        "severity": 3,
    }
    return base | {"event_type": "alert", "proto": "TCP", "dest_ip": world.external(), "dest_port": 80, "alert": alert}


def cloudtrail(world: World, when: float, name: str = "", source: str = "") -> Json:
    """One AWS CloudTrail record."""
    dice, user = world.dice, world.user()
    calls = (("DescribeInstances", "ec2"), ("GetObject", "s3"), ("AssumeRole", "sts"), ("ListBuckets", "s3"))
    name, source = (name, source) if name else dice.choice(calls)
    return {
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLE",
            "arn": f"arn:aws:iam::111122223333:user/{user}",
            "accountId": "111122223333",
            "userName": user,
        },
        "eventTime": _iso(when)[:-5] + "Z",
        "eventSource": f"{source}.amazonaws.com",
        "eventName": name,
        "awsRegion": dice.choice(("eu-central-1", "us-east-1")),
        "sourceIPAddress": world.external(),
        "userAgent": "aws-cli/2.17.0",
        "requestParameters": None,
        "responseElements": None,
        "requestID": f"{dice.getrandbits(64):x}",
        "eventID": f"{dice.getrandbits(32):08x}-0000-4000-8000-{dice.getrandbits(48):012x}",
        "readOnly": name.startswith(("Describe", "Get", "List")),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": "111122223333",
    }
