"""Which process a member of a group lives in, so that what a killed one held need not wait for its lease to end.

The answer is "gone" only where that is certain: the process lived under the same boot of the machine and in the same PID
and time namespace as the one that asks (containers that share the file each count their own processes), and either no
process has its number any more, or one that was started at another moment, or one that has ended and was not yet waited
for. In every other case the lease decides, as it does on systems without procfs.
"""

import os
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_ENDED = b"ZXx"
_STATE, _STARTED = 0, 19  # proc_pid_stat(5): fields 3 and 22, counted from behind the name


@cache
def _here(_: int) -> str:
    """Boot and namespaces of this process; empty where /proc does not tell, or shows another namespace than ours."""
    try:
        if os.readlink(_PROC / "self") != str(os.getpid()):
            return ""
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {_namespace('pid')} {_namespace('time')}"
    except OSError:
        return ""


def _namespace(kind: str) -> str:
    place = _PROC / "self/ns" / kind
    return str(place.stat().st_ino) if place.exists() else "-"  # time namespaces came with Linux 5.6


def mine() -> str:
    """This process, in words that `is_gone` understands; empty where it cannot be told."""
    number = os.getpid()
    state = _state(number)
    return f"{_here(number)} {number} {state[1]}" if _here(number) and state else ""


def is_gone(owner: str) -> bool:
    """Whether the process that once called itself `owner` has certainly ended."""
    place, _, rest = owner.rpartition(" ")
    place, _, number = place.rpartition(" ")
    if not place or place != _here(os.getpid()):
        return False
    state = _state(int(number))
    if state is None:
        return _has_no_process(int(number))
    return state[0] in _ENDED or state[1] != rest


def _has_no_process(number: int) -> bool:
    """A process may be hidden from us in /proc (hidepid), but not from the kernel's answer to a signal."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _state(number: int) -> tuple[bytes, str] | None:
    """State and time of start of a process; None if it is not to be seen."""
    try:
        fields = (_PROC / str(number) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return fields[_STATE], fields[_STARTED].decode()
