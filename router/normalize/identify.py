"""Which normalizers may be meant: literals in the first kilobyte, and what the receiver knows. Decided before any parsing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from router.normalize.definition import Definition

HEAD = 1024
"""How many characters are looked at."""
_KEYS = frozenset(("contains", "any", "starts", "meta", "sourcetype", "path"))


class Mark(NamedTuple):
    """One item of `identify`: everything in it must hold."""

    contains: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    meta: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Name -> values, in lower case; a trailing * matches the rest."""

    @property
    def weight(self) -> int:
        """How much it says: characters of its literals; what the receiver was told outranks them."""
        return (
            sum(map(len, self.contains))
            + min(map(len, self.any), default=0)
            + max(map(len, self.starts), default=0)
            + 1000 * len(self.meta)
        )

    def holds(self, head: str, meta: Mapping[str, str]) -> bool:
        """Does all of it hold for the first kilobyte and the receiver's facts?"""
        for text in self.contains:
            if text not in head:
                return False
        if self.any and not any(text in head for text in self.any):
            return False
        if self.starts and not head.startswith(self.starts):
            return False
        return not self.meta or all(_told(meta.get(name, ""), values) for name, values in self.meta)

    @property
    def quoted(self) -> bool:
        """Can it hold only where there is a double quote?"""
        return any(
            texts and test('"' in text for text in texts)
            for texts, test in ((self.contains, any), (self.any, all), (self.starts, all))
        )

    def code(self) -> str:
        """The same test as Python text over `h` (the head) and `mark` (this)."""
        tests = [f"{text!r} in h" for text in sorted(self.contains, key=_rarity)]
        if self.any:
            tests.append("(" + " or ".join(f"{text!r} in h" for text in self.any) + ")")
        if self.starts:
            tests.append(f"h.startswith({self.starts!r})")
        return " and ".join(tests) or "True"

    def told(self, name: str) -> str:
        """The test of a mark that asks for what the receiver was told, as text over `h` and `meta`; `name`: of the mark there."""
        never = not all(_told("", values) for _, values in self.meta)
        return f"(meta and {name}.holds(h, meta))" if never else f"{name}.holds(h, meta)"


def _rarity(text: str) -> tuple[int, str]:
    """Long literals first: they are rarely there, and one that is missing ends the test."""
    return -len(text), text


def _told(value: str, values: tuple[str, ...]) -> bool:
    low = value.lower()
    return any(low.startswith(v[:-1]) if v.endswith("*") else low == v for v in values)


Test: TypeAlias = Callable[[str, Mapping[str, str]], bool]
"""Of the head of a payload and of what its receiver was told."""


class Identity(NamedTuple):
    """When a normalizer is a candidate. Higher priority is tried first; negative ones are general and never remembered."""

    marks: tuple[Mark, ...] = ()
    priority: int = 0

    def tester(self) -> "Test":
        """Does any mark hold? The one that held last is asked first: a sender's next line tends to look like its last."""
        if len(self.marks) < 2:
            return self._test(self)
        tests = [self._test(self._replace(marks=(mark,))) for mark in self.marks]
        some, last = self._test(self), tests[0]

        def test(head: str, meta: Mapping[str, str]) -> bool:
            nonlocal last
            if last(head, meta):
                return True
            if not some(head, meta):
                return False
            last = next(test for test in tests if test(head, meta))
            return True

        return test

    @staticmethod
    def _test(identity: "Identity") -> "Test":
        made: Test = eval(f"lambda h, meta: {identity.code('marks')}", {"marks": identity.marks})
        return made

    def code(self, marks: str) -> str:
        """The same test as Python text over `h` and `meta`; `marks`: the name of its marks there."""
        told = [mark.told(f"{marks}[{i}]") for i, mark in enumerate(self.marks) if mark.meta]
        plain = [f"({mark.code()})" for mark in self.marks if not mark.meta]
        return " or ".join(plain + told) or "False"

    @property
    def quoted(self) -> bool:
        """Does every mark ask for a text with a double quote in it?"""
        return all(mark.quoted for mark in self.marks)

    def weigher(self) -> Callable[[str, Mapping[str, str]], int]:
        """What gives the weight of the strongest mark that holds for a head; 0 when none does."""
        ranked = sorted(enumerate(self.marks), key=lambda item: -item[1].weight)
        tests = [(mark.told(f"marks[{i}]") if mark.meta else mark.code(), mark.weight) for i, mark in ranked]
        chain = " else ".join(f"{weight} if {test}" for test, weight in tests)
        made: Callable[[str, Mapping[str, str]], int] = eval(
            f"lambda h, meta: {chain} else 0" if tests else "lambda h, meta: 0", {"marks": self.marks}
        )
        return made


def selector(identities: Sequence[Identity]) -> Callable[[str, Mapping[str, str]], list[int]]:
    """One generated function for all: the places of those of which a mark holds. Lines without quotes skip what asks for one."""
    lines = ["def select(h, meta):", "    found = []", "    add = found.append"]
    for quoted in (False, True):
        blanks = "    "
        if quoted:
            lines.append("    if '\"' in h:")
            lines.append("        pass")
            blanks = "        "
        rows = [(i, identity) for i, identity in enumerate(identities) if identity.quoted == quoted]
        lines += [f"{blanks}if {identity.code(f'marks[{i}]')}: add({i})" for i, identity in rows]
    lines.append("    return found")
    names: dict[str, Any] = {"marks": [identity.marks for identity in identities]}
    exec("\n".join(lines), names)
    made: Callable[[str, Mapping[str, str]], list[int]] = names["select"]
    return made


def read_identity(definition: Definition, formats: set[str]) -> Identity:
    """The `identify` and `priority` of a file."""
    value = definition.value.get("identify")
    items = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
    if value is not None and not items:
        definition.problem(("identify",), "identify is a list of mappings", "write - {contains: ['text']}")
    marks = [
        _mark(definition, item, ("identify", i) if isinstance(value, list) else ("identify",)) for i, item in enumerate(items)
    ]
    priority = definition.value.get("priority", 0)
    if not isinstance(priority, int) or isinstance(priority, bool):
        definition.problem(("priority",), "priority is a whole number", "leave it out, or write -10 for a general normalizer")
        priority = 0
    return Identity(tuple(mark for mark in marks if mark is not None), priority)


def _mark(definition: Definition, item: Any, at: tuple[Any, ...]) -> Mark | None:
    if not definition.check_keys(item, _KEYS, at):
        return None
    meta = dict(item.get("meta", {})) if isinstance(item.get("meta", {}), dict) else {}
    meta |= {key: item[key] for key in ("sourcetype", "path") if key in item}
    mark = Mark(
        tuple(_texts(item.get("contains"))),
        tuple(_texts(item.get("any"))),
        tuple(_texts(item.get("starts"))),
        tuple((str(key), tuple(text.lower() for text in _texts(value))) for key, value in meta.items()),
    )
    if not mark.weight or any(not text for text in (*mark.contains, *mark.any, *mark.starts)):
        definition.problem(at, "an item needs a text to look for", "write {contains: ['text']}")
        return None
    if sum(map(len, (*mark.contains, *mark.any, *mark.starts))) < 3 and not mark.meta:
        definition.problem(at, "the text is too short to tell this source from others", "use a longer literal")
    return mark


def _texts(value: Any) -> Sequence[str]:
    if value is None:
        return ()
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]
