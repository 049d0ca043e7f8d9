"""The command line: one function a command, grouped by file; heavy imports happen inside the command that needs them."""

import sys
from typing import Annotated

import typer

from router import __version__
from router.cli import backtest, demonstrate, detect, files, letters, normalize, replay, rules, run, status
from router.errors import ConfigError, LogweirError

app = typer.Typer(
    name="logweir",
    help="The SIEM and SOAR log router: any forwarder in, a durable log between, every tool fed at its own pace.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (run, status, files, normalize, detect, rules, backtest, demonstrate, letters, replay):
    module.register(app)


@app.command()
def version(short: Annotated[bool, typer.Option(help="Only the number.")] = False) -> None:
    """Print the version."""
    typer.echo(__version__ if short else f"logweir {__version__} (Python {sys.version.split()[0]})")


def main() -> None:
    """Run a command. Exit codes: 0 good, 1 failed, 2 what a person wrote is wrong."""
    try:
        app()
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        sys.exit(2)
    except LogweirError as error:
        typer.echo(f"logweir: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
