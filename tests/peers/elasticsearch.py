"""A real Elasticsearch node for tests: built once from Maven Central's artifacts, started on a free loopback port.

Server and HTTP transport are Elastic's own; data stream and ILM fronts are a small plugin (search-engine/SmallApisPlugin).
No security, no TLS, no retention that acts.
"""

import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.peers.presence import CACHE, missing, once

VERSION = os.environ.get("LOGWEIR_ELASTICSEARCH_VERSION", "9.0.4")
_FILES = Path(__file__).with_name("search-engine")
_READY_SECONDS = 120.0


def built(version: str = VERSION) -> tuple[Path, Path]:
    """Where the node is laid out, and the java program to run it with. Skips where it cannot be built."""
    jdk = _jdk(17 if version.startswith("8.") else 21)
    if shutil.which("mvn") is None:
        missing("`mvn` (for Elasticsearch)", "install Maven")
    out = CACHE / f"elasticsearch-{version}"
    with once(out):
        if not (out / "jvm.args").exists():
            _build(out, version, jdk)
    return out, jdk / "bin/java"


def _build(out: Path, version: str, jdk: Path) -> None:
    command = ["bash", str(_FILES / "build.sh"), "elasticsearch", str(out), version]
    done = subprocess.run(command, env=os.environ | {"JAVA_HOME": str(jdk)}, capture_output=True, text=True, timeout=600)
    if done.returncode:
        missing(f"Elasticsearch {version}", f"its build failed: {(done.stdout + done.stderr)[-600:]}")


def _jdk(at_least: int) -> Path:
    """A JDK (with javac) of this release or newer."""
    places = [Path(p) for p in (os.environ.get("JAVA_HOME"), os.environ.get("LOGWEIR_JDK")) if p]
    for place in [*places, *sorted(Path("/usr/lib/jvm").glob("*"))]:
        if (place / "bin/javac").exists() and _release(place) >= at_least:
            return place
    missing(f"a JDK of at least {at_least} (for Elasticsearch)", "install one, or set LOGWEIR_JDK")


def _release(jdk: Path) -> int:
    text = subprocess.run([str(jdk / "bin/javac"), "-version"], capture_output=True, text=True).stdout
    found = re.search(r"javac (\d+)", text)
    return int(found[1]) if found else 0


class Node:
    """One running node."""

    def __init__(self, out: Path, java: Path, data: Path, **settings: str) -> None:
        self._out, self._java, self._data = out, java, data
        self._settings = {"path.data": data, "path.logs": data / "logs", "testpeer.substitute_types": "true"} | settings
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        ports = self._data / "logs/http.ports"  # written once it listens; a killed node leaves the old one
        ports.unlink(missing_ok=True)
        ports.parent.mkdir(parents=True, exist_ok=True)
        options = [f"{key}={value}" for key, value in self._settings.items()]
        with (self._data / "node.log").open("ab") as log:
            command = [
                str(self._java),
                "-XX:TieredStopAtLevel=1",
                f"@{self._out / 'jvm.args'}",
                str(self._out / "home"),
                *options,
            ]
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self._wait(ports)
        self.port = int(ports.read_text().split()[0].rpartition(":")[2])
        self.call("GET", "/_cluster/health?wait_for_status=yellow&timeout=60s")

    def _wait(self, ports: Path) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while not ports.exists() or not ports.read_text().strip():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self._data / "node.log").read_text()[-3000:])
            time.sleep(0.05)

    def stop(self, *, kill: bool = False) -> None:
        if self._process:
            self._process.kill() if kill else self._process.terminate()
            self._process.wait(60)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer. Raises RuntimeError when it is an error."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=70)
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, path, data, {"content-type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {text[:500]!r}")
        return json.loads(text) if text else None

    def documents(self, stream: str) -> list[dict[str, Any]]:
        """Everything that can be searched in a stream."""
        self.call("POST", f"/{stream}/_refresh")
        found = self.call("GET", f"/{stream}/_search?size=1000")
        return [hit | {"_id": hit["_id"]} for hit in found["hits"]["hits"]]

    def clear(self) -> None:
        """Away with streams and templates."""
        self.call("DELETE", "/_data_stream/*?expand_wildcards=all")
        for kind in ("_index_template", "_component_template"):
            names = self.call("GET", f"/{kind}")[kind.lstrip("_") + "s"]
            for name in (entry["name"] for entry in names if "logweir" in entry["name"]):
                self.call("DELETE", f"/{kind}/{name}")


@contextmanager
def running(**settings: str) -> Iterator[Node]:
    """A node with its data in memory."""
    out, java = built()
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="logweir-elasticsearch-", dir=base) as folder:
        node = Node(out, java, Path(folder), **settings)
        try:
            node.start()
            yield node
        finally:
            node.stop()


def ensure() -> None:
    """Fetch and build Elasticsearch."""
    built()
