"""Stand-in for Splunk's management port (REST, Atom): indexes and HEC tokens, as far as `logweir setup` asks. Not Splunk."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

_FEED = (
    '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" xmlns:s="http://dev.splunk.com/ns/rest"'
    ' xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"><title>x</title><opensearch:totalResults>{n}</opensearch:totalResults>'
    "{entries}</feed>"
)
_ENTRY = (
    '<entry><title>{name}</title><link href="{path}/{name}" rel="alternate"/>'
    '<content type="text/xml"><s:dict>{keys}</s:dict></content></entry>'
)
_PATHS = {"data/indexes": "indexes", "data/inputs/http": "tokens"}


class SplunkManagement:
    """Collections by path; `denied` lists those that may not be written; a wrong token is refused."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.collections: dict[str, dict[str, dict[str, str]]] = {"data/indexes": {"main": {}}, "data/inputs/http": {}}
        self.denied: set[str] = set()
        self.writes: list[tuple[str, dict[str, str]]] = []
        self.url = ""

    def answer(self, method: str, path: str, authorization: str, form: dict[str, str]) -> tuple[int, str]:
        if authorization != f"Bearer {self.token}":
            return 401, "<response><messages><msg>call not properly authenticated</msg></messages></response>"
        where = path.partition("/services/")[2] or path.partition("/servicesNS/")[2].split("/", 2)[-1]
        base = next((p for p in _PATHS if where.startswith(p)), "")
        if not base:
            return 200, _FEED.format(n=0, entries="")
        name = unquote(where[len(base) + 1 :])
        if method == "POST":
            return self._write(base, name or form.pop("name"), form)
        entries = self.collections[base]
        wanted = {name: entries[name]} if name in entries else {} if name else entries
        if name and not wanted:
            return 404, "<response/>"
        return 200, _feed(base, wanted)

    def _write(self, base: str, name: str, form: dict[str, str]) -> tuple[int, str]:
        if base in self.denied:
            return 403, "<response><messages><msg>insufficient permission</msg></messages></response>"
        self.writes.append((f"{base}/{name}", form))
        self.collections[base].setdefault(name, {}).update(form)
        return 200, _feed(base, {name: self.collections[base][name]})

    @contextmanager
    def running(self) -> Iterator["SplunkManagement"]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _feed(base: str, entries: dict[str, dict[str, str]]) -> str:
    def keys(values: dict[str, str]) -> str:
        return "".join(f'<s:key name="{escape(k)}">{escape(v)}</s:key>' for k, v in values.items())

    text = "".join(_ENTRY.format(name=escape(n), path=f"/services/{base}", keys=keys(v)) for n, v in entries.items())
    return _FEED.format(n=len(entries), entries=text)


def _handler(management: SplunkManagement) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            size = int(self.headers.get("Content-Length", 0))
            form = {k: v[0] for k, v in parse_qs(self.rfile.read(size).decode()).items()}
            path = urlsplit(self.path).path
            status, text = management.answer(self.command, path, self.headers.get("Authorization", ""), form)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = _serve

        def log_message(self, *_: Any) -> None:
            """Silent."""

    return Handler
