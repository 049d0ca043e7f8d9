"""Elasticsearch (7.16 or newer) and OpenSearch: documents into data streams, by `_bulk`.

Every document goes to the data stream of its dataset (`data_stream`), alerts go to one of their own (`alerts_stream`).
Names are made from facts, never from event content: what is no lower-case letter, digit, dot or underscore becomes `_`,
and past 500 datasets the rest shares `generic`.

A document's `_id` is its Logweir id, so that a repeat is recognised (409) within one backing index; a repeat that falls
after a rollover is stored twice. `document_id: false` saves the lookup and gives that up.

What the answer means, item by item: 200 and 201 delivered; 201 in the failure store redirected; 409 on our own id
duplicate; 429, 5xx and index blocks sent again; 400 dead-lettered with the product's error type. 401, 403 and a missing
index for everything pause the sink. Run `logweir setup` once: it makes the templates that data streams need.

OpenSearch: set `require_data_stream: false`, and make the templates yourself (setup speaks to Elasticsearch only).
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial

import orjson

from router.batch import Facts, Record
from router.protocols import Sink, SinkLimits, WriteResult
from router.registry import Spec
from sinks._elasticsearch_reply import hits, read
from sinks._elasticsearch_settings import ALERT_KINDS, ElasticsearchSettings
from sinks._elasticsearch_setup import setup
from sinks._http import Http, packed
from sinks._splice import answered, id_texts, one_line

MAX_DATASETS = 500
CANARIES = "logweir.canary"
_FILTER = "filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason,items.*.failure_store,error"


class Elasticsearch:
    """Bulk requests spliced from stored documents."""

    def __init__(self, name: str, settings: ElasticsearchSettings) -> None:
        self.limits = SinkLimits(settings.max_records, settings.max_bytes, settings.max_concurrency)
        self._name, self._settings, self._ids = name, settings, settings.document_id
        self._http = Http(settings.urls, settings.tls, settings.timeout_seconds, partial(_authorization, settings))
        self._path = _path(settings)
        self._search = f"/{settings.stream(Facts(dataset=CANARIES))}/_search?ignore_unavailable=true&filter_path=hits.hits,error"
        self._heads: dict[tuple[str, bool], bytes] = {}
        self._is_ocsf = settings.shape == "ocsf"

    async def open(self) -> None:
        await self._http.open(self.limits.max_concurrency)

    async def close(self) -> None:
        await self._http.close()

    async def write(self, records: Sequence[Record]) -> WriteResult:
        return await answered(records, self._send)

    async def found(self, wanted: Mapping[bytes, str]) -> set[bytes]:
        """See Searchable. What was written is found once the index was refreshed, by default within a second."""
        if not wanted:
            return set()
        ids = list(wanted)
        names = [text.decode() for text in id_texts([Record(id, b"", 0.0) for id in ids])] if self._ids else list(wanted.values())
        query = {"ids": {"values": names}} if self._ids else {"terms": {"event.id": names}}
        body = orjson.dumps({"query": query, "size": len(names), "_source": False, "fields": [] if self._ids else ["event.id"]})
        reply = await self._http.post(self._search, body, {"Content-Type": "application/json"})
        places = dict(zip(names, ids, strict=True))
        return {places[name] for name in hits(reply, by_id=self._ids) if name in places}

    async def _send(self, records: Sequence[Record]) -> WriteResult:
        body, headers = packed(self.body(records), self._settings.gzip)
        reply = await self._http.post(self._path, body, {"Content-Type": "application/x-ndjson"} | headers)
        return read(reply, len(records), self._ids)

    def body(self, records: Sequence[Record]) -> bytes:
        """Action line and document line of each record (bulk API of Elasticsearch and OpenSearch)."""
        if self._is_ocsf:
            records = [r._replace(body=_stamped(r)) for r in records]
        body = self._joined(records)
        if body.count(b"\n") != 2 * len(records):
            body = self._joined([r._replace(body=one_line(r.body)) for r in records])
        return body

    def _joined(self, records: Sequence[Record]) -> bytes:
        head = self._head
        if not self._ids:
            return b"".join([part for r in records for part in (head(r.facts), r.body, b"\n")])
        ids = id_texts(records)
        return b"".join([p for r, i in zip(records, ids, strict=True) for p in (head(r.facts), i, b'"}}\n', r.body, b"\n")])

    def _head(self, facts: Facts) -> bytes:
        key = facts.dataset, facts.kind in ALERT_KINDS
        return self._heads.get(key) or self._new_head(key, facts)

    def _new_head(self, key: tuple[str, bool], facts: Facts) -> bytes:
        if len(self._heads) >= MAX_DATASETS:
            facts = facts._replace(dataset="generic")
            key = "generic", key[1]
        tail = '","_id":"' if self._ids else '"}}\n'
        return self._heads.setdefault(key, f'{{"create":{{"_index":"{self._settings.stream(facts)}{tail}'.encode())


def _authorization(settings: ElasticsearchSettings) -> dict[str, str]:
    if settings.api_key:
        return {"Authorization": f"ApiKey {settings.api_key.get_secret_value()}"}
    if settings.username and settings.password:
        pair = f"{settings.username}:{settings.password.get_secret_value()}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


def _path(settings: ElasticsearchSettings) -> str:
    extra = "&require_data_stream=true" if settings.require_data_stream else ""
    return f"/_bulk?{_FILTER}{extra}" + (f"&pipeline={settings.pipeline}" if settings.pipeline else "")


def _stamped(record: Record) -> bytes:
    """A document with the `@timestamp` that data streams want and OCSF does not have."""
    seconds = min(max(record.time, 0.0), 253_402_300_799.0)
    moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return b'{"@timestamp":"%b",%b' % (moment.encode(), record.body[1:]) if record.body != b"{}" else record.body


SPEC: Spec[Sink] = Spec(settings=ElasticsearchSettings, build=Elasticsearch, setup=setup)
