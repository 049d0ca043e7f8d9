"""YAML -> Config, or every problem at once with its line."""

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from router.brokers import Brokers
from router.documents import Document, PathKey, dotted, load_file
from router.errors import ConfigError, Problem
from router.ports import clashes, listen_address, ports
from router.protocols import Sink, Source
from router.registry import REFERENCE, FilePath, Reference, Registry, Settings, SinkSettings, SourceSettings, content, nearest
from router.wording import causes, known_keys, worded

SOURCES: Registry[Source] = Registry("router.ingest", "logweir.sources", "source")
SINKS: Registry[Sink] = Registry("sinks", "logweir.sinks", "sink")
NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
STAGES = frozenset({"process", "correlate"})
"""Names that no sink may have: dead letters, lag and replays are asked for by the name of a stage or sink."""


class EmbeddedLog(Settings):
    """A durable log in one SQLite file: one machine, an edge site, a trial."""

    kind: Literal["embedded"] = "embedded"
    """SQLite in WAL mode, every append synced to the disk."""
    path: FilePath = Path("logweir.db")
    """The file; `-wal` and `-shm` files stand beside it. Not on a network file system."""
    partitions: int = Field(4, ge=1, le=64)
    """Partitions of `raw` and of the topics that share its numbers. Fixed once the topics exist."""
    prefix: str = ""
    """Put before every topic name."""
    retention_hours: float = Field(72, gt=0)
    """How long records are kept."""
    retention_bytes: int = Field(20 << 30, gt=0)
    """For each topic; the oldest records go first, read or not."""


class KafkaLog(Brokers):
    """Apache Kafka 3.x or 4.x."""

    kind: Literal["kafka"]
    """Apache Kafka."""
    partitions: int = Field(12, ge=1, le=1000)
    """Partitions of topics that are missing and get created."""
    replication: int = Field(3, ge=1)
    """Replication factor of topics that get created; min.insync.replicas is one less (at least 1)."""
    prefix: str = "logweir."
    """Put before every topic name and group."""
    retention_hours: float = Field(72, gt=0)
    """How long topics that get created keep their records."""
    retention_bytes: int = -1
    """For each topic that gets created; -1 by age alone."""
    instance: str = ""
    """A name unique to this process, stable over restarts (a StatefulSet's pod): its partitions wait for it when it stops.
    Empty: it finds itself a name that a process killed in the same network (machine, pod) has again; it leaves when it stops."""
    send_deadline_seconds: float = Field(30, gt=0)
    """After this an append that is not durable is refused to the sender."""


LogSettings: TypeAlias = Annotated[EmbeddedLog | KafkaLog, Field(discriminator="kind")]


class Engine(Settings):
    """How detection rules are matched."""

    cache: Path | None = None
    """Folder of compiled rules: with it a restart is ready at once. If absent, `logweir/detect` in the user's cache folder."""
    memory_mb: int = Field(96, ge=8)
    """What may be remembered about values and verdicts, in MiB. The compiled rules come on top."""


class Rules(Settings):
    """Where rules are read from, besides those that ship with Logweir."""

    builtin: bool = True
    """Also load the rules that ship with Logweir (normalizers are always loaded)."""
    normalize: tuple[Path, ...] = ()
    """Directories or files with normalizers; the same id replaces a built-in one."""
    detect: tuple[Path, ...] = ()
    """Directories or files with Sigma rules and correlations."""
    topic: str = ""
    """A compacted topic on the log's own Kafka (its full name) that holds detections too: key a name, value the YAML, an empty
    value takes the rule away. Changes are taken over while the router runs."""
    topic_folder: Path = Path("rules-from-topic")
    """Where the topic's rules are kept as files."""
    noise: tuple[Path, ...] = ()
    """Directories or files with noise rules."""
    disable: tuple[str, ...] = ()
    """Ids of rules that must not be loaded."""
    refused: Literal["stop", "leave_out"] = "stop"
    """Detections that cannot be judged exactly: `stop` refuses all that was read; `leave_out` goes on without them, counts them
    by reason and names them in the log, which suits a checkout of somebody else's rules."""
    placeholders: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Values for Sigma's `expand` modifier: `{DomainControllers: [dc1, dc2]}`."""
    pipelines: tuple[Path, ...] = ()
    """Directories or files with processing pipelines (of pySigma's form): they change Sigma rules as these are loaded."""
    engine: Engine = Field(default_factory=Engine)
    """How detection rules are matched."""

    def detections(self) -> tuple[Path, ...]:
        """Where detections are read from: the configured places, and the folder of the topic once it is there."""
        return (*self.detect, self.topic_folder) if self.topic and self.topic_folder.is_dir() else self.detect


