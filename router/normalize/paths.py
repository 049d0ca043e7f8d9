"""Reading a path through lists, by a function made for it: `reader(path)(node)` is `dig(node, path)` at less cost."""

from collections.abc import Callable
from functools import cache
from itertools import chain
from typing import Any, TypeAlias

from router.normalize.expressions import Path
from router.normalize.runtime import dig

Reader: TypeAlias = Callable[[Any], Any]


def lists_at(path: Path) -> int:
    """Where a path first goes through a list; its length where it goes through none."""
    return next((n for n, step in enumerate(path) if type(step) is int or step == "*"), len(path))


@cache
def reader(path: Path) -> Reader:
    """What reads it from any value."""
    at = lists_at(path)
    if at:
        return _below(path[:at], path[at:])
    first, tail = path[0], path[1:]
    if lists_at(tail) < len(tail):
        return _collected(tail, path) if first == "*" else lambda node: dig(node, path)
    if first == "*":
        return _made(f"lambda n: ([v for i in n if {_reached(tail)}] or None) if type(n) is list else dig(n, path)", path)
    item = f"(v if {_reached(tail, f'n[{first}]')} else None)"
    return _made(f"lambda n: {item} if type(n) is list and len(n) > {first} else dig(n, path)", path)


def _reached(tail: Path, start: str = "i") -> str:
    """Code: is there something at these keys below the item? It is left in `v`."""
    node, tests = start, list[str]()
    for n, key in enumerate(tail):
        tests.append(f"type(t{n} := {node}) is dict")
        node = f"t{n}.get({key!r})"
    return " and ".join([*tests, f"(v := {node}) is not None"])


def _made(source: str, path: Path) -> Reader:
    made: Reader = eval(source, {"dig": dig, "path": path})
    return made


def _below(keys: Path, rest: Path) -> Reader:
    """Keys of objects first, then what goes through a list."""
    if not rest:
        return lambda node: dig(node, keys)
    read = reader(rest)

    def below(node: Any) -> Any:
        for key in keys:
            if type(node) is not dict:
                return None
            node = node.get(key)
        return read(node)

    return below


def _collected(tail: Path, path: Path) -> Reader:
    """Every item of a list, and the lists in it."""
    read = reader(tail)
    flat = "*" in tail

    def collected(node: Any) -> Any:
        if type(node) is not list:
            return dig(node, path)
        found = [value for item in node if (value := read(item)) is not None]
        return (list(chain.from_iterable(found)) if flat else found) or None

    return collected
