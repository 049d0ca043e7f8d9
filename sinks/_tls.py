"""TLS of everything that Logweir connects to: one set of settings, one way to make a context, files read again on change."""

import ssl
from pathlib import Path

from router.errors import Misconfigured
from router.registry import Settings


class Tls(Settings):
    """How the far end proves who it is, and how we do."""

    ca_file: Path | None = None
    """PEM file of the authority that signed the far end's certificate; the system's authorities if absent."""
    cert_file: Path | None = None
    """PEM certificate for mutual TLS."""
    key_file: Path | None = None
    """PEM key of `cert_file`, where it is not in the same file."""
    verify: bool = True
    """`false` accepts any certificate: whoever is on the path can read and change what is sent. For trials only."""
    server_name: str = ""
    """Name that the certificate must carry, where it is not the host that is connected to."""


class TlsContext:
    """The context of some settings. Made anew when a file has changed; a file that cannot be read then keeps the old one."""

    def __init__(self, settings: Tls) -> None:
        self._settings = settings
        self._files = [f for f in (settings.ca_file, settings.cert_file, settings.key_file) if f]
        self._made: tuple[tuple[tuple[int, int], ...], ssl.SSLContext] | None = None

    def get(self) -> ssl.SSLContext:
        """Raises Misconfigured when there has never been a context that could be made."""
        try:
            stamps = tuple((found.st_mtime_ns, found.st_ino) for found in (f.stat() for f in self._files))
            if self._made is None or self._made[0] != stamps:
                self._made = stamps, _context(self._settings)
        except (OSError, ssl.SSLError) as error:
            if self._made is None:
                raise Misconfigured(f"TLS files {', '.join(map(str, self._files))} cannot be used: {error}") from error
        return self._made[1]


def _context(settings: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def tls_failure(error: BaseException) -> bool:
    """True for what only a person can mend (a certificate, a name, no TLS at all), false for a connection that broke."""
    broke = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
    return isinstance(error, ssl.SSLError | ssl.CertificateError) and not isinstance(error, broke)
