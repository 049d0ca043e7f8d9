"""Ways in which lines are damaged in the field: cut, padded, re-encoded, reordered, quoted wrongly, relayed."""

import random
import re
from collections.abc import Callable

Mutation = Callable[[bytes, random.Random], bytes]
_PAIR = re.compile(rb'(?<![\w.\-])([\w.\-]++=(?:"[^"]*"|[^\s,;|]*))')


def cut(body: bytes, dice: random.Random) -> bytes:
    """Truncated anywhere: a datagram that was too long, a writer that died."""
    return body[: dice.randrange(1, len(body) + 1)]


def headless(body: bytes, dice: random.Random) -> bytes:
    """The first part is missing: a reader that came late."""
    return body[dice.randrange(len(body)) :]


def nul(body: bytes, dice: random.Random) -> bytes:
    """A NUL somewhere, or at the end."""
    at = dice.choice((len(body), dice.randrange(len(body) + 1)))
    return body[:at] + b"\x00" + body[at:]


def not_utf8(body: bytes, dice: random.Random) -> bytes:
    """Bytes that are no UTF-8, among them a surrogate."""
    at = dice.randrange(len(body) + 1)
    return body[:at] + dice.choice((b"\xff\xfe", b"\xed\xa0\x80", b"\xc3", b"\x80\x80", b"\xf5\x90\x80\x80")) + body[at:]


def utf16(body: bytes, dice: random.Random) -> bytes:
    """UTF-16 as Windows tools write it, with or without a mark."""
    return body.decode("utf-8", "replace").encode(dice.choice(("utf-16", "utf-16-le", "utf-16-be")))


def latin1(body: bytes, dice: random.Random) -> bytes:
    """An umlaut in latin-1 instead of a letter."""
    at = next((at for at in (dice.randrange(len(body)) for _ in range(64)) if chr(body[at]).isalpha()), len(body))
    return body[:at] + b"\xe4" + body[at + 1 :]


def huge(body: bytes, dice: random.Random) -> bytes:
    """A value of 64 KB."""
    at = dice.randrange(len(body) + 1)
    return body[:at] + dice.choice((b"A", b"%41", b"\\", b'"', b" ", b"=", b"<", b"[", b"1")) * 65_536 + body[at:]


def repeated(body: bytes, dice: random.Random) -> bytes:
    """A key=value that occurs twice, or a piece of the line that does."""
    pairs = _PAIR.findall(body)
    piece = dice.choice(pairs) if pairs else body[dice.randrange(len(body)) :]
    return body + _separator(body) + piece


def _separator(body: bytes) -> bytes:
    """What most often stands in front of a key=."""
    before = re.findall(rb"([,;|]?[ \t]|[,;|])[A-Za-z_][\w.\-]*=", body)
    return max(before, key=before.count) if before else b" "


def requoted(body: bytes, dice: random.Random) -> bytes:
    """Quotes of the other kind, or none, or one missing."""
    if b'"' not in body:
        at = dice.randrange(len(body) + 1)
        return body[:at] + b'"' + body[at:]
    return dice.choice((body.replace(b'"', b"'"), body.replace(b'"', b""), body.replace(b'"', b"", 1), body.replace(b'"', b'""')))


def reordered(body: bytes, dice: random.Random) -> bytes:
    """Words, or pieces between commas, in another order."""
    sep = b"," if body.count(b",") > body.count(b" ") else b" "
    parts = body.split(sep) if len(_PAIR.findall(body)) < 4 else re.split(rb'(?<=["\w])%b(?=[\w.\-]+=)' % re.escape(sep), body)
    i, j = dice.randrange(len(parts)), dice.randrange(len(parts))
    parts[i], parts[j] = parts[j], parts[i]
    return sep.join(parts)


def relayed(body: bytes, dice: random.Random) -> bytes:
    """Another header in front: a relay's, a doubled one, octet counting, a mark of byte order."""
    headers = (
        b"<13>Mar  1 10:00:00 relay1 ",
        b"<34>1 2026-03-01T10:00:00.123Z relay2 app 7 - - ",
        b"Mar  1 10:00:00 ",
        b"%d " % len(body),
        b"\xef\xbb\xbf",
        b"2026-03-01T10:00:00+01:00 [2001:db8::1] ",
        b"<189>",
    )
    return dice.choice(headers) + body


def spliced(body: bytes, dice: random.Random) -> bytes:
    """A few bytes gone or doubled in the middle."""
    at, size = dice.randrange(len(body)), dice.randrange(1, 9)
    return body[:at] + (body[at + size :] if dice.random() < 0.5 else body[at : at + size] * 2 + body[at + size :])


def flipped(body: bytes, dice: random.Random) -> bytes:
    """A few bytes changed."""
    changed = bytearray(body)
    for _ in range(dice.randrange(1, 5)):
        changed[dice.randrange(len(changed))] = dice.choice(b"\x00\x0d\x0a\t\"'=|,:;{}[]<>\\%-0aZ\xff")
    return bytes(changed)


def wrapped(body: bytes, dice: random.Random) -> bytes:
    """Line breaks, or their escapes, at the ends and inside; colours of a terminal."""
    at = dice.randrange(len(body) + 1)
    return (
        body[:at] + dice.choice((b"\r\n", b"#012", b"\x1b[31m", b"\\n", b"\t")) + body[at:] + dice.choice((b"", b"\r", b"\n\n"))
    )


def valued(body: bytes, dice: random.Random) -> bytes:
    """A number or a text replaced by one that no field expects."""
    odd = (
        b"-1",
        b"99999999999999999999",
        b"1e400",
        b"NaN",
        b"0x",
        b"null",
        b"::",
        b"1.2.3",
        b"",
        b"2026-02-30T25:61:00Z",
        b"%00",
    )
    found = list(re.finditer(rb'(?<=[=:, "])[\w.\-]+(?=[\s,;"}]|$)', body))
    if not found:
        return body + dice.choice(odd)
    at = dice.choice(found)
    return body[: at.start()] + dice.choice(odd) + body[at.end() :]


ALL: tuple[Mutation, ...] = (
    cut,
    headless,
    nul,
    not_utf8,
    utf16,
    latin1,
    repeated,
    requoted,
    reordered,
    relayed,
    spliced,
    flipped,
    wrapped,
    valued,
)
BREAK_BOUNDS = frozenset(("spliced", "flipped", "requoted"))
"""After these nobody can tell where a value ended: what they damage may be a quote or a separator itself."""
RARE: tuple[Mutation, ...] = (huge,)
"""Costly ones, done to a small part of the lines."""


def mutated(body: bytes, dice: random.Random) -> tuple[str, bytes]:
    """(names of what was done, the damaged line): one mutation, or two at once."""
    steps = [dice.choice(RARE if dice.random() < 0.01 else ALL) for _ in range(dice.choice((1, 1, 1, 2)))]
    for step in steps:
        body = step(body, dice) or b"x"
    return "+".join(step.__name__ for step in steps), body
