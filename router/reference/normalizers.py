"""The page of the normalizers: what each reads, how its device is pointed here, how it is recognised, what it maps."""

import re
from collections.abc import Iterator
from pathlib import Path

from router.documents import Document, load_file
from router.normalize import run_tests
from router.normalize.compiler import compile_document
from router.normalize.normalizer import Normalizer
from router.reference.markdown import code, codes
from rules import ROOT

_LABEL = re.compile(r"(?:^|(?<=\s))(Reads|Send|Maps|Decided here|Decided as for [^:]{1,40}|Decided|Decisions[^:]{0,40}): ")
_TITLES = {"Reads": "Reads", "Send": "To send it here", "Maps": "Maps"}
_MARKS = {"contains": "all of", "any": "one of", "starts": "starts with"}


def normalizers_page() -> str:
    """What each reads, how it is recognised, what was tried on it, and which fields it fills."""
    parts = ["# Normalizers\n\nHow to write one: `rules/normalize/README.md`.\n"]
    return "\n".join(
        parts + [_normalizer(file, d) for file in sorted((ROOT / "normalize").glob("*.yaml")) for d in load_file(file)]
    )


def _normalizer(file: Path, document: Document) -> str:
    normalizer, _ = compile_document(document, file.parent)
    assert normalizer is not None, f"{file} does not compile; run `logweir test`"
    own = [f for f in normalizer.fields if _is_vendors(f, document)]
    lines = [
        f"## `{normalizer.id}`\n\n{normalizer.title}.\n",
        *(f"- {title}: {text}" for title, text in about(file)),
        f"- Recognised by: {'; '.join(_marks(normalizer))}",
        f"- Tested on: {'; '.join(dict.fromkeys(r.name for r in run_tests([file])))}",
        f"- ECS fields: {codes(f for f in normalizer.fields if f not in own)}",
        f"- Derived: {codes(document.value.get('derive', ()) or ['nothing'])}",
        f"- Everything else below {code(_rest(document))}" + (f", named there: {codes(own)}" if own else ""),
    ]
    return "\n".join(lines) + "\n"


def about(file: Path) -> Iterator[tuple[str, str]]:
    """(title, text) of what the head of a file says of it: the comments in front of `identify`, cut at `Reads:`, `Send:`, `Maps:`
    and `Decided here:`. Text in front of any of these says what is read."""
    head = file.read_text("utf-8").partition("\nidentify:")[0]
    text = " ".join(line.lstrip("# ") for line in head.splitlines() if line.startswith("#"))
    first, *parts = _LABEL.split(text)
    for label, said in [("Reads", first), *zip(parts[::2], parts[1::2], strict=True)]:
        if said.strip():
            yield _TITLES.get(label, "Decided"), _ended(said.strip())


def _ended(text: str) -> str:
    return text.rstrip(".") + "."


def _rest(document: Document) -> str:
    rest = document.value["rest"]
    return str(rest["to"] if isinstance(rest, dict) else rest)


def _is_vendors(field: str, document: Document) -> bool:
    return field.startswith(_rest(document).partition(".")[0] + ".")


def _marks(normalizer: Normalizer) -> Iterator[str]:
    for mark in normalizer.identity.marks:
        found = [f"{words} {codes(map(_shown, texts))}" for name, words in _MARKS.items() if (texts := getattr(mark, name))]
        found += [f"{name} is {codes(values)}" for name, values in mark.meta]
        yield " and ".join(found)


def _shown(text: str) -> str:
    """Blanks at the ends are seen only when quoted."""
    return repr(text).replace("`", "'") if text != text.strip() or "`" in text else text
