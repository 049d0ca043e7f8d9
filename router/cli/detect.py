"""The command `detect`: rules over any file of events, without a log or a service."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import orjson
import typer

from router.batch import Event
from router.cli.data import Files, Reader, Source, Zone, payloads, size_of
from router.cli.documents import Documents
from router.cli.progress import progress
from router.cli.rulefiles import present
from router.cli.setting import MaybeConfig, Setting
from router.errors import ConfigError, Problem
from router.wording import counted

if TYPE_CHECKING:
    from router.detect import Ruleset

_LOOKED_AT = 1000
Form: TypeAlias = Literal["match", "ecs", "ocsf"]


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(detect)


def detect(
    rules: Annotated[list[Path], typer.Option(help="Sigma rules: a file or folder; repeatable.")],
    files: Files = None,
    source: Source = "",
    tz: Zone = "UTC",
    form: Annotated[
        Form, typer.Option("--as", help="A line a match, the ECS alert, or the OCSF detection finding (class 2004).")
    ] = "match",
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 2 if any rule is refused, and judge nothing.")] = False,
    ecs: Annotated[
        bool, typer.Option("--ecs", help="Take the input as it is: documents, or flat JSON with Sigma's names.")
    ] = False,
    logsource: Annotated[
        str, typer.Option(help="The same, all of one log source: product/category/service, such as windows/process_creation/*.")
    ] = "",
    config: MaybeConfig = None,
) -> None:
    """Judge events by Sigma rules; one NDJSON line a match: event (0-based number), rule (id), title, level.

    Correlations among the rules come last, in order of event time; what they found has the numbers of its events. A rule that is
    refused is named on standard error with place, reason and remedy, a last line says how many there are, and the others judge:
    exit code 0. It is 2 with --strict, or if no rule is left.
    """
    from router.detect import Ruleset
    from router.detect.engine.options import Options, user_cache

    present(rules)
    setting = Setting(config, None)
    ruleset = Ruleset.load(
        rules,
        placeholders=setting.placeholders,
        builtin=False,
        strict=False,
        pipelines=setting.pipelines,
        options=Options(cache=user_cache()),
    )
    is_empty = not ruleset.rules and not ruleset.correlations
    if is_empty and not ruleset.refused:
        raise ConfigError(
            [Problem(str(p), 1, "", "there is no rule in it", "name a Sigma rule, or a folder of them") for p in rules]
        )
    for line in _refusals(ruleset):
        typer.echo(line, err=True)
    if ruleset.refused and (strict or is_empty):
        raise typer.Exit(2)
    reader, out = _reader(setting, source, tz, logsource, as_is=ecs or bool(logsource)), _Output(form, ruleset.correlations)
    unseen = _Unseen(ruleset)
    with progress("judging", size_of(files), in_bytes=True) as moved:
        for number, event, raw in _events(files, reader, moved):
            if found := ruleset.match(event, raw):
                out.matched(number, found, event, raw)
            elif unseen.looks:
                unseen.look(event)
    out.correlated()
    sys.stdout.buffer.flush()
    reader.report()
    if not out.matches and (told := unseen.told()):
        remedy = "name the right one" if logsource else _NAME_IT if ecs else f"JSON with Sigma's own names needs {_NAME_IT}"
        typer.echo(f"{told}; {remedy}", err=True)


_NAME_IT = "--logsource, such as windows/process_creation/*"


class _Unseen:
    """The log sources of the first events, as long as no rule sees one of them: that nothing matches would mean nothing."""

    def __init__(self, ruleset: "Ruleset") -> None:
        from router.detect.routing import Router

        self._ruleset, self._router, self._of = ruleset, Router(), Counter[str]()
        self.looks = _LOOKED_AT

    def look(self, event: Event) -> None:
        """An event that no rule matches."""
        self.looks -= 1
        if self._ruleset.visible(event):
            self.looks = 0
            self._of.clear()
            return
        sources = sorted(str(s) for s in self._router.sources(self._router.key(event)) if s.product != "logweir")
        self._of[" and ".join(sources) or "no log source"] += 1

    def told(self) -> str:
        """A line about them; empty where there are none, or a rule saw one."""
        of = ", ".join(f"{source} {count}" for source, count in self._of.most_common(5))
        count = self._of.total()
        return f"none of the first {counted(count, 'event')} is of a log source that a rule sees: of {of}" if count else ""


def _refusals(ruleset: "Ruleset") -> Iterator[str]:
    """Each problem, and what they come to."""
    from router.detect.refusals import reason

    yield from map(str, ruleset.refused)
    if ruleset.refused:
        loaded = len(ruleset.rules) + len(ruleset.correlations)
        reasons = ", ".join(f"{word} {count}" for word, count in sorted(Counter(map(reason, ruleset.refused)).items()))
        rest = f"the other {loaded} judge" if loaded else "none is left to judge by"
        yield f"{ruleset.left_out} of {ruleset.left_out + loaded} rules refused ({reasons}); {rest}"


def _reader(setting: Setting, source: str, tz: str, logsource: str, *, as_is: bool) -> Reader | Documents:
    if not as_is:
        return Reader(source, tz, setting.normalizers, "never")
    for option, is_given in (("--source", bool(source)), ("--tz", tz != "UTC")):
        if is_given:
            raise ConfigError(
                [Problem(option, 1, "", "is for input that is normalized", "leave it out, or --ecs and --logsource")]
            )
    return Documents(logsource)


def _events(
    files: Sequence[Path] | None, reader: Reader | Documents, moved: Callable[[int], object]
) -> Iterator[tuple[int, Event, bytes]]:
    """Every event, its number, and the payload that it alone was made from."""
    number = 0
    for payload in payloads(files, moved):
        events = reader.read(payload)
        raw = reader.received() if len(events) == 1 else b""
        for i, event in enumerate(events):
            yield number + i, event, raw
        number += max(1, len(events))


class _Output:
    """Lines to standard output, as they are asked for."""

    def __init__(self, form: Form, correlations: Sequence[Any]) -> None:
        self._form, self._correlations = form, correlations
        self._matches: list[tuple[float, int, Any]] = []
        self.matches = 0

    def matched(self, number: int, rules: Sequence[Any], event: Event, raw: bytes) -> None:
        """The rules that one event satisfies."""
        from router.correlate.match import Sighting
        from router.detect import alert_document
        from router.detect.probes import Values
        from router.process.stage import event_time

        time, event_id = event_time(event, 0.0), number.to_bytes(16)
        sighting = Sighting(event, event_id, time, Values(event, raw))
        self.matches += len(rules)
        for rule in rules:
            self._matches += [(time, number, made) for made in sighting.matches(self._correlations, rule)]
            if self._form == "match":
                self._write({"event": number, "rule": rule.id, "title": rule.title, "level": rule.level})
            elif rule.alerts:
                self._alert(alert_document(rule, event, event_id=event_id, time=time, raw=raw))

    def correlated(self) -> None:
        """What all matches together make true."""
        from router.correlate import signal_document
        from router.correlate.examples import Rehearsal

        if not self._correlations:
            return
        rehearsal = Rehearsal(self._correlations)
        for _, _, made in sorted(self._matches, key=lambda item: item[:2]):
            rehearsal.take([made])
        for fired in rehearsal.ended():
            document = signal_document(fired)
            if self._form != "match" and fired.correlation.alerts:
                self._alert(document)
            elif self._form == "match":
                self._write(_line(fired, document))

    def _alert(self, document: Event) -> None:
        from router.detect.finding import finding

        self._write(finding(document) if self._form == "ocsf" else document)

    def _write(self, line: Any) -> None:
        sys.stdout.buffer.write(orjson.dumps(line) + b"\n")


def _line(fired: Any, document: Event) -> dict[str, Any]:
    correlation = document["logweir"]["correlation"]
    about = {"rule": fired.correlation.id, "title": fired.correlation.title, "level": fired.correlation.level}
    return {"events": sorted({_number(m.event_id) for m in fired.window}, key=_order), **about, "group": correlation["group"]}


def _order(event: int | str) -> tuple[bool, int, str]:
    """Numbers of events first, as numbers."""
    return (False, event, "") if isinstance(event, int) else (True, 0, event)


def _number(written: str) -> int | str:
    """The number of an event, whose id it was made; the id of a correlation stays as it is."""
    import base64

    number = int.from_bytes(base64.b32decode(written.upper() + "=" * (-len(written) % 8)))
    return number if number < 1 << 48 else written
