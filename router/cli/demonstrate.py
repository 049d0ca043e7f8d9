"""Commands that show Logweir at work: demo and generate."""

import asyncio
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from router.errors import ConfigError, Problem


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(demo)
    app.command()(generate)


def demo(
    seconds: Annotated[float, typer.Option(min=0, help="Stop by itself after so many seconds; 0: run until Ctrl-C.")] = 0,
    summary: Annotated[Path | None, typer.Option(help="Write the final balance to this file, as JSON.")] = None,
    rate: Annotated[float, typer.Option(min=1, help="Made-up events a second.")] = 500,
    seed: Annotated[int, typer.Option(help="Same seed, same telemetry.")] = 7,
) -> None:
    """Run Logweir on the embedded log with made-up telemetry and stand-ins for Elasticsearch, Splunk and QRadar."""
    from rich.console import Console

    from router.cli.run import run_loop
    from router.demo.performance import Demonstration, write_summary
    from router.demo.view import View
    from router.telemetry import configure_logging
    from router.tuning import tune

    if summary is not None:
        summary.touch()  # a place that cannot be written to is told now, not when all is done
    configure_logging("critical")
    tune()
    console = Console()
    performance = Demonstration(seconds=seconds, rate=rate, seed=seed)
    result = run_loop(performance.run(lambda titles: View(console, titles)))
    print_balance(console, result)
    if summary is not None:
        write_summary(result, summary)
    sys.exit(0 if result["balanced"] else 1)


def print_balance(console: Any, summary: dict[str, Any]) -> None:
    """received = written + dead-lettered + left out, per sink."""
    received = sum(summary["received"].values())
    console.print(f"\nsent {summary['sent']}, received {received}, documents {summary['documents']}, alerts {_alerts(summary)}")
    for name, sink in summary["sinks"].items():
        verdict = "balanced" if sink["balanced"] else "NOT BALANCED"
        parts = f"{sink['written']} written + {sink['dead_lettered']} dead-lettered + {sink['left_out']} left out"
        arrived = f"; {sink['arrived']} arrived"
        console.print(f"  {name:<8} {sink['received']} received = {parts}{arrived}: {verdict}", highlight=False, soft_wrap=True)
    console.print("every event is accounted for" if summary["balanced"] else "NOT every event is accounted for", style="bold")


def _alerts(summary: dict[str, Any]) -> int:
    return sum(alert["count"] for alert in summary["alerts"])


def generate(
    to: Annotated[str, typer.Option(help="-, tcp://HOST:PORT, udp://HOST:PORT or hec+http://HOST:PORT?token=TOKEN.")] = "-",
    rate: Annotated[float, typer.Option(min=0.1, help="Messages a second.")] = 100,
    count: Annotated[int, typer.Option(min=0, help="Stop after so many; 0: run until Ctrl-C.")] = 0,
    seed: Annotated[int, typer.Option(help="Same seed, same telemetry.")] = 7,
    format: Annotated[list[str] | None, typer.Option(help="Only these formats; repeatable.")] = None,
    attack_every: Annotated[int, typer.Option(min=0, help="About one attack in so many messages; 0: none.")] = 1500,
) -> None:
    """Make believable telemetry: hosts, users and attacks in the real wire formats."""
    from router.generate import FORMATS, World, messages
    from router.generate.send import pour, target
    from router.registry import nearest

    wrong = [f for f in format or () if f not in FORMATS]
    if wrong:
        raise ConfigError([Problem("--format", 1, "", f"no format {f!r}", nearest(f, FORMATS)) for f in wrong])
    stream = messages(World(seed), time.time(), rate, format or FORMATS, attack_every)
    receiver = target(to, sys.stdout.buffer)

    async def send() -> int:
        try:
            return await pour(islice(stream, count) if count else stream, receiver, rate=rate, stop=asyncio.Event())
        finally:
            await receiver.close()

    try:
        sent = asyncio.run(send())
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        raise
    except PermissionError as error:
        raise ConfigError([Problem("--to", 1, "", f"{to.partition('?')[0]}: {error}", "correct the token")]) from error
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigError(
            [Problem("--to", 1, "", f"{to.partition('?')[0]}: {why}", "check that the receiver listens there")]
        ) from error
    if to != "-":
        typer.echo(f"sent {sent} messages to {to.partition('?')[0]}")
