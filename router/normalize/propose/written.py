"""Names and values as a normalizer file has them."""

import re
from collections.abc import Sequence

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def path_text(path: Sequence[str]) -> str:
    """As an expression names it: keys that are no plain words in double quotes."""
    return ".".join(part if _PLAIN.match(part) else f'"{part}"' for part in path)


def quoted(text: str) -> str:
    """A YAML scalar."""
    return (
        text
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", text) and text not in ("on", "off", "yes", "no")
        else "'" + text.replace("'", "''") + "'"
    )