class Enrich(Settings):
    """What is added to documents from elsewhere; all of it is off unless it is named here."""

    geoip: tuple[Path, ...] = ()
    """MaxMind DB files (GeoLite2 or GeoIP2 City, Country, ASN, ISP): `geo` and `as` of source, destination, client and server."""
    look_seconds: float = Field(30, gt=0)
    """How often to look whether these files have changed; a new one is taken up while running."""
    domains: bool = False
    """`registered_domain`, `top_level_domain` and `subdomain` of names in url, dns, source, destination, client and server."""
    user_agent: bool = False
    """Browser, operating system and device of `user_agent.original`."""
    community_id: bool = False
    """`network.community_id` of TCP, UDP and SCTP flows whose normalizer does not give it."""


class Process(Settings):
    """The stage between raw and events."""

    tz: str = "UTC"
    """Zone of timestamps that name none, where the source's own `tz` is empty."""
    original: Literal["always", "doubtful", "never"] = "doubtful"
    """When `event.original` carries the payload: `doubtful` is for input that was not recognised or not fully read."""
    lateness_seconds: float = Field(60, ge=0)
    """How far behind the newest event of its partition a match may be and still count in a correlation."""
    enrich: Enrich = Field(default_factory=Enrich)
    """What is added to documents from elsewhere."""


class Admin(Settings):
    """Metrics and health."""

    listen: Annotated[str, AfterValidator(listen_address)] = "127.0.0.1:9600"
    """`host:port` of /metrics, /healthz and /readyz; empty turns them off. Processes of one configuration on one machine need a
    port each: `127.0.0.1:${ADMIN_PORT}`."""


class Limits(Settings):
    """What one process may hold."""

    memory_mb: int = Field(256, ge=16)
    """Bytes of events in flight between receipt and durability, in MiB. At 80 % receivers push back."""
    correlations_mb: int = Field(256, ge=8)
    """What open windows of correlations may hold, roughly, in MiB: an equal share for each partition of the log, wherever it is
    worked on. A group of one match takes about 1 KB. What comes beyond it does not count, and is counted as such."""
    drain_seconds: float = Field(20, gt=0)
    """How long SIGTERM may take before what is in flight is left to the log."""


class Canary(Settings):
    """Events of our own, to find out whether what is acknowledged arrives; looked up in Elasticsearch and files."""

    enabled: bool = False
    """Send them: for each source, of dataset `logweir.canary`, to every sink that wants that."""
    every_seconds: float = Field(1, ge=0.1)
    """One for each source in this time."""
    deadline_seconds: float = Field(120, gt=0)
    """Missing if not found at a sink by then."""


