"""How large one document may be: fields, length of names, length of values (delivery design, limits).

What is beyond is cut or left out, and the document says so in a tag; the raw topic keeps the whole. `event.original` is not
cut, since it is there to keep the whole, too. `exceeds` looks at the encoded document first, because walking over every document
would cost as much as normalizing it: a small one cannot exceed the first and the last bound, and its names are not looked at.
"""

from typing import Any

from router.batch import Event

MAX_FIELDS, MAX_NAME, MAX_VALUE = 1_000, 256, 64 << 10
SMALL_BYTES = 5 * MAX_FIELDS
"""An encoded document with fewer bytes cannot hold too many fields: each takes two quotes, a colon, a value and a comma."""
FIELDS_TAG, NAME_TAG, VALUE_TAG = "_norm_too_many_fields", "_norm_name_cut", "_norm_value_cut"


def exceeds(event: Event, body: bytes) -> bool:
    """May a document, and what it was encoded to, exceed a bound? What is long mostly has a long message."""
    if len(body) <= SMALL_BYTES:
        return False
    message = event.get("message")
    told = len(body) - len(message) if type(message) is str else len(body)
    return len(body) > MAX_VALUE or (told > SMALL_BYTES and body.count(b":") > MAX_FIELDS)


def bound(event: Event) -> None:
    """Cut the document, in place. Lists count as one field, and so does each field of the objects in them."""
    walk = _Walk()
    walk.mapping(event, ())
    if walk.tags:
        tags: list[Any] = event.setdefault("tags", [])
        tags += sorted(walk.tags.difference(tags))


class _Walk:
    def __init__(self) -> None:
        self.fields = 0
        self.tags: set[str] = set()

    def mapping(self, found: dict[str, Any], path: tuple[str, ...]) -> None:
        if found and max(map(len, found)) > MAX_NAME:
            self._cut_names(found)
        for name, value in list(found.items()):
            kind = type(value)
            self.fields += kind is not dict
            if self.fields > MAX_FIELDS:
                self.tags.add(FIELDS_TAG)
                del found[name]
            elif kind is dict or kind is list or (kind is str and len(value) > MAX_VALUE // 4):
                found[name] = self.value(value, (*path, name))

    def value(self, value: Any, path: tuple[str, ...]) -> Any:
        """The value, or what is left of it."""
        kind = type(value)
        if kind is str:
            return self._cut(value) if len(value) > MAX_VALUE // 4 and path != ("event", "original") else value
        if kind is dict:
            self.mapping(value, path)
        elif kind is list:
            value[:] = [self.value(one, path) for one in value]
        return value

    def _cut(self, text: str) -> str:
        """To so many bytes of UTF-8."""
        encoded = text.encode("utf-8", "surrogatepass")
        if len(encoded) <= MAX_VALUE:
            return text
        self.tags.add(VALUE_TAG)
        return encoded[:MAX_VALUE].decode("utf-8", "ignore")

    def _cut_names(self, found: dict[str, Any]) -> None:
        """In place and in order. Of two names that begin alike the first stays."""
        items = list(found.items())
        found.clear()
        for name, value in items:
            found.setdefault(name[:MAX_NAME], value)
        self.tags.add(NAME_TAG)
