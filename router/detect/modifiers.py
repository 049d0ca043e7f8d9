"""Modifiers: one value of a rule and its chain of modifiers -> the atoms of which one must be true.

Sigma specification 2.1, modifiers appendix: all 31 modifiers and their aliases. A chain that has no exact meaning is refused.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from ipaddress import ip_network
from math import isfinite
from typing import Any

import re2

from router.detect import strings, values
from router.detect.ir import Atom, Pattern, Refused, Wild
from router.registry import nearest

ALIASES = {"ignorecase": "i", "multiline": "m", "dotall": "s", "wide": "utf16le"}
_NUMERIC = ("lt", "lte", "gt", "gte")
_TIME = {"minute": 59, "hour": 23, "day": 31, "week": 53, "month": 12, "year": 9999}
_SIDES = ("contains", "startswith", "endswith")
_UTF16 = ("utf16le", "utf16be", "utf16")
_STRING = ("expand", "windash", *_UTF16, "base64", "base64offset", *_SIDES, "cased")
_FLAGS = ("i", "m", "s")
ITEM = ("all", "neq")
"""Modifiers of the whole item, not of a value."""
KNOWN = tuple(sorted({*_NUMERIC, *_TIME, *_STRING, *_FLAGS, *ITEM, *ALIASES, "exists", "cidr", "re", "fieldref"}))

Placeholders = Mapping[str, Sequence[str]]
MAX_REGEX_BYTES = 4096
"""Of one pattern in a rule, placeholders filled in. RE2 itself bounds what it may take in memory to 8 MiB."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The part before the value: `Image|endswith|all` is field Image, modifiers (endswith,), all True."""

    field: str | None
    modifiers: tuple[str, ...]
    all: bool = False
    neq: bool = False


def parse_key(key: str) -> Chain:
    """Read a key of a selection. Spaces are no part of a field name. Raises Refused."""
    name, *written = key.split("|")
    names = [ALIASES.get(m, m) for m in written]
    for original, modifier in zip(written, names, strict=True):
        if modifier not in KNOWN:
            raise Refused(f"unknown modifier {original!r}", nearest(original, KNOWN))
        if names.count(modifier) > 1:
            raise Refused(f"modifier {original!r} stands twice", "leave one out")
    chain = tuple(m for m in names if m not in ITEM)
    return Chain(name.replace(" ", "") or None, chain, "all" in names, "neq" in names)


def atoms(chain: Chain, value: Any, placeholders: Placeholders) -> list[Atom]:
    """The atoms that one value stands for, of which one must be true. Raises Refused."""
    first = chain.modifiers[0] if chain.modifiers else ""
    if value is not None and not isinstance(value, (str, int, float)):
        remedy = "quote it" if not isinstance(value, (dict, list)) else "use a text, a number, true, false or null"
        raise Refused(f"a value cannot be a {_kind(value)}", remedy)
    if isinstance(value, float) and not isfinite(value):
        raise Refused(f"a value cannot be {value}", "quote it, if a text is meant")
    if value is None:
        return _null(chain)
    special = _SPECIAL.get(first)
    if special is not None:
        return special(chain, value, placeholders)
    misplaced = [m for m in chain.modifiers if m in _SPECIAL or m in _FLAGS]
    if misplaced:
        before = "`re`" if misplaced[0] in _FLAGS else "everything else"
        where = "behind" if misplaced[0] in _FLAGS else "before"
        raise Refused(f"modifier {misplaced[0]!r} must stand {where} {before}", "reorder or remove it")
    return _string(chain, value, placeholders)


def _kind(value: Any) -> str:
    return {"dict": "mapping"}.get(type(value).__name__, type(value).__name__)


def _null(chain: Chain) -> list[Atom]:
    if chain.modifiers or chain.field is None:
        what = f"modifier {chain.modifiers[0]!r}" if chain.modifiers else "a keyword"
        raise Refused(f"{what} cannot take null", "compare with null without modifiers, in a field")
    return [Atom(chain.field, "null", None)]