class Frame(Settings):
    """The configuration file."""

    version: Literal[1] = 1
    """Version of this file's format."""
    log: LogSettings = Field(default_factory=EmbeddedLog)
    """The durable log between receipt and delivery."""
    rules: Rules = Field(default_factory=Rules)
    """Normalizers, detections and noise rules."""
    process: Process = Field(default_factory=Process)
    """Normalization and detection."""
    admin: Admin = Field(default_factory=Admin)
    """Metrics and health."""
    limits: Limits = Field(default_factory=Limits)
    """Memory and time."""
    canary: Canary = Field(default_factory=Canary)
    """Events of our own that measure loss."""
    workers: int = Field(1, ge=1, le=64)
    """Processes that share ports and partitions, about one a core; `limits` holds for each. Listeners need fixed ports then."""
    sources: dict[str, Any] = Field(default_factory=dict)
    """What is received, by a name of yours."""
    sinks: dict[str, Any] = Field(default_factory=dict)
    """Where it goes, by a name of yours."""

    @field_validator("log", mode="before")
    @classmethod
    def _embedded_if_not_told(cls, value: Any) -> Any:
        return {"kind": "embedded", **value} if isinstance(value, dict) and "kind" not in value else value


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration that is right as far as files can tell."""

    log: EmbeddedLog | KafkaLog
    rules: Rules
    process: Process
    admin: Admin
    limits: Limits
    sources: Mapping[str, SourceSettings]
    sinks: Mapping[str, SinkSettings]
    workers: int = 1
    canary: Canary = field(default_factory=Canary)
    document: Document | None = field(default=None, compare=False, repr=False)
    """The file it was read from, to say where something stands."""


def load(path: Path, environment: Mapping[str, str] | None = None, *, reaches_out: bool = True) -> Config:
    """Read and check one file. Relative paths in it are relative to it. Raises ConfigError with every problem.

    With `reaches_out` False neither sources nor sinks are going to be used: what is referred to in them need not be there.
    """
    config, problems = inspect(path, environment, reaches_out=reaches_out)
    if config is None or problems:
        raise ConfigError(problems)
    return config


def inspect(
    path: Path, environment: Mapping[str, str] | None = None, *, reaches_out: bool = True
) -> tuple[Config | None, list[Problem]]:
    """Read one file as far as it goes: what is right in it (None if it is no mapping), and every problem. See `load`."""
    try:
        documents = load_file(path)
    except ConfigError as error:
        return None, error.problems
    if len(documents) != 1 or not isinstance(documents[0].value, dict):
        return None, [Problem(str(path), 1, "", "must hold one mapping", "see `logweir init`")]
    known = os.environ if environment is None else environment
    return _Reader(documents[0], path.parent, known, () if reaches_out else ("sources", "sinks")).read()


class _Reader:
    def __init__(self, document: Document, folder: Path, environment: Mapping[str, str], unused: Collection[str]) -> None:
        """`unused`: sections in which a reference to what is not there is no problem as long as the rest is right."""
        self._document, self._folder, self._environment, self._unused = document, folder, environment, unused
        self._problems: list[Problem] = []
        self._lacks: list[tuple[PathKey, str, str]] = []

    def read(self) -> tuple[Config, list[Problem]]:
        value = self._resolve(self._document.value, ())
        frame = self._validate(Frame, value, ()) or self._salvaged(value)
        sources = self._plugins(SOURCES, value.get("sources"), "sources")
        sinks = self._plugins(SINKS, value.get("sinks"), "sinks")
        for problem in (*clashes(ports(sources, frame.admin.listen), frame.workers), *_written_over(frame.log, sinks)):
            self._problem(*problem)
        if frame.rules.topic and not isinstance(frame.log, KafkaLog):
            self._problem(
                ("rules", "topic"),
                "is read from the cluster of the log, which is not Kafka",
                "name a folder in `rules.detect` instead",
            )
        parts = frame.log, frame.rules, frame.process, frame.admin, frame.limits, sources, sinks, frame.workers, frame.canary
        return Config(*parts, self._document), self._problems

    def _salvaged(self, value: dict[str, Any]) -> Frame:
        """The sections that are right, and defaults for those that are not: their problems are noted already."""
        sections: dict[str, Any] = {}
        for name, section in value.items():
            try:
                Frame.model_validate({name: section})
            except ValidationError:
                continue
            sections[name] = section
        frame: Frame = _anchored(Frame.model_validate(sections), self._folder)
        return frame

    def _problem(self, path: PathKey, text: str, remedy: str = "") -> None:
        self._problems.append(self._document.problem(path, text, remedy))

    def _resolve(self, value: Any, path: PathKey) -> Any:
        """References looked up, and relative paths made relative to the file (a key that names a path says so)."""
        if isinstance(value, dict):
            return {k: self._resolve(v, (*path, k)) for k, v in value.items() if self._is_text(k, path)}
        if isinstance(value, list):
            return [self._resolve(v, (*path, i)) for i, v in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            if "${" in REFERENCE.sub("", value):
                self._problem(path, "holds a reference without a name or an end", "write ${NAME} or ${file:PATH}")
            return self._reference(value, path)
        return value

    def _reference(self, value: str, path: PathKey) -> Reference:
        found = Reference(REFERENCE.sub(lambda m: self._look_up(m, path), value))
        found.remember(value, self._folder, self._environment)
        return found

    def _is_text(self, key: object, path: PathKey) -> bool:
        """Whether a key is text, as all are here. What is not, is told once, and left out with what stands below it."""
        if isinstance(key, str):
            return True
        told = f"name {key} must be text", f'put it in quotes: "{key}"'
        if isinstance(key, bool):
            told = "YAML reads this name as true or false", "put it in quotes"
        line, column = self._document.places.get((*path, key), self._document.place(path))  # type: ignore[arg-type]  # any scalar
        self._problems.append(Problem(self._document.file, line, dotted(path), *told, column))
        return False

    def _look_up(self, match: re.Match[str], path: PathKey) -> str:
        kind, name = match.groups()
        if not kind:
            found = self._environment.get(name)
            if found is None:
                return self._lack(path, f"environment variable {name} is not set", f"set {name}")
            return found.rstrip("\r\n")  # what made a variable of a file often leaves the file's last line break in it
        try:
            return content(self._folder / name)
        except (OSError, UnicodeDecodeError):
            return self._lack(path, f"file {name} cannot be read", "create it or correct the path")

    def _lack(self, path: PathKey, text: str, remedy: str) -> str:
        """What stands for a value that is not there."""
        if not path or path[0] not in self._unused:
            self._problem(path, text, remedy)
            return ""
        self._lacks.append((path, text, remedy))
        return f"unknown-{len(self._lacks)}"  # two secrets must not be the same

    def _plugins(self, registry: Registry[Any], blocks: Any, section: str) -> dict[str, Any]:
        if not isinstance(blocks, dict):
            return {}
        return {str(n): s for n, block in blocks.items() if (s := self._plugin(registry, n, block, (section, n))) is not None}

    def _plugin(self, registry: Registry[Any], name: Any, block: Any, path: PathKey) -> Any:
        if not NAME.fullmatch(str(name)):
            self._problem(path, f"name {name!r} is not usable", "use lower-case letters, digits and inner dashes, at most 63")
        if registry is SINKS and name in STAGES:
            self._problem(path, f"name {name!r} is that of a stage, whose dead letters and lag have it", "choose another name")
        if not isinstance(block, dict) or not isinstance(block.get("kind"), str):
            self._problem(path, f"a {registry.noun} needs a `kind`", f"known: {', '.join(registry.kinds())}")
            return None
        try:
            spec = registry.spec(block["kind"])
        except KeyError as error:
            text, _, remedy = str(error.args[0]).partition("; ")
            self._problem((*path, "kind"), text, remedy)
            return None
        settings = self._validate(spec.settings, block, path)
        if settings is None:
            for lack in self._lacks:
                if lack[0][:2] == path:
                    self._problem(*lack)
        return settings

    def _validate(self, model: type[Any], value: Any, path: PathKey) -> Any:
        try:
            return _anchored(model.model_validate(value, context={"folder": self._folder}), self._folder)
        except ValidationError as error:
            for detail in causes(error.errors(include_url=False, include_input=False)):
                self._complain(model, detail, path)
            return None

    def _complain(self, model: type[BaseModel], detail: ErrorDetails, path: PathKey) -> None:
        where = (*path, *(p for p in detail["loc"] if not _is_tag(p, detail["loc"])))
        if detail["type"] == "extra_forbidden":
            self._problem(where, "unknown key", nearest(str(where[-1]), known_keys(model, detail["loc"][:-1])))
        elif not any(known.path == dotted(where) for known in self._problems):  # a reference that leads nowhere is told already
            self._problem(where, *worded(detail))


def _written_over(log: EmbeddedLog | KafkaLog, sinks: Mapping[str, SinkSettings]) -> Iterator[tuple[PathKey, str, str]]:
    """Sinks that would write into the log's own file."""
    if isinstance(log, EmbeddedLog):
        own = {log.path.with_name(log.path.name + end).absolute() for end in ("", "-wal", "-shm") if log.path.name}
        for name, sink in sinks.items():
            path = getattr(sink, "path", None)
            if isinstance(path, Path) and path.absolute() in own:
                yield ("sinks", name, "path"), "is the file of the log", "choose another file"


def _is_tag(part: str | int, loc: tuple[str | int, ...]) -> bool:
    """pydantic puts the discriminator's value into the location of a union member; it is no key of the file."""
    return part in ("embedded", "kafka") and loc[0] == "log" and loc.index(part) == 1


def _anchored(settings: Any, folder: Path) -> Any:
    """Relative paths of a settings object, made relative to the configuration's folder."""
    if isinstance(settings, Path):
        return folder / settings
    if isinstance(settings, BaseModel):
        changed = {n: _anchored(v, folder) for n, v in settings if n in type(settings).model_fields}
        return settings.model_copy(update={n: v for n, v in changed.items() if v is not getattr(settings, n)})
    if isinstance(settings, tuple) and not hasattr(settings, "_fields"):  # an address stays one
        return tuple(_anchored(v, folder) for v in settings)
    return settings
