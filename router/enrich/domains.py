"""Registered domain, top-level domain and subdomain of names, by the Public Suffix List (publicsuffix.org)."""

from functools import cache, lru_cache
from typing import NamedTuple

from publicsuffixlist import PublicSuffixList

from router.batch import Event

_PLACES = (
    (("url",), "domain"),
    (("dns", "question"), "name"),
    (("source",), "domain"),
    (("destination",), "domain"),
    (("client",), "domain"),
    (("server",), "domain"),
)


class _Parts(NamedTuple):
    registered: str
    top: str
    sub: str


@cache
def _list() -> PublicSuffixList:
    """Built on first use; it takes a fifth of a second."""
    return PublicSuffixList()


@lru_cache(65_536)
def parts_of(name: str) -> _Parts | None:
    """The parts of a host name; None for an address, a bare word, or a public suffix by itself."""
    plain = name.rstrip(".").lower()
    if not plain or len(plain) > 253 or ":" in plain or plain.replace(".", "").isdigit():
        return None
    registered = _list().privatesuffix(plain)
    if registered is None:
        return None
    return _Parts(registered, registered.partition(".")[2], plain[: -len(registered)].rstrip("."))


def add_domains(document: Event) -> None:
    """`registered_domain`, `top_level_domain` and `subdomain` beside every name."""
    for path, key in _PLACES:
        node = document
        for step in path:
            below = node.get(step)
            if type(below) is not dict:
                break
            node = below
        else:
            if type(name := node.get(key)) is str and (parts := parts_of(name)) is not None:
                node.setdefault("registered_domain", parts.registered)
                node.setdefault("top_level_domain", parts.top)
                if parts.sub:
                    node.setdefault("subdomain", parts.sub)
