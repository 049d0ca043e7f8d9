"""Splunk HTTP Event Collector (HEC): the stored documents as `event`, with time, host, source, sourcetype and index beside.

Where an event goes is decided by its dataset alone (`routes`, the first that fits). `host` is the document's own
`host.name`, else `host.hostname`, else `observer.name`. `fields._evt_id` carries the Logweir id: HEC recognises no repeats,
so after a timeout an event may be there twice, and `| dedup _evt_id` finds it.

What the answer means: success delivers everything (with `ack: true` only once the indexers say so). A refusal that names
event N delivers what stands before it, dead-letters N and sends the rest again. Refusals for token, channel or index list
pause the sink. Busy, failing or unreadable answers are sent again.

With `ack: true` every connection has a channel of its own, which is asked about on later connections, too, where a balancer
closes it. What is not acknowledged within `ack_timeout_seconds` is sent again on a new channel. A balancer that keeps each
connection with one collector needs the fewest questions.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import orjson

from router.batch import Facts, Record
from router.errors import Retryable
from router.protocols import Sink, SinkLimits, WriteResult
from router.registry import Spec
from sinks._hec_ack import AckLanes
from sinks._hec_reply import Verdict, read, unhealthy
from sinks._hec_settings import SplunkHecSettings, authorization
from sinks._hec_setup import setup
from sinks._http import Http, Reply, Unsent, packed, worst_hope
from sinks._splice import answered, id_texts, name_in, text_in

EVENT, HEALTH = "/services/collector/event", "/services/collector/health"
MAX_DATASETS = 500
_UNSAFE = re.compile(r"[^A-Za-z0-9._:-]")


class SplunkHec:
    """HEC envelopes built around stored documents."""

    def __init__(self, name: str, settings: SplunkHecSettings) -> None:
        waiting = 8 if settings.ack else 1
        self.limits = SinkLimits(settings.max_records, settings.max_bytes, settings.max_concurrency * waiting)
        self._settings = settings
        headers = partial(authorization, settings)
        self._make = partial(Http, tls=settings.tls, timeout_seconds=settings.timeout_seconds, headers=headers)
        self._http = self._make(urls=settings.urls)
        self._lanes: AckLanes | None = None
        self._heads: dict[str, bytes] = {}
        self._shape = settings.shape
        self._default_host = b'"host":%b,' % orjson.dumps(settings.host) if settings.host else b""
        self._seen_healthy: set[str] = set()

    async def open(self) -> None:
        self._lanes = AckLanes(self._settings, self._make) if self._settings.ack else None
        await self._http.open(self._settings.max_concurrency)

    async def close(self) -> None:
        if self._lanes:
            await self._lanes.close()
        await self._http.close()

    async def write(self, records: Sequence[Record]) -> WriteResult:
        return await answered(records, self._send)

    async def _send(self, records: Sequence[Record]) -> WriteResult:
        body = self.body(records)
        data, headers = packed(body, self._settings.gzip)
        headers |= {"Content-Type": "application/json"}
        reader = partial(self._read, len(records), len(body))
        failures = []
        for url in self._http.urls:
            try:
                await self._probe(url)
                return await self._post(url, data, headers, reader)
            except Unsent as error:
                self._seen_healthy.discard(url)
                failures.append(error.reason)
        raise worst_hope(failures)

    async def _post(self, url: str, data: bytes, headers: Mapping[str, str], reader: Callable[[Reply], Verdict]) -> WriteResult:
        if self._lanes:
            return await self._lanes.send(url, EVENT, data, headers, reader)
        return reader(await self._http.request("POST", url, EVENT, data, headers)).result

    def _read(self, count: int, size: int, reply: Reply) -> Verdict:
        if reply.status == 429 or reply.status >= 500:
            self._seen_healthy.discard(reply.url)
        return read(reply, count, size)

    async def _probe(self, url: str) -> None:
        """Ask a url that is new or failed lately for its health. Raises Unsent when it should not be sent to."""
        if url in self._seen_healthy and not self._http.urls.suspect(url):
            return
        try:
            found = unhealthy(await self._http.request("GET", url, HEALTH, None, {}))
        except Retryable as error:
            raise Unsent(error) from error
        if found is not None:
            self._http.urls.failed(url)
            raise Unsent(found)
        self._seen_healthy.add(url)

    def body(self, records: Sequence[Record]) -> bytes:
        """One envelope per record, back to back (HEC, `/services/collector/event`)."""
        ids, host, head = id_texts(records), self._host, self._head
        parts: list[bytes] = []
        for record, text in zip(records, ids, strict=True):
            parts += (b"{", _time(record.time), host(record.body), head(record.facts))
            parts += (record.body, b',"fields":{"_evt_id":"', text, b'"}}')
        return b"".join(parts)

    def _host(self, body: bytes) -> bytes:
        if self._shape != "ecs":
            name = name_in(body, b"device", b"hostname") if self._shape == "ocsf" else text_in(body, b"dvc")
            return b'"host":"%b",' % name if name else self._default_host
        name = name_in(body, b"host") or name_in(body, b"host", b"hostname") or name_in(body, b"observer")
        return b'"host":"%b",' % name if name else self._default_host

    def _head(self, facts: Facts) -> bytes:
        return self._heads.get(facts.dataset) or self._new_head(facts.dataset)

    def _new_head(self, dataset: str) -> bytes:
        if len(self._heads) >= MAX_DATASETS:
            dataset = "generic"
        route, safe = self._settings.route(dataset), _UNSAFE.sub("_", dataset)[:100] or "generic"
        meta = {"source": route.source.replace("{dataset}", safe), "sourcetype": route.sourcetype.replace("{dataset}", safe)}
        meta |= {"index": route.index} if route.index else {}
        return self._heads.setdefault(dataset, orjson.dumps(meta)[1:-1] + b',"event":')


def _time(seconds: float) -> bytes:
    """Plain decimal (Splunk refuses exponents); nothing for what is no time, so that Splunk takes its own."""
    return b'"time":%.6f,' % seconds if math.isfinite(seconds) and 0 <= seconds < 1e11 else b""


SPEC: Spec[Sink] = Spec(settings=SplunkHecSettings, build=SplunkHec, setup=setup)
