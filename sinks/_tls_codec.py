"""TLS as a sans-io codec: plain bytes in, wire bytes out, so that the sender knows exactly which wire byte ends what."""

import ssl


class TlsCodec:
    """The client's side of one connection (TLS 1.2 or 1.3)."""

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        self.ready = False
        self.is_closed = False
        """The far end has said goodbye: it may go on taking bytes from the wire, but reads none of them."""

    def start(self) -> bytes:
        """The first bytes for the wire."""
        return self.receive(b"")

    def receive(self, wire: bytes) -> bytes:
        """Take bytes from the wire; give what has to be answered. Raises ssl.SSLError."""
        self._incoming.write(wire)
        if not self.ready:
            self._shake_hands()
        if self.ready:
            self._read_on()
        return self._outgoing.read()

    def encode(self, plain: bytes) -> bytes:
        """Wire bytes that carry `plain`. Only once ready."""
        view = memoryview(plain)
        while view:
            view = view[self._tls.write(view) :]
        return self._outgoing.read()

    def close(self) -> bytes:
        """The closing alert."""
        try:
            self._tls.unwrap()
        except ssl.SSLError:
            pass  # the far end's own alert is not waited for
        return self._outgoing.read()

    def last_words(self) -> bytes:
        """An alert that a failed handshake left to send."""
        return self._outgoing.read()

    def _shake_hands(self) -> None:
        try:
            self._tls.do_handshake()
            self.ready = True
        except ssl.SSLWantReadError:
            pass

    def _read_on(self) -> None:
        """Session tickets, key updates and alerts are handled by reading; a syslog receiver says nothing else.

        Reading gives nothing, instead of asking for more, once the closing alert has come.
        """
        try:
            while self._tls.read(16_384):
                pass
        except ssl.SSLWantReadError:
            return
        self.is_closed = True
