"""The command line: one function a command, grouped by file; heavy imports happen inside the command that needs them."""

import os
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from router import __version__
from router.cli import backtest, demonstrate, detect, files, letters, mend, normalize, replay, rules, run, status
from router.errors import ConfigError, LogweirError

_PLAIN = {
    "Value error, ": "",
    "Input should be greater than or equal to": "must be at least",
    "Input should be less than or equal to": "must be at most",
    "Input should be a valid integer, unable to parse string as an integer": "must be a whole number",
    "Input should be a valid number, unable to parse string as a number": "must be a number",
}
"""How the command line's own checks begin, and how everything else here says it."""


class _Commands(TyperGroup):
    """The commands; a mistake in one's options is told in the product's words."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            for begin, plain in _PLAIN.items():
                error.message = error.message.replace(begin, plain)
            raise


app = typer.Typer(
    name="logweir",
    cls=_Commands,
    help="The SIEM and SOAR log router: any forwarder in, a durable log between, every tool fed at its own pace.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (run, status, files, normalize, detect, rules, backtest, demonstrate, letters, replay, mend):
    module.register(app)


@app.command()
def version(short: Annotated[bool, typer.Option(help="Only the number.")] = False) -> None:
    """Print the version."""
    typer.echo(__version__ if short else f"logweir {__version__} (Python {sys.version.split()[0]})")


def main() -> None:
    """Run a command. Exit codes: 0 good, 1 failed, 2 what a person wrote is wrong."""
    _open_streams()
    try:
        app()
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except (LogweirError, OSError, ExceptionGroup) as error:
        code = 0
        for one in _leaves(error):
            code = max(code, _told(one))
        sys.exit(code)


def _open_streams() -> None:
    """Standard streams that whoever started us has closed are as good as /dev/null."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 (until the process ends)


def _leaves(error: Exception) -> Iterator[Exception]:
    """The errors inside a group, which a failing task group makes of what it raises."""
    if not isinstance(error, ExceptionGroup):
        yield error
        return
    for inner in error.exceptions:
        yield from _leaves(inner)


def _told(error: Exception) -> int:
    """Say it on standard error; the exit code that it means. What nobody foresaw is raised again."""
    if isinstance(error, ConfigError):
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        return 2
    if isinstance(error, LogweirError):
        typer.echo(f"logweir: {error}", err=True)
        return 1
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename is not None else ""
        remedy = "check path and rights" if place else "check disk and network"
        typer.echo(f"logweir: {place}{error.strerror or error}; {remedy}", err=True)
        return 1
    raise error
