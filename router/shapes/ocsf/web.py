"""ECS http, url, user_agent and tls to OCSF objects."""

from router.shapes.ocsf.objects import Object, Row, fill, fingerprint, put
from router.shapes.reading import Reading, integer, port, text

_URL = (
    Row("full", "url_string"),
    Row("original", "url_string"),
    Row("domain", "hostname"),
    Row("registered_domain", "domain"),
    Row("subdomain", "subdomain"),
    Row("path", "path"),
    Row("query", "query_string"),
    Row("scheme", "scheme"),
    Row("port", "port", port),
)
METHODS = {"CONNECT": 1, "DELETE": 2, "GET": 3, "HEAD": 4, "OPTIONS": 5, "POST": 6, "PUT": 7, "TRACE": 8, "PATCH": 9}


def url(r: Reading) -> Object | None:
    """A URL has at least its text or a path."""
    mark = r.mark()
    found = fill(r, "url", _URL)
    if "url_string" not in found and "path" not in found and "hostname" in found:
        found["url_string"] = _spelled(found)
    if "url_string" not in found and "path" not in found:
        r.reset(mark)
        return None
    return found


def _spelled(found: Object) -> str:
    scheme = f"{found['scheme']}://" if "scheme" in found else ""
    place = f":{found['port']}" if "port" in found else ""
    query = f"?{found['query_string']}" if "query_string" in found else ""
    return f"{scheme}{found['hostname']}{place}{query}"


_REQUEST = (
    Row("request.id", "uid"),
    Row("request.referrer", "referrer"),
    Row("request.bytes", "length", integer),
    Row("request.body.bytes", "body_length", integer),
    Row("version", "version"),
)
_RESPONSE = (
    Row("response.status_code", "code", integer),
    Row("response.bytes", "length", integer),
    Row("response.body.bytes", "body_length", integer),
    Row("response.mime_type", "content_type"),
)


def request(r: Reading, into: Object) -> None:
    """`http_request` and `http_response` of an event that came by HTTP."""
    asked = fill(r, "http", _REQUEST)
    method = r.get("http.request.method")
    if type(method) is str and method.upper() in METHODS:
        asked["http_method"] = method.upper()
        r.used("http.request.method")
    if (agent := r.take("user_agent.original", text)) is not None:
        asked["user_agent"] = agent
    if (address := url(r)) is not None:
        asked["url"] = address
    if asked:
        into["http_request"] = asked
    if integer(r.get("http.response.status_code")) is not None:
        into["http_response"] = fill(r, "http", _RESPONSE)


def tls(r: Reading) -> Object | None:
    """TLS needs its version."""
    version = r.get("tls.version")
    if not text(version):
        return None
    r.used("tls.version")
    found: Object = {"version": str(version)}
    for path, name in (("tls.cipher", "cipher"), ("tls.client.server_name", "sni")):
        if (value := r.take(path, text)) is not None:
            found[name] = value
    for path, name in (("tls.client.ja3", "ja3_hash"), ("tls.server.ja3s", "ja3s_hash")):
        if (value := r.take(path, text)) is not None:
            found[name] = fingerprint(1, value)
    issuer, serial = r.get("tls.server.issuer"), r.get("tls.server.x509.serial_number")
    if text(issuer) and text(serial):
        r.used("tls.server.issuer", "tls.server.x509.serial_number")
        found["certificate"] = {"issuer": str(issuer), "serial_number": str(serial)}
        if (subject := r.take("tls.server.subject", text)) is not None:
            put(found, "certificate.subject", subject)
    return found
