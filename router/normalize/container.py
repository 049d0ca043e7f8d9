"""Lines that a container runtime has written to a node's log file, as containerd and CRI-O do: time, stream, tags, message.

Kubernetes, kubelet's `/var/log/pods`: `TIME stdout|stderr F|P MESSAGE`, F for a whole line and P for a part of one. Shippers that
were not told of the format send it as it is.
"""

import re

from router.normalize.line import Line
from router.normalize.times import iso

_CRI = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d))"
    r" (stdout|stderr) ([FP](?::[\w:]{1,32})?) ",
    re.ASCII,
)


def written(x: Line) -> tuple[Line, dict[str, str]] | None:
    """The message as a line of its own, and what the runtime said beside it; None where the line is no such one."""
    if x.raw[10:11] != "T":
        return None
    found = _CRI.match(x.raw)
    if found is None:
        return None
    line = Line(x.raw[found.end() :], x.receipt, x.site, x.source, x.peer, x.meta)
    moment = iso(found[1], x.site)
    line.hint_time, line.hint_host = moment.iso if moment is not None else x.hint_time, x.hint_host
    return line, {"stream": found[2], "logtag": found[3]}
