"""Random rules and random events for them: what the rules look for, varied, in documents of many forms. Seeded."""

import json
import random
from collections.abc import Callable
from functools import cache
from typing import Any

from router.detect.folding import fold
from router.detect.matcher import Test, compile_tree
from router.detect.probes import Values
from router.detect.rules import Rule
from router.detect.views import view
from tests.router.detect.rules import read

LETTERS = [
    "a",
    "B",
    "k",
    "K",
    "\u212a",
    "s",
    "S",
    "ſ",
    "ß",
    "ẞ",
    "İ",
    "ı",
    "Σ",
    "ς",
    "σ",
    "É",
    "é",
    "Ⅷ",
    "ⅷ",
    "Ⓐ",
    "日",
    "😀",
    "Ａ",
]
SIGNS = ["-", "/", "–", "\\\\", ".", " ", "=", '"', "{", ":", "+", "1", "0", "\n", "\t", "é", "%"]
FIELDS = ["Image", "CommandLine", "User", "EventID", "Deep.Field", "Hashes", "Details", "process.name", "tags2"]
SOURCES = [
    "{product: windows, category: process_creation}",
    "{product: windows, service: security}",
    "{product: windows}",
    "{product: linux, category: process_creation}",
    "{category: webserver}",
    "{product: logweir}",
    "{product: acme, service: vpn}",
]
REGEXES = [
    r"a+b", r"(?i)kS", r"\d{2,}", r"^x.*y$", r"\bcmd\b", r"(foo|bar)baz", r"a.c", r"[Kk]s", r"\s-[eE]\s", r"\w+`", r"(?i)straße",
    r"^$", r"a?b?c?", r"(ab){2}", r"[^a]b", r"\x41", r"[[:alpha:]]1", r"\pL9", r"1|2", r"(?s:a.b)", r"\.exe\z", r"é", r"{$", r".{30,}",
]  # fmt: skip
EVENTS = [
    {"winlog": {"channel": "Microsoft-Windows-Sysmon/Operational", "event_id": "1"}},
    {"winlog": {"channel": "Security", "event_id": 4688}},
    {"winlog": {"channel": "Security", "event_id": "4624"}, "event": {"dataset": "windows.security", "category": ["process"]}},
    {"Channel": "Security", "EventID": 4688},
    {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 12, "EventType": "CreateKey"},
    {"event": {"dataset": "auditd.log", "category": ["process"], "type": ["start"]}},
    {"event": {"dataset": "nginx.access"}},
    {"event": {"dataset": "acme.vpn", "action": "go", "original": "as it came"}},
]