def _only(chain: Chain, allowed: Sequence[str]) -> None:
    for modifier in chain.modifiers[1:]:
        if modifier not in allowed:
            remedy = f"allowed here: {', '.join(allowed)}" if allowed else "leave one of them out"
            raise Refused(f"modifier {modifier!r} cannot follow {chain.modifiers[0]!r}", remedy)


def _field(chain: Chain) -> str:
    if chain.field is None:
        raise Refused(f"modifier {chain.modifiers[0]!r} needs a field", "write the field's name before the `|`")
    return chain.field


def _exists(chain: Chain, value: Any, _: Placeholders) -> list[Atom]:
    _only(chain, ())
    if not isinstance(value, bool):
        raise Refused(f"`exists` takes true or false, not {value!r}", "write true or false without quotes")
    return [Atom(_field(chain), "exists", value)]


def _fieldref(chain: Chain, value: Any, _: Placeholders) -> list[Atom]:
    _only(chain, _SIDES)
    if not isinstance(value, str) or not value.replace(" ", ""):
        raise Refused("`fieldref` takes the name of a field", "write the other field's name")
    other = strings.plain(strings.parse(value), "`fieldref`").replace(" ", "")
    sides = chain.modifiers[1:]
    mode = "eq" if not sides else sides[0] if len(sides) == 1 else "contains"
    return [Atom(_field(chain), "fieldref", (other, mode))]


def _cidr(chain: Chain, value: Any, _: Placeholders) -> list[Atom]:
    _only(chain, ())
    try:
        network = ip_network(str(value))
    except ValueError as error:
        raise Refused(f"{value!r} is no network: {error}", "write an address and a prefix length, such as 10.0.0.0/8") from error
    return [Atom(_field(chain), "cidr", str(network))]


def _numeric(chain: Chain, value: Any, _: Placeholders) -> list[Atom]:
    _only(chain, ())
    return [Atom(_field(chain), "num", (chain.modifiers[0], _exact(value, chain.modifiers[0])))]


def _exact(value: Any, modifier: str) -> Decimal:
    exact = None if isinstance(value, (bool, str)) else values.number(value)
    if exact is None:
        raise Refused(f"modifier {modifier!r} takes a number, not {value!r}", "write a number without quotes")
    return exact


def _time(chain: Chain, value: Any, _: Placeholders) -> list[Atom]:
    _only(chain, _NUMERIC)
    if len(chain.modifiers) > 2:
        raise Refused(f"two comparisons behind {chain.modifiers[0]!r}", "use two items")
    unit, operator = chain.modifiers[0], (*chain.modifiers, "eq")[1]
    exact = _exact(value, unit)
    low = 0 if unit in ("minute", "hour") else 1
    if exact != exact.to_integral_value() or not low <= exact <= _TIME[unit]:
        raise Refused(f"{value} is no {unit}", f"write a whole number from {low} to {_TIME[unit]}")
    return [Atom(_field(chain), "time", (unit, operator, exact))]


def _regex(chain: Chain, value: Any, placeholders: Placeholders) -> list[Atom]:
    _only(chain, (*_FLAGS, "expand"))
    flags = "".join(flag for flag in _FLAGS if flag in chain.modifiers)
    written = values.text(value)
    patterns = _expanded_regex(written, placeholders) if "expand" in chain.modifiers else [written]
    for pattern in patterns:
        if len(pattern.encode("utf-8", "surrogatepass")) > MAX_REGEX_BYTES:
            raise Refused(f"a regular expression of more than {MAX_REGEX_BYTES} bytes", "split it into several values")
        compile_regex(pattern, flags)
    return [Atom(chain.field, "re", (pattern, flags), cased=True) for pattern in patterns]


def _expanded_regex(pattern: str, placeholders: Placeholders) -> list[str]:
    escaped = {name: [_as_regex(strings.parse(v)) for v in listed] for name, listed in placeholders.items()}
    return list(strings.expanded(pattern, escaped))


def _as_regex(pattern: Pattern) -> str:
    signs = {Wild.MANY: ".*", Wild.ONE: "."}
    return "".join(re2.escape(part) if isinstance(part, str) else signs[part] for part in pattern)


