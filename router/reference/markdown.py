"""Markdown text: tables whose cells cannot break them."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty text where there are no rows."""
    lines = ["| " + " | ".join(map(cell, row)) + " |" for row in rows]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *lines, ""]) if lines else ""


def cell(text: str) -> str:
    """One line, with what would end the cell escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def code(text: object) -> str:
    """As it is typed."""
    return f"`{text}`"


def codes(texts: Iterable[object]) -> str:
    """A list of words as they are typed."""
    return ", ".join(map(code, texts))
