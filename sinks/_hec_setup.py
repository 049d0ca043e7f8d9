"""Prepares Splunk for HEC: indexes and token over the management port, and a test of the token at every collector."""

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

from splunklib import client
from splunklib.binding import AuthenticationError, HTTPError

from router.errors import LogweirError
from router.registry import Step
from sinks._hec_reply import failure
from sinks._hec_settings import Management, SplunkHecSettings, authorization
from sinks._http import Http, Reply, Unsent
from sinks._tls import TlsContext

_EVENT = "/services/collector/event"


async def setup(name: str, settings: SplunkHecSettings, apply: bool) -> Sequence[Step]:
    """The indexes that routes name, the token with them in its list, then each collector; with `apply` false only looks."""
    steps: list[Step] = []
    if settings.management:
        steps += await asyncio.to_thread(_managed, settings, settings.management, apply)
    else:
        steps.append(Step("ok", "no `management`: indexes and token are taken as they are"))
    return steps + await _collectors(settings)


async def _collectors(settings: SplunkHecSettings) -> list[Step]:
    http = Http(settings.urls, settings.tls, settings.timeout_seconds, partial(authorization, settings))
    await http.open(1)
    try:
        return [await _collector(http, url) for url in settings.urls]
    finally:
        await http.close()


async def _collector(http: Http, url: str) -> Step:
    """An empty request changes nothing: code 5 (no data) says that the token is good."""
    try:
        reply = await http.request("POST", url, _EVENT, b"", {"X-Splunk-Request-Channel": "00000000-0000-4000-8000-000000000000"})
    except Unsent as error:
        return Step("failed", str(error), "check `urls`, the network and `tls`")
    except LogweirError as error:
        return Step("failed", str(error), "check `urls`, the network and `tls`")
    if reply.status == 400 and b'"code":5' in reply.body.replace(b" ", b""):
        return Step("ok", f"{url} accepts the token")
    return _refused(reply)


def _refused(reply: Reply) -> Step:
    text, _, remedy = str(failure(reply)).partition(": ")[2].partition(": ")
    return Step("failed", text, remedy or "run setup again when the collector answers")


def _managed(settings: SplunkHecSettings, management: Management, apply: bool) -> list[Step]:
    """Blocking: the SDK knows no other way."""
    try:
        service = _service(settings, management)
        return list(_wanted(service, settings, management, apply))
    except AuthenticationError:
        return [Step("failed", f"{management.url} refuses the login", "check `management.token`, or user and password")]
    except ParseError:
        remedy = "check `management.url`: splunkd listens on 8089, other ports are Splunk's web pages or a proxy"
        return [Step("failed", f"{management.url} does not answer as splunkd does", remedy)]
    except (OSError, LogweirError) as error:
        what = getattr(error, "strerror", None) or type(error).__name__
        return [Step("failed", f"{management.url}: {what}", "check `management.url`, the network and `tls`")]


def _service(settings: SplunkHecSettings, management: Management) -> Any:
    parts = urlsplit(management.url)
    options: dict[str, Any] = {"scheme": parts.scheme, "host": parts.hostname, "port": parts.port or 8089, "retries": 0}
    if parts.scheme == "https":
        options |= {"verify": settings.tls.verify, "context": TlsContext(settings.tls).get()}
    if management.token:
        return client.connect(splunkToken=management.token.get_secret_value(), **options)
    assert management.password is not None
    return client.connect(username=management.username, password=management.password.get_secret_value(), **options)


def _wanted(service: Any, settings: SplunkHecSettings, management: Management, apply: bool) -> Iterator[Step]:
    indexes = sorted({route.index for route in settings.routes if route.index})
    for index in indexes:
        yield _index(service, index, apply)
    yield _token(service, settings, management.token_name, indexes, apply)


def _index(service: Any, index: str, apply: bool) -> Step:
    try:
        if index in service.indexes:
            return Step("ok", f"index {index} is there")
        if not apply:
            return Step("would", f"create index {index}")
        service.indexes.create(index)
    except HTTPError as error:
        return _failed(f"index {index}", error, "indexes_edit")
    return Step("done", f"created index {index}")


def _token(service: Any, settings: SplunkHecSettings, name: str, indexes: list[str], apply: bool) -> Step:
    try:
        inputs = client.Collection(service, "data/inputs/http", item=client.Entity)
        found = next((entry for entry in inputs.list() if entry.name in (name, f"http://{name}")), None)
        if found is None:
            return _new_token(inputs, settings, name, indexes, apply)
        return _changed_token(found, settings, name, indexes, apply)
    except HTTPError as error:
        return _failed(f"HEC token {name}", error, "edit_token_http")


def _new_token(inputs: Any, settings: SplunkHecSettings, name: str, indexes: list[str], apply: bool) -> Step:
    if not apply:
        return Step("would", f"create HEC token {name}")
    options: dict[str, Any] = {"token": settings.token.get_secret_value(), "useACK": int(settings.ack), "disabled": 0}
    if indexes:
        options |= {"indexes": ",".join(indexes), "index": indexes[0]}
    inputs.create(name, **options)
    return Step("done", f"created HEC token {name}")


def _changed_token(found: Any, settings: SplunkHecSettings, name: str, indexes: list[str], apply: bool) -> Step:
    content = found.content
    allowed = [i for i in _listed(content.get("indexes")) if i]
    missing = [i for i in indexes if allowed and i not in allowed]
    off = str(content.get("disabled", "0")).lower() in ("1", "true")
    ack = str(content.get("useACK", "0")).lower() in ("1", "true")
    what = [f"allow {', '.join(missing)}"] * bool(missing) + ["enable it"] * off
    what += ["turn acknowledgement " + ("on" if settings.ack else "off")] * (ack != settings.ack)
    if not what:
        return Step("ok", f"HEC token {name} is as it should be")
    if not apply:
        return Step("would", f"change HEC token {name}: {'; '.join(what)}")
    changes: dict[str, Any] = {"useACK": int(settings.ack), "disabled": 0}
    found.update(**changes, **({"indexes": ",".join(allowed + missing)} if missing else {}))
    return Step("done", f"changed HEC token {name}: {'; '.join(what)}")


def _listed(value: Any) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else str(value or "").split(",")


def _failed(what: str, error: HTTPError, capability: str) -> Step:
    if error.status == 401:
        return Step("failed", f"{what}: the login is refused", "check `management.token`, or user and password")
    if error.status == 403:
        return Step("failed", f"{what}: not permitted", f"give the user's role the capability {capability}")
    return Step("failed", f"{what}: answered {error.status}", "check splunkd's own log")
