"""A receiver of lines to be killed: reads what it gets and appends it to a file. Runs as a program: `receiver PORT FILE`.

What its kernel took and it did not read is lost with it, as with any receiver.
"""

import selectors
import socket
import sys


def main(port: int, path: str) -> None:
    """Until killed."""
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", port))
    selector.register(listener, selectors.EVENT_READ)
    rests: dict[socket.socket, bytes] = {}
    with open(path, "ab", buffering=0) as out:
        while True:
            for key, _ in selector.select():
                if key.fileobj is listener:
                    connection, _ = listener.accept()
                    selector.register(connection, selectors.EVENT_READ)
                    rests[connection] = b""
                else:
                    _read(key.fileobj, rests, selector, out)  # type: ignore[arg-type]  # passed through


def _read(connection: socket.socket, rests: dict[socket.socket, bytes], selector: selectors.BaseSelector, out: object) -> None:
    try:
        data = connection.recv(65_536)
    except OSError:
        data = b""
    if not data:
        selector.unregister(connection)
        del rests[connection]  # what is not a whole line never arrived
        connection.close()
        return
    whole, end, rest = (rests[connection] + data).rpartition(b"\n")
    out.write(whole + end)  # type: ignore[attr-defined]  # every source has one
    rests[connection] = rest


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
