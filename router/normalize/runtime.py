"""What generated code calls. Small, total functions: none of them raises, whatever the record holds."""

from collections.abc import Callable, Collection, Iterable
from itertools import chain
from typing import Any

from router.batch import Event
from router.normalize import coerce

MISSING: dict[str, Any] = {}
"""Stands for an object that is not there; never written to."""


def dig(node: Any, path: Iterable[str | int]) -> Any:
    """Follow a path through objects and lists; `*` collects from every item of a list, of lists within into one."""
    steps = iter(path)
    for step in steps:
        if type(node) is dict:
            node = node.get(str(step) if type(step) is int else step)
        elif type(node) is list:
            if step == "*":
                rest = tuple(steps)
                found = [item for item in (dig(item, rest) for item in node) if item is not None]
                return (list(chain.from_iterable(found)) if "*" in rest else found) or None
            if type(step) is not int or not 0 <= step < len(node):
                return None
            node = node[step]
        else:
            return None
    return node


def below(node: Any, key: str) -> dict[str, Any]:
    """The object under a key, or an empty one that must not be written to."""
    found = node.get(key)
    return found if type(found) is dict else MISSING


def child(node: dict[str, Any], key: str) -> dict[str, Any]:
    """The object under a key, made when it is not there. Something else in its place is moved below it as `value`."""
    found = node.get(key)
    if type(found) is dict:
        return found
    made: dict[str, Any] = {} if found is None else {"value": found}
    node[key] = made
    return made


def extend(node: dict[str, Any], key: str, values: Iterable[Any]) -> None:
    """Append to a list field what it does not hold yet."""
    held = node.get(key)
    if type(held) is not list:
        held = node[key] = [] if held is None else [held]
    for value in values:
        if value not in held:
            held.append(value)


def unset(out: Event, path: tuple[str, ...]) -> None:
    """Take a field out again."""
    node = dig(out, path[:-1])
    if type(node) is dict:
        node.pop(path[-1], None)


def among(value: Any, choices: frozenset[Any]) -> bool:
    """Is the value, or any item of the list, one of these?"""
    kind = type(value)
    if kind is str or kind is int or value is None:
        return value in choices
    if kind is bool:
        return ("true" if value else "false") in choices
    if kind is list:
        return any(among(item, choices) for item in value)
    return kind is not dict and coerce.text(value) in choices


def any_text(value: Any, test: Callable[[str], bool]) -> bool:
    """Does the test hold for the text of the value, or of any item of the list?"""
    if type(value) is str:
        return test(value)
    if type(value) is list:
        return any(any_text(item, test) for item in value)
    text = coerce.text(value)
    return text is not None and test(text)


def compares(value: Any, test: Callable[[float], bool]) -> bool:
    """Does the test hold for the number?"""
    number = coerce.real(value)
    return number is not None and test(number)


def empty(value: Any) -> bool:
    """Absent, or says nothing."""
    return not value and value != 0


def many(line: Any, field: str, names: Any, convert: Callable[[Any], Any], value: Any) -> list[Any]:
    """The items of an array field in its type; a doubt is noted when some are not."""
    good, complete = coerce.each(convert, value)
    if not complete:
        line.fail(field, names)
    return good


def written(line: Any, convert: Callable[[Any], Any], value: Any, field: str, names: Any) -> Any:
    """A value of another type than text in that of its field; None, and a doubt, where it does not fit."""
    found = convert(value)
    if found is None:
        line.fail(field, names)
    return found


def restore(rest: dict[str, Any], src: Any, path: tuple[Any, ...]) -> None:
    """Put the original value of a source path back among what is left over."""
    value = dig(src, path)
    if value is None:
        return
    node = rest
    for step in path[:-1]:
        node = child(node, str(step))
    node[str(path[-1])] = value


def merge(held: dict[str, Any], more: dict[str, Any]) -> None:
    """Add what is left over to an object; where both hold something, the mapped value stands and the other goes to `_rest`."""
    if held.keys().isdisjoint(more.keys()):
        held.update(more)
        return
    for key, value in more.items():
        if key not in held:
            held[key] = value
        elif type(held[key]) is dict and type(value) is dict:
            merge(held[key], value)
        elif held[key] != value:
            child(held, "_rest")[key] = value


def place(out: Event, path: Collection[str], rest: dict[str, Any]) -> None:
    """Attach what is left over under the vendor's namespace."""
    *parents, leaf = path
    node: dict[str, Any] = out
    for parent in parents:
        node = child(node, parent)
    held = node.get(leaf)
    if type(held) is dict:
        merge(held, rest)
    else:
        node[leaf] = rest
