"""Prepares an Elasticsearch 8 or 9 cluster: retention, component templates, index template; says which rights are missing."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple

from elastic_transport import TransportError
from elasticsearch import ApiError, AsyncElasticsearch, UnsupportedProductError

from router.errors import Misconfigured
from router.registry import Step
from sinks._elasticsearch_settings import ElasticsearchSettings
from sinks._elasticsearch_templates import fingerprint, stream_patterns, templates, without_failure_store
from sinks._tls import TlsContext

# Version 9 of the client asks for version 9 of the API, which an 8.x server refuses; both server versions know 8.
_JSON = "application/vnd.elasticsearch+json; compatible-with=8"
_ANOTHER_PRODUCT = 501
_RIGHTS = {
    "/_ilm/policy/": "the cluster privilege manage_ilm",
    "/_component_template/": "the cluster privilege manage_index_templates",
    "/_index_template/": "the cluster privilege manage_index_templates",
}


class _Answer(NamedTuple):
    status: int
    body: Any


async def setup(name: str, settings: ElasticsearchSettings, apply: bool) -> Sequence[Step]:
    """Every step up to the first that fails for the connection's sake; with `apply` false nothing is changed."""
    try:
        async with _client(settings) as client:
            return [step async for step in _steps(client, name, settings, apply)]
    except Misconfigured as error:
        return [Step("failed", str(error), "correct the `tls` settings")]


def _client(settings: ElasticsearchSettings) -> AsyncElasticsearch:
    options: dict[str, Any] = {}
    if any(url.startswith("https") for url in settings.urls):
        options["ssl_context"] = TlsContext(settings.tls).get()
    if settings.api_key:
        options["api_key"] = settings.api_key.get_secret_value()
    elif settings.password:
        options["basic_auth"] = (settings.username, settings.password.get_secret_value())
    hosts = [_with_port(url) for url in settings.urls]
    return AsyncElasticsearch(hosts, request_timeout=30, max_retries=1, retry_on_timeout=False, **options)


def _with_port(url: str) -> str:
    """The client wants every port written out."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    port = "" if host.rpartition("]")[2].count(":") else (":443" if scheme == "https" else ":80")
    return f"{scheme}://{host}{port}{slash}{path}"


async def _steps(client: AsyncElasticsearch, name: str, settings: ElasticsearchSettings, apply: bool) -> AsyncIterator[Step]:
    found = await _call(client, "GET", "/")
    yield (step := _connected(found))
    if step.state == "failed":
        return
    async for step in _rights(client, settings):
        yield step
    for path, body in templates(name, settings).items():
        yield (step := await _one(client, path, body, apply))
        if step.state == "failed":
            return


def _connected(found: _Answer) -> Step:
    if found.status == 200 and isinstance(found.body, Mapping):
        return Step("ok", f"connected to Elasticsearch {found.body.get('version', {}).get('number', '?')}")
    if found.status == 0:
        return Step("failed", f"no connection: {found.body}", "check `urls`, the network and `tls`")
    if found.status in (401, 403):
        return Step("failed", f"refused with {found.status}", "check `username` and `password`, or `api_key`")
    if found.status == 429 or (found.status >= 500 and found.status != _ANOTHER_PRODUCT):
        return Step("failed", f"answered {found.status}", "run setup again when the server is well")
    return Step("failed", f"not Elasticsearch: answered {found.status}", "make the templates by hand (OpenSearch)")


async def _rights(client: AsyncElasticsearch, settings: ElasticsearchSettings) -> AsyncIterator[Step]:
    """What the sink itself needs, as far as the server tells (a server without security does not)."""
    wanted = {"index": [{"names": stream_patterns(settings), "privileges": ["auto_configure", "create_doc"]}]}
    answer = await _call(client, "POST", "/_security/user/_has_privileges", wanted)
    if answer.status != 200 or not isinstance(answer.body, Mapping):
        return
    held = answer.body.get("index", {})
    missing = sorted({p for rights in held.values() for p, has in rights.items() if not has})
    if missing:
        remedy = f"grant {', '.join(missing)} on {', '.join(stream_patterns(settings))}"
        yield Step("failed", f"the user may not write: {', '.join(missing)} missing", remedy)
    else:
        yield Step("ok", "the user may write to the streams")


async def _one(client: AsyncElasticsearch, path: str, body: dict[str, Any], apply: bool) -> Step:
    there = await _call(client, "GET", path)
    if there.status not in (200, 404):
        return _failed(path, "cannot be read", there)
    if there.status == 200 and _mark(there.body) == fingerprint(body.get("policy", body)):
        return Step("ok", f"{path} is as it should be")
    verb = "replace" if there.status == 200 else "create"
    if not apply:
        return Step("would", f"{verb} {path}")
    return await _put(client, path, body, verb)


async def _put(client: AsyncElasticsearch, path: str, body: dict[str, Any], verb: str) -> Step:
    done = await _call(client, "PUT", path, body)
    extra = ""
    if done.status == 400 and "data_stream_options" in body.get("template", {}):
        done = await _call(client, "PUT", path, without_failure_store(body))
        extra = ", without failure store: this version has none"
    if done.status == 200:
        return Step("done", f"{verb}d {path}{extra}")
    return _failed(path, f"cannot {verb}", done)


def _mark(answer: Any) -> str:
    """The fingerprint in an answer to GET: a list with one entry (templates), or an object keyed by name (ILM)."""
    try:
        for key, inner in (("component_templates", "component_template"), ("index_templates", "index_template")):
            if key in answer:
                return fingerprint(answer[key][0][inner])
        return fingerprint(next(iter(answer.values()))["policy"])
    except (LookupError, TypeError, AttributeError, StopIteration):
        return ""


def _failed(path: str, what: str, answer: _Answer) -> Step:
    if answer.status in (401, 403):
        right = next(right for prefix, right in _RIGHTS.items() if path.startswith(prefix))
        return Step("failed", f"{path} {what}: not permitted", f"grant the user {right}")
    if answer.status == 0:
        return Step("failed", f"{path} {what}: {answer.body}", "run setup again when the server answers")
    return Step("failed", f"{path} {what}: answered {answer.status} {answer.body}", "check the server's version")


async def _call(client: AsyncElasticsearch, method: str, path: str, body: Any = None) -> _Answer:
    """Status 0 and a reason when there is no answer."""
    headers = {"accept": _JSON} | ({"content-type": _JSON} if body is not None else {})
    try:
        answer = await client.perform_request(method, path, headers=headers, body=body)
    except ApiError as error:
        return _Answer(error.meta.status, error.error)
    except UnsupportedProductError:
        return _Answer(_ANOTHER_PRODUCT, "another product")
    except TransportError as error:
        return _Answer(0, type(error).__name__)
    return _Answer(answer.meta.status, answer.body)
