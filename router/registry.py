"""Spec and Registry: one declaration in a plugin's own file is registration, validation, JSON Schema and docs.

A plugin is a module with a `SPEC`. Those of the tree are found by their place in the folder (`sinks/`, `router/ingest/`),
those of others by entry points (`logweir.sinks`, `logweir.sources`); the name is the kind that a configuration names.
"""

import difflib
import importlib
import pkgutil
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from router.shapes import Shape

P = TypeVar("P")
_MAX_TOLD = 30
REFERENCE = re.compile(r"\$\{(file:)?([^${}]+)\}")
"""`${NAME}` or `${file:PATH}`."""


class Settings(BaseModel):
    """Base of every configuration model: unknown keys are errors, values cannot change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class Reference(str):
    """A value that was written as `${NAME}` or `${file:PATH}` and has been looked up."""

    files: tuple[Path, ...] = ()
    """Those that it was looked up in."""
    again: Callable[[], str] | None = None
    """Looks it up once more. Raises OSError or ValueError where a file cannot be read."""

    def remember(self, written: str, folder: Path, environment: Mapping[str, str]) -> None:
        """Where it came from: `written` is what the configuration says, `folder` where that lies."""

        def look_up(match: re.Match[str]) -> str:
            return content(folder / match[2]) if match[1] else environment.get(match[2], "").rstrip("\r\n")

        self.files = tuple(folder / match[2] for match in REFERENCE.finditer(written) if match[1])
        self.again = lambda: REFERENCE.sub(look_up, written)


def content(file: Path) -> str:
    """What a reference to a file stands for."""
    return file.read_text("utf-8").rstrip("\r\n")


class RenewedSecret(SecretStr):
    """A secret out of files, looked up again when one of them has changed: who mounts secrets renews them while we run.

    A file that cannot be read then, or holds no secret, keeps the old one. Ask for the value with every use.
    """

    def __init__(self, found: Reference) -> None:
        super().__init__(str(found))
        self._found, self._stamps = found, _stamps(found.files)

    def get_secret_value(self) -> str:
        """The secret as it is now."""
        stamps = _stamps(self._found.files)
        if stamps and stamps != self._stamps and self._found.again is not None:
            try:
                self._secret_value = _bare(self._found.again())
                self._stamps = stamps
            except (OSError, ValueError):
                pass  # it is being replaced, or badly; the far end tells when the old one is not good any more
        return self._secret_value


def _stamps(files: Sequence[Path]) -> tuple[tuple[int, int, int], ...]:
    """Links are followed: Kubernetes renews a mounted secret by turning one. Empty where one is not there."""
    try:
        return tuple((found.st_mtime_ns, found.st_ino, found.st_size) for found in (file.stat() for file in files))
    except OSError:
        return ()


def _bare(text: str) -> str:
    if not text:
        raise ValueError("the secret is empty; give the variable or file that it refers to a value")
    if not text.isprintable():  # no header takes it, and a password prompt neither
        raise ValueError("the secret holds a line break or another control character; keep the bare secret, on one line")
    return text


def _only_references(value: object) -> object:
    if isinstance(value, (Reference, SecretStr)):
        _bare(value.get_secret_value() if isinstance(value, SecretStr) else value)
        return RenewedSecret(value) if isinstance(value, Reference) and value.files else value
    raise ValueError("a secret must not stand in the configuration; write ${NAME} (environment) or ${file:PATH}")


Secret: TypeAlias = Annotated[SecretStr, BeforeValidator(_only_references)]
"""A value that never appears in output; in a file it may only be a reference."""


def _names_a_file(path: Path) -> Path:
    if "\0" in str(path) or path.name in ("", ".."):
        raise ValueError("names no file; write the path of the file itself")
    return path


FilePath: TypeAlias = Annotated[Path, AfterValidator(_names_a_file)]
"""The path of a file that may have to be made."""


def _names_datasets(pattern: str) -> str:
    if not pattern or "*" in pattern[:-1]:
        raise ValueError(f"{pattern!r} fits no dataset; write its name, or how names begin and a `*` (`windows.*`)")
    return pattern


DatasetPattern: TypeAlias = Annotated[str, AfterValidator(_names_datasets)]
"""The name of a dataset, or with a trailing `*` how names begin."""


class Choice(Settings):
    """Which records a sink wants, by facts alone. Empty lists mean all."""

    datasets: tuple[DatasetPattern, ...] = ()
    """Datasets, exact or with a trailing `*` (`windows.*`)."""
    exclude_datasets: tuple[DatasetPattern, ...] = ()
    """Datasets to leave out even if `datasets` has them."""
    kinds: tuple[Literal["alert", "asset", "enrichment", "event", "metric", "pipeline_error", "signal", "state"], ...] = ()
    """ECS event.kind values, such as `alert`."""
    min_severity: Literal["unknown", "debug", "informational", "low", "medium", "high", "critical"] = "unknown"
    """Leave out what is less severe. Events whose severity is not known count as `unknown`."""
    noise: bool = True
    """Apply noise rules. `false` sends everything, whatever noise rules say."""


class SourceSettings(Settings):
    """What every source understands."""

    kind: str
    """Which kind of source this is."""
    normalizer: str = ""
    """Id of the normalizer to use (`cisco.asa`), where the source is known; outranks identification."""
    tz: str = ""
    """IANA name or offset of the zone that senders without a zone write in; UTC if empty."""
    host: str = ""
    """`host.name` of events that name no host themselves: of an appliance, of the tenant of a cloud service."""


class SenderSettings(Settings):
    """What holds for some senders of a source, instead of what holds for the others."""

    tz: str = ""
    """Zone of timestamps of theirs that name none."""
    host: str = ""
    """`host.name` of events of theirs that name no host."""


def _networks(senders: Mapping[str, SenderSettings]) -> Mapping[str, SenderSettings]:
    for name in senders:
        try:
            ip_network(name, strict=False)
        except ValueError:
            raise ValueError(f"{name!r} is no address and no network; write 192.0.2.7 or 192.0.2.0/24") from None
    return senders


class PeerSettings(SourceSettings):
    """What every source understands whose senders have an address."""

    senders: Annotated[Mapping[str, SenderSettings], AfterValidator(_networks)] = Field(default_factory=dict)
    """By address or network (`192.0.2.0/24`): `tz` and `host` of these senders; of several that hold, the narrowest counts."""


def _once_each(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("names one twice; leave out the repeat")
    return names


class SinkSettings(Settings):
    """What every sink understands."""

    kind: str
    """Which kind of sink this is."""
    read: Annotated[tuple[Literal["events", "signals"], ...], AfterValidator(_once_each)] = Field(
        ("events", "signals"), min_length=1
    )
    """The topics it is fed from."""
    choose: Choice = Field(default_factory=Choice)
    """Which of their records it wants."""
    shape: Shape = Field("ecs", alias="as")
    """How documents are written: `ecs` as they are stored, `ocsf` as events of OCSF 1.8, `cim` as flat fields of the Splunk CIM.
    Derived for this sink alone; noise rules and `choose` still go by ECS."""


class Step(NamedTuple):
    """One thing that `logweir setup` found, did or would do."""

    state: Literal["ok", "would", "done", "failed"]
    text: str
    remedy: str = ""


Setup: TypeAlias = Callable[[str, Any, bool], Awaitable[Sequence[Step]]]
"""(sink's name, its settings, apply) -> steps; with apply false nothing is changed."""


@dataclass(frozen=True, slots=True)
class Spec(Generic[P]):
    """One kind of source or sink. The module's docstring is its page in the reference."""

    settings: type[Any]
    """The pydantic model (SourceSettings or SinkSettings) that its block in the configuration must satisfy."""
    build: Callable[[str, Any], P]
    """(name in the configuration, its settings) -> the part."""
    setup: Setup | None = None
    """Prepares and checks the destination."""
    alone: bool = False
    """A source that several workers cannot share (files have one reader, ports have many): only one of them runs it at a time."""


class Registry(Generic[P]):
    """All kinds of one sort. A plugin is imported when it is first asked for."""

    def __init__(self, package: str, group: str, noun: str) -> None:
        self._package, self._group, self.noun = package, group, noun
        self._specs: dict[str, Spec[P]] = {}

    def kinds(self) -> list[str]:
        """Every kind that can be named in a configuration, sorted."""
        folder = importlib.import_module(self._package)
        own = {m.name for m in pkgutil.iter_modules(folder.__path__) if not m.name.startswith("_") and self._is_plugin(m.name)}
        return sorted(own | {e.name for e in entry_points(group=self._group)})

    def spec(self, kind: str) -> Spec[P]:
        """The declaration of a kind. Raises KeyError with a did-you-mean."""
        if kind not in self._specs:
            self._specs[kind] = self._load(kind)
        return self._specs[kind]

    def page(self, kind: str) -> str:
        """The docstring of the plugin's module: its page in the reference."""
        entries = entry_points(group=self._group, name=kind)
        module = next((entry.module for entry in entries), f"{self._package}.{kind}")
        return (importlib.import_module(module).__doc__ or "").strip()

    def _is_plugin(self, name: str) -> bool:
        return hasattr(importlib.import_module(f"{self._package}.{name}"), "SPEC")

    def _load(self, kind: str) -> Spec[P]:
        for entry in entry_points(group=self._group, name=kind):
            found = entry.load()
            return found if isinstance(found, Spec) else found.SPEC
        if kind.isidentifier() and not kind.startswith("_"):
            try:
                module = importlib.import_module(f"{self._package}.{kind}")
            except ModuleNotFoundError as error:
                if error.name != f"{self._package}.{kind}":
                    raise
            else:
                if hasattr(module, "SPEC"):
                    return module.SPEC  # type: ignore[no-any-return]  # a plugin's SPEC is a Spec
        raise KeyError(f"unknown {self.noun} kind {kind!r}; {nearest(kind, self.kinds())}")


def nearest(word: str, known: Sequence[str]) -> str:
    """The did-you-mean of every message: the closest known word, or all of them, as far as a person reads."""
    if not known:
        return "there are none"
    if close := difflib.get_close_matches(word, known, 1, 0.6):
        return f"did you mean {close[0]!r}?"
    more = f" and {len(known) - _MAX_TOLD} more" if len(known) > _MAX_TOLD + 1 else ""
    return f"known: {', '.join(known[:_MAX_TOLD] if more else known)}{more}"
