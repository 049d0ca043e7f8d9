"""key=value text. Splitting on the quote leaves the scanning to C; what is malformed stays beside its key, nothing is dropped."""

import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from router.normalize.formats.layouts import Layouts

_FIRST_PAIR = r"[^{a}]*{a}(?:{q}[^{q}]*{q}|[^{q}\s,;|^]*)(\s|.)"
_BREAK = r"(?:#01[0-5]|\\[nrt]|\x1b\[[\d;]{0,8}m)?"  # rsyslog's, JSON's, and the colours of a terminal
FREE_TEXT = "_text"
"""Key of words that stand before the first pair, and of the beginning of a key with which a text ends that was cut off."""
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
    scan = _Scan(assign, quote, escape, seps, add, strip[-1:])
    if not drop_values and not strip:
        return scan.parse
    dropped = frozenset(drop_values)

    def parse(text: str) -> dict[str, Any] | None:
        found = scan.parse(text)
        if found is None:
            return None
        if strip:
            found = {k: v.strip(strip) if type(v) is str else v for k, v in found.items()}
        try:
            if dropped.isdisjoint(found.values()):
                return found
        except TypeError:
            pass  # a list among them
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
    def __init__(
        self, assign: str, quote: str, escape: str, seps: Sequence[str], add: Callable[..., Any], bracket: str = ""
    ) -> None:
        """`bracket`: closes a value, where values stand in brackets that are stripped."""
        self._assign, self._quote, self._escape, self._seps, self._add = assign, quote, escape, seps, add
        self._bracket = bracket
        a, q = re.escape(assign), re.escape(quote or "\x00")
        self._first = re.compile(_FIRST_PAIR.format(a=a, q=q)) if len(seps) > 1 else None
        # A quote closes only in front of the next pair or the end; others stand inside of a value.
        ends = "|".join(r"\s" if s == " " else _any_blank(s).pattern for s in seps)
        self._closing = re.compile(rf"{q}(?=\s{{0,8}}\Z|(?:{ends})\s{{0,8}}[^\s{a}{q}]{{1,64}}{a})")
        # Of a separator that ends in a blank, as `, `, the blank may be any other too.
        self._splits = {s: _any_blank(s).split for s in seps if s != " " and s[-1:] == " "}
        self._opening = re.compile(rf"(?<={a}){q}|\A{q}") if quote else None
        simple = len(assign) == len(quote) == 1 and not assign.isspace()
        self._blank = Layouts(partial(_blank_layout, assign, quote)) if simple and " " in seps else None
        single = [s for s in seps if simple and len(s) == 1 and not s.isspace()]
        self._listed = {s: Layouts(partial(_listed_layout, assign, quote, s)) for s in single}

    def parse(self, text: str) -> dict[str, Any] | None:
        if self._assign not in text or text[:2] == '{"':
            return None  # in an object, an assignment is a part of some value
        quote, escape = self._quote, self._escape
        if escape and escape in text:
            plain = text.replace(escape * 2, _ESCAPED_ESCAPE).replace(escape + quote, _ESCAPED_QUOTE)
            if _ESCAPED_ESCAPE in plain or _ESCAPED_QUOTE in plain:
                found = self._steps(plain, self._separator(text))
                return self._restored(found) if found is not None else None
        return self._plain(text)

    def _plain(self, text: str) -> dict[str, Any] | None:
        """The pairs of a text without escapes: at once where its layout is known, else one after the other."""
        blank, mark = self._blank, (text.count(self._quote), text.count(self._assign)) if self._quote else None
        known = blank.read(mark, text) if blank is not None else None
        if known is not None:
            return known
        sep = self._separator(text)
        layouts = blank if sep == " " else self._listed.get(sep)
        if layouts is not None and layouts is not blank:
            known = layouts.read(mark, text)
            if known is not None:
                return known
        found = self._steps(text, sep)
        if found is not None and layouts is not None:
            layouts.learn(mark, text, found)
        return found

    def _steps(self, text: str, sep: str) -> dict[str, Any] | None:
        """The pairs of a text, one after the other."""
        if sep in self._splits:
            text = text.removesuffix(sep.rstrip())  # cut off inside of the separator
        chunks = text.split(self._quote) if self._quote else [text]
        if sep == " ":
            found = _regular_pairs(chunks, self._assign)
            if found is not None:
                return found
        elif len(sep) == 1 and len(chunks) > 2:
            found = _listed_pairs(chunks, self._assign, sep, self._add)
            if found is not None:
                return found
        if len(chunks) > 1 and not self._regular(chunks, sep):
            chunks = self._mended(text)
        return self._pairs(chunks, sep) or None

    def _separator(self, text: str) -> str:
        if self._first is None:
            return self._seps[0]
        found = self._first.match(text)
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
                        if value == assign:  # Check Point has fields whose names end with a colon
                            key = last = name.strip()
                            continue
                        add(out, name.strip(), "")
                        key = last = value[: -len(assign)].rpartition(assign)[2].strip()
                        continue
                    last = name if blank else name.strip()
                    add(out, last, value if blank else value.strip())
                else:
                    key = last = name if blank else name.strip()
            if len(loose) == 1 and i == len(chunks) - 1 and self._is_begun(chunk, sep):
                last, loose = None, [loose[0].strip()]
            if loose:
                _append(out, last, joint.join(loose), joint)
        if key is not None:
            add(out, key, "")
        return out

    def _is_begun(self, chunk: str, sep: str) -> bool:
        """Does a text end with the beginning of a key, behind a value that is complete? It was cut off there."""
        before, found, word = chunk.rpartition(sep.rstrip() or sep)
        complete = self._assign not in before or sep in _BETWEEN_PAIRS or (self._bracket and before.endswith(self._bracket))
        return bool(found and complete) and _PLAIN_KEY.match(word.strip()) is not None

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


