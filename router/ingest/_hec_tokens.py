"""Who may send to a HEC source: tokens, how clients present them, and the tarpit for those who guess."""

import base64
import binascii
import hashlib
import hmac
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from pydantic import Field

from router.ingest import _hec_replies as replies
from router.ingest._hec_events import METADATA
from router.ingest._hec_replies import Refusal
from router.registry import Secret, Settings

TARPIT_FAILURES, TARPIT_WINDOW_SECONDS, TARPIT_SECONDS = 10, 60.0, 60.0
_MAX_ADDRESSES = 10_000


class Token(Settings):
    """One HEC token."""

    name: str = Field(min_length=1)
    """A name of yours; the secret never appears anywhere."""
    secret: Secret
    """What clients send as `Authorization: Splunk <secret>`."""
    enabled: bool = True
    """A disabled token is refused with code 1."""
    ack: bool = False
    """Indexer acknowledgement: requests need a channel, answers carry an ackId."""
    query_string: bool = False
    """Also accept the secret as `?token=`."""
    host: str = ""
    """Default host of its events."""
    index: str = ""
    """Default index of its events."""
    source: str = ""
    """Default source of its events."""
    sourcetype: str = ""
    """Default sourcetype of its events."""
    indexes: tuple[str, ...] = ()
    """Indexes that events may name (others: code 7); empty allows all."""

    def defaults(self) -> dict[str, str]:
        """What the token says about events that do not say it themselves."""
        return {name: getattr(self, name) for name in METADATA}


class Tokens:
    """The tokens of one source. Secrets are kept as SHA-256 and compared in constant time, all of them, every time."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = [(hashlib.sha256(t.secret.get_secret_value().encode()).digest(), t) for t in tokens]

    def of(self, authorization: str | None, query: Mapping[str, str]) -> Token:
        """The enabled token that a request presents. Raises Refusal with the code that Splunk gives."""
        in_query = not authorization and "token" in query
        if not authorization and not in_query:
            raise Refusal(replies.NO_TOKEN)
        token = self._find(query["token"] if in_query else _presented(authorization or ""))
        if token is None:
            raise Refusal(replies.BAD_TOKEN)
        if not token.enabled:
            raise Refusal(replies.TOKEN_DISABLED)
        if in_query and not token.query_string:
            raise Refusal(replies.NO_QUERY_TOKEN)
        return token

    def _find(self, secret: str) -> Token | None:
        digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
        found = [token for known, token in self._tokens if hmac.compare_digest(known, digest)]
        return found[0] if found else None


def _presented(authorization: str) -> str:
    """The secret in an Authorization header: `Splunk SECRET`, or Basic with the secret as password."""
    scheme, _, value = authorization.strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "splunk" and value:
        return value
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode("utf-8", "surrogateescape").partition(":")[2]
        except binascii.Error:
            pass
    raise Refusal(replies.BAD_AUTHORIZATION)


class Tarpit:
    """Counts failures per address: after ten within a minute its bad requests are answered late, for a minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}
        self._until: dict[str, float] = {}

    def failed(self, address: str) -> bool:
        """Count one failure; True when the answer to it has to wait."""
        now = self._clock()
        if self._until.get(address, 0) > now:
            return True
        if len(self._failures) >= _MAX_ADDRESSES:
            self._forget(now)
        recent = self._failures.setdefault(address, deque(maxlen=TARPIT_FAILURES))
        recent.append(now)
        if len(recent) == TARPIT_FAILURES and now - recent[0] <= TARPIT_WINDOW_SECONDS:
            self._until[address] = now + TARPIT_SECONDS
            del self._failures[address]
        return False

    def _forget(self, now: float) -> None:
        """What is old; everything, if that is not enough."""
        self._failures = {a: f for a, f in self._failures.items() if now - f[-1] <= TARPIT_WINDOW_SECONDS}
        self._until = {a: until for a, until in self._until.items() if until > now}
        if len(self._failures) >= _MAX_ADDRESSES:
            self._failures.clear()
