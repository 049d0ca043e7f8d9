"""A receiver of lines: reads what it gets and appends it to a file. Runs as a program: `receiver PORT FILE`.

It is a process that does nothing else, so that it keeps up with what its kernel takes. Before every line it writes the name of
the connection that it came on, and the two moments (monotonic) between which it surely came: it wakes a hundred times a second
for nothing, so that they lie close together unless the machine is busy. When it is killed, what its kernel
took and it did not read is lost with it, as with any receiver.
"""

import os
import selectors
import socket
import sys
import time
from dataclasses import dataclass
from typing import BinaryIO, cast

_MOST, _LOOK_SECONDS = 1 << 20, 0.01


@dataclass(slots=True)
class _Open:
    name: bytes
    rest: bytes = b""
    """The beginning of a line that has not come whole."""
    since: float = 0.0
    """Not 0: more was there than one read took, and has been since then."""


class Connections:
    """The open ones. What is read came after the look before this one began: else it would have been seen by that."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._selector = out, selectors.DefaultSelector()
        self._open: dict[socket.socket, _Open] = {}
        self._so_far = 0
        self._before = self._look = time.monotonic()

    def serve(self, listener: socket.socket) -> None:
        """Until killed."""
        self._selector.register(listener, selectors.EVENT_READ)
        while True:
            self._before, self._look = self._look, time.monotonic()
            for key, _ in self._selector.select(_LOOK_SECONDS):
                if key.fileobj is listener:
                    self._accept(listener)
                else:
                    self._read(cast(socket.socket, key.fileobj))

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        self._selector.register(connection, selectors.EVENT_READ)
        self._so_far += 1
        self._open[connection] = _Open(b"%d.%d" % (os.getpid(), self._so_far), since=self._before)

    def _read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(_MOST)
        except OSError:
            data = b""
        one = self._open[connection]
        if not data:
            self._selector.unregister(connection)
            del self._open[connection]  # what is not a whole line never arrived
            connection.close()
            return
        since = one.since or self._before
        one.since = since if len(data) == _MOST else 0.0
        head = b"%b %.4f %.4f " % (one.name, since, time.monotonic())
        *lines, one.rest = (one.rest + data).split(b"\n")
        self._out.write(b"".join([b"%b%b\n" % (head, line) for line in lines]))


def main(port: int, path: str) -> None:
    """Until killed."""
    with open(path, "ab", buffering=0) as out:
        connections = Connections(cast(BinaryIO, out))
        connections.serve(socket.create_server(("127.0.0.1", port)))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
