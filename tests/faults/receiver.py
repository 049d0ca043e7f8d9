"""A receiver of lines: reads what it gets and appends it to a file. Runs as a program: `receiver PORT FILE`.

It is a process that does nothing else, so that it keeps up with what its kernel takes. Every line is written with the name of
the connection that it came on before it. When it is killed, what its kernel took and it did not read is lost with it, as with
any receiver.
"""

import os
import selectors
import socket
import sys
from typing import BinaryIO, cast


class Connections:
    """The open ones, each with its name and the beginning of a line that has not come whole."""

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._selector = out, selectors.DefaultSelector()
        self._rests: dict[socket.socket, tuple[bytes, bytes]] = {}
        self._so_far = 0

    def serve(self, listener: socket.socket) -> None:
        """Until killed."""
        self._selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is listener:
                    self._accept(listener)
                else:
                    self._read(cast(socket.socket, key.fileobj))

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        self._selector.register(connection, selectors.EVENT_READ)
        self._so_far += 1
        self._rests[connection] = (b"%d.%d " % (os.getpid(), self._so_far), b"")

    def _read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(1 << 20)
        except OSError:
            data = b""
        name, rest = self._rests[connection]
        if not data:
            self._selector.unregister(connection)
            del self._rests[connection]  # what is not a whole line never arrived
            connection.close()
            return
        *lines, rest = (rest + data).split(b"\n")
        self._out.write(b"".join([b"%b%b\n" % (name, line) for line in lines]))
        self._rests[connection] = (name, rest)


def main(port: int, path: str) -> None:
    """Until killed."""
    with open(path, "ab", buffering=0) as out:
        Connections(cast(BinaryIO, out)).serve(socket.create_server(("127.0.0.1", port)))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
