"""From sample lines to the text of a normalizer file: format, identity, times, mapping, tests; tried before it is handed out."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from router.documents import load_text
from router.errors import ConfigError, Malformed, Problem
from router.normalize.compiler import compile_document
from router.normalize.decoding import decode
from router.normalize.normalizer import Normalizer
from router.normalize.propose.candidates import Candidate, candidates, outcomes
from router.normalize.propose.examples import Example, examples
from router.normalize.propose.forms import Form, form_of
from router.normalize.propose.identity import identity
from router.normalize.propose.lines import joined
from router.normalize.propose.moments import time_of
from router.normalize.propose.written import path_text as _path
from router.normalize.propose.written import quoted as _quoted
from router.normalize.selftest import problems_of
from router.wording import counted

_MOST = 500
"""Lines of the sample that are looked at."""
_LOOKED_AT = 100_000
"""Characters that tell text from other data."""
_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+\Z")


class Draft:
    """The parts of the file; what the compiler does not take is taken out again."""

    def __init__(self, name: str, lines: Sequence[str], first: str = "") -> None:
        """`first`: the pattern of an event's first line, where events have several."""
        self.name, self.lines, self.first = name, lines, first
        self.form: Form = form_of(lines)
        self.identity = identity(lines, self.form, name)
        self.columns = _columns(self.form.records)
        self.times, self.time = time_of(self.columns)
        if self.form.comments:  # W3C: date and time are in UTC
            self.time = self.time.replace("}", ", zone: UTC}")
        self.mapped = candidates({path: values for path, values in self.columns.items() if path not in self.times})
        self.examples: list[Example] = []

    def text(self) -> str:
        """The file."""
        parts = [self._head(), self._mapping(), self._tail()]
        return "".join(parts)

    def _head(self) -> str:
        found = self.identity
        lines = [
            f"id: {self.name}",
            f"title: {self.name} (proposed from {counted(len(self.lines), 'line')}; read it before you use it)",
            "identify:   # one item must hold; the fewer other sources have these literals, the better",
            *[f"  - {_flow(item)}" for item in found],
            *([f"multiline: {{first: '{self.first}'}}"] if self.first else []),
            "parse:",
            *[f"  - {_flow(step)}" for step in self.form.steps],
        ]
        if self.form.each:
            lines.append(f"each: {_quoted(_path([self.form.each]))}")
        if always := self._always_there():
            lines.append("accept: {" + ", ".join(f"{_quoted(_path(p) + '|exists')}: true" for p in always) + "}")
        if self.form.header:
            lines.append(
                f"ignore: {{{_quoted(_path([self.form.header]))}: {_quoted(self.form.header)}}}   # the line of column names"
            )
        values = {value for column in self.columns.values() for value in column if isinstance(value, str)}
        if nulls := [text for text in ("-", "N/A") if text in values]:
            lines.append(f"null_values: [{', '.join(map(_quoted, nulls))}]   # say nothing")
        if self.form.comments:
            lines.append("ignore: {'@raw|startswith': '#'}   # what the file says of itself")
        if self.time:
            lines += ["time:", f"  '@timestamp': {self.time}", "  tz_default: site"]
        lines += self._tables()
        lines += [
            "const: {event.kind: event}   # event.category and event.type decide what dashboards and rules see; set them by cases"
        ]
        return "\n".join(lines) + "\n"

    def _always_there(self) -> list[tuple[str, ...]]:
        """Keys that tell a record of this source; none where other programs' lines have the same ones."""
        if self.form.name in ("application", "access"):
            return []
        return [path for path in self.columns if self._is_always_there(path)][: 2 if self.form.comments else 3]

    def _is_always_there(self, path: tuple[str, ...]) -> bool:
        return sum(v not in (None, "") for v in self.columns[path]) == sum(r is not None for r in self.form.records)

    def _tables(self) -> list[str]:
        rows = ["tables:", f"  outcome: {_flow(outcomes(self.columns))}"]
        return rows if any(c.pipe for c in self.mapped) else []

    def _mapping(self) -> str:
        lines = [_mapped(c) for c in self.mapped]
        if self.form.name == "text":
            lines.append("  message: '@body'")
        return "\n".join(["map:", *lines]) + "\n" if lines else ""

    def _tail(self) -> str:
        known = {c.path for c in self.mapped} | set(self.times)
        rest = [path for path in self.columns if path not in known]
        lines = ["derive: [related]", f"rest: {self.name}"]
        if rest:
            lines.append("# Left under that name until they are mapped:")
            lines += [f"#   {_path(path)}: {_seen(self.columns[path])}" for path in rest[:60]]
        lines.append("tests:")
        lines += [line for example in self.examples for line in example.lines()]
        return "\n".join(lines) + "\n"


