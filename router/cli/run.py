"""`logweir run` and `logweir setup`: the service, and the preparation of its destinations."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from router import hangups, rule_topic
from router.config import SINKS, Config, load
from router.errors import ConfigError, LogweirError, Problem
from router.reload import Reload, State, configuration_state, rules_state
from router.share import DRAINED, mine
from router.topology import ROLES, Content, Role, assembled, chosen_sinks, opened, renew

ConfigFile = Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")]

_LEVELS = ("debug", "info", "warning", "error")


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(run)
    app.command()(setup)


def run(
    config: ConfigFile = Path("logweir.yaml"),
    role: Annotated[list[str] | None, typer.Option(help=f"Run only this stage; repeatable. One of {', '.join(ROLES)}.")] = None,
    sink: Annotated[list[str] | None, typer.Option(help="With the role deliver: only this sink; repeatable.")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    log_text: Annotated[bool, typer.Option("--log-text", help="Readable log lines instead of JSON.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Reload when the configuration or a rule file changes.")] = False,
) -> None:
    """Run the router until SIGTERM, which drains; a second one stops at once. SIGHUP reloads rules and configuration."""
    from router.telemetry import configure_logging
    from router.tuning import load_undisturbed, tune

    configure_logging(_level(log_level), json=not log_text)
    hangups.remember()  # until the loop listens to it
    before = configuration_state(config)
    settings, roles = load(config), _roles(role or [])
    sinks = chosen_sinks(settings, sink or [])
    _refuse_idle(settings, roles, sink or [])
    if settings.workers > 1 and not mine().is_one_of_several:
        _supervise(settings, ["run", *_words(config, roles, sink or [], log_level, log_text=log_text, watch=watch)])
    load_undisturbed()
    if settings.rules.topic:
        asyncio.run(rule_topic.fetch_once(settings))
    watched = (*before, *rules_state(settings)) if watch or settings.rules.topic else None
    main = _serve(config, settings, Content(settings, roles), roles, sinks, watched)
    tune()
    if run_loop(main) and mine().is_one_of_several:
        sys.exit(DRAINED)


def _words(
    config: Path, roles: Sequence[Role], sinks: Sequence[str], log_level: str, *, log_text: bool, watch: bool
) -> Iterator[str]:
    """The options of `run`, as words."""
    yield from ("--config", str(config), "--log-level", log_level)
    yield from (word for role in roles for word in ("--role", role))
    yield from (word for sink in sinks for word in ("--sink", sink))
    yield from (["--log-text"] if log_text else [])
    yield from (["--watch"] if watch else [])


def _supervise(settings: Config, words: Sequence[str]) -> NoReturn:
    from router.workers import command_line, supervise

    main = supervise(command_line(words), settings.workers, settings.admin.listen, settings.limits.drain_seconds)
    sys.exit(run_loop(main))


def _level(name: str) -> str:
    if name.lower() not in _LEVELS:
        raise typer.BadParameter(f"no level {name!r}; known: {', '.join(_LEVELS)}", param_hint="--log-level")
    return name.lower()


def _roles(names: Sequence[str]) -> list[Role]:
    wrong = [n for n in names if n not in ROLES]
    if wrong:
        raise typer.BadParameter(f"no role {wrong[0]!r}; known: {', '.join(ROLES)}", param_hint="--role")
    return [r for r in ROLES if not names or r in names]


def _refuse_idle(settings: Config, roles: Sequence[Role], sinks: Sequence[str]) -> None:
    """Raises ConfigError where a person asks for something that would do nothing."""
    if sinks and "deliver" not in roles:
        raise ConfigError([Problem("--sink", 1, "", "names what the role deliver does", "add --role deliver, or leave it out")])
    if roles == ["deliver"] and not settings.sinks:
        raise ConfigError([Problem("--role", 1, "", "there is no sink to deliver to", "configure one below `sinks`")])


def run_loop(main: Any) -> Any:
    """Run a coroutine to its end on uvloop, where it is to be had."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)


def run_command(main: Any) -> Any:
    """Run the coroutine of a command that a person waits for: log lines to standard error, Ctrl-C ends it."""
    from router.telemetry import configure_logging

    configure_logging("warning", json=False)
    try:
        return asyncio.run(main)
    except KeyboardInterrupt:
        sys.exit(130)


async def _serve(
    path: Path, settings: Config, content: Content, roles: Sequence[Role], sinks: Sequence[str], watched: State | None
) -> bool:
    """Run it all until it has ended; True if it was told to."""
    from router.serve import UNIX, Service, admin, obey_parent, on_signals
    from router.telemetry import logger

    async with opened(settings) as log, assembled(settings, log, content, roles, sinks) as parts:
        del content  # this frame must not keep rules that were renewed

        async def renewed(config: Config, fresh: Content) -> None:
            await renew(parts, config, fresh, log)

        service = Service(parts, settings.limits.drain_seconds)
        listen = settings.admin.listen
        if mine().is_one_of_several:
            obey_parent(service.leave)
            listen = f"{UNIX}{mine().admin}"
        else:
            on_signals(service.leave)
        reload = Reload(path, settings, renewed, watched=watched)
        async with admin(listen, service) as url, reload.listening(), rule_topic.followed(settings):
            logger("run").info("running", roles=list(roles), parts=[p.name for p in service.parts], admin=url)
            try:
                await service.run()
            except* Exception as group:
                for error in leaves(group):
                    _tell(logger("run"), error)
                raise LogweirError("stopped by a failure; see the log above") from None
    logger("run").info("stopped")
    return service.leaving


def _tell(log: Any, error: BaseException) -> None:
    """What is raised on purpose says all there is to say; of anything else one wants to see where it came from."""
    told = {"error": str(error)} if isinstance(error, LogweirError) else {"error": repr(error), "exc_info": error}
    log.error("a part failed; the process ends", **told)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors inside an exception group."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error


def setup(
    sink: Annotated[str, typer.Argument(help="Only this sink.")] = "",
    config: ConfigFile = Path("logweir.yaml"),
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this nothing is changed.")] = False,
) -> None:
    """Prepare and check the destinations: index templates, lifecycle, indexes, tokens. A dry run unless --apply is given."""
    settings = load(config)
    failed = False
    for name in chosen_sinks(settings, [sink] if sink else []):
        spec = SINKS.spec(settings.sinks[name].kind)
        typer.echo(f"{name} ({settings.sinks[name].kind})" + ("" if spec.setup else ": nothing to prepare"))
        for step in asyncio.run(_prepare(spec.setup, name, settings.sinks[name], apply)) if spec.setup else ():
            failed = failed or step.state == "failed"
            typer.echo(f"  {step.state:<6} {step.text}" + (f"; {step.remedy}" if step.remedy else ""))
    sys.exit(1 if failed else 0)


async def _prepare(prepare: Any, name: str, settings: Any, apply: bool) -> Any:
    return await prepare(name, settings, apply)
