"""Who and what exists in the made-up company: hosts, users, servers, attackers. Everything follows from one seed."""

import random
from dataclasses import dataclass, field

_FIRST = ("anna", "ben", "carla", "david", "eva", "frank", "gina", "henrik", "ida", "jonas", "karin", "lars", "mona", "nils")
_LAST = ("berg", "costa", "dahl", "engel", "fuchs", "graf", "holm", "iversen", "jung", "klein", "lopez", "meier", "novak")
DOMAIN = "corp.example.com"


@dataclass(frozen=True, slots=True)
class Host:
    """One machine: its short name and address."""

    name: str
    ip: str

    @property
    def fqdn(self) -> str:
        """The name with the company's domain."""
        return f"{self.name}.{DOMAIN}"


@dataclass(slots=True)
class World:
    """The cast, and the dice that every message is rolled with."""

    seed: int = 7
    dice: random.Random = field(init=False)
    users: list[str] = field(init=False)
    workstations: list[Host] = field(init=False)
    servers: list[Host] = field(init=False)
    outside: list[str] = field(init=False)
    attackers: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.dice = r = random.Random(self.seed)
        self.users = sorted({f"{r.choice(_FIRST)}.{r.choice(_LAST)}" for _ in range(60)})
        self.workstations = [Host(f"ws-{i:03}", f"10.20.{i // 200}.{10 + i % 200}") for i in range(120)]
        roles = ("web", "app", "db", "file", "dc", "mail", "jump", "build")
        self.servers = [Host(f"{role}-{i:02}", f"10.10.{n}.{10 + i}") for n, role in enumerate(roles) for i in range(1, 5)]
        self.outside = [f"203.0.113.{r.randrange(1, 255)}" for _ in range(80)]
        self.attackers = [f"198.51.100.{r.randrange(1, 255)}" for _ in range(8)]

    def user(self) -> str:
        """Somebody of the company."""
        return self.dice.choice(self.users)

    def workstation(self) -> Host:
        """Somebody's machine."""
        return self.dice.choice(self.workstations)

    def server(self, role: str = "") -> Host:
        """A server, of one role if given."""
        return self.dice.choice([s for s in self.servers if s.name.startswith(role)] if role else self.servers)

    def external(self) -> str:
        """An address on the internet."""
        return self.dice.choice(self.outside)

    def attacker(self) -> str:
        """An address that attacks come from."""
        return self.dice.choice(self.attackers)

    def port(self) -> int:
        """An ephemeral port."""
        return self.dice.randrange(32768, 61000)