def compile_regex(pattern: str, flags: str) -> Any:
    """RE2 in its own (Perl-like) syntax, UTF-8; classes such as `\\d` are ASCII. Raises Refused for what RE2 has not."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile((f"(?{flags})" if flags else "") + pattern, options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        remedy = "look-around and back-references are not possible" if re.search(r"\(\?[=!<]|\\\d", pattern) else "mend it"
        raise Refused(f"regular expression {pattern!r}: {reason}", remedy) from error


def _string(chain: Chain, value: Any, placeholders: Placeholders) -> list[Atom]:
    written = [value] if isinstance(value, str) else []
    if "expand" in chain.modifiers:
        before = chain.modifiers[: chain.modifiers.index("expand")]
        if not written or not {"cased", *_SIDES}.issuperset(before):
            raise Refused("`expand` must stand before what encodes or varies a text", "make it the first modifier")
        written = list(strings.expanded(value, placeholders))
    patterns: list[Pattern | bytes] = [strings.parse(w) for w in written] or [(values.text(value),)]
    for modifier in chain.modifiers:
        step = _STEPS.get(modifier)
        patterns = [made for pattern in patterns for made in step(pattern)] if step else patterns
    return [_atom(chain.field, strings.merged(_decoded(p)), "cased" in chain.modifiers) for p in patterns]


def _decoded(pattern: Pattern | bytes) -> Pattern:
    """UTF-16 that was not encoded further is compared as characters, a zero byte each: only ASCII has that form as text."""
    if not isinstance(pattern, bytes):
        return pattern
    if any(byte > 0x7F for byte in pattern):
        raise Refused("UTF-16 bytes are no text that a field could hold", "put base64 or base64offset behind it")
    return (pattern.decode("ascii"),)


def _bytes(pattern: Pattern | bytes, purpose: str) -> bytes:
    return pattern if isinstance(pattern, bytes) else strings.plain(pattern, purpose).encode()


def _text_step(make: Callable[[Pattern], Sequence[Pattern]]) -> Callable[[Pattern | bytes], Sequence[Pattern | bytes]]:
    return lambda pattern: make(_decoded(pattern))


def _utf16_step(modifier: str) -> Callable[[Pattern | bytes], Sequence[Pattern | bytes]]:
    return lambda pattern: [strings.wide(strings.plain(_decoded(pattern), f"`{modifier}`"), modifier)]


_STEPS: dict[str, Callable[[Pattern | bytes], Sequence[Pattern | bytes]]] = {
    "windash": _text_step(lambda p: list(strings.dashed(p))),
    "contains": _text_step(lambda p: [strings.open_end(strings.open_start(p))]),
    "startswith": _text_step(lambda p: [strings.open_end(p)]),
    "endswith": _text_step(lambda p: [strings.open_start(p)]),
    "base64": lambda p: [(base64.b64encode(_bytes(p, "`base64`")).decode(),)],
    "base64offset": lambda p: [(t,) for t in strings.base64_offsets(_bytes(p, "`base64offset`"))],
    **{modifier: _utf16_step(modifier) for modifier in _UTF16},
}
_SPECIAL: dict[str, Callable[[Chain, Any, Placeholders], list[Atom]]] = {
    "exists": _exists,
    "fieldref": _fieldref,
    "cidr": _cidr,
    "re": _regex,
    **dict.fromkeys(_NUMERIC, _numeric),
    **dict.fromkeys(_TIME, _time),
}


def _atom(field: str | None, pattern: Pattern, cased: bool) -> Atom:
    """The simplest kind that says the same as a pattern. A keyword may stand anywhere in the message."""
    if field is None:
        if not any(isinstance(p, str) for p in pattern):
            raise Refused("a keyword without a letter is true for every event", "write what to look for")
        pattern = strings.open_end(strings.open_start(pattern))
    match pattern:
        case ():
            return Atom(field, "empty", None)
        case (str(literal),):
            return Atom(field, "eq", literal, cased)
        case (Wild.MANY, str(literal)):
            return Atom(field, "endswith", literal, cased)
        case (str(literal), Wild.MANY):
            return Atom(field, "startswith", literal, cased)
        case (Wild.MANY, str(literal), Wild.MANY):
            return Atom(field, "contains", literal, cased)
        case _:
            return Atom(field, "wild", pattern, cased)