class World:
    """A source of rules and events that have to do with each other."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.texts: list[str] = []

    def rules(self, count: int) -> list[Rule]:
        return [read(self._rule(n)) for n in range(count)]

    def _rule(self, n: int) -> str:
        pick = self.random.choice
        selections = {f"s{i}": self._selection() for i in range(self.random.randint(1, 3))}
        names = list(selections)
        condition = pick([" and ", " or ", " and not "]).join(pick(["{}", "{}", "not {}"]).format(name) for name in names)
        detection = {**selections, "condition": condition}
        return f"title: r{n}\nlogsource: {pick(SOURCES)}\ndetection: {json.dumps(detection, ensure_ascii=False)}\n"

    def _selection(self) -> Any:
        chance = self.random.random()
        if chance < 0.12:
            return [self._plain() or "x" for _ in range(self.random.randint(1, 3))]
        if chance < 0.16:
            return {"|re": self.random.choice(REGEXES)}
        return dict(self._item() for _ in range(self.random.randint(1, 3)))

    def _item(self) -> tuple[str, Any]:
        field, kind = self.random.choice(FIELDS), self.random.choice(list(_ITEMS))
        return _ITEMS[kind](self, field)

    def _plain(self) -> str:
        text = "".join(self.random.choice(LETTERS + SIGNS) for _ in range(self.random.randint(1, 5)))
        self.texts.append(text.replace("\\\\", "\\"))
        return text

    def _pattern(self) -> str:
        return "".join(self.random.choice(["*", "?", self._plain(), self._plain()]) for _ in range(self.random.randint(1, 4)))

    def _several(self, make: Callable[[], Any]) -> Any:
        return make() if self.random.random() < 0.5 else [make() for _ in range(self.random.randint(1, 4))]

    def events(self, count: int) -> list[tuple[dict[str, Any], bytes]]:
        return [self._event() for _ in range(count)]

    def _event(self) -> tuple[dict[str, Any], bytes]:
        event = json.loads(json.dumps(self.random.choice(EVENTS)))
        for field in self.random.sample(FIELDS, self.random.randint(0, 6)):
            self._put(event, field, self._value())
        raw = self.random.choice(
            [b"", b"", b'{"a": 1}', self._text().encode("utf-8", "replace"), b"<13>1 " + b"\xff\xc5", b"<a>x</a>"]
        )
        return event, raw

    def _put(self, event: dict[str, Any], field: str, value: Any) -> None:
        """At one of the places where a view may find it, in one of the forms that a place may have."""
        place = self.random.choice(["top", "event_data", "dotted", "ecs", "listed", "nested", "odd"])
        if place == "event_data" and isinstance(event.get("winlog"), dict):
            data = event["winlog"].setdefault("event_data", {})
            if isinstance(data, dict):
                data[field] = value
        elif place == "dotted":
            event[f"winlog.event_data.{field}"] = value
        elif place == "ecs":
            event.setdefault("process", {"executable": value, "command_line": self._value(), "name": value})
        elif place == "listed":
            event.setdefault("Deep", [{"Field": value}, {"Field": self._value()}, 3])
        elif place == "nested":
            event.setdefault("Deep", [[{"Field": value}, None], {"Field": self._value()}, [[{"Field": [self._value()]}]]])
        elif place == "odd" and isinstance(event.get("winlog"), dict):
            event["winlog"]["event_data"] = self.random.choice([None, "text", [{field: value}], {}])
        else:
            event[field] = value

    def _value(self) -> Any:
        pick = self.random.choice
        scalar = [
            self._text,
            self._text,
            self._text,
            lambda: pick([None, "", 0, 1, 1.0, 0.0, True, False, 4688, 4688.0, "4688", -3, 1e16]),
        ]
        listed: list[Callable[[], object]] = [
            lambda: [pick(scalar)() for _ in range(self.random.randint(0, 3))],
            lambda: [[self._text()], None],
            lambda: {"k": self._text()},
        ]
        special: list[Callable[[], object]] = [
            lambda: pick(
                ["10.1.2.3", "::1", "2026-11-29T12:30:00Z", "1700000000", "12.50", "1e2", "\ud800x", "x" * 5000 + self._text()]
            )
        ]
        return pick(scalar * 4 + listed + special)()

    def _text(self) -> str:
        """Something that rules look for, with its case changed and other things around it; or anything."""
        pick = self.random.choice
        text = pick(self.texts) if self.texts and self.random.random() < 0.8 else "".join(pick(LETTERS) for _ in range(4))
        text = pick([str, str, str.upper, str.lower, str.swapcase, str.casefold, fold])(text)  # type: ignore[operator]  # each makes text of text
        around = ["", "", "x", "cmd ", "foobaz", " -e ", "\n", "K", "ab", "`", "\u212a", "c.exe"]
        return pick(around) + text + pick(around) + (pick(self.texts) if self.texts and self.random.random() < 0.3 else "")


def oracle(rules: list[Rule], event: dict[str, Any], raw: bytes) -> list[Rule]:
    """What the slow matcher says, rule by rule."""
    values = Values(event, raw)
    return [rule for rule in rules if _slow(rule)(values)]


@cache
def _slow(rule: Rule) -> Test:
    return compile_tree(rule.tree, view(rule.logsource, rule.taxonomy))


def _strings(modifiers: str, world: World, field: str) -> tuple[str, Any]:
    return field + modifiers, world._several(world._plain)


_ITEMS: dict[str, Callable[[World, str], tuple[str, Any]]] = {
    "eq": lambda w, f: _strings("", w, f),
    "wild": lambda w, f: (f, w._several(w._pattern)),
    "wild cased": lambda w, f: (f + "|cased", w._several(w._pattern)),
    **{
        name: lambda w, f, name=name: _strings(f"|{name}", w, f)  # type: ignore[misc]  # bound
        for name in (
            "contains",
            "startswith",
            "endswith",
            "contains|all",
            "contains|cased",
            "endswith|cased",
            "cased",
            "windash|contains",
        )
    },
    "neq": lambda w, f: (f + "|neq", w._plain()),
    "base64offset": lambda w, f: (f + "|base64offset|contains", "foo"),
    "wide": lambda w, f: (f + "|wide|base64offset|contains", "ab"),
    "re": lambda w, f: (
        f + w.random.choice(["|re", "|re|i", "|re|s", "|re|m", "|re|i|s"]),
        w._several(lambda: w.random.choice(REGEXES)),
    ),
    "cidr": lambda w, f: (f + "|cidr", w._several(lambda: w.random.choice(["10.0.0.0/8", "::/64", "10.1.2.3/32"]))),
    "number": lambda w, f: (f, w.random.choice([0, 1, True, False, 4688, "4688", 1.5])),
    "compare": lambda w, f: (f + "|" + w.random.choice(["lt", "lte", "gt", "gte"]), w.random.choice([1, 12.5, 100, 4688])),
    "time": lambda w, f: (f + w.random.choice(["|hour|gte", "|day", "|month|lt"]), 11),
    "null": lambda w, f: (f, None),
    "empty": lambda w, f: (f, ""),
    "exists": lambda w, f: (f + "|exists", w.random.choice([True, False])),
    "fieldref": lambda w, f: (
        f + "|fieldref" + w.random.choice(["", "|contains", "|startswith", "|endswith"]),
        w.random.choice(FIELDS),
    ),
}
