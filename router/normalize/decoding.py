"""Bytes as received -> text that every encoder takes, and the tags that say what had to be done."""

import codecs

from router.errors import Malformed

MAX_BYTES = 4 << 20
"""Larger payloads are not events; receivers cut long before."""
_CONTROL = {0: " ", 1: None}
_NUL_PADDED = "\x00"


def decode(body: bytes) -> tuple[str, list[str]]:
    """UTF-8, else UTF-16 with a mark, else cp1252, else latin-1. Raises Malformed for empty and oversized payloads."""
    if len(body) > MAX_BYTES:
        raise Malformed("oversized", f"{len(body)} bytes")
    tags: list[str] = []
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text, how = _other(body)
        tags.append(f"_norm_decoded:{how}")
    if text[:1] == "\ufeff":
        text = text[1:]
    if 0 in body or 1 in body:  # as numbers: no buffer is made
        text, changed = _cleaned(text)
        if changed:
            tags.append("_norm_nul")
    if not text or text.isspace():
        raise Malformed("empty")
    return text, tags


def _other(body: bytes) -> tuple[str, str]:
    if body[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return body.decode("utf-16", "replace"), "utf-16"
    try:
        return body.decode("cp1252"), "cp1252"
    except UnicodeDecodeError:
        return body.decode("latin-1"), "latin-1"


def _cleaned(text: str) -> tuple[str, bool]:
    """NULs out: every second character of UTF-16 without a mark, padding at the ends, else a blank each."""
    if any(text[side::2].count(_NUL_PADDED) * 4 > len(text) for side in (0, 1)) and len(text) > 3:
        return text.replace(_NUL_PADDED, "").translate(_CONTROL), True
    bare = text.strip(_NUL_PADDED)
    return bare.translate(_CONTROL), bare.translate(_CONTROL) != text.rstrip(_NUL_PADDED)
