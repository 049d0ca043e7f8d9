"""Texts for which one atom is true: fragments that a value is then put together from."""

import random
import re
from ipaddress import ip_network
from typing import Any, NamedTuple

from router.detect.ir import Atom, Wild

_FILL = "abcXYZ019 _.\\"
_WORD, _DIGIT, _SPACE = "abz_09", "0123456789", " \t"


class Fragment(NamedTuple):
    """A piece of a value, and whether it has to stand at its start or end."""

    text: str
    start: bool
    end: bool


def fragment(atom: Atom, chance: random.Random) -> Fragment | None:
    """A text that makes an atom of one text true; None for kinds that are not about a text (null, exists, fieldref)."""
    payload: Any = atom.payload
    match atom.kind:
        case "eq":
            return Fragment(payload, True, True)
        case "contains":
            return Fragment(payload, False, False)
        case "startswith":
            return Fragment(payload, True, False)
        case "endswith":
            return Fragment(payload, False, True)
        case "wild":
            return _wild(payload, chance)
        case "re":
            source, flags = payload
            return _regex(source, flags, chance)
        case "cidr":
            network = ip_network(payload)
            return Fragment(str(network[chance.randrange(min(network.num_addresses, 1 << 32))]), True, True)
        case "num":
            return Fragment(_number(payload[0], payload[1], chance), True, True)
        case "time":
            return Fragment(_moment(payload[0], payload[1], payload[2], chance), True, True)
        case "empty":
            return Fragment("", True, True)
    return None


def filler(chance: random.Random, most: int = 6) -> str:
    """Any text."""
    return "".join(chance.choices(_FILL, k=chance.randint(0, most)))


def _wild(pattern: tuple[str | Wild, ...], chance: random.Random) -> Fragment:
    first, last = pattern[0] is Wild.MANY, pattern[-1] is Wild.MANY
    inner = pattern[first : len(pattern) - last]
    texts = [p if isinstance(p, str) else filler(chance, 3) if p is Wild.MANY else chance.choice(_FILL) for p in inner]
    return Fragment("".join(texts), not first, not last)


def _number(operator: str, wanted: Any, chance: random.Random) -> str:
    step = {"lt": -1, "gt": 1}.get(operator, 0)
    away = chance.choice((0, 0, 3)) * {"lt": -1, "lte": -1, "gt": 1, "gte": 1}.get(operator, 0)
    return f"{wanted + step + away:f}"


def _moment(unit: str, operator: str, wanted: Any, chance: random.Random) -> str:
    at = {"year": 2026, "month": 5, "day": 9, "hour": 4, "minute": 7}
    number = int(_number(operator, wanted, random.Random(0)))
    if unit == "week":
        return f"2026-W{number:02d}-{chance.randint(1, 7)}"
    at[unit] = number
    return "{year:04d}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:00Z".format(**at)


def _regex(source: str, flags: str, chance: random.Random) -> Fragment:
    """A text in which a regular expression is found; the judge says whether it is."""
    try:
        parsed: Any = re._parser.parse(source, sum(getattr(re, f.upper()) for f in flags))  # type: ignore[attr-defined]  # private
    except (re.error, OverflowError):
        return Fragment("", False, False)
    sampler = _Sampler(chance)
    text = sampler.sequence(parsed)
    return Fragment(text, sampler.starts, sampler.ends)


class _Sampler:
    """Walks the parse tree of Python's `re`; RE2's own syntax that Python lacks gives texts that the judge then refuses."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self.starts, self.ends = chance, False, False

    def sequence(self, items: Any) -> str:
        return "".join(self._item(str(kind), argument) for kind, argument in items)

    def _item(self, kind: str, argument: Any) -> str:
        match kind:
            case "LITERAL":
                return chr(argument)
            case "NOT_LITERAL":
                return next(c for c in "x-0" if ord(c) != argument)
            case "ANY":
                return self._chance.choice("x-1 ")
            case "IN":
                return self._one_of(argument)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, inner = argument
                times = self._chance.randint(least, min(int(most), least + 2))
                return "".join(self.sequence(inner) for _ in range(times))
            case "SUBPATTERN" | "ATOMIC_GROUP":
                return self.sequence(argument[-1] if kind == "SUBPATTERN" else argument)
            case "BRANCH":
                return self.sequence(self._chance.choice(argument[1]))
            case "AT":
                return self._at(str(argument))
        return ""

    def _at(self, where: str) -> str:
        self.starts |= where in ("AT_BEGINNING", "AT_BEGINNING_STRING")
        self.ends |= where in ("AT_END", "AT_END_STRING")
        return ""

    def _one_of(self, choices: Any) -> str:
        negated = str(choices[0][0]) == "NEGATE"
        inside = [c for kind, argument in choices[negated:] for c in self._members(str(kind), argument)]
        if not negated:
            return self._chance.choice(inside)
        return next((c for c in "xQ7-_ .,~ü" if c not in inside), "§")

    def _members(self, kind: str, argument: Any) -> str:
        if kind == "LITERAL":
            return chr(argument)
        if kind == "RANGE":
            low, high = argument
            return "".join(map(chr, range(low, min(high, low + 128) + 1)))
        positive = {"DIGIT": _DIGIT, "SPACE": _SPACE, "WORD": _WORD}
        name = str(argument).removeprefix("CATEGORY_")
        if name in positive:
            return positive[name]
        others = "-.x7 "
        return "".join(c for c in others if c not in positive[name.removeprefix("NOT_")] + ("x" if "WORD" in name else ""))
