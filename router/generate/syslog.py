"""Messages that devices and servers send as syslog: sshd and sudo, Cisco ASA, PAN-OS, FortiGate, nginx."""

from datetime import UTC, datetime

from router.generate.world import World

_PATHS = (
    "/",
    "/login",
    "/api/v1/orders",
    "/api/v1/users/me",
    "/static/app.js",
    "/static/site.css",
    "/healthz",
    "/search?q=shoes",
)
_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "curl/8.5.0",
    "kube-probe/1.31",
)


def _bsd(when: float) -> str:
    moment = datetime.fromtimestamp(when, UTC)
    return f"{moment:%b} {moment.day:2} {moment:%H:%M:%S}"


def _header(pri: int, when: float, host: str, tag: str) -> str:
    return f"<{pri}>{_bsd(when)} {host} {tag} "


def sshd(world: World, when: float) -> str:
    """An OpenSSH login, sometimes a mistyped password."""
    server, user, ip = world.server(), world.user(), world.workstation().ip
    verb = "Failed password" if world.dice.random() < 0.05 else "Accepted publickey"
    tail = ": ED25519 SHA256:4tSq0cW3o9Zb1yBvR7p6uXnE2m8LkJhGfDsAaQwErTy" if verb.startswith("Accepted") else ""
    tag = f"sshd[{world.dice.randrange(900, 32000)}]:"
    return _header(38, when, server.name, tag) + f"{verb} for {user} from {ip} port {world.port()} ssh2{tail}"


def failed_ssh(world: World, when: float, server: str, attacker: str) -> str:
    """One guess of a brute force."""
    user = world.dice.choice(("root", "admin", "invalid user oracle", "invalid user test", "ubuntu"))
    tag = f"sshd[{world.dice.randrange(900, 32000)}]:"
    return _header(38, when, server, tag) + f"Failed password for {user} from {attacker} port {world.port()} ssh2"


def sudo(world: World, when: float) -> str:
    """An administrator at work."""
    user = world.user()
    command = world.dice.choice(("/usr/bin/systemctl restart nginx", "/usr/bin/apt-get update", "/usr/bin/journalctl -u app"))
    body = f"{user} : TTY=pts/{world.dice.randrange(6)} ; PWD=/home/{user} ; USER=root ; COMMAND={command}"
    return _header(85, when, world.server().name, "sudo:") + f"{body:>10}"


def cisco_asa(world: World, when: float) -> str:
    """Connections built and torn down, and denied ones."""
    dice, number = world.dice, world.dice.randrange(10**6, 10**8)
    inside, outside, port = world.workstation().ip, world.external(), world.port()
    peer = f"outside:{outside}/443"
    choice = dice.random()
    if choice < 0.45:
        text = f"%ASA-6-302013: Built outbound TCP connection {number} for {peer} ({outside}/443) to inside:{inside}/{port}"
        text += f" ({inside}/{port})"
    elif choice < 0.85:
        text = f"%ASA-6-302014: Teardown TCP connection {number} for {peer} to inside:{inside}/{port}"
        text += f" duration 0:0{dice.randrange(9)}:{dice.randrange(10, 59)} bytes {dice.randrange(200, 10**6)} TCP FINs"
    else:
        text = f"%ASA-4-106023: Deny tcp src outside:{world.external()}/{port} dst inside:{world.server('web').ip}/"
        text += f'{dice.choice((22, 23, 445, 3389))} by access-group "outside_in" [0x0, 0x0]'
    return f"<{166 if choice < 0.85 else 164}>{_bsd(when)} fw-edge-1 : {text}"


def panos(world: World, when: float) -> str:
    """A PAN-OS 10 traffic log, CSV."""
    dice, moment = world.dice, datetime.fromtimestamp(when, UTC)
    stamp, start = f"{moment:%Y/%m/%d %H:%M:%S}", f"{moment:%Y/%m/%d %H:%M:%S}"
    source, destination, user = world.workstation().ip, world.external(), world.user()
    sent, received = dice.randrange(200, 90_000), dice.randrange(400, 900_000)
    allowed = dice.random() < 0.9
    columns = [
        *("1", stamp, "012345678901", "TRAFFIC", "end" if allowed else "drop", "2561", stamp, source, destination, "203.0.113.1"),
        *(
            destination,
            "allow-web" if allowed else "deny-all",
            f"corp\\{user}",
            "",
            "ssl" if allowed else "not-applicable",
            "vsys1",
        ),
        *("trust", "untrust", "ethernet1/2", "ethernet1/1", "siem", stamp, str(dice.randrange(10**6)), "1", str(world.port())),
        *("443", str(world.port()), "443", "0x400053", "tcp", "allow" if allowed else "deny", str(sent + received), str(sent)),
        *(str(received), str(dice.randrange(4, 900)), start, str(dice.randrange(300)), "business-and-economy", "0"),
        *(str(dice.randrange(10**9)), "0x8000000000000000", "10.0.0.0-10.255.255.255", "United States", "0"),
        *(str(dice.randrange(2, 400)), str(dice.randrange(2, 400)), "tcp-fin" if allowed else "policy-deny", "0", "0", "0", "0"),
        *("", "pa-edge-1", "from-policy", "", "", "0", "", "0", "", "N/A", "0", "0", "0", "0"),
    ]
    return _header(14, when, "pa-edge-1", ",".join(columns)).rstrip()


def fortigate(world: World, when: float) -> str:
    """A FortiOS traffic log, key=value."""
    dice, moment = world.dice, datetime.fromtimestamp(when, UTC)
    action = "deny" if dice.random() < 0.1 else "close"
    return (
        f'<189>date={moment:%Y-%m-%d} time={moment:%H:%M:%S} devname="fg-branch-2" devid="FGT60FTK20000002"'
        f" eventtime={int(when * 1e9)}"
        f' tz="+0000" logid="0000000013" type="traffic" subtype="forward" level="notice" vd="root" srcip={world.workstation().ip}'
        f' srcport={world.port()} srcintf="internal" srcintfrole="lan" dstip={world.external()} dstport=443 dstintf="wan1"'
        f' dstintfrole="wan" proto=6 action="{action}" policyid={dice.randrange(1, 40)} policytype="policy" service="HTTPS"'
        f" sessionid={dice.randrange(10**6, 10**8)} duration={dice.randrange(1, 300)} sentbyte={dice.randrange(100, 90000)}"
        f" rcvdbyte={dice.randrange(100, 900000)} sentpkt={dice.randrange(2, 90)} rcvdpkt={dice.randrange(2, 900)}"
    )


def nginx(world: World, when: float, request: str = "", source: str = "", status: int = 0) -> str:
    """An access log line in the combined format."""
    dice, moment = world.dice, datetime.fromtimestamp(when, UTC)
    status = status or dice.choices((200, 301, 404, 500), (92, 3, 4, 1))[0]
    line = f"{source or world.external()} - - [{moment:%d/%b/%Y:%H:%M:%S} +0000]"
    request = request or f"GET {dice.choice(_PATHS)} HTTP/1.1"
    line += f' "{request}" {status} {dice.randrange(200, 60000)} "-" "{dice.choice(_AGENTS)}"'
    return _header(190, when, world.server("web").name, "nginx:") + line
