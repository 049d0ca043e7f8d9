"""Records of a Windows event log file (.evtx), a JSON document each, as `evtx_dump` writes them. Blocking: call from a thread."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from router.errors import Malformed

MAGIC = b"ElfFile\x00"
_HOPELESS = 1_000
"""So many damaged records in a row end the reading."""


def records(path: Path) -> Iterator[bytes | None]:
    """The documents in the order of the file; None for a record that is damaged. Raises Malformed where it is no event log."""
    from evtx import PyEvtxParser

    try:
        parser = PyEvtxParser(str(path), number_of_threads=1)
        found = parser.records_json()
    except (RuntimeError, OSError) as error:
        raise Malformed("evtx", str(error)[:200]) from error
    damaged = 0
    while damaged < _HOPELESS:
        try:
            record = next(found)
        except StopIteration:
            return
        except RuntimeError:
            damaged += 1
            yield None
            continue
        damaged = 0
        yield str(cast(Mapping[str, object], record)["data"]).replace("\n", " ").encode("utf-8", "surrogatepass")
