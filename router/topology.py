"""Config -> parts to run. Pure wiring, and the only module that reaches the plugins."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Literal, TypeAlias, get_args

from router import canary
from router.batch import EVENTS, MATCHES, SIGNALS, Facts
from router.canary import Canaries
from router.config import SINKS, SOURCES, Config, EmbeddedLog, KafkaLog
from router.correlate import unsupported
from router.correlate.loop import Correlate
from router.correlate.renewable import Renewable
from router.deliver import Delivery
from router.deliver.dead_letters import alert_too_large
from router.detect import Options, Ruleset, user_cache
from router.enrich import Enricher
from router.errors import ConfigError, Misconfigured, Problem
from router.ingest._append import Intake
from router.log import open_log, standard_topics
from router.normalize import Catalogue, Hints
from router.process import Process, Stage
from router.protocols import Log, Searchable, Sink, Source
from router.reduce import NoiseRules, Reducer
from router.registry import PeerSettings, SourceSettings, nearest
from router.route import compile_choice
from router.serve import Part
from router.share import mine, turn
from router.telemetry import logger

_log = logger("rules")
_SETTINGS = {"normalize.tz": "process.tz"}
"""Where the configuration has what the catalogue of normalizers is told."""
Role: TypeAlias = Literal["ingest", "process", "correlate", "deliver"]
ROLES: tuple[Role, ...] = get_args(Role)


class Receive:
    """A source, as a part."""

    stage = 1

    def __init__(self, name: str, source: Source, intake: Intake) -> None:
        self.name, self.source = f"source {name}", source
        self._emit = intake.emit_for(name)
        self.ready = source.ready

    async def run(self, stop: asyncio.Event) -> None:
        """Receive until `stop`."""
        await self.source.run(self._emit, stop)


class Content:
    """Every rule of a configuration, loaded and checked: normalizers, detections, noise rules. What the given roles need before
    their first batch is made ready now; what others read of it, when somebody asks."""

    def __init__(self, config: Config, roles: Collection[Role] = ()) -> None:
        problems: list[Problem] = []
        rules = config.rules
        hints = {name: _hints(settings) for name, settings in config.sources.items()}
        try:
            self.catalogue = Catalogue.load(
                rules.normalize, tz=config.process.tz, original=config.process.original, sources=hints, disable=rules.disable
            )
            if "process" in roles:
                self.catalogue.prepare()
        except ConfigError as error:
            problems += error.problems
        try:
            enricher = Enricher(config.process.enrich)
            if enricher and not problems:
                self.catalogue.enrich = enricher
        except ConfigError as error:
            problems += error.problems
        try:
            self.ruleset = Ruleset.load(
                rules.detections(),
                placeholders=rules.placeholders,
                disable=rules.disable,
                builtin=rules.builtin,
                strict=rules.refused == "stop",
                pipelines=rules.pipelines,
                options=Options(rules.engine.cache or user_cache(), rules.engine.memory_mb << 20, background=True),
            )
            problems += [p for c in self.ruleset.correlations for p in unsupported(c, self.ruleset.correlations)]
            for problem in self.ruleset.refused:
                _log.warning("a rule is left out", problem=str(problem))
        except ConfigError as error:
            problems += error.problems
        try:
            self.noise = NoiseRules.load(rules.noise, disable=rules.disable, builtin=rules.builtin)
        except ConfigError as error:
            problems += error.problems
        if problems:
            raise ConfigError(_placed(problem, config) for problem in problems)
        self._tell_of_strangers(rules.disable)

    def _tell_of_strangers(self, disable: Collection[str]) -> None:
        """A warning and no error: rules of a topic, or of a checkout, come and go."""
        for name in sorted({*disable} - self.catalogue.disabled - self.ruleset.disabled - self.noise.disabled):
            known = [*self.catalogue.ids(), *(r.id for r in self.ruleset.rules), *(r.id for r in self.noise.rules)]
            close = get_close_matches(name, known, 1)
            remedy = f"did you mean {close[0]!r}?" if close else "remove it"
            _log.warning("rules.disable names a rule that is not there", name=name, remedy=remedy)


def _placed(problem: Problem, config: Config) -> Problem:
    """A problem of the configuration, found by somebody who has not seen the file, at its line."""
    if problem.file != "configuration" or config.document is None:
        return problem
    path = _SETTINGS.get(problem.path, problem.path)
    source, of_sender, rest = path.partition(".senders.")
    if of_sender:
        network, _, key = rest.rpartition(".")  # an address has dots of its own
        return config.document.problem((*source.split("."), "senders", network, key), problem.text, problem.remedy)
    return config.document.problem(tuple(path.split(".")), problem.text, problem.remedy)


@asynccontextmanager
async def assembled(
    config: Config, log: Log, content: Content, roles: Collection[Role], sinks: Iterable[str]
) -> AsyncIterator[list[Part]]:
    """The parts of the given roles; of `deliver`, the given sinks. Leaving waits for what sources handed over."""
    built: list[Part] = []
    match_partitions = await log.partitions(MATCHES)
    if "process" in roles:
        stage = Stage(content.catalogue, content.ruleset, Reducer(content.noise), match_partitions)
        stage.engine.foresee()
        built.append(Process(log, stage))
        del stage  # as below
    if "correlate" in roles:
        make = partial(Correlate, log, letter=alert_too_large, most_bytes=config.limits.correlations_mb << 20)
        built.append(Renewable(make, content.ruleset.correlations, config.process.lateness_seconds))
    if "deliver" in roles:
        built += [_delivery(config, name, log, content.noise) for name in sinks]
    sources = {n: _joining(s, content.catalogue) for n, s in config.sources.items()}
    del content  # this frame lives as long as the parts, and must not keep rules that were renewed
    if "ingest" not in roles or not config.sources:
        yield built
        return
    async with Intake(log, memory_bytes=config.limits.memory_mb << 20, deadline_seconds=_deadline(config)) as intake:
        built += [_receive(n, s, intake) for n, s in sources.items()]
        if config.canary.enabled:
            built.append(Alone(_canaries(config, intake, roles, sinks)))
        yield built


def _hints(settings: SourceSettings) -> Hints:
    """What is configured for the events of one source."""
    senders = settings.senders if isinstance(settings, PeerSettings) else {}
    return Hints(settings.normalizer, settings.tz, settings.host, tuple((n, s.tz, s.host) for n, s in senders.items()))


def _joining(settings: SourceSettings, catalogue: Catalogue) -> SourceSettings:
    """A source that can join lines and is not told how asks the normalizer that it names."""
    if getattr(settings, "multiline", settings) is not None or not settings.normalizer:
        return settings
    return settings.model_copy(update={"multiline": catalogue.multiline(settings.normalizer)})


async def renew(parts: Iterable[Part], config: Config, content: Content, log: Log) -> None:
    """Give running parts new rules, each between two of its batches. Returns when all work with them.

    Correlations come first and noise rules of sinks last: what `process` writes is then known to whoever reads it.
    """
    parts, match_partitions = list(parts), await log.partitions(MATCHES)
    for correlate in [p for p in parts if isinstance(p, Renewable)]:
        await correlate.renew(content.ruleset.correlations, config.process.lateness_seconds)
    for process in [p for p in parts if isinstance(p, Process)]:
        await asyncio.to_thread(content.catalogue.prepare)
        stage = Stage(content.catalogue, content.ruleset, Reducer(content.noise), match_partitions)
        await asyncio.to_thread(stage.engine.prepare)
        await process.renew(stage)
    for delivery in [p for p in parts if isinstance(p, Delivery) and p.sink_name in config.sinks]:
        delivery.renew(config.sinks[delivery.sink_name].choose, content.noise)


def _deadline(config: Config) -> float:
    return config.log.send_deadline_seconds if isinstance(config.log, KafkaLog) else 30.0


class Alone:
    """A part that one of several workers runs for all."""

    def __init__(self, part: Part) -> None:
        self.name, self.stage, self.ready, self._part = part.name, part.stage, part.ready, part

    async def run(self, stop: asyncio.Event) -> None:
        """Wait for the turn, then run the part."""
        self.ready.set()  # to stand by is all that is asked of it
        async with turn(self.name, stop) as is_ours:
            if is_ours:
                await self._part.run(stop)


def _canaries(config: Config, intake: Intake, roles: Collection[Role], sinks: Iterable[str]) -> Canaries:
    """Sinks are asked that want canaries and can be asked from here: a file only where it is written."""
    here = set(sinks) if "deliver" in roles else set[str]()
    facts = Facts(canary.SOURCE, dataset=canary.DATASET, kind="metric")
    wanting = [n for n, s in config.sinks.items() if "events" in s.read and compile_choice(s.choose)(facts)]
    built = {n: sink_of(config, n) for n in wanting if n in here or config.sinks[n].kind != "file"}
    return Canaries(
        intake.emit_for(canary.SOURCE),
        list(config.sources),
        {name: sink for name, sink in built.items() if isinstance(sink, Searchable)},
        every_seconds=config.canary.every_seconds,
        deadline_seconds=config.canary.deadline_seconds,
    )


def _receive(name: str, settings: SourceSettings, intake: Intake) -> Part:
    spec = SOURCES.spec(settings.kind)
    part = Receive(name, spec.build(name, settings), intake)
    return Alone(part) if spec.alone and mine().is_one_of_several else part


def _delivery(config: Config, name: str, log: Log, noise: NoiseRules) -> Delivery:
    sink = sink_of(config, name)
    if (budget := sink.limits.records_per_second) is not None:
        sink.limits = sink.limits._replace(records_per_second=budget / mine().of)  # all workers together must not spend more
    return Delivery(name, sink, config.sinks[name], log, noise)


def sink_of(config: Config, name: str) -> Sink:
    """A configured sink, built and not yet open."""
    settings = config.sinks[name]
    return SINKS.spec(settings.kind).build(name, settings)


def unbuildable(config: Config) -> list[Problem]:
    """What keeps sources and sinks from being made, certificates that cannot be read among it. Opens no port."""
    problems: list[Problem] = []
    for section, registry, blocks in (("sources", SOURCES, config.sources), ("sinks", SINKS, config.sinks)):
        for name, settings in blocks.items():
            try:
                registry.spec(settings.kind).build(name, settings)
            except ConfigError as error:
                problems += error.problems
            except Misconfigured as error:
                problems.append(_placed(Problem("configuration", 1, f"{section}.{name}", str(error)), config))
    return problems


def chosen_sinks(config: Config, names: Collection[str]) -> list[str]:
    """The sinks to run: those named, or all. Raises ConfigError for a name that is not configured."""
    unknown = [n for n in names if n not in config.sinks]
    if unknown:
        raise ConfigError(
            [Problem("--sink", 1, "", f"no sink {n!r} is configured", nearest(n, list(config.sinks))) for n in unknown]
        )
    return list(dict.fromkeys(names)) or list(config.sinks)


@asynccontextmanager
async def opened(config: Config) -> AsyncIterator[Log]:
    """The log, started and with every topic in place."""
    log = open_log(_for_one_of(config.log))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(log.close)
        await log.start()
        await log.create(standard_topics(config.log))
        await _check_partitions(log)
        yield log


@asynccontextmanager
async def existing(config: Config) -> AsyncIterator[Log]:
    """The log of a router that runs, or ran. Raises ConfigError where there is none: a question must not make one, which might
    then belong to whoever asked."""
    if isinstance(config.log, EmbeddedLog) and not config.log.path.exists():
        text, remedy = f"there is no log at {config.log.path}", "start the router first, or ask where it runs"
        raise ConfigError([_placed(Problem("configuration", 1, "log.path", text, remedy), config)])
    async with opened(replace(config, log=_for_a_command(config.log))) as log:
        yield log


def _for_a_command(settings: EmbeddedLog | KafkaLog) -> EmbeddedLog | KafkaLog:
    """The instance that is configured is the router's. Kafka does not fence: two commands under one name would both get all."""
    return settings if isinstance(settings, EmbeddedLog) else settings.model_copy(update={"instance": ""})


def _for_one_of(settings: EmbeddedLog | KafkaLog) -> EmbeddedLog | KafkaLog:
    """Each worker is a static member of its groups by itself: two with one name would push each other out."""
    share = mine()
    if isinstance(settings, EmbeddedLog) or not settings.instance or not share.is_one_of_several:
        return settings
    return settings.model_copy(update={"instance": f"{settings.instance}-{share.number}"})


async def _check_partitions(log: Log) -> None:
    """Topics that share partition numbers must have the same number of them."""
    for one, other in (("raw", EVENTS), (MATCHES, SIGNALS)):
        here, there = await log.partitions(one), await log.partitions(other)
        if here != there:
            text = f"topics {one} ({here} partitions) and {other} ({there}) must have the same number of partitions"
            remedy = "add partitions to the smaller one; do not delete it: what nobody has read yet lies in it"
            raise ConfigError([Problem("log", 1, "", text, remedy)])
