"""`host:port` as people write it in a configuration."""

import re
from typing import Annotated, Any, NamedTuple, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_HOST_PORT = re.compile(r"(?:\[([0-9a-fA-F:.%a-z]+)\]|([^\[\]:\s]*)):([0-9]{1,5})")


class Address(NamedTuple):
    """A host (empty: every address of this machine) and a port (0: any free one)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: Any) -> Address:
    """`127.0.0.1:514`, `[::]:514`, `:514`. Raises ValueError with the remedy."""
    if isinstance(text, Address):
        return text
    found = _HOST_PORT.fullmatch(str(text))
    if not found or int(found[3]) > 65535:
        raise ValueError(f"{str(text)!r} is no address; write host:port, such as 0.0.0.0:5514 or [::]:5514")
    return Address(found[1] or found[2] or "", int(found[3]))


HostPort: TypeAlias = Annotated[
    Address, BeforeValidator(parse), PlainSerializer(str), WithJsonSchema({"type": "string", "pattern": r"^.*:[0-9]{1,5}$"})
]
"""A setting that holds an address to listen on."""
