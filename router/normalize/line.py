"""One input on its way through the normalizers: its text, what the header and the receiver said, and the doubts so far."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from router.normalize.remembered import Remembered
from router.normalize.runtime import dig
from router.normalize.times import Moment, stamp
from router.normalize.zones import Zone

_MILLISECONDS = Remembered[int, str](lambda count: f"{stamp(count // 1000)}.{count % 1000:03d}Z", 4096)


class Header(NamedTuple):
    """What a syslog header said; None where it said nothing."""

    priority: int | None = None
    facility: int | None = None
    severity: int | None = None
    version: str | None = None
    hostname: str | None = None
    appname: str | None = None
    procid: str | None = None
    msgid: str | None = None
    sd: dict[str, Any] | None = None


NO_HEADER = Header()
_ENDS = "\r\n"


class Line:
    """Parsed lazily, once, whoever asks. Normalizers read it and add to `doubts` and `tags`."""

    __slots__ = (
        "body",
        "data",
        "doubts",
        "head",
        "header_time",
        "hint_host",
        "hint_time",
        "meta",
        "peer",
        "raw",
        "receipt",
        "site",
        "source",
        "syslog_read",
        "tags",
        "usual",
    )

    def __init__(
        self,
        raw: str,
        receipt: float,
        site: Zone,
        source: str = "",
        peer: str = "",
        meta: Mapping[str, str] | None = None,
        data: Any = None,
        host: str | None = None,
    ) -> None:
        """`data`: the payload, where the receiver handed over an object; `host`: of events that name none.

        What ends the line is no part of it: Docker hands on each line with its end, and so do datagrams and HTTP clients.
        """
        self.raw = self.body = raw.rstrip(_ENDS) if raw[-1:] in _ENDS else raw
        self.receipt, self.site, self.source, self.peer = receipt, site, source, peer
        self.meta: Mapping[str, str] = meta or {}
        self.data = data
        self.head = NO_HEADER
        self.syslog_read = False
        self.usual: tuple[Header, str, Callable[[Zone, float], Moment | None] | None] | None = None
        """The header as its reader found it by one search; None: not looked for, or not of that kind."""
        self.header_time: Callable[[Zone, float], Moment | None] | None = None
        self.doubts: list[tuple[str, tuple[tuple[Any, ...], ...]]] = []
        self.tags: list[str] = []
        self.hint_time: str | None = None
        self.hint_host = host

    def syslog_time(self, where: Zone) -> Moment | None:
        """The time of the syslog header; `where` holds when it names no zone."""
        return self.header_time(where, self.receipt) if self.header_time is not None else None

    @property
    def syslog_iso(self) -> str | None:
        """The time of the syslog header as ISO 8601, read in the router's zone for this source."""
        moment = self.syslog_time(self.site)
        return moment.iso if moment is not None else None

    @property
    def received(self) -> str:
        """The receipt time as ISO 8601 in UTC, to the millisecond."""
        return _MILLISECONDS[int(self.receipt * 1000)]

    def assume_zone(self) -> None:
        """A time carried no zone, and nobody has set one for this source."""
        if "_norm_tz_assumed" not in self.tags:
            self.tags.append("_norm_tz_assumed")

    def fail_time(self, field: str, src: Any, names: tuple[tuple[Any, ...], ...]) -> None:
        """No way to read a time worked; that is a doubt only where there was something to read."""
        if any(dig(src, name) not in (None, "") for name in names):
            self.fail(field, names)

    def fail(self, field: str, names: tuple[tuple[Any, ...], ...]) -> None:
        """A value did not fit the type of `field`; `names` are the source paths that it may have come from."""
        self.doubts.append((field, names))

    def restart(self) -> None:
        """Forget what a normalizer that did not accept has said."""
        if self.doubts or self.tags:
            self.doubts, self.tags = [], []
