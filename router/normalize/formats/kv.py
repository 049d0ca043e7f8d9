"""key=value text. Splitting on the quote leaves the scanning to C; what is malformed stays beside its key, nothing is dropped."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

_FIRST_PAIR = r"[^{a}]*{a}(?:{q}[^{q}]*{q}|[^{q}\s,;|^]*)(\s|.)"
_BREAK = r"(?:#01[0-5]|\\[nrt]|\x1b\[[\d;]{0,8}m)?"  # rsyslog's, JSON's, and the colours of a terminal
FREE_TEXT = "_text"
"""Key of words that stand before the first pair."""
_ESCAPED_QUOTE, _ESCAPED_ESCAPE = "\x00", "\x01"  # control characters that decoding has removed


def compile_kv(
    assign: str = "=",
    quote: str = '"',
    escape: str = "\\",
    sep: str | Sequence[str] = " ",
    drop_values: Collection[str] = (),
    repeat: str = "list",
    strip: str = "",
) -> Callable[[str], dict[str, Any] | None]:
    """A parser for this dialect; it gives None where the text holds no pair at all."""
    seps = (sep,) if isinstance(sep, str) else tuple(sep)
    adders: dict[str, Callable[..., Any]] = {"list": _add, "last": dict.__setitem__, "first": dict.setdefault}
    add = adders[repeat]
    scan = _Scan(assign, quote, escape, seps, add)
    if not drop_values and not strip:
        return scan.parse
    dropped = frozenset(drop_values)

    def parse(text: str) -> dict[str, Any] | None:
        found = scan.parse(text)
        if found is None:
            return None
        if strip:
            found = {k: v.strip(strip) if type(v) is str else v for k, v in found.items()}
        return {k: v for k, v in found.items() if type(v) is not str or v not in dropped}

    return parse


def _any_blank(sep: str) -> re.Pattern[str]:
    """A separator whose blank at the end may be a tab or a line break, also where a relay has written such a break as text."""
    bare = sep.rstrip(" ")
    return re.compile(re.escape(bare) + _BREAK + r"\s" * (len(sep) - len(bare)))


def _add(out: dict[str, Any], key: str, value: str) -> None:
    """A key that repeats with another value holds a list of both."""
    held = out.get(key)
    if held is None:
        out[key] = value
    elif type(held) is list:
        if value not in held[:8]:
            held.append(value)
    elif held != value:
        out[key] = [held, value]


class _Scan:
    def __init__(self, assign: str, quote: str, escape: str, seps: Sequence[str], add: Callable[..., Any]) -> None:
        self._assign, self._quote, self._escape, self._seps, self._add = assign, quote, escape, seps, add
        a, q = re.escape(assign), re.escape(quote or "\x00")
        self._first = re.compile(_FIRST_PAIR.format(a=a, q=q)) if len(seps) > 1 else None
        # A quote closes only in front of the next pair or the end; others stand inside of a value.
        ends = "|".join(r"\s" if s == " " else _any_blank(s).pattern for s in seps)
        self._closing = re.compile(rf"{q}(?=\s{{0,8}}\Z|(?:{ends})\s{{0,8}}[^\s{a}{q}]{{1,64}}{a})")
        # Of a separator that ends in a blank, as `, `, the blank may be any other too.
        self._splits = {s: _any_blank(s).split for s in seps if s != " " and s[-1:] == " "}
        self._opening = re.compile(rf"(?<={a}){q}|\A{q}") if quote else None

    def parse(self, text: str) -> dict[str, Any] | None:
        if self._assign not in text or text[:2] == '{"':
            return None  # in an object, an assignment is a part of some value
        sep = self._seps[0] if self._first is None else self._separator(text)
        quote, escape = self._quote, self._escape
        escaped = bool(escape) and escape in text
        if escaped:
            text = text.replace(escape * 2, _ESCAPED_ESCAPE).replace(escape + quote, _ESCAPED_QUOTE)
            escaped = _ESCAPED_ESCAPE in text or _ESCAPED_QUOTE in text
        chunks = text.split(quote) if quote else [text]
        if sep == " ":
            found = _regular_pairs(chunks, self._assign)
            if found is not None:
                return self._restored(found) if escaped else found
        elif len(sep) == 1 and len(chunks) > 2:
            found = _listed_pairs(chunks, self._assign, sep, self._add)
            if found is not None:
                return self._restored(found) if escaped else found
        if len(chunks) > 1 and not self._regular(chunks, sep):
            chunks = self._mended(text)
        out = self._pairs(chunks, sep)
        return self._restored(out) if escaped else out or None

    def _separator(self, text: str) -> str:
        found = self._first.match(text) if self._first is not None else None
        char = found[1] if found is not None else ""
        for sep in self._seps:
            if char and (sep.startswith(char) or (sep == " " and char.isspace())):
                return sep
        there = [(at, sep) for sep in self._seps if (at := text.find(sep)) >= 0]
        return min(there)[1] if there else self._seps[0]

    def _regular(self, chunks: list[str], sep: str) -> bool:
        """Every quote opens after an assignment and closes before a separator."""
        assign, blank = self._assign, sep == " "
        for i in range(0, len(chunks) - 1, 2):
            before, after = chunks[i], chunks[i + 2] if i + 2 < len(chunks) else ""
            if before[-1:] != assign and not before.endswith(assign):
                return False
            if after and not (after[0].isspace() if blank else after.startswith(sep)):
                return False
        return len(chunks) % 2 == 1

    def _mended(self, text: str) -> list[str]:
        """Chunks as if inner quotes had been escaped: outside, inside, outside, ... An open value ends at the end."""
        quote = self._quote
        chunks: list[str] = []
        at = 0
        while self._opening is not None and (opening := self._opening.search(text, at)):
            chunks.append(text[at : opening.start()])
            at = opening.end()
            found = self._closing.search(text, at)
            closing = found.start() if found is not None else len(text)
            chunks.append(text[at:closing])
            at = min(closing + len(quote), len(text))
        chunks.append(text[at:])
        return chunks

    def _pairs(self, chunks: list[str], sep: str) -> dict[str, Any]:  # noqa: PLR0912 - one state machine
        out: dict[str, Any] = {}
        add, assign, blank = self._add, self._assign, sep == " "
        split, joint = self._splits.get(sep), " " if sep.isspace() else sep
        key: str | None = None
        last: str | None = None
        for i, chunk in enumerate(chunks):
            if i & 1:
                if key is not None:
                    add(out, key, chunk)
                    last, key = key, None
                else:
                    _append(out, last, f'"{chunk}"', joint)
                continue
            if key is not None:
                add(out, key, "")
                key = None
            loose: list[str] = []
            for token in chunk.split() if blank else split(chunk) if split else chunk.split(sep):
                name, found, value = token.partition(assign)
                if not found:
                    if token and not token.isspace():
                        loose.append(token)
                    continue
                if loose:
                    _append(out, last, joint.join(loose), joint)
                    loose = []
                if key is not None:
                    add(out, key, "")
                    key = None
                if value:
                    if i + 1 < len(chunks) and value.endswith(assign) and chunk.endswith(token):
                        add(out, name.strip(), "")
                        key = last = value[: -len(assign)].rpartition(assign)[2].strip()
                        continue
                    last = name if blank else name.strip()
                    add(out, last, value if blank else value.strip())
                else:
                    key = last = name if blank else name.strip()
            if loose:
                _append(out, last, joint.join(loose), joint)
        if key is not None:
            add(out, key, "")
        return out

    def _restored(self, out: dict[str, Any]) -> dict[str, Any] | None:
        """Escapes back into what they stand for; keys have none."""
        quote, escape = self._quote, self._escape

        def plain(value: str) -> str:
            return value.replace(_ESCAPED_QUOTE, quote).replace(_ESCAPED_ESCAPE, escape)

        for key, value in out.items():
            if type(value) is list:
                out[key] = [plain(item) for item in value]
            elif _ESCAPED_QUOTE in value or _ESCAPED_ESCAPE in value:
                out[key] = plain(value)
        return out or None


_ALONE: dict[str, dict[str, str]] = {}
"""Assignment -> text between two quoted values that is nothing but a blank and a key, as it mostly is -> that key."""
_MOST_KEYS, _LONG_KEY = 4096, 40
_PLAIN_KEY = re.compile(r"[A-Za-z_][\w.-]*\Z", re.ASCII)


def _regular_pairs(chunks: list[str], assign: str) -> dict[str, Any] | None:
    """The pairs of text in which nothing is odd: no key repeats, no word stands alone, every quote opens after an assignment."""
    last = len(chunks) - 1
    if last & 1:
        return None
    out: dict[str, Any] = {}
    count, size, known = 0, -len(assign), _ALONE.setdefault(assign, {})
    for chunk, value in zip(chunks[::2], chunks[1::2], strict=False):
        if chunk in known:
            out[known[chunk]] = value
            count += 1
            continue
        name = chunk[1:size]
        if name.isidentifier() and chunk[0] == " " and chunk[size:] == assign:
            out[name] = value
            count += 1
            if len(name) < _LONG_KEY and len(known) < _MOST_KEYS:
                known[chunk] = name
            continue
        if count and chunk and not chunk[0].isspace():
            return None
        tokens = chunk.split()
        count += len(tokens)
        name = tokens.pop()[:size] if tokens and chunk.endswith(assign) else assign
        if assign in name:
            return None
        out[name] = value
        if not _added(out, tokens, assign):
            return None
    tokens = chunks[last].split()
    if (last and chunks[last] and not chunks[last][0].isspace()) or not _added(out, tokens, assign):
        return None
    return out if len(out) == count + len(tokens) and out and "" not in out else None


def _listed_pairs(chunks: list[str], assign: str, sep: str, add: Callable[..., Any]) -> dict[str, Any] | None:
    """The pairs of `key:"value"; key:"value"` in which nothing is odd: all values are quoted."""
    last = len(chunks) - 1
    if last & 1 or chunks[last].strip() not in ("", sep):
        return None
    out: dict[str, Any] = {}
    known = _ALONE.setdefault(sep + assign, {})
    for chunk, value in zip(chunks[::2], chunks[1::2], strict=False):
        if chunk in known:
            if not out:
                return None
            name = known[chunk]
        else:
            name = chunk[1 if out else 0 :].strip().removesuffix(assign)
            if not _PLAIN_KEY.match(name) or not chunk.endswith(assign) or (out and chunk[0] != sep):
                return None
            if out and len(name) < _LONG_KEY and len(known) < _MOST_KEYS:
                known[chunk] = name
        if name in out:
            add(out, name, value)
        else:
            out[name] = value
    return out or None


def _added(out: dict[str, Any], tokens: list[str], assign: str) -> bool:
    """Add `key=value` words; False when one of them is none."""
    for token in tokens:
        name, found, value = token.partition(assign)
        if not found:
            return False
        out[name] = value
    return True


def _append(out: dict[str, Any], last: str | None, token: str, joint: str) -> None:
    """Words without an assignment belong to the value before them."""
    name = last if last is not None else FREE_TEXT
    held = out.get(name)
    if type(held) is list:
        held[-1] = f"{held[-1]}{joint}{token}"
    else:
        out[name] = f"{held}{joint}{token}" if held else token
