"""The product that a CEF or LEEF header names: lines of one sender that name the same one are read by the same normalizer.

Micro Focus, "Implementing ArcSight Common Event Format", version 26; IBM, "Log Event Extended Format (LEEF)": version, vendor and
product are the first three parts of the header, with `|` between them.
"""

from typing import TypeAlias

Product: TypeAlias = tuple[int, str]


def product(head: str) -> Product | None:
    """Blanks before the header, which tell one syslog header from two, and version, vendor and product as they were sent.

    None where there is no such header in the first kilobyte, or it stands inside of an object.
    """
    start = head.find("EF:")
    if start < 1 or head[start - 1] not in "CE" or head[0] in "{[":
        return None
    end = head.find("|", head.find("|", head.find("|", start) + 1) + 1)
    return (head.count(" ", 0, start), head[start:end]) if end > 0 else None
