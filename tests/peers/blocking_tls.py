"""A TLS listener of plain sockets in a thread: unlike asyncio's it sends its alert when it refuses a client."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def blocking_tls(context: ssl.SSLContext, *, says_goodbye: bool = False) -> Iterator[int]:
    """The port. Everybody who is let in is read from until he closes; with `says_goodbye` only his first words are, then TLS is
    closed, and what still comes is taken from the wire and thrown away.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, context, says_goodbye), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)


def _serve(listener: socket.socket, context: ssl.SSLContext, says_goodbye: bool) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
            while secure.recv(65_536):
                if says_goodbye:
                    secure.unwrap()  # sends its closing alert, and waits for the other's: data meanwhile is dropped