def propose(payloads: Iterable[bytes], name: str) -> str:
    """The text of a normalizer named `name` for the source of these payloads. Raises ConfigError where there is none."""
    if not _ID.match(name):
        raise ConfigError([Problem("--name", 1, "", f"{name!r} is no id", "write vendor.product in lower case")])
    lines = _texts(payloads)
    if not lines:
        raise ConfigError([Problem("--init", 1, "", "the sample holds no line that can be read", "give a file with a few lines")])
    if not _are_text(lines):
        raise ConfigError(
            [Problem("--init", 1, "", "the sample is no text", "unpack it first; give lines as the source sends them")]
        )
    draft = Draft(name, *joined(lines))
    normalizer = _settled(draft)
    draft.examples = examples(normalizer, draft.lines, draft.identity[0].get("sourcetype", ""))
    return _checked(draft)


def _texts(payloads: Iterable[bytes]) -> list[str]:
    found: list[str] = []
    for payload in payloads:
        try:
            text, _ = decode(payload)
        except Malformed:
            continue
        if text.strip():
            found.append(text)
        if len(found) == _MOST:
            break
    return found


def _are_text(lines: Sequence[str]) -> bool:
    """Is nearly all of it printable? Packed or encrypted data is not."""
    text = "".join(lines)[:_LOOKED_AT]
    strange = sum(not (char.isprintable() or char.isspace()) or char == "\ufffd" for char in text)
    return strange <= 0.05 * len(text)


def _settled(draft: Draft) -> Normalizer:
    """Compile; leave out what the compiler refuses. Raises ConfigError where that does not end in a normalizer."""
    draft.examples = [Example("a line of the sample", draft.lines[0], {})]
    problems: Sequence[Problem] = ()
    for _ in range(len(draft.mapped) + 2):
        document = load_text(draft.text(), f"{draft.name}.yaml")[0]
        normalizer, problems = compile_document(document, Path("."))
        if normalizer is not None:
            return normalizer
        if not _leave_out(draft, problems):
            break
    raise ConfigError(list(problems))


def _leave_out(draft: Draft, problems: Sequence[Problem]) -> bool:
    """Is there a mapping to blame? Then it is gone."""
    text = " ".join(f"{p.path} {p.text}" for p in problems)
    kept = [c for c in draft.mapped if c.field not in text]
    if len(kept) == len(draft.mapped):
        kept = draft.mapped[:-1]
    is_less = len(kept) < len(draft.mapped)
    draft.mapped = kept
    return is_less


def _checked(draft: Draft) -> str:
    """Examples that would fail are left out; one is always kept."""
    text = draft.text()
    for document in load_text(text, f"{draft.name}.yaml"):
        normalizer, problems = compile_document(document, Path("."))
        if normalizer is None:
            raise ConfigError(problems)
        failing = [bool(problems_of(test, normalizer)) for test in document.value["tests"]]
        if any(failing):
            draft.examples = [e for e, fails in zip(draft.examples, failing, strict=True) if not fails]
    return draft.text()


def _columns(records: Sequence[Any]) -> dict[tuple[str, ...], list[Any]]:
    """The values of every key, nested ones by their path; lists are values."""
    found: dict[tuple[str, ...], list[Any]] = {}
    for record in records:
        for path, value in _leaves(record or {}, ()):
            found.setdefault(path, []).append(value)
    return found


def _leaves(node: dict[str, Any], above: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], Any]]:
    for key, value in node.items():
        path = (*above, str(key))
        if not path[-1].isprintable() or '"' in path[-1]:
            continue
        if isinstance(value, dict) and value and len(path) < 6:
            yield from _leaves(value, path)
        elif not isinstance(value, dict):
            yield path, value


def _mapped(candidate: Candidate) -> str:
    doubt = " (told by its values alone: check)" if candidate.by_value else ""
    return f"  {candidate.field}: {_quoted(_path(candidate.path) + candidate.pipe)}   # {_comment(candidate.example)}{doubt}"


def _comment(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text)


def _seen(values: Sequence[Any]) -> str:
    """A few of the values."""
    different = list(dict.fromkeys(str(v).replace("\n", " ")[:24] for v in values if v not in (None, "")))
    return _comment(", ".join(different[:4]) + (f", ... ({len(different)})" if len(different) > 4 else ""))


def _flow(value: Any) -> str:
    """YAML in one line."""
    return str(yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True)).removesuffix("\n...\n").strip()
