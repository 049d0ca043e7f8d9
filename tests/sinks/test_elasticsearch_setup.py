"""`logweir setup` for Elasticsearch: what it says of a server that does not answer as it should."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from router.registry import Reference
from sinks._elasticsearch_settings import ElasticsearchSettings
from sinks._elasticsearch_setup import setup
from tests.contract.sink import CANARY


@contextmanager
def answering(status: int) -> Iterator[str]:
    """The URL of a server that answers everything with one status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "remedy"),
    [
        (401, "api_key"),
        (403, "api_key"),
        (404, "by hand"),
        (429, "server is well"),
        (500, "server is well"),
        (503, "server is well"),
    ],
)
async def test_a_server_that_refuses_is_told_with_what_helps(status: int, remedy: str) -> None:
    with answering(status) as url:
        block = {"kind": "elasticsearch", "urls": (url,), "api_key": Reference(CANARY)}
        [step] = await setup("soc", ElasticsearchSettings.model_validate(block), True)
    assert step.state == "failed"
    assert str(status) in step.text
    assert remedy in step.remedy
    assert CANARY not in repr(step)
