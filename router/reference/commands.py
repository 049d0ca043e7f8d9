"""The page of the command line."""

from collections.abc import Iterator
from typing import Any

from router.reference.markdown import code, table


def commands_page(command: Any, name: str) -> str:
    """Every command below a group (a click one, as typer makes it), with its arguments and options."""
    parts = [f"# Commands\n\n{command.help}\n\nExit codes: 0 good, 1 failed, 2 what a person wrote is wrong.\n"]
    return "\n".join([*parts, *_sections(command, name)])


def _sections(group: Any, name: str) -> Iterator[str]:
    for word, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _sections(command, f"{name} {word}")
        else:
            yield _section(command, f"{name} {word}")


def _section(command: Any, name: str) -> str:
    parameters = [p for p in command.params if not getattr(p, "hidden", False) and p.name != "help"]
    usage = " ".join([name, *(_usage(p) for p in parameters if p.param_type_name == "argument")])
    rows = (_row(p) for p in parameters)
    return f"## `{usage}`\n\n{command.help}\n\n" + table(("argument or option", "default", "what it is"), rows)


def _usage(parameter: Any) -> str:
    word = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
    return word if parameter.required else f"[{word}]"


def _row(parameter: Any) -> tuple[str, str, str]:
    if parameter.param_type_name == "argument":
        words = code(parameter.name.upper())
    else:
        words = ", ".join(code(o) for o in (*parameter.opts, *parameter.secondary_opts))
    return words, _default(parameter), parameter.help or ""


def _default(parameter: Any) -> str:
    if parameter.required:
        return "needed"
    if parameter.default is None or parameter.default is False or callable(parameter.default):
        return ""
    return code(parameter.default) if str(parameter.default) else ""