def _blank_layout(assign: str, quote: str, text: str, pairs: dict[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """`key="value" key=value`, one blank between: values without a quote in them, bare ones also without a blank and not empty.

    The first value has none of the characters that `_FIRST_PAIR` takes for the separator.
    """
    a, q = re.escape(assign), re.escape(quote)
    shape = re.findall(rf"(?:\A|(?<=\s))([^\s{a}{q}]++){a}({q}[^{q}]*+{q}|[^\s{q}]++)", text)
    if len(shape) != len(pairs):
        return None
    bare = rf"([^\s{q},;|^]++)"
    parts = []
    for name, value in shape:
        parts.append(rf"{re.escape(name)}{a}" + (rf"{q}([^{q}]*+){q}" if value[0] == quote else bare))
        bare = rf"([^\s{q}]++)"
    return " ".join(parts) + r"\s*+", tuple(name for name, _ in shape)


def _listed_layout(assign: str, quote: str, sep: str, text: str, pairs: dict[str, Any]) -> tuple[str, tuple[str, ...]] | None:
    """`key:"value"; key:"value"` with the blanks of this text: values without a quote in them."""
    a, q, s = map(re.escape, (assign, quote, sep))
    shape = re.findall(rf"(\A|{s}[ ]?)([A-Za-z_][\w.-]*+){a}{q}[^{q}]*+{q}", text, re.ASCII)
    if len(shape) != len(pairs):
        return None
    parts = [rf"{re.escape(before + name)}{a}{q}([^{q}]*+){q}" for before, name in shape]
    return "".join(parts) + rf"\s*+{s}?+\s*+", tuple(name for _, name in shape)


_ALONE: dict[str, dict[str, str]] = {}
"""Assignment -> text between two quoted values that is nothing but a blank and a key, as it mostly is -> that key."""
_BETWEEN_PAIRS = frozenset("\t|^")
"""Separators that stand in no value, or hardly ever."""
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
