"""TLS of the receivers: 1.2 and newer, client certificates where asked for, certificates renewed without a restart."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path

from router import telemetry
from router.errors import ConfigError, Problem
from router.registry import Settings

_LOOK_SECONDS = 10.0


class TlsFiles(Settings):
    """PEM files of a listener."""

    cert_file: Path
    """Certificate, followed by the intermediate ones."""
    key_file: Path
    """Its key, without a password."""
    client_ca_file: Path | None = None
    """Authority of client certificates; when given, a sender without one is refused."""


class Certificates:
    """The server context of a listener. Files that change are loaded again within 10 s; bad ones leave the old in force."""

    def __init__(self, name: str, files: TlsFiles, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._files, self._clock = name, files, clock
        self._looked = clock()
        try:
            self._stamp = self._stamps()
            self._context = self._load()
        except (OSError, ssl.SSLError) as error:
            text = f"source {name}: TLS files cannot be used: {error.strerror or error}"
            raise ConfigError([Problem(str(files.cert_file), 1, "", text, "check certificate, key and authority")]) from error

    def context(self) -> ssl.SSLContext:
        """The context for a new connection."""
        if self._clock() - self._looked >= _LOOK_SECONDS:
            self._looked = self._clock()
            self._renew()
        return self._context

    def _renew(self) -> None:
        try:
            stamp = self._stamps()
            if stamp != self._stamp:
                self._context = self._load()
                self._stamp = stamp
        except (OSError, ssl.SSLError) as error:
            telemetry.logger("ingest").error("new certificate not used", source=self._name, error=str(error))

    def _stamps(self) -> list[tuple[int, int, int]]:
        files = (self._files.cert_file, self._files.key_file, self._files.client_ca_file)
        found = [path.stat() for path in files if path]
        return [(s.st_mtime_ns, s.st_size, s.st_ino) for s in found]

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.load_cert_chain(self._files.cert_file, self._files.key_file)
        if self._files.client_ca_file:
            context.load_verify_locations(self._files.client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context
