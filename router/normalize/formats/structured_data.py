"""The structured data of RFC 5424, section 6.3: `[id name="value" ...]` repeated."""

import re

_ELEMENT = re.compile(r"\[([^\s=\]\"]{1,256})")
_PARAM = re.compile(r'\s{1,8}([^\s=\]"]{1,256})="([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
_ESCAPED_ESCAPE = "\x01"  # a control character that decoding has removed
Data = dict[str, dict[str, str | list[str]]]


def structured_data(text: str) -> tuple[Data | None, str]:
    """The elements and the message behind them. Data that is cut or wrong is left in the message."""
    if text[:1] != "[":
        return None, text[2:] if text[:2] == "- " else "" if text == "-" else text
    data: Data = {}
    at = 0
    while text[at : at + 1] == "[":
        end = _element(text, at, data)
        if end is None:
            return None, text
        at = end
    if text[at : at + 1] not in ("", " "):
        return None, text
    return data, text[at + 1 :]


def _element(text: str, at: int, data: Data) -> int | None:
    head = _ELEMENT.match(text, at)
    if head is None:
        return None
    params = data.setdefault(head[1], {})
    at = head.end()
    while found := _PARAM.match(text, at):
        _add(params, found[1], _unescaped(found[2]) if "\\" in found[2] else found[2])
        at = found.end()
    while text[at : at + 1] == " ":
        at += 1
    return at + 1 if text[at : at + 1] == "]" else None


def _unescaped(value: str) -> str:
    """A backslash before anything else than these three stays (section 6.3.3)."""
    text = value.replace("\\\\", _ESCAPED_ESCAPE).replace('\\"', '"').replace("\\]", "]")
    return text.replace(_ESCAPED_ESCAPE, "\\")


def _add(params: dict[str, str | list[str]], name: str, value: str) -> None:
    """A name may repeat; then its values are a list."""
    held = params.get(name)
    if held is None:
        params[name] = value
    elif isinstance(held, list):
        held.append(value)
    else:
        params[name] = [held, value]
