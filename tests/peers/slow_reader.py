"""A syslog receiver to be killed: prints its port, then appends what it reads to a file, slowly. Runs as a program.

What its kernel took and it did not read is lost with it, as with any receiver.
"""

import socket
import sys
import time


def main(path: str, port: int, chunk: int, pause_seconds: float) -> None:
    listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
    print(listener.getsockname()[1], flush=True)
    with open(path, "ab", buffering=0) as out:
        while True:
            connection, _ = listener.accept()
            while data := _read(connection, chunk):
                out.write(data)
                time.sleep(pause_seconds)
            out.write(b"\n")  # ends a line that the connection cut


def _read(connection: socket.socket, chunk: int) -> bytes:
    try:
        return connection.recv(chunk)
    except OSError:
        return b""


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
