"""Who stands behind the time of a syslog header (RFC 3164 section 4.1.2): a host, or a level, a program, the message."""

import re

TAG = re.compile(r"([A-Za-z_(/][\w./@+()~#-]{0,63}?(?: [\w.-]{1,32}){0,2}?)(?:\]?\[([^\]\s]{1,128})\])?:(?=\s|\Z|\S)\s?")
"""A program, `name[pid]:`."""
_PADDED = re.compile(r"\[\d{1,10}\]: ")
"""The process behind a program's name that blanks make as long as others, as in fail2ban's own log."""
_BRACKETED = re.compile(
    r"\[(?:[0-9A-Fa-f.]{0,39}:[0-9A-Fa-f.:]{1,39}(?:%\w{1,16})?|\d{1,3}(?:\.\d{1,3}){3})\](?::\d{1,5})?:?\Z", re.ASCII
)
BARE_LEVELS = frozenset("TRACE DEBUG INFO WARN WARNING ERROR SEVERE CRITICAL FATAL".split())
_LETTERS = frozenset("DIWEF")
_LEVELS = BARE_LEVELS | _LETTERS | {f"[{form(level)}]" for level in BARE_LEVELS for form in (str.upper, str.lower, str.title)}
"""Where an application's own log has its level, right behind the time, stands no host; MongoDB's and others have one letter."""
NO_TAG = ("CEF:", "LEEF:", "http:", "https:", "ftp:", "file:")
NO_HOST = frozenset("{<\"('%=|,;")
_REPEATED = "last message repeated"


def host_of(text: str) -> tuple[str | None, str]:
    """The host name and what follows it; None where the token is no host."""
    token, _, after = text.partition(" ")
    if token in _LEVELS or "\t" in token:
        return None, text
    if token == "-":  # RFC 5424's nil, and a dash between columns
        return None, after.lstrip(" ")
    if (
        not token
        or token[0] in NO_HOST
        or (token[0] == "[" and not _bracketed(token))
        or "=" in token
        or len(token) > 255
        or text[: len(_REPEATED)] == _REPEATED
    ):
        return None, text
    if token.startswith(NO_TAG) or "," in token:
        return None, text
    after = after.lstrip(" ")
    if after[:1] == "[" and _PADDED.match(after):
        return None, token + after
    if token[-1] == ":" and not token.endswith("::"):
        host = token[:-1]
        return (host, after) if after[:1] == "%" or (TAG.match(after) and _plain(host) and "." in host) else (None, text)
    if token[-1] == "]" and TAG.match(token + ":") and not _bracketed(token):
        return None, text
    if "[" in token and token[-2:] == "]:" and not _bracketed(token):
        return None, text
    return token, after.removeprefix(": ").lstrip(" ") if after[:2] == ": " else after


def _plain(text: str) -> bool:
    return "[" not in text and "/" not in text


def _bracketed(token: str) -> bool:
    """An address in brackets."""
    return token[0] == "[" and _BRACKETED.match(token) is not None
